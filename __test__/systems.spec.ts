import { createRequire } from 'node:module'
import test from 'ava'
import { Actor, BuskinError, createManualClock, createSystem } from 'buskin'
import type { ActorClass, ActorOptions, ExitReason, Ref, System, SystemOptions } from 'buskin'
import { Puppet, balanced, deferred, inside, manualSystemFor, occupy, ofType, outcome, recordDeadLetters, recordEvents, rejectsWith, systemFor, temporary, throwsWith, turns } from './support-b.ts'

// -------------------------------------------------------------------------------- many systems

test('systems of one process share nothing', async t => {
  const systems = Array.from({ length: 50 }, (_, i) => systemFor(t, { name: `s${i}` }))
  const refs = systems.map(system => system.spawn(Puppet, { name: 'same' }))
  for (const [i, ref] of refs.entries()) for (let n = 0; n < i; n++) ref.tell.run(() => {})
  await Promise.all(systems.map(system => system.idle()))
  for (const [i, system] of systems.entries()) {
    t.is(system.name, `s${i}`)
    t.like(system.stats(), { actors: 1, sent: i, handled: i })
    t.true(system.lookup('/same')!.equals(refs[i]))
    t.false(system.lookup('/same')!.equals(refs[(i + 1) % 50]))
  }
  await systems[0]!.shutdown()
  t.is(await inside(refs[1]!, () => 'alive'), 'alive')
})

test('a failure in one system is no event of another', async t => {
  const [one, two] = [systemFor(t), systemFor(t)]
  const events = recordEvents(two)
  const bad = one.spawn(Puppet, temporary)
  bad.tell.run(() => { throw new Error('x') })
  await bad.stopped
  await two.idle()
  t.deepEqual(events, [])
  t.is(two.stats().failed, 0)
})

test('a class may be spawned in several systems', async t => {
  class Counter extends Actor { n = 0; add() { return ++this.n } }
  const counters = [systemFor(t), systemFor(t)].map(system => system.spawn(Counter))
  t.deepEqual(await Promise.all(counters.map(counter => counter.ask.add())), [1, 1])
  t.is(await counters[0]!.ask.add(), 2)
})

test('a system made in the handler of another one is its own', async t => {
  const outer = systemFor(t)
  const actor = outer.spawn(Puppet, { name: 'outer' })
  const inner = await inside(actor, () => {
    const made = createSystem({ cores: 0, log: false })
    const ref = made.spawn(Puppet)
    return { made, sender: inside(ref, me => me.c.sender), parent: inside(ref, me => me.c.parent) }
  })
  t.is(await inner.parent, null)
  t.like(outer.stats(), { actors: 1, sent: 1 })
  t.like(inner.made.stats(), { actors: 1, sent: 2, handled: 2 })
  await inner.made.shutdown()
})

test('Actor and the errors of the require entry are those of the import entry', async t => {
  const required = createRequire(import.meta.url)('buskin') as typeof import('buskin')
  t.is(required.Actor, Actor)
  t.is(required.BuskinError, BuskinError)
  const system = required.createSystem({ cores: 0, log: false })
  class Hello extends required.Actor { hello() { return 'hello' } }
  t.is(await system.spawn(Hello).ask.hello(), 'hello')
  t.is(await systemFor(t).spawn(Hello).ask.hello(), 'hello')
  await system.shutdown()
})

test('a class with a module, and one that inherits it, are spawned on the isolate that spawns them', async t => {
  const system = systemFor(t)
  class Base extends Actor { static module: string | undefined = import.meta.url; here() { return this.ctx.system === system } }
  class Heir extends Base {}
  class Without extends Base { static override module = undefined }
  for (const cls of [Base, Heir, Without]) t.true(await system.spawn(cls as ActorClass<Base, []>).ask.here())
  t.deepEqual(system.inspect().children.map(child => child.on), [0, 0, 0])
})

// ------------------------------------------------------------------------------------ shutdown

class Noter extends Actor {
  readonly log: string[]
  readonly children: readonly string[]
  constructor(log: string[], children: readonly string[] = []) { super(); this.log = log; this.children = children }
  override onStart() { for (const name of this.children) this.ctx.spawn(Noter, { args: [this.log], name }) }
  override onStop(reason: ExitReason) { this.log.push(`${this.ctx.path} ${reason.kind}`) }
}

