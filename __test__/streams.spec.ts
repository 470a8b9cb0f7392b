import test from 'ava'
import { Actor } from 'buskin'
import type { Ref } from 'buskin'
import { Puppet, balanced, deferred, inside, manualSystemFor, occupy, ofType, outcome, recordDeadLetters, recordEvents, rejectsWith, systemFor, temporary, turns } from './support-b.ts'

class Source extends Actor {
  readonly log: unknown[]
  made = 0
  constructor(log: unknown[] = []) { super(); this.log = log }

  *range(from: number, to: number) { for (let i = from; i < to; i++) yield i }
  async *asyncRange(from: number, to: number) { for (let i = from; i < to; i++) { await null; yield i } }
  *endless() {
    try {
      for (;;) yield this.made++
    } finally { this.log.push('finally') }
  }
  async *asyncEndless() {
    try {
      for (;;) { await null; yield this.made++ }
    } finally {
      await null
      this.log.push('finally')
    }
  }
  *failing(error: unknown) { yield 1; yield 2; throw error }
  async *asyncFailing(error: unknown) { yield 1; yield 2; await null; throw error }
  /** One item, and then no more before the gate opens. */
  async *gated(gate: Promise<void>) {
    try {
      yield 1
      this.log.push('resumed')
      await gate
      this.log.push('goes on')
      yield 2
    } finally { this.log.push('finally') }
  }
  /** No item before the gate opens. */
  async *late(gate: Promise<void>) { await gate; yield 1 }
  *oddities() { yield undefined; yield null; yield 0; yield ''; yield -0; yield Number.NaN }
  *who() { yield this.ctx.sender?.path ?? null; yield this.ctx.sender?.path ?? null }
  /** Tells itself something with its first item. */
  *telling(count: number) { for (let i = 0; i < count; i++) { if (i === 0) (this.ctx.self as unknown as Ref<Source>).tell.mark('told'); this.log.push(i); yield i } }
  mark(word: string) { this.log.push(word) }
  count() { return this.made }
  plain() { this.log.push('plain ran'); return 7 }
  read(): readonly unknown[] { return this.log }
}

class Heir extends Source {
  own() { return 'own' }
  override *range(from: number, to: number) { yield -1; yield* super.range(from, to) }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

// --------------------------------------------------------------------------------------- reading

for (const method of ['range', 'asyncRange'] as const) {
  test(`${method}: a stream gives every item in order and ends`, async t => {
    const system = systemFor(t)
    const source = system.spawn(Source)
    t.deepEqual(await collect(source.stream[method](3, 8)), [3, 4, 5, 6, 7])
    t.deepEqual(await collect(source.stream[method](0, 0)), [])
  })

  test(`${method}: 10,000 items arrive in order`, async t => {
    const system = systemFor(t)
    const source = system.spawn(Source)
    t.deepEqual(await collect(source.stream[method](0, 10_000)), Array.from({ length: 10_000 }, (_, i) => i))
    await system.idle()
    t.like(system.stats(), { sent: 1, handled: 1, running: 0 })
  })

  test(`${method}: an ended stream stays ended`, async t => {
    const system = systemFor(t)
    const stream = system.spawn(Source).stream[method](0, 1)
    t.deepEqual(await stream.next(), { done: false, value: 0 })
    for (let i = 0; i < 3; i++) t.deepEqual(await stream.next(), { done: true, value: undefined })
  })

  test(`${method}: several next() at once get the items in order`, async t => {
    const system = systemFor(t)
    const stream = system.spawn(Source).stream[method](0, 3)
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.next()])
    t.deepEqual(results.map(result => result.done ? 'done' : result.value), [0, 1, 2, 'done', 'done'])
  })

  test(`${method}: two readers at once each get all items`, async t => {
    const system = systemFor(t)
    const source = system.spawn(Source)
    const [one, two] = [source.stream[method](0, 500), source.stream[method](500, 1000)]
    const [a, b] = await Promise.all([collect(one), collect(two)])
    t.deepEqual(a, Array.from({ length: 500 }, (_, i) => i))
    t.deepEqual(b, Array.from({ length: 500 }, (_, i) => 500 + i))
    await system.idle()
    t.like(system.stats(), { sent: 2, handled: 2 })
  })
}

