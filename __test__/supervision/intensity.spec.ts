// How many restarts a supervisor allows, and what becomes of a failure that nobody handles.
import test from 'ava'
import { createManualClock, createSystem } from 'buskin'
import type { Ref, Supervision, SystemOptions } from 'buskin'
import { assertIdentity, collect, counts, memoryLog, pending, rejectsWith, settle, testGate, turns, withSystem, within } from '../support.ts'
import { Sub, boom, child, fail, family, inside, ofType } from './support.ts'
import type { Test } from './support.ts'

/** A supervisor with this limit that is itself never restarted, below a root that only reports. */
function limited(t: Test, supervision: Supervision, options: SystemOptions = {}) {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 0 }, ...options })
  return family(system, supervision, { a: {}, b: {}, c: {} })
}

for (const maxRestarts of [0, 1, 2, 5]) {
  test(`with maxRestarts ${maxRestarts} that many restarts are allowed, of all children together, and one more escalates`, async (t) => {
    const { refs, top, system } = await limited(t, { maxRestarts })
    const events = collect(system.events)
    const names = ['a', 'b', 'c'] as const
    for (let i = 0; i < maxRestarts; i++) {
      await fail(refs[names[i % 3]!])
      await system.idle()
    }
    t.true(await pending(top.stopped))
    counts(t, system, { restarts: maxRestarts })
    const error = await fail(refs.a)
    const reason = await within(top.stopped, 'the end of the supervisor')
    t.is(reason.kind, 'failed')
    t.is(reason.kind === 'failed' && reason.error, error)
    t.is((await refs.a.stopped).kind, 'failed')
    t.is((await refs.b.stopped).kind, 'shutdown')
    t.deepEqual(ofType(events, 'failed').slice(-2).map(({ path, decision }) => [path, decision]), [['/top/a', 'escalate'], ['/top', 'escalate']])
    t.deepEqual(ofType(events, 'escalated').map(({ path, failure }) => [path, failure.child.path]), [['/top', '/top/a'], ['/', '/top']])
    counts(t, system, { restarts: maxRestarts, actors: 0 })
  })
}

test('maxRestarts of 1.5 allows one', async (t) => {
  const { refs, top } = await limited(t, { maxRestarts: 1.5 })
  await fail(refs.a)
  await refs.a.ask.generation()
  await fail(refs.a)
  t.is((await top.stopped).kind, 'failed')
})

test('by default a thousand restarts are allowed within a minute', async (t) => {
  const clock = createManualClock()
  const { refs, top } = await limited(t, {}, { clock })
  for (let i = 0; i < 1_000; i++) await fail(refs.a)
  await clock.advance(60_000)
  t.is(await refs.a.ask.generation(), 1_000)
  await fail(refs.b)
  t.is((await top.stopped).kind, 'failed')
})

test('Infinity has no limit', async (t) => {
  const { refs, system } = await limited(t, { maxRestarts: Infinity })
  for (let i = 0; i < 3_000; i++) await fail(refs.a)
  t.is(await refs.a.ask.generation(), 3_000)
  counts(t, system, { restarts: 3_000 })
})

for (const [gap, escalates] of [[999, true], [1_000, true], [1_001, false]] as const) {
  test(`a restart ${gap} ms ago ${escalates ? 'counts' : 'does not count'} within 1,000 ms`, async (t) => {
    const clock = createManualClock()
    const { refs, top } = await limited(t, { maxRestarts: 1, within: 1_000 }, { clock })
    await fail(refs.a)
    await clock.advance(gap)
    await fail(refs.b)
    await clock.advance(0)
    t.is(await pending(top.stopped), !escalates)
  })
}

test('the window slides: it is no period that begins anew', async (t) => {
  const clock = createManualClock()
  const { refs, top } = await limited(t, { maxRestarts: 2, within: 1_000 }, { clock })
  for (const ms of [0, 600, 600, 600, 600]) {
    await clock.advance(ms)
    await fail(refs.a)
  }
  t.is(await refs.a.ask.generation(), 5)
  await clock.advance(100)
  await fail(refs.a)
  await clock.advance(0)
  t.is((await top.stopped).kind, 'failed')
})

test('within Infinity forgets nothing', async (t) => {
  const clock = createManualClock()
  const { refs, top } = await limited(t, { maxRestarts: 2, within: Infinity }, { clock })
  for (let i = 0; i < 3; i++) {
    await fail(refs.a)
    await clock.advance(1_000_000_000)
  }
  t.is((await top.stopped).kind, 'failed')
})

for (const strategy of ['one-for-all', 'rest-for-one'] as const) {
  test(`the restart of a group counts once under ${strategy}`, async (t) => {
    const { refs, top, system } = await limited(t, { maxRestarts: 2, strategy })
    for (let i = 0; i < 2; i++) {
      await fail(refs.a)
      await system.idle()
    }
    t.is(await refs.c.ask.generation(), 2)
    counts(t, system, { restarts: 6 })
    await fail(refs.c)
    t.is((await top.stopped).kind, 'failed')
  })
}

