// Semantics, sentence 21, between isolates: items come in order and at most 256 ahead, and whoever leaves, fails or ends lets the
// generator's finally run.
import ava from 'ava'
import { Refusal } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { within } from '../support.ts'
import type { Peer } from './fixtures/peer.ts'
import { adds, codeOf, failure, givesBack, outcome, sharedTown } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m, spawn } = place
const AHEAD = 256

test.beforeEach(async () => {
  await a.ask.clear()
  place.dead.length = 0
})

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

for (const method of ['range', 'asyncRange'] as const) {
  test(`${method}: every item arrives in order, main to core, core to main and core to core; each call counts once`, async (t) => {
    await adds(t, place, { sent: 5, handled: 5 }, async () => {
      t.deepEqual(await collect(a.stream[method](0, 2000)), numbers(0, 2000))
      t.deepEqual(await a.ask.stream(m, method, 0, 700), numbers(0, 700))
      t.deepEqual(await a.ask.stream(b, method, 5, 600), numbers(5, 600))
    })
  })

  test(`${method}: a stream without items ends, and an ended one stays ended`, async (t) => {
    const stream = a.stream[method](1, 1)
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    const one = a.stream[method](0, 1)
    t.deepEqual([await one.next(), await one.next(), await one.next()].map(({ done }) => done), [false, true, true])
  })
}

test('items are values of every kind, in order', async (t) => {
  const items = [undefined, null, 0, -0, '', { a: [1] }, new Map([[1, 2]]), new Uint8Array(70_000).fill(3), 2n]
  t.deepEqual(await collect(a.stream.things(...items)), items)
  const [ref] = await collect(a.stream.things(m))
  t.is(ref, m)
})

test('ten streams of one actor run beside each other', async (t) => {
  const all = await Promise.all(numbers(0, 10).map((i) => collect(b.stream.range(i * 1000, i * 1000 + 500))))
  t.deepEqual(all, numbers(0, 10).map((i) => numbers(i * 1000, i * 1000 + 500)))
})

test('between items the actor takes other messages', async (t) => {
  const ref = spawn(1)
  const stream = ref.stream.asyncEndless('over')
  for (let i = 0; i < 5; i++) {
    await stream.next()
    t.is(await ref.ask.echo(i), i)
  }
  await stream.return!()
  t.deepEqual(await ref.ask.read(), ['over'])
})

// ---------------------------------------------------------------------------------------------------- backpressure

for (const method of ['endless', 'asyncEndless'] as const) {
  test(`${method}: at most 256 items are made ahead of a reader that does not read`, async (t) => {
    const ref = spawn(2)
    const stream = ref.stream[method]('over')
    t.deepEqual(await stream.next(), { done: false, value: 0 })
    await within(system.idle(), 'idle')
    let made = 0
    while ((await ref.ask.howMany()) > made) made = await ref.ask.howMany()
    await ref.ask.echoLater(0)
    made = await ref.ask.howMany()
    t.true(made >= AHEAD / 2 && made <= AHEAD + 1, `${made} were made`)
    for (let i = 1; i < 1000; i++) {
      t.is((await stream.next()).value, i)
      if (i % 10 === 0) t.true((await ref.ask.howMany()) <= i + 1 + AHEAD)
    }
    await stream.return!()
    await ref.stop()
  })
}

test('a stream nobody reads holds neither idle() nor the counts: it runs, and waits', async (t) => {
  const ref = spawn(1)
  const stream = ref.stream.endless('over')
  await stream.next()
  await within(system.idle(), 'idle')
  t.like(system.stats(), { running: 1, waiting: 0 })
  await stream.return!()
  await system.idle()
  t.like(system.stats(), { running: 0, waiting: 0 })
  await ref.stop()
})

// ------------------------------------------------------------------------------------------------- who leaves early

for (const method of ['endless', 'asyncEndless'] as const) {
  test(`${method}: break, return and throw run the generator's finally inside its actor, and wait for it`, async (t) => {
    const ref = spawn(1)
    await adds(t, place, { sent: 6, handled: 6 }, async () => {
      for await (const item of ref.stream[method]('break')) if ((item as number) > 300) break
      t.deepEqual(await ref.ask.read(), ['break'])
      const returned = ref.stream[method]('return')
      await returned.next()
      t.deepEqual(await returned.return!(), { done: true, value: undefined })
      t.deepEqual(await returned.next(), { done: true, value: undefined })
      const thrown = ref.stream[method]('throw')
      await thrown.next()
      t.is((await failure(thrown.throw!(new Error('mine')))).message, 'mine')
      t.deepEqual(await ref.ask.read(), ['break', 'return', 'throw'])
      t.deepEqual(await outcome(ref.ask.clear()), undefined)
    })
    await ref.stop()
  })

  test(`${method}: an abort rejects the reader at once, and runs the generator's finally`, async (t) => {
    const ref = spawn(1)
    const controller = new AbortController()
    const stream = ref.with({ signal: controller.signal }).stream[method]('aborted')
    for (let i = 0; i < 10; i++) await stream.next()
    controller.abort('enough')
    const error = await failure(stream.next())
    t.deepEqual([error.code, error.cause], ['ERR_BUSKIN_ABORTED', 'enough'])
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    await system.idle()
    t.deepEqual(await ref.ask.read(), ['aborted'])
    t.deepEqual(await stream.next(), { done: true, value: undefined }, 'what was on its way is dropped')
    await ref.stop()
  })
}

