// A restart waits for what is in hand only so long; then it is abandoned, and what it does later reaches nobody.
import test from 'ava'
import { Actor, createManualClock } from 'buskin'
import type { ActorOptions, Context, Failure, ManualClock, Ref, System } from 'buskin'
import { assertIdentity, collect, counts, pending, settle, testGate, turns, withSystem } from '../support.ts'
import type { Gate } from '../support.ts'
import { Sub, boom, fail, family, inside, ofType } from './support.ts'
import type { Test } from './support.ts'

class Wide extends Sub {
  static readonly concurrent = ['block', 'failLater', 'late']
  /** Goes on after its instance was abandoned. */
  async late(at: Gate, what: (me: Wide, ctx: Context<any>) => unknown) {
    at.entered.resolve()
    await at.open.promise
    return what(this, this.ctx)
  }
  hands(): Context<any> {
    return this.ctx
  }
}

function withClock(t: Test): { clock: ManualClock; system: System } {
  const clock = createManualClock()
  return { clock, system: withSystem(t, { clock }) }
}

/** Two concurrent handlers of `a`: one hangs at the gate, the other fails its actor. */
async function hang(t: Test, system: System, what: (me: Wide, ctx: Context<any>) => unknown, options: ActorOptions = { shutdown: 100 }) {
  const made = await family(system, {}, { a: { cls: Wide, ...options }, b: {} })
  const a = made.refs.a as unknown as Ref<Wide>
  const at = testGate(t)
  const asked = settle(a.with({ timeout: Infinity }).ask.late(at, what))
  await at.entered.promise
  await a.ask.failLater(boom()).catch(() => {})
  return { ...made, a, at, asked }
}

for (const [shutdown, waits] of [[100, 100], [0, 0], [2_500, 2_500], [undefined, 5_000]] as const) {
  test(`the handler in hand of an actor that restarts has shutdown ${shutdown ?? '(default)'}: ${waits} ms`, async (t) => {
    const { clock, system } = withClock(t)
    const { asked, log, at } = await hang(t, system, () => 'late', { ...(shutdown === undefined ? {} : { shutdown }) })
    if (waits > 0) {
      await clock.advance(waits - 1)
      t.deepEqual(log, [])
      counts(t, system, { running: 1 })
    }
    await clock.advance(waits > 0 ? 1 : 0)
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(log, ['a1 restart', 'a1 start'], 'no onStop runs beside a handler')
    counts(t, system, { running: 0, failed: 2, restarts: 1 })
    const before = system.stats()
    at.open.resolve()
    await turns()
    t.deepEqual(system.stats(), before)
  })
}

test("shutdown 'infinity' waits as long as it takes", async (t) => {
  const { clock, system } = withClock(t)
  const { asked, log, at } = await hang(t, system, () => 'late', { shutdown: 'infinity' })
  await clock.advance(100_000_000)
  t.deepEqual(log, [])
  at.open.resolve()
  t.is(await asked, 'ok')
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
})

test("a sibling with shutdown 'brutal' is cut off at once when its group restarts, without onStop", async (t) => {
  const { system } = withClock(t)
  const { refs, log } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: { shutdown: 'brutal' } })
  const at = testGate(t)
  const asked = settle(refs.b.with({ timeout: Infinity }).ask.block(at))
  await at.entered.promise
  await fail(refs.a)
  t.is(await asked, 'ERR_BUSKIN_STOPPED')
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start', 'b1 restart', 'b1 start'])
})

test('a sibling that hangs is abandoned at its own deadline, and the group goes on', async (t) => {
  const { clock, system } = withClock(t)
  const { refs, log } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: { shutdown: 50 }, c: {} })
  const at = testGate(t)
  refs.b.tell.block(at)
  await at.entered.promise
  await fail(refs.a)
  await clock.advance(49)
  t.deepEqual(log, ['a0 stop failed', 'c0 stop shutdown'])
  await clock.advance(1)
  t.deepEqual(log.slice(2), ['a1 restart', 'a1 start', 'b1 restart', 'b1 start', 'c1 restart', 'c1 start'])
})

test('an onStop that hangs during a restart is abandoned at the deadline, and the next instance follows', async (t) => {
  const { clock, system } = withClock(t)
  const at = testGate(t)
  const { refs: { a }, log } = await family(system, {}, { a: { shutdown: 70, plan: { stop: (generation) => (generation === 0 ? at.open.promise : undefined) } } })
  await fail(a)
  await clock.advance(69)
  t.deepEqual(log, ['a0 stop failed'])
  await clock.advance(1)
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
  at.open.reject(boom('too late'))
  await turns()
  t.is(await a.ask.generation(), 1)
})

test('children that hang while their parent restarts are killed at their own deadlines', async (t) => {
  const { clock, system } = withClock(t)
  const { refs: { a }, log } = await family(system, {}, { a: { shutdown: 10 } })
  const kid = await inside(a, (ctx) => ({ ref: ctx.spawn(Wide, { name: 'kid', shutdown: 300, args: [log] }) })).then(({ ref }) => ref)
  const at = testGate(t)
  kid.tell.block(at)
  await at.entered.promise
  await fail(a)
  await clock.advance(299)
  t.is(log.some((line) => line.startsWith('a1')), false)
  await clock.advance(1)
  t.is((await kid.stopped).kind, 'killed')
  t.deepEqual(log.filter((line) => line.startsWith('a')), ['a0 stop failed', 'a1 restart', 'a1 start'])
})

