// Many messages to actors that fail now and then, and restarts as fast as they can.
import { strict as assert } from 'node:assert'
import test from 'ava'
import { Actor, createManualClock } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { createSystem, laneOf } from '../../src/system.ts'
import { assertIdentity, turns, within } from '../support.ts'
import { boom } from './support.ts'
import type { Test } from './support.ts'

const long = process.env.BUSKIN_LONG === '1'
const MESSAGES = long ? 1_000_000 : 100_000

/** Numbers from a seed, so that a failure can be seen again. */
function numbers(seed: number): () => number {
  let x = seed
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

function systemFor(t: Test, options: Parameters<typeof createSystem>[0] = {}) {
  t.timeout(long ? 600_000 : 15_000)
  const system = createSystem({ log: false, ...options })
  t.teardown(async () => {
    await within(system.shutdown(), 'shutdown')
    const stats = system.stats()
    assertIdentity(stats, 'after shutdown')
    assert.equal(stats.actors, 0)
  })
  return system
}

for (const strategy of ['one-for-one', 'one-for-all', 'rest-for-one'] as const) {
  for (const [kind, how] of [['sync', 'take'], ['async', 'takeLater']] as const) {
    test(`${MESSAGES.toLocaleString('en')} messages to ${kind} handlers that fail at random: none lost, none twice, in order (${strategy})`, async (t) => {
      const system = systemFor(t)
      const [receivers, senders] = [4, 8]
      const chance = numbers(0x9e37 + strategy.length)
      /** What each receiver got of each sender, across all its instances. */
      const got = Array.from({ length: receivers }, () => Array.from({ length: senders }, () => [] as number[]))
      let failures = 0
      class Fragile extends Actor {
        readonly #own: number[][]
        constructor(own: number[][]) {
          super()
          this.#own = own
        }
        take(from: number, n: number) {
          this.#own[from]!.push(n)
          if (chance() < 0.001) {
            failures++
            throw boom()
          }
        }
        async takeLater(from: number, n: number) {
          this.#own[from]!.push(n)
          if (n % 3 === 0) await Promise.resolve()
          if (chance() < 0.001) {
            failures++
            throw boom()
          }
        }
      }
      class Sender extends Actor {
        #n = 0
        readonly #id: number
        constructor(id: number) {
          super()
          this.#id = id
        }
        burst(count: number, to: readonly Ref<Fragile>[]) {
          for (let i = 0; i < count; i++) {
            for (const ref of to) ref.tell[how](this.#id, this.#n)
            this.#n++
          }
        }
      }
      class Team extends Actor {
        make(): { refs: Ref<Fragile>[] } {
          return { refs: got.map((own) => this.ctx.spawn(Fragile, { args: [own] })) }
        }
      }
      const team = system.spawn(Team, { supervision: { strategy, backoff: false, maxRestarts: Infinity } })
      const { refs: to } = await team.ask.make()
      const from = Array.from({ length: senders }, (_, id) => system.spawn(Sender, { args: [id] }))
      await Promise.all(from.map((ref) => ref.started))
      const each = MESSAGES / receivers / senders
      const step = 25
      for (let sent = 0; sent < each; sent += step) {
        for (const ref of from) ref.tell.burst(step, to)
        if (sent % 250 === 0) await turns(1)
      }
      await system.idle()
      const stats = system.stats()
      assertIdentity(stats)
      t.is(laneOf(system).native.audit(), '')
      t.true(failures > MESSAGES / 4_000, `${failures} failures`)
      t.is(stats.failed, failures)
      t.is(stats.waiting, 0)
      t.is(stats.deadLetters, 0)
      t.true(strategy === 'one-for-one' ? stats.restarts === failures : stats.restarts > failures, `${stats.restarts} restarts`)
      let received = 0
      for (const own of got) {
        for (const seen of own) {
          received += seen.length
          t.true(seen.every((n, i) => n === i), 'in order, none twice, none left out')
        }
      }
      t.is(received, MESSAGES)
      t.is(laneOf(system).thrown.size, 0)
    })
  }
}

test('asks of actors that fail at random are each answered once, by a reply or by the very error', async (t) => {
  const system = systemFor(t, { supervision: { backoff: false, maxRestarts: Infinity } })
  const chance = numbers(77)
  class Fragile extends Actor {
    async answer(n: number) {
      if (n % 2 === 0) await Promise.resolve()
      if (chance() < 0.01) throw n
      return n
    }
  }
  const refs = Array.from({ length: 10 }, () => system.spawn(Fragile))
  let [ok, failed] = [0, 0]
  for (let round = 0; round < 20; round++) {
    const asked = Array.from({ length: 1_000 }, (_, n) =>
      refs[n % 10]!.with({ timeout: Infinity }).ask.answer(n).then(
        (value) => { t.is(value, n, 'the reply is its own'); ok++ },
        (error: unknown) => { if (error === n) failed++ },
      ))
    await within(Promise.all(asked), 'the replies')
  }
  t.is(ok + failed, 20_000)
  t.true(failed > 100)
  await system.idle()
  const stats = system.stats()
  t.deepEqual([stats.handled, stats.failed, stats.restarts, stats.deadLetters], [ok, failed, failed, 0])
})

test('200 children that fail as fast as they can: counts are exact, healthy siblings go on, nothing grows', async (t) => {
  const system = systemFor(t, { supervision: { backoff: false, maxRestarts: Infinity } })
  let [constructed, thrown, stop, pongs] = [0, 0, false, 0]
  class Storm extends Actor {
    constructor() {
      super()
      constructed++
      const self: Ref<any> = this.ctx.self
      self.tell.fail!()
    }
    fail() {
      if (stop) return
      thrown++
      throw boom()
    }
  }
  class Healthy extends Actor {
    ping() {
      return ++pongs
    }
  }
  const lane = laneOf(system)
  const healthy = system.spawn(Healthy)
  await healthy.ask.ping()
  const refs = Array.from({ length: 200 }, () => system.spawn(Storm))
  const judged = () => refs.filter((ref) => (ref as unknown as { state?: { judged?: unknown } }).state?.judged !== undefined).length
  const measure = () => [...lane.native.memory()].reduce((sum, bytes) => sum + bytes, 0)
  const until = performance.now() + 300
  const sizes: number[] = []
  let [half, asks] = [0, 0]
  while (performance.now() < until) {
    await healthy.ask.ping()
    asks++
    sizes.push(lane.thrown.size)
    if (half === 0 && performance.now() > until - 150) half = measure()
    await turns(1)
  }
  stop = true
  await system.idle()
  const stats = system.stats()
  assertIdentity(stats)
  t.true(thrown > 400, `${thrown} failures`)
  t.true(asks > 3, `${asks} replies of the healthy one`)
  t.is(pongs, asks + 1)
  t.is(constructed, 200 + thrown)
  t.deepEqual([stats.failed, stats.restarts, stats.deadLetters, stats.waiting], [thrown, thrown, 0, 0])
  t.is(stats.handled, asks + 1 + 200)
  t.is(system.inspect().children.reduce((sum, info) => sum + info.generation, 0), thrown)
  t.deepEqual([lane.thrown.size, judged(), lane.causes.size, lane.escalated.size], [0, 0, 0, 0])
  t.true(Math.max(...sizes) <= 400, `thrown held ${Math.max(...sizes)}`)
  t.true(measure() <= half * 1.5 + 65_536, `${half} bytes at half time, ${measure()} at the end`)
  t.is(lane.native.audit(), '')
})

test('a storm under decide, with a window that counts, leaves nothing behind either', async (t) => {
  const clock = createManualClock()
  let asked = 0
  const system = systemFor(t, { clock, supervision: { backoff: false, maxRestarts: 1e9, within: 1_000, decide: () => { asked++ } } })
  class Storm extends Actor {
    fail() {
      throw boom()
    }
  }
  const lane = laneOf(system)
  const refs = Array.from({ length: 50 }, () => system.spawn(Storm))
  const sizes: number[] = []
  for (let round = 0; round < 100; round++) {
    for (const ref of refs) ref.tell.fail()
    await clock.advance(10)
    sizes.push([...lane.native.memory()].reduce((sum, bytes) => sum + bytes, 0))
  }
  const stats = system.stats()
  t.deepEqual([stats.failed, stats.restarts, asked], [5_000, 5_000, 5_000])
  t.is(lane.thrown.size, 0)
  t.is(sizes.at(-1), sizes[20])
  t.is(refs.filter((ref) => (ref as unknown as { state?: { judged?: unknown } }).state?.judged !== undefined).length, 0)
})

test('actors that come, fail and go leave no causes, failures or links behind', async (t) => {
  const system = systemFor(t, { onEscalate: 'report', supervision: { maxRestarts: 0, strategy: 'one-for-one' } })
  const lane = laneOf(system)
  class Top extends Actor {
    #kids: Ref<Kid>[] = []
    override onStart() {
      this.#kids = [this.ctx.spawn(Kid), this.ctx.spawn(Kid)]
      this.ctx.link(this.#kids[0]!)
    }
    hit(which: number) {
      this.#kids[which]!.tell.fail()
    }
  }
  class Kid extends Actor {
    fail() {
      throw boom()
    }
  }
  for (let round = 0; round < 300; round++) {
    const top = system.spawn(Top, { supervision: { strategy: 'one-for-all', maxRestarts: round % 3, backoff: false } })
    for (let i = 0; i <= 3; i++) top.tell.hit(round % 2)
    await system.idle()
    await top.stop()
  }
  t.deepEqual([lane.thrown.size, lane.escalated.size, lane.links.size, lane.watches.size, lane.adoptions.size], [0, 0, 0, 0, 0])
  t.true(lane.causes.size <= 1)
  t.is(system.stats().actors, 0)
  t.is(lane.native.audit(), '')
})
