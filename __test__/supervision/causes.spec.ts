// Everything that can fail in an actor, each as the failure that its supervisor sees, and that a restart follows.
import test from 'ava'
import { Refusal, createManualClock } from 'buskin'
import type { Failure, ManualClock, Ref } from 'buskin'
import { call, collect, counts, fire, memoryLog, rejectsWith, settle, testGate, thrownBy, turns, withSystem } from '../support.ts'
import { Checked, Sub, boom, fail, family, inside, ofType } from './support.ts'
import type { Member } from './support.ts'

class Wide extends Sub {
  static readonly concurrent = ['block', 'failLater']
}

interface Cause {
  readonly name: string
  readonly phase: Failure['phase']
  readonly method?: string
  readonly member?: (error: unknown) => Member
  readonly provoke: (it: { a: Ref<Sub>; b: Ref<Sub>; error: unknown; clock: ManualClock }) => unknown
}

const causes: readonly Cause[] = [
  { name: 'a throw of a handler', phase: 'message', method: 'fail', provoke: ({ a, error }) => a.tell.fail(error) },
  { name: 'a rejection after an await', phase: 'message', method: 'failLater', provoke: ({ a, error }) => a.tell.failLater(error) },
  { name: 'a rejected promise', phase: 'message', method: 'run', provoke: ({ a, error }) => a.tell.run(() => Promise.reject(error)) },
  { name: 'a thenable that rejects', phase: 'message', method: 'run', provoke: ({ a, error }) => a.tell.run(() => ({ then(_: unknown, no: (error: unknown) => void) { no(error) } })) },
  { name: 'a concurrent handler', phase: 'message', method: 'failLater', member: () => ({ cls: Wide }), provoke: ({ a, error }) => a.tell.failLater(error) },
  { name: 'a handler that sends', phase: 'message', method: 'fail', provoke: ({ a, error }) => void a.send.fail(error) },
  { name: 'an after', phase: 'timer', provoke: async ({ a, error, clock }) => { await inside(a, (ctx) => void ctx.after(5, () => { throw error })); await clock.advance(5) } },
  { name: 'an async after', phase: 'timer', provoke: async ({ a, error, clock }) => { await inside(a, (ctx) => void ctx.after(5, async () => { await turns(1); throw error })); await clock.advance(5); await turns() } },
  { name: 'an every', phase: 'timer', provoke: async ({ a, error, clock }) => { await inside(a, (ctx) => void ctx.every(5, () => { throw error })); await clock.advance(5) } },
  { name: 'a watch', phase: 'watch', provoke: async ({ a, b, error }) => { await inside(a, (ctx) => void ctx.watch(b, () => { throw error })); await b.stop() } },
  { name: 'an async watch', phase: 'watch', provoke: async ({ a, b, error }) => { await inside(a, (ctx) => void ctx.watch(b, () => Promise.reject(error))); await b.stop() } },
  { name: 'a generator', phase: 'message', method: 'throws', member: (error) => ({ cls: streaming(error) }), provoke: ({ a }) => fire(a, 'stream', 'throws') },
  { name: 'an async generator', phase: 'message', method: 'throwsLater', member: (error) => ({ cls: streaming(error) }), provoke: ({ a }) => fire(a, 'stream', 'throwsLater') },
  { name: 'onHealth', phase: 'health', member: (error) => ({ cls: Checked, health: { every: 5 }, plan: { health: (generation) => { if (generation === 0) throw error } } }), provoke: ({ clock }) => clock.advance(5) },
  { name: 'an async onHealth', phase: 'health', member: (error) => ({ cls: Checked, health: { every: 5 }, plan: { health: (generation) => (generation === 0 ? Promise.reject(error) : undefined) } }), provoke: ({ clock }) => clock.advance(5) },
  { name: 'a Refusal of onHealth', phase: 'health', member: (error) => ({ cls: Checked, health: { every: 5 }, plan: { health: (generation) => { if (generation === 0) throw error } } }), provoke: ({ clock }) => clock.advance(5) },
]

