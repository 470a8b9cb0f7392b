// One actor fails, or stops itself: who is restarted, what is kept, and what is told of it.
import test from 'ava'
import { Actor } from 'buskin'
import type { ActorOptions, Failure, Ref } from 'buskin'
import { collect, counts, deadBy, pending, rejectsWith, settle, testGate, thrownBy, turns, withSystem, within } from '../support.ts'
import { Sub, boom, child, fail, family, find, inside, ofType } from './support.ts'

// ------------------------------------------------------------------------------------ restart policies

for (const [restart, end, back] of [
  ['permanent', 'fail', true], ['permanent', 'stop', true],
  ['transient', 'fail', true], ['transient', 'stop', false],
  ['temporary', 'fail', false], ['temporary', 'stop', false],
  [undefined, 'fail', true], [undefined, 'stop', false],
] as const) {
  test(`a ${restart ?? 'default'} actor that ${end === 'fail' ? 'fails' : 'stops itself'} ${back ? 'is restarted' : 'ends'}`, async (t) => {
    const system = withSystem(t)
    const { refs: { a }, log } = await family(system, {}, { a: restart === undefined ? {} : { restart } })
    if (end === 'fail') await fail(a)
    else await inside(a, (ctx) => ctx.stop())
    await system.idle()
    const reason = end === 'fail' ? 'failed' : 'normal'
    t.deepEqual(log, back ? [`a0 stop ${reason}`, 'a1 restart', 'a1 start'] : [`a0 stop ${reason}`])
    if (back) t.is(await a.ask.generation(), 1)
    else t.is((await a.stopped).kind, reason)
    counts(t, system, { actors: back ? 2 : 1, restarts: back ? 1 : 0 })
  })
}

test('actors spawned on the system are restarted too, by default at once', async (t) => {
  const system = withSystem(t)
  const log: string[] = []
  const a = system.spawn(Sub, { name: 'a', args: [log] })
  await fail(a)
  await system.idle()
  t.deepEqual(log, ['a0 start', 'a0 stop failed', 'a1 restart', 'a1 start'])
})

test('the policy may be said by the class, and a spawn says otherwise', async (t) => {
  const system = withSystem(t)
  class Fragile extends Sub {
    static readonly options: ActorOptions = { restart: 'temporary' }
  }
  const [a, b] = [system.spawn(Fragile), system.spawn(Fragile, { restart: 'transient' })]
  await Promise.all([fail(a), fail(b)])
  t.is((await a.stopped).kind, 'failed')
  t.is(await b.ask.generation(), 1)
})

test('an actor may fail many times, and each instance is the next generation', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const a = system.spawn(Sub, { name: 'a' })
  for (let i = 0; i < 50; i++) {
    t.is(await a.ask.generation(), i)
    await fail(a)
  }
  t.is(await a.ask.generation(), 50)
  counts(t, system, { restarts: 50, failed: 50, handled: 51, actors: 1 })
  t.is(find(system, '/a')?.generation, 50)
})

// ------------------------------------------------------------------------------------------ what is kept

test('a restart keeps ref, name, path and lookup, and makes another instance with another ctx', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const before = await inside(a, (ctx, me) => ({ me, ctx, self: ctx.self }))
  const stopped = a.stopped
  await fail(a)
  const after = await inside(a, (ctx, me) => ({ me, ctx, self: ctx.self }))
  t.not(after.me, before.me)
  t.not(after.ctx, before.ctx)
  t.true(after.self.equals(before.self))
  t.true(a.equals(after.self))
  t.deepEqual([a.name, a.path, after.ctx.path, after.ctx.generation, before.ctx.generation], ['a', '/top/a', '/top/a', 1, 0])
  t.true(system.lookup('/top/a')?.equals(a))
  t.true(await pending(stopped))
  t.is(a.stopped, stopped)
})

test("an unnamed actor's name outlives its restarts", async (t) => {
  const system = withSystem(t)
  const a = system.spawn(Sub)
  const { name } = a
  await fail(a)
  t.is(await inside(a, (ctx) => ctx.self.name), name)
})

