// The command line of run.mjs.
import { parseArgs } from 'node:util'

export const USAGE = `node bench/run.mjs [names…] [options]

  names             questions by name or prefix; all of them when none is given; 'lanes' for the core alone, 'soak' for the
                    soak; 'rust' for native actors beside other crates and 'savina' for the programs of that suite
                    have options of their own: rust --help, savina --help
  --processes=3     fresh processes per question
  --rounds=7        rounds in each process
  --no-busy         leave out the second measurement in a busy system
  --cores=2         how many cores the throughput is measured on
  --quick           a tenth of the work, one process, three rounds: to see that it runs, not to judge
  --json[=file]     append raw results as JSON lines, to bench/results/ when no file is named
  --list            the questions and their bars`

export function readOptions(argv) {
  // parseArgs has no option whose value may be left out.
  const args = argv.map(arg => arg === '--json' ? '--json=' : arg)
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      processes: { type: 'string' },
      rounds: { type: 'string' },
      cores: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-busy': { type: 'boolean', default: false },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    names: positionals,
    processes: whole('processes', values.processes ?? (values.quick ? '1' : '3')),
    rounds: whole('rounds', values.rounds ?? (values.quick ? '3' : '7')),
    cores: whole('cores', values.cores ?? '2'),
    scale: values.quick ? 0.1 : 1,
    quick: values.quick,
    busy: !values['no-busy'],
    json: values.json,
    list: values.list,
    help: values.help,
  }
}

function whole(name, text) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1 on, not '${text}'`)
  return value
}