test('restarts of a permanent actor that stops itself count, and one more fails the supervisor with an error that says so', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const events = collect(system.events)
  const { refs: { a }, top, log } = await family(system, { maxRestarts: 1 }, { a: { restart: 'permanent' } })
  await inside(a, (ctx) => ctx.stop())
  await a.ask.generation()
  await inside(a, (ctx) => ctx.stop())
  const reason = await top.stopped
  t.is(reason.kind, 'failed')
  t.regex(String(reason.kind === 'failed' && reason.error), /restarted too often.*\/top\/a/)
  t.is((await a.stopped).kind, 'normal')
  t.deepEqual(log.filter((line) => line.includes('stop')), ['a0 stop normal', 'a1 stop normal', 'top0 stop failed'])
  t.is(ofType(events, 'escalated')[0]!.path, '/top')
})

test('temporary actors that fail are no restarts', async (t) => {
  const { top, log, system } = await limited(t, { maxRestarts: 0 })
  for (let i = 0; i < 5; i++) await fail(await child(top, `x${i}`, log, { restart: 'temporary' }))
  t.is(await top.ask.note(1), 1)
  counts(t, system, { restarts: 0, actors: 4 })
})

test('each supervisor counts for itself, and a restarted one begins at nothing', async (t) => {
  const system = withSystem(t, { supervision: { maxRestarts: 1, backoff: false } })
  const log: string[] = []
  const top = system.spawn(Sub, { name: 'top', supervision: { maxRestarts: 1, backoff: false }, args: [log, { construct: (ctx) => void ctx.spawn(Sub, { name: 'a', args: [log] }) }] })
  const kid = () => inside(top, (ctx) => ({ ref: ctx.children[0] as Ref<Sub> })).then(({ ref }) => ref)
  await fail(await kid())
  await system.idle()
  await fail(await kid())
  await system.idle()
  t.is(await top.ask.generation(), 1)
  await fail(await kid())
  await system.idle()
  t.deepEqual([await top.ask.generation(), await (await kid()).ask.generation()], [1, 1])
})

// ----------------------------------------------------------------------------------------- escalation

test('a failure escalates level by level as long as each allows nothing, up to the root', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const events = collect(system.events)
  const { top, log, refs: { a } } = await family(system, { maxRestarts: 0 }, { a: { supervision: { maxRestarts: 0 } } })
  const b = await child(a, 'b', log, { supervision: { maxRestarts: 0 } })
  const c = await child(b, 'c', log)
  await c.started
  log.length = 0
  const error = await fail(c)
  for (const ref of [c, b, a, top]) {
    const reason = await within(ref.stopped, ref.path)
    t.is(reason.kind === 'failed' && reason.error, error)
  }
  await system.idle()
  t.deepEqual(log, ['c0 stop failed', 'b0 stop failed', 'a0 stop failed', 'top0 stop failed'])
  t.deepEqual(ofType(events, 'escalated').map((event) => event.path), ['/top/a/b', '/top/a', '/top', '/'])
  t.deepEqual(ofType(events, 'failed').map(({ path, supervisor, decision, failure }) => [path, supervisor, decision, failure.error === error, failure.child.path]), [
    ['/top/a/b/c', '/top/a/b', 'escalate', true, '/top/a/b/c'],
    ['/top/a/b', '/top/a', 'escalate', true, '/top/a/b'],
    ['/top/a', '/top', 'escalate', true, '/top/a'],
    ['/top', '/', 'escalate', true, '/top'],
  ])
})

test('a level that allows restarts ends the escalation: the failed supervisor is restarted, with the error of the child', async (t) => {
  const system = withSystem(t)
  const { top, log, refs: { a } } = await family(system, {}, { a: { supervision: { maxRestarts: 0 } } })
  const b = await child(a, 'b', log)
  const sibling = await child(a, 'sibling', log)
  await sibling.started
  log.length = 0
  const error = await fail(b)
  await system.idle()
  t.deepEqual(log, ['b0 stop failed', 'sibling0 stop shutdown', 'a0 stop failed', 'a1 restart', 'a1 start'])
  const reason = await b.stopped
  t.is(reason.kind === 'failed' && reason.error, error)
  t.is((await sibling.stopped).kind, 'shutdown')
  t.is(await top.ask.generation(), 0)
})

test("the handler in hand of a supervisor that fails by its child is waited for, and its asker gets the reply", async (t) => {
  const system = withSystem(t)
  const { log, refs: { a } } = await family(system, {}, { a: { supervision: { maxRestarts: 0 } } })
  const b = await child(a, 'b', log)
  const at = testGate(t)
  const asked = a.ask.block(at)
  await at.entered.promise
  await fail(b)
  await turns()
  t.is(log.includes('a0 stop failed'), false)
  at.open.resolve()
  t.is(await asked, 'unblocked')
  t.is(await a.ask.generation(), 1)
})

