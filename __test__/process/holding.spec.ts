import test from 'ava'
import { runFixture } from '../support-b.ts'

for (const [mode, promise, expected] of [
  ['idle actors', 'a thousand idle actors do not hold the process', ['exit']],
  ['unread stream', 'a stream that its reader left lying does not hold the process', ['exit']],
  ['never read stream', 'a stream that nobody reads does not hold the process', ['exit']],
  ['stream with a reader', 'a stream whose reader waits holds the process', ['item 2', 'exit']],
  ['timer', 'a timer holds the process until it has run', ['fired', 'exit']],
  ['unrefed timer', 'an unrefed after does not hold the process', ['exit']],
  ['timer refed again', 'an after that is refed again holds the process', ['fired', 'exit']],
  ['unrefed every', 'an unrefed every does not hold the process', ['exit']],
  ['cancelled timer', 'a cancelled after does not hold the process', ['exit']],
  ['timer of a stopped actor', 'an after of a stopped actor does not hold the process', ['exit']],
  ['open ask', 'an open ask holds the process until it has timed out', ['ERR_BUSKIN_TIMEOUT', 'exit']],
  ['told message', 'a told message holds the process until it is handled', ['handled', 'exit']]
] as const) {
  test(promise, async t => {
    t.timeout(90_000)
    const { code, signal, stdout, stderr } = await runFixture('holding.mjs', { args: [mode], limit: 30_000 })
    t.deepEqual({ code, signal, stderr, lines: stdout.trim().split('\n') }, { code: 0, signal: null, stderr: '', lines: [...expected] })
  })
}

test('an unrefed every ticks while a refed timer holds the process', async t => {
  t.timeout(90_000)
  const { code, stdout } = await runFixture('holding.mjs', { args: ['unrefed beside refed'], limit: 30_000 })
  const lines = stdout.trim().split('\n')
  t.is(code, 0)
  t.true(lines.includes('tick'))
  t.deepEqual(lines.filter(line => line !== 'tick'), ['fired', 'exit'])
})
