// Buskin's native actors beside other Rust crates: builds the two binaries, asks everybody everything, prints a table
// for one thread and one for all. `node bench/rust/run.mjs --help` says how.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { load, machine } from '../harness/machine.mjs'
import { median } from '../harness/numbers.mjs'
import { BARS, FLOORS, OVER_ONE } from './bars.mjs'
import { tables } from './table.mjs'

const HERE = fileURLToPath(new URL('./', import.meta.url))
const MANIFEST = fileURLToPath(new URL('Cargo.toml', import.meta.url))
const LIMIT_MS = 120_000

const USAGE = `node bench/rust/run.mjs [options]

  --questions=a,b     by name; all of them when none is given
  --contestants=a,b   by name
  --threads=both      one, all or both
  --processes=3       sessions; each asks everybody in every round
  --rounds=5          rounds in a session, a fresh process per contestant in each
  --quick             a tenth of the work, one session, two rounds: to see that it runs, not to judge
  --mimalloc          that allocator for everybody, instead of the system's
  --json[=file]       append raw results as JSON lines, to bench/results/ when no file is named
  --list              contestants and questions`

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return say(USAGE)
  const binaries = build(options.mimalloc)
  const known = JSON.parse(execFileSync(binaries.contest, ['list'], { encoding: 'utf8' }))
  if (options.list) return say([...known.contestants, '', ...known.questions.map(({ name, unit }) => `${name} (${unit})`)].join('\n'))

  const contestants = chosen('contestant', options.contestants, known.contestants)
  const names = new Set(chosen('question', options.questions, known.questions.map(({ name }) => name)))
  const questions = known.questions.filter(({ name }) => names.has(name))
  const context = { ...machine(), bench: 'rust', processes: options.processes, rounds: options.rounds, quick: options.quick, allocator: options.mimalloc ? 'mimalloc' : 'system', versions: versions() }
  printContext(context)
  const write = recorder(options.json, context)

  const samples = []
  const reasons = new Map()
  const errors = []
  for (const threads of options.threads) {
    for (const question of questions) {
      write({ type: 'question', name: question.name, threads, load: load() })
      for (const turn of turns(options, contestants)) {
        const key = [threads, question.name, turn.contestant].join()
        if (reasons.has(key)) continue
        progress(`${threads}, ${question.name}, ${turn.contestant} …`)
        const result = await ask(binaries, question.name, turn.contestant, threads, options.quick)
        if (result.none !== undefined) {
          reasons.set(key, result.none)
          write({ type: 'none', threads, question: question.name, contestant: turn.contestant, reason: result.none })
        } else if (result.error !== undefined) {
          errors.push(`${key}, session ${turn.process + 1}, round ${turn.round + 1}: ${result.error}`)
          write({ type: 'error', error: errors.at(-1) })
        } else {
          const sample = { threads, question: question.name, unit: question.unit, ...turn, ...result }
          samples.push(sample)
          write({ type: 'sample', ...sample })
        }
      }
    }
  }
  progress('')

  const rows = options.threads.flatMap(threads => questions.map(question => row(threads, question, contestants, samples, reasons)))
  compareThreads(rows)
  for (const one of rows) write({ type: 'row', ...one })
  say(tables(rows, contestants))
  for (const error of errors) console.error(`thrown away: ${error}`)
  const judged = rows.filter(({ holds }) => holds !== undefined)
  const missed = judged.filter(({ holds }) => !holds)
  say(`\nbars: ${judged.length - missed.length} hold, ${missed.length} fail; runs thrown away: ${errors.length}`)
  if (options.quick) say('--quick: too few and too short rounds to judge by')
  return errors.length > 0 || (missed.length > 0 && !options.quick) ? 1 : 0
}

function readOptions(argv) {
  // parseArgs has no option whose value may be left out.
  const args = argv.map(arg => arg === '--json' ? '--json=' : arg)
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const { values } = parseArgs({
    args,
    options: { questions: text, contestants: text, threads: text, processes: text, rounds: text, json: text, quick: flag, mimalloc: flag, list: flag, help: flag },
  })
  const threads = { one: ['one'], all: ['all'], both: ['one', 'all'] }[values.threads ?? 'both']
  if (threads === undefined) throw new Error(`--threads is one, all or both, not '${values.threads}'`)
  return {
    ...values,
    threads,
    questions: values.questions?.split(','),
    contestants: values.contestants?.split(','),
    processes: whole('processes', values.processes ?? (values.quick ? '1' : '3')),
    rounds: whole('rounds', values.rounds ?? (values.quick ? '2' : '5')),
  }
}