function streaming(error: unknown): typeof Sub {
  return class Streams extends Sub {
    *throws(): Iterable<number> {
      throw error
    }
    async *throwsLater(): AsyncIterable<number> {
      await turns(1)
      throw error
    }
  }
}

for (const { name, phase, method, member, provoke } of causes) {
  test(`the failure of ${name} is one of the phase '${phase}', and a restart follows`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const events = collect(system.events)
    const error = name.includes('Refusal') ? new Refusal('no') : boom()
    const got: (Failure | null)[] = []
    const own = member?.(error) ?? {}
    const { refs: { a, b }, log } = await family(system, {}, { a: { ...own, plan: { ...own.plan, restart: (_generation, failure) => void got.push(failure) } }, b: {} })
    await provoke({ a, b, error, clock })
    await system.idle()
    const failed = ofType(events, 'failed')
    t.is(failed.length, 1)
    t.like(failed[0]!.failure, { phase, method: method ?? null, generation: 0, restarts: 0 })
    t.is(failed[0]!.failure.error, error)
    t.true(failed[0]!.failure.child.equals(a))
    t.deepEqual(got, [failed[0]!.failure])
    t.deepEqual(log.filter((line) => line.startsWith('a') && !line.includes('health')), ['a0 stop failed', 'a1 restart', 'a1 start'])
    t.is(await a.ask.generation(), 1)
  })
}

// -------------------------------------------------------------------------------------------- starts

interface Start {
  readonly name: string
  readonly hooks: boolean
  readonly plan: (error: unknown, ok: (generation: number) => boolean) => NonNullable<Member['plan']>
}

const starts: readonly Start[] = [
  { name: 'the constructor', hooks: false, plan: (error, ok) => ({ construct: (ctx) => { if (!ok(ctx.generation)) throw error } }) },
  { name: 'onStart', hooks: true, plan: (error, ok) => ({ start: (generation) => { if (!ok(generation)) throw error } }) },
  { name: 'an async onStart', hooks: true, plan: (error, ok) => ({ start: async (generation) => { await turns(1); if (!ok(generation)) throw error } }) },
]

for (const { name, hooks, plan } of starts) {
  for (const kind of ['an error', 'a Refusal'] as const) {
    test(`${kind} of ${name} is a failure of the start, and the start is tried again`, async (t) => {
      const system = withSystem(t, { supervision: { backoff: false } })
      const events = collect(system.events)
      const error = kind === 'an error' ? boom() : new Refusal('no')
      const log: string[] = []
      const got: (Failure | null)[] = []
      const a = system.spawn(Sub, { name: 'a', args: [log, { ...plan(error, (generation) => generation === 2), restart: (_generation, failure) => void got.push(failure) }] })
      a.tell.note('kept')
      await a.started
      await system.idle()
      const failed = ofType(events, 'failed')
      t.deepEqual(failed.map(({ failure }) => [failure.phase, failure.method, failure.generation, failure.error === error]), [['start', null, 0, true], ['start', null, 1, true]])
      t.deepEqual(log.filter((line) => line.includes('stop')), hooks ? ['a0 stop failed', 'a1 stop failed'] : [])
      t.deepEqual(log.slice(-3), ['a2 restart', 'a2 start', 'a2 note kept'])
      t.is(got.at(-1), failed[1]!.failure)
      counts(t, system, { restarts: 2, handled: 1 })
    })
  }
}

for (const kind of ['sync', 'async', 'Refusal', 'async Refusal'] as const) {
  test(`a failure of onRestart (${kind}) is a failure of the start, and another restart follows`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const error = kind.endsWith('Refusal') ? new Refusal('no') : boom()
    const { refs: { a }, log } = await family(system, {}, {
      a: { plan: { restart: (generation) => { if (generation > 1) return undefined; if (kind.startsWith('async')) return Promise.reject(error); throw error } } },
    })
    await fail(a)
    await system.idle()
    t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 stop failed', 'a2 restart', 'a2 start'])
    const second = ofType(events, 'failed')[1]!
    t.like(second.failure, { phase: 'start', method: null, generation: 1, restarts: 1 })
    t.is(second.failure.error, error)
  })
}

