// Semantics, sentences 12, 13, 15 to 18, 20 and 36: how an actor comes to life, how it ends, and who is told what.
import { inspect } from 'node:util'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Actor, createManualClock } from 'buskin'
import type { ActorOptions, Context, ExitReason, ManualClock, Ref, System, SystemEvent } from 'buskin'
import {
  Bench, allVerbs, busy, collect, counts, deadBy, deferred, fire, gate, memoryLog, pass, pending, rejectsWith, temporary, testGate, thrownBy, turns, verbs, withSystem, within,
} from './support.ts'
import type { Gate } from './support.ts'

type Test = ExecutionContext<any>

interface Script {
  /** Gates at which the hooks wait, where given. */
  readonly start?: Gate
  readonly stop?: Gate
  readonly onStart?: () => unknown
  readonly onStop?: () => unknown
  readonly construct?: (ctx: Context<any>) => void
}

/** Writes down what happens to it, with its name. */
class Life extends Actor {
  readonly log: string[]
  readonly script: Script
  constructor(log: string[] = [], script: Script = {}) {
    super()
    this.log = log
    this.script = script
    this.say('constructed')
    script.construct?.(this.ctx)
  }
  say(what: string) {
    this.log.push(`${this.ctx.self.name} ${what}`)
  }
  override async onStart() {
    this.say('starts')
    if (this.script.start) await pass(this.script.start)
    await this.script.onStart?.()
    this.say('started')
  }
  override async onStop(reason: ExitReason) {
    this.say(`stops: ${reason.kind}`)
    if (this.script.stop) await pass(this.script.stop)
    await this.script.onStop?.()
  }
  note(what: unknown) {
    this.say(`handles ${String(what)}`)
    return what
  }
  async block(at: Gate, what: unknown = 'block') {
    await pass(at)
    this.say(`handles ${String(what)}`)
    return what
  }
  fail(error: unknown) {
    throw error
  }
  ctxStop(what: string) {
    this.ctx.stop()
    this.say(`handles ${what}`)
    return what
  }
  run<T>(what: (ctx: Context<any>) => T): T {
    return what(this.ctx)
  }
  child(name: string, script: Script = {}, options: ActorOptions = {}) {
    return this.ctx.spawn(Life, { ...options, name, args: [this.log, script] })
  }
}

const boom = () => new Error('boom')
type EventOf<T, E = SystemEvent> = E extends { readonly type: infer K } ? (T extends K ? E : never) : never
const ofType = <T extends SystemEvent['type']>(events: readonly SystemEvent[], type: T) => events.filter((event) => event.type === type) as unknown as EventOf<T>[]
/** Runs test code inside an actor, with its ctx. (A generic handler's reply is unknown to the types of ask.) */
const inside = <T>(ref: Ref<Life>, what: (ctx: Context<any>) => T) => ref.ask.run(what) as Promise<Awaited<T>>
const reasonIs = (t: Test, reason: ExitReason, kind: ExitReason['kind'], error?: unknown) => {
  t.is(reason.kind, kind)
  if (reason.kind === 'failed') t.is(reason.error, error)
}

// ------------------------------------------------------------------------- 12: the constructor

test('the constructor never runs inside spawn, but when the actor starts', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const ref = system.spawn(Life, { name: 'a', args: [log] })
  t.deepEqual(log, [])
  ref.tell.note(1)
  t.deepEqual(log, [])
  await ref.started
  await system.idle()
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a handles 1'])
})

test('the constructor never runs inside ctx.spawn either, nor inside the handler that spawns', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const parent = system.spawn(Life, { name: 'p', args: [log] })
  await parent.ask.run((ctx) => {
    ctx.spawn(Life, { name: 'c', args: [log] })
    log.push('after spawn')
  })
  await system.idle()
  t.deepEqual(log, ['p constructed', 'p starts', 'p started', 'after spawn', 'c constructed', 'c starts', 'c started'])
})

test('actors spawned in one go start in the order of their spawns', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  for (let i = 0; i < 100; i++) {
    system.spawn(class extends Actor {
      constructor() {
        super()
        log.push(`${i}`)
      }
    })
  }
  await system.idle()
  t.deepEqual(log, Array.from({ length: 100 }, (_, i) => `${i}`))
})

test('an actor starts without any message', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  await system.spawn(Life, { name: 'a', args: [log] }).started
  t.deepEqual(log, ['a constructed', 'a starts', 'a started'])
})

test('the constructor gets the arguments of the spawn, the same objects', async (t) => {
  const got: unknown[][] = []
  class Takes extends Actor {
    constructor(...args: unknown[]) {
      super()
      got.push(args)
    }
  }
  const system = withSystem(t)
  const object = {}
  await system.spawn(Takes, { args: [object, -0, undefined, Symbol.iterator] }).started
  await system.spawn(Takes).started
  t.is(got[0]![0], object)
  t.true(Object.is(got[0]![1], -0))
  t.deepEqual(got.map((args) => args.length), [4, 0])
})

test('ctx works from super() on, in field initialisers and in the constructor', async (t) => {
  class Early extends Actor {
    readonly path = this.ctx.path
    readonly helper = this.ctx.spawn(Bench, { name: 'helper' })
    readonly facts: unknown[]
    constructor() {
      super()
      this.facts = [this.path, this.ctx.self.path, this.ctx.parent === null, this.ctx.generation, this.ctx.signal.aborted, this.ctx.children.map((child) => child.path), this.ctx.sender]
    }
    read() {
      return this.facts
    }
    ask() {
      return this.helper.ask.note(1)
    }
  }
  const system = withSystem(t)
  const ref = system.spawn(Early, { name: 'early' })
  t.deepEqual(await ref.ask.read(), ['/early', '/early', true, 0, false, ['/early/helper'], null])
  t.is(await ref.ask.ask(), 1)
})

test('actors that are spawned inside constructors each get their own ctx', async (t) => {
  const paths: string[] = []
  class Nest extends Actor {
    constructor(depth: number) {
      super()
      if (depth > 0) this.ctx.spawn(Nest, { name: 'n', args: [depth - 1] })
      paths.push(this.ctx.path)
    }
  }
  const system = withSystem(t)
  system.spawn(Nest, { name: 'n', args: [3] })
  await system.idle()
  t.deepEqual(paths, ['/n', '/n/n', '/n/n/n', '/n/n/n/n'])
  counts(t, system, { actors: 4 })
})

test('ctx, its signal, started and stopped are the same object at every use', async (t) => {
  class Same extends Actor {
    check() {
      return [this.ctx === this.ctx, this.ctx.signal === this.ctx.signal, this.ctx.self.equals(this.ctx.self)]
    }
  }
  const system = withSystem(t)
  const ref = system.spawn(Same)
  t.is(ref.started, ref.started)
  t.is(ref.stopped, ref.stopped)
  t.deepEqual(await ref.ask.check(), [true, true, true])
})

test('ctx knows self, parent, children, system, path and generation', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Life, { name: 'p' })
  const child = await inside(parent, (ctx) => ctx.spawn(Life, { name: 'c' }))
  t.deepEqual(await inside(child, (ctx) => [ctx.self.path, ctx.parent?.path, ctx.children.length, ctx.system === system, ctx.path, ctx.generation]), ['/p/c', '/p', 0, true, '/p/c', 0])
  t.deepEqual(await parent.ask.run((ctx) => [ctx.parent, ctx.children.map((ref) => ref.path)]), [null, ['/p/c']])
  await child.stop()
  t.deepEqual(await parent.ask.run((ctx) => ctx.children.length), 0)
})

// -------------------------------------------------------------------------------- 13: started

test('messages wait while onStart is pending, and are handled after it in their order', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const start = testGate(t)
  const ref = system.spawn(Life, { name: 'a', args: [log, { start }] })
  ref.tell.note(1)
  await start.entered.promise
  ref.tell.note(2)
  t.true(await pending(ref.started))
  counts(t, system, { waiting: 2, running: 0, handled: 0 })
  start.open.resolve()
  t.is(await ref.started, undefined)
  await system.idle()
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a handles 1', 'a handles 2'])
})

