// Programs 1 to 10 of the Savina suite, in JavaScript and with native actors: a process for each program, mode and round.
import { execFile } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { load, machine } from '../harness/machine.mjs'
import { median, sorted } from '../harness/numbers.mjs'
import { readRegistry } from './models.mjs'
import { buildNative } from './native.mjs'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))
const LIMIT_MS = 180_000
const NATIVE = new Set(['nativeOne', 'nativeAll'])
const { programs } = readRegistry()

const USAGE = `node bench/run.mjs savina [options]

  --only=a,b        programs by name: ${programs.map(({ name }) => name).join(', ')}
  --rounds=5        a process for each program, mode and round
  --cores=N         how many cores, and native threads, 'all' are; as many as there are CPUs when not given
  --any             on all cores it is left to the system where actors in JavaScript live
  --deal            native actors without a parent are dealt out to all threads, instead of living together
  --js              without native actors: cargo is not needed
  --quick           a tenth of the work, one round: to see that it runs, not to judge
  --json[=file]     append raw results as JSON lines, to bench/results/ when no file is named`

function readOptions(argv) {
  const { values } = parseArgs({
    args: argv.map(arg => arg === '--json' ? '--json=' : arg), // parseArgs has no option whose value may be left out
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      cores: { type: 'string' },
      any: { type: 'boolean', default: false },
      deal: { type: 'boolean', default: false },
      js: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const names = values.only?.split(',')
  const unknown = names?.filter(name => programs.every(program => program.name !== name)) ?? []
  if (unknown.length > 0) throw new Error(`no program is called ${unknown.join(', ')}`)
  const cores = whole('cores', values.cores ?? String(Math.min(62, availableParallelism())), 62)
  return {
    chosen: programs.filter(({ name }) => names?.includes(name) ?? true),
    rounds: whole('rounds', values.rounds ?? (values.quick ? '1' : '5'), 1_000),
    // what child.mjs is told, the layout and the number of cores; and the native program, the number of threads and the layout
    modes: {
      one: ['0', '0'],
      all: [values.any ? 'any' : String(cores), String(cores)],
      ...values.js ? {} : { nativeOne: ['1', 'together'], nativeAll: [String(cores), values.deal ? 'dealt' : 'together'] },
    },
    cores,
    any: values.any,
    deal: values.deal,
    js: values.js,
    // the size before the clock, which compiles and loads what there is to load, is a tenth of the one that counts
    sizes: values.quick ? ['quick', 'small'] : ['default', 'quick'],
    quick: values.quick,
    json: values.json,
    help: values.help,
  }
}

function whole(name, text, most) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`--${name} must be a whole number from 1 to ${most}, not '${text}'`)
  return value
}

/** One process; resolves with `{ ms, messages, actors }` or `{ error }`. */
function runChild(name, mode, { modes, sizes, native }) {
  const [program, args] = NATIVE.has(mode)
    ? [native, [...modes[mode], ...sizes, name]]
    : [process.execPath, ['--expose-gc', CHILD, name, ...modes[mode], ...sizes]]
  return new Promise(resolve => {
    execFile(program, args, { timeout: LIMIT_MS, killSignal: 'SIGKILL' }, (error, out, err) => {
      if (error === null) resolve(JSON.parse(out))
      else resolve({ error: error.killed ? `no result within ${LIMIT_MS / 1_000} s` : err.trim() || error.message })
    })
  })
}

async function measure(options, write) {
  const samples = []
  const errors = []
  for (let round = 0; round < options.rounds; round++) {
    for (const { name } of options.chosen) {
      const modes = Object.keys(options.modes)
      for (const mode of round % 2 === 0 ? modes : modes.toReversed()) { // none is always the first
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name} …`)
        const result = await runChild(name, mode, options)
        if (result.error === undefined) samples.push({ program: name, mode, round, ...result })
        else errors.push(`${name}, ${mode}, round ${round + 1}: ${result.error}`)
        write({ type: result.error === undefined ? 'sample' : 'error', program: name, mode, round, ...result })
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  return { samples, errors }
}

/** The figures of one program in one mode; undefined when no run counted. */
function figures(program, mode, samples) {
  const mine = samples.filter(sample => sample.program === program.name && sample.mode === mode)
  if (mine.length === 0) return undefined
  const times = mine.map(({ ms }) => ms)
  const { messages, actors } = mine[0]
  const ms = median(times)
  return { ms, low: sorted(times)[0], high: sorted(times).at(-1), ns: ms * 1e6 / (program.per === 'actor' ? actors : messages), messages, actors }
}

const HEADS = {
  one: ['one isolate', 'min … max', 'each'],
  all: ['all cores', 'min … max', 'each'],
  nativeOne: ['native, one', 'min … max', 'each'],
  nativeAll: ['native, all', 'min … max', 'each'],
}

function table(rows, modes) {
  const head = ['program', ...modes.flatMap(mode => HEADS[mode]), 'per', 'messages']
  const cells = rows.map(row => {
    const messages = modes.map(mode => row[mode]).find(found => found !== undefined)?.messages
    return [row.title, ...modes.flatMap(mode => columns(row[mode])), row.per, messages?.toLocaleString('en') ?? '']
  })
  const widths = head.map((name, i) => Math.max(name.length, ...cells.map(line => line[i].length)))
  const line = values => values.map((value, i) => i === 0 || i === head.length - 2 ? value.padEnd(widths[i]) : value.padStart(widths[i])).join('  ').trimEnd()
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

function columns(found) {
  if (found === undefined) return ['', '', '']
  return [`${found.ms.toFixed(1)} ms`, `${found.low.toFixed(0)} … ${found.high.toFixed(0)}`, `${found.ns.toFixed(0)} ns`]
}

/** Appends JSON lines where --json says; nothing without it. */
function recorder({ json }, context) {
  if (json === undefined) return () => {}
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = json === '' ? fileURLToPath(new URL(`${context.date.slice(0, 10)}-${context.commit ?? 'uncommitted'}-savina.jsonl`, folder)) : json
  const write = line => { appendFileSync(file, `${JSON.stringify(line)}\n`) }
  write({ type: 'session', ...context })
  return write
}

async function main() {
  let options
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const { rounds, cores, any, deal, js, quick } = options
  const context = { ...machine(), suite: 'savina', rounds, cores, any, deal, js, quick }
  console.log(`${context.date.slice(0, 10)}, commit ${context.commit ?? 'none'}${context.changed ? ' with changes' : ''}, ${context.cpu} × ${context.cpus}, Node ${context.node}`)
  console.log(`${rounds} rounds; all cores: ${cores} beside the main isolate${any ? ', placed by the system' : ''}${js ? '' : `; native: 1 and ${cores} core threads${deal ? ', dealt out' : ''}`}`)
  if (load() > context.cpus / 2) console.log(`the machine is not idle (load ${load().toFixed(1)}): do not trust these times`)
  const native = js ? null : buildNative()
  const write = recorder(options, context)
  const { samples, errors } = await measure({ ...options, native }, write)
  const modes = Object.keys(options.modes)
  const rows = options.chosen.map(program => ({ ...program, ...Object.fromEntries(modes.map(mode => [mode, figures(program, mode, samples)])) }))
  for (const row of rows) write({ type: 'row', program: row.name, per: row.per, ...Object.fromEntries(modes.map(mode => [mode, row[mode]])) })
  console.log(`\n${table(rows, modes)}`)
  for (const error of errors) console.error(`thrown away: ${error}`)
  if (quick) console.log('--quick: too few and too short rounds to judge by')
  return errors.length > 0 ? 1 : 0
}

process.exitCode = await main()
