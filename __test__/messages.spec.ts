// Semantics, sentences 1 to 9: what a message is, who handles it, in which order, until when, and what its caller gets.
import { inspect } from 'node:util'
import test from 'ava'
import { Actor, BuskinError, Refusal, createManualClock } from 'buskin'
import type { CallOptions, Ref } from 'buskin'
import {
  Bench, allVerbs, busy, call, collect, counts, deadBy, fire, loose, memoryLog, pass, pending,
  rejectsWith, settle, temporary, testGate, thrownBy, turns, verbs, withSystem,
} from './support.ts'
import type { Gate } from './support.ts'

// --------------------------------------------------------------- 2: names that are no messages

/** Everything about it that is not a message counts how often it was run. */
class Odd extends Actor {
  readonly ran: string[]
  count = 1
  nothing = null
  list = [1]
  constructor(ran: string[] = []) {
    super()
    this.ran = ran
  }
  get computed() {
    this.ran.push('computed')
    return () => 'from a getter'
  }
  fine() {
    return 'fine'
  }
  override onStart() {
    this.ran.push('onStart')
  }
  override onStop() {
    this.ran.push('onStop')
  }
  override onRestart() {
    this.ran.push('onRestart')
  }
  override onHealth() {
    this.ran.push('onHealth')
  }
  onMove() {
    this.ran.push('onMove')
  }
}

class OddWithFallback extends Odd {
  override onUnhandled(method: string, args: readonly unknown[]): unknown {
    return [method, [...args]]
  }
}

const strangers = [
  'nope', 'onStart', 'onStop', 'onRestart', 'onHealth', 'onMove', 'onUnhandled', 'constructor', 'then', 'catch', 'finally', '__proto__', 'prototype',
  'ctx', 'computed', 'count', 'nothing', 'list', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '__defineGetter__', 'toJSON', 'length', '0', '', 'ünï çødé',
]

for (const name of strangers) {
  for (const verb of allVerbs) {
    test(`${verb} of '${name}', which is no handler, is a dead letter 'no-handler'`, async (t) => {
      const system = withSystem(t)
      const dead = collect(system.deadLetters)
      const ran: string[] = []
      const ref = system.spawn(Odd, { name: 'odd', args: [ran] })
      await ref.started
      const result = call(ref, verb, name, 1, 'two')
      if (verb === 'tell') await result
      else await rejectsWith(t, result, 'ERR_BUSKIN_NO_HANDLER')
      await system.idle()
      t.deepEqual(dead, [{ reason: 'no-handler', target: '/odd', sender: null, method: name, args: [1, 'two'] }])
      counts(t, system, { sent: 1, deadLetters: 1, handled: 0, failed: 0, waiting: 0, running: 0 })
      t.deepEqual(ran, ['onStart'])
      t.is(await ref.ask.fine(), 'fine')
    })
  }

  test(`'${name}', which is no handler, reaches onUnhandled where the class has it`, async (t) => {
    const system = withSystem(t)
    const ran: string[] = []
    const ref = system.spawn(OddWithFallback, { args: [ran] })
    t.deepEqual(await call(ref, 'ask', name, 1, 'two'), [name, [1, 'two']])
    t.is(await fire(ref, 'send', name), 'ok')
    await call(ref, 'tell', name)
    await system.idle()
    counts(t, system, { sent: 3, handled: 3, deadLetters: 0, failed: 0 })
    t.deepEqual(ran, ['onStart'])
  })
}

test('names that are no handlers are refused through a ref from lookup too', async (t) => {
  const system = withSystem(t)
  const ran: string[] = []
  await system.spawn(Odd, { name: 'odd', args: [ran] }).started
  const ref = system.lookup('/odd')!
  for (const name of strangers) {
    await call(ref, 'tell', name)
    t.is(await fire(ref, 'send', name), 'ERR_BUSKIN_NO_HANDLER', name)
    t.is(await fire(ref, 'ask', name), 'ERR_BUSKIN_NO_HANDLER', name)
    t.is(await fire(ref, 'stream', name), 'ERR_BUSKIN_NO_HANDLER', name)
  }
  await system.idle()
  t.deepEqual(deadBy(system), { 'no-handler': strangers.length * 4 })
  t.deepEqual(ran, ['onStart'])
})

test('an unknown method does not disturb the messages around it', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  ref.tell.note(1)
  loose(ref, 'tell').nope!()
  ref.tell.note(2)
  const refused = fire(ref, 'ask', 'nope')
  ref.tell.note(3)
  t.deepEqual(await ref.ask.read(), [1, 2, 3])
  t.is(await refused, 'ERR_BUSKIN_NO_HANDLER')
  counts(t, system, { sent: 6, handled: 4, deadLetters: 2 })
})

test("the error of an unknown method names the method and the actor's path", async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench, { name: 'bench' })
  const error = await rejectsWith(t, call(ref, 'ask', 'misspelt'), 'ERR_BUSKIN_NO_HANDLER')
  t.regex(error.message, /misspelt/)
  t.regex(error.message, /\/bench/)
})

test('a throw in onUnhandled is a failure of that message', async (t) => {
  const boom = new Error('boom')
  class Strict extends Actor {
    override onUnhandled() {
      throw boom
    }
  }
  const system = withSystem(t)
  const events = collect(system.events)
  const ref = system.spawn(Strict, temporary)
  t.is((await thrownBy(call(ref, 'ask', 'anything'))).error, boom)
  t.deepEqual(await ref.stopped, { kind: 'failed', error: boom })
  await system.idle()
  counts(t, system, { sent: 1, failed: 1, handled: 0 })
  const failed = events.filter((event) => event.type === 'failed')
  t.is(failed.length, 1)
  t.is(failed[0]!.failure.method, 'anything')
})

test("onUnhandled may be async, and its promise is the asker's reply", async (t) => {
  class Later extends Actor {
    override async onUnhandled(method: string) {
      await Promise.resolve()
      return `later ${method}`
    }
  }
  const system = withSystem(t)
  t.is(await call(system.spawn(Later), 'ask', 'x'), 'later x')
})

test('a ref is not a promise: awaiting one gives the ref', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  t.is(await ref, ref)
  counts(t, system, { sent: 0 })
})

test('inspecting a ref and its views sends nothing', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  for (const verb of allVerbs) t.is(typeof inspect(ref[verb]), 'string')
  t.is(typeof inspect(ref), 'string')
  t.is(typeof `${ref.path}`, 'string')
  await system.idle()
  counts(t, system, { sent: 0 })
})

