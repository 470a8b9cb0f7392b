// Whatever befalls an actor, the same happens in the same order whether its family is on one isolate or on three.
import ava from 'ava'
import type { ActorOptions, Ref, Supervision, SystemEvent } from '../../src/index.ts'
import { within } from '../support.ts'
import type { Plan, Sub } from './fixtures/life.ts'
import { Judge } from './fixtures/life.ts'
import { event, eventsOf, find, stage, type Stage, type Test } from './lives.ts'

const test = ava.serial

type Cause = (b: Ref<Sub>, all: readonly Ref<Sub>[], on: Stage) => unknown

const heard = (on: Stage, type: SystemEvent['type']) => event(on, (e) => e.type === type && 'path' in e && e.path === '/top/b', `'${type}' of /top/b`)

const CAUSES: Readonly<Record<string, Cause>> = {
  throw: (b) => b.tell.fail(),
  'late throw': (b) => b.ask.failLater().catch(() => {}),
  timer: (b, _, on) => b.ask.laterFail(1).then(() => heard(on, 'failed')),
  'ctx.stop': (b) => b.tell.stopSelf(),
  stop: (b) => b.stop(),
  kill: (b) => b.kill(),
  'two throws': (b) => {
    b.tell.fail('one')
    b.tell.fail('two')
  },
  'two members': (b, [a], { system }) => a!.ask.fail('one').catch(() => {}).then(() => system.idle()).then(() => b.tell.fail('two')),
}

interface Scene {
  readonly supervision?: Supervision
  readonly restart?: ActorOptions['restart']
  readonly options?: ActorOptions
  readonly plan?: Plan
  readonly cls?: typeof Sub
  /** What goes on at the same time on several isolates has no order. */
  readonly isLoose?: boolean
}

const NAMES = ['a', 'b', 'c'] as const

/** What was told and seen, with the family's head and members on these isolates. */
async function seen(on: Stage, [head, ...places]: readonly number[], { supervision = {}, restart, options = {}, plan = {}, cls, isLoose }: Scene, cause: Cause) {
  const { system, events, recorder } = on
  const settings: ActorOptions = { on: head!, supervision: { backoff: false, ...supervision } }
  const top = cls === undefined ? on.spawn('top', settings) : system.spawn(cls, { on: head!, name: 'top', args: [recorder] })
  const refs: Ref<Sub>[] = []
  for (const [i, name] of NAMES.entries()) {
    const one = name === 'b' ? { ...options, ...(restart && { restart }) } : {}
    refs.push(await top.ask.raise(name, { ...one, on: places[i]! }, name === 'b' ? plan : {}))
    await refs[i]!.started.catch(() => {})
  }
  await within(Promise.resolve(cause(refs[1]!, refs, on)), 'the cause')
  const lines = await on.lines()
  await within(system.idle(), 'idle')
  const states = ['/top', ...NAMES.map((name) => `/top/${name}`)].map((path) => {
    const { state, generation } = find(system, path) ?? {}
    return `${path} ${state} ${generation}`
  })
  const log = ['/top', ...NAMES.map((name) => `/top/${name}`)].map((path) => [path, ...eventsOf(events, path)])
  const { restarts } = system.stats()
  await within(top.stop(), 'the end')
  events.length = 0
  recorder.tell.clear()
  // an event about a hook that failed as the actor ended comes from another isolate, when that has read of it
  if (isLoose) log.forEach((each) => each.sort())
  return { lines: isLoose ? lines.sort() : lines, states, log, restarts }
}

const SPREAD = [
  [0, 1, 1, 1],
  [0, 1, 2, 0],
  [1, 1, 2, 1],
  [2, 0, 1, 0],
] as const

async function same(t: Test, scene: Scene, cause: Cause, spread: readonly (readonly number[])[] = SPREAD) {
  const on = stage(t)
  const one = await seen(on, [0, 0, 0, 0], scene, cause)
  let before = one.restarts
  for (const places of spread) {
    const { restarts, ...other } = await seen(on, places, scene, cause)
    const { restarts: expected, ...rest } = one
    t.deepEqual(other, rest, `on ${places.join(', ')}`)
    t.is(restarts - before, expected, `restarts on ${places.join(', ')}`)
    before = restarts
  }
}

for (const strategy of ['one-for-one', 'one-for-all', 'rest-for-one'] as const) {
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    test(`the same on all isolates: ${strategy}, ${restart}, whatever the cause`, async (t) => {
      for (const [name, cause] of Object.entries(CAUSES)) if (strategy === 'one-for-one' || name !== 'two throws') await same(t, { supervision: { strategy }, restart }, cause)
    })
  }
}

for (const [what, plan] of Object.entries<Plan>({
  'a start that fails': { start: [1, 2] },
  'a constructor that fails': { construct: [1] },
  'a restart hook that fails': { restart: [1] },
  'a stop hook that fails': { stop: [0] },
  'a first start that fails': { start: [0] },
})) {
  test(`the same on all isolates: ${what}`, async (t) => {
    for (const strategy of ['one-for-one', 'one-for-all'] as const) await same(t, { supervision: { strategy }, plan, isLoose: plan.stop !== undefined }, CAUSES['throw']!)
  })
}

test('the same on all isolates: more restarts than the intensity allows fail the supervisor, too', async (t) => {
  const cause: Cause = async (b, _, { system }) => {
    for (let i = 0; i < 3; i++) {
      await b.ask.fail(`no ${i}`).catch(() => {})
      await system.idle()
    }
  }
  for (const strategy of ['one-for-one', 'rest-for-one'] as const) await same(t, { supervision: { strategy, maxRestarts: 2 }, isLoose: true }, cause)
  await same(t, { supervision: { maxRestarts: 0 }, isLoose: true }, CAUSES['throw']!)
})

test('the same on all isolates: decide of the class', async (t) => {
  for (const answer of ['restart', 'stop', 'resume', 'escalate']) {
    await same(t, { cls: Judge, isLoose: true }, (b) => b.ask.fail(answer).catch(() => {}))
  }
})

test('the same on all isolates: a backoff, and a stop within it', async (t) => {
  const supervision = { backoff: { min: 30, max: 30, jitter: 0 } }
  await same(t, { supervision }, async (b) => {
    await b.ask.fail('one').catch(() => {})
    await b.ask.fail('two').catch(() => {})
  })
  await same(t, { supervision: { backoff: { min: 5_000, jitter: 0 } } }, async (b, _, on) => {
    await b.ask.fail('one').catch(() => {})
    await heard(on, 'stopped')
    await b.stop()
  })
})

test('the same on all isolates: a health check that fails', async (t) => {
  const options = { shutdown: 20, health: { every: 10, timeout: 10, threshold: 2 } }
  await same(t, { options, plan: { health: [0] } }, (_, __, on) => event(on, (e) => e.type === 'started' && e.path === '/top/b' && e.generation === 1, 'the restart'))
  await same(t, { options, plan: { hangs: ['health'] }, restart: 'temporary' }, (_, __, on) => heard(on, 'stopped'))
})
