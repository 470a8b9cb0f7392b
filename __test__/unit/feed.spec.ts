import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { BuskinError } from '../../src/errors.ts'
import { FeedHub } from '../../src/feed.ts'
import type { FeedIterator, Subscription } from '../../src/feed.ts'
import type { Logger } from '../../src/logger.ts'

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

function setUp(capacity?: number) {
  const log: Line[] = []
  const changes: boolean[] = []
  const at =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void log.push({ level, message, fields: fields as Record<string, unknown> })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const hub = new FeedHub<number>({
    name: 'events',
    log: logger,
    onActiveChange: (active) => changes.push(active),
    ...(capacity === undefined ? {} : { capacity }),
  })
  return { hub, feed: hub.feed, log, changes }
}

/** What is left of `reader` once its feed has ended. */
async function rest<T>(reader: FeedIterator<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of reader) values.push(value)
  return values
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

// ---------------------------------------------------------------------------------------------- listeners

test('listeners hear every value before publish returns, in the order they came', (t) => {
  const { hub, feed } = setUp()
  const heard: string[] = []
  feed.on((value) => heard.push(`a${value}`))
  feed.on((value) => heard.push(`b${value}`))
  hub.publish(1)
  hub.publish(2)
  t.deepEqual(heard, ['a1', 'b1', 'a2', 'b2'])
})

test('a function that listens twice is called twice, and each subscription ends one', (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  const listener = (value: number) => void heard.push(value)
  const first = feed.on(listener)
  feed.on(listener)
  hub.publish(1)
  first.cancel()
  hub.publish(2)
  t.deepEqual(heard, [1, 1, 2])
})

test('cancel ends a listener and tells whether it was still active', (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  const subscription = feed.on((value) => heard.push(value))
  t.true(subscription.active)
  t.true(subscription.cancel())
  t.false(subscription.active)
  t.false(subscription.cancel())
  hub.publish(1)
  t.deepEqual(heard, [])
})

test('disposing a subscription ends it', (t) => {
  const { feed, hub } = setUp()
  const subscription = feed.on(() => t.fail())
  subscription[Symbol.dispose]()
  subscription[Symbol.dispose]()
  hub.publish(1)
  t.false(subscription.active)
})

test('a listener that throws is logged and stops neither the others nor itself', (t) => {
  const { hub, feed, log } = setUp()
  const error = new Error('boom')
  const heard: number[] = []
  feed.on(() => {
    throw error
  })
  feed.on((value) => heard.push(value))
  hub.publish(1)
  hub.publish(2)
  t.deepEqual(heard, [1, 2])
  t.is(log.length, 2)
  t.like(log[0], { level: 'error', message: "a listener of the feed 'events' failed", fields: { error } })
})

test('a listener that rejects is logged and leaves no rejection behind', async (t) => {
  const { hub, feed, log } = setUp()
  feed.on(async () => {
    throw new Error('later')
  })
  feed.on((() => ({
    get then(): never {
      throw new Error('at once')
    },
  })) as unknown as () => void)
  hub.publish(1)
  await turn()
  t.deepEqual(log.map(({ fields }) => (fields['error'] as Error).message).sort(), ['at once', 'later'])
})

test('a logger that throws does not disturb a feed', (t) => {
  const bad = () => {
    throw new Error('no log')
  }
  const hub = new FeedHub<number>({ name: 'events', log: { debug: bad, info: bad, warn: bad, error: bad } })
  hub.feed.on(bad)
  const heard: number[] = []
  hub.feed.on((value) => heard.push(value))
  t.notThrows(() => hub.publish(1))
  t.deepEqual(heard, [1])
})

test('a listener that comes during a value hears the next one first', (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  let once = false
  feed.on(() => {
    if (!once) feed.on((value) => heard.push(value))
    once = true
  })
  hub.publish(1)
  t.deepEqual(heard, [])
  hub.publish(2)
  t.deepEqual(heard, [2])
})

test('a listener cancelled during a value does not hear it any more', (t) => {
  const { hub, feed } = setUp()
  const heard: string[] = []
  const doomed: Subscription[] = []
  feed.on(() => doomed.forEach((subscription) => subscription.cancel()))
  doomed.push(feed.on(() => heard.push('second')))
  feed.on(() => heard.push('third'))
  hub.publish(1)
  t.deepEqual(heard, ['third'])
})

test('a listener that cancels itself keeps the next one from missing anything', (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  const first = feed.on(() => first.cancel())
  feed.on((value) => heard.push(value))
  hub.publish(1)
  hub.publish(2)
  t.deepEqual(heard, [1, 2])
})

test('a value published by a listener comes second for every listener', (t) => {
  const { hub, feed } = setUp()
  const heard: string[] = []
  feed.on((value) => {
    heard.push(`a${value}`)
    if (value === 1) {
      hub.publish(2)
      feed.on((later) => heard.push(`late${later}`))
    }
  })
  feed.on((value) => heard.push(`b${value}`))
  hub.publish(1)
  t.deepEqual(heard, ['a1', 'b1', 'a2', 'b2'])
})

test('a listener that is no function is refused by name', (t) => {
  const { feed } = setUp()
  for (const listener of [undefined, null, {}, 'x']) {
    const error = t.throws(() => feed.on(listener as unknown as () => void))
    t.true(BuskinError.is(error, 'ERR_BUSKIN_OPTION'))
    t.regex(error.message, /'listener'/)
  }
})

test("the user's end of a feed can listen and iterate, and nothing else", (t) => {
  const { feed } = setUp()
  t.deepEqual(Reflect.ownKeys(feed), ['on', Symbol.asyncIterator])
  t.true(Object.isFrozen(feed))
  const { on } = feed
  t.true(on(() => {}).active)
})