test('symbols are no messages', (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  for (const verb of allVerbs) {
    const view = ref[verb] as unknown as Record<symbol, unknown>
    t.is(view[Symbol.toPrimitive], undefined)
    t.is(view[Symbol.asyncIterator], undefined)
    t.is(view[Symbol('mine')], undefined)
  }
})

// ------------------------------------------------------------------------- 3: verbs and views

const collisions = [
  'stop', 'path', 'ask', 'name', 'apply', 'toJSON', 'then', 'tell', 'send', 'stream', 'with', 'started', 'stopped', 'kill', 'equals', 'call', 'bind', 'catch', 'finally',
  'length', 'arguments', 'caller', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'get', 'set', 'has', 'next', 'return', 'throw', 'id', 'ref', 'cls', 'view', '0',
]

for (const name of collisions) {
  test(`a method may be called '${name}'`, async (t) => {
    class Collides extends Actor {
      readonly log: unknown[]
      constructor(log: unknown[]) {
        super()
        this.log = log
      }
    }
    Object.defineProperty(Collides.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Collides, value: unknown) {
        this.log.push(value)
        return `${name} got ${String(value)}`
      },
    })
    const system = withSystem(t)
    const log: unknown[] = []
    const ref = system.spawn(Collides, { name: 'collides', args: [log] })
    await call(ref, 'tell', name, 1)
    t.is(await fire(ref, 'send', name, 2), 'ok')
    t.is(await call(ref, 'ask', name, 3), `${name} got 3`)
    t.is(await call(ref.with({ priority: 'normal' }), 'ask', name, 4), `${name} got 4`)
    t.is(await call(system.lookup('/collides')!, 'ask', name, 5), `${name} got 5`)
    t.deepEqual(log, [1, 2, 3, 4, 5])
    counts(t, system, { sent: 5, handled: 5, deadLetters: 0 })
    t.is(ref.path, '/collides')
    t.is(ref.name, 'collides')
    t.is(typeof ref.equals, 'function')
    t.deepEqual(await ref.stop(), { kind: 'normal' })
  })

  test(`a generator may be called '${name}'`, async (t) => {
    class Collides extends Actor {}
    Object.defineProperty(Collides.prototype, name, {
      configurable: true,
      writable: true,
      *value(from: number) {
        yield from
        yield from + 1
      },
    })
    const system = withSystem(t)
    const ref = system.spawn(Collides)
    const items: unknown[] = []
    for await (const item of loose(ref, 'stream')[name]!(7)) items.push(item)
    t.deepEqual(items, [7, 8])
  })
}

class Base extends Actor {
  hello() {
    return 'base'
  }
  inherited() {
    return 'inherited'
  }
  whole() {
    return 'base part'
  }
}
class Derived extends Base {
  override hello() {
    return 'derived'
  }
  override whole() {
    return `${super.whole()} and derived part`
  }
}
class MoreDerived extends Derived {
  own() {
    return 'own'
  }
}

test('inherited methods are handlers, the nearest definition wins and super works', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(MoreDerived)
  t.is(await ref.ask.own(), 'own')
  t.is(await ref.ask.hello(), 'derived')
  t.is(await ref.ask.inherited(), 'inherited')
  t.is(await ref.ask.whole(), 'base part and derived part')
})

test('a base class and its subclass, both spawned, keep their own handlers', async (t) => {
  const system = withSystem(t)
  const base = system.spawn(Base)
  const derived = system.spawn(Derived)
  t.is(await base.ask.hello(), 'base')
  t.is(await derived.ask.hello(), 'derived')
  t.is(await fire(base, 'ask', 'own'), 'ERR_BUSKIN_NO_HANDLER')
})

class Fields extends Base {
  readonly log: unknown[]
  bump = (by: number) => {
    this.log.push(by)
    return `bumped ${by}`
  }
  plain = function (this: unknown) {
    return this instanceof Fields
  }
  declare added: (x: number) => string
  constructor(log: unknown[] = []) {
    super()
    this.log = log
    this.hello = () => 'field'
  }
  addOne() {
    this.added = (x) => `added ${x}`
  }
}

for (const verb of verbs) {
  test(`a function-valued field is a handler for ${verb}`, async (t) => {
    const system = withSystem(t)
    const log: unknown[] = []
    const ref = system.spawn(Fields, { args: [log] })
    t.is(await fire(ref, verb, 'bump', 3), 'ok')
    await system.idle()
    t.deepEqual(log, [3])
    counts(t, system, { sent: 1, handled: 1 })
  })
}

test("a function-valued field replies, and runs with the instance as 'this'", async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Fields)
  t.is(await ref.ask.bump(4), 'bumped 4')
  t.is(await ref.ask.plain(), true)
})

test('an instance field wins over the prototype method of the same name', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Fields)
  t.is(await ref.ask.hello(), 'field')
  t.is(await system.lookup<Fields>(ref.path)!.ask.hello(), 'field')
})

test('a field of one instance is no handler of another instance of the class', async (t) => {
  class Some extends Base {
    constructor(odd: boolean) {
      super()
      if (odd) this.hello = () => 'field'
    }
  }
  const system = withSystem(t)
  const one = system.spawn(Some, { args: [true] })
  const two = system.spawn(Some, { args: [false] })
  t.is(await one.ask.hello(), 'field')
  t.is(await two.ask.hello(), 'base')
  t.is(await one.ask.hello(), 'field')
})

test('a field set by a handler is a handler from then on', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Fields)
  t.is(await fire(ref, 'ask', 'added', 1), 'ERR_BUSKIN_NO_HANDLER')
  await ref.ask.addOne()
  t.is(await ref.ask.added(2), 'added 2')
})

test('a data field that hides a prototype method makes its name no handler', async (t) => {
  class Hides extends Base {
    constructor() {
      super()
      Object.defineProperty(this, 'hello', { value: 'not a function' })
    }
  }
  const system = withSystem(t)
  const ref = system.spawn(Hides)
  t.is(await fire(ref, 'ask', 'hello'), 'ERR_BUSKIN_NO_HANDLER')
  t.is(await ref.ask.inherited(), 'inherited')
})

test('handlers that are generated and handlers that fall back keep one order', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  class Mixed extends Bench {
    field = (value: unknown) => this.note(value)
  }
  const ref = system.spawn(Mixed, { args: [log] })
  for (let i = 0; i < 300; i += 3) {
    ref.tell.note(i)
    ref.tell.field(i + 1)
    system.lookup<Mixed>(ref.path)!.tell.note(i + 2)
  }
  await system.idle()
  t.deepEqual(log, Array.from({ length: 300 }, (_, i) => i))
})

