import { AsyncLocalStorage } from 'node:async_hooks'
import test from 'ava'
import { Actor, Refusal, createSystem } from 'buskin'
import type { ActorInfo, ExitReason, Logger, Ref } from 'buskin'
import {
  Puppet, balanced, deferred, inside, manualSystemFor, nextEvent, occupy, ofType, outcome, recordDeadLetters, recordEvents, rejectsWith, systemFor, temporary, throwsWith, turns
} from './support-b.ts'

// -------------------------------------------------------------------------------- one at a time

/** What a compiler makes of an async method for an old target: a plain method that drives a generator. */
function awaiter<T>(body: () => Generator<PromiseLike<unknown>, T, unknown>): Promise<T> {
  return new Promise((resolve, reject) => {
    const generator = body()
    const step = (value?: unknown) => {
      try {
        const result = generator.next(value)
        if (result.done) resolve(result.value)
        else Promise.resolve(result.value).then(step, reject)
      } catch (error) { reject(error) }
    }
    step()
  })
}

class Slow extends Actor {
  readonly log: string[]
  thens = 0
  constructor(log: string[]) { super(); this.log = log }
  async asyncMethod(gate: Promise<void>): Promise<string> {
    this.log.push('starts')
    await gate
    this.log.push('ends')
    return 'done'
  }
  plain(gate: Promise<void>): Promise<string> {
    this.log.push('starts')
    return gate.then(() => { this.log.push('ends'); return 'done' })
  }
  thenable(gate: Promise<void>): PromiseLike<string> {
    this.log.push('starts')
    const finished = gate.then(() => { this.log.push('ends'); return 'done' })
    const count = () => { this.thens++ }
    return { then(yes, no) { count(); return finished.then(yes, no) } }
  }
  compiled(gate: Promise<void>): Promise<string> {
    return awaiter(function* (this: Slow) {
      this.log.push('starts')
      yield gate
      this.log.push('ends')
      return 'done'
    }.bind(this))
  }
  field = async (gate: Promise<void>): Promise<string> => {
    this.log.push('starts')
    await gate
    this.log.push('ends')
    return 'done'
  }
  mark(n: number) { this.log.push(`mark ${n}`) }
}

const kinds = ['asyncMethod', 'plain', 'thenable', 'compiled', 'field'] as const
const described: Record<(typeof kinds)[number], string> = {
  asyncMethod: 'an async method',
  plain: 'a plain method that returns a promise',
  thenable: 'a method that returns a thenable',
  compiled: 'an async method compiled to a generator',
  field: 'an async function in a field'
}

test('messages to one actor are handled in the order sent', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const actor = system.spawn(Slow, { args: [log] })
  for (let i = 0; i < 5000; i++) actor.tell.mark(i)
  await system.idle()
  t.deepEqual(log, Array.from({ length: 5000 }, (_, i) => `mark ${i}`))
})

for (const kind of kinds) {
  test(`${described[kind]} finishes before the next message starts`, async t => {
    const system = systemFor(t)
    const log: string[] = []
    const gate = deferred()
    const actor = system.spawn(Slow, { args: [log] })
    actor.tell.mark(0)
    actor.tell[kind](gate.promise)
    actor.tell.mark(1)
    actor.tell.mark(2)
    await turns()
    t.deepEqual(log, ['mark 0', 'starts'])
    actor.tell.mark(3)
    await turns()
    t.deepEqual(log, ['mark 0', 'starts'])
    gate.resolve()
    await system.idle()
    t.deepEqual(log, ['mark 0', 'starts', 'ends', 'mark 1', 'mark 2', 'mark 3'])
  })

  test(`${described[kind]} replies with what its promise resolves to`, async t => {
    const system = systemFor(t)
    const actor = system.spawn(Slow, { args: [[]] })
    t.is(await actor.ask[kind](Promise.resolve()), 'done')
    t.like(system.stats(), { sent: 1, handled: 1, running: 0, waiting: 0 })
  })

  test(`${described[kind]} counts as running until its promise settles`, async t => {
    const system = systemFor(t)
    const gate = deferred()
    const actor = system.spawn(Slow, { args: [[]] })
    actor.tell[kind](gate.promise)
    actor.tell.mark(1)
    await turns()
    t.like(system.stats(), { sent: 2, handled: 0, running: 1, waiting: 1 })
    gate.resolve()
    await system.idle()
    t.like(system.stats(), { sent: 2, handled: 2, running: 0, waiting: 0 })
  })
}

test('the then of a thenable result is called once', async t => {
  const system = systemFor(t)
  const calls: number[] = []
  class Once extends Actor {
    give(): PromiseLike<string> { return { then(yes) { calls.push(1); return Promise.resolve('x').then(yes) } } }
  }
  const actor = system.spawn(Once)
  t.is(await actor.ask.give(), 'x')
  t.deepEqual(calls, [1])
})

test('a thenable that settles twice counts once', async t => {
  const system = systemFor(t)
  class Twice extends Actor {
    give(): PromiseLike<number> { return { then(yes, no) { yes?.(1); yes?.(2); no?.(new Error('late')); return Promise.resolve() as never } } }
  }
  const actor = system.spawn(Twice)
  t.is(await actor.ask.give(), 1)
  t.is(await actor.ask.give(), 1)
  await system.idle()
  t.like(system.stats(), { sent: 2, handled: 2, failed: 0, running: 0 })
})

test('an object with a then that is no function is a plain reply', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const reply = { then: 7 }
  t.is(await inside(actor, () => reply), reply)
})

// The fault of prototype/hazard.js: a message written earlier in the same batch reached an actor that was suspended meanwhile.
class Poker extends Actor {
  poke(target: Ref<Slow>, times: number) { for (let i = 0; i < times; i++) target.tell.mark(1000 + i) }
}

const steps = ['poke', 'slow', 'mark'] as const
const orders = steps.flatMap(a => steps.filter(b => b !== a).map(b => [a, b, steps.find(c => c !== a && c !== b)!] as const))

for (const kind of kinds) {
  for (const order of orders) {
    test(`nothing written in the same batch runs while ${described[kind]} is suspended: ${order.join(', ')}`, async t => {
      for (const times of [1, 3, 300]) {
        const system = systemFor(t)
        const log: string[] = []
        const gate = deferred()
        const actor = system.spawn(Slow, { args: [log] })
        const poker = system.spawn(Poker)
        await system.idle()
        for (const step of order) {
          if (step === 'poke') poker.tell.poke(actor, times)
          else if (step === 'slow') actor.tell[kind](gate.promise)
          else actor.tell.mark(1)
        }
        await turns()
        const early = [...log]
        t.is(early.at(-1), 'starts', 'nothing follows the suspension')
        t.is(early.includes('mark 1'), order.indexOf('mark') < order.indexOf('slow'))
        gate.resolve()
        await system.idle()
        t.deepEqual(log.slice(early.length, early.length + 1), ['ends'])
        t.deepEqual(log.filter(line => line.startsWith('mark 1') && line.length > 6), Array.from({ length: times }, (_, i) => `mark ${1000 + i}`), 'order kept')
        t.is(log.filter(line => line === 'mark 1').length, 1)
        t.is(log.length, times + 3)
        await system.shutdown()
      }
    })
  }
}

