// What threads of a pool do to the end of their process.
import { execFile } from 'node:child_process'
import test from 'ava'

const prelude = `
import { Pool } from './src/cores/pool.ts'
import { systemOptions } from './src/options.ts'
const say = (text) => process.stdout.write(text + ';')
process.on('exit', () => say('exit'))
let onStarted
const started = new Promise((resolve) => { onStarted = resolve })
const pool = (plan) => new Pool({
  system: 'shop', cores: 2, entry: new URL('./__test__/fixtures/core.mjs', import.meta.url),
  settings: systemOptions({ core: { execArgv: [] } }, () => false).core,
  payload: () => ({ data: { plan } }),
  events: { onStarted, onLost() { say('lost') }, onStopped(n, detail) { say('stopped ' + detail) }, onExceeded() {} },
})
async function running(plan) {
  const made = pool(plan)
  made.ensure(1)
  const held = setInterval(() => {}, 1_000)
  await started
  clearInterval(held)
  return made
}
`

function run(code: string): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  const args = ['--import', './scripts/ts.mjs', '--input-type=module', '-e', prelude + code]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: process.cwd(), timeout: 30_000, killSignal: 'SIGKILL' }, (error, out, err) => {
      resolve({ code: error?.code ?? error?.signal ?? 0, out, err })
    })
  })
}

for (const [name, code, out] of [
  ['a core that runs does not hold the process', "await running('idle')", 'exit;'],
  ['a core that starts does not hold the process', "pool('idle').ensure(1)", 'exit;'],
  ['a core in an endless loop does not hold the process', "await running('loop')", 'exit;'],
  ['whoever waits for the end of a core gets it', "await (await running('idle')).stopAll(); say('end')", 'stopped undefined;end;exit;'],
  ['whoever waits for the end of a deaf core gets it after the grace', "await (await running('deaf')).stop(1, 20); say('end')", 'stopped did not end within 20 ms;end;exit;'],
  ['whoever waits for the end of a killed core gets it', "const made = await running('idle'); await Promise.all([made.stopAll(), made.kill(1, 'killed')]); say('end')", 'stopped killed;end;exit;'],
] as const) {
  test(name, async (t) => {
    t.deepEqual(await run(code), { code: 0, out, err: '' })
  })
}