test('a reader that leaves before the call was begun makes it a dead letter', async (t) => {
  const ref = spawn(1)
  await ref.ask.nothing()
  ref.tell.hold('unbegun')
  await place.keepers[1].ask.entered('unbegun')
  const stream = ref.stream.endless('never')
  const left = stream.return!()
  t.deepEqual(await within(left, 'return'), { done: true, value: undefined })
  await place.keepers[1].ask.open('unbegun')
  t.deepEqual(await ref.ask.read(), ['hold unbegun'])
  t.deepEqual(place.dead.map(({ reason, method }) => [reason, method]), [['aborted', 'endless']])
  await ref.stop()
})

test('streams give back what they held on this isolate, however they end', async (t) => {
  await givesBack(t, place, () => collect(a.stream.range(0, 300)))
  await givesBack(t, place, async () => { for await (const each of a.stream.endless('x')) if (each !== null) break })
  await givesBack(t, place, () => outcome(collect(a.stream.failing(2))))
  await givesBack(t, place, () => outcome(collect(a.stream.refusing(2))))
  await givesBack(t, place, () => outcome(collect(a.stream.unsendable())))
  await givesBack(t, place, async () => void (await a.stream.range(0, 3).return!()))
})

// ---------------------------------------------------------------------------------------------------------- errors

test('items before an error arrive before it; the error has its class, and fails the actor', async (t) => {
  await adds(t, place, { sent: 1, failed: 1 }, async () => {
    const stream = a.stream.failing(300)
    for (let i = 0; i < 300; i++) t.is((await stream.next()).value, i)
    const error = await failure(stream.next())
    t.true(error instanceof TypeError)
    t.like(error, { name: 'TeapotError', status: 418, message: 'in the middle' })
    t.true((await stream.next()).done)
  })
  t.like([...place.events].reverse().find((event) => event.type === 'failed'), { path: '/a', failure: { phase: 'message', method: 'failing' } })
})

test('a refusal in a stream ends it, counts as handled and fails nobody', async (t) => {
  const failures = place.events.filter((event) => event.type === 'failed').length
  await adds(t, place, { sent: 1, handled: 1 }, async () => {
    const stream = a.stream.refusing(2)
    t.deepEqual([(await stream.next()).value, (await stream.next()).value], [0, 1])
    const error = await failure(stream.next())
    t.true(error instanceof Refusal)
    t.is(error.details, 2)
  })
  t.is(place.events.filter((event) => event.type === 'failed').length, failures)
})

test('an item that cannot travel ends the stream for its reader with NOT_SERIALIZABLE, and returns the generator', async (t) => {
  await adds(t, place, { sent: 1, handled: 1 }, async () => {
    const stream = a.stream.unsendable()
    t.is((await stream.next()).value, 1)
    const error = await failure(stream.next())
    t.is(error.code, 'ERR_BUSKIN_NOT_SERIALIZABLE')
    t.regex(error.message, /^not serializable: item of 'unsendable' for \/a is/)
    t.true((await stream.next()).done)
  })
})

test('the sender of a stream call is known in all its steps', async (t) => {
  t.deepEqual(await a.ask.stream(b, 'senders'), ['/a', '/a'])
  t.deepEqual(await collect(b.stream.senders()), [null, null])
})

// -------------------------------------------------------------------------------------------------- the actor ends

const ends: readonly (readonly [string, (ref: Ref<Peer>) => Promise<unknown>, object])[] = [
  ['stops', (ref) => ref.stop(), { handled: 1 }],
  ['is killed', (ref) => ref.kill(), {}],
]

for (const [name, how] of ends) {
  test(`the actor ${name} in the middle: the reader gets what was made and then STOPPED, and nothing hangs`, async (t) => {
    const ref = spawn(2)
    const stream = ref.stream.asyncEndless('over')
    for (let i = 0; i < 10; i++) t.is((await stream.next()).value, i)
    await how(ref)
    let last = 9
    let code: unknown
    for (;;) {
      const result = await within(stream.next().catch((error: { code: string }) => error.code), 'an item')
      if (typeof result === 'string') {
        code = result
        break
      }
      t.is(result.value, ++last)
    }
    t.is(code, 'ERR_BUSKIN_STOPPED')
    t.true((await stream.next()).done)
    t.is(await codeOf(ref.stream.range(0, 1).next()), 'ERR_BUSKIN_STOPPED')
    await within(system.idle(), 'idle')
    t.like(system.stats(), { running: 0, waiting: 0 })
  })
}

test('a stream of an actor that restarts ends with STOPPED, and the next instance makes others', async (t) => {
  const ref = spawn(2)
  const stream = ref.stream.asyncEndless('over')
  await stream.next()
  await outcome(ref.ask.fail('now'))
  t.is(await codeOf((async () => { for await (const each of stream) void each })()), 'ERR_BUSKIN_STOPPED')
  t.deepEqual(await collect(ref.stream.range(0, 3)), [0, 1, 2])
  await ref.stop()
})

test('a reader whose own actor ends leaves its streams', async (t) => {
  const source = spawn(1)
  const reader = spawn(2)
  const reading = outcome(reader.ask.stream(source, 'asyncEndless', 'left'))
  while ((await source.ask.howMany()) < 300) await source.ask.echoLater(0)
  await reader.kill()
  t.is(await reading, 'ERR_BUSKIN_STOPPED')
  await source.stop()
  t.like(system.stats(), { running: 0, waiting: 0 })
})