test('started resolves also when it is first read after the start', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  await system.idle()
  t.is(await ref.started, undefined)
})

const startFailures: readonly (readonly [string, (error: unknown) => Script, boolean])[] = [
  ['its constructor throws', (error) => ({ construct() { throw error } }), false],
  ['onStart throws', (error) => ({ onStart() { throw error } }), true],
  ['onStart rejects', (error) => ({ onStart: () => Promise.reject(error) }), true],
  ['onStart rejects later', (error) => ({ async onStart() { await turns(2); throw error } }), true],
]

for (const [how, script, instance] of startFailures) {
  test(`when ${how}, started rejects ERR_BUSKIN_START with the error as cause, and the actor ends failed`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const log: string[] = []
    const error = boom()
    const ref = system.spawn(Life, { ...temporary, name: 'a', args: [log, script(error)] })
    const started = await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
    t.is(started.cause, error)
    reasonIs(t, await ref.stopped, 'failed', error)
    reasonIs(t, await ref.stop(), 'failed', error)
    await system.idle()
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0], { path: '/a', decision: 'stop', generation: 0, delay: 0 })
    t.like(failed[0]!.failure, { phase: 'start', generation: 0, restarts: 0 })
    t.is(failed[0]!.failure.error, error)
    t.is(ofType(events, 'started').length, 0)
    t.is(log.includes('a stops: failed'), instance)
    counts(t, system, { actors: 0, sent: 0, failed: 0 })
  })

  for (const verb of verbs) {
    test(`when ${how}, a waiting ${verb} is a dead letter 'stopped'`, async (t) => {
      const system = withSystem(t)
      const ref = system.spawn(Life, { ...temporary, name: 'a', args: [[], script(boom())] })
      const outcome = fire(ref, verb, 'note', 1)
      await ref.stopped
      t.true((verb === 'ask' ? ['ERR_BUSKIN_STOPPED'] : ['ok', 'ERR_BUSKIN_STOPPED']).includes(await outcome))
      await system.idle()
      t.deepEqual(deadBy(system), { stopped: 1 })
      counts(t, system, { sent: 1, handled: 0, failed: 0, deadLetters: 1 })
    })
  }
}

for (const [name, error] of [['undefined', undefined], ['null', null], ['a string', 'boom']] as const) {
  test(`a start that fails with ${name} rejects started with just that as cause`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Life, { ...temporary, args: [[], { onStart: () => Promise.reject(error) }] })
    const started = await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
    t.true('cause' in started)
    t.is(started.cause, error)
    reasonIs(t, await ref.stopped, 'failed', error)
  })
}

test('a start failure of a child is told to its parent as an event, and the parent lives', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const parent = system.spawn(Life, { name: 'p' })
  const error = boom()
  const child = await parent.ask.child('c', { onStart() { throw error } }, temporary)
  await rejectsWith(t, child.started, 'ERR_BUSKIN_START')
  await system.idle()
  t.like(ofType(events, 'failed')[0], { path: '/p/c', supervisor: '/p', strategy: 'one-for-one', decision: 'stop' })
  t.is(await parent.ask.note(1), 1)
})

test('a start longer than startTimeout is a start failure', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const events = collect(system.events)
  const start = testGate(t)
  const ref = system.spawn(Life, { ...temporary, name: 'a', startTimeout: 100, args: [[], { start }] })
  ref.tell.note(1)
  await start.entered.promise
  await clock.advance(99)
  t.true(await pending(ref.stopped))
  await clock.advance(1)
  await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
  t.is((await ref.stopped).kind, 'failed')
  await system.idle()
  t.is(ofType(events, 'failed')[0]!.failure.phase, 'start')
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test('a start may take 30,000 ms where nothing is said', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const start = testGate(t)
  const ref = system.spawn(Life, { ...temporary, args: [[], { start }] })
  await start.entered.promise
  await clock.advance(29_999)
  t.true(await pending(ref.stopped))
  await clock.advance(1)
  t.is((await ref.stopped).kind, 'failed')
})

test('what a timed-out onStart does later changes nothing', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const log: string[] = []
  const start = testGate(t)
  const ref = system.spawn(Life, { ...temporary, name: 'a', startTimeout: 10, args: [log, { start }] })
  await start.entered.promise
  await clock.advance(10)
  await ref.stopped
  const before = system.stats()
  start.open.reject(boom())
  await turns()
  t.deepEqual(system.stats(), before)
})

test('a rejection of started that was read but never handled is logged, and is no unhandled rejection', async (t) => {
  const { log, lines } = memoryLog()
  const system = withSystem(t, { log })
  const ref = system.spawn(Life, { ...temporary, args: [[], { onStart() { throw new Error('start goes wrong') } }] })
  void ref.started
  await ref.stopped
  await system.idle()
  await turns()
  t.true(lines.some((line) => (line.level === 'warn' || line.level === 'error') && /start goes wrong/.test(inspect(line, { depth: 6 }))))
})

test('stopped and stop() never reject, however the actor ends', async (t) => {
  const system = withSystem(t)
  const ends: readonly (readonly [ExitReason['kind'], Script, (ref: Ref<Life>) => unknown])[] = [
    ['normal', {}, (ref) => ref.stop()],
    ['normal', {}, (ref) => ref.tell.ctxStop('x')],
    ['killed', {}, (ref) => ref.kill()],
    ['failed', {}, (ref) => ref.tell.fail(boom())],
    ['failed', { onStart() { throw boom() } }, () => {}],
  ]
  for (const [kind, script, end] of ends) {
    const ref = system.spawn(Life, { ...temporary, args: [[], script] })
    end(ref)
    t.is((await ref.stopped).kind, kind)
    t.is((await ref.stop()).kind, kind)
    t.is((await ref.kill()).kind, kind)
  }
})

// ------------------------------------------------------------------- 15: how it ended, and onStop

interface Ending {
  readonly name: string
  readonly kind: ExitReason['kind']
  readonly onStop: boolean
  readonly options?: ActorOptions
  /** Ends `child`, whose parent is `parent`; resolves when that is asked for. */
  readonly end: (it: { system: System; parent: Ref<Life>; child: Ref<Life>; error: Error }) => unknown
}

const endings: readonly Ending[] = [
  { name: 'ref.stop()', kind: 'normal', onStop: true, end: ({ child }) => child.stop() },
  { name: 'ref.stop() with drain', kind: 'normal', onStop: true, end: ({ child }) => child.stop({ drain: true }) },
  { name: 'ctx.stop()', kind: 'normal', onStop: true, end: ({ child }) => child.ask.ctxStop('it') },
  { name: 'its own ref.stop()', kind: 'normal', onStop: true, end: ({ child }) => child.ask.run((ctx) => void ctx.self.stop()) },
  { name: "its parent's stop", kind: 'shutdown', onStop: true, end: ({ parent }) => parent.stop() },
  { name: "its parent's ctx.stop()", kind: 'shutdown', onStop: true, end: ({ parent }) => parent.ask.ctxStop('it') },
  { name: "its parent's failure", kind: 'shutdown', onStop: true, end: ({ parent, error }) => thrownBy(parent.ask.fail(error)) },
  { name: "the system's shutdown", kind: 'shutdown', onStop: true, end: ({ system }) => system.shutdown() },
  { name: 'ref.kill()', kind: 'killed', onStop: false, end: ({ child }) => child.kill() },
  { name: 'its own ref.kill()', kind: 'killed', onStop: false, end: ({ child }) => fire(child, 'ask', 'run', (ctx: Context) => void ctx.self.kill()) },
  { name: "a kill of its parent", kind: 'killed', onStop: false, end: ({ parent }) => parent.kill() },
  { name: "ref.stop() with shutdown 'brutal'", kind: 'killed', onStop: false, options: { shutdown: 'brutal' }, end: ({ child }) => child.stop() },
  { name: "its parent's stop with shutdown 'brutal'", kind: 'killed', onStop: false, options: { shutdown: 'brutal' }, end: ({ parent }) => parent.stop() },
  { name: "the system's shutdown with shutdown 'brutal'", kind: 'killed', onStop: false, options: { shutdown: 'brutal' }, end: ({ system }) => system.shutdown() },
  { name: 'a throw of a handler', kind: 'failed', onStop: true, options: temporary, end: ({ child, error }) => thrownBy(child.ask.fail(error)) },
  { name: 'a rejection of a handler', kind: 'failed', onStop: true, options: temporary, end: ({ child, error }) => thrownBy(child.ask.run(() => Promise.reject(error))) },
]

