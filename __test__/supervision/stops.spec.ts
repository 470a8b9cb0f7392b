// A stop, a kill and a drain are final, in whatever state they meet an actor.
import test from 'ava'
import { createManualClock } from 'buskin'
import type { ManualClock, Ref, System } from 'buskin'
import { counts, deadBy, pending, rejectsWith, settle, testGate, turns, withSystem, within } from '../support.ts'
import type { Gate } from '../support.ts'
import { Sub, boom, fail, family, find, inside } from './support.ts'
import type { Family, Test } from './support.ts'

interface Scene {
  readonly system: System
  readonly clock: ManualClock
  readonly a: Ref<Sub>
  readonly log: string[]
  readonly it: Family<'a' | 'b'>
  readonly at: Gate
}

/** States of an actor in the course of a restart, each with what brings it there. */
const states: readonly (readonly [string, 'one-for-one' | 'one-for-all', (scene: Scene) => Promise<unknown>])[] = [
  ['whose failed instance runs its onStop', 'one-for-one', async ({ a, at }) => { await fail(a); await at.entered.promise }],
  ['behind its backoff', 'one-for-one', async ({ a, at }) => { at.open.resolve(); await fail(a); await turns() }],
  ['whose new instance starts', 'one-for-one', async ({ a, at, clock }) => { at.open.resolve(); await fail(a); await turns(); await clock.advance(100) }],
  ['that stops with its group', 'one-for-all', async ({ it, at }) => { await fail(it.refs.b); await at.entered.promise }],
  ['behind the backoff of its group', 'one-for-all', async ({ it, at }) => { at.open.resolve(); await fail(it.refs.b); await turns() }],
  ['that starts with its group', 'one-for-all', async ({ it, at, clock }) => { at.open.resolve(); await fail(it.refs.b); await turns(); await clock.advance(100) }],
]

const ends: readonly (readonly [string, string, (scene: Scene) => unknown])[] = [
  ['ref.stop()', 'normal', ({ a }) => a.stop()],
  ['ref.kill()', 'killed', ({ a }) => a.kill()],
  ["its parent's stop", 'shutdown', ({ it }) => it.top.stop()],
  ["its parent's kill", 'killed', ({ it }) => it.top.kill()],
  ["the system's shutdown", 'shutdown', ({ system }) => system.shutdown()],
]

async function scene(t: Test, strategy: 'one-for-one' | 'one-for-all', bring: (scene: Scene) => Promise<unknown>): Promise<Scene & { readonly starts: Gate }> {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const [at, starts] = [testGate(t), testGate(t)]
  const it = await family(system, { strategy, backoff: { min: 100, jitter: 0 } }, {
    a: { plan: { stop: (generation) => generation === 0 && (at.entered.resolve(), at.open.promise), start: (generation) => generation === 1 && (starts.entered.resolve(), starts.open.promise) } },
    b: {},
  })
  const made = { system, clock, a: it.refs.a, log: it.log, it, at, starts }
  await bring(made)
  return made
}

for (const [state, strategy, bring] of states) {
  for (const [how, kind, end] of ends) {
    test(`${how} is final for an actor ${state}`, async (t) => {
      const made = await scene(t, strategy, bring)
      const { a, at, starts, system, clock, log } = made
      t.true(['restarting', 'starting'].includes(find(system, '/top/a')!.state), find(system, '/top/a')!.state)
      a.tell.note('waits')
      const ended = a.stopped
      void end(made)
      at.open.resolve()
      starts.open.resolve()
      const reason = await within(ended, 'the end')
      t.true(reason.kind === kind || (kind === 'normal' && reason.kind === 'shutdown'), reason.kind)
      await clock.advance(1_000)
      await system.idle()
      t.deepEqual(deadBy(system), { stopped: 1 })
      t.deepEqual(log.filter((line) => line.startsWith('a') && line.includes('note')), [])
      t.is(system.lookup('/top/a'), null)
      t.false(log.some((line) => line.startsWith('a2')))
    })
  }
}

for (const restart of ['permanent', 'transient', 'temporary'] as const) {
  test(`ref.stop(), kill() and a drain are final for a ${restart} actor; ctx.stop() ${restart === 'permanent' ? 'is not' : 'is'}`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, {}, { a: { restart }, b: { restart }, c: { restart }, d: { restart } })
    refs.c.tell.note(1)
    t.deepEqual([(await refs.a.stop()).kind, (await refs.b.kill()).kind, (await refs.c.stop({ drain: true })).kind], ['normal', 'killed', 'normal'])
    await inside(refs.d, (ctx) => ctx.stop())
    await system.idle()
    t.deepEqual(log.filter((line) => /^[abc]1/.test(line)), [])
    if (restart === 'permanent') t.is(await refs.d.ask.generation(), 1)
    else t.is((await refs.d.stopped).kind, 'normal')
    counts(t, system, { restarts: restart === 'permanent' ? 1 : 0 })
  })
}