test('shutdown stops children in reverse order of start, before their parents', async t => {
  const system = systemFor(t)
  const log: string[] = []
  system.spawn(Noter, { args: [log], name: 'a' })
  system.spawn(Noter, { args: [log, ['b1', 'b2']], name: 'b' })
  system.spawn(Noter, { args: [log], name: 'c' })
  await system.idle()
  await system.shutdown()
  t.deepEqual(log, ['/c shutdown', '/b/b2 shutdown', '/b/b1 shutdown', '/b shutdown', '/a shutdown'])
})

test('shutdown waits for an async onStop before it stops the next one', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const gate = deferred()
  class Slow extends Actor {
    readonly label: string
    constructor(label: string) { super(); this.label = label }
    override async onStop() { log.push(`${this.label} begins`); if (this.label === 'second') await gate.promise; log.push(`${this.label} ends`) }
  }
  system.spawn(Slow, { args: ['first'] })
  system.spawn(Slow, { args: ['second'] })
  await system.idle()
  const done = system.shutdown()
  await turns()
  t.deepEqual(log, ['second begins'])
  gate.resolve()
  await done
  t.deepEqual(log, ['second begins', 'second ends', 'first begins', 'first ends'])
})

test('shutdown lets the message in hand end, and what waits becomes dead letters', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const actor = system.spawn(Puppet, { name: 'a' })
  const busy = await occupy(actor)
  const waiting = outcome(inside(actor, () => 'never'))
  const done = system.shutdown()
  let settled = false
  void done.then(() => { settled = true })
  await turns()
  t.false(settled)
  busy.release()
  await done
  t.like(await waiting, { error: { name: 'BuskinError' } })
  t.deepEqual(letters.map(letter => letter.reason), ['stopped'])
  t.deepEqual(await actor.stopped, { kind: 'shutdown' })
  const stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 2, handled: 1, deadLetters: 1, running: 0, waiting: 0, actors: 0 })
})

test('shutdown is idempotent, and closed resolves with it', async t => {
  const system = systemFor(t)
  let closed = false
  void system.closed.then(() => { closed = true })
  await turns()
  t.false(closed)
  const both = [system.shutdown(), system.shutdown()]
  t.deepEqual(await Promise.all(both), [undefined, undefined])
  t.is(await system.shutdown(), undefined)
  t.is(await system.closed, undefined)
  t.true(closed)
})

test('a system without actors shuts down', async t => {
  const system = systemFor(t)
  await system.shutdown()
  t.like(system.stats(), { actors: 0, sent: 0 })
})

test('an actor that was spawned and not yet started shuts down too', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const actor = system.spawn(Noter, { args: [log] })
  void actor.started.catch(() => {})
  await system.shutdown()
  t.is((await actor.stopped).kind, 'shutdown')
  t.is(system.stats().actors, 0)
})

test('shutdown cuts off a start that never ends', async t => {
  const { system, clock } = manualSystemFor(t)
  class Stuck extends Actor { override onStart() { return new Promise<void>(() => {}) } }
  const actor = system.spawn(Stuck, { shutdown: 100 })
  const started = outcome(actor.started)
  await turns()
  const done = system.shutdown()
  await turns()
  await clock.advance(100)
  await done
  t.like(await started, { error: { code: 'ERR_BUSKIN_START' } })
})

test('an actor past its deadline is killed, its event says so, and shutdown goes on with the others', async t => {
  const { system, clock } = manualSystemFor(t)
  const events = recordEvents(system)
  const log: string[] = []
  system.spawn(Noter, { args: [log], name: 'good' })
  const stuck = system.spawn(Puppet, { name: 'stuck', shutdown: 50 })
  await occupy(stuck)
  const done = system.shutdown()
  await turns()
  t.deepEqual(log, [])
  await clock.advance(50)
  await done
  t.deepEqual(log, ['/good shutdown'])
  t.deepEqual(ofType(events, 'stopped').map(event => [event.path, event.reason?.kind]), [['/stuck', 'killed'], ['/good', 'shutdown']])
  t.like(system.stats(), { sent: 1, failed: 1, running: 0, actors: 0 })
})