// ------------------------------------------------------------------- arguments and replies, as sent

const values: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined], ['null', null], ['true', true], ['false', false],
  ['0', 0], ['-0', -0], ['1', 1], ['-1', -1], ['0.5', 0.5], ['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity],
  ['2^30', 2 ** 30], ['-(2^30)', -(2 ** 30)], ['2^31-1', 2 ** 31 - 1], ['2^31', 2 ** 31], ['2^31+1', 2 ** 31 + 1], ['-(2^31)', -(2 ** 31)], ['-(2^31)-1', -(2 ** 31) - 1],
  ['2^32-1', 2 ** 32 - 1], ['2^32', 2 ** 32], ['2^32+1', 2 ** 32 + 1], ['-(2^32)', -(2 ** 32)],
  ['the largest safe integer', Number.MAX_SAFE_INTEGER], ['the smallest safe integer', Number.MIN_SAFE_INTEGER],
  ['the largest number', Number.MAX_VALUE], ['the smallest number', Number.MIN_VALUE],
  ['the empty string', ''], ["the string '0'", '0'], ['a lone surrogate', '\ud800'], ['a long string', 'x'.repeat(100_000)],
  ['0n', 0n], ['2n ** 64n', 2n ** 64n], ['-1n', -1n], ['a symbol', Symbol('s')], ['a well-known symbol', Symbol.iterator],
  ['an object', { a: 1 }], ['a frozen object', Object.freeze({ a: 1 })], ['an object without prototype', Object.create(null)],
  ['a function', () => 1], ['a class', Bench], ['an Error', new Error('as a value')], ['a Map', new Map([[1, 2]])], ['a WeakMap', new WeakMap()],
  ['an array with holes', [, 1, , 2, ,]], ['a Buffer', Buffer.from('x')], ['a cyclic object', (() => { const o: { self?: unknown } = {}; o.self = o; return o })()],
]

class Echo extends Actor {
  readonly got: unknown[][]
  constructor(got: unknown[][] = []) {
    super()
    this.got = got
  }
  all(...args: unknown[]) {
    this.got.push(args)
    return args.length
  }
  one(value: unknown) {
    return value
  }
  async later(value: unknown) {
    return value
  }
  // oxlint-disable-next-line no-unused-vars
  optional(a?: unknown, b?: unknown) {
    return arguments.length
  }
}

for (const [name, value] of values) {
  test(`${name} arrives and is replied as it was sent`, async (t) => {
    const system = withSystem(t)
    const got: unknown[][] = []
    const ref = system.spawn(Echo, { args: [got] })
    ref.tell.all(value)
    ref.tell.all(value, value)
    ref.tell.all('x', 1, value)
    await ref.send.all(1, value)
    t.is(await ref.ask.all(value, value, value, value), 4)
    const same = (arg: unknown) => Object.is(arg, value)
    t.deepEqual(got.map((args) => args.length), [1, 2, 3, 2, 4])
    t.true([got[0]![0], ...got[1]!, got[2]![2], got[3]![1], ...got[4]!].every(same))
    t.true(same(await ref.ask.one(value)))
    t.true(same(await ref.ask.later(value)))
  })
}

for (const arity of [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 100]) {
  for (const verb of verbs) {
    test(`${verb} with ${arity} arguments delivers exactly ${arity}, in their order`, async (t) => {
      const system = withSystem(t)
      const got: unknown[][] = []
      const ref = system.spawn(Echo, { args: [got] })
      const objects = Array.from({ length: arity }, (_, i) => ({ i }))
      const integers = Array.from({ length: arity }, (_, i) => i)
      const nothing = Array.from({ length: arity }, () => undefined)
      for (const args of [objects, integers, nothing]) t.is(await fire(ref, verb, 'all', ...args), 'ok')
      await system.idle()
      t.is(got.length, 3)
      t.deepEqual(got.map((args) => args.length), [arity, arity, arity])
      t.true(objects.every((object, i) => got[0]![i] === object))
      t.deepEqual(got.slice(1), [integers, nothing])
    })
  }
}

test('a handler sees how many arguments were given, trailing undefined included', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Echo)
  t.is(await ref.ask.optional(), 0)
  t.is(await ref.ask.optional(undefined), 1)
  t.is(await ref.ask.optional(undefined, undefined), 2)
})

test('holes of an array stay holes', async (t) => {
  const system = withSystem(t)
  const got: unknown[][] = []
  system.spawn(Echo, { args: [got] }).tell.all([, 1, ,])
  await system.idle()
  const array = got[0]![0] as unknown[]
  t.is(array.length, 3)
  t.deepEqual(Object.keys(array), ['1'])
})

test('a long burst of mixed values arrives complete and in order', async (t) => {
  const system = withSystem(t)
  const got: unknown[][] = []
  const ref = system.spawn(Echo, { args: [got] })
  const sent: unknown[] = []
  for (let i = 0; i < 20_000; i++) {
    const value = [i, -i, i + 0.5, { i }, `${i}`, BigInt(i), undefined, null, i % 2 === 0][i % 9]
    sent.push(value)
    ref.tell.all(value)
  }
  await system.idle()
  t.is(got.length, sent.length)
  t.is(got.findIndex((args, i) => args.length !== 1 || !Object.is(args[0], sent[i])), -1)
  counts(t, system, { sent: 20_000, handled: 20_000 })
})

test("replies of many asks in flight each reach their own asker", async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Echo)
  const n = 5_000
  const replies = await Promise.all(Array.from({ length: n }, (_, i) => (i % 2 ? ref.ask.later(i) : ref.ask.one(`${i}`))))
  t.deepEqual(replies, Array.from({ length: n }, (_, i) => (i % 2 ? i : `${i}`)))
})

class Thenables extends Actor {
  resolves(value: unknown) {
    return { then: (yes: (value: unknown) => void) => yes(value) }
  }
  resolvesLater(value: unknown) {
    return { then: (yes: (value: unknown) => void) => setImmediate(yes, value) }
  }
  rejects(error: unknown) {
    return { then: (_: unknown, no: (error: unknown) => void) => no(error) }
  }
  throws(error: unknown) {
    return {
      then() {
        throw error
      },
    }
  }
  evil(error: unknown) {
    return {
      get then() {
        throw error
      },
    }
  }
}

test("a thenable that a handler returns is waited for, and is the asker's reply", async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Thenables)
  t.is(await call(ref, 'ask', 'resolves', 1), 1)
  t.is(await call(ref, 'ask', 'resolvesLater', 2), 2)
  counts(t, system, { sent: 2, handled: 2 })
})