test('a start past its startTimeout is a failure of the start, given up at once, and tried again', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock, supervision: { backoff: false } })
  const events = collect(system.events)
  const at = testGate(t)
  const log: string[] = []
  const a = system.spawn(Sub, { name: 'a', startTimeout: 100, args: [log, { start: (generation) => (generation === 0 ? at.open.promise : undefined) }] })
  a.tell.note(1)
  await clock.advance(99)
  t.deepEqual(log, ['a0 start'])
  await clock.advance(1)
  t.deepEqual(log, ['a0 start', 'a0 stop failed', 'a1 restart', 'a1 start', 'a1 note 1'])
  const { failure } = ofType(events, 'failed')[0]!
  t.is(failure.phase, 'start')
  t.is((failure.error as { code?: string }).code, 'ERR_BUSKIN_TIMEOUT')
  t.regex(String(failure.error), /startTimeout/)
  at.open.resolve()
  await turns()
  t.is(await a.ask.generation(), 1)
  t.deepEqual(ofType(events, 'started').map((event) => event.generation), [1])
})

test('startTimeout holds for onRestart and onStart of a restart together', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const [first, second] = [testGate(t), testGate(t)]
  const { refs: { a }, log } = await family(system, {}, {
    a: { startTimeout: 100, plan: { restart: (generation) => (generation === 1 ? first.open.promise : undefined), start: (generation) => (generation === 1 ? second.open.promise : undefined) } },
  })
  await fail(a)
  await clock.advance(60)
  first.open.resolve()
  await clock.advance(39)
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
  await clock.advance(1)
  t.deepEqual(log.slice(3), ['a1 stop failed', 'a2 restart', 'a2 start'])
})

test('onStart of an onRestart that was given up never runs', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const at = testGate(t)
  const { refs: { a }, log } = await family(system, {}, { a: { startTimeout: 100, plan: { restart: (generation) => (generation === 1 ? at.open.promise : undefined) } } })
  await fail(a)
  await clock.advance(100)
  at.open.resolve()
  await turns()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 stop failed', 'a2 restart', 'a2 start'])
})

// -------------------------------------------------------------------------------------------- stops

for (const kind of ['throws', 'rejects'] as const) {
  test(`an onStop that ${kind} during a restart is reported, and the restart goes on with the failure that it is for`, async (t) => {
    const { log: logger, lines } = memoryLog()
    const system = withSystem(t, { log: logger })
    const events = collect(system.events)
    const got: (Failure | null)[] = []
    const [error, late] = [boom('message'), boom('onStop')]
    const { refs: { a } } = await family(system, {}, {
      a: { plan: { stop: (generation) => { if (generation > 0) return undefined; if (kind === 'throws') throw late; return Promise.reject(late) }, restart: (_generation, failure) => void got.push(failure) } },
    })
    await fail(a, error)
    t.is(await a.ask.generation(), 1)
    t.deepEqual(ofType(events, 'failed').map(({ failure, decision }) => [failure.phase, failure.error, decision]), [['message', error, 'restart'], ['stop', late, 'restart']])
    t.is(got[0]!.error, error)
    t.true(lines.some((line) => line.level === 'error' && (line.fields as { error?: unknown }).error === late))
    counts(t, system, { restarts: 1 })
  })

  test(`an onStop of a sibling that ${kind} during the restart of its group is reported, and all get the failure of the one that began it`, async (t) => {
    const system = withSystem(t)
    const got: (Failure | null)[] = []
    const [error, late] = [boom('message'), boom('onStop')]
    const restart = (_generation: number, failure: Failure | null) => void got.push(failure)
    const { refs: { a, b } } = await family(system, { strategy: 'one-for-all' }, {
      a: { plan: { restart } },
      b: { plan: { restart, stop: (generation) => { if (generation > 0) return undefined; if (kind === 'throws') throw late; return Promise.reject(late) } } },
    })
    await fail(a, error)
    await system.idle()
    t.deepEqual(got.map((failure) => failure!.error), [error, error])
    t.is(await b.ask.generation(), 1)
  })
}