test("an actor with shutdown 'brutal' is not waited for", async t => {
  const { system, clock } = manualSystemFor(t)
  const stuck = system.spawn(Puppet, { shutdown: 'brutal' })
  await occupy(stuck)
  await system.shutdown()
  t.is(clock.now(), 0)
  t.deepEqual(await stuck.stopped, { kind: 'killed' })
})

for (const [name, options, timeout, limit] of [
  ['10,000 by default', {}, undefined, 10_000],
  ['shutdownTimeout of the system', { shutdownTimeout: 300 }, undefined, 300],
  ['timeout of the call', { shutdownTimeout: 300 }, { timeout: 40 }, 40]
] as const) {
  test(`shutdown resolves after its time-out whatever hangs: ${name}`, async t => {
    const { system, clock } = manualSystemFor(t, options)
    const events = recordEvents(system)
    const first = system.spawn(Puppet, { name: 'first', shutdown: 'infinity' })
    const second = system.spawn(Puppet, { name: 'second', shutdown: 'infinity' })
    await occupy(first)
    await occupy(second)
    let settled = false
    const done = system.shutdown(timeout).then(() => { settled = true })
    await turns()
    await clock.advance(limit - 1)
    await turns()
    t.false(settled)
    await clock.advance(1)
    await done
    t.deepEqual(ofType(events, 'stopped').map(event => [event.path, event.reason?.kind]).sort(), [['/first', 'killed'], ['/second', 'killed']])
    await system.closed
    t.like(system.stats(), { sent: 2, failed: 2, running: 0, actors: 0 })
  })
}

test('await using shuts a system down at the end of the block', async t => {
  const log: string[] = []
  let outside: System
  {
    await using system = createSystem({ cores: 0, log: false })
    outside = system
    system.spawn(Noter, { args: [log], name: 'a' })
    await system.idle()
    t.deepEqual(log, [])
  }
  t.deepEqual(log, ['/a shutdown'])
  throwsWith(t, () => outside.spawn(Puppet), 'ERR_BUSKIN_CLOSED')
})

test('await using shuts a system down when the block throws', async t => {
  let outside: System | undefined
  const error = new Error('x')
  t.deepEqual(await outcome((async () => {
    await using system = createSystem({ cores: 0, log: false })
    outside = system
    throw error
  })()), { error })
  await outside!.closed
  t.pass()
})

test('after shutdown every verb says CLOSED, and nothing throws at the call', async t => {
  const system = systemFor(t)
  class Source extends Puppet { *items() { yield 1 } }
  const actor = system.spawn(Source, { name: 'a' })
  await system.idle()
  await system.shutdown()
  actor.tell.run(() => {})
  await rejectsWith(t, actor.send.run(() => {}), 'ERR_BUSKIN_CLOSED')
  await rejectsWith(t, actor.ask.run(() => {}), 'ERR_BUSKIN_CLOSED')
  await rejectsWith(t, actor.stream.items().next(), 'ERR_BUSKIN_CLOSED')
  await rejectsWith(t, actor.with({ timeout: 10, ttl: 10 }).ask.run(() => {}), 'ERR_BUSKIN_CLOSED')
  t.deepEqual(await actor.stop(), { kind: 'shutdown' })
  t.deepEqual(await actor.kill(), { kind: 'shutdown' })
  t.deepEqual(await actor.stopped, { kind: 'shutdown' })
  const stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 5, deadLetters: 5, waiting: 0, running: 0 })
  t.like(stats.deadLettersBy, { stopped: 5 })
})

test('after shutdown a system can still be looked at', async t => {
  const system = systemFor(t)
  await inside(system.spawn(Puppet, { name: 'a' }), () => {})
  await system.shutdown()
  t.like(system.stats(), { actors: 0, sent: 1, handled: 1 })
  t.is(system.lookup('/a'), null)
  t.deepEqual(system.inspect().children, [])
  await system.idle()
})

test('a spawn throws CLOSED from the call of shutdown on', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const busy = await occupy(actor)
  const done = system.shutdown()
  throwsWith(t, () => system.spawn(Puppet), 'ERR_BUSKIN_CLOSED')
  busy.release()
  await done
  const error = throwsWith(t, () => system.spawn(Puppet), 'ERR_BUSKIN_CLOSED')
  t.true(error.message.length > 20, 'names the remedy')
  t.is(system.stats().actors, 0)
})