for (const how of ['rejects', 'throws', 'evil']) {
  test(`a thenable that ${how === 'evil' ? 'throws when its then is read' : how} fails the message with that very error`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Thenables, temporary)
    const boom = new Error('boom')
    t.is((await thrownBy(call(ref, 'ask', how, boom))).error, boom)
    t.deepEqual(await ref.stopped, { kind: 'failed', error: boom })
    counts(t, system, { sent: 1, failed: 1, handled: 0 })
  })
}

test('refs inside messages arrive as refs that work', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Echo)
  const other = system.spawn(Bench)
  const back = (await ref.ask.one(other)) as Ref<Bench>
  t.true(back.equals(other))
  t.is(await back.ask.note(5), 5)
})

// ------------------------------------------------------------------------- one at a time

test('a handler runs to completion, across its awaits, before the next message starts', async (t) => {
  class Slow extends Actor {
    readonly log: string[]
    constructor(log: string[]) {
      super()
      this.log = log
    }
    async work(name: string) {
      this.log.push(`${name} begins`)
      await turns(2)
      this.log.push(`${name} ends`)
    }
    quick(name: string) {
      this.log.push(name)
    }
  }
  const system = withSystem(t)
  const log: string[] = []
  const ref = system.spawn(Slow, { args: [log] })
  ref.tell.work('a')
  ref.tell.quick('b')
  ref.tell.work('c')
  ref.tell.quick('d')
  await system.idle()
  t.deepEqual(log, ['a begins', 'a ends', 'b', 'c begins', 'c ends', 'd'])
})

test('a plain method that turns out to return a promise is waited for, too', async (t) => {
  class Surprise extends Bench {
    maybe(value: number): unknown {
      if (value % 3) return this.note(value)
      return turns(1).then(() => this.note(value))
    }
  }
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Surprise, { args: [log] })
  for (let i = 0; i < 100; i++) ref.tell.maybe(i)
  await system.idle()
  t.deepEqual(log, Array.from({ length: 100 }, (_, i) => i))
})

// ------------------------------------------------------------------------------ 4: order

test('messages from plain code to one actor arrive in the order sent, whatever the verb', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log] })
  const waits: Promise<string>[] = []
  for (let i = 0; i < 3_000; i++) waits.push(fire(ref, verbs[i % 3]!, i % 7 ? 'note' : 'noteLater', i))
  t.true((await Promise.all(waits)).every((outcome) => outcome === 'ok'))
  await system.idle()
  t.deepEqual(log, Array.from({ length: 3_000 }, (_, i) => i))
})

test('a burst larger than any buffer arrives complete and in order', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log] })
  for (let i = 0; i < 200_000; i++) ref.tell.note(i)
  await system.idle()
  t.is(log.length, 200_000)
  t.is(log.findIndex((value, i) => value !== i), -1)
})

test('two actors that send to one each keep their own order', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const to = system.spawn(Bench, { args: [log] })
  class Sender extends Actor {
    burst(from: number, count: number) {
      for (let i = 0; i < count; i++) to.tell.note([this.ctx.path, from + i])
    }
  }
  const senders = ['a', 'b'].map((name) => system.spawn(Sender, { name }))
  for (let from = 0; from < 500; from += 50) for (const sender of senders) sender.tell.burst(from, 50)
  await system.idle()
  const got = log as [string, number][]
  t.is(got.length, 1_000)
  for (const path of ['/a', '/b']) t.deepEqual(got.filter(([from]) => from === path).map(([, i]) => i), Array.from({ length: 500 }, (_, i) => i))
})

test('what one handler sends to several actors arrives in order at each', async (t) => {
  const system = withSystem(t)
  const logs: unknown[][] = [[], [], []]
  const targets = logs.map((log) => system.spawn(Bench, { args: [log] }))
  const driver = system.spawn(Bench)
  await driver.ask.run(() => {
    for (let i = 0; i < 900; i++) targets[i % 3]!.tell.note(i)
  })
  await system.idle()
  t.deepEqual(logs, [0, 1, 2].map((start) => Array.from({ length: 300 }, (_, i) => start + i * 3)))
})

const priorities = ['high', 'normal', 'low'] as const

for (const verb of verbs) {
  test(`waiting messages are served by priority and in order within one, sent by ${verb}`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system)
    const waits: Promise<string>[] = []
    for (let i = 0; i < 10; i++) for (const priority of ['low', 'normal', 'high'] as const) waits.push(fire(ref.with({ priority }), verb, 'note', `${priority} ${i}`))
    counts(t, system, { waiting: 30, running: 1 })
    release()
    await system.idle()
    t.deepEqual(new Set(await Promise.all(waits)), new Set(['ok']))
    t.deepEqual(log, priorities.flatMap((priority) => Array.from({ length: 10 }, (_, i) => `${priority} ${i}`)))
  })
}

test("a call without a priority has priority 'normal'", async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system)
  ref.with({ priority: 'low' }).tell.note('low')
  ref.tell.note('plain')
  ref.with({ priority: 'normal' }).tell.note('normal')
  ref.with({ ttl: 1_000 }).tell.note('with another option')
  ref.with({ priority: 'high' }).tell.note('high')
  release()
  await system.idle()
  t.deepEqual(log, ['high', 'plain', 'normal', 'with another option', 'low'])
})

for (const [higher, lower] of [['high', 'normal'], ['high', 'low'], ['normal', 'low']] as const) {
  test(`after at most 64 deliveries in a row of priority ${higher}, one of ${lower} is served`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system)
    for (let i = 0; i < 6; i++) ref.with({ priority: lower }).tell.note(lower)
    for (let i = 0; i < 1_000; i++) ref.with({ priority: higher }).tell.note(higher)
    release()
    await system.idle()
    t.is(log.length, 1_006)
    t.is(log[0], higher)
    const at = log.flatMap((priority, i) => (priority === lower ? [i] : []))
    t.is(at.length, 6)
    const rows = at.map((index, i) => index - (i === 0 ? 0 : at[i - 1]! + 1))
    t.true(rows.every((row) => row >= 1 && row <= 64), `in a row: ${rows.join(', ')}`)
  })
}

test('no priority starves where all three wait', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system)
  ref.with({ priority: 'low' }).tell.note('low')
  for (let i = 0; i < 10_000; i++) for (const priority of ['normal', 'high'] as const) ref.with({ priority }).tell.note(priority)
  release()
  await system.idle()
  t.is(log.length, 20_001)
  t.true(log.indexOf('normal') <= 64)
  t.true(log.indexOf('low') < 10_000, `low was served at ${log.indexOf('low')}`)
})