test('an onStop that throws while the actor ends for good changes no reason', async (t) => {
  const system = withSystem(t)
  const error = boom('message')
  const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary', plan: { stop() { throw boom('onStop') } } }, b: { plan: { stop() { throw boom('onStop') } } } })
  await fail(a, error)
  const reason = await a.stopped
  t.is(reason.kind === 'failed' && reason.error, error)
  t.is((await b.stop()).kind, 'normal')
})

// -------------------------------------------------------------------------------- several at once

test('two concurrent handlers that fail restart their actor once, with the first failure; both are told and reported', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const got: (Failure | null)[] = []
  const { refs: { a } } = await family(system, {}, { a: { cls: Wide, plan: { restart: (_generation, failure) => void got.push(failure) } } })
  const [first, second] = [boom('first'), boom('second')]
  const [x, y] = [testGate(t), testGate(t)]
  const asked = [thrownBy(a.ask.block(x)), thrownBy(a.ask.block(y))]
  await Promise.all([x.entered.promise, y.entered.promise])
  x.open.reject(first)
  t.is((await asked[0]!).error, first)
  await turns()
  y.open.reject(second)
  t.is((await asked[1]!).error, second)
  t.is(await a.ask.generation(), 1)
  t.deepEqual(ofType(events, 'failed').map((event) => [(event.failure.error as Error).message, event.failure.generation]), [['first', 0], ['second', 0]])
  t.is(got.length, 1)
  t.is(got[0]!.error, first)
  counts(t, system, { restarts: 1, failed: 2 })
})

test('the exit reason has the first failure when another one comes after it', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: { cls: Wide, restart: 'temporary' } })
  const [first, second] = [boom('first'), boom('second')]
  const [x, y] = [testGate(t), testGate(t)]
  const asked = [settle(a.ask.block(x)), settle(a.ask.block(y))]
  await Promise.all([x.entered.promise, y.entered.promise])
  x.open.reject(first)
  await asked[0]
  await turns()
  y.open.reject(second)
  await asked[1]
  const reason = await a.stopped
  t.is(reason.kind === 'failed' && reason.error, first)
})

test('a Refusal of a handler, a timer or a watch fails nobody', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const events = collect(system.events)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const no = new Refusal('no')
  t.is((await thrownBy(a.ask.fail(no))).error, no)
  t.is((await thrownBy(a.ask.failLater(no))).error, no)
  await inside(a, (ctx) => {
    ctx.after(1, () => { throw no })
    ctx.after(1, () => Promise.reject(no))
    ctx.watch(b, () => { throw no })
  })
  await clock.advance(1)
  await b.stop()
  await system.idle()
  t.is(await a.ask.generation(), 0)
  t.deepEqual(ofType(events, 'failed'), [])
  counts(t, system, { failed: 0 })
})

test('a message for which there is no handler fails nobody', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  await rejectsWith(t, call(a, 'ask', 'nothing'), 'ERR_BUSKIN_NO_HANDLER')
  t.is(await a.ask.generation(), 0)
})

test('a kill and a stop are no failures: nothing is restarted, also of permanent actors', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, { strategy: 'one-for-all' }, { a: { restart: 'permanent' }, b: { restart: 'permanent' } })
  t.is((await a.stop()).kind, 'normal')
  t.is((await b.kill()).kind, 'killed')
  t.deepEqual(log, ['a0 stop normal'])
  counts(t, system, { restarts: 0, actors: 1 })
})

for (const how of ['throws', 'rejects'] as const) {
  test(`an onStop that ${how} a Refusal has failed, and is reported`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const stop = () => {
      const no = new Refusal('no')
      if (how === 'throws') throw no
      return Promise.reject(no)
    }
    const ref = system.spawn(Sub, { args: [[], { stop }] })
    await ref.started
    t.is((await ref.stop()).kind, 'normal')
    await system.idle()
    t.deepEqual(ofType(events, 'failed').map(({ failure, decision }) => [failure.phase, failure.error instanceof Refusal, decision]), [['stop', true, 'stop']])
  })
}