test('two actors that suspend in one batch each keep their messages back', async t => {
  const system = systemFor(t)
  const logs: string[][] = [[], []]
  const gates = [deferred(), deferred()]
  const [a, b] = logs.map(log => system.spawn(Slow, { args: [log] })) as [Ref<Slow>, Ref<Slow>]
  const poker = system.spawn(Poker)
  await system.idle()
  poker.tell.poke(a, 2)
  poker.tell.poke(b, 2)
  a.tell.plain(gates[0]!.promise)
  b.tell.thenable(gates[1]!.promise)
  a.tell.mark(1)
  b.tell.mark(1)
  await turns()
  t.deepEqual(logs.map(log => log.at(-1)), ['starts', 'starts'])
  gates[1]!.resolve()
  await turns()
  t.is(logs[0]!.at(-1), 'starts')
  t.is(logs[1]!.length, 5)
  gates[0]!.resolve()
  await system.idle()
  t.deepEqual(logs.map(log => log.length), [5, 5])
})

for (const kind of kinds) {
  test(`${described[kind]} in the middle of a batch of 1,000 keeps the order, and other actors go on`, async t => {
    const system = systemFor(t)
    const log: string[] = []
    const otherLog: string[] = []
    const gate = deferred()
    const actor = system.spawn(Slow, { args: [log] })
    const other = system.spawn(Slow, { args: [otherLog] })
    for (let i = 0; i < 1000; i++) {
      if (i === 500) actor.tell[kind](gate.promise)
      else actor.tell.mark(i)
      other.tell.mark(i)
    }
    await turns()
    const before = [...Array.from({ length: 500 }, (_, i) => `mark ${i}`), 'starts']
    t.deepEqual(log, before)
    t.deepEqual(otherLog, Array.from({ length: 1000 }, (_, i) => `mark ${i}`))
    t.like(system.stats(), { sent: 2000, handled: 1500, running: 1, waiting: 499 })
    gate.resolve()
    await system.idle()
    t.deepEqual(log, [...before, 'ends', ...Array.from({ length: 499 }, (_, i) => `mark ${501 + i}`)])
    t.like(system.stats(), { sent: 2000, handled: 2000, running: 0, waiting: 0 })
  })
}

test('many promises in one batch, settled at once or later, keep the order', async t => {
  const system = systemFor(t)
  const log: number[] = []
  class Mixed extends Actor {
    step(n: number): unknown {
      log.push(n)
      if (n % 7 === 0) return Promise.resolve().then(() => { log.push(-n) })
      if (n % 11 === 0) return new Promise<void>(resolve => { setImmediate(() => { log.push(-n); resolve() }) })
      if (n % 13 === 0) return { then(yes: () => void) { log.push(-n); yes() } }
      return undefined
    }
  }
  const actor = system.spawn(Mixed)
  const expected: number[] = []
  for (let i = 1; i <= 1000; i++) {
    actor.tell.step(i)
    expected.push(i)
    if (i % 7 === 0 || i % 11 === 0 || i % 13 === 0) expected.push(-i)
  }
  await system.idle()
  t.deepEqual(log, expected)
})

test('a message that an actor sends itself runs after the handler that sent it has ended', async t => {
  const system = systemFor(t)
  const log: string[] = []
  class Selfish extends Actor {
    async first() {
      const self = this.ctx.self as unknown as Ref<Selfish>
      self.tell.mark('before')
      await null
      self.tell.mark('after')
      log.push('first ends')
    }
    mark(word: string) { log.push(word) }
  }
  system.spawn(Selfish).tell.first()
  await system.idle()
  t.deepEqual(log, ['first ends', 'before', 'after'])
})

test('messages wait while onStart is pending', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  class Late extends Actor {
    override async onStart() { log.push('start'); await gate.promise; log.push('started') }
    hello() { log.push('hello') }
  }
  const actor = system.spawn(Late)
  actor.tell.hello()
  await turns()
  t.deepEqual(log, ['start'])
  t.like(system.stats(), { sent: 1, waiting: 1, handled: 0 })
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['start', 'started', 'hello'])
})

test('an async handler of an actor that is stopped ends before onStop runs', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  class Stopping extends Actor {
    async work() { log.push('work'); await gate.promise; log.push('worked') }
    next() { log.push('next') }
    override onStop() { log.push('stop') }
  }
  const actor = system.spawn(Stopping)
  actor.tell.work()
  actor.tell.next()
  await turns()
  const stopped = actor.stop()
  await turns()
  t.deepEqual(log, ['work'])
  gate.resolve()
  t.deepEqual(await stopped, { kind: 'normal' })
  t.deepEqual(log, ['work', 'worked', 'stop'])
  await system.idle()
  t.like(system.stats(), { sent: 2, handled: 1, deadLetters: 1 })
})

// ----------------------------------------------------------------------------------- concurrent

class Library extends Actor {
  static concurrent = ['read', 'skim']
  readonly log: string[]
  reading = 0
  most = 0
  constructor(log: string[]) { super(); this.log = log }
  async read(name: string, gate: Promise<void>): Promise<string> {
    this.log.push(name)
    this.most = Math.max(this.most, ++this.reading)
    await gate
    this.reading--
    return name
  }
  skim(name: string, gate: Promise<void>): Promise<string> { return this.read(name, gate) }
  write(name: string) { this.log.push(`${name} with ${this.reading}`) }
  async rewrite(name: string, gate: Promise<void>) { this.log.push(name); await gate; this.log.push(`${name} ends`) }
  peak() { return this.most }
}

test('concurrent handlers overlap each other', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  const library = system.spawn(Library, { args: [log] })
  const replies = [library.ask.read('a', gate.promise), library.ask.skim('b', gate.promise), library.ask.read('c', gate.promise)]
  await turns()
  t.deepEqual(log, ['a', 'b', 'c'])
  t.like(system.stats(), { sent: 3, running: 3, waiting: 0 })
  gate.resolve()
  t.deepEqual(await Promise.all(replies), ['a', 'b', 'c'])
  t.is(await library.ask.peak(), 3)
})

