import test from 'ava'
import { runFixture } from '../support-b.ts'

for (const place of ['top', 'timeout', 'microtask', 'handler', 'async handler', 'timer', 'stream', 'watch', 'listener', 'onStop', 'shutdown', 'ask reply']) {
  test(`process.exit() in mid-flight ends the process with its code: ${place}`, async t => {
    t.timeout(90_000)
    const { code, signal, stderr } = await runFixture('exit.mjs', { args: [place], limit: 30_000 })
    t.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' })
  })
}

test('an exception of the user in mid-flight ends the process as in any other program', async t => {
  t.timeout(90_000)
  const { code, signal, stderr } = await runFixture('exit.mjs', { args: ['throw'], limit: 30_000 })
  t.deepEqual({ code, signal }, { code: 1, signal: null })
  t.regex(stderr, /thrown by the user/)
})

test('systems in worker threads work, and their threads end by themselves', async t => {
  t.timeout(120_000)
  const { code, signal, stdout, stderr } = await runFixture('workers.mjs', { args: ['quiet', '6'] })
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  t.deepEqual(JSON.parse(stdout), { codes: Array(6).fill(0), lasts: Array(6).fill(1000), sent: Array(6).fill(1000) })
})

test('worker threads with busy systems can be terminated twenty times, and the system of the main thread goes on', async t => {
  t.timeout(180_000)
  const { code, signal, stdout, stderr } = await runFixture('workers.mjs', { args: ['terminate', '20'], limit: 120_000 })
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  t.deepEqual(JSON.parse(stdout), { codes: Array(20).fill(1), own: 21 })
})

test('worker threads can be terminated while their systems are being made', async t => {
  t.timeout(180_000)
  const { code, signal, stdout, stderr } = await runFixture('workers.mjs', { args: ['terminate at once', '20'], limit: 120_000 })
  t.deepEqual({ code, signal, stderr, stdout: stdout.trim() }, { code: 0, signal: null, stderr: '', stdout: '"survived"' })
})

test('process.exit() while worker threads have busy systems ends the process with its code', async t => {
  t.timeout(180_000)
  const { code, signal, stdout, stderr } = await runFixture('workers.mjs', { args: ['exit while busy', '4'], limit: 120_000 })
  t.deepEqual({ code, signal, stderr, stdout: stdout.trim() }, { code: 3, signal: null, stderr: '', stdout: '"exiting"' })
})

test('1,000 systems made and shut down leave memory, handles, files and threads where they were', async t => {
  t.timeout(300_000)
  const { code, signal, stdout, stderr } = await runFixture('growth.mjs', { args: ['1000'], execArgv: ['--expose-gc'], limit: 240_000 })
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  const more = JSON.parse(stdout)
  t.deepEqual({ handles: more.handles, files: more.files, threads: more.threads }, { handles: 0, files: 0, threads: 0 })
  t.true(more.heapUsed < 1_000_000, `heap: ${more.heapUsed}`)
  t.true(more.external < 1_000_000, `external: ${more.external}`)
  t.true(more.rss < 24_000_000, `rss: ${more.rss}`)
})
