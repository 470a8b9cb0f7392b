// Health checks: when they are made, what has failed, and what follows.
import test from 'ava'
import { createManualClock } from 'buskin'
import type { ActorOptions, ManualClock, System } from 'buskin'
import { collect, counts, memoryLog, settle, testGate, turns, withSystem } from '../support.ts'
import type { Line } from '../support.ts'
import { Checked, Sub, boom, child, fail, family, inside, ofType } from './support.ts'
import type { Member, Test } from './support.ts'

interface Ward {
  readonly clock: ManualClock
  readonly system: System
  readonly lines: Line[]
}

function ward(t: Test): Ward {
  const clock = createManualClock()
  const { log, lines } = memoryLog()
  return { clock, lines, system: withSystem(t, { clock, log }) }
}

const checked = (health: ActorOptions['health'], plan: NonNullable<Member['plan']> = {}, more: ActorOptions = {}): Member => ({ cls: Checked, plan, ...more, ...(health === undefined ? {} : { health }) })
const warnings = (lines: readonly Line[]) => lines.filter((line) => line.level === 'warn' && /health/.test(line.message))

/** Instants at which onHealth ran. */
function pulse(clock: ManualClock, at: number[], health: () => unknown = () => undefined): NonNullable<Member['plan']> {
  return { health: () => { at.push(clock.now()); return health() } }
}

test('onHealth runs every so many ms after the start, and never without the option', async (t) => {
  const { clock, system } = ward(t)
  const [at, never]: [number[], number[]] = [[], []]
  await family(system, {}, { a: checked({ every: 100 }, pulse(clock, at)), b: checked(undefined, pulse(clock, never)) })
  await clock.advance(350)
  t.deepEqual(at, [100, 200, 300])
  t.deepEqual(never, [])
})

test('the option may be said by the class, and a spawn says otherwise as a whole', async (t) => {
  const { clock, system } = ward(t)
  class Own extends Checked {
    static readonly options: ActorOptions = { health: { every: 10, threshold: 3 } }
  }
  const [byClass, bySpawn]: [number[], number[]] = [[], []]
  system.spawn(Own, { args: [[], pulse(clock, byClass)] })
  const b = system.spawn(Own, { health: { every: 50 }, args: [[], pulse(clock, bySpawn, () => { throw boom() })] })
  await clock.advance(50)
  t.deepEqual([byClass, bySpawn], [[10, 20, 30, 40, 50], [50]])
  t.is(await b.ask.generation(), 1)
})

test('the next check is due every ms after the end of the one before', async (t) => {
  const { clock, system } = ward(t)
  const at: number[] = []
  const gates = [testGate(t), testGate(t)]
  await family(system, {}, { a: checked({ every: 100 }, pulse(clock, at, () => gates[at.length - 1]?.open.promise)) })
  await clock.advance(130)
  gates[0]!.open.resolve()
  await clock.advance(100)
  t.deepEqual(at, [100, 230])
})

test('a check runs one at a time with messages, but ahead of those that wait', async (t) => {
  const { clock, system } = ward(t)
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100 }) })
  const at = testGate(t)
  a.tell.block(at)
  await at.entered.promise
  a.tell.note(1)
  await clock.advance(100)
  t.deepEqual(log, [])
  at.open.resolve()
  await system.idle()
  t.deepEqual(log, ['a0 health', 'a0 note 1'])
})

test('a check that fails is a failure of the actor: phase health, the error, and a restart', async (t) => {
  const { clock, system, lines } = ward(t)
  const events = collect(system.events)
  const error = boom('unwell')
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100 }, { health: (generation) => { if (generation === 0) throw error } }) })
  await clock.advance(100)
  t.deepEqual(log, ['a0 health', 'a0 stop failed', 'a1 restart', 'a1 start'])
  const { failure } = ofType(events, 'failed')[0]!
  t.like(failure, { phase: 'health', method: null, generation: 0 })
  t.is(failure.error, error)
  t.deepEqual(warnings(lines), [])
  await clock.advance(99)
  t.is(log.length, 4)
  await clock.advance(1)
  t.is(log.at(-1), 'a1 health')
  t.is(await a.ask.generation(), 1)
})

for (const threshold of [1, 2, 4]) {
  test(`with threshold ${threshold} so many failed checks in a row are a failure; those before are logged as warnings`, async (t) => {
    const { clock, system, lines } = ward(t)
    const events = collect(system.events)
    const error = boom('unwell')
    const { refs: { a } } = await family(system, {}, { a: checked({ every: 100, threshold }, { health: (generation) => (generation === 0 ? Promise.reject(error) : undefined) }) })
    await clock.advance(100 * (threshold - 1))
    t.deepEqual(ofType(events, 'failed'), [])
    t.is(warnings(lines).length, threshold - 1)
    for (const line of warnings(lines)) t.like(line.fields, { actor: '/top/a', error })
    t.is(await a.ask.generation(), 0)
    await clock.advance(100)
    t.is(await a.ask.generation(), 1)
    t.is(ofType(events, 'failed').length, 1)
    t.is(ofType(events, 'failed')[0]!.failure.error, error)
    t.is(warnings(lines).length, threshold - 1)
  })
}

