// Trees of actors under random orders: whatever happens, the counts agree, everybody ends up running or
// ended, promises settle, and nothing is left behind.
import { strict as assert } from 'node:assert'
import test from 'ava'
import { Actor, createManualClock } from '../../src/index.ts'
import type { ActorOptions, Context, ManualClock, Ref, Subscription, System } from '../../src/index.ts'
import { WORD_BUSY, WORD_HOLD } from '../../src/native/layout.ts'
import { createSystem, laneOf } from '../../src/system.ts'
import { assertIdentity, within } from '../support.ts'

const RUNS = process.env.BUSKIN_LONG === '1' ? 20_000 : 1_000
const STEPS = 60

/** Numbers from a seed, so that a run can be seen again. */
class Dice {
  #x: number
  constructor(seed: number) {
    this.#x = (seed * 2_654_435_761) | 1
  }
  next(): number {
    this.#x ^= this.#x << 13
    this.#x ^= this.#x >>> 17
    this.#x ^= this.#x << 5
    return (this.#x >>> 0) / 2 ** 32
  }
  below(n: number): number {
    return Math.floor(this.next() * n)
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
  chance(p: number): boolean {
    return this.next() < p
  }
}

/** What all actors of a run share. */
interface World {
  readonly dice: Dice
  readonly clock: ManualClock
  readonly system: System
  readonly all: Ref<Any>[]
  readonly settled: Promise<unknown>[]
  readonly held: (() => void)[]
  calm: boolean
}

function trouble(world: World, p: number): void {
  if (!world.calm && world.dice.chance(p)) throw new Error('chaos')
}

/** Waits for a turn of the event loop, or until all is calm. */
async function dawdle(world: World): Promise<void> {
  if (world.calm || world.dice.chance(0.5)) return
  if (world.dice.chance(0.7)) await new Promise<void>((resolve) => setImmediate(resolve))
  else await new Promise<void>((resolve) => world.held.push(resolve))
}

class Any extends Actor {
  static readonly concurrent = ['together']
  readonly #world: World
  constructor(world: World) {
    super()
    this.#world = world
    trouble(world, 0.03)
    if (!world.calm && world.dice.chance(0.1)) grow(world, this.ctx)
  }
  override async onStart() {
    trouble(this.#world, 0.05)
    if (!this.#world.calm && this.#world.dice.chance(0.2)) await new Promise<void>((resolve) => setImmediate(resolve))
    trouble(this.#world, 0.05)
  }
  override async onRestart() {
    trouble(this.#world, 0.05)
    if (!this.#world.calm && this.#world.dice.chance(0.2)) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  override async onStop() {
    if (!this.#world.calm && this.#world.dice.chance(0.2)) await new Promise<void>((resolve) => setImmediate(resolve))
    trouble(this.#world, 0.05)
  }
  override onHealth() {
    trouble(this.#world, 0.1)
  }
  work() {
    trouble(this.#world, 0.1)
    return 1
  }
  async slow() {
    await dawdle(this.#world)
    trouble(this.#world, 0.1)
    return 2
  }
  async together() {
    await dawdle(this.#world)
    trouble(this.#world, 0.1)
    return 3
  }
  *items() {
    for (let i = 0; i < 20; i++) {
      trouble(this.#world, 0.02)
      yield i
    }
  }
  act(what: (ctx: Context<any>) => void) {
    what(this.ctx)
    trouble(this.#world, 0.05)
  }
}

function optionsFor({ dice }: World): ActorOptions {
  return {
    restart: dice.pick(['permanent', 'transient', 'transient', 'temporary'] as const),
    shutdown: dice.pick([5, 100, 'brutal', 5_000] as const),
    startTimeout: dice.pick([10, 30_000]),
    mailboxOnRestart: dice.pick(['keep', 'clear'] as const),
    mailbox: { capacity: dice.pick([2, 100]), overflow: dice.pick(['reject', 'wait', 'drop-oldest', 'drop-newest'] as const) },
    ...(dice.chance(0.2) ? { health: { every: 20, timeout: dice.pick([5, 100]), threshold: dice.pick([1, 3]) } } : {}),
    supervision: {
      strategy: dice.pick(['one-for-one', 'one-for-all', 'rest-for-one'] as const),
      maxRestarts: dice.pick([0, 1, 3, 100]),
      within: dice.pick([10, 1_000]),
      backoff: dice.pick([false, { min: 5, jitter: 0 }, { min: 30, max: 60, jitter: 1 }, { min: 2, max: 60, resetAfter: 1 }] as const),
      ...(dice.chance(0.3) ? { decide: () => dice.pick([undefined, undefined, 'restart', 'resume', 'stop', 'escalate'] as const) } : {}),
    },
  }
}

function grow(world: World, ctx: Context<any> | undefined): void {
  if (world.all.length > 200) return
  const spawner = ctx ?? world.system
  const ref = spawner.spawn(Any, { ...optionsFor(world), args: [world] })
  world.all.push(ref)
}

async function readAll(ref: Ref<Any>): Promise<void> {
  for await (const item of ref.stream.items()) if (item === 15) break
}

const bonds: Subscription[] = []

/** One that lives, as a rule. */
function alive({ dice, all, system }: World): Ref<Any> {
  for (let tries = 0; tries < 8; tries++) {
    const ref = dice.pick(all)
    if (system.lookup(ref.path) !== null) return ref
  }
  return dice.pick(all)
}

/** One order, to one of the actors or from outside. */
function order(world: World): unknown {
  const { dice, all, settled } = world
  const ref = alive(world)
  const other = dice.chance(0.9) ? alive(world) : dice.pick(all)
  const keep = (promise: Promise<unknown>) => void settled.push(promise.catch(() => {}))
  const act = (what: (ctx: Context<any>) => void) => ref.tell.act(what)
  switch (dice.below(20)) {
    case 0:
      return grow(world, undefined)
    case 1:
    case 2:
      return act((ctx) => grow(world, ctx))
    case 3:
      return dice.chance(0.6) ? grow(world, undefined) : keep(ref.stop(dice.chance(0.5) ? { drain: true } : {}))
    case 4:
      return dice.chance(0.3) ? keep(ref.kill()) : undefined
    case 5:
      return act((ctx) => ctx.stop())
    case 6:
      return act((ctx) => void (!ctx.self.equals(other) && bonds.push(ctx.link(other))))
    case 7:
      return act((ctx) => void bonds.push(ctx.watch(other, () => trouble(world, 0.1))))
    case 8:
      return act((ctx) => keep(ctx.adopt(other)))
    case 9:
      return act((ctx) => keep(ctx.release(ctx.children[0] ?? other)))
    case 10:
      return act((ctx) => void ctx.every(7, () => trouble(world, 0.1)))
    case 11:
      return act((ctx) => void ctx.after(11, () => trouble(world, 0.5)))
    case 12:
      return void bonds.splice(0).forEach((bond) => bond.cancel())
    case 13:
      return keep(readAll(ref))
    case 14:
      return world.clock.advance(dice.pick([0, 1, 5, 30]))
    case 15:
      return new Promise<void>((resolve) => setImmediate(resolve))
    case 16:
      return dice.chance(0.2) ? act((ctx) => keep(ctx.self.kill())) : grow(world, undefined)
    default:
      keep(ref.ask.work())
      keep(ref.send.slow())
      keep(ref.ask.together())
      return ref.tell.slow()
  }
}

/** What happened in all runs, so that a run in which nothing does is seen. */
const sums = { actors: 0, restarts: 0, failed: 0, handled: 0, calm: 0 }

async function run(seed: number): Promise<void> {
  const dice = new Dice(seed)
  const clock = createManualClock()
  const system = createSystem({
    log: false,
    clock,
    onEscalate: dice.chance(0.8) ? 'report' : 'shutdown',
    supervision: { strategy: dice.pick(['one-for-one', 'rest-for-one'] as const), maxRestarts: dice.pick([5, 1_000]), backoff: dice.pick([false, { min: 3, max: 60 }] as const) },
  })
  const lane = laneOf(system)
  const world: World = { dice, clock, system, all: [], settled: [], held: [], calm: false }
  const at = (when: string) => {
    assert.equal(lane.native.audit(), '', `seed ${seed} ${when}`)
    assertIdentity(system.stats(), `seed ${seed} ${when}`)
  }
  system.closed.catch(() => {})
  for (let i = 0; i < 10; i++) grow(world, undefined)
  for (let step = 0; step < STEPS; step++) {
    try {
      await order(world)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_BUSKIN_CLOSED') throw error
      break
    }
    if (step % 10 === 0) at(`at step ${step}`)
  }
  world.calm = true
  for (const release of world.held.splice(0)) release()
  await clock.advance(300)
  await within(system.idle(), `idle of seed ${seed}`)
  at('when calm')
  const { restarts, failed, handled, actors } = system.stats()
  sums.restarts += restarts
  sums.failed += failed
  sums.handled += handled
  sums.calm += actors
  sums.actors += world.all.length
  if (actors > 0) {
    const look = (info: ReturnType<System['inspect']>): void => {
      for (const each of info.children) {
        assert.equal(each.state, 'idle', `seed ${seed}: ${each.path}`)
        look(each)
      }
    }
    look(system.inspect())
  }
  const done = system.shutdown()
  await clock.advance(100)
  await within(done, `shutdown of seed ${seed}`)
  at('after shutdown')
  await within(Promise.all(world.settled), `all promises of seed ${seed}`)
  await within(Promise.all(world.all.map((ref) => ref.stopped)), `ends of seed ${seed}`)
  const left = { actors: system.stats().actors, thrown: lane.thrown.size, watches: lane.watches.size, links: lane.links.size, adoptions: lane.adoptions.size, escalated: lane.escalated.size, producers: lane.producers.size, busy: lane.header[WORD_BUSY], hold: lane.header[WORD_HOLD] }
  assert.deepEqual(left, { actors: 0, thrown: 0, watches: 0, links: 0, adoptions: 0, escalated: 0, producers: 0, busy: 0, hold: 0 }, `seed ${seed}`)
}

test(`${RUNS} random runs of ${STEPS} orders each end well`, async (t) => {
  t.timeout(600_000)
  for (let seed = 1; seed <= RUNS; seed++) await run(seed)
  t.log(sums)
  t.true(sums.restarts > 5 * RUNS && sums.failed > 3 * RUNS && sums.calm > RUNS, JSON.stringify(sums))
})

test('asks of handlers that end in the very moment in which they are given up hold nothing', async (t) => {
  const clock = createManualClock()
  const system = createSystem({ log: false, clock })
  const [open, n] = [[] as (() => void)[], 300]
  class Hangs extends Actor {
    static readonly concurrent = ['hang', 'fail']
    hang() {
      return new Promise<string>((resolve) => open.push(() => resolve('late')))
    }
    fail() {
      throw new Error('chaos')
    }
  }
  const refs = Array.from({ length: n }, () => system.spawn(Hangs, { shutdown: 100 }))
  const asked = refs.map((ref) => ref.with({ timeout: Infinity }).ask.hang().then(() => 'late', (error: { code?: string }) => error.code))
  for (const ref of refs) ref.tell.fail()
  await clock.advance(0)
  system.events.on((event) => {
    if (event.type !== 'stopped') return
    for (const resolve of open.splice(0)) resolve()
    const until = performance.now() + 40 // longer than a slice, so that continuations run before the rest of this inbox
    while (performance.now() < until && open.length === 0 && event.path === refs[0]!.path);
  })
  await clock.advance(100)
  const outcomes = new Set(await within(Promise.all(asked), 'the askers'))
  t.deepEqual([...outcomes], ['ERR_BUSKIN_STOPPED'])
  await within(system.idle(), 'idle')
  assertIdentity(system.stats())
  t.deepEqual([system.stats().failed, system.stats().restarts, laneOf(system).header[WORD_HOLD]], [2 * n, n, 0])
  await within(system.shutdown(), 'shutdown')
})