test('two children that escalate at once fail their supervisor once, with an error of theirs, and both are told', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { log, refs: { a } } = await family(system, {}, { a: { supervision: { maxRestarts: 0 } } })
  const [b, c] = [await child(a, 'b', log), await child(a, 'c', log)]
  await c.started
  log.length = 0
  const [first, second] = [boom('first'), boom('second')]
  b.tell.fail(first)
  c.tell.fail(second)
  await system.idle()
  t.deepEqual(await Promise.all([b, c].map(async (ref) => (await ref.stopped).kind)), ['failed', 'failed'])
  t.is(await a.ask.generation(), 1)
  const failed = ofType(events, 'failed')
  t.true(failed.every(({ failure }) => failure.error === first || failure.error === second), `${failed.map(({ path, failure }) => `${path}: ${String(failure.error)}`)}`)
  t.is(failed.find((event) => event.path === '/top/a')!.failure.error, first)
  counts(t, system, { restarts: 1 })
})

// -------------------------------------------------------------------------------------- at the root

test("with onEscalate 'shutdown', the default, closed rejects with the error, all actors end, and shutdown() resolves", async (t) => {
  t.timeout(20_000)
  const { log, lines } = memoryLog()
  const system = createSystem({ log, supervision: { maxRestarts: 0 } })
  const events = collect(system.events)
  const written: string[] = []
  const [a, other] = [system.spawn(Sub, { name: 'a', args: [written] }), system.spawn(Sub, { name: 'other', args: [written] })]
  const deep = await child(other, 'deep', written)
  await deep.started
  written.length = 0
  const error = await fail(a)
  const closed = await system.closed.then(() => undefined, (reason: unknown) => ({ reason }))
  t.is(closed?.reason, error)
  await within(system.shutdown(), 'shutdown')
  t.deepEqual(written, ['a0 stop failed', 'deep0 stop shutdown', 'other0 stop shutdown'])
  t.deepEqual((await Promise.all([other.stopped, deep.stopped])).map((reason) => reason.kind), ['shutdown', 'shutdown'])
  t.throws(() => system.spawn(Sub), { code: 'ERR_BUSKIN_CLOSED' })
  t.is(await settle(a.ask.note(1)), 'ERR_BUSKIN_CLOSED')
  const stats = system.stats()
  assertIdentity(stats)
  t.is(stats.actors, 0)
  const escalated = ofType(events, 'escalated')
  t.is(escalated.length, 1)
  t.is(escalated[0]!.path, '/')
  t.true(escalated[0]!.failure.child.equals(a))
  t.true(lines.some((line) => line.level === 'error' && /escalates/.test(line.message)))
})

test('spawn is refused as soon as the system ends by a failure', async (t) => {
  t.timeout(20_000)
  const system = createSystem({ log: false, supervision: { maxRestarts: 0 } })
  const at = testGate(t)
  const holding = system.spawn(Sub)
  holding.tell.block(at)
  await at.entered.promise
  await fail(system.spawn(Sub))
  await turns()
  t.throws(() => system.spawn(Sub), { code: 'ERR_BUSKIN_CLOSED' })
  at.open.resolve()
  await t.throwsAsync(within(system.closed, 'closed'), { message: 'boom' })
})

test('a shutdown that has begun stays one: a failure then changes nothing', async (t) => {
  t.timeout(20_000)
  const system = createSystem({ log: false, supervision: { maxRestarts: 0 } })
  const a = system.spawn(Sub, { args: [[], { stop() { throw boom() } }] })
  await a.started
  await system.shutdown()
  t.is(await system.closed, undefined)
})

test("closed that nobody reads is no unhandled rejection", async (t) => {
  t.timeout(20_000)
  const system = createSystem({ log: false, supervision: { maxRestarts: 0 } })
  await fail(system.spawn(Sub))
  await within(system.shutdown(), 'shutdown')
  await turns()
  t.is(system.stats().actors, 0)
})

test("with onEscalate 'report' it is an event and a line, and the system goes on", async (t) => {
  const { log, lines } = memoryLog()
  const system = withSystem(t, { log, onEscalate: 'report', supervision: { maxRestarts: 1, backoff: false } })
  const events = collect(system.events)
  const [a, b] = [system.spawn(Sub, { name: 'a' }), system.spawn(Sub, { name: 'b' })]
  await fail(a)
  await a.ask.generation()
  const error = await fail(a)
  t.is((await a.stopped).kind, 'failed')
  t.is(await b.ask.note(1), 1)
  t.is(await system.spawn(Sub, { name: 'a' }).ask.note(2), 2)
  t.true(await pending(system.closed))
  const [escalated, ...more] = ofType(events, 'escalated')
  t.is(more.length, 0)
  t.is(escalated!.path, '/')
  t.is(escalated!.failure.error, error)
  t.true(lines.some((line) => line.level === 'error' && /only reported/.test(line.message)))
})

test('a start that never succeeds escalates in the end', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 3, backoff: false } })
  const events = collect(system.events)
  let tries = 0
  const a = system.spawn(Sub, { args: [[], { construct() { tries++; throw boom(`try ${tries}`) } }] })
  await rejectsWith(t, a.started, 'ERR_BUSKIN_START')
  t.is(tries, 4)
  t.is((ofType(events, 'escalated')[0]!.failure.error as Error).message, 'try 4')
  t.is(ofType(events, 'escalated')[0]!.failure.phase, 'start')
})