test('one that is well resets the count', async (t) => {
  const { clock, system, lines } = ward(t)
  let round = 0
  const { refs: { a } } = await family(system, {}, { a: checked({ every: 100, threshold: 3 }, { health: () => { if (++round % 3 !== 0) throw boom() } }) })
  await clock.advance(3_000)
  t.is(await a.ask.generation(), 0)
  t.is(warnings(lines).length, 20)
})

test('the count begins anew with every instance', async (t) => {
  const { clock, system } = ward(t)
  const { refs: { a } } = await family(system, {}, { a: checked({ every: 100, threshold: 2 }, { health() { throw boom() } }) })
  await clock.advance(100)
  await fail(a)
  await clock.advance(100)
  t.is(await a.ask.generation(), 1)
  await clock.advance(100)
  t.is(await a.ask.generation(), 2)
})

// ----------------------------------------------------------------------------------------- time-outs

test('a check that has not ended within its timeout has failed', async (t) => {
  const { clock, system } = ward(t)
  const events = collect(system.events)
  const at = testGate(t)
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100, timeout: 50 }, { health: (generation) => (generation === 0 ? at.open.promise : undefined) }, { shutdown: 20 }) })
  await clock.advance(149)
  t.deepEqual(ofType(events, 'failed'), [])
  await clock.advance(1)
  const { failure } = ofType(events, 'failed')[0]!
  t.is(failure.phase, 'health')
  t.is((failure.error as { code?: string }).code, 'ERR_BUSKIN_TIMEOUT')
  t.regex(String(failure.error), /health\.timeout/)
  t.deepEqual(log, ['a0 health'])
  await clock.advance(20)
  t.deepEqual(log, ['a0 health', 'a1 restart', 'a1 start'])
  at.open.resolve()
  await turns()
  t.is(await a.ask.generation(), 1)
})

test('a check has 5,000 ms where nothing is said, and for ever with Infinity', async (t) => {
  const { clock, system } = ward(t)
  const events = collect(system.events)
  const at = testGate(t)
  const plan = { health: () => at.open.promise }
  await family(system, {}, { a: checked({ every: 100 }, plan), b: checked({ every: 100, timeout: Infinity }, plan) })
  await clock.advance(5_099)
  t.deepEqual(ofType(events, 'failed'), [])
  await clock.advance(1)
  t.deepEqual(ofType(events, 'failed').map((event) => event.path), ['/top/a'])
  await clock.advance(1_000_000)
  t.false(ofType(events, 'failed').some((event) => event.path === '/top/b'))
})

for (const [what, cls] of [['with onHealth', Checked], ['without onHealth', Sub]] as const) {
  test(`a hung handler of a class ${what} is found; it is abandoned at the shutdown deadline, its asker rejected`, async (t) => {
    const { clock, system } = ward(t)
    const events = collect(system.events)
    const { refs: { a }, log } = await family(system, {}, { a: { cls, health: { every: 100, timeout: 50 }, shutdown: 30 } })
    const at = testGate(t)
    const asked = settle(a.with({ timeout: Infinity }).ask.block(at))
    await at.entered.promise
    a.tell.note('behind')
    await clock.advance(150)
    t.is(ofType(events, 'failed')[0]!.failure.phase, 'health')
    counts(t, system, { running: 1, waiting: 1 })
    await clock.advance(29)
    t.deepEqual(log, [])
    await clock.advance(1)
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(log, ['a1 restart', 'a1 start', 'a1 note behind'])
    counts(t, system, { failed: 1, running: 0, waiting: 0 })
    at.open.resolve()
    await turns()
    t.deepEqual(log.length, 3)
  })
}

test('a class without onHealth that answers is well', async (t) => {
  const { clock, system, lines } = ward(t)
  const { refs: { a } } = await family(system, {}, { a: { health: { every: 100, timeout: 50 } } })
  await clock.advance(10_000)
  t.is(await a.ask.generation(), 0)
  t.deepEqual(warnings(lines), [])
})

test('a handler that hangs for less than the threshold allows recovers, and the count is reset', async (t) => {
  const { clock, system, lines } = ward(t)
  const { refs: { a } } = await family(system, {}, { a: { health: { every: 100, timeout: 50, threshold: 3 } } })
  for (let i = 0; i < 3; i++) {
    const at = testGate(t)
    a.tell.block(at)
    await at.entered.promise
    await clock.advance(300)
    at.open.resolve()
    await clock.advance(200)
  }
  t.is(await a.ask.generation(), 0)
  t.true(warnings(lines).length >= 3)
})