test('a stream is an iterator and gives itself as one', t => {
  const system = systemFor(t)
  const stream = system.spawn(Source).stream.range(0, 1)
  t.is(stream[Symbol.asyncIterator](), stream)
})

test('inherited and overridden generator handlers can be streamed', async t => {
  const system = systemFor(t)
  const heir = system.spawn(Heir)
  t.deepEqual(await collect(heir.stream.asyncRange(0, 3)), [0, 1, 2])
  t.deepEqual(await collect(heir.stream.range(0, 2)), [-1, 0, 1])
})

test('items are the values yielded, whatever they are', async t => {
  const system = systemFor(t)
  const items = await collect(system.spawn(Source).stream.oddities())
  t.is(items.length, 6)
  for (const [i, value] of [undefined, null, 0, '', -0, Number.NaN].entries()) t.true(Object.is(items[i], value))
})

test('a stream of an actor found by lookup works', async t => {
  const system = systemFor(t)
  system.spawn(Source, { name: 'source' })
  await system.idle()
  const found = system.lookup<Source>('/source')
  t.deepEqual(await collect(found!.stream.range(0, 3)), [0, 1, 2])
})

test('an actor reads the stream of another actor', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const reader = system.spawn(Puppet, { name: 'reader' })
  t.deepEqual(await inside(reader, () => collect(source.stream.asyncRange(0, 1000))), Array.from({ length: 1000 }, (_, i) => i))
  t.deepEqual(await inside(reader, () => collect(source.stream.who())), ['/reader', '/reader'])
  t.deepEqual(await collect(source.stream.who()), [null, null])
})

// ---------------------------------------------------------------------- between and within items

test('between the items of a stream other messages run', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const source = system.spawn(Source, { args: [log] })
  await collect(source.stream.telling(1000))
  const at = log.indexOf('told')
  t.true(at > 0 && at < 1000, `told after ${at} items`)
})

test('an open stream does not hold up its actor', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const streams = [source.stream.endless(), source.stream.asyncEndless()]
  for (let i = 0; i < 50; i++) {
    for (const stream of streams) t.false((await stream.next()).done)
    t.true(await source.ask.count() > 0)
  }
})

test('a stream handler holds its actor from a resume to its next yield', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const gate = deferred()
  const source = system.spawn(Source, { args: [log] })
  const stream = source.stream.gated(gate.promise)
  t.deepEqual(await stream.next(), { done: false, value: 1 })
  const second = stream.next()
  await turns()
  t.deepEqual(log, ['resumed'])
  source.tell.mark('marked')
  await turns()
  t.deepEqual(log, ['resumed'])
  gate.resolve()
  t.deepEqual(await second, { done: false, value: 2 })
  await system.idle()
  t.deepEqual(log.slice(0, 2), ['resumed', 'goes on'])
  t.true(log.includes('marked'))
})

test('a stream waits for the handler in hand like any message', async t => {
  const system = systemFor(t)
  const log: string[] = []
  class Mixed extends Actor {
    async slow(gate: Promise<void>) { log.push('slow'); await gate; log.push('slow ends') }
    *items() { log.push('first'); yield 1 }
  }
  const actor = system.spawn(Mixed)
  const gate = deferred()
  actor.tell.slow(gate.promise)
  const items = collect(actor.stream.items())
  await turns()
  t.deepEqual(log, ['slow'])
  gate.resolve()
  t.deepEqual(await items, [1])
  t.deepEqual(log, ['slow', 'slow ends', 'first'])
})

// --------------------------------------------------------------------------------- backpressure