test('a concurrent handler overlaps no other handler', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const reads = [deferred(), deferred()]
  const library = system.spawn(Library, { args: [log] })
  library.tell.read('a', reads[0]!.promise)
  library.tell.read('b', reads[1]!.promise)
  library.tell.write('w')
  await turns()
  t.deepEqual(log, ['a', 'b'])
  reads[0]!.resolve()
  await turns()
  t.deepEqual(log, ['a', 'b'])
  reads[1]!.resolve()
  await system.idle()
  t.deepEqual(log, ['a', 'b', 'w with 0'])
})

test('a concurrent handler does not start while another handler is suspended', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  const library = system.spawn(Library, { args: [log] })
  library.tell.rewrite('w', gate.promise)
  library.tell.read('a', Promise.resolve())
  library.tell.read('b', Promise.resolve())
  await turns()
  t.deepEqual(log, ['w'])
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['w', 'w ends', 'a', 'b'])
})

test('a concurrent message does not overtake another message that waits', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  const library = system.spawn(Library, { args: [log] })
  library.tell.read('a', gate.promise)
  library.tell.write('w')
  library.tell.read('b', Promise.resolve())
  await turns()
  t.deepEqual(log, ['a'])
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['a', 'w with 0', 'b'])
})

test('concurrent handlers that never run dry do not starve the others', async t => {
  const system = systemFor(t)
  const limit = 20_000
  let reads = 0
  let readsAtWrite = -1
  class Busy extends Actor {
    static concurrent = ['read']
    async read() {
      const self = this.ctx.self as unknown as Ref<Busy>
      await turns(1)
      if (++reads < limit && readsAtWrite < 0) self.tell.read()
    }
    write() { readsAtWrite = reads }
  }
  const actor = system.spawn(Busy)
  for (let i = 0; i < 4; i++) actor.tell.read()
  await turns()
  actor.tell.write()
  await system.idle()
  t.true(readsAtWrite > 0 && readsAtWrite < limit, `written after ${readsAtWrite} reads`)
})

test('a concurrent handler without a promise is an ordinary one', async t => {
  const system = systemFor(t)
  class Sync extends Actor {
    static concurrent = ['value']
    value() { return 5 }
  }
  const actor = system.spawn(Sync)
  t.deepEqual(await Promise.all([actor.ask.value(), actor.ask.value()]), [5, 5])
  t.like(system.stats(), { sent: 2, handled: 2, running: 0 })
})

test('the failure of one concurrent handler settles the asks of all', async t => {
  const { system, clock } = manualSystemFor(t)
  const gate = deferred()
  const boom = new Error('boom')
  class Pair extends Actor {
    static concurrent = ['wait', 'fail']
    async wait() { await gate.promise; return 'waited' }
    async fail() { await null; throw boom }
  }
  const actor = system.spawn(Pair, temporary)
  const waiting = outcome(actor.ask.wait())
  t.deepEqual(await outcome(actor.ask.fail()), { error: boom })
  gate.resolve()
  await turns()
  await clock.advance(10_000)
  const result = await waiting
  if ('error' in result) t.like(result.error, { code: 'ERR_BUSKIN_STOPPED' })
  else t.is(result.value, 'waited')
  t.like(await actor.stopped, { kind: 'failed' })
  await system.idle()
  const stats = system.stats()
  balanced(t, stats)
  t.is(stats.running, 0)
})

// ------------------------------------------------------------------------------------- failures

const boom = new Error('boom')

class Fragile extends Actor {
  throws() { throw boom }
  async rejects() { await null; throw boom }
  plainRejects() { return Promise.reject(boom) }
  rejectsLater() { return new Promise((_, reject) => { setImmediate(reject, boom) }) }
  thenableRejects() { return { then(_: unknown, no: (error: unknown) => void) { no(boom) } } }
  thenThrows() { return { then() { throw boom } } }
  thenGetterThrows() { return Object.defineProperty({}, 'then', { get() { throw boom } }) }
  field = () => { throw boom }
  ok() { return 'ok' }
}

const failing = ['throws', 'rejects', 'plainRejects', 'rejectsLater', 'thenableRejects', 'thenThrows', 'thenGetterThrows', 'field'] as const

for (const method of failing) {
  test(`a handler that fails (${method}) rejects its asker with the very error and fails its actor`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const actor = system.spawn(Fragile, { ...temporary, name: 'fragile' })
    const result = await outcome((actor.ask[method] as () => Promise<unknown>)())
    t.true('error' in result && result.error === boom)
    const reason = await actor.stopped
    t.is(reason.kind, 'failed')
    t.is((reason as { error: unknown }).error, boom)
    await system.idle()
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0], { path: '/fragile', supervisor: '/', generation: 0, decision: 'stop', delay: 0 })
    t.like(failed[0]!.failure, { phase: 'message', method, generation: 0, restarts: 0 })
    t.is(failed[0]!.failure.error, boom)
    t.true(failed[0]!.failure.child.equals(actor))
    t.like(system.stats(), { sent: 1, handled: 0, failed: 1, running: 0, waiting: 0, deadLetters: 0 })
  })

  test(`a told handler that fails (${method}) fails its actor, and what waits becomes dead letters`, async t => {
    const system = systemFor(t)
    const letters = recordDeadLetters(system)
    const actor = system.spawn(Fragile, temporary)
    const tell = actor.tell as unknown as Record<string, () => void>
    tell[method]!()
    actor.tell.ok()
    const asked = outcome(actor.ask.ok())
    t.is((await actor.stopped).kind, 'failed')
    t.like(await asked, { error: { code: 'ERR_BUSKIN_STOPPED' } })
    await system.idle()
    t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['stopped', 'ok'], ['stopped', 'ok']])
    t.like(system.stats(), { sent: 3, failed: 1, deadLetters: 2, handled: 0, actors: 0 })
  })

  test(`a handler that fails (${method}) has its actor restarted, and what waits is handled`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const actor = system.spawn(Fragile, { name: 'fragile' })
    const asked = outcome((actor.ask[method] as () => Promise<unknown>)())
    actor.tell.ok()
    const next = actor.ask.ok()
    t.deepEqual(await asked, { error: boom })
    t.is(await next, 'ok')
    await system.idle()
    t.deepEqual(events.map(event => event.type), ['started', 'failed', 'stopped', 'started', 'restarted'])
    t.like(ofType(events, 'failed')[0], { path: '/fragile', supervisor: '/', generation: 0, decision: 'restart', delay: 0 })
    t.like(ofType(events, 'failed')[0]!.failure, { phase: 'message', method, error: boom, generation: 0, restarts: 0 })
    t.like(ofType(events, 'restarted')[0], { path: '/fragile', generation: 1 })
    t.like(system.stats(), { sent: 3, failed: 1, deadLetters: 0, handled: 2, actors: 1, restarts: 1 })
  })
}

