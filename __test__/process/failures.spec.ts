import test from 'ava'
import { runFixture } from '../support-b.ts'

test('no failure of an actor surfaces in the process', async t => {
  t.timeout(90_000)
  const { code, signal, stdout, stderr } = await runFixture('failures.mjs')
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  const { stats } = JSON.parse(stdout)
  t.is(stats.sent, stats.handled + stats.failed + stats.deadLetters)
  t.is(stats.actors, 0)
})

test('no failure of an actor surfaces when Node is strict about rejections', async t => {
  t.timeout(90_000)
  const { code, stderr } = await runFixture('failures.mjs', { execArgv: ['--unhandled-rejections=strict'] })
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
})

test('Buskin leaves the handlers of signals, exit, exceptions and rejections of the process alone', async t => {
  t.timeout(90_000)
  const { stdout } = await runFixture('failures.mjs')
  t.is(JSON.parse(stdout).same, true)
})

test("a rejection that a handler left behind is the process's, by Node's default", async t => {
  t.timeout(90_000)
  const { code, stdout, stderr } = await runFixture('stray.mjs')
  t.is(code, 1)
  t.regex(stderr, /left behind/)
  t.is(stdout, '')
})

const plainEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_ENV|NODE_TEST_CONTEXT|AVA_.*|VITEST.*|JEST_.*|BUSKIN_.*)$/.test(name)))

test('a failure is logged on stderr when nothing is said about the log', async t => {
  t.timeout(90_000)
  const { code, stdout, stderr } = await runFixture('logging.mjs', { env: plainEnv })
  t.deepEqual({ code, stdout }, { code: 0, stdout: '' })
  t.regex(stderr, /\/fragile/)
  t.regex(stderr, /boom/)
})

for (const [runner, env] of Object.entries({ ava: { NODE_ENV: 'test' }, 'node:test': { NODE_TEST_CONTEXT: 'child' }, vitest: { VITEST: 'true' }, jest: { JEST_WORKER_ID: '1' } })) {
  test(`the log is silent by default under ${runner}`, async t => {
    t.timeout(90_000)
    const { code, stdout, stderr } = await runFixture('logging.mjs', { env: { ...plainEnv, ...env } })
    t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
  })
}

test('log: false is silent', async t => {
  t.timeout(90_000)
  const { code, stdout, stderr } = await runFixture('logging.mjs', { args: ['false'], env: plainEnv })
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
})