test('ctx.stop() of a permanent actor takes effect after the handler, keeps what waits, and is told nobody as an end', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: { restart: 'permanent' }, b: {} })
  let told = 0
  await inside(b, (ctx) => void ctx.watch(a, () => told++))
  const first = inside(a, (ctx, me) => { ctx.stop(); return me.note('same handler') })
  a.tell.note(1)
  a.tell.note(2)
  t.is(await first, 'same handler')
  await system.idle()
  t.deepEqual(log.filter((line) => line.startsWith('a')), ['a0 note same handler', 'a0 stop normal', 'a1 restart', 'a1 start', 'a1 note 1', 'a1 note 2'])
  t.is(told, 0)
  t.true(await pending(a.stopped))
})

test('ctx.stop() before a throw: the failure is what counts', async (t) => {
  const system = withSystem(t)
  const { refs: { a }, log } = await family(system, {}, { a: { restart: 'permanent' } })
  const error = boom()
  await t.throwsAsync(inside(a, (ctx) => { ctx.stop(); throw error }), { is: error })
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
})

for (const how of ['constructor', 'onStart'] as const) {
  test(`a permanent actor that stops itself in its ${how} comes back`, async (t) => {
    const system = withSystem(t, { supervision: { backoff: false } })
    const stopFirst = (ctx: { generation: number; stop(): void }) => { if (ctx.generation < 2) ctx.stop() }
    const a = system.spawn(Sub, { restart: 'permanent', args: [[], how === 'constructor' ? { construct: stopFirst } : { start: (_generation, ctx) => stopFirst(ctx) }] })
    t.is(await within(a.ask.generation(), 'an instance that stays'), 2)
  })
}

test('a stop and a failure in the same breath: the actor ends for good, either way', async (t) => {
  for (const stopFirst of [true, false]) {
    const system = withSystem(t)
    const { refs: { a } } = await family(system, {}, { a: { restart: 'permanent' } })
    const asked = settle(inside(a, (ctx) => {
      if (stopFirst) void ctx.self.stop()
      throw boom()
    }))
    if (!stopFirst) void a.stop()
    await asked
    t.true(['failed', 'normal'].includes((await a.stopped).kind))
    counts(t, system, { restarts: 0 })
  }
})

// ----------------------------------------------------------------------------------------------- drain

test('a draining actor that fails goes on draining after its restart', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs: { a }, log } = await family(system, {}, { a: {} })
  a.tell.block(at)
  await at.entered.promise
  for (let i = 0; i < 3; i++) a.tell.note(i)
  a.tell.fail(boom())
  for (let i = 3; i < 6; i++) a.tell.note(i)
  const ended = a.stop({ drain: true })
  at.open.resolve()
  t.is((await within(ended, 'the end')).kind, 'normal')
  t.deepEqual(log, ['a0 note 0', 'a0 note 1', 'a0 note 2', 'a0 stop failed', 'a1 restart', 'a1 start', 'a1 note 3', 'a1 note 4', 'a1 note 5', 'a1 stop normal'])
  t.deepEqual(deadBy(system), {})
})

test('newcomers of a draining actor that restarts are refused all the while', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a } } = await family(system, { backoff: { min: 100, jitter: 0 } }, { a: {} })
  a.tell.fail(boom())
  a.tell.note(1)
  const ended = a.stop({ drain: true })
  await turns()
  await rejectsWith(t, a.ask.note(2), 'ERR_BUSKIN_STOPPED')
  await clock.advance(100)
  t.is((await ended).kind, 'normal')
  t.deepEqual(deadBy(system), { stopped: 1 })
  counts(t, system, { handled: 2, failed: 1 })
})

test("a drain's time-out runs on during restarts, and ends in a kill", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: {} })
  a.tell.fail(boom())
  a.tell.note(1)
  const ended = a.stop({ drain: true, timeout: 500 })
  await clock.advance(499)
  t.true(await pending(ended))
  await clock.advance(1)
  t.is((await ended).kind, 'killed')
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test('a draining member restarts with its group, and goes on draining', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs: { a, b }, log } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: {} })
  b.tell.block(at)
  await at.entered.promise
  b.tell.note(1)
  const ended = b.stop({ drain: true })
  await fail(a)
  at.open.resolve()
  t.is((await within(ended, 'the end')).kind, 'normal')
  t.true(log.some((line) => /^b\d note 1$/.test(line)))
  t.is(await a.ask.generation(), 1)
})

test('a draining permanent actor that stops itself ends', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: { restart: 'permanent' } })
  const asked = inside(a, (ctx) => ctx.stop())
  const ended = a.stop({ drain: true })
  await asked
  t.is((await within(ended, 'the end')).kind, 'normal')
  counts(t, system, { restarts: 0 })
})
