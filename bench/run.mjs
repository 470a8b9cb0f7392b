// Runs the questions under bench/questions and prints one table. `node bench/run.mjs --help` says how.
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from './harness/judge.mjs'
import { load, machine } from './harness/machine.mjs'
import { USAGE, readOptions } from './harness/options.mjs'
import { installPeers } from './harness/peers.mjs'
import { askQuestion } from './harness/session.mjs'
import { table } from './harness/table.mjs'
import { questions } from './questions/index.mjs'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Names that are not questions: programs of their own. */
const PROGRAMS = {
  rust: [process.execPath, [fileURLToPath(new URL('rust/run.mjs', import.meta.url))]],
  lanes: ['cargo', ['bench', '-p', 'buskin-core', '--bench', 'lanes']],
  soak: [process.execPath, ['--expose-gc', fileURLToPath(new URL('soak.mjs', import.meta.url))]],
  savina: [process.execPath, [fileURLToPath(new URL('savina/run.mjs', import.meta.url))]],
}

async function main() {
  const [first, ...rest] = process.argv.slice(2)
  if (first === 'savina' || first === 'rust') return runProgram(first, rest) ? 0 : 1 // they have options of their own
  const options = optionsOrExit()
  if (typeof options === 'number') return options
  const { chosen, programs, unknown } = choose(options.names)
  if (unknown.length > 0) {
    console.error(`no question is called ${unknown.join(', ')}; --list shows them`)
    return 2
  }

  process.env.BUSKIN_BENCH_CORES = String(options.cores) // for the question that reads it, here and in the children

  let failed = false
  for (const name of programs) failed = !runProgram(name) || failed
  if (chosen.length === 0) return failed ? 1 : 0

  if (needsPeers(chosen) && !installPeers()) console.error('peers could not be installed (offline?): going on without them')
  const context = { ...machine(), processes: options.processes, rounds: options.rounds, cores: options.cores, quick: options.quick }
  printContext(context)
  const write = recorder(options, context)

  const rows = []
  const errors = []
  for (const question of chosen) {
    progress(`${question.name} …`)
    write({ type: 'question', name: question.name, load: load() })
    const session = await askQuestion(question, options, sample => { write({ type: 'sample', ...sample }) })
    const judged = judge(question, session)
    for (const row of judged) write({ type: 'row', ...row })
    for (const error of session.errors) write({ type: 'error', error })
    rows.push(...judged)
    errors.push(...session.errors)
  }
  progress('')

  console.log(table(rows))
  for (const error of errors) console.error(`thrown away: ${error}`)
  const missed = rows.filter(row => row.holds === false)
  const held = rows.filter(row => row.holds === true)
  console.log(`\nbars: ${held.length} hold, ${missed.length} fail; runs thrown away: ${errors.length}`)
  if (options.quick) console.log('--quick: too few and too short rounds to judge by')
  return failed || errors.length > 0 || (missed.length > 0 && !options.quick) ? 1 : 0
}

function optionsOrExit() {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options.help) {
      console.log(USAGE)
      return 0
    }
    if (options.list) {
      for (const { name, title } of questions) console.log(`${name.padEnd(20)}${title}`)
      return 0
    }
    return options
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

/** A name chooses the question that has it, else every question that begins with it. */
function choose(names) {
  if (names.length === 0) return { chosen: questions, programs: [], unknown: [] }
  const chosen = new Set()
  const programs = []
  const unknown = []
  for (const name of names) {
    const exact = questions.filter(question => question.name === name)
    const matching = exact.length > 0 ? exact : questions.filter(question => question.name.startsWith(name))
    if (name in PROGRAMS) programs.push(name)
    else if (matching.length === 0) unknown.push(name)
    else for (const question of matching) chosen.add(question)
  }
  return { chosen: [...chosen], programs, unknown }
}

function runProgram(name, more = []) {
  const [command, args] = PROGRAMS[name]
  const { status, error } = spawnSync(command, [...args, ...more], { cwd: ROOT, stdio: 'inherit' })
  if (error !== undefined) console.error(`${name}: ${error.message}`)
  return status === 0
}

const needsPeers = chosen => chosen.some(({ contestants }) =>
  Object.values(contestants).some(({ library }) => library === 'nact' || library === 'xstate'))

function printContext({ date, commit, changed, node, v8, rustc, cpu, cpus, os, load: busy, processes, rounds }) {
  console.log(`${date.slice(0, 10)}, commit ${commit ?? 'none'}${changed ? ' with changes' : ''}, ${cpu} × ${cpus}, ${os}`)
  console.log(`Node ${node} (V8 ${v8})${rustc === null ? '' : `, rustc ${rustc}`}; ${processes} processes × ${rounds} rounds`)
  if (busy > cpus / 2) console.log(`the machine is not idle (load ${busy.toFixed(1)}): do not trust these times`)
  console.log()
}

/** Appends JSON lines where --json says; nothing without it. */
function recorder({ json }, context) {
  if (json === undefined) return () => {}
  let file = json
  if (file === '') {
    const folder = new URL('results/', import.meta.url)
    mkdirSync(folder, { recursive: true })
    file = fileURLToPath(new URL(`${context.date.slice(0, 10)}-${context.commit ?? 'uncommitted'}.jsonl`, folder))
  }
  const write = line => { appendFileSync(file, `${JSON.stringify(line)}\n`) }
  write({ type: 'session', ...context })
  return write
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

process.exitCode = await main()