for (const method of ['endless', 'asyncEndless'] as const) {
  test(`${method}: at most 256 items are made ahead of the reader`, async t => {
    const system = systemFor(t)
    const source = system.spawn(Source)
    const stream = source.stream[method]()
    await system.idle()
    t.true(await source.ask.count() <= 256)
    for (let read = 1; read <= 1000; read++) {
      t.is((await stream.next()).value, read - 1)
      if (read % 50 !== 0) continue
      await turns(2)
      const made = await source.ask.count()
      t.true(made <= read + 256, `${made} made, ${read} read`)
    }
    await stream.return!()
  })

  test(`${method}: a reader that pauses holds the writer`, async t => {
    const system = systemFor(t)
    const source = system.spawn(Source)
    const stream = source.stream[method]()
    await stream.next()
    // what is made ahead holds up nobody who waits for quiet, so wait for the bound itself
    while (await source.ask.count() < 257) await turns(1)
    const made = await source.ask.count()
    await turns(20)
    t.is(await source.ask.count(), made)
    t.is((await stream.next()).value, 1)
    await stream.return!()
  })
}

test('a slow reader of a quick writer gets everything', async t => {
  const system = systemFor(t)
  const items: number[] = []
  for await (const item of system.spawn(Source).stream.range(0, 600)) {
    if (item % 100 === 0) await turns()
    items.push(item)
  }
  t.deepEqual(items, Array.from({ length: 600 }, (_, i) => i))
})

// ------------------------------------------------------------------------ the reader ends it

for (const method of ['endless', 'asyncEndless'] as const) {
  test(`${method}: break runs the generator's finally`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    for await (const item of source.stream[method]()) if (item === 10) break
    t.deepEqual(log, ['finally'])
    await system.idle()
    t.like(system.stats(), { sent: 1, handled: 1, failed: 0, running: 0 })
    t.true(await source.ask.count() <= 11 + 256)
  })

  test(`${method}: return() runs the generator's finally and ends the stream`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    const stream = source.stream[method]()
    await stream.next()
    t.like(await stream.return!(), { done: true })
    t.deepEqual(log, ['finally'])
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    t.like(await stream.return!(), { done: true })
    await system.idle()
    t.deepEqual(log, ['finally'])
    t.like(system.stats(), { sent: 1, handled: 1, running: 0 })
  })

  test(`${method}: throw() of the reader runs the generator's finally and does not fail the actor`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    const stream = source.stream[method]()
    await stream.next()
    const error = new Error('enough')
    t.deepEqual(await outcome(stream.throw!(error)), { error })
    await system.idle()
    t.deepEqual(log, ['finally'])
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    t.like(system.stats(), { sent: 1, handled: 1, failed: 0, running: 0, actors: 1 })
  })

  test(`${method}: an exception in the reader's loop runs the generator's finally`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    const error = new Error('reader')
    t.deepEqual(await outcome((async () => { for await (const item of source.stream[method]()) if (item === 3) throw error })()), { error })
    await system.idle()
    t.deepEqual(log, ['finally'])
    t.like(system.stats(), { handled: 1, failed: 0, actors: 1 })
  })

  test(`${method}: abort rejects the reader at once and runs the generator's finally`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const abort = new AbortController()
    const source = system.spawn(Source, { args: [log] })
    const stream = source.with({ signal: abort.signal }).stream[method]()
    await stream.next()
    abort.abort()
    await rejectsWith(t, stream.next(), 'ERR_BUSKIN_ABORTED')
    await system.idle()
    t.deepEqual(log, ['finally'])
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    t.like(system.stats(), { sent: 1, handled: 1, failed: 0, deadLetters: 0, running: 0 })
  })
}

test('abort rejects a next() that waits, though the generator goes on to its yield', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const abort = new AbortController()
  const gate = deferred()
  const source = system.spawn(Source, { args: [log] })
  const stream = source.with({ signal: abort.signal }).stream.gated(gate.promise)
  await stream.next()
  const waiting = outcome(stream.next())
  await turns()
  abort.abort()
  t.like(await waiting, { error: { code: 'ERR_BUSKIN_ABORTED' } })
  t.deepEqual(log, ['resumed'])
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['resumed', 'goes on', 'finally'])
})