for (const { name, kind, onStop, options, end } of endings) {
  test(`an actor ended by ${name} ends '${kind}' and its onStop ${onStop ? 'runs, once, with that reason' : 'does not run'}`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const log: string[] = []
    const error = boom()
    const parent = system.spawn(Life, { name: 'p', args: [log] })
    const child = await parent.ask.child('c', {}, options)
    await child.started
    await end({ system, parent, child, error })
    const reason = await child.stopped
    reasonIs(t, reason, kind, error)
    await system.idle()
    t.deepEqual(log.filter((line) => line.startsWith('c stops')), onStop ? [`c stops: ${kind}`] : [])
    const stopped = ofType(events, 'stopped').filter((event) => event.path === '/p/c')
    t.is(stopped.length, 1)
    t.is(stopped[0]!.generation, 0)
    reasonIs(t, stopped[0]!.reason!, kind, error)
  })
}

test('onStop gets the very error of the failure, on the instance that failed', async (t) => {
  const error = boom()
  const told: unknown[] = []
  class Fails extends Actor {
    state = 'fresh'
    work() {
      this.state = 'spoilt'
      throw error
    }
    override onStop(reason: ExitReason) {
      told.push(this.state, reason.kind === 'failed' && reason.error)
    }
  }
  const system = withSystem(t)
  const ref = system.spawn(Fails, temporary)
  ref.tell.work()
  await ref.stopped
  t.deepEqual(told, ['spoilt', error])
})

test('an async onStop is waited for before stopped resolves', async (t) => {
  const system = withSystem(t)
  const stop = testGate(t)
  const ref = system.spawn(Life, { args: [[], { stop }] })
  await ref.started
  const stopped = ref.stop()
  await stop.entered.promise
  t.true(await pending(stopped))
  t.true(await pending(ref.stopped))
  stop.open.resolve()
  t.deepEqual(await stopped, { kind: 'normal' })
})

test('stopped tells the reason also when it is first read after the end', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  await ref.kill()
  await system.idle()
  t.deepEqual(await ref.stopped, { kind: 'killed' })
})

const failures: readonly (readonly [string, 'message' | 'timer' | 'watch', (it: { ref: Ref<Life>; error: Error; system: System; clock: ManualClock }) => unknown])[] = [
  ['a handler throws', 'message', ({ ref, error }) => ref.tell.fail(error)],
  ['a handler rejects', 'message', ({ ref, error }) => ref.tell.run(() => Promise.reject(error))],
  ['a callback of after throws', 'timer', async ({ ref, error, clock }) => { await ref.ask.run((ctx) => void ctx.after(5, () => { throw error })); await clock.advance(5) }],
  ['a callback of after rejects', 'timer', async ({ ref, error, clock }) => { await ref.ask.run((ctx) => void ctx.after(5, () => Promise.reject(error))); await clock.advance(5) }],
  ['a callback of every throws', 'timer', async ({ ref, error, clock }) => { await ref.ask.run((ctx) => void ctx.every(5, () => { throw error })); await clock.advance(50) }],
  ['a watch callback throws', 'watch', async ({ ref, error, system }) => {
    const other = system.spawn(Bench)
    await ref.ask.run((ctx) => void ctx.watch(other, () => { throw error }))
    await other.stop()
  }],
  ['a watch callback rejects', 'watch', async ({ ref, error, system }) => {
    const other = system.spawn(Bench)
    await ref.ask.run((ctx) => void ctx.watch(other, () => Promise.reject(error)))
    await other.stop()
  }],
]

for (const [how, phase, cause] of failures) {
  test(`when ${how}, the actor ends failed, and its parent's event says phase '${phase}'`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const events = collect(system.events)
    const parent = system.spawn(Life, { name: 'p' })
    const ref = await parent.ask.child('c', {}, temporary)
    const error = boom()
    await cause({ ref, error, system, clock })
    reasonIs(t, await ref.stopped, 'failed', error)
    await system.idle()
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0], { path: '/p/c', supervisor: '/p', strategy: 'one-for-one', generation: 0, decision: 'stop', delay: 0 })
    t.like(failed[0]!.failure, { phase, generation: 0, restarts: 0 })
    t.is(failed[0]!.failure.error, error)
    t.is(failed[0]!.failure.child.path, '/p/c')
    t.is(await parent.ask.note(1), 1)
    counts(t, system, { restarts: 0 })
  })
}

for (const [how, onStop] of [['throws', () => { throw boom() }], ['rejects', () => Promise.reject(boom())]] as const) {
  test(`an onStop that ${how} is reported with phase 'stop', and the actor ends for the reason it was stopped for`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const ref = system.spawn(Life, { name: 'a', args: [[], { onStop }] })
    await ref.started
    t.deepEqual(await ref.stop(), { kind: 'normal' })
    await system.idle()
    t.deepEqual(ofType(events, 'failed').map((event) => [event.path, event.failure.phase]), [['/a', 'stop']])
    counts(t, system, { actors: 0 })
  })
}

// ------------------------------------------------------------------------------ children

for (const [how, end, kind] of [
  ['stop', (ref: Ref<Life>) => ref.stop(), 'normal'],
  ['failure', (ref: Ref<Life>) => thrownBy(ref.ask.fail(boom())), 'failed'],
] as const) {
  test(`on its ${how} an actor's children end first, last started first, each before the next, then its own onStop runs`, async (t) => {
    const system = withSystem(t)
    const log: string[] = []
    const parent = system.spawn(Life, { ...temporary, name: 'p', args: [log] })
    const slow = { onStop: () => turns(2) }
    for (const name of ['a', 'b', 'c']) {
      const child = await parent.ask.child(name, slow)
      await child.ask.child(`${name}1`, slow)
      await child.ask.child(`${name}2`, slow)
    }
    await system.idle()
    log.length = 0
    await end(parent)
    await parent.stopped
    t.deepEqual(log, [
      'c2 stops: shutdown', 'c1 stops: shutdown', 'c stops: shutdown', 'b2 stops: shutdown', 'b1 stops: shutdown', 'b stops: shutdown',
      'a2 stops: shutdown', 'a1 stops: shutdown', 'a stops: shutdown', `p stops: ${kind}`,
    ])
    counts(t, system, { actors: 0 })
  })
}

test('shutdown stops the actors of the system last started first, each before the next', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  for (const name of ['a', 'b', 'c']) system.spawn(Life, { name, args: [log, { onStop: async () => { await turns(2); log.push(`${name} ends`) } }] })
  await system.idle()
  log.length = 0
  await system.shutdown()
  t.deepEqual(log, ['c stops: shutdown', 'c ends', 'b stops: shutdown', 'b ends', 'a stops: shutdown', 'a ends'])
})

test('a kill takes all descendants with it, and no onStop of theirs runs', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const parent = system.spawn(Life, { name: 'p', args: [log] })
  const child = await parent.ask.child('c')
  const grandchild = await child.ask.child('g')
  await grandchild.started
  log.length = 0
  await parent.kill()
  t.deepEqual([await child.stopped, await grandchild.stopped], [{ kind: 'killed' }, { kind: 'killed' }])
  await system.idle()
  t.deepEqual(log, [])
  counts(t, system, { actors: 0 })
})