for (const value of [undefined, null, 0, '', false, 'text', Object.freeze({ frozen: true }), Symbol('s')]) {
  for (const way of ['throw', 'reject'] as const) {
    test(`a handler may ${way} ${typeof value === 'object' && value ? 'a frozen object' : String(value)}${value === '' ? 'an empty string' : ''}, and the asker gets exactly that`, async t => {
      const system = systemFor(t)
      const actor = system.spawn(Puppet, temporary)
      const result = await outcome(actor.ask.run(way === 'throw' ? () => { throw value } : () => Promise.reject(value)))
      t.true('error' in result)
      t.is((result as { error: unknown }).error, value)
      const reason = await actor.stopped
      t.is(reason.kind, 'failed')
      t.is((reason as { error: unknown }).error, value)
      t.is(system.stats().failed, 1)
    })
  }
}

for (const [name, fails] of Object.entries({
  constructor: class extends Actor { constructor() { super(); throw boom } hello() {} },
  'onStart (throws)': class extends Actor { override onStart() { throw boom } hello() {} },
  'onStart (rejects)': class extends Actor { override async onStart() { await null; throw boom } hello() {} }
})) {
  test(`a throw in ${name} is a start failure and nothing else`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const letters = recordDeadLetters(system)
    const actor = system.spawn<InstanceType<typeof fails>, []>(fails, { ...temporary, name: 'stillborn' })
    actor.tell.hello()
    const error = await rejectsWith(t, actor.started, 'ERR_BUSKIN_START')
    t.is(error.cause, boom)
    t.deepEqual(await actor.stopped, { kind: 'failed', error: boom })
    await system.idle()
    t.is(ofType(events, 'started').length, 0)
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0]!.failure, { phase: 'start', method: null })
    t.is(failed[0]!.failure.error, boom)
    t.deepEqual(letters.map(letter => [letter.reason, letter.method]), [['stopped', 'hello']])
    t.is(system.lookup('/stillborn'), null)
    t.is(system.stats().actors, 0)
  })
}

for (const [name, onStop] of Object.entries<() => void | Promise<void>>({
  throws: () => { throw boom },
  rejects: () => Promise.reject(boom)
})) {
  test(`an onStop that ${name} is reported, and the actor still ends for the reason it was given`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    class Bad extends Actor { override onStop() { return onStop() } hello() { return 1 } }
    const actor = system.spawn(Bad, { name: 'bad' })
    t.is(await actor.ask.hello(), 1)
    t.deepEqual(await actor.stop(), { kind: 'normal' })
    await system.idle()
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0]!.failure, { phase: 'stop', method: null })
    t.is(failed[0]!.failure.error, boom)
    t.is(system.stats().failed, 0)
  })
}

for (const [name, act] of Object.entries<() => unknown>({ throws: () => { throw boom }, rejects: () => Promise.reject(boom) })) {
  test(`a timer callback that ${name} fails its actor and no message`, async t => {
    const { system, clock } = manualSystemFor(t)
    const events = recordEvents(system)
    const actor = system.spawn(Puppet, temporary)
    await inside(actor, me => { me.c.after(10, act) })
    await clock.advance(10)
    t.deepEqual(await actor.stopped, { kind: 'failed', error: boom })
    await system.idle()
    t.like(ofType(events, 'failed')[0]!.failure, { phase: 'timer', method: null })
    t.like(system.stats(), { sent: 1, handled: 1, failed: 0 })
  })

  test(`a watch callback that ${name} fails its actor and no message`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const target = system.spawn(Puppet)
    const actor = system.spawn(Puppet, temporary)
    await inside(actor, me => { me.c.watch(target, act) })
    await target.stop()
    t.deepEqual(await actor.stopped, { kind: 'failed', error: boom })
    await system.idle()
    t.like(ofType(events, 'failed')[0]!.failure, { phase: 'watch', method: null })
    t.like(system.stats(), { sent: 1, handled: 1, failed: 0 })
  })
}

test('a failure tells the watchers and leaves parent and siblings alone', async t => {
  const system = systemFor(t)
  const parent = system.spawn(Puppet, { name: 'parent' })
  const watcher = system.spawn(Puppet)
  const told = deferred<[ExitReason, string]>()
  const toldParent = deferred<ExitReason>()
  const [child, sibling] = await inside(parent, me => {
    const made = me.c.spawn(Fragile, { ...temporary, name: 'child' })
    me.c.watch(made, reason => { toldParent.resolve(reason) })
    return [made, me.c.spawn(Fragile, { name: 'sibling' })] as const
  })
  await inside(watcher, me => { me.c.watch(child, (reason, target) => { told.resolve([reason, target.path]) }) })
  child.tell.throws()
  t.deepEqual(await told.promise, [{ kind: 'failed', error: boom }, '/parent/child'])
  t.deepEqual(await toldParent.promise, { kind: 'failed', error: boom })
  t.deepEqual(await inside(parent, me => me.c.children.map(ref => ref.path)), ['/parent/sibling'])
  t.is(await sibling.ask.ok(), 'ok')
})

test('the failure of a child names its parent as supervisor', async t => {
  const system = systemFor(t)
  const parent = system.spawn(Puppet, { name: 'parent' })
  for (const [restart, decision] of [['temporary', 'stop'], ['transient', 'restart'], ['permanent', 'restart']] as const) {
    const child = await inside(parent, me => me.c.spawn(Fragile, { name: restart, restart }))
    const failed = nextEvent(system, 'failed')
    child.tell.throws()
    t.like(await failed, { path: `/parent/${restart}`, supervisor: '/parent', decision })
  }
})

test('children of a failed actor end with shutdown before its onStop runs, last started first', async t => {
  const system = systemFor(t)
  const log: string[] = []
  class Child extends Actor {
    readonly label: string
    constructor(label: string) { super(); this.label = label }
    override onStop(reason: ExitReason) { log.push(`${this.label} ${reason.kind}`) }
  }
  class Parent extends Actor {
    override onStart() { this.ctx.spawn(Child, { args: ['one'] }); this.ctx.spawn(Child, { args: ['two'] }) }
    fail() { throw boom }
    override onStop(reason: ExitReason) { log.push(`parent ${reason.kind}`) }
  }
  const parent = system.spawn(Parent, temporary)
  await parent.started
  await system.idle()
  parent.tell.fail()
  await parent.stopped
  t.deepEqual(log, ['two shutdown', 'one shutdown', 'parent failed'])
})