test('return() of a generator that waits takes effect at its next yield', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const gate = deferred()
  const source = system.spawn(Source, { args: [log] })
  const stream = source.stream.gated(gate.promise)
  await stream.next()
  void stream.next()
  await turns()
  const returned = stream.return!()
  await turns()
  t.deepEqual(log, ['resumed'])
  gate.resolve()
  t.like(await returned, { done: true })
  await system.idle()
  t.deepEqual(log, ['resumed', 'goes on', 'finally'])
})

test('a stream aborted before the call is a dead letter', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const log: unknown[] = []
  const source = system.spawn(Source, { args: [log], name: 'source' })
  await rejectsWith(t, source.with({ signal: AbortSignal.abort() }).stream.telling(1).next(), 'ERR_BUSKIN_ABORTED')
  await system.idle()
  t.deepEqual(letters, [{ reason: 'aborted', target: '/source', sender: null, method: 'telling', args: [1] }])
  t.deepEqual(log, [])
  t.like(system.stats(), { sent: 1, deadLetters: 1, handled: 0 })
})

test('a stream aborted while it waits is a dead letter', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const abort = new AbortController()
  const actor = system.spawn(class Mixed extends Puppet { *items() { yield 1 } }, { name: 'mixed' })
  const busy = await occupy(actor)
  const next = outcome(actor.with({ signal: abort.signal }).stream.items().next())
  await turns()
  abort.abort()
  t.like(await next, { error: { code: 'ERR_BUSKIN_ABORTED' } })
  busy.release()
  await system.idle()
  t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['aborted', 'items']])
  t.like(system.stats(), { sent: 2, handled: 1, deadLetters: 1 })
})

test('a reader that returns before its first item ends the stream', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const stream = source.stream.endless()
  t.like(await stream.return!(), { done: true })
  await system.idle()
  const stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 1, running: 0, waiting: 0, failed: 0 })
})

// ------------------------------------------------------------------------ the writer ends it

for (const method of ['failing', 'asyncFailing'] as const) {
  test(`${method}: items before an error arrive before it, and it is the very error`, async t => {
    const system = systemFor(t)
    const error = new Error('boom')
    const stream = system.spawn(Source).stream[method](error)
    t.is((await stream.next()).value, 1)
    t.is((await stream.next()).value, 2)
    const result = await outcome(stream.next())
    t.true('error' in result && result.error === error)
    t.deepEqual(await stream.next(), { done: true, value: undefined })
  })

  test(`${method}: items before an error arrive also when the actor has long failed`, async t => {
    const system = systemFor(t)
    const error = new Error('boom')
    const source = system.spawn(Source, temporary)
    const stream = source.stream[method](error)
    const first = await stream.next()
    await source.stopped
    await system.idle()
    t.deepEqual([first.value, (await stream.next()).value], [1, 2])
    t.deepEqual(await outcome(stream.next()), { error })
  })

  test(`${method}: an error of a generator fails its actor and counts as one failed message`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const error = new Error('boom')
    const source = system.spawn(Source, temporary)
    await outcome(collect(source.stream[method](error)))
    t.deepEqual(await source.stopped, { kind: 'failed', error })
    await system.idle()
    t.like(ofType(events, 'failed')[0]!.failure, { phase: 'message', method })
    t.like(system.stats(), { sent: 1, handled: 0, failed: 1, running: 0 })
  })

  test(`${method}: the other streams of the instance end with it, and the next instance serves new ones`, async t => {
    const system = systemFor(t)
    const error = new Error('boom')
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    const failing = collect(source.stream[method](error))
    const cut = collect(source.stream.endless())
    t.deepEqual(await outcome(failing), { error })
    await rejectsWith(t, cut, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(log, ['finally'])
    t.deepEqual(await collect(source.stream.range(0, 3)), [0, 1, 2])
    await system.idle()
    t.like(system.stats(), { sent: 3, handled: 1, failed: 2, running: 0, restarts: 1, actors: 1 })
  })
}

test('an error in the finally that break runs fails the actor', async t => {
  const system = systemFor(t)
  const error = new Error('in finally')
  class Bad extends Actor { *items() { try { for (;;) yield 1 } finally { throw error } } }
  const actor = system.spawn(Bad, temporary)
  await outcome((async () => { for await (const item of actor.stream.items()) if (item === 1) break })())
  t.deepEqual(await actor.stopped, { kind: 'failed', error })
  await system.idle()
  t.like(system.stats(), { sent: 1, failed: 1, handled: 0 })
})

