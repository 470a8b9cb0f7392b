// How long until a program can spawn? Import plus createSystem in a fresh process that has loaded nothing else; and
// how large is the addon it loads?
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { promisify } from 'node:util'

const MB = 1024 * 1024
const run = promisify(execFile)

export const questions = [
  {
    name: 'startup',
    title: 'import plus createSystem, a fresh process each',
    unit: 'ms',
    timed: 'inside',
    pollute: false,
    contestants: {
      buskin: { n: 1, library: 'buskin', make: () => startup(`import('buskin')`, 'm.createSystem()', '..') },
      nact: { n: 1, library: 'nact', make: () => startup(`import('nact')`, 'm.start()', '../peers') },
      xstate: { n: 1, library: 'xstate', make: () => startup(`import('xstate')`, 'm.createActor(m.fromTransition(s => s, 0)).start()', '../peers') },
    },
    bars: [{ of: 'buskin', atMost: 15 }],
  },
  {
    name: 'addon',
    title: 'size of the addon',
    unit: 'MB',
    timed: 'inside',
    fresh: true,
    rounds: 1,
    processes: 1,
    contestants: { buskin: { n: 1, library: 'buskin', make: () => ({ run: addonSize, count: () => 1 }) } },
    bars: [{ of: 'buskin', atMost: 2 }],
  },
]

function startup(load, create, from) {
  const source = `const start = performance.now()
    const m = await ${load}
    ${create}
    console.log(performance.now() - start)
    process.exit(0)`
  const cwd = new URL(`${from}/`, import.meta.url)
  return {
    async run() {
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source], { cwd })
      return { value: Number(stdout) }
    },
    count: () => 1,
  }
}

/** Of the addon this process has loaded, wherever the package keeps it. */
function addonSize() {
  process.report.excludeNetwork = true
  const addon = process.report.getReport().sharedObjects.find(path => path.endsWith('.node'))
  if (addon === undefined) throw new Error('no addon is loaded')
  return { value: statSync(addon).size / MB }
}