test('a Refusal rejects the asker, counts as handled and fails nobody', async t => {
  const system = systemFor(t)
  const refusal = new Refusal('not today', { details: { left: 3 } })
  const actor = system.spawn(Puppet)
  for (const action of [() => { throw refusal }, () => Promise.reject(refusal)]) {
    const result = await outcome(actor.ask.run(action))
    t.true('error' in result && result.error === refusal)
  }
  t.is(await inside(actor, () => 'alive'), 'alive')
  t.like(system.stats(), { sent: 3, handled: 3, failed: 0 })
})

// ----------------------------------------------------------------------------- AsyncLocalStorage

test('handlers run in the context in which the system was made, and callers keep theirs', async t => {
  t.timeout(30_000)
  const storage = new AsyncLocalStorage<string>()
  const system = storage.run('maker', () => systemFor(t))
  const seen: { [hook: string]: string | undefined } = {}
  class Looker extends Actor {
    constructor() { super(); seen.made = storage.getStore() }
    override onStart() { seen.onStart = storage.getStore() }
    override onStop() { seen.onStop = storage.getStore() }
    look() { return storage.getStore() }
    async lookLater() { await turns(1); return storage.getStore() }
    *items() { yield storage.getStore(); yield storage.getStore() }
    startTimer() { return new Promise<string | undefined>(resolve => { this.ctx.after(0, () => { seen.timer = storage.getStore() }); resolve(storage.getStore()) }) }
    observe(target: Ref<Puppet>) { this.ctx.watch(target, () => { seen.watch = storage.getStore() }) }
  }
  await storage.run('caller', async () => {
    const target = system.spawn(Puppet)
    const actor = system.spawn(Looker)
    t.is(storage.getStore(), 'caller')
    t.is(await actor.ask.look(), 'maker')
    t.is(storage.getStore(), 'caller')
    t.is(await actor.ask.lookLater(), 'maker')
    t.is(storage.getStore(), 'caller')
    for await (const item of actor.stream.items()) {
      t.is(item, 'maker')
      t.is(storage.getStore(), 'caller')
    }
    t.is(await actor.ask.startTimer(), 'maker')
    await actor.ask.observe(target)
    await target.stop()
    t.is(storage.getStore(), 'caller')
    await system.idle()
    t.is(storage.getStore(), 'caller')
    await actor.stop()
  })
  t.like(seen, { made: 'maker', onStart: 'maker', onStop: 'maker', watch: 'maker' })
})

test('a timer callback runs in the context in which the system was made', async t => {
  const storage = new AsyncLocalStorage<string>()
  const { system, clock } = storage.run('maker', () => manualSystemFor(t))
  const seen: (string | undefined)[] = []
  await storage.run('caller', async () => {
    const actor = system.spawn(Puppet)
    await inside(actor, me => { me.c.after(5, () => { seen.push(storage.getStore()) }) })
    await clock.advance(5)
    t.is(storage.getStore(), 'caller')
  })
  t.deepEqual(seen, ['maker'])
})

test('the context of a caller does not leak into a system made outside of any', async t => {
  const storage = new AsyncLocalStorage<string>()
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const results = await Promise.all(['a', 'b', 'c'].map(name => storage.run(name, async () => {
    const inner = await inside(actor, () => storage.getStore())
    return [inner, storage.getStore()]
  })))
  t.deepEqual(results, [[undefined, 'a'], [undefined, 'b'], [undefined, 'c']])
})

test('what a handler enters ends with it', async t => {
  const storage = new AsyncLocalStorage<string>()
  const system = systemFor(t)
  const [a, b] = [system.spawn(Puppet), system.spawn(Puppet)]
  const seen: (string | undefined)[] = []
  a.tell.run(() => storage.run('inner', () => { b.tell.run(() => { seen.push(storage.getStore()) }) }))
  await system.idle()
  t.deepEqual(seen, [undefined])
})

test('under propagate a handler runs in the context of whoever sent the message', async t => {
  const storage = new AsyncLocalStorage<string>()
  const system = storage.run('maker', () => systemFor(t, { propagate: true }))
  const [a, b] = [system.spawn(Puppet), system.spawn(Puppet)]
  const chain = (name: string) => storage.run(name, () => inside(a, async () => {
    const here = storage.getStore()
    await turns(1)
    const there = await inside(b, async () => { await null; return storage.getStore() })
    return [here, there, storage.getStore()]
  }))
  t.deepEqual(await Promise.all([chain('one'), chain('two'), chain('three')]), [
    ['one', 'one', 'one'], ['two', 'two', 'two'], ['three', 'three', 'three']
  ])
  t.is(await inside(a, () => storage.getStore()), undefined)
})

test('under propagate a tell, a send and a stream carry the context like an ask', async t => {
  const storage = new AsyncLocalStorage<string>()
  const system = systemFor(t, { propagate: true })
  const seen: unknown[] = []
  class Looker extends Actor {
    look() { seen.push(storage.getStore()) }
    *items() { yield storage.getStore(); yield storage.getStore() }
  }
  const actor = system.spawn(Looker)
  storage.run('told', () => { actor.tell.look() })
  await storage.run('sent', () => actor.send.look())
  await system.idle()
  t.deepEqual(seen, ['told', 'sent'])
  const items: unknown[] = []
  await storage.run('streamed', async () => { for await (const item of actor.stream.items()) items.push(item) })
  t.deepEqual(items, ['streamed', 'streamed'])
})

// --------------------------------------------------------------------------------------- sender

class Senders extends Actor {
  who() { return this.ctx.sender?.path ?? null }
  async whoLater() { const before = this.ctx.sender?.path ?? null; await turns(1); return [before, this.ctx.sender?.path ?? null] }
}

test('the sender is the actor whose handler made the call synchronously', async t => {
  const system = systemFor(t)
  const target = system.spawn(Senders, { name: 'target' })
  const actor = system.spawn(Puppet, { name: 'actor' })
  t.is(await inside(actor, () => target.ask.who()), '/actor')
  t.is(await inside(actor, () => target.with({ priority: 'high' }).ask.who()), '/actor')
  const told = deferred<string | null>()
  const listener = system.spawn(Puppet)
  actor.tell.run(() => { listener.tell.run(me => { told.resolve(me.c.sender?.path ?? null) }) })
  t.is(await told.promise, '/actor')
})

test('the sender is null for plain code and for what a handler sends after an await', async t => {
  const system = systemFor(t)
  const target = system.spawn(Senders)
  const actor = system.spawn(Puppet, { name: 'actor' })
  t.is(await target.ask.who(), null)
  t.is(await inside(actor, async () => { await turns(1); return target.ask.who() }), null)
  t.is(await inside(actor, async () => { await null; return target.ask.who() }), null)
  t.is(await target.ask.who(), null)
})