// ------------------------------------------------------------------------------ 5: ttl, time-outs

test('a ttl of 0 is valid: a message that is delivered without any time passing is handled', async (t) => {
  const system = withSystem(t, { clock: createManualClock() })
  const ref = system.spawn(Bench)
  const now = ref.with({ ttl: 0 })
  now.tell.note(1)
  t.is(await fire(now, 'send', 'note', 2), 'ok')
  t.is(await now.ask.note(3), 3)
  t.deepEqual(await ref.ask.read(), [1, 2, 3])
  counts(t, system, { sent: 4, handled: 4, deadLetters: 0 })
})

for (const ttl of [0, 1, 10, 5_000]) {
  for (const verb of verbs) {
    test(`${verb} with a ttl of ${ttl} is handled when it is delivered ${ttl} ms after the call`, async (t) => {
      const clock = createManualClock()
      const system = withSystem(t, { clock })
      const { ref, log, release } = await busy(t, system)
      const outcome = fire(ref.with({ ttl, timeout: Infinity }), verb, 'note', 'in time')
      await clock.advance(ttl)
      release()
      t.is(await outcome, 'ok')
      await system.idle()
      t.deepEqual(log, ['in time'])
      counts(t, system, { sent: 2, handled: 2, deadLetters: 0 })
    })

    test(`${verb} with a ttl of ${ttl} is a dead letter 'expired' when its turn comes ${ttl + 1} ms after the call`, async (t) => {
      const clock = createManualClock()
      const system = withSystem(t, { clock })
      const dead = collect(system.deadLetters)
      const { ref, log, release } = await busy(t, system, { name: 'busy' })
      const outcome = fire(ref.with({ ttl, timeout: Infinity }), verb, 'note', 'late')
      counts(t, system, { waiting: 1, running: 1 })
      await clock.advance(ttl + 1)
      release()
      t.is(await outcome, verb === 'ask' ? 'ERR_BUSKIN_EXPIRED' : 'ok')
      await system.idle()
      t.deepEqual(log, [])
      t.deepEqual(dead, [{ reason: 'expired', target: '/busy', sender: null, method: 'note', args: ['late'] }])
      counts(t, system, { sent: 2, handled: 1, deadLetters: 1 })
    })
  }
}

test("the ttl of one message does not touch its neighbours", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, log, release } = await busy(t, system)
  for (let i = 0; i < 10; i++) (i % 2 ? ref : ref.with({ ttl: i })).tell.note(i)
  await clock.advance(5)
  release()
  await system.idle()
  t.deepEqual(log, [1, 3, 5, 6, 7, 8, 9])
  t.deepEqual(deadBy(system), { expired: 3 })
})

test('a ttl does not interrupt a handler that began in time', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const at = testGate(t)
  const ref = system.spawn(Bench)
  const asked = ref.with({ ttl: 1, timeout: Infinity }).ask.block(at)
  await at.entered.promise
  await clock.advance(100)
  at.open.resolve()
  t.is(await settle(asked), 'ok')
  counts(t, system, { sent: 1, handled: 1 })
})

test('a ttl is checked while an actor starts, too', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const at = testGate(t)
  class Starts extends Bench {
    override onStart() {
      return pass(at)
    }
  }
  const ref = system.spawn(Starts)
  const late = settle(ref.with({ ttl: 5, timeout: Infinity }).ask.note(1))
  const patient = ref.with({ timeout: Infinity }).ask.note(2)
  await at.entered.promise
  await clock.advance(6)
  at.open.resolve()
  t.is(await late, 'ERR_BUSKIN_EXPIRED')
  t.is(await patient, 2)
  t.deepEqual(deadBy(system), { expired: 1 })
})

for (const [name, options, due] of [
  ["the ask's own timeout", { timeout: 50 }, 50],
  ['the default of 5,000 ms', {}, 5_000],
] as const) {
  test(`an ask rejects ERR_BUSKIN_TIMEOUT at ${name}, not before`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const { ref, log, release } = await busy(t, system)
    const asked = ref.with(options).ask.note('late')
    asked.catch(() => {})
    await clock.advance(due - 1)
    t.true(await pending(asked))
    await clock.advance(1)
    await rejectsWith(t, asked, 'ERR_BUSKIN_TIMEOUT')
    counts(t, system, { sent: 2, waiting: 1, running: 1, deadLetters: 0 })
    release()
    await system.idle()
    t.deepEqual(log, ['late'])
    counts(t, system, { sent: 2, handled: 2, deadLetters: 0 })
  })
}

test('askTimeout of the system is the default of its asks, and a call overrides it', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock, askTimeout: 20 })
  const { ref } = await busy(t, system)
  const short = settle(ref.ask.note(1))
  const own = ref.with({ timeout: 30 }).ask.note(2)
  own.catch(() => {})
  await clock.advance(20)
  t.is(await short, 'ERR_BUSKIN_TIMEOUT')
  t.true(await pending(own))
  await clock.advance(10)
  t.is(await settle(own), 'ERR_BUSKIN_TIMEOUT')
})

test('an ask with timeout Infinity never times out', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, release } = await busy(t, system)
  const asked = ref.with({ timeout: Infinity }).ask.note(1)
  await clock.advance(1_000_000_000)
  t.true(await pending(asked))
  release()
  t.is(await asked, 1)
})

test('a timed-out ask is still handled, while its handler is already running', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const at = testGate(t)
  const ref = system.spawn(Bench)
  const asked = settle(ref.with({ timeout: 10 }).ask.block(at))
  await at.entered.promise
  await clock.advance(10)
  t.is(await asked, 'ERR_BUSKIN_TIMEOUT')
  counts(t, system, { running: 1, handled: 0, failed: 0 })
  at.open.resolve()
  await system.idle()
  counts(t, system, { sent: 1, handled: 1, failed: 0, running: 0 })
})

test("a late reply of a timed-out ask never reaches a later ask", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, release } = await busy(t, system)
  const late = Array.from({ length: 50 }, (_, i) => settle(ref.with({ timeout: 1 }).ask.note(`late ${i}`)))
  await clock.advance(1)
  t.deepEqual(new Set(await Promise.all(late)), new Set(['ERR_BUSKIN_TIMEOUT']))
  const later = Array.from({ length: 50 }, (_, i) => ref.ask.note(i))
  release()
  t.deepEqual(await Promise.all(later), Array.from({ length: 50 }, (_, i) => i))
})