test('asks that are open at shutdown settle', async t => {
  const system = systemFor(t)
  const actors = Array.from({ length: 20 }, () => system.spawn(Puppet, { shutdown: 'brutal' }))
  const asks = actors.flatMap(actor => Array.from({ length: 20 }, () => outcome(actor.ask.run(() => new Promise(() => {})))))
  await turns()
  await system.shutdown()
  const results = await Promise.all(asks)
  t.is(results.length, 400)
  for (const result of results) t.true('error' in result && BuskinError.is(result.error))
  const stats = system.stats()
  balanced(t, stats)
  t.like(stats, { sent: 400, failed: 20, deadLetters: 380, running: 0, waiting: 0 })
})

test('sends that are parked at shutdown settle', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet, { mailbox: { capacity: 1, overflow: 'wait' }, shutdown: 'brutal' })
  await occupy(actor)
  const sends = Array.from({ length: 10 }, () => outcome(actor.send.run(() => {})))
  await turns()
  await system.shutdown()
  const results = await Promise.all(sends)
  t.deepEqual(results[0], { value: undefined })
  for (const result of results.slice(1)) t.true('error' in result && BuskinError.is(result.error))
})

// ------------------------------------------------------------------------------- bad options

const wrong = (value: unknown) => value as never

const badSystemOptions: Record<string, [SystemOptions, RegExp]> = {
  'a misspelt option': [wrong({ nmae: 'x' }), /nmae/],
  'null': [wrong(null), /./],
  'a string': [wrong('x'), /./],
  'a name that is no string': [{ name: wrong(5) }, /name/],
  'too many cores': [{ cores: 63 }, /cores/],
  'negative cores': [{ cores: -1 }, /cores/],
  'fractional cores': [{ cores: 0.5 }, /cores/],
  'cores as text': [{ cores: wrong('0') }, /cores/],
  'core that is no object': [{ core: wrong(1) }, /core/],
  'a misspelt core option': [{ core: wrong({ pinned: true }) }, /core\.pinned/],
  'negative threads': [{ threads: -1 }, /threads/],
  'too many threads': [{ threads: 63 }, /threads/],
  'more threads than the cores leave': [{ cores: 60, threads: 3 }, /threads/],
  'supervision that is no object': [{ supervision: wrong('one-for-all') }, /supervision/],
  'an unknown strategy': [{ supervision: { strategy: wrong('all-for-one') } }, /strategy.*all-for-one/],
  'a misspelt supervision option': [{ supervision: wrong({ maxRestart: 1 }) }, /maxRestart/],
  'negative maxRestarts': [{ supervision: { maxRestarts: -1 } }, /maxRestarts/],
  'a decide that is no function': [{ supervision: { decide: wrong('restart') } }, /decide/],
  'an unknown onEscalate': [{ onEscalate: wrong('ignore') }, /onEscalate/],
  'a mailbox that is no object': [{ mailbox: wrong(10) }, /mailbox/],
  'a misspelt mailbox option': [{ mailbox: wrong({ capcity: 1 }) }, /capcity/],
  'a negative capacity': [{ mailbox: { capacity: -1 } }, /capacity/],
  'a fractional capacity': [{ mailbox: { capacity: 1.5 } }, /capacity/],
  'a capacity that is not a number': [{ mailbox: { capacity: Number.NaN } }, /capacity/],
  'a capacity as text': [{ mailbox: { capacity: wrong('10') } }, /capacity/],
  'an unknown overflow': [{ mailbox: { overflow: wrong('explode') } }, /overflow.*explode|explode.*overflow/],
  'a negative askTimeout': [{ askTimeout: -1 }, /askTimeout/],
  'an askTimeout that is not a number': [{ askTimeout: Number.NaN }, /askTimeout/],
  'an askTimeout as text': [{ askTimeout: wrong('5') }, /askTimeout/],
  'a negative shutdownTimeout': [{ shutdownTimeout: -1 }, /shutdownTimeout/],
  'a shutdownTimeout that is not a number': [{ shutdownTimeout: Number.NaN }, /shutdownTimeout/],
  'log: true': [{ log: wrong(true) }, /log/],
  'a logger without methods': [{ log: wrong({}) }, /log/],
  'a logger with a method missing': [{ log: wrong({ debug() {}, info() {}, warn() {} }) }, /error/],
  'a clock of another make': [{ clock: { now: () => 0, advance: async () => {} } }, /clock/],
  'a clock copied from ours': [{ clock: { ...createManualClock() } }, /clock/],
  'propagate as text': [{ propagate: wrong('yes') }, /propagate/],
  'unknown localMessages': [{ localMessages: wrong('clone') }, /localMessages/]
}

