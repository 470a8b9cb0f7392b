// What feeds, diagnostics channels, the log and inspect() tell of supervision.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import test from 'ava'
import { createManualClock } from 'buskin'
import type { SystemEvent } from 'buskin'
import { collect, memoryLog, testGate, turns, withSystem } from '../support.ts'
import { Sub, boom, fail, family, find, inside, ofType, told } from './support.ts'
import type { Test } from './support.ts'

const brief = (event: SystemEvent) => {
  switch (event.type) {
    case 'started':
      return `started ${event.path} ${event.generation}`
    case 'stopped':
      return `stopped ${event.path} ${event.generation} ${told(event.reason!)}`
    case 'restarted':
      return `restarted ${event.path} ${event.generation}`
    case 'failed':
      return `failed ${event.path} ${event.generation} ${event.decision}`
    case 'escalated':
      return `escalated ${event.path}`
    default:
      return event.type
  }
}

test('a restart is failed, stopped, started, restarted; the final end another stopped', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const events = collect(system.events)
  await fail(a)
  await system.idle()
  await fail(a)
  await system.idle()
  await a.stop()
  await system.idle()
  t.deepEqual(events.map(brief), [
    'failed /top/a 0 restart', 'stopped /top/a 0 failed boom', 'started /top/a 1', 'restarted /top/a 1',
    'failed /top/a 1 restart', 'stopped /top/a 1 failed boom', 'started /top/a 2', 'restarted /top/a 2',
    'stopped /top/a 2 normal',
  ])
})

test('a group is told member by member', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: {} })
  const events = collect(system.events)
  await fail(a)
  await system.idle()
  t.deepEqual(events.map(brief), [
    'failed /top/a 0 restart', 'stopped /top/a 0 failed boom', 'stopped /top/b 0 shutdown',
    'started /top/a 1', 'restarted /top/a 1', 'started /top/b 1', 'restarted /top/b 1',
  ])
})

test('an escalation is told of the one that failed, then of its supervisor', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const { refs: { a } } = await family(system, { maxRestarts: 0 }, { a: {}, b: {} })
  const events = collect(system.events)
  await fail(a)
  await system.idle()
  t.deepEqual(events.map(brief).filter((line) => !line.startsWith('stopped')), ['failed /top/a 0 escalate', 'escalated /top', 'failed /top 0 escalate', 'escalated /'])
  t.deepEqual(events.map(brief).filter((line) => line.startsWith('stopped')), ['stopped /top/a 0 failed boom', 'stopped /top/b 0 shutdown', 'stopped /top 0 failed boom'])
})

test("'failed' has the supervisor, the strategy, the decision and the delay", async (t) => {
  const system = withSystem(t, { clock: createManualClock() })
  const events = collect(system.events)
  const { refs: { a } } = await family(system, { strategy: 'rest-for-one', backoff: { min: 70, jitter: 0 } }, { a: {} })
  const error = await fail(a)
  await system.idle()
  const free = system.spawn(Sub, { name: 'free', restart: 'temporary' })
  await fail(free)
  await system.idle()
  const [first, second] = ofType(events, 'failed')
  t.like(first, { path: '/top/a', supervisor: '/top', strategy: 'rest-for-one', decision: 'restart', delay: 70, generation: 0 })
  t.is(first!.failure.error, error)
  t.like(second, { path: '/free', supervisor: '/', strategy: 'one-for-one', decision: 'stop', delay: 0, generation: 0 })
})

test('a failed first start is no started; its stopped has its generation', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const events = collect(system.events)
  const a = system.spawn(Sub, { name: 'a', args: [[], { start(generation) { if (generation === 0) throw boom() } }] })
  await a.started
  await system.idle()
  t.deepEqual(events.map(brief), ['failed /a 0 restart', 'stopped /a 0 failed boom', 'started /a 1', 'restarted /a 1'])
})

test('an instance has one stopped, also when a stop ends the backoff behind it', async (t) => {
  const system = withSystem(t, { clock: createManualClock() })
  const { refs: { a } } = await family(system, { backoff: { min: 100 } }, { a: {} })
  const events = collect(system.events)
  await fail(a)
  await system.idle()
  await a.stop()
  await system.idle()
  t.deepEqual(events.map(brief), ['failed /top/a 0 restart', 'stopped /top/a 0 failed boom'])
})