test('the messages of children that end with their parent are dead letters', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Life, { name: 'p' })
  const at = testGate(t)
  const child = await parent.ask.child('c')
  child.tell.block(at)
  await at.entered.promise
  const asked = fire(child, 'ask', 'note', 1)
  const ended = parent.stop()
  await turns()
  at.open.resolve()
  await ended
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test("a child's end leaves its parent and its siblings alone", async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Life, { name: 'p' })
  const [a, b] = [await parent.ask.child('a', {}, temporary), await parent.ask.child('b')]
  a.tell.fail(boom())
  await a.stopped
  t.is(await b.ask.note(1), 1)
  t.is(await parent.ask.note(2), 2)
  t.deepEqual(await parent.ask.run((ctx) => ctx.children.map((child) => child.path)), ['/p/b'])
})

test('an actor that is stopping can start no more children', async (t) => {
  const system = withSystem(t)
  const outcomes: string[] = []
  class Late extends Actor {
    override onStop() {
      try {
        const child = this.ctx.spawn(Bench)
        child.started.catch(() => {})
        void child.stopped.then((reason) => outcomes.push(reason.kind))
      } catch {
        outcomes.push('refused')
      }
    }
  }
  const ref = system.spawn(Late)
  await ref.started
  await ref.stop()
  await system.idle()
  t.is(outcomes.length, 1)
  counts(t, system, { actors: 0 })
})

// -------------------------------------------------------------------- 16: stop, drain, deadlines

for (const verb of verbs) {
  test(`stop lets the message in hand end and makes a waiting ${verb} a dead letter 'stopped'`, async (t) => {
    const system = withSystem(t)
    const dead = collect(system.deadLetters)
    const log: string[] = []
    const at = testGate(t)
    const ref = system.spawn(Life, { name: 'a', args: [log] })
    const asked = ref.ask.block(at, 'in hand')
    await at.entered.promise
    const outcomes = [1, 2, 3].map((i) => fire(ref, verb, 'note', i))
    await turns()
    const stopped = ref.stop()
    t.true(await pending(stopped))
    at.open.resolve()
    t.is(await asked, 'in hand')
    t.deepEqual(await stopped, { kind: 'normal' })
    t.deepEqual(await Promise.all(outcomes), outcomes.map(() => (verb === 'ask' ? 'ERR_BUSKIN_STOPPED' : 'ok')))
    await system.idle()
    t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a handles in hand', 'a stops: normal'])
    t.deepEqual(dead.map(({ reason, target, args }) => [reason, target, args?.[0]]), [1, 2, 3].map((i) => ['stopped', '/a', i]))
    counts(t, system, { sent: 4, handled: 1, deadLetters: 3 })
  })
}

test('a stop overtakes the messages sent before it in the same burst', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const ref = system.spawn(Life, { name: 'a', args: [log] })
  await ref.started
  for (let i = 0; i < 10; i++) ref.tell.note(i)
  t.deepEqual(await ref.stop(), { kind: 'normal' })
  await system.idle()
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a stops: normal'])
  t.deepEqual(deadBy(system), { stopped: 10 })
})

test('what is sent after a stop is a dead letter, while the stop still waits for the handler in hand', async (t) => {
  const system = withSystem(t)
  const { ref, release } = await busy(t, system)
  const stopped = ref.stop()
  t.is(await fire(ref, 'ask', 'note', 1), 'ERR_BUSKIN_STOPPED')
  t.is(await fire(ref, 'send', 'note', 1), 'ERR_BUSKIN_STOPPED')
  ref.tell.note(1)
  counts(t, system, { running: 1, waiting: 0, deadLetters: 3 })
  release()
  await stopped
  t.deepEqual(deadBy(system), { stopped: 3 })
})

test('a drain handles what waits, makes newcomers dead letters from the call on, and ends normal', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const at = testGate(t)
  const ref = system.spawn(Life, { name: 'a', args: [log] })
  ref.tell.block(at, 'in hand')
  await at.entered.promise
  const outcomes = verbs.map((verb) => fire(ref, verb, 'note', verb))
  const stopped = ref.stop({ drain: true })
  const late = verbs.map((verb) => fire(ref, verb, 'note', 'late'))
  at.open.resolve()
  t.deepEqual(await stopped, { kind: 'normal' })
  t.deepEqual(await Promise.all(outcomes), ['ok', 'ok', 'ok'])
  t.deepEqual(await Promise.all(late), ['ok', 'ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_STOPPED'])
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a handles in hand', 'a handles tell', 'a handles send', 'a handles ask', 'a stops: normal'])
  counts(t, system, { sent: 7, handled: 4, deadLetters: 3 })
  t.deepEqual(deadBy(system), { stopped: 3 })
})

test('a drain in the burst that sent the messages handles them all', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log] })
  for (let i = 0; i < 1_000; i++) ref.tell.note(i)
  await ref.stop({ drain: true })
  t.is(log.length, 1_000)
  counts(t, system, { sent: 1_000, handled: 1_000, deadLetters: 0 })
})

test('a drain that a handler asks for, and then looks at the counts, ends the actor as any other', async (t) => {
  const system = withSystem(t)
  const [ref, other] = [system.spawn(Bench), system.spawn(Bench)]
  await ref.started
  const stopped = await other.ask.run(() => {
    const ended = ref.stop({ drain: true })
    system.stats()
    return { ended }
  }) as { ended: Promise<ExitReason> }
  t.deepEqual(await within(stopped.ended, 'the end'), { kind: 'normal' })
})

test('what a draining handler sends to its own actor is a dead letter', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  ref.tell.run((self) => self.tell.note!('late'))
  await ref.stop({ drain: true })
  await system.idle()
  counts(t, system, { sent: 2, handled: 1, deadLetters: 1 })
})

test('a drain without a timeout waits as long as it takes', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, log, release } = await busy(t, system, { shutdown: 10 })
  ref.tell.note(1)
  const stopped = ref.stop({ drain: true })
  await clock.advance(1_000_000)
  t.true(await pending(stopped))
  release()
  t.deepEqual(await stopped, { kind: 'normal' })
  t.deepEqual(log, [1])
})

test('past its timeout a drain is cut off: what still waits is a dead letter, and the actor is killed', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const log: string[] = []
  const at = testGate(t)
  const ref = system.spawn(Life, { name: 'a', args: [log] })
  ref.tell.block(at)
  await at.entered.promise
  ref.tell.note(1)
  const asked = fire(ref.with({ timeout: Infinity }), 'ask', 'note', 2)
  const stopped = ref.stop({ drain: true, timeout: 50 })
  await clock.advance(49)
  t.true(await pending(stopped))
  await clock.advance(1)
  t.deepEqual(await stopped, { kind: 'killed' })
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
  await system.idle()
  t.deepEqual(log, ['a constructed', 'a starts', 'a started'])
  counts(t, system, { sent: 3, handled: 0, failed: 1, deadLetters: 2 })
})

interface Deadline {
  readonly name: string
  readonly options: ActorOptions
  readonly after: number
}
const deadlines: readonly Deadline[] = [
  { name: '5,000 ms where nothing is said', options: {}, after: 5_000 },
  { name: 'its shutdown option of 100 ms', options: { shutdown: 100 }, after: 100 },
]