for (const [name, [options, mention]] of Object.entries(badSystemOptions)) {
  test(`createSystem refuses ${name}`, t => {
    const error = throwsWith(t, () => createSystem(options), 'ERR_BUSKIN_OPTION')
    t.regex(error.message, mention)
  })
}

for (const onEscalate of ['shutdown', 'report'] as const) {
  test(`createSystem takes onEscalate '${onEscalate}', and a failure that escalates ${onEscalate === 'report' ? 'ends its actor only' : 'ends the system'}`, async t => {
    const system = systemFor(t, { onEscalate, supervision: { maxRestarts: 0 } })
    const error = new Error('too much')
    const closed = outcome(system.closed)
    const [bad, other] = [system.spawn(Puppet), system.spawn(Puppet)]
    bad.tell.run(() => { throw error })
    t.deepEqual(await bad.stopped, { kind: 'failed', error })
    if (onEscalate === 'report') {
      t.is(await inside(other, () => 'alive'), 'alive')
      await system.shutdown()
    }
    t.deepEqual(await closed, onEscalate === 'report' ? { value: undefined } : { error })
  })
}

test('createSystem takes every option of this milestone', async t => {
  const system = createSystem({
    name: 'full', cores: 0, mailbox: { capacity: Number.POSITIVE_INFINITY, overflow: 'wait' }, askTimeout: Number.POSITIVE_INFINITY,
    shutdownTimeout: 100, log: false, clock: createManualClock(), propagate: false, localMessages: 'share', onEscalate: 'report',
    supervision: { strategy: 'one-for-all', maxRestarts: 3, within: 1_000, backoff: { min: 1, max: 2, factor: 1, jitter: 0, resetAfter: 5 }, decide: () => {} }
  })
  t.is(system.name, 'full')
  await system.shutdown()
})

test('createSystem needs no options', async t => {
  const system = createSystem()
  t.is(await inside(system.spawn(Puppet), () => 1), 1)
  await system.shutdown()
})

const badActorOptions: Record<string, [object, RegExp]> = {
  'a misspelt option': [{ maibox: {} }, /maibox/],
  'an unknown option': [{ retries: 3 }, /retries/],
  'a mailbox that is no object': [{ mailbox: 10 }, /mailbox/],
  'a misspelt mailbox option': [{ mailbox: { capcity: 1 } }, /capcity/],
  'a negative capacity': [{ mailbox: { capacity: -1 } }, /capacity/],
  'a fractional capacity': [{ mailbox: { capacity: 2.5 } }, /capacity/],
  'an unknown overflow': [{ mailbox: { overflow: 'explode' } }, /explode/],
  'supervision that is no object': [{ supervision: 5 }, /supervision/],
  'a misspelt supervision option': [{ supervision: { stategy: 'one-for-one' } }, /stategy/],
  'an unknown strategy': [{ supervision: { strategy: 'one-for-two' } }, /strategy/],
  'a misspelt backoff option': [{ supervision: { backoff: { mim: 1 } } }, /mim/],
  'an unknown restart': [{ restart: 'sometimes' }, /restart/],
  'an unknown mailboxOnRestart': [{ mailboxOnRestart: 'drop' }, /mailboxOnRestart/],
  'health without every': [{ health: {} }, /health/],
  'a misspelt health option': [{ health: { evry: 1 } }, /evry/],
  'on a core that is not there': [{ on: 1 }, /on/],
  'on -1': [{ on: -1 }, /on/],
  'on a key that is none': [{ on: { key: {} } }, /on/],
  'on near what is no ref': [{ on: { near: {} } }, /on/],
  'on something else': [{ on: 'here' }, /on/],
  'a negative shutdown': [{ shutdown: -1 }, /shutdown/],
  'a shutdown that is not a number': [{ shutdown: Number.NaN }, /shutdown/],
  'an unknown shutdown': [{ shutdown: 'gentle' }, /shutdown/],
  'a negative startTimeout': [{ startTimeout: -1 }, /startTimeout/],
  'a startTimeout as text': [{ startTimeout: '5' }, /startTimeout/]
}