for (const method of ['endless', 'asyncEndless'] as const) {
  test(`${method}: when the actor stops, its generator is returned and the reader gets STOPPED`, async t => {
    const system = systemFor(t)
    const log: unknown[] = []
    const source = system.spawn(Source, { args: [log] })
    const stream = source.stream[method]()
    t.is((await stream.next()).value, 0)
    t.deepEqual(await source.stop(), { kind: 'normal' })
    t.deepEqual(log, ['finally'])
    let read = 1
    let ended: unknown
    for (; read < 1000 && ended === undefined; read++) {
      const result = await outcome(stream.next())
      if ('error' in result) ended = result.error
      else t.like(result.value, { done: false, value: read })
    }
    t.like(ended, { code: 'ERR_BUSKIN_STOPPED' })
    t.true(read <= 1 + 256 + 1)
    t.deepEqual(await stream.next(), { done: true, value: undefined })
    await system.idle()
    const stats = system.stats()
    balanced(t, stats)
    t.like(stats, { sent: 1, running: 0, waiting: 0 })
  })
}

test('the finally of an open generator runs before onStop', async t => {
  const system = systemFor(t)
  const log: string[] = []
  class Ordered extends Actor {
    *items() { try { for (;;) yield 1 } finally { log.push('finally') } }
    override onStop() { log.push('onStop') }
  }
  const actor = system.spawn(Ordered)
  await actor.stream.items().next()
  await actor.stop()
  t.deepEqual(log, ['finally', 'onStop'])
})

test('a next() that waits is rejected when the actor is killed', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const stream = source.stream.late(new Promise(() => {}))
  const waiting = outcome(stream.next())
  await turns()
  t.deepEqual(await source.kill(), { kind: 'killed' })
  t.like(await waiting, { error: { code: 'ERR_BUSKIN_STOPPED' } })
  await system.idle()
  t.like(system.stats(), { sent: 1, failed: 1, running: 0 })
})

test('shutdown of the system ends open streams', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const source = system.spawn(Source, { args: [log] })
  const ended = outcome(collect(source.stream.endless()))
  await turns()
  await system.shutdown()
  t.deepEqual(log, ['finally'])
  const result = await ended
  t.true('error' in result)
  t.true(['ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_CLOSED'].includes((result as { error: { code: string } }).error.code))
})

// --------------------------------------------------------------------------------- wrong verbs

test('an ask or a send of a generator handler rejects and says to use stream', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const source = system.spawn(Source, { name: 'source' })
  const error = await rejectsWith(t, source.ask.range(0, 1), 'ERR_BUSKIN_NO_HANDLER')
  t.regex(error.message, /stream/)
  await rejectsWith(t, source.ask.asyncRange(0, 1), 'ERR_BUSKIN_NO_HANDLER')
  await system.idle()
  t.deepEqual(letters.map(letter => [letter.reason, letter.method, letter.args]), [['no-handler', 'range', [0, 1]], ['no-handler', 'asyncRange', [0, 1]]])
  t.like(system.stats(), { sent: 2, deadLetters: 2, handled: 0, failed: 0, actors: 1 })
})

test('a tell of a generator handler is a dead letter and does not run it', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const source = system.spawn(Source, { name: 'source' })
  source.tell.endless()
  source.tell.asyncEndless()
  await system.idle()
  t.deepEqual(letters, ['endless', 'asyncEndless'].map(method => ({ reason: 'no-handler' as const, target: '/source', sender: null, method, args: [] })))
  t.is(await source.ask.count(), 0)
  t.like(system.stats().deadLettersBy, { 'no-handler': 2 })
})

test('a stream of a handler that is no generator is refused and does not run it', async t => {
  const system = systemFor(t)
  const log: unknown[] = []
  const letters = recordDeadLetters(system)
  const source = system.spawn(Source, { args: [log] })
  const streams = source.stream as unknown as Record<string, () => AsyncIterableIterator<unknown>>
  const error = await rejectsWith(t, streams.plain!().next(), 'ERR_BUSKIN_NO_HANDLER')
  t.regex(error.message, /ask/)
  await system.idle()
  t.deepEqual(log, [])
  t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['no-handler', 'plain']])
})