for (const { name, options, after } of deadlines) {
  for (const where of ['handler in hand', 'onStop'] as const) {
    for (const way of ['ref.stop()', "its parent's stop", "the system's shutdown"] as const) {
      test(`a hanging ${where} is cut off after ${name}, on ${way}`, async (t) => {
        const clock = createManualClock()
        const system = withSystem(t, { clock })
        const events = collect(system.events)
        const log: string[] = []
        const at = testGate(t)
        const parent = system.spawn(Life, { name: 'p', args: [log] })
        const child = await parent.ask.child('c', where === 'onStop' ? { stop: at } : {}, options)
        await child.started
        let asked: Promise<string> | null = null
        if (where === 'handler in hand') {
          asked = fire(child.with({ timeout: Infinity }), 'ask', 'block', at)
          await at.entered.promise
        }
        const ended: Promise<unknown> = way === 'ref.stop()' ? child.stop() : way === "its parent's stop" ? parent.stop() : system.shutdown()
        await turns()
        if (where === 'onStop') await at.entered.promise
        await clock.advance(after - 1)
        t.true(await pending(ended))
        t.true(await pending(child.stopped))
        await clock.advance(1)
        t.deepEqual(await child.stopped, { kind: 'killed' })
        await within(ended, way)
        if (asked) t.is(await asked, 'ERR_BUSKIN_STOPPED')
        t.deepEqual(log.filter((line) => line.startsWith('c stops')), where === 'onStop' ? [`c stops: ${way === 'ref.stop()' ? 'normal' : 'shutdown'}`] : [])
        t.deepEqual(log.filter((line) => line.startsWith('p stops')), way === 'ref.stop()' ? [] : [way === "its parent's stop" ? 'p stops: normal' : 'p stops: shutdown'])
        const stopped = ofType(events, 'stopped').filter((event) => event.path === '/p/c')
        t.deepEqual(stopped.map((event) => event.reason), [{ kind: 'killed' }])
        t.is(system.stats().failed, where === 'onStop' ? 0 : 1)
      })
    }
  }
}

test('the deadline covers the handler in hand and onStop together', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const [at, stop] = [testGate(t), testGate(t)]
  const ref = system.spawn(Life, { shutdown: 100, args: [[], { stop }] })
  ref.tell.block(at)
  await at.entered.promise
  const stopped = ref.stop()
  await clock.advance(60)
  at.open.resolve()
  await within(stop.entered.promise, 'onStop')
  await clock.advance(39)
  t.true(await pending(stopped))
  await clock.advance(1)
  t.deepEqual(await stopped, { kind: 'killed' })
  counts(t, system, { sent: 1, handled: 1, failed: 0 })
})

test("with shutdown 'infinity' a stop waits as long as it takes", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { ref, release } = await busy(t, system, { shutdown: 'infinity' })
  const stopped = ref.stop()
  await clock.advance(1_000_000_000)
  t.true(await pending(stopped))
  release()
  t.deepEqual(await stopped, { kind: 'normal' })
})

test("with shutdown 'brutal' a stop does not wait for the handler in hand", async (t) => {
  const system = withSystem(t)
  const { ref } = await busy(t, system, { shutdown: 'brutal' })
  t.deepEqual(await ref.stop(), { kind: 'killed' })
  counts(t, system, { sent: 1, failed: 1, running: 0 })
})

test('a failing actor whose onStop hangs is cut off at the deadline too', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const stop = testGate(t)
  const ref = system.spawn(Life, { ...temporary, shutdown: 100, args: [[], { stop }] })
  ref.tell.fail(boom())
  await stop.entered.promise
  await clock.advance(99)
  t.true(await pending(ref.stopped))
  await clock.advance(1)
  await within(ref.stopped, 'the end')
  counts(t, system, { actors: 0, failed: 1 })
})

for (const how of ['shutdown({ timeout })', 'shutdownTimeout', 'the default of 10,000 ms'] as const) {
  test(`a system's shutdown resolves at ${how}, and names what it had to kill`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock, ...(how === 'shutdownTimeout' ? { shutdownTimeout: 70 } : {}) })
    const events = collect(system.events)
    const held = await busy(t, system, { name: 'hangs', shutdown: 'infinity' })
    const down = how === 'shutdown({ timeout })' ? system.shutdown({ timeout: 70 }) : system.shutdown()
    const due = how === 'the default of 10,000 ms' ? 10_000 : 70
    await clock.advance(due - 1)
    t.true(await pending(down))
    await clock.advance(1)
    t.is(await within(down, 'shutdown'), undefined)
    t.is(await within(system.closed, 'closed'), undefined)
    t.deepEqual(ofType(events, 'stopped').map((event) => [event.path, event.reason?.kind]), [['/hangs', 'killed']])
    t.deepEqual(await held.ref.stopped, { kind: 'killed' })
    counts(t, system, { sent: 1, failed: 1, running: 0, actors: 0 })
  })
}

test('shutdown needs no advance of a manual clock when nothing hangs', async (t) => {
  const system = withSystem(t, { clock: createManualClock() })
  for (let i = 0; i < 10; i++) system.spawn(Life, { args: [[], { onStop: () => turns(1) }] })
  await within(system.shutdown(), 'shutdown')
  counts(t, system, { actors: 0 })
})

test('shutdown is idempotent, closed resolves with it, and dispose is a shutdown', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  await ref.started
  const [one, two] = [system.shutdown(), system.shutdown()]
  await Promise.all([one, two, system.closed])
  await system.shutdown()
  await system[Symbol.asyncDispose]()
  t.deepEqual(await ref.stopped, { kind: 'shutdown' })
})

test('ctx.stop() takes effect after the current handler, which may go on and reply', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const ref = system.spawn(Life, { name: 'a', args: [log] })
  await ref.started
  const first = ref.ask.ctxStop('the last')
  const second = fire(ref, 'ask', 'note', 'never')
  t.is(await first, 'the last')
  t.is(await second, 'ERR_BUSKIN_STOPPED')
  t.deepEqual(await ref.stopped, { kind: 'normal' })
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a handles the last', 'a stops: normal'])
  counts(t, system, { sent: 2, handled: 1, deadLetters: 1 })
})

test('ctx.stop() in an async handler waits for its end', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const ref = system.spawn(Life)
  const asked = ref.ask.run(async (ctx) => {
    ctx.stop()
    await pass(at)
    return 'done'
  })
  await at.entered.promise
  t.true(await pending(ref.stopped))
  at.open.resolve()
  t.is(await asked, 'done')
  t.deepEqual(await ref.stopped, { kind: 'normal' })
})

test('an actor may stop itself in onStart, in a timer and in a watch callback', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  class Ends extends Actor {
    constructor(where: string, other: Ref<Bench>) {
      super()
      if (where === 'timer') this.ctx.after(5, () => this.ctx.stop())
      if (where === 'watch') this.ctx.watch(other, () => this.ctx.stop())
      this.where = where
    }
    readonly where: string
    override onStart() {
      if (this.where === 'onStart') this.ctx.stop()
    }
  }
  const other = system.spawn(Bench)
  const refs = ['onStart', 'timer', 'watch'].map((where) => system.spawn(Ends, { args: [where, other] }))
  for (const ref of refs) ref.started.catch(() => {})
  await system.idle()
  await other.stop()
  await clock.advance(5)
  t.deepEqual(await Promise.all(refs.map((ref) => ref.stopped)), [{ kind: 'normal' }, { kind: 'normal' }, { kind: 'normal' }])
})

test('stop and kill are idempotent: every caller gets the one reason', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const stopped = system.spawn(Bench, { name: 'stopped' })
  const killed = system.spawn(Bench, { name: 'killed' })
  await Promise.all([stopped.started, killed.started])
  t.deepEqual(await Promise.all([stopped.stop(), stopped.stop(), stopped.stop({ drain: true })]), [{ kind: 'normal' }, { kind: 'normal' }, { kind: 'normal' }])
  t.deepEqual(await Promise.all([killed.kill(), killed.kill(), killed.stop()]), [{ kind: 'killed' }, { kind: 'killed' }, { kind: 'killed' }])
  t.deepEqual(await stopped.kill(), { kind: 'normal' })
  t.deepEqual(await killed.stop(), { kind: 'killed' })
  await system.idle()
  t.deepEqual(ofType(events, 'stopped').map((event) => event.path).sort(), ['/killed', '/stopped'])
})