test('plain code that runs between two handlers is nobody', async t => {
  const system = systemFor(t)
  const target = system.spawn(Senders)
  const actor = system.spawn(Puppet)
  const reply = inside(actor, () => 1).then(() => target.ask.who())
  for (let i = 0; i < 10; i++) actor.tell.run(() => {})
  t.is(await reply, null)
})

test('the sender stays the same for a handler across its awaits', async t => {
  const system = systemFor(t)
  const target = system.spawn(Senders)
  const actor = system.spawn(Puppet, { name: 'actor' })
  t.deepEqual(await inside(actor, () => target.ask.whoLater()), ['/actor', '/actor'])
  t.deepEqual(await target.ask.whoLater(), [null, null])
})

test('under propagate the sender is known after an await too', async t => {
  const system = systemFor(t, { propagate: true })
  const target = system.spawn(Senders)
  const actor = system.spawn(Puppet, { name: 'actor' })
  t.is(await inside(actor, async () => { await turns(1); return target.ask.who() }), '/actor')
  t.is(await inside(actor, async () => {
    await turns(1)
    return new Promise<unknown>(resolve => { setImmediate(() => { resolve(target.ask.who()) }) })
  }), '/actor')
  t.is(await target.ask.who(), null)
})

test('the sender of a timer callback and of a start hook is null, and what they send comes from their actor', async t => {
  const { system, clock } = manualSystemFor(t)
  const target = system.spawn(Senders)
  const seen: unknown[] = []
  const replies: Promise<string | null>[] = []
  class Starter extends Actor {
    override onStart() {
      seen.push(this.ctx.sender)
      replies.push(target.ask.who())
      this.ctx.after(1, () => { seen.push(this.ctx.sender); replies.push(target.ask.who()) })
    }
  }
  system.spawn(Starter, { name: 'starter' })
  await system.idle()
  await clock.advance(1)
  t.deepEqual(seen, [null, null])
  t.deepEqual(await Promise.all(replies), ['/starter', '/starter'])
})

// -------------------------------------------------------------------------------- localMessages

class Keeper extends Actor {
  kept: unknown = undefined
  keep(...args: unknown[]) { this.kept = args; return args }
  given: { list: number[] } = { list: [1] }
  give() { return this.given }
  greet(letter: { to: Ref<Keeper> }) { letter.to.tell.keep('greeted') }
  last() { return this.kept }
}

test('local messages share what they carry by default', async t => {
  const system = systemFor(t)
  const message = { list: [1, 2], map: new Map() }
  let received: unknown
  class Receiver extends Actor { take(value: unknown) { received = value; return value } }
  t.is(await system.spawn(Receiver).ask.take(message), message)
  t.is(received, message)
  t.false(Object.isFrozen(message))
})

test('localMessages freeze hands over the same object, frozen to its depth', async t => {
  const system = systemFor(t, { localMessages: 'freeze' })
  let received: unknown
  class Receiver extends Actor { take(value: unknown) { received = value } }
  const actor = system.spawn(Receiver)
  const inner: { n: number, up?: unknown } = { n: 1 }
  const message = { list: [inner], inner, bytes: new Uint8Array([1, 2]) }
  inner.up = message
  await actor.ask.take(message)
  t.is(received, message)
  t.true(Object.isFrozen(message) && Object.isFrozen(message.list) && Object.isFrozen(inner))
  t.throws(() => { inner.n = 2 }, { instanceOf: TypeError })
  t.deepEqual([...message.bytes], [1, 2])
})

test('localMessages freeze catches a handler that changes what it was sent', async t => {
  const system = systemFor(t, { localMessages: 'freeze' })
  class Careless extends Actor { take(list: number[]) { list.push(1) } }
  const actor = system.spawn(Careless)
  const result = await outcome(actor.ask.take([]))
  t.true('error' in result && result.error instanceof TypeError)
})

test('localMessages freeze freezes replies', async t => {
  const system = systemFor(t, { localMessages: 'freeze' })
  const reply = await system.spawn(Keeper).ask.give()
  t.deepEqual(reply, { list: [1] })
  t.true(Object.isFrozen(reply) && Object.isFrozen(reply.list))
})

test('localMessages copy hands over an equal value that shares nothing', async t => {
  const system = systemFor(t, { localMessages: 'copy' })
  let received: unknown
  class Receiver extends Actor { take(value: unknown) { received = value } }
  const actor = system.spawn(Receiver)
  const message = { list: [{ n: 1 }], map: new Map([['a', { n: 2 }]]), when: new Date(5), bytes: new Uint8Array([1, 2]) }
  const before = structuredClone(message)
  const asked = actor.ask.take(message)
  message.list[0]!.n = 9
  message.map.get('a')!.n = 9
  message.bytes[0] = 9
  await asked
  t.deepEqual(received, before)
  t.not(received, message)
  t.false(Object.isFrozen(received))
})

test('localMessages copy copies replies', async t => {
  const system = systemFor(t, { localMessages: 'copy' })
  const actor = system.spawn(Keeper)
  const reply = await actor.ask.give()
  reply.list.push(2)
  t.deepEqual(await actor.ask.give(), { list: [1] })
})

test('localMessages copy refuses at the call what cannot travel, and nothing is sent', async t => {
  const system = systemFor(t, { localMessages: 'copy' })
  const actor = system.spawn(Keeper)
  const error = throwsWith(t, () => { actor.tell.keep({ user: { save: () => 1 } }) }, 'ERR_BUSKIN_NOT_SERIALIZABLE')
  t.regex(error.message, /args\[0\]\.user\.save/)
  await system.idle()
  t.is(system.stats().sent, 0)
})

for (const localMessages of ['share', 'freeze', 'copy'] as const) {
  test(`refs inside messages stay live with localMessages ${localMessages}`, async t => {
    const system = systemFor(t, { localMessages })
    const [a, b] = [system.spawn(Keeper, { name: 'a' }), system.spawn(Keeper, { name: 'b' })]
    a.tell.greet({ to: b })
    await system.idle()
    t.deepEqual(await b.ask.last(), ['greeted'])
    const [one, list, map] = await a.ask.keep(b, [b], new Map([['b', b]])) as [Ref<Keeper>, Ref<Keeper>[], Map<string, Ref<Keeper>>]
    for (const ref of [one, list[0]!, map.get('b')!]) {
      t.true(ref.equals(b))
      t.is(ref.path, '/b')
      t.deepEqual(await ref.ask.give(), { list: [1] })
    }
  })
}

// --------------------------------------------------------------------------------------- logger

type Line = { level: string, message: string, fields: object | undefined }