test('waiting behind the handler in hand is included in the time of a check, but being late to run is no fault of a quick one', async (t) => {
  const { clock, system } = ward(t)
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100, timeout: 50 }) })
  const at = testGate(t)
  a.tell.block(at)
  await at.entered.promise
  await clock.advance(149)
  at.open.resolve()
  await clock.advance(100)
  t.is(await a.ask.generation(), 0)
  t.true(log.includes('a0 health'))
})

// --------------------------------------------------------------------------------------------- when not

test('there are no checks while the actor starts, is down or stops', async (t) => {
  const { clock, system } = ward(t)
  const at: number[] = []
  const [start, stop] = [testGate(t), testGate(t)]
  const plan = { ...pulse(clock, at), start: (generation: number) => (generation === 1 ? start.open.promise : undefined), stop: (generation: number) => (generation === 1 ? stop.open.promise : undefined) }
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: checked({ every: 100 }, plan, { startTimeout: Infinity, shutdown: 'infinity' }) })
  await clock.advance(150)
  t.deepEqual(at, [100])
  await fail(a)
  await clock.advance(1_000 + 500)
  t.deepEqual(at, [100], 'none while down or starting')
  start.open.resolve()
  await clock.advance(100)
  t.deepEqual(at, [100, 1_750])
  const ended = a.stop()
  await clock.advance(500)
  t.deepEqual(at, [100, 1_750], 'none while stopping')
  stop.open.resolve()
  await ended
  await clock.advance(500)
  t.deepEqual(at, [100, 1_750])
})

test('a check that hangs when the actor is asked to stop does not fail it', async (t) => {
  const { clock, system } = ward(t)
  const events = collect(system.events)
  const at = testGate(t)
  const { refs: { a } } = await family(system, {}, { a: checked({ every: 100, timeout: 50 }, { health: () => (at.entered.resolve(), at.open.promise) }) })
  await clock.advance(100)
  await at.entered.promise
  const ended = a.stop()
  await clock.advance(1_000)
  at.open.resolve()
  t.is((await ended).kind, 'normal')
  t.deepEqual(ofType(events, 'failed'), [])
})

test('checks go on after a resume', async (t) => {
  const { clock, system } = ward(t)
  const at: number[] = []
  await family(system, { decide: () => 'resume' }, { a: checked({ every: 100 }, pulse(clock, at, () => { throw boom() })) })
  await clock.advance(300)
  t.deepEqual(at, [100, 200, 300])
})

test('a hung handler goes on after a resume, and is found again', async (t) => {
  const { clock, system } = ward(t)
  const events = collect(system.events)
  const { refs: { a } } = await family(system, { decide: () => 'resume' }, { a: { health: { every: 100, timeout: 50 } } })
  const at = testGate(t)
  const asked = a.with({ timeout: Infinity }).ask.block(at)
  await at.entered.promise
  await clock.advance(300)
  t.is(ofType(events, 'failed').length, 2)
  at.open.resolve()
  t.is(await asked, 'unblocked')
})

test('checks are no messages, hold neither idle() nor a drain, and are not bounded', async (t) => {
  const { clock, system } = ward(t)
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100 }, {}, { mailbox: { capacity: 1 } }) })
  const before = system.stats()
  await clock.advance(1_000)
  await system.idle()
  t.is(log.length, 10)
  const { sent, handled } = system.stats()
  t.deepEqual([sent, handled], [before.sent, before.handled])
  t.is((await a.stop({ drain: true })).kind, 'normal')
})

test('strategy, intensity and backoff hold for failed checks', async (t) => {
  const { clock, system } = ward(t)
  const { refs, log } = await family(system, { strategy: 'one-for-all', backoff: { min: 1_000, jitter: 0 } }, { a: checked({ every: 100 }, { health() { throw boom() } }), b: {} })
  await clock.advance(100)
  t.deepEqual(log, ['a0 health', 'a0 stop failed', 'b0 stop shutdown'])
  await clock.advance(1_000)
  t.deepEqual(await Promise.all([refs.a, refs.b].map((ref) => ref.ask.generation())), [1, 1])
})

test('children are checked by their own options, and a parent that is well says nothing of them', async (t) => {
  const { clock, system } = ward(t)
  const { refs: { a }, log } = await family(system, {}, { a: checked({ every: 100 }) })
  const kid = await child(a, 'kid', log, { cls: Checked, health: { every: 30 }, plan: { health: (generation) => { if (generation === 0) throw boom() } }, restart: 'transient' })
  await clock.advance(30)
  t.deepEqual([await kid.ask.generation(), await a.ask.generation()], [1, 0])
  t.deepEqual(await inside(a, (ctx) => ctx.children.length), 1)
})