test('the first reason wins: a stop while the parent already stops it leaves shutdown', async (t) => {
  const system = withSystem(t)
  const stop = testGate(t)
  const parent = system.spawn(Life, { name: 'p' })
  const child = await parent.ask.child('c', { stop })
  await child.started
  const down = parent.stop()
  await stop.entered.promise
  const stopped = child.stop()
  stop.open.resolve()
  t.deepEqual(await stopped, { kind: 'shutdown' })
  t.deepEqual(await down, { kind: 'normal' })
})

test('the first reason wins: a stop of the parent while it is already stopped leaves normal', async (t) => {
  const system = withSystem(t)
  const stop = testGate(t)
  const parent = system.spawn(Life, { name: 'p' })
  const child = await parent.ask.child('c', { stop })
  await child.started
  const stopped = child.stop()
  await stop.entered.promise
  const down = parent.stop()
  await turns()
  stop.open.resolve()
  t.deepEqual(await stopped, { kind: 'normal' })
  t.deepEqual(await down, { kind: 'normal' })
})

test('the first reason wins: a stop while a failed actor runs its onStop leaves failed', async (t) => {
  const system = withSystem(t)
  const stop = testGate(t)
  const error = boom()
  const ref = system.spawn(Life, { ...temporary, args: [[], { stop }] })
  ref.tell.fail(error)
  await stop.entered.promise
  const stopped = ref.stop()
  stop.open.resolve()
  reasonIs(t, await stopped, 'failed', error)
})

for (const [end, kind] of [['stop', 'normal'], ['kill', 'killed']] as const) {
  test(`a ${end} while a failed actor that will be restarted runs its onStop is final: it ends ${kind}`, async (t) => {
    const system = withSystem(t)
    const log: string[] = []
    const stop = testGate(t)
    const ref = system.spawn(Life, { name: 'a', args: [log, { stop }] })
    ref.tell.fail(boom())
    await stop.entered.promise
    const ended = ref[end]()
    await turns()
    stop.open.resolve()
    t.deepEqual(await ended, { kind })
    await system.idle()
    t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a stops: failed'])
    counts(t, system, { actors: 0, restarts: 0, failed: 1 })
  })
}

test('the first reason wins: a failure of the handler in hand after a kill leaves killed', async (t) => {
  const system = withSystem(t)
  const at = gate()
  const ref = system.spawn(Life)
  ref.tell.run(async () => {
    await pass(at)
    throw boom()
  })
  await at.entered.promise
  const killed = ref.kill()
  at.open.resolve()
  t.deepEqual(await killed, { kind: 'killed' })
  await turns()
  counts(t, system, { sent: 1, failed: 1 })
})

test('a kill during a stop ends the actor at once, and both callers get one reason', async (t) => {
  const system = withSystem(t)
  const { ref } = await busy(t, system)
  const stopped = ref.stop()
  await turns()
  const killed = await within(ref.kill(), 'the kill')
  t.deepEqual(await stopped, killed)
  counts(t, system, { sent: 1, failed: 1, running: 0, actors: 0 })
})

for (const end of ['stop', 'kill'] as const) {
  test(`a ${end} in the burst that spawned the actor ends it before any message is handled`, async (t) => {
    const system = withSystem(t)
    const log: string[] = []
    const ref = system.spawn(Life, { name: 'a', args: [log] })
    const asked = fire(ref, 'ask', 'note', 1)
    const ended = ref[end]()
    t.is((await ended).kind, end === 'stop' ? 'normal' : 'killed')
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    await system.idle()
    t.false(log.includes('a handles 1'))
    t.deepEqual(deadBy(system), { stopped: 1 })
    counts(t, system, { actors: 0, sent: 1, handled: 0 })
  })
}

test('a kill in the burst that spawned the actor makes started reject ERR_BUSKIN_START', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  const killed = ref.kill()
  await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
  t.deepEqual(await killed, { kind: 'killed' })
})

test('a stop while onStart is pending waits for it, then onStop runs and nothing is handled', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const start = testGate(t)
  const ref = system.spawn(Life, { name: 'a', args: [log, { start }] })
  ref.started.catch(() => {})
  ref.tell.note(1)
  await start.entered.promise
  const stopped = ref.stop()
  t.true(await pending(stopped))
  start.open.resolve()
  t.deepEqual(await stopped, { kind: 'normal' })
  t.deepEqual(log, ['a constructed', 'a starts', 'a started', 'a stops: normal'])
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test('a stop while onStart hangs is cut off at the deadline', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const start = testGate(t)
  const ref = system.spawn(Life, { shutdown: 100, args: [[], { start }] })
  await start.entered.promise
  const stopped = ref.stop()
  await clock.advance(99)
  t.true(await pending(stopped))
  await clock.advance(1)
  t.deepEqual(await stopped, { kind: 'killed' })
  await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
})

test('a kill while onStart is pending ends the actor at once, and started rejects ERR_BUSKIN_START', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const start = testGate(t)
  const ref = system.spawn(Life, { name: 'a', args: [log, { start }] })
  await start.entered.promise
  t.deepEqual(await ref.kill(), { kind: 'killed' })
  await rejectsWith(t, ref.started, 'ERR_BUSKIN_START')
  start.open.resolve()
  await turns()
  t.deepEqual(log.filter((line) => line.includes('stops')), [])
  counts(t, system, { actors: 0 })
})

// ------------------------------------------------------------- 17: killed handlers, and the fence

test('the message in hand of a killed actor counts as failed at that moment, and its asker gets ERR_BUSKIN_STOPPED', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const ref = system.spawn(Bench)
  const asked = fire(ref, 'ask', 'block', at)
  await at.entered.promise
  ref.tell.note(1)
  t.deepEqual(await ref.kill(), { kind: 'killed' })
  counts(t, system, { sent: 2, failed: 1, handled: 0, deadLetters: 1, running: 0, waiting: 0 })
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
})

for (const [how, finish] of [
  ['returns', () => 'late'],
  ['throws', () => { throw boom() }],
  ['never ends', () => new Promise(() => {})],
] as const) {
  test(`a killed handler that later ${how} changes no count and tells nobody`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const at = testGate(t)
    const ref = system.spawn(Life, { name: 'a' })
    const asked = fire(ref, 'ask', 'run', async () => {
      await pass(at)
      return finish()
    })
    await at.entered.promise
    await ref.kill()
    await system.idle()
    const before = system.stats()
    const told = events.length
    at.open.resolve()
    await turns()
    await system.idle()
    t.deepEqual(system.stats(), before)
    t.is(events.length, told)
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(ofType(events, 'failed'), [])
  })
}

test('a late reply of a killed handler reaches no later ask', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const ref = system.spawn(Life)
  const asked = fire(ref, 'ask', 'block', at, 'late')
  await at.entered.promise
  await ref.kill()
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
  const other = system.spawn(Bench)
  const replies = Promise.all(Array.from({ length: 100 }, (_, i) => other.ask.noteLater(i)))
  at.open.resolve()
  t.deepEqual(await replies, Array.from({ length: 100 }, (_, i) => i))
})

const fenced: readonly (readonly [string, (ctx: Context<any>, other: Ref<Bench>) => unknown])[] = [
  ['ctx.spawn', (ctx) => { ctx.spawn(Bench).started.catch(() => {}) }],
  ['ctx.after', (ctx, other) => ctx.after(1, () => other.tell.note('late timer'))],
  ['ctx.every', (ctx, other) => ctx.every(1, () => other.tell.note('late timer'))],
  ['ctx.watch', (ctx, other) => ctx.watch(other, () => {})],
  ['ctx.stop', (ctx) => ctx.stop()],
  ['ctx.self.tell', (ctx) => ctx.self.tell.note!(1)],
]