test('events of supervision are frozen', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs: { a } } = await family(system, {}, { a: {} })
  await fail(a)
  await system.idle()
  t.true(events.length > 4)
  t.true(events.every((event) => Object.isFrozen(event)))
})

test('a failure is one line of the log at error, with actor, phase, method, decision, delay and error', async (t) => {
  const { log, lines } = memoryLog()
  const system = withSystem(t, { log })
  const { refs: { a } } = await family(system, {}, { a: {} })
  const error = await fail(a)
  await system.idle()
  const errors = lines.filter((line) => line.level === 'error')
  t.is(errors.length, 1)
  t.like(errors[0]!.fields, { actor: '/top/a', phase: 'message', method: 'fail', decision: 'restart', delay: 0, error })
})

// ------------------------------------------------------------------------------ diagnostics channels

function listen(t: Test, name: string): { system: string; event: SystemEvent }[] {
  const got: { system: string; event: SystemEvent }[] = []
  const hear = (message: unknown) => void got.push(message as { system: string; event: SystemEvent })
  subscribe(name, hear)
  t.teardown(() => unsubscribe(name, hear))
  return got
}

test.serial('failed, restarted and escalated are on diagnostics channels, with the name of the system, also when nobody listens to events', async (t) => {
  const [failed, restarted, escalated] = ['failed', 'restarted', 'escalated'].map((type) => listen(t, `buskin:${type}`))
  const system = withSystem(t, { name: 'channelled', onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const { refs: { a } } = await family(system, { maxRestarts: 1 }, { a: {} })
  await fail(a)
  await a.ask.generation()
  const error = await fail(a)
  await system.idle()
  const own = (all: typeof failed) => all!.filter((message) => message.system === 'channelled').map((message) => message.event)
  t.deepEqual(own(failed).map(brief), ['failed /top/a 0 restart', 'failed /top/a 1 escalate', 'failed /top 0 escalate'])
  t.deepEqual(own(restarted).map(brief), ['restarted /top/a 1'])
  t.deepEqual(own(escalated).map(brief), ['escalated /top', 'escalated /'])
  t.is((own(escalated)[0] as { failure: { error: unknown } }).failure.error, error)
})

test.serial('a channel and the feed get the same event', async (t) => {
  const got = listen(t, 'buskin:failed')
  const system = withSystem(t, { name: 'both' })
  const events = collect(system.events)
  const { refs: { a } } = await family(system, {}, { a: {} })
  await fail(a)
  await system.idle()
  t.is(got.find((message) => message.system === 'both')!.event, ofType(events, 'failed')[0] as unknown as SystemEvent)
})

// ------------------------------------------------------------------------------------------- inspect

test("inspect() says 'restarting' from the failure's onStop until the next instance starts, and the generation", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const [stop, start] = [testGate(t), testGate(t)]
  const { refs: { a } } = await family(system, { backoff: { min: 100, jitter: 0 } }, {
    a: { plan: { stop: (generation) => generation === 0 && (stop.entered.resolve(), stop.open.promise), start: (generation) => generation === 1 && (start.entered.resolve(), start.open.promise) } },
  })
  const look = () => {
    const { state, generation, waiting } = find(system, '/top/a')!
    return [state, generation, waiting]
  }
  t.deepEqual(look(), ['idle', 0, 0])
  await fail(a)
  await stop.entered.promise
  a.tell.note(1)
  t.deepEqual(look(), ['restarting', 0, 1])
  stop.open.resolve()
  await turns()
  t.deepEqual(look(), ['restarting', 1, 1])
  await clock.advance(100)
  await start.entered.promise
  t.is(look()[1], 1)
  t.true(['starting', 'restarting'].includes(look()[0] as string))
  start.open.resolve()
  await system.idle()
  t.deepEqual(look(), ['idle', 1, 0])
})

test('inspect() keeps the handled and failed of an actor across its restarts', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  for (let i = 0; i < 3; i++) {
    await a.ask.note(i)
    await fail(a)
  }
  await a.ask.note(3)
  t.like(find(system, '/top/a'), { handled: 4, failed: 3, generation: 3 })
})

test('ctx.generation, inspect() and Failure agree', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs: { a } } = await family(system, {}, { a: {} })
  for (let i = 0; i < 4; i++) {
    t.is(await inside(a, (ctx) => ctx.generation), i)
    t.is(find(system, '/top/a')!.generation, i)
    await fail(a)
    await system.idle()
    t.is(ofType(events, 'failed').at(-1)!.failure.generation, i)
  }
})