test("a name is taken while its actor is between two instances", async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs: { a }, top, log } = await family(system, {}, { a: { plan: { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) } } })
  await fail(a)
  await at.entered.promise
  await rejectsWith(t, child(top, 'a', log), 'ERR_BUSKIN_NAME_TAKEN')
})

test('every instance gets the arguments of the spawn, the same objects', async (t) => {
  const got: unknown[][] = []
  class Takes extends Actor {
    constructor(...args: unknown[]) {
      super()
      got.push(args)
    }
    fail() {
      throw boom()
    }
  }
  const system = withSystem(t, { supervision: { backoff: false } })
  const [object, list, fn] = [{ deep: {} }, [1], () => {}]
  const args = [object, list, fn, -0]
  const a = system.spawn(Takes, { args })
  args.length = 0 // the array is the caller's
  for (let i = 0; i < 2; i++) await settle(a.ask.fail())
  await system.idle()
  t.is(got.length, 3)
  for (const each of got) {
    t.is(each.length, 4)
    t.is(each[0], object)
    t.is(each[1], list)
    t.is(each[2], fn)
    t.true(Object.is(each[3], -0))
  }
})

test('state of the instance is gone, and what is static stays', async (t) => {
  const system = withSystem(t)
  const a = system.spawn(Sub)
  await a.ask.note(1)
  await fail(a)
  t.deepEqual(await a.ask.read(), [])
})

test('waiting messages are kept, in their order, and what comes meanwhile is behind them', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs: { a } } = await family(system, {}, { a: { plan: { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) } } })
  a.tell.fail(boom())
  for (let i = 0; i < 100; i++) a.tell.note(i)
  const asked = a.ask.note('asked')
  await at.entered.promise
  t.is(find(system, '/top/a')?.waiting, 101)
  for (let i = 100; i < 200; i++) a.tell.note(i)
  at.open.resolve()
  t.is(await asked, 'asked')
  const seen = await a.ask.read()
  t.deepEqual(seen.filter((value) => typeof value === 'number'), Array.from({ length: 200 }, (_, i) => i))
  t.is(seen.indexOf('asked'), 100)
  counts(t, system, { deadLetters: 0, failed: 1 })
})

test('priorities hold across a restart', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs: { a } } = await family(system, {}, { a: { plan: { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) } } })
  a.tell.fail(boom())
  await at.entered.promise
  a.with({ priority: 'low' }).tell.note('low')
  a.tell.note('normal')
  a.with({ priority: 'high' }).tell.note('high')
  at.open.resolve()
  await system.idle()
  t.deepEqual(await a.ask.read(), ['high', 'normal', 'low'])
})

test('the asker of the failed message gets the very error, and the message is never done again', async (t) => {
  const system = withSystem(t)
  const error = boom()
  let calls = 0
  class Once extends Sub {
    once() {
      calls++
      throw error
    }
  }
  const a = system.spawn(Once)
  t.is((await thrownBy(a.ask.once())).error, error)
  t.is(await a.ask.generation(), 1)
  await system.idle()
  t.is(calls, 1)
  counts(t, system, { sent: 2, failed: 1, handled: 1, deadLetters: 0 })
})

for (const [name, error] of [['undefined', undefined], ['null', null], ['a string', 'boom'], ['a frozen object', Object.freeze({})]] as const) {
  test(`an actor that throws ${name} is restarted after just that`, async (t) => {
    const failures: (Failure | null)[] = []
    const system = withSystem(t)
    const a = system.spawn(Sub, { args: [[], { restart: (_generation, failure) => void failures.push(failure) }] })
    t.is((await thrownBy(a.ask.fail(error))).error, error)
    t.is(await a.ask.generation(), 1)
    t.true('error' in failures[0]!)
    t.is(failures[0]!.error, error)
  })
}

// ------------------------------------------------------------------------------- what hooks are told