for (const [name, use] of fenced) {
  test(`a killed handler's later use of ${name} has no effect`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const log: unknown[] = []
    const other = system.spawn(Bench, { args: [log] })
    const at = testGate(t)
    const done = deferred()
    const ref = system.spawn(Life, { name: 'a' })
    ref.tell.run(async (ctx) => {
      await pass(at)
      try {
        use(ctx, other)
      } catch {
        // Refusing is one way of having no effect.
      } finally {
        done.resolve()
      }
    })
    await at.entered.promise
    await ref.kill()
    const again = system.spawn(Life, { name: 'a' })
    await again.started
    const before = system.stats()
    at.open.resolve()
    await done.promise
    await system.idle()
    await clock.advance(10)
    t.deepEqual(log, [])
    const after = system.stats()
    t.is(after.actors, before.actors)
    t.is(after.handled, before.handled)
    t.is(after.failed, before.failed)
    t.is(await again.ask.note('alive'), 'alive')
  })
}

for (const propagate of [false, true]) {
  test(`a plain ref that a killed handler uses after an await ${propagate ? 'is fenced under propagate' : 'still works without propagate, with no sender'}`, async (t) => {
    const system = withSystem(t, { propagate })
    const seen: unknown[] = []
    class Sees extends Actor {
      note() {
        seen.push(this.ctx.sender)
      }
    }
    const other = system.spawn(Sees)
    const at = testGate(t)
    const done = deferred()
    const ref = system.spawn(Life)
    ref.tell.run(async () => {
      await pass(at)
      other.tell.note()
      done.resolve()
    })
    await at.entered.promise
    await ref.kill()
    at.open.resolve()
    await done.promise
    await system.idle()
    t.deepEqual(seen, propagate ? [] : [null])
  })
}

test('an actor that kills itself in a handler and then throws leaves the calls of others as they are', async (t) => {
  class Suicidal extends Actor {
    end() {
      void this.ctx.self.kill()
      throw new Error('and throws')
    }
  }
  class Plain extends Actor {
    read(n: number) { return n }
  }
  const system = withSystem(t)
  const other = system.spawn(Plain)
  const doomed = system.spawn(Suicidal)
  doomed.tell.end()
  await doomed.stopped
  t.deepEqual(await Promise.all([1, 2, 3].map((n) => other.ask.read(n))), [1, 2, 3])
  counts(t, system, { sent: 4, handled: 3, failed: 1 })
})

test('an actor that kills itself in a handler fails that message: its asker gets ERR_BUSKIN_STOPPED', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Life)
  await ref.started
  const asked = fire(ref, 'ask', 'run', (ctx: Context) => {
    void ctx.self.kill()
    return 'never seen'
  })
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
  t.deepEqual(await ref.stopped, { kind: 'killed' })
  counts(t, system, { sent: 1, failed: 1, handled: 0 })
})

test('timers of an ended actor never fire', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  let fired = 0
  for (const end of ['stop', 'kill', 'fail'] as const) {
    const ref = system.spawn(Life, temporary)
    await ref.ask.run((ctx) => {
      ctx.after(5, () => fired++)
      ctx.every(5, () => fired++)
    })
    if (end === 'fail') ref.tell.fail(boom())
    else void ref[end]()
    await ref.stopped
  }
  await clock.advance(100)
  t.is(fired, 0)
})

for (const [end, run] of [
  ['stop', (ref: Ref<Life>) => ref.stop()],
  ['kill', (ref: Ref<Life>) => ref.kill()],
  ['failure', (ref: Ref<Life>) => thrownBy(ref.ask.fail(boom()))],
] as const) {
  test(`ctx.signal aborts when the instance ends by ${end}, and only once`, async (t) => {
    const system = withSystem(t)
    let aborts = 0
    const ref = system.spawn(Life, temporary)
    const { signal } = await inside(ref, (ctx) => ({ signal: ctx.signal }))
    signal.addEventListener('abort', () => aborts++)
    t.false(signal.aborted)
    await run(ref)
    await ref.stopped
    await system.idle()
    t.true(signal.aborted)
    t.is(aborts, 1)
  })
}

test('a message that is held back while the inbox is read is aborted by the core, in its order', async (t) => {
  for (const [what, why] of [['stop', 'stopped'], ['fail', 'aborted']] as const) {
    const system = withSystem(t)
    const [ref, other] = [system.spawn(Life, temporary), system.spawn(Life)]
    await Promise.all([ref.started, other.started])
    const controller = new AbortController()
    ref.tell.run((ctx) => {
      if (what === 'stop') ctx.stop()
      else throw boom()
    })
    other.tell.run(() => controller.abort())
    await rejectsWith(t, ref.with({ signal: controller.signal }).ask.run(() => 0), 'ERR_BUSKIN_ABORTED')
    await ref.stopped
    await system.idle()
    t.deepEqual(deadBy(system), { [why]: 1 }, what)
  }
})

test('ctx.signal tells a killed handler that it is fenced off', async (t) => {
  const system = withSystem(t)
  const told = deferred()
  const entered = deferred()
  const ref = system.spawn(Life)
  ref.tell.run((ctx) => {
    entered.resolve()
    return new Promise<void>((done) => ctx.signal.addEventListener('abort', () => { told.resolve(); done() }))
  })
  await entered.promise
  await ref.kill()
  await within(told.promise, 'the abort')
  counts(t, system, { sent: 1, failed: 1 })
})

// ------------------------------------------------------------------------- 18: after the end

const dead: readonly (readonly [string, (system: System) => Promise<Ref<any>>])[] = [
  ['stopped', async (system) => { const ref = system.spawn(Bench); await ref.stop(); return ref }],
  ['killed', async (system) => { const ref = system.spawn(Bench); await ref.kill(); return ref }],
  ['failed', async (system) => { const ref = system.spawn(Bench, temporary); ref.tell.fail(boom()); await ref.stopped; return ref }],
  ['whose start failed', async (system) => { const ref = system.spawn(Life, { ...temporary, args: [[], { onStart() { throw boom() } }] }); await ref.stopped; return ref }],
  ['whose cell was reused', async (system) => {
    const ref = system.spawn(Bench)
    await ref.stop()
    for (let round = 0; round < 3; round++) {
      const others = Array.from({ length: 2_000 }, () => system.spawn(Bench))
      await system.idle()
      if (round < 2) await Promise.all(others.map((other) => other.stop()))
    }
    return ref
  }],
]

for (const [name, make] of dead) {
  for (const verb of allVerbs) {
    test(`${verb} to an actor ${name} is a dead letter 'stopped'${verb === 'tell' ? '' : ' and rejects ERR_BUSKIN_STOPPED'}`, async (t) => {
      const system = withSystem(t)
      const ref = await make(system)
      await system.idle()
      const before = system.stats()
      const letters = collect(system.deadLetters)
      t.is(await fire(ref, verb, 'note', 1), verb === 'tell' ? 'ok' : 'ERR_BUSKIN_STOPPED')
      await system.idle()
      t.deepEqual(letters, [{ reason: 'stopped', target: ref.path, sender: null, method: 'note', args: [1] }])
      counts(t, system, { sent: before.sent + 1, deadLetters: before.deadLetters + 1, handled: before.handled, failed: before.failed })
    })
  }
}

for (const verb of allVerbs) {
  test(`${verb} after shutdown is a dead letter${verb === 'tell' ? '' : ' and rejects ERR_BUSKIN_CLOSED'}`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    await system.shutdown()
    t.is(await fire(ref, verb, 'note', 1), verb === 'tell' ? 'ok' : 'ERR_BUSKIN_CLOSED')
    counts(t, system, { sent: 1, deadLetters: 1, handled: 0 })
    t.deepEqual(deadBy(system), { stopped: 1 })
  })
}

test('a ref that outlives its actor still tells its path, its name and that it equals itself', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench, { name: 'gone' })
  await ref.stop()
  const other = system.spawn(Bench, { name: 'gone' })
  t.is(ref.path, '/gone')
  t.is(ref.name, 'gone')
  t.true(ref.equals(ref))
  t.false(ref.equals(other))
  t.false(other.equals(ref))
})

// -------------------------------------------------------------------------------- 20: watch