test("an ask that timed out and has a ttl expires: TIMEOUT for the caller, a dead letter 'expired' at its turn", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, log, release } = await busy(t, system)
  const asked = settle(ref.with({ timeout: 5, ttl: 10 }).ask.note(1))
  await clock.advance(5)
  t.is(await asked, 'ERR_BUSKIN_TIMEOUT')
  await clock.advance(6)
  release()
  await system.idle()
  t.deepEqual(log, [])
  t.deepEqual(deadBy(system), { expired: 1 })
})

test('with() leaves the ref it was called on as it was', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, log, release } = await busy(t, system)
  const hasty = ref.with({ ttl: 1 })
  t.true(hasty.equals(ref))
  t.is(hasty.path, ref.path)
  hasty.tell.note('hasty')
  ref.tell.note('patient')
  await clock.advance(2)
  release()
  await system.idle()
  t.deepEqual(log, ['patient'])
})

// ------------------------------------------------------------------------------ 6: abort

for (const verb of verbs) {
  test(`${verb} with a signal already aborted is a dead letter 'aborted'`, async (t) => {
    const system = withSystem(t)
    const dead = collect(system.deadLetters)
    const ref = system.spawn(Bench, { name: 'bench' })
    const outcome = fire(ref.with({ signal: AbortSignal.abort() }), verb, 'note', 1)
    t.is(await outcome, verb === 'tell' ? 'ok' : 'ERR_BUSKIN_ABORTED')
    await system.idle()
    t.deepEqual(dead, [{ reason: 'aborted', target: '/bench', sender: null, method: 'note', args: [1] }])
    t.deepEqual(await ref.ask.read(), [])
    counts(t, system, { sent: 2, handled: 1, deadLetters: 1 })
  })

  test(`${verb} aborted right after the call is a dead letter 'aborted'`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    await ref.started
    const controller = new AbortController()
    const outcome = fire(ref.with({ signal: controller.signal }), verb, 'note', 1)
    controller.abort()
    t.is(await outcome, verb === 'tell' ? 'ok' : 'ERR_BUSKIN_ABORTED')
    await system.idle()
    t.deepEqual(await ref.ask.read(), [])
    t.deepEqual(deadBy(system), { aborted: 1 })
  })

  test(`${verb} aborted while it waits is a dead letter 'aborted', and its neighbours are handled`, async (t) => {
    const system = withSystem(t)
    const dead = collect(system.deadLetters)
    const { ref, log, release } = await busy(t, system, { name: 'busy' })
    const controller = new AbortController()
    ref.tell.note('before')
    const outcome = fire(ref.with({ signal: controller.signal }), verb, 'note', 'aborted')
    ref.tell.note('after')
    await turns()
    controller.abort()
    t.is(await outcome, verb === 'ask' ? 'ERR_BUSKIN_ABORTED' : 'ok')
    release()
    await system.idle()
    t.deepEqual(log, ['before', 'after'])
    t.deepEqual(dead, [{ reason: 'aborted', target: '/busy', sender: null, method: 'note', args: ['aborted'] }])
    counts(t, system, { sent: 4, handled: 3, deadLetters: 1 })
  })

  test(`${verb} aborted while its handler runs counts as handled`, async (t) => {
    const system = withSystem(t)
    const at = testGate(t)
    const ref = system.spawn(Bench)
    const controller = new AbortController()
    const outcome = fire(ref.with({ signal: controller.signal }), verb, 'block', at)
    await at.entered.promise
    controller.abort()
    t.is(await outcome, verb === 'ask' ? 'ERR_BUSKIN_ABORTED' : 'ok')
    counts(t, system, { sent: 1, running: 1, handled: 0 })
    at.open.resolve()
    await system.idle()
    counts(t, system, { sent: 1, running: 0, handled: 1, failed: 0, deadLetters: 0 })
  })

  test(`an abort after ${verb} was handled changes nothing`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    const controller = new AbortController()
    t.is(await fire(ref.with({ signal: controller.signal }), verb, 'note', 1), 'ok')
    await system.idle()
    controller.abort()
    await system.idle()
    counts(t, system, { sent: 1, handled: 1, deadLetters: 0 })
  })
}

test('a signal shared by many calls aborts those that wait and no other', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system)
  const controller = new AbortController()
  const outcomes = Array.from({ length: 20 }, (_, i) => fire(i % 2 ? ref : ref.with({ signal: controller.signal }), 'ask', 'note', i))
  controller.abort()
  release()
  const settled = await Promise.all(outcomes)
  t.deepEqual(settled, settled.map((_, i) => (i % 2 ? 'ok' : 'ERR_BUSKIN_ABORTED')))
  t.deepEqual(log, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
  t.deepEqual(deadBy(system), { aborted: 10 })
})

test('a failure of a handler whose caller aborted still counts as failed', async (t) => {
  const system = withSystem(t)
  const boom = new Error('boom')
  const at = testGate(t)
  class Fails extends Actor {
    async work() {
      await pass(at)
      throw boom
    }
  }
  const ref = system.spawn(Fails, temporary)
  const controller = new AbortController()
  const asked = settle(ref.with({ signal: controller.signal }).ask.work())
  await at.entered.promise
  controller.abort()
  t.is(await asked, 'ERR_BUSKIN_ABORTED')
  at.open.resolve()
  t.deepEqual(await ref.stopped, { kind: 'failed', error: boom })
  counts(t, system, { sent: 1, failed: 1, handled: 0 })
})

// ------------------------------------------------------------------------------ 7: errors as thrown

class Fails extends Actor {
  now(error: unknown) {
    throw error
  }
  async atOnce(error: unknown) {
    throw error
  }
  async later(error: unknown) {
    await turns(1)
    throw error
  }
  promised(error: unknown) {
    return Promise.reject(error)
  }
}

const thrown: readonly (readonly [string, () => unknown])[] = [
  ['an Error', () => new Error('boom')],
  ['a frozen Error', () => Object.freeze(new Error('boom'))],
  ['a TypeError with a cause', () => new TypeError('boom', { cause: { deep: 1 } })],
  ['an AggregateError', () => new AggregateError([new Error('one')], 'many')],
  ['an instance of a class of its own', () => new (class Mine extends Error {})('boom')],
  ['a BuskinError made elsewhere', () => Object.assign(new Error('boom'), { code: 'ERR_BUSKIN_STOPPED' })],
  ['undefined', () => undefined],
  ['null', () => null],
  ['a string', () => 'boom'],
  ['the empty string', () => ''],
  ['0', () => 0],
  ['false', () => false],
  ['a bigint', () => 1n],
  ['a symbol', () => Symbol('boom')],
  ['a function', () => () => {}],
  ['a frozen object', () => Object.freeze({ reason: 'boom' })],
  ['an object without prototype', () => Object.create(null) as unknown],
  ['a thenable', () => ({ then() {} })],
  ['an object whose getters throw', () => Object.defineProperties({}, Object.fromEntries(['message', 'stack', 'code', 'name', 'cause', 'then'].map((key) => [key, { enumerable: true, get() { throw new Error('touched') } }])))],
  ['a revoked proxy', () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy }],
]