function recorder(): { lines: Line[], log: Logger } {
  const lines: Line[] = []
  const at = (level: string) => (message: string, fields?: object) => { lines.push({ level, message, fields }) }
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

for (const level of ['debug', 'info', 'warn', 'error'] as const) {
  test(`ctx.log.${level} reaches the logger of the system with its fields`, async t => {
    const { lines, log } = recorder()
    const system = systemFor(t, { log })
    const actor = system.spawn(Puppet, { name: 'talker' })
    await inside(actor, me => { me.c.log[level]('hello', { n: 1 }) })
    const line = lines.find(found => found.message.includes('hello'))
    t.is(line?.level, level)
    t.like(line?.fields, { n: 1 })
    t.regex(JSON.stringify(line), /\/talker/)
  })
}

test('a failure is logged as an error with path and error', async t => {
  const { lines, log } = recorder()
  const system = systemFor(t, { log })
  const actor = system.spawn(Fragile, { ...temporary, name: 'fragile' })
  actor.tell.throws()
  await actor.stopped
  await system.idle()
  const line = lines.find(found => found.level === 'error')
  t.truthy(line)
  t.regex(`${line!.message} ${JSON.stringify(line!.fields)}`, /\/fragile/)
  t.true(line!.message.includes('boom') || Object.values(line!.fields ?? {}).includes(boom))
})

test('a Refusal of a tell is logged at debug', async t => {
  const { lines, log } = recorder()
  const system = systemFor(t, { log })
  const actor = system.spawn(Puppet)
  actor.tell.run(() => { throw new Refusal('not today') })
  await system.idle()
  t.deepEqual(lines.filter(line => `${line.message} ${JSON.stringify(line.fields)}`.includes('not today')).map(line => line.level), ['debug'])
  t.like(system.stats(), { handled: 1, failed: 0 })
})

test('a start failure whose promise was made and never read is logged', async t => {
  const { lines, log } = recorder()
  const system = systemFor(t, { log })
  class Stillborn extends Actor { override onStart() { throw new Error('cold feet') } }
  const actor = system.spawn(Stillborn, temporary)
  void actor.started
  await actor.stopped
  await turns()
  t.true(lines.some(line => line.level === 'error' || line.level === 'warn'))
})

test('a logger that throws harms nobody', async t => {
  const bad = () => { throw new Error('no disk') }
  const system = systemFor(t, { log: { debug: bad, info: bad, warn: bad, error: bad } })
  const actor = system.spawn(Fragile, temporary)
  const other = system.spawn(Fragile)
  actor.tell.throws()
  t.is((await actor.stopped).kind, 'failed')
  t.is(await other.ask.ok(), 'ok')
})

// ----------------------------------------------------------------------------------- ask cycles

class Asker extends Actor {
  /** Asks the first of `path` to ask the rest, before any await. */
  async pass(path: readonly Ref<Asker>[], results: string[], timeout: number): Promise<string> {
    const [next, ...rest] = path
    if (next === undefined) return 'end'
    try {
      return await next.with({ timeout }).ask.pass(rest, results, timeout)
    } catch (error) {
      const { code, message } = error as { code: string, message: string }
      results.push(`${this.ctx.path} ${code} ${message}`)
      return code
    }
  }
  async passLater(path: readonly Ref<Asker>[], results: string[], timeout: number): Promise<string> {
    await turns(1)
    return this.pass(path, results, timeout)
  }
}

for (const size of [1, 2, 3, 7]) {
  test(`an ask cycle of ${size} is reported at once, and its time-outs say DEADLOCK and list the paths`, async t => {
    const { system, clock } = manualSystemFor(t)
    const events = recordEvents(system)
    const cycle = nextEvent(system, 'ask-cycle')
    const actors = Array.from({ length: size }, (_, i) => system.spawn(Asker, { name: `a${i}` }))
    const paths = actors.map(actor => actor.path).sort()
    const results: string[] = []
    actors[0]!.tell.pass([...actors.slice(1), actors[0]!], results, 100)
    t.deepEqual([...(await cycle).paths].sort(), paths)
    t.is(clock.now(), 0)
    t.deepEqual(results, [])
    await clock.advance(100)
    await system.idle()
    t.is(results.length, size)
    for (const result of results) {
      t.regex(result, /ERR_BUSKIN_DEADLOCK/)
      for (const path of paths) t.true(result.includes(path), result)
    }
    t.is(ofType(events, 'ask-cycle').length, 1)
  })
}

test('an ask that waits outside of a cycle times out as usual', async t => {
  const { system, clock } = manualSystemFor(t)
  const [a, b] = [system.spawn(Asker, { name: 'a' }), system.spawn(Asker, { name: 'b' })]
  const cycle = nextEvent(system, 'ask-cycle')
  const outer = outcome(a.with({ timeout: 50 }).ask.pass([b, a], [], 100))
  await cycle
  await clock.advance(50)
  t.like(await outer, { error: { code: 'ERR_BUSKIN_TIMEOUT' } })
})

test('when one ask of a cycle has timed out, the others are served', async t => {
  const { system, clock } = manualSystemFor(t)
  const [a, b] = [system.spawn(Puppet, { name: 'a' }), system.spawn(Puppet, { name: 'b' })]
  const cycle = nextEvent(system, 'ask-cycle')
  const first = deferred<unknown>()
  const second = deferred<unknown>()
  a.tell.run(() => outcome(b.with({ timeout: 10 }).ask.run(() => {
    const reply = outcome(a.ask.run(() => 'served'))
    void reply.then(second.resolve)
    return reply
  })).then(first.resolve))
  await cycle
  await clock.advance(10)
  t.like(await first.promise, { error: { code: 'ERR_BUSKIN_DEADLOCK' } })
  t.deepEqual(await second.promise, { value: 'served' })
})

test('a chain of asks without a cycle is not reported', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  const actors = Array.from({ length: 5 }, () => system.spawn(Asker))
  t.is(await actors[0]!.ask.pass(actors.slice(1), [], 1000), 'end')
  const [a, b] = actors as [Ref<Asker>, Ref<Asker>]
  t.deepEqual(await Promise.all([a.ask.pass([b], [], 1000), a.ask.pass([b], [], 1000), b.ask.pass([], [], 1000)]), ['end', 'end', 'end'])
  t.is(await b.ask.pass([a], [], 1000), 'end')
  await system.idle()
  t.deepEqual(ofType(events, 'ask-cycle'), [])
})