test('onRestart gets the failure, before onStart, on the new instance; and onStop the error on the old one', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const error = boom()
  const seen: unknown[] = []
  const { refs: { a }, log } = await family(system, {}, {
    a: { plan: { restart: (generation, failure) => void seen.push(generation, failure), stop: (generation, reason) => void seen.push(generation, reason) } },
  })
  await fail(a, error)
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
  const [stopOf, reason, restartOf, failure] = seen as [number, { kind: string; error: unknown }, number, Failure]
  t.deepEqual([stopOf, restartOf, reason.kind], [0, 1, 'failed'])
  t.is(reason.error, error)
  t.is(failure.error, error)
  t.true(failure.child.equals(a))
  t.true(Object.isFrozen(failure))
  t.like(failure, { phase: 'message', method: 'fail', generation: 0, restarts: 0 })
  t.is(ofType(events, 'failed')[0]!.failure, failure)
})

test('onRestart gets null after ctx.stop() of a permanent actor, and onStop normal', async (t) => {
  const system = withSystem(t)
  const seen: unknown[] = []
  const { refs: { a }, log } = await family(system, {}, { a: { restart: 'permanent', plan: { restart: (_generation, failure) => void seen.push(failure) } } })
  await fail(a)
  await inside(a, (ctx) => ctx.stop())
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start', 'a1 stop normal', 'a2 restart', 'a2 start'])
  t.is(seen.length, 2)
  t.is(seen[1], null)
  counts(t, system, { restarts: 2 })
})

test("onStart waits for onRestart's promise, and messages for both", async (t) => {
  const system = withSystem(t)
  const [first, second] = [testGate(t), testGate(t)]
  const { refs: { a }, log } = await family(system, {}, {
    a: {
      plan: {
        restart: () => (first.entered.resolve(), first.open.promise),
        start: (generation) => generation === 1 && (second.entered.resolve(), second.open.promise),
      },
    },
  })
  await fail(a)
  a.tell.note(1)
  await first.entered.promise
  await turns()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart'])
  first.open.resolve()
  await second.entered.promise
  await turns()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
  second.open.resolve()
  await system.idle()
  t.is(log.at(-1), 'a1 note 1')
})

test('onStop of the failed instance has ended before the next one is made', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const made: number[] = []
  const { refs: { a } } = await family(system, {}, { a: { plan: { construct: (ctx) => void made.push(ctx.generation), stop: () => (at.entered.resolve(), at.open.promise) } } })
  await fail(a)
  await at.entered.promise
  await turns()
  t.deepEqual(made, [0])
  at.open.resolve()
  await system.idle()
  t.deepEqual(made, [0, 1])
})

test('children of the failed instance end with shutdown, last started first, before its onStop; the next has none', async (t) => {
  const system = withSystem(t)
  const { refs: { a }, log } = await family(system, {}, { a: {} })
  const refs = await Promise.all(['x', 'y', 'z'].map((name) => child(a, name, log)))
  await child(refs[1]!, 'deep', log)
  await system.idle()
  log.length = 0
  await fail(a)
  await system.idle()
  t.deepEqual(log, ['z0 stop shutdown', 'deep0 stop shutdown', 'y0 stop shutdown', 'x0 stop shutdown', 'a0 stop failed', 'a1 restart', 'a1 start'])
  t.deepEqual(await inside(a, (ctx) => ctx.children.length), 0)
  t.deepEqual(await Promise.all(refs.map(async (ref) => (await ref.stopped).kind)), ['shutdown', 'shutdown', 'shutdown'])
  counts(t, system, { actors: 2, restarts: 1 })
})

test('the names of the old children are free for those of the new instance', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: { plan: { construct: (ctx) => void ctx.spawn(Sub, { name: 'helper' }) } } })
  await fail(a)
  await system.idle()
  t.deepEqual(await inside(a, (ctx) => ctx.children.map((ref) => ref.path)), ['/top/a/helper'])
})

// -------------------------------------------------------------------------------- Failure and figures

test('Failure.generation and Failure.restarts count on, and stats().restarts with them', async (t) => {
  const system = withSystem(t)
  const failures: Failure[] = []
  const { refs: { a, b } } = await family(system, {}, {
    a: { plan: { restart: (_generation, failure) => void failures.push(failure!) } },
    b: { plan: { restart: (_generation, failure) => void failures.push(failure!) } },
  })
  for (let i = 0; i < 3; i++) {
    await fail(a)
    await a.ask.generation()
  }
  await fail(b)
  await system.idle()
  t.deepEqual(failures.map(({ child: who, generation, restarts }) => [who.name, generation, restarts]), [['a', 0, 0], ['a', 1, 1], ['a', 2, 2], ['b', 0, 0]])
  counts(t, system, { restarts: 4 })
})