for (const [name, make] of thrown) {
  for (const how of ['now', 'atOnce', 'later', 'promised'] as const) {
    test(`an ask rejects with the very thing its handler threw: ${name}, ${how}`, async (t) => {
      const system = withSystem(t)
      const events = collect(system.events)
      const ref = system.spawn(Fails, { ...temporary, name: 'fails' })
      const error = make()
      const caught = await thrownBy(ref.ask[how](error))
      t.true(Object.is(caught.error, error))
      const reason = await ref.stopped
      t.is(reason.kind, 'failed')
      t.true(reason.kind === 'failed' && Object.is(reason.error, error))
      await system.idle()
      counts(t, system, { sent: 1, failed: 1, handled: 0, deadLetters: 0, actors: 0 })
      const failed = events.filter((event) => event.type === 'failed')
      t.is(failed.length, 1)
      t.is(failed[0]!.path, '/fails')
      t.is(failed[0]!.failure.method, how)
      t.is(failed[0]!.failure.phase, 'message')
      t.true(Object.is(failed[0]!.failure.error, error))
    })
  }
}

test('the error an asker gets is not changed: no key is added and its stack is its own', async (t) => {
  const system = withSystem(t)
  const error = new Error('boom')
  const before = { keys: Reflect.ownKeys(error), stack: error.stack, message: error.message }
  await thrownBy(system.spawn(Fails).ask.now(error))
  await system.idle()
  t.deepEqual({ keys: Reflect.ownKeys(error), stack: error.stack, message: error.message }, before)
})

for (const verb of ['tell', 'send'] as const) {
  test(`a handler that throws on a ${verb} fails its actor and nobody else`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Fails, temporary)
    const other = system.spawn(Bench)
    const boom = new Error('boom')
    t.is(await fire(ref, verb, 'later', boom), 'ok')
    t.deepEqual(await ref.stopped, { kind: 'failed', error: boom })
    t.is(await other.ask.note(1), 1)
    counts(t, system, { sent: 2, failed: 1, handled: 1 })
  })
}

test('messages that wait behind a failing one are dead letters, and their askers get ERR_BUSKIN_STOPPED', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Fails, temporary)
  const boom = new Error('boom')
  const first = thrownBy(ref.ask.now(boom))
  const second = fire(ref, 'ask', 'now', new Error('never thrown'))
  ref.tell.now(new Error('never thrown'))
  t.is((await first).error, boom)
  t.is(await second, 'ERR_BUSKIN_STOPPED')
  await system.idle()
  counts(t, system, { sent: 3, failed: 1, handled: 0, deadLetters: 2 })
  t.deepEqual(deadBy(system), { stopped: 2 })
})

for (const how of ['now', 'atOnce', 'later', 'promised'] as const) {
  test(`messages that wait behind one that fails ${how} are handled by the next instance, when the actor is restarted`, async (t) => {
    const system = withSystem(t, { supervision: { backoff: false } })
    const events = collect(system.events)
    const ref = system.spawn(Fails)
    const errors = [new Error('one'), new Error('two'), new Error('three')]
    const [first, second] = [thrownBy(ref.ask[how](errors[0])), thrownBy(ref.ask[how](errors[1]))]
    ref.tell[how](errors[2])
    t.is((await first).error, errors[0])
    t.is((await second).error, errors[1])
    await system.idle()
    counts(t, system, { sent: 3, failed: 3, handled: 0, deadLetters: 0, restarts: 3, actors: 1 })
    const failed = events.filter((event) => event.type === 'failed')
    t.deepEqual(failed.map(({ generation, decision, failure }) => [generation, decision, failure.error, failure.restarts]), errors.map((error, n) => [n, 'restart', error, n]))
  })
}

// ------------------------------------------------------------------------------ 8: Refusal

class Refuses extends Actor {
  now(refusal: unknown) {
    throw refusal
  }
  async later(refusal: unknown) {
    await turns(1)
    throw refusal
  }
  fine() {
    return 'fine'
  }
}
class SoldOut extends Refusal {}

for (const how of ['now', 'later'] as const) {
  for (const [name, make] of [
    ['a Refusal', () => new Refusal('no thanks', { cause: 'why', details: { left: 3 } })],
    ['a subclass of Refusal', () => new SoldOut('no thanks', { details: { left: 3 } })],
  ] as const) {
    test(`${name} thrown ${how} rejects the asker, counts as handled and fails nobody`, async (t) => {
      const system = withSystem(t)
      const events = collect(system.events)
      const ref = system.spawn(Refuses)
      const refusal = make()
      t.is((await thrownBy(ref.ask[how](refusal))).error, refusal)
      t.deepEqual(refusal.details, { left: 3 })
      t.is(await ref.ask.fine(), 'fine')
      await system.idle()
      counts(t, system, { sent: 2, handled: 2, failed: 0, deadLetters: 0 })
      t.is(events.filter((event) => event.type === 'failed').length, 0)
    })
  }

  test(`a Refusal thrown ${how} for a tell is logged at debug, once, and nowhere else`, async (t) => {
    const { log, lines } = memoryLog()
    const system = withSystem(t, { log })
    const ref = system.spawn(Refuses)
    ref.tell[how](new Refusal('no thanks'))
    await system.idle()
    t.deepEqual(lines.filter((line) => /no thanks/.test(inspect(line, { depth: 5 }))).map((line) => line.level), ['debug'])
    t.is(await ref.ask.fine(), 'fine')
    counts(t, system, { sent: 2, handled: 2, failed: 0 })
  })
}

test('a Refusal is an Error with message, cause and details', (t) => {
  const refusal = new Refusal('no thanks', { cause: 'why', details: 5 })
  t.true(refusal instanceof Error)
  t.is(refusal.message, 'no thanks')
  t.is(refusal.cause, 'why')
  t.is(refusal.details, 5)
  t.false(BuskinError.is(refusal))
  t.is(new Refusal('bare').details, undefined)
})