// ------------------------------------------------------------------------------------------- the fence

/** What an abandoned handler may try with its own ctx. */
const tries: readonly (readonly [string, (me: Wide, ctx: Context<any>, b: Ref<Sub>) => unknown])[] = [
  ['returns', () => 'late'],
  ['throws', () => { throw boom('late') }],
  ['stops itself', (_me, ctx) => ctx.stop()],
  ['sets an after', (_me, ctx) => void ctx.after(1, () => { throw boom('late timer') })],
  ['sets an every', (_me, ctx) => void ctx.every(1, () => { throw boom('late timer') })],
  ['watches', (_me, ctx, b) => void ctx.watch(b, () => { throw boom('late watch') })],
  ['links', (_me, ctx, b) => void ctx.link(b)],
  ['spawns', (_me, ctx) => ctx.spawn(Sub, { name: 'late' })],
  ['adopts', (_me, ctx, b) => ctx.adopt(b)],
  ['sets an after with the ctx of then', (me) => void me.hands().after(1, () => { throw boom('late timer') })],
]

for (const [what, act] of tries) {
  test(`an abandoned handler that ${what} reaches neither the new instance nor anybody else`, async (t) => {
    const { clock, system } = withClock(t)
    const events = collect(system.events)
    const ran: unknown[] = []
    const { a, at, asked, refs, top, log } = await hang(t, system, async (me, ctx) => {
      try {
        ran.push('went on')
        return await act(me, ctx, refs.b)
      } catch (error) {
        ran.push((error as { code?: string }).code)
        throw error
      }
    })
    await clock.advance(100)
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    t.is(await a.ask.generation(), 1)
    const before = events.length
    at.open.resolve()
    await turns()
    await clock.advance(100)
    await refs.b.stop()
    await system.idle()
    t.is(await a.ask.generation(), 1)
    t.deepEqual(ran.slice(0, 1), ['went on'])
    t.deepEqual(ofType(events.slice(before), 'failed'), [])
    t.deepEqual(await inside(a, (ctx) => ctx.children.length), 0)
    t.deepEqual(log.filter((line) => line.startsWith('a')), ['a1 restart', 'a1 start'])
    t.is(await top.ask.generation(), 0)
    assertIdentity(system.stats())
    if (what === 'spawns' || what === 'adopts') t.is(ran[1], 'ERR_BUSKIN_STOPPED')
  })
}

test("an abandoned handler's ctx says what it was: generation, aborted signal, path, no children", async (t) => {
  const { clock, system } = withClock(t)
  const seen: unknown[] = []
  const { a, at } = await hang(t, system, (_me, ctx) => seen.push(ctx.generation, ctx.signal.aborted, ctx.path, ctx.children.length, ctx.self.equals(a)))
  await clock.advance(100)
  await a.ask.generation()
  at.open.resolve()
  await turns()
  t.deepEqual(seen, [0, true, '/top/a', 0, true])
})

test('signal aborts when its instance ends, and that of the next one does not', async (t) => {
  const { system } = withClock(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const { signal } = await inside(a, (ctx) => ({ signal: ctx.signal }))
  let heard = 0
  signal.addEventListener('abort', () => heard++)
  await fail(a)
  const { signal: next } = await inside(a, (ctx) => ({ signal: ctx.signal }))
  t.deepEqual([signal.aborted, heard, next.aborted], [true, 1, false])
  t.not(next, signal)
})

test('timers and watches of an instance end with it, and those of the next are its own', async (t) => {
  const { clock, system } = withClock(t)
  const ran: string[] = []
  const b = system.spawn(Sub, { name: 'b' })
  const { refs: { a } } = await family(system, {}, {
    a: {
      plan: {
        construct: (ctx) => {
          ctx.every(10, () => ran.push(`every${ctx.generation}`))
          ctx.watch(b, () => ran.push(`watch${ctx.generation}`))
        },
      },
    },
  })
  await clock.advance(20)
  await fail(a)
  await clock.advance(20)
  await b.stop()
  await system.idle()
  t.deepEqual(ran, ['every0', 'every0', 'every1', 'every1', 'watch1'])
})

test('a stream whose step is abandoned ends for its reader, and nothing of it arrives later', async (t) => {
  const { clock, system } = withClock(t)
  const { refs: { a, b } } = await family(system, { strategy: 'one-for-all' }, { a: { shutdown: 50 }, b: {} })
  const at = testGate(t)
  const stream = a.stream.items(at)
  t.is((await stream.next()).value, 1)
  const next = settle(stream.next())
  t.true(await pending(next))
  await fail(b)
  await clock.advance(50)
  t.is(await next, 'ERR_BUSKIN_STOPPED')
  at.open.resolve()
  await turns()
  t.is((await stream.next()).done, true)
  t.is(await a.ask.generation(), 1)
  await system.idle()
  counts(t, system, { running: 0 })
})

test("the generator of a stream is returned when its instance ends: its finally runs", async (t) => {
  const { system } = withClock(t)
  let returned = 0
  class Gives extends Sub {
    *gives() {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        returned++
      }
    }
  }
  const { refs } = await family(system, {}, { a: { cls: Gives } })
  const a = refs.a as unknown as Ref<Gives>
  const stream = a.stream.gives()
  t.is((await stream.next()).value, 0)
  await fail(refs.a)
  t.is(await refs.a.ask.generation(), 1)
  t.is(returned, 1)
})