// ------------------------------------------------------------------------------------------------ active

test('a feed is active while anybody listens or reads, and says when that changes', async (t) => {
  const { hub, feed, changes } = setUp()
  t.false(hub.active)
  const first = feed.on(() => {})
  const second = feed.on(() => {})
  t.true(hub.active)
  first.cancel()
  second.cancel()
  t.false(hub.active)
  const reader = feed[Symbol.asyncIterator]()
  t.true(hub.active)
  await reader.return()
  await reader.return()
  t.deepEqual(changes, [true, false, true, false])
})

// ---------------------------------------------------------------------------------------------- iterators

test('a reader gets every value since it began, asked for before or after', async (t) => {
  const { hub, feed } = setUp()
  hub.publish(0)
  const reader = feed[Symbol.asyncIterator]()
  const asked = [reader.next(), reader.next()]
  hub.publish(1)
  hub.publish(2)
  hub.publish(3)
  t.deepEqual(await Promise.all(asked), [
    { done: false, value: 1 },
    { done: false, value: 2 },
  ])
  t.deepEqual(await reader.next(), { done: false, value: 3 })
  t.is(reader.missed, 0)
})

test('readers do not take values from each other or from listeners', async (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  const readers = [feed[Symbol.asyncIterator](), feed[Symbol.asyncIterator]()]
  feed.on((value) => heard.push(value))
  hub.publish(1)
  hub.publish(2)
  hub.end()
  for (const reader of readers) t.deepEqual(await rest(reader), [1, 2])
  t.deepEqual(heard, [1, 2])
})

test('a reader holds 1,024 values by default', async (t) => {
  const { hub, feed } = setUp()
  const reader = feed[Symbol.asyncIterator]()
  for (const value of numbers(0, 1_024)) hub.publish(value)
  t.is(reader.missed, 0)
  hub.publish(1_024)
  t.is(reader.missed, 1)
  hub.end()
  t.deepEqual(await rest(reader), numbers(1, 1_025))
})

test('a slow reader loses the oldest values, and counts them', async (t) => {
  const { hub, feed } = setUp(4)
  const reader = feed[Symbol.asyncIterator]()
  for (const value of numbers(0, 1_000)) hub.publish(value)
  t.is(reader.missed, 996)
  t.is((await reader.next()).value, 996)
  for (const value of numbers(1_000, 1_002)) hub.publish(value)
  t.is(reader.missed, 997)
  hub.end()
  t.deepEqual(await rest(reader), numbers(998, 1_002))
})

test('a reader that stays behind without losing gets all in order', async (t) => {
  const { hub, feed } = setUp(4)
  const reader = feed[Symbol.asyncIterator]()
  const values: number[] = []
  for (const value of numbers(0, 100)) {
    hub.publish(value)
    if (value >= 3) values.push((await reader.next()).value as number)
  }
  hub.end()
  t.deepEqual([...values, ...(await rest(reader))], numbers(0, 100))
  t.is(reader.missed, 0)
})

test('a slow reader is warned about once per burst', async (t) => {
  const { hub, feed, log } = setUp(2)
  const reader = feed[Symbol.asyncIterator]()
  for (const value of numbers(0, 10)) hub.publish(value)
  t.is(log.length, 1)
  t.like(log[0], { level: 'warn', fields: { held: 2, missed: 1 } })
  t.regex(log[0]?.message ?? '', /'events' is too slow/)
  await reader.next()
  for (const value of numbers(10, 20)) hub.publish(value)
  t.is(log.length, 1, 'it never caught up, so the burst goes on')
  await reader.next()
  await reader.next()
  for (const value of numbers(20, 30)) hub.publish(value)
  t.is(log.length, 2)
})

test('leaving the loop ends the reader', async (t) => {
  const { hub, feed, changes } = setUp()
  const seen: number[] = []
  const reader = feed[Symbol.asyncIterator]()
  hub.publish(1)
  hub.publish(2)
  for await (const value of reader) {
    seen.push(value)
    break
  }
  hub.publish(3)
  t.deepEqual(seen, [1])
  t.deepEqual(await reader.next(), { done: true, value: undefined })
  t.deepEqual(changes, [true, false])
})

test('return settles what was asked for and not yet answered', async (t) => {
  const { feed } = setUp()
  const reader = feed[Symbol.asyncIterator]()
  const asked = reader.next()
  t.deepEqual(await reader.return(), { done: true, value: undefined })
  t.deepEqual(await asked, { done: true, value: undefined })
})

test('disposing a reader ends it', async (t) => {
  const { hub, feed } = setUp()
  const reader = feed[Symbol.asyncIterator]()
  await reader[Symbol.asyncDispose]()
  t.false(hub.active)
  t.true((await reader.next()).done)
})

test('the end completes readers after what they hold, and new ones at once', async (t) => {
  const { hub, feed, changes } = setUp()
  const waiting = feed[Symbol.asyncIterator]()
  const asked = waiting.next()
  const holding = feed[Symbol.asyncIterator]()
  hub.publish(1)
  const late = waiting.next()
  hub.end()
  hub.end()
  t.deepEqual(await asked, { done: false, value: 1 })
  t.deepEqual(await late, { done: true, value: undefined })
  t.deepEqual(await rest(holding), [1])
  t.deepEqual(await rest(feed[Symbol.asyncIterator]()), [])
  t.deepEqual(changes, [true, false])
})

test('listeners hear what is published after the end', (t) => {
  const { hub, feed } = setUp()
  const heard: number[] = []
  feed.on((value) => heard.push(value))
  hub.end()
  hub.publish(1)
  feed.on((value) => heard.push(-value))
  hub.publish(2)
  t.deepEqual(heard, [1, 2, -2])
})