// ------------------------------------------------------------------------------------------ started

test('started resolves after a first start that failed and a restart that did not', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const log: string[] = []
  let tries = 0
  const a = system.spawn(Sub, { name: 'a', args: [log, { start() { if (++tries < 3) throw boom() } }] })
  a.tell.note('kept')
  t.is(await within(a.started, 'started'), undefined)
  await system.idle()
  t.deepEqual(log, ['a0 start', 'a0 stop failed', 'a1 restart', 'a1 start', 'a1 stop failed', 'a2 restart', 'a2 start', 'a2 note kept'])
  counts(t, system, { restarts: 2, handled: 1 })
})

test('started rejects with the last error as cause when the actor ends before it has ever started', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { backoff: false, maxRestarts: 2 } })
  const errors: Error[] = []
  const a = system.spawn(Sub, { args: [[], { start(generation) { throw errors[errors.push(boom(`try ${generation}`)) - 1] } }] })
  const error = await rejectsWith(t, a.started, 'ERR_BUSKIN_START')
  t.is(errors.length, 3)
  t.is(error.cause, errors[2])
  t.is((await a.stopped).kind, 'failed')
})

test('started of an actor that has started once stays resolved when a later start fails for good', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 1, backoff: false } })
  const a = system.spawn(Sub, { args: [[], { start(generation) { if (generation > 0) throw boom() } }] })
  await a.started
  await fail(a)
  t.is((await a.stopped).kind, 'failed')
  t.is(await a.started, undefined)
})

test('started rejects when a stop ends the row of failed starts', async (t) => {
  const system = withSystem(t, { supervision: { backoff: { min: 100_000 } } })
  const error = boom()
  const a = system.spawn(Sub, { args: [[], { start() { throw error } }] })
  const { started } = a
  await turns()
  t.is(find(system, a.path)?.state, 'restarting')
  await a.stop()
  t.is((await rejectsWith(t, started, 'ERR_BUSKIN_START')).cause, error)
})

// ------------------------------------------------------------------------------------ mailboxOnRestart

for (const mailboxOnRestart of ['keep', 'clear'] as const) {
  test(`mailboxOnRestart '${mailboxOnRestart}' ${mailboxOnRestart === 'keep' ? 'keeps what waits' : "makes what waits dead letters 'stopped', and takes what comes after"}`, async (t) => {
    const system = withSystem(t)
    const at = testGate(t)
    const { refs: { a } } = await family(system, {}, { a: { mailboxOnRestart, plan: { stop: () => (at.entered.resolve(), at.open.promise) } } })
    a.tell.fail(boom())
    a.tell.note(1)
    const asked = settle(a.ask.note(2))
    await at.entered.promise
    a.tell.note(3)
    at.open.resolve()
    await system.idle()
    t.deepEqual(await a.ask.read(), mailboxOnRestart === 'keep' ? [1, 2, 3] : [3])
    t.is(await asked, mailboxOnRestart === 'keep' ? 'ok' : 'ERR_BUSKIN_STOPPED')
    t.deepEqual(deadBy(system), mailboxOnRestart === 'keep' ? {} : { stopped: 2 })
  })
}

test('mailboxOnRestart may be said by the class, and holds for the siblings of a group too', async (t) => {
  const system = withSystem(t)
  class Clears extends Sub {
    static readonly options: ActorOptions = { mailboxOnRestart: 'clear' }
  }
  const { refs: { a, b } } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: { cls: Clears } })
  const at = testGate(t)
  b.tell.block(at)
  await at.entered.promise
  b.tell.note(1)
  await fail(a)
  at.open.resolve()
  await system.idle()
  t.deepEqual(await b.ask.read(), [])
  t.is(await (b as Ref<Sub>).ask.generation(), 1)
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test('what an instance sent before it failed is handled although it is gone', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  await settle(inside(a, () => {
    for (let i = 0; i < 100; i++) b.tell.note(i)
    throw boom()
  }))
  await system.idle()
  t.is((await b.ask.read()).length, 100)
})