class Watcher extends Actor {
  readonly told: [string, ExitReason][]
  constructor(told: [string, ExitReason][]) {
    super()
    this.told = told
  }
  watch(target: Ref<any>, times = 1) {
    for (let i = 0; i < times; i++) {
      this.ctx.watch(target, (reason, which) => {
        this.told.push([which.path, reason])
      })
    }
  }
  async block(at: Gate) {
    await pass(at)
  }
}

const watched: readonly (readonly [string, ExitReason['kind'], (it: { system: System; target: Ref<Life>; parent: Ref<Life>; error: Error }) => unknown])[] = [
  ['a stop', 'normal', ({ target }) => target.stop()],
  ["its parent's stop", 'shutdown', ({ parent }) => parent.stop()],
  ['a kill', 'killed', ({ target }) => target.kill()],
  ["a kill of its parent", 'killed', ({ parent }) => parent.kill()],
  ['a failure', 'failed', ({ target, error }) => thrownBy(target.ask.fail(error))],
]

for (const [how, kind, end] of watched) {
  for (const when of ['before', 'after'] as const) {
    test(`a watch set ${when} the end tells ${kind} of ${how}, once, with the target`, async (t) => {
      const system = withSystem(t)
      const told: [string, ExitReason][] = []
      const error = boom()
      const parent = system.spawn(Life, { name: 'p' })
      const target = await parent.ask.child('target', {}, temporary)
      await target.started
      const watcher = system.spawn(Watcher, { args: [told] })
      if (when === 'before') await watcher.ask.watch(target)
      await end({ system, target, parent, error })
      await target.stopped
      if (when === 'after') {
        t.deepEqual(told, [])
        await watcher.ask.watch(target)
      }
      await system.idle()
      t.is(told.length, 1)
      t.is(told[0]![0], '/p/target')
      reasonIs(t, told[0]![1], kind, error)
    })
  }
}

test('a watch of an actor whose start fails tells the failure', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const error = boom()
  const watcher = system.spawn(Watcher, { args: [told] })
  const start = testGate(t)
  const target = system.spawn(Life, { ...temporary, name: 'target', args: [[], { start, onStart() { throw error } }] })
  await start.entered.promise
  await watcher.ask.watch(target)
  start.open.resolve()
  await system.idle()
  t.is(told.length, 1)
  reasonIs(t, told[0]![1], 'failed', error)
})

test('every watcher is told once, and every watch of one watcher', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const target = system.spawn(Bench, { name: 'target' })
  const watchers = Array.from({ length: 10 }, () => system.spawn(Watcher, { args: [told] }))
  for (const [i, watcher] of watchers.entries()) await watcher.ask.watch(target, i === 0 ? 3 : 1)
  await target.stop()
  await system.idle()
  t.is(told.length, 12)
})

test('a watch is told of its own target only, not of a successor with the same name', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const first = system.spawn(Bench, { name: 'target' })
  const watcher = system.spawn(Watcher, { args: [told] })
  await watcher.ask.watch(first)
  await first.stop()
  const second = system.spawn(Bench, { name: 'target' })
  await second.stop()
  await system.idle()
  t.is(told.length, 1)
})

test('a cancelled watch tells nothing, and says whether it was active', async (t) => {
  const system = withSystem(t)
  let told = 0
  const target = system.spawn(Bench)
  const watcher = system.spawn(Life)
  t.deepEqual(await watcher.ask.run((ctx) => {
    const watch = ctx.watch(target, () => told++)
    return [watch.active, watch.cancel(), watch.active, watch.cancel()]
  }), [true, true, false, false])
  await target.stop()
  await system.idle()
  t.is(told, 0)
})

test('a watch that told is no longer active', async (t) => {
  const system = withSystem(t)
  const target = system.spawn(Bench)
  const watcher = system.spawn(Life)
  const watch = await inside(watcher, (ctx) => ctx.watch(target, () => {}))
  t.true(watch.active)
  await target.stop()
  await system.idle()
  t.false(watch.active)
  t.false(watch.cancel())
})

test('a watch ends with its watcher', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const target = system.spawn(Bench)
  const watcher = system.spawn(Watcher, { args: [told] })
  await watcher.ask.watch(target)
  await watcher.stop()
  await target.stop()
  await system.idle()
  t.deepEqual(told, [])
})

test('a watch callback runs inside the watcher, one at a time with its messages', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const at = testGate(t)
  const target = system.spawn(Bench)
  const watcher = system.spawn(Watcher, { args: [told] })
  await watcher.ask.watch(target)
  watcher.tell.block(at)
  await at.entered.promise
  await target.stop()
  await turns()
  t.deepEqual(told, [])
  at.open.resolve()
  await system.idle()
  t.is(told.length, 1)
})

test("what the target sent before its end is in its watcher's mailbox before the watcher is told", async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const told: number[] = []
  class Listens extends Actor {
    watch(target: Ref<any>) {
      this.ctx.watch(target, () => {
        told.push(log.length + system.stats().waiting)
      })
    }
    note(value: unknown) {
      log.push(value)
    }
  }
  const watcher = system.spawn(Listens)
  const target = system.spawn(Life)
  await watcher.ask.watch(target)
  await target.ask.run((ctx) => {
    for (let i = 0; i < 5; i++) watcher.tell.note(i)
    ctx.stop()
  })
  await system.idle()
  t.deepEqual(told, [5])
  t.deepEqual(log, [0, 1, 2, 3, 4])
})

test('two actors that watch each other are each told of the other only', async (t) => {
  const system = withSystem(t)
  const told: [string, ExitReason][] = []
  const [a, b] = ['a', 'b'].map((name) => system.spawn(Watcher, { name, args: [told] })) as [Ref<Watcher>, Ref<Watcher>]
  await a.ask.watch(b)
  await b.ask.watch(a)
  await a.stop()
  await system.idle()
  t.deepEqual(told, [['/a', { kind: 'normal' }]])
  await b.stop()
})

// -------------------------------------------------------------------- 36: started and stopped events

test('an instance has one started and one stopped event, in that order, with path, generation and reason', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const parent = system.spawn(Life, { name: 'p' })
  const child = await parent.ask.child('c')
  await child.ask.note(1)
  await parent.stop()
  await system.idle()
  t.deepEqual(events.map((event) => ('path' in event ? [event.type, event.path, 'generation' in event ? event.generation : null] : [event.type])), [
    ['started', '/p', 0], ['started', '/p/c', 0], ['stopped', '/p/c', 0], ['stopped', '/p', 0],
  ])
  t.deepEqual(ofType(events, 'stopped').map((event) => event.reason), [{ kind: 'shutdown' }, { kind: 'normal' }])
})

test('the started event comes after onStart, not before', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const start = testGate(t)
  const ref = system.spawn(Life, { args: [[], { start }] })
  await start.entered.promise
  await turns()
  t.is(ofType(events, 'started').length, 0)
  start.open.resolve()
  await ref.started
  await system.idle()
  t.is(ofType(events, 'started').length, 1)
})

test('a name that is used twice has events of both its actors', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  for (let i = 0; i < 3; i++) {
    const ref = system.spawn(Bench, { name: 'again' })
    await ref.started
    await ref.stop()
  }
  await system.idle()
  t.deepEqual(events.map((event) => event.type), ['started', 'stopped', 'started', 'stopped', 'started', 'stopped'])
})

test('every instance of a restarted actor has a started and a stopped event of its own', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const ref = system.spawn(Life, { name: 'a' })
  await thrownBy(ref.ask.fail(boom()))
  t.is(await ref.ask.note('again'), 'again')
  await ref.stop()
  await system.idle()
  t.deepEqual(events.map((event) => ('generation' in event ? [event.type, event.generation] : [event.type])), [
    ['started', 0], ['failed', 0], ['stopped', 0], ['started', 1], ['restarted', 1], ['stopped', 1],
  ])
  t.deepEqual(ofType(events, 'stopped').map((event) => event.reason?.kind), ['failed', 'normal'])
})