// ------------------------------------------------------------------------------ 9: the sender

class Witness extends Actor {
  readonly seen: (string | null)[]
  constructor(seen: (string | null)[]) {
    super()
    this.seen = seen
  }
  note() {
    this.seen.push(this.ctx.sender?.path ?? null)
  }
  async afterAwait(at: Gate) {
    await pass(at)
    this.seen.push(this.ctx.sender?.path ?? null)
  }
  answer() {
    ;(this.ctx.sender as Ref<Bench> | null)?.tell.note('answered')
  }
}

/** How a handler comes to make its call. */
const ways: readonly (readonly [string, boolean, (call: () => void) => unknown])[] = [
  ['synchronously', true, (call) => call()],
  ['after an await', false, async (call) => { await Promise.resolve(); call() }],
  ['after a turn of the event loop', false, async (call) => { await turns(1); call() }],
  ['in a setTimeout callback', false, (call) => new Promise<void>((done) => setTimeout(() => { call(); done() }, 1))],
  ['in a promise callback', false, (call) => Promise.resolve().then(call)],
]

for (const propagate of [false, true]) {
  for (const verb of verbs) {
    for (const [way, synchronous, how] of ways) {
      const known = synchronous || propagate
      test(`the sender of a ${verb} made ${way} is ${known ? 'the actor' : 'null'} ${propagate ? 'under propagate' : 'without propagate'}`, async (t) => {
        const system = withSystem(t, { propagate })
        const seen: (string | null)[] = []
        const witness = system.spawn(Witness, { args: [seen] })
        const caller = system.spawn(Bench, { name: 'caller' })
        const outcomes: Promise<string>[] = []
        await caller.ask.run(() => how(() => outcomes.push(fire(witness, verb, 'note'))))
        t.deepEqual(await Promise.all(outcomes), ['ok'])
        await system.idle()
        t.deepEqual(seen, [known ? '/caller' : null])
      })
    }
  }

  test(`the sender of plain code is null, also after its ask was answered, ${propagate ? 'under' : 'without'} propagate`, async (t) => {
    const system = withSystem(t, { propagate })
    const seen: (string | null)[] = []
    const witness = system.spawn(Witness, { args: [seen] })
    const other = system.spawn(Bench)
    witness.tell.note()
    await other.ask.note(1)
    witness.tell.note()
    await other.ask.noteLater(1)
    await witness.ask.note()
    await other.ask.note(1).then(() => witness.tell.note())
    await system.idle()
    t.deepEqual(seen, [null, null, null, null])
  })

  test(`the dead letter of an actor's tell names its sender, ${propagate ? 'under' : 'without'} propagate`, async (t) => {
    const system = withSystem(t, { propagate })
    const dead = collect(system.deadLetters)
    const gone = system.spawn(Bench, { name: 'gone' })
    await gone.stop()
    const caller = system.spawn(Bench, { name: 'caller' })
    await caller.ask.run(() => gone.tell.note(1))
    gone.tell.note(2)
    await system.idle()
    t.deepEqual(dead, [
      { reason: 'stopped', target: '/gone', sender: '/caller', method: 'note', args: [1] },
      { reason: 'stopped', target: '/gone', sender: null, method: 'note', args: [2] },
    ])
  })
}

test('the sender stays what it was until the handler ends, across its awaits', async (t) => {
  const system = withSystem(t)
  const seen: (string | null)[] = []
  const witness = system.spawn(Witness, { args: [seen] })
  const at = testGate(t)
  const a = system.spawn(Bench, { name: 'a' })
  const b = system.spawn(Bench, { name: 'b' })
  await a.ask.run(() => witness.tell.afterAwait(at))
  await at.entered.promise
  await b.ask.run(() => witness.tell.note())
  at.open.resolve()
  await system.idle()
  t.deepEqual(seen, ['/a', '/b'])
})

test('a sender is a ref that can be answered', async (t) => {
  const system = withSystem(t)
  const witness = system.spawn(Witness, { args: [[]] })
  const log: unknown[] = []
  const caller = system.spawn(Bench, { args: [log] })
  await caller.ask.run(() => witness.tell.answer())
  await system.idle()
  t.deepEqual(log, ['answered'])
})

test('an actor that sends to itself is its own sender', async (t) => {
  class Self extends Witness {
    start() {
      const self = this.ctx.self as unknown as Ref<Witness>
      self.tell.note()
    }
  }
  const system = withSystem(t)
  const seen: (string | null)[] = []
  system.spawn(Self, { name: 'self', args: [seen] }).tell.start()
  await system.idle()
  t.deepEqual(seen, ['/self'])
})

test('two handlers in turn each see their own sender, in one burst', async (t) => {
  const system = withSystem(t)
  const seen: (string | null)[] = []
  const witness = system.spawn(Witness, { args: [seen] })
  const names = Array.from({ length: 20 }, (_, i) => `s${i}`)
  for (const name of names) system.spawn(Bench, { name }).tell.run(() => witness.tell.note())
  witness.tell.note()
  await system.idle()
  t.is(seen.length, 21)
  t.deepEqual([...seen].sort(), [null, ...names.map((name) => `/${name}`)].sort())
  t.is(seen.filter((path) => path === null).length, 1)
})

test('the sender of what a timer callback sends is its actor', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const seen: (string | null)[] = []
  const witness = system.spawn(Witness, { args: [seen] })
  class Timed extends Actor {
    start() {
      this.ctx.after(10, () => witness.tell.note())
    }
  }
  await system.spawn(Timed, { name: 'timed' }).ask.start()
  await clock.advance(10)
  t.deepEqual(seen, ['/timed'])
})

// ------------------------------------------------------------------------------ with(): refused options

const badOptions: readonly (readonly [string, CallOptions])[] = [
  ['a negative ttl', { ttl: -1 }], ['a ttl of NaN', { ttl: NaN }], ['a negative timeout', { timeout: -1 }], ['a timeout of NaN', { timeout: NaN }],
  ['a priority that does not exist', { priority: 'urgent' as 'high' }], ['a misspelt option', { tll: 5 } as CallOptions], ['a signal that is none', { signal: {} as AbortSignal }],
]
for (const [name, options] of badOptions) {
  test(`with() refuses ${name} at the call, and no message is counted`, (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    const error = t.throws(() => ref.with(options))
    t.true(BuskinError.is(error, 'ERR_BUSKIN_OPTION'))
    t.regex(error!.message, new RegExp(Object.keys(options)[0]!))
    counts(t, system, { sent: 0 })
  })
}