function whole(name, text) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1 on, not '${text}'`)
  return value
}

function chosen(what, wanted, known) {
  const unknown = wanted?.filter(name => !known.includes(name)) ?? []
  if (unknown.length > 0) throw new Error(`no ${what} is called ${unknown.join(', ')}; there are ${known.join(', ')}`)
  return wanted === undefined ? known : known.filter(name => wanted.includes(name))
}

/** Builds both binaries; cargo says where they are. */
function build(mimalloc) {
  const args = ['build', '--release', '--locked', '--manifest-path', MANIFEST, '--message-format=json-render-diagnostics', ...mimalloc ? ['--features', 'mimalloc'] : []]
  const { status, stdout, error } = spawnSync('cargo', args, { cwd: HERE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error('cargo build failed')
  const built = stdout.split('\n').filter(line => line.includes('"executable":"')).map(line => JSON.parse(line))
  return Object.fromEntries(built.map(({ target, executable }) => [target.name, executable]))
}

/** Every contestant once a round, in an order that rotates so that nobody has a fixed neighbour. */
function* turns({ processes, rounds }, contestants) {
  for (let process = 0; process < processes; process++) {
    for (let round = 0; round < rounds; round++) {
      const shift = round % contestants.length
      for (const contestant of [...contestants.slice(shift), ...contestants.slice(0, shift)]) yield { process, round, contestant }
    }
  }
}

/** One fresh process; what it says, or why it is thrown away. */
function ask(binaries, question, contestant, threads, quick) {
  return new Promise(resolve => {
    const binary = question === 'idle' ? binaries.weigh : binaries.contest
    const child = spawn(binary, [contestant, question, threads, quick ? '1' : '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const out = []
    const err = []
    child.stdout.on('data', data => out.push(data))
    child.stderr.on('data', data => err.push(data))
    let late = false
    const limit = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.on('error', error => {
      clearTimeout(limit)
      resolve({ error: error.message })
    })
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      resolve(late ? { error: `no result within ${LIMIT_MS / 1_000} s` } : verdict(code, signal, Buffer.concat(out).toString(), Buffer.concat(err).toString()))
    })
  })
}

function verdict(code, signal, out, err) {
  if (code !== 0) return { error: `it ended with ${signal ?? `code ${code}`}: ${err.trim().split('\n')[0]}` }
  const result = JSON.parse(out)
  return result.right === false ? { error: 'the counts disagree' } : result
}

/** Medians, and the ratio of Buskin to the best peer: within a round, then the median of the sessions' medians. */
function row(threads, { name, unit }, contestants, samples, reasons) {
  const mine = samples.filter(sample => sample.threads === threads && sample.question === name)
  const figures = {}
  for (const contestant of contestants) {
    const values = mine.filter(sample => sample.contestant === contestant).map(({ value }) => value)
    const reason = reasons.get([threads, name, contestant].join())
    figures[contestant] = values.length === 0 ? { reason: reason ?? 'thrown away' } : { value: median(values), low: Math.min(...values), high: Math.max(...values) }
  }
  const peers = contestants.filter(contestant => contestant !== 'buskin' && !FLOORS.has(contestant) && figures[contestant].value !== undefined)
  const best = peers.toSorted((a, b) => figures[a].value - figures[b].value)[0]
  const bar = BARS[threads][name]
  const result = { threads, question: name, unit, figures, best, bar }
  if (best === undefined || figures.buskin?.value === undefined) return result
  const ratio = median([...new Set(mine.map(({ process }) => process))].map(process => median(ratios(mine, process, best))).filter(Number.isFinite))
  const faster = 1 / ratio
  return { ...result, ratio, holds: bar === undefined ? undefined : faster >= (bar.faster ?? 1) && (bar.atMost === undefined || figures.buskin.value <= bar.atMost) }
}

/** All threads may not cost what one thread does not. */
function compareThreads(rows) {
  for (const row of rows.filter(({ threads, holds }) => threads === 'all' && holds !== undefined)) {
    const one = rows.find(({ threads, question }) => threads === 'one' && question === row.question)?.figures.buskin?.value
    if (one === undefined) continue
    row.overOne = row.figures.buskin.value / one
    row.holds &&= row.overOne <= OVER_ONE
  }
}

function ratios(samples, process, best) {
  const session = samples.filter(sample => sample.process === process)
  const of = (contestant, round) => session.find(sample => sample.contestant === contestant && sample.round === round)?.value
  return [...new Set(session.map(({ round }) => round))].map(round => of('buskin', round) / of(best, round)).filter(Number.isFinite)
}

/** The versions in the lock file of what is named in the manifest. */
function versions() {
  const lock = readFileSync(new URL('Cargo.lock', import.meta.url), 'utf8')
  const manifest = readFileSync(new URL('Cargo.toml', import.meta.url), 'utf8')
  const wanted = new Set([...manifest.matchAll(/^([\w-]+) = .*(?:version = |")/gm)].map(([, name]) => name))
  const found = [...lock.matchAll(/name = "([^"]+)"\nversion = "([^"]+)"/g)].filter(([, name]) => wanted.has(name))
  return Object.fromEntries(found.filter(([, name]) => !['buskin-bench-rust', 'futures-util', 'log', 'tracing'].includes(name)).map(([, name, version]) => [name, version]))
}

function printContext({ date, commit, changed, rustc, cpu, cpus, os, load: busy, processes, rounds, allocator, versions: found }) {
  say(`${date.slice(0, 10)}, commit ${commit ?? 'none'}${changed ? ' with changes' : ''}, ${cpu} × ${cpus}, ${os}`)
  say(`rustc ${rustc}, allocator: ${allocator}; ${processes} sessions × ${rounds} rounds, a process each`)
  say(Object.entries(found).map(([name, version]) => `${name} ${version}`).join(', '))
  if (busy > cpus / 2) say(`the machine is not idle (load ${busy.toFixed(1)}): do not trust these times`)
}

/** Appends JSON lines where --json says; nothing without it. */
function recorder(json, context) {
  if (json === undefined) return () => {}
  let file = json
  if (file === '') {
    const folder = new URL('../results/', import.meta.url)
    mkdirSync(folder, { recursive: true })
    file = fileURLToPath(new URL(`${context.date.slice(0, 10)}-rust-${context.commit ?? 'uncommitted'}.jsonl`, folder))
  }
  const write = line => { appendFileSync(file, `${JSON.stringify(line)}\n`) }
  write({ type: 'session', ...context })
  return write
}

function say(text) {
  console.log(text)
  return 0
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