test('a stream of an unknown method rejects when read, not at the call', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const streams = source.stream as unknown as Record<string, () => AsyncIterableIterator<unknown>>
  for (const name of ['nothing', 'onStart', 'constructor', 'then', 'ctx']) {
    const stream = streams[name]!()
    await rejectsWith(t, stream.next(), 'ERR_BUSKIN_NO_HANDLER')
    t.deepEqual(await stream.next(), { done: true, value: undefined })
  }
  await system.idle()
  t.like(system.stats(), { sent: 5, deadLetters: 5, actors: 1 })
})

test('a stream of an actor that has ended rejects STOPPED and is a dead letter', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const source = system.spawn(Source, { name: 'source' })
  await source.stop()
  await rejectsWith(t, source.stream.range(0, 2).next(), 'ERR_BUSKIN_STOPPED')
  await system.idle()
  t.deepEqual(letters, [{ reason: 'stopped', target: '/source', sender: null, method: 'range', args: [0, 2] }])
})

test('a stream of a system that was shut down rejects CLOSED', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  await system.shutdown()
  await rejectsWith(t, source.stream.range(0, 2).next(), 'ERR_BUSKIN_CLOSED')
})

// -------------------------------------------------------------------- bounds, ttl and priority

class Narrow extends Puppet {
  *items() { yield 1; yield 2 }
}

for (const overflow of ['reject', 'drop-newest'] as const) {
  test(`a stream refused by a full mailbox rejects MAILBOX_FULL (${overflow})`, async t => {
    const system = systemFor(t)
    const letters = recordDeadLetters(system)
    const actor = system.spawn(Narrow, { mailbox: { capacity: 1, overflow } })
    const busy = await occupy(actor)
    actor.tell.run(() => {})
    await rejectsWith(t, actor.stream.items().next(), 'ERR_BUSKIN_MAILBOX_FULL')
    busy.release()
    await system.idle()
    t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [[overflow === 'reject' ? 'mailbox-full' : 'dropped', 'items']])
    t.like(system.stats(), { sent: 3, handled: 2, deadLetters: 1 })
  })
}

test('a waiting stream that drop-oldest drops rejects MAILBOX_FULL', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const actor = system.spawn(Narrow, { mailbox: { capacity: 1, overflow: 'drop-oldest' } })
  const busy = await occupy(actor)
  const next = outcome(actor.stream.items().next())
  actor.tell.run(() => {})
  t.like(await next, { error: { code: 'ERR_BUSKIN_MAILBOX_FULL' } })
  busy.release()
  await system.idle()
  t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['dropped', 'items']])
})

test('a stream parks at a full mailbox with the waiting policy', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Narrow, { mailbox: { capacity: 1, overflow: 'wait' } })
  const busy = await occupy(actor)
  actor.tell.run(() => {})
  const items = collect(actor.stream.items())
  await turns()
  t.like(system.stats(), { sent: 3, running: 1, waiting: 2, deadLetters: 0 })
  busy.release()
  t.deepEqual(await items, [1, 2])
})

test('open streams take no room in a mailbox', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source, { mailbox: { capacity: 1 } })
  const streams = []
  for (let i = 0; i < 10; i++) {
    const stream = source.stream.endless()
    t.false((await stream.next()).done)
    streams.push(stream)
  }
  t.like(system.stats(), { sent: 10, running: 10, waiting: 0 })
  t.is(typeof await source.ask.count(), 'number')
  for (const stream of streams) await stream.return!()
  await system.idle()
  t.like(system.stats(), { running: 0, handled: 11 })
})