test('a stream of the new instance is another one', async (t) => {
  const { system } = withClock(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const old = a.stream.count(1_000)
  t.is((await old.next()).value, 0)
  await fail(a)
  const fresh = a.stream.count(3)
  const all: number[] = []
  for await (const value of fresh) all.push(value)
  t.deepEqual(all, [0, 1, 2])
  let last = 0
  await t.throwsAsync(async () => { for await (const value of old) last = value }, { code: 'ERR_BUSKIN_STOPPED' })
  t.true(last < 1_000)
})

// ------------------------------------------------------------------------------------ failed constructors

test('what a constructor that failed left behind reaches nobody: its ctx is over', async (t) => {
  const { clock, system } = withClock(t)
  const kept: Context<any>[] = []
  const ran: string[] = []
  const got: (Failure | null)[] = []
  class Bad extends Actor {
    constructor() {
      super()
      const { ctx } = this
      kept.push(ctx)
      ctx.after(5, () => ran.push(`after${ctx.generation}`))
      if (ctx.generation === 0) {
        ctx.spawn(Sub, { name: 'kid' })
        throw boom()
      }
    }
    override onRestart(failure: Failure | null) {
      got.push(failure)
    }
    kids() {
      return this.ctx.children.length
    }
  }
  const a = system.spawn(Bad, { name: 'a' })
  await a.started
  t.is(got[0]!.phase, 'start')
  t.deepEqual(kept.map((ctx) => [ctx.generation, ctx.signal.aborted]), [[0, true], [1, false]])
  const [old] = kept
  old!.after(1, () => ran.push('late'))
  old!.every(1, () => ran.push('late'))
  old!.stop()
  t.throws(() => old!.spawn(Sub), { code: 'ERR_BUSKIN_STOPPED' })
  t.deepEqual(old!.children.length, 0)
  await clock.advance(10)
  t.deepEqual(ran, ['after1'])
  t.is(await a.ask.kids(), 0)
  t.is(system.lookup('/a/kid'), null)
  counts(t, system, { actors: 1 })
})

test('what an instance left after a clean restart is fenced off as well', async (t) => {
  const { clock, system } = withClock(t)
  const ran: string[] = []
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const { ctx } = await inside(a, (own) => ({ ctx: own }))
  await fail(a)
  await a.ask.generation()
  ctx.after(1, () => ran.push('after'))
  ctx.watch(b, () => ran.push('watch'))
  ctx.stop()
  t.throws(() => ctx.spawn(Sub), { code: 'ERR_BUSKIN_STOPPED' })
  await t.throwsAsync(ctx.adopt(b), { code: 'ERR_BUSKIN_STOPPED' })
  await b.stop()
  await clock.advance(10)
  t.deepEqual(ran, [])
  t.is(await a.ask.generation(), 1)
})

test('a start that was given up and ends later is not the start of the next instance', async (t) => {
  const { clock, system } = withClock(t)
  const gates = [testGate(t), testGate(t)]
  const a = system.spawn(Sub, { name: 'a', startTimeout: 100, args: [[], { start: (generation) => gates[generation]?.open.promise }] })
  await clock.advance(100)
  a.tell.note(1)
  gates[0]!.open.resolve()
  await turns()
  t.true(await pending(a.started))
  counts(t, system, { waiting: 1 })
  gates[1]!.open.resolve()
  await system.idle()
  t.deepEqual(await a.ask.read(), [1])
})

test('starts that end in the very moment in which they are given up are still those of their instance', async (t) => {
  const { clock, system } = withClock(t)
  const n = 300
  const gates = Array.from({ length: n }, () => [testGate(t), testGate(t)])
  const refs = gates.map((own) => system.spawn(Sub, { startTimeout: 100, args: [[], { start: (generation) => own[generation]?.open.promise }] }))
  let busy = true
  system.events.on((event) => {
    if (event.type !== 'failed' || !busy) return
    busy = false
    for (const own of gates) own[0]!.open.resolve()
    const until = performance.now() + 40 // longer than a slice, so that continuations run before the rest of this inbox
    while (performance.now() < until);
  })
  await clock.advance(100)
  await turns(20)
  const states = system.inspect().children.map((info) => info.state)
  t.deepEqual([states.length, new Set(states)], [n, new Set(['starting'])])
  for (const own of gates) own[1]!.open.resolve()
  await system.idle()
  t.deepEqual(new Set(await Promise.all(refs.map((ref) => ref.ask.generation()))), new Set([1]))
})