const badSpawnOptions: Record<string, [object, RegExp]> = {
  ...badActorOptions,
  'a name with a slash': [{ name: 'a/b' }, /name/],
  'an empty name': [{ name: '' }, /name/],
  'a name that is no string': [{ name: 5 }, /name/],
  'args that are no array': [{ args: 'x' }, /args/],
  'args that are an object': [{ args: { 0: 'x', length: 1 } }, /args/]
}

/** A system in which nothing has happened, and a check that nothing has. */
function untouched(t: Parameters<typeof systemFor>[0]): { system: System, check: () => Promise<void> } {
  const system = systemFor(t)
  const events = recordEvents(system)
  return {
    system,
    async check() {
      await system.idle()
      t.deepEqual(events, [])
      t.deepEqual(system.inspect().children, [])
      t.like(system.stats(), { actors: 0, sent: 0, deadLetters: 0, failed: 0, waiting: 0, running: 0 })
    }
  }
}

for (const [name, [options, mention]] of Object.entries(badSpawnOptions)) {
  test(`spawn refuses ${name}, and nothing is left half done`, async t => {
    const { system, check } = untouched(t)
    let made = 0
    class Made extends Actor { constructor() { super(); made++ } }
    const given = { name: 'kept', ...options }
    const error = throwsWith(t, () => system.spawn(Made, given as never), 'ERR_BUSKIN_OPTION')
    t.regex(error.message, mention)
    await check()
    t.is(made, 0)
    const kept = system.spawn(Made, { name: 'kept' })
    t.is(kept.path, '/kept')
    await kept.started
    t.is(made, 1)
  })
}

for (const options of [null, 'x', 5, []]) {
  test(`spawn refuses ${JSON.stringify(options)} as options`, async t => {
    const { system, check } = untouched(t)
    throwsWith(t, () => system.spawn(Puppet, options as never), 'ERR_BUSKIN_OPTION')
    await check()
  })
}

for (const [name, options] of Object.entries<ActorOptions>({
  "on 'local'": { on: 'local' }, 'on 0': { on: 0 }, "on 'any'": { on: 'any' }, 'on a key': { on: { key: 'x' } }, "restart 'temporary'": { restart: 'temporary' }, "shutdown 'brutal'": { shutdown: 'brutal' },
  "shutdown 'infinity'": { shutdown: 'infinity' }, 'shutdown 0': { shutdown: 0 }, 'an infinite mailbox': { mailbox: { capacity: Number.POSITIVE_INFINITY } }, 'nothing': {},
  "mailboxOnRestart 'keep'": { mailboxOnRestart: 'keep' }, "mailboxOnRestart 'clear'": { mailboxOnRestart: 'clear' }, "restart 'permanent'": { restart: 'permanent' },
  "restart 'transient'": { restart: 'transient' }, 'empty supervision': { supervision: {} }, 'supervision': { supervision: { strategy: 'rest-for-one', backoff: false } },
  'health': { health: { every: 100 } }
})) {
  test(`spawn takes ${name}`, async t => {
    const system = systemFor(t)
    t.is(await inside(system.spawn(Puppet, options), () => 1), 1)
    class Declared extends Puppet { static options = options }
    t.is(await inside(system.spawn(Declared), () => 2), 2)
  })
}

for (const [name, [options, mention]] of Object.entries(badActorOptions)) {
  test(`spawn refuses a class whose static options have ${name}`, async t => {
    const { system, check } = untouched(t)
    class Declared extends Actor { static options = options as ActorOptions }
    t.regex(throwsWith(t, () => system.spawn(Declared), 'ERR_BUSKIN_OPTION').message, mention)
    await check()
  })
}