test('a cycle that a concurrent handler breaks is none', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  class Open extends Actor {
    static concurrent = ['start', 'value']
    async start(other: Ref<Caller>) { return other.ask.call(this.ctx.self as unknown as Ref<Open>) }
    async value() { return 42 }
  }
  class Caller extends Actor {
    async call(back: Ref<Open>): Promise<number> { return back.ask.value() }
  }
  const open = system.spawn(Open)
  t.is(await open.ask.start(system.spawn(Caller)), 42)
  await system.idle()
  t.deepEqual(ofType(events, 'ask-cycle'), [])
})

test('a cycle through an ask made after an await is not seen, and is a plain time-out', async t => {
  const { system, clock } = manualSystemFor(t)
  const events = recordEvents(system)
  const results: string[] = []
  const [a, b] = [system.spawn(Asker, { name: 'a' }), system.spawn(Asker, { name: 'b' })]
  a.tell.passLater([b, a], results, 100)
  await turns()
  await clock.advance(100)
  await system.idle()
  t.is(results.length, 2)
  for (const result of results) t.regex(result, /ERR_BUSKIN_TIMEOUT/)
  t.deepEqual(ofType(events, 'ask-cycle'), [])
})

test('under propagate a cycle through an ask made after an await is seen', async t => {
  const { system, clock } = manualSystemFor(t, { propagate: true })
  const cycle = nextEvent(system, 'ask-cycle')
  const results: string[] = []
  const [a, b] = [system.spawn(Asker, { name: 'a' }), system.spawn(Asker, { name: 'b' })]
  a.tell.passLater([b, a], results, 100)
  t.deepEqual([...(await cycle).paths].sort(), ['/a', '/b'])
  await clock.advance(100)
  await system.idle()
  t.is(results.length, 2)
  for (const result of results) t.regex(result, /ERR_BUSKIN_DEADLOCK/)
})

test('the end of an actor breaks its cycle', async t => {
  const { system } = manualSystemFor(t)
  const cycle = nextEvent(system, 'ask-cycle')
  const results: string[] = []
  const [a, b] = [system.spawn(Asker, { name: 'a' }), system.spawn(Asker, { name: 'b' })]
  a.tell.pass([b, a], results, 100)
  await cycle
  await a.kill()
  await system.idle()
  t.is(results.length, 1)
  t.regex(results[0]!, /^\/b ERR_BUSKIN_STOPPED/)
})

// ---------------------------------------------------------------- the system, used in its actors

test('stats inside a handler count the message in hand as running', async t => {
  const system = systemFor(t)
  const [a, b] = [system.spawn(Puppet), system.spawn(Puppet)]
  const stats = await inside(a, () => {
    b.tell.run(() => {})
    b.tell.run(() => {})
    const cut = system.stats()
    return cut
  })
  balanced(t, stats)
  t.like(stats, { sent: 3, running: 1, waiting: 2, handled: 0 })
})

test('inspect inside a handler shows its own actor running', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet, { name: 'me' })
  const info = await inside(actor, () => system.inspect())
  const me = info.children.find((child: ActorInfo) => child.path === '/me')
  t.like(me, { className: 'Puppet', state: 'running', on: 0, generation: 0, waiting: 0, handled: 0, failed: 0, children: [] })
})

test('a handler may spawn children, and actors at the root', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet, { name: 'me' })
  const [child, root] = await inside(actor, me => [me.c.spawn(Puppet, { name: 'x' }), system.spawn(Puppet, { name: 'x' })] as const)
  t.is(child.path, '/me/x')
  t.is(root.path, '/x')
  t.is(await inside(child, me => me.c.parent?.path), '/me')
  t.is(await inside(root, me => me.c.parent), null)
})

test('a child spawned in a handler can be told at once', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const heard = deferred<string>()
  actor.tell.run(me => { me.c.spawn(Puppet, { name: 'child' }).tell.run(child => { heard.resolve(child.c.path) }) })
  t.regex(await heard.promise, /^\/Puppet-\d+\/child$/)
})

test('idle called in a handler resolves after that handler has ended', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const log: string[] = []
  const quiet = deferred()
  await inside(actor, async () => {
    void system.idle().then(() => { log.push('idle'); quiet.resolve() })
    await turns()
    log.push('handled')
  })
  await quiet.promise
  t.deepEqual(log, ['handled', 'idle'])
})

test('a handler that awaits idle waits for itself, holds up nobody else and can be killed', async t => {
  const system = systemFor(t)
  const [a, b] = [system.spawn(Puppet), system.spawn(Puppet)]
  const entered = deferred()
  a.tell.run(() => { entered.resolve(); return system.idle() })
  await entered.promise
  await turns()
  t.is(await inside(b, () => 'alive'), 'alive')
  t.is(system.stats().running, 1)
  t.deepEqual(await a.kill(), { kind: 'killed' })
  await system.idle()
  t.like(system.stats(), { running: 0, failed: 1 })
})

test('a handler may shut its own system down', async t => {
  const { system } = manualSystemFor(t)
  const log: string[] = []
  class Last extends Actor {
    end() { void system.shutdown(); log.push('handled') }
    override onStop(reason: ExitReason) { log.push(reason.kind) }
  }
  system.spawn(Last).tell.end()
  await system.closed
  t.deepEqual(log, ['handled', 'shutdown'])
  t.like(system.stats(), { sent: 1, handled: 1, failed: 0 })
})

test('a handler that awaits the shutdown it asked for is cut off at its deadline', async t => {
  const { system, clock } = manualSystemFor(t)
  const actor = system.spawn(Puppet, { shutdown: 100 })
  actor.tell.run(() => system.shutdown())
  await turns()
  await clock.advance(100)
  await system.closed
  t.deepEqual(await actor.stopped, { kind: 'killed' })
  t.like(system.stats(), { sent: 1, failed: 1, running: 0 })
})

test('a handler may make a system of its own', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  t.is(await inside(actor, async () => {
    const inner = createSystem({ cores: 0, log: false })
    const value = await inside(inner.spawn(Puppet), () => 'inner')
    await inner.shutdown()
    return value
  }), 'inner')
})

test('stop called in the handler of the same actor takes effect after it', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const actor = system.spawn(Puppet)
  actor.tell.run(async me => { me.c.stop(); log.push('before'); await turns(); log.push('after') })
  actor.tell.run(() => { log.push('never') })
  t.deepEqual(await actor.stopped, { kind: 'normal' })
  t.deepEqual(log, ['before', 'after'])
})

test('a busy actor does not hold up the others', async t => {
  const system = systemFor(t)
  const [a, b] = [system.spawn(Puppet), system.spawn(Puppet)]
  const busy = await occupy(a)
  for (let i = 0; i < 100; i++) t.is(await inside(b, () => i), i)
  t.is(system.stats().running, 1)
  busy.release()
  await system.idle()
})