test('a stream that waits longer than its ttl rejects EXPIRED', async t => {
  const { system, clock } = manualSystemFor(t)
  const letters = recordDeadLetters(system)
  const actor = system.spawn(Narrow)
  const busy = await occupy(actor)
  const late = outcome(actor.with({ ttl: 10 }).stream.items().next())
  const fresh = collect(actor.with({ ttl: 30 }).stream.items())
  await turns()
  await clock.advance(20)
  busy.release()
  t.like(await late, { error: { code: 'ERR_BUSKIN_EXPIRED' } })
  t.deepEqual(await fresh, [1, 2])
  await system.idle()
  t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['expired', 'items']])
})

test('the ttl of a stream does not bound its items', async t => {
  const { system, clock } = manualSystemFor(t)
  const source = system.spawn(Source)
  const stream = source.with({ ttl: 10 }).stream.endless()
  t.is((await stream.next()).value, 0)
  await clock.advance(1000)
  for (let i = 1; i < 600; i++) t.is((await stream.next()).value, i)
  await stream.return!()
})

test('a stream of high priority starts before what waits', async t => {
  const system = systemFor(t)
  const log: string[] = []
  class Ordered extends Puppet { *items() { log.push('stream'); yield 1 } }
  const actor: Ref<Ordered> = system.spawn(Ordered)
  const busy = await occupy(actor)
  actor.tell.run(() => { log.push('told') })
  const items = collect(actor.with({ priority: 'high' }).stream.items())
  await turns()
  busy.release()
  t.deepEqual(await items, [1])
  await system.idle()
  t.deepEqual(log, ['stream', 'told'])
})

// ------------------------------------------------------------------------------------ counting

test('a stream call is running until it has ended, and handled then', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  const stream = source.stream.range(0, 300)
  let stats = system.stats()
  balanced(t, stats)
  t.is(stats.sent, 1)
  await stream.next()
  await system.idle()
  stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 1, running: 1, handled: 0, waiting: 0 })
  t.is((await collect(stream)).length, 299)
  await system.idle()
  stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 1, running: 0, handled: 1, waiting: 0, failed: 0, deadLetters: 0 })
})

test('items, demands and ends of streams are no messages', async t => {
  const system = systemFor(t)
  const source = system.spawn(Source)
  for (let i = 0; i < 10; i++) t.is((await collect(source.stream.asyncRange(0, 500))).length, 500)
  await system.idle()
  t.like(system.stats(), { sent: 10, handled: 10 })
  t.like(system.inspect().children[0], { handled: 10, waiting: 0, failed: 0 })
})

test('a stream without demand does not hold idle', async t => {
  const system = systemFor(t)
  const stream = system.spawn(Source).stream.endless()
  await system.idle()
  await stream.next()
  await system.idle()
  t.is(system.stats().running, 1)
})

test('a stream whose reader waits holds idle', async t => {
  const system = systemFor(t)
  const gate = deferred()
  const stream = system.spawn(Source).stream.late(gate.promise)
  const next = stream.next()
  const log: string[] = []
  await turns()
  const quiet = system.idle().then(() => { log.push('idle') })
  await turns()
  t.deepEqual(log, [])
  gate.resolve()
  t.deepEqual(await next, { done: false, value: 1 })
  await quiet
  t.deepEqual(log, ['idle'])
})

test('the identity holds at every step of many streams that end in every way', async t => {
  const system = systemFor(t)
  const check = () => { balanced(t, system.stats()) }
  const ends: ((source: Ref<Source>) => Promise<unknown>)[] = [
    source => collect(source.stream.range(0, 20)),
    async source => { const stream = source.stream.endless(); await stream.next(); check(); await stream.return!() },
    source => outcome(collect(source.stream.asyncFailing(new Error('x')))),
    async source => { const stream = source.stream.asyncEndless(); await stream.next(); check(); await source.stop(); check() },
    async source => { const stream = source.stream.endless(); await stream.next(); check(); await source.kill(); check() },
    source => { source.tell.range(0, 1); check(); return outcome(source.ask.asyncRange(0, 1)) }
  ]
  for (let round = 0; round < 5; round++) {
    await Promise.all(ends.map(async end => {
      await end(system.spawn(Source))
      check()
    }))
  }
  await system.idle()
  check()
  t.like(system.stats(), { running: 0, waiting: 0 })
})