for (const [name, statics] of Object.entries<Record<string, unknown>>({
  'a module that is no string': { module: 5 },
  'concurrent that is no array': { concurrent: 'read' },
  'concurrent with something that is no string': { concurrent: [5] },
  'concurrent with a name that is no handler': { concurrent: ['raed'] },
  'concurrent with a hook': { concurrent: ['onStart'] },
  'options that are no object': { options: 'x' }
})) {
  test(`spawn refuses a class with ${name}`, async t => {
    const { system, check } = untouched(t)
    const cls = Object.assign(class extends Actor { read() {} }, statics)
    throwsWith(t, () => system.spawn(cls as unknown as ActorClass<Actor, []>), 'ERR_BUSKIN_OPTION')
    await check()
  })
}

class Plain { hello() { return 1 } }
class Fake { static readonly isActor = true; readonly ctx = {} }

for (const [name, value] of Object.entries<unknown>({
  'a plain class': Plain,
  'a class that looks like an actor': Fake,
  'a function': function hello() {},
  'an arrow function': () => {},
  'undefined': undefined,
  'null': null,
  'a string': 'Puppet',
  'a number': 5,
  'an object': {},
  'the prototype of an actor class': Puppet.prototype,
  'Actor itself': Actor
})) {
  test(`spawn refuses ${name}`, async t => {
    const { system, check } = untouched(t)
    const error = throwsWith(t, () => system.spawn(value as ActorClass<Actor, []>), 'ERR_BUSKIN_NOT_AN_ACTOR')
    t.true(error.message.length > 20, 'names the remedy')
    await check()
  })
}

test('an instance of an actor cannot be spawned', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const instance = await inside(actor, me => ({ me }))
  throwsWith(t, () => system.spawn(instance.me as unknown as ActorClass<Actor, []>), 'ERR_BUSKIN_NOT_AN_ACTOR')
})

test('an actor class made with new outside of a spawn fails with a typed error when it uses ctx', t => {
  const error = throwsWith(t, () => new Puppet().c, 'ERR_BUSKIN_NOT_AN_ACTOR')
  t.regex(error.message, /spawn/)
})

test('a name that is taken is refused, and the one who has it is untouched', async t => {
  const system = systemFor(t)
  const first = system.spawn(Puppet, { name: 'same' })
  const error = throwsWith(t, () => system.spawn(Puppet, { name: 'same' }), 'ERR_BUSKIN_NAME_TAKEN')
  t.regex(error.message, /same/)
  t.is(await inside(first, me => me.c.path), '/same')
  throwsWith(t, () => system.spawn(Puppet, { name: 'same' }), 'ERR_BUSKIN_NAME_TAKEN')
  t.is(system.stats().actors, 1)
  await first.stop()
  t.is(system.spawn(Puppet, { name: 'same' }).path, '/same')
})

test('a spawn that throws inside a handler leaves the handler and its children alone', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet, { name: 'a' })
  await inside(actor, me => {
    me.c.spawn(Puppet, { name: 'child' })
    throwsWith(t, () => me.c.spawn(Puppet, { name: 'child' }), 'ERR_BUSKIN_NAME_TAKEN')
    throwsWith(t, () => me.c.spawn(Plain as unknown as ActorClass<Actor, []>), 'ERR_BUSKIN_NOT_AN_ACTOR')
    throwsWith(t, () => me.c.spawn(Puppet, { restart: 'sometimes' as never }), 'ERR_BUSKIN_OPTION')
  })
  t.deepEqual(await inside(actor, me => me.c.children.map((child: Ref) => child.path)), ['/a/child'])
  t.is(system.stats().actors, 2)
})

test('ctx.spawn of an actor that is stopping throws STOPPED', async t => {
  const system = systemFor(t)
  const result = deferred<unknown>()
  class Last extends Actor {
    override onStop() { try { this.ctx.spawn(Puppet); result.resolve('spawned') } catch (error) { result.resolve((error as BuskinError).code) } }
  }
  const actor = system.spawn(Last)
  await actor.started
  await actor.stop()
  t.is(await result.promise, 'ERR_BUSKIN_STOPPED')
  t.is(system.stats().actors, 0)
})

for (const options of [{ timeuot: 5 }, { timeout: -1 }, { timeout: '5' }, 'x', null]) {
  test(`shutdown refuses ${JSON.stringify(options)}, and the system stays open`, async t => {
    const system = systemFor(t)
    await rejectsWith(t, (async () => system.shutdown(options as never))(), 'ERR_BUSKIN_OPTION')
    t.is(await inside(system.spawn(Puppet), () => 1), 1)
  })
}
