// Semantics, sentences 1, 33 and 34: what is counted, that it adds up at every moment, and when a system is idle.
import test from 'ava'
import { Actor, createManualClock } from 'buskin'
import type { Context, DeadLetterReason, Ref, Stats, System } from 'buskin'
import {
  Bench, allVerbs, assertIdentity, busy, collect, counts, deadBy, fire, identityOf, loose, memoryLog, pass, pending,
  settle, temporary, testGate, turns, verbs, withSystem, within,
} from './support.ts'

class Streamer extends Actor {
  *digits(count: number) {
    for (let i = 0; i < count; i++) yield i
  }
  async *forever(stopped: () => void = () => {}) {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      stopped()
    }
  }
}

const inside = <T>(ref: Ref<Timed>, what: (ctx: Context<any>) => T) => ref.ask.run(what) as Promise<Awaited<T>>
class Timed extends Actor {
  run<T>(what: (ctx: Context<any>) => T): T {
    return what(this.ctx)
  }
}

// ------------------------------------------------------------------------ 1: what a message is

test('a new system has counted nothing', (t) => {
  const system = withSystem(t)
  t.deepEqual(system.stats(), {
    actors: 0, sent: 0, handled: 0, failed: 0, deadLetters: 0, waiting: 0, running: 0, restarts: 0,
    deadLettersBy: { 'no-such-actor': 0, stopped: 0, 'mailbox-full': 0, dropped: 0, expired: 0, 'no-handler': 0, 'isolate-lost': 0, aborted: 0 },
  })
})

for (const verb of verbs) {
  test(`one ${verb} is one message, counted from the call on`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    const outcome = fire(ref, verb, 'note', 1)
    counts(t, system, { sent: 1, waiting: 1, running: 0, handled: 0 })
    t.is(await outcome, 'ok')
    await system.idle()
    counts(t, system, { sent: 1, waiting: 0, running: 0, handled: 1 })
  })

  test(`a refused ${verb} counts as sent and as a dead letter`, async (t) => {
    const system = withSystem(t)
    const ref = system.spawn(Bench)
    await ref.stop()
    t.is(await fire(ref, verb, 'note', 1), verb === 'tell' ? 'ok' : 'ERR_BUSKIN_STOPPED')
    counts(t, system, { sent: 1, deadLetters: 1 })
  })
}

test('one stream call is one message, however many items it has', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Streamer)
  let sum = 0
  for await (const item of ref.stream.digits(1_000)) sum += item
  t.is(sum, 499_500)
  await system.idle()
  counts(t, system, { sent: 1, handled: 1 })
})

test('a stream call counts as sent at the call', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Streamer)
  await ref.started
  const stream = ref.stream.digits(1)
  t.is(system.stats().sent, 1)
  t.deepEqual(await stream.next(), { done: false, value: 0 })
  t.is((await stream.next()).done, true)
  await system.idle()
  counts(t, system, { sent: 1, handled: 1 })
})

test('a stream call is running until it ends', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Streamer)
  const stream = ref.stream.forever()
  t.deepEqual(await stream.next(), { done: false, value: 0 })
  counts(t, system, { sent: 1, running: 1, handled: 0 })
  await stream.return!()
  await system.idle()
  counts(t, system, { sent: 1, running: 0, handled: 1 })
})

test('replies, timers, watches and signals are no messages', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const target = system.spawn(Bench)
  const ref = system.spawn(Timed)
  let ran = 0
  await inside(ref, (ctx) => {
    ctx.every(10, () => ran++)
    ctx.after(5, () => ran++)
    ctx.watch(target, () => ran++)
  })
  await clock.advance(100)
  await target.stop()
  await system.idle()
  t.is(ran, 12)
  counts(t, system, { sent: 1, handled: 1, failed: 0, deadLetters: 0 })
})

test('a call that throws at the call is no message', (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  t.throws(() => ref.with({ ttl: -1 }).tell.note(1))
  counts(t, system, { sent: 0 })
})

// ------------------------------------------------------------------------- 33: the identity

for (const verb of verbs) {
  test(`stats() inside a handler counts that ${verb} as running and the rest of its burst as waiting`, async (t) => {
    const system = withSystem(t)
    const seen: Stats[] = []
    class Looks extends Actor {
      look() {
        seen.push(system.stats())
      }
    }
    const ref = system.spawn(Looks)
    const n = 300
    const outcomes = Array.from({ length: n }, () => fire(ref, verb, 'look'))
    t.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']))
    await system.idle()
    t.is(seen.length, n)
    t.deepEqual(seen.map(({ sent, handled, running, waiting }) => [sent, handled, running, waiting]), Array.from({ length: n }, (_, i) => [n, i, 1, n - i - 1]))
  })
}

test('stats() inside a handler counts what that handler has just sent', async (t) => {
  const system = withSystem(t)
  const other = system.spawn(Bench)
  const ref = system.spawn(Timed)
  const seen = await inside(ref, () => {
    const before = system.stats()
    for (let i = 0; i < 10; i++) other.tell.note(i)
    return [before, system.stats()] as const
  })
  t.deepEqual(seen.map(({ sent, running, waiting, handled }) => [sent, running, waiting, handled]), [[1, 1, 0, 0], [11, 1, 10, 0]])
})

test('async handlers in hand are running, each of them, until they end', async (t) => {
  const system = withSystem(t)
  const gates = Array.from({ length: 10 }, () => testGate(t))
  for (const at of gates) system.spawn(Bench).tell.block(at)
  await Promise.all(gates.map((at) => at.entered.promise))
  for (const [i, at] of gates.entries()) {
    counts(t, system, { sent: 10, running: 10 - i, handled: i, waiting: 0 })
    at.open.resolve()
    await turns()
  }
  counts(t, system, { sent: 10, running: 0, handled: 10 })
})

test('stats() inside an async handler, before and after its await, counts itself running', async (t) => {
  const system = withSystem(t)
  const seen: Stats[] = []
  const ref = system.spawn(Timed)
  await inside(ref, async () => {
    seen.push(system.stats())
    await turns(2)
    seen.push(system.stats())
  })
  t.deepEqual(seen.map(({ sent, running, handled }) => [sent, running, handled]), [[1, 1, 0], [1, 1, 0]])
})

test('hooks and callbacks are not running messages', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const seen: number[] = []
  class Looks extends Actor {
    constructor(other: Ref<Bench>) {
      super()
      seen.push(system.stats().running)
      this.ctx.after(5, () => seen.push(system.stats().running))
      this.ctx.watch(other, () => seen.push(system.stats().running))
    }
    override onStart() {
      seen.push(system.stats().running)
    }
    override onStop() {
      seen.push(system.stats().running)
    }
  }
  const other = system.spawn(Bench)
  const ref = system.spawn(Looks, { args: [other] })
  await ref.started
  await other.stop()
  await clock.advance(5)
  await ref.stop()
  t.deepEqual(seen, [0, 0, 0, 0, 0])
})

const reasons: readonly (readonly [DeadLetterReason, number, (it: { t: Parameters<typeof withSystem>[0]; system: System; advance: (ms: number) => Promise<void> }) => Promise<unknown>])[] = [
  ['stopped', 2, async ({ system }) => { const ref = system.spawn(Bench); await ref.stop(); ref.tell.note(1); await fire(ref, 'ask', 'note', 1) }],
  ['mailbox-full', 3, async ({ t, system }) => { const { ref, release } = await busy(t, system, { mailbox: { capacity: 1 } }); for (let i = 0; i < 4; i++) ref.tell.note(i); release() }],
  ['dropped', 4, async ({ t, system }) => { const { ref, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'drop-oldest' } }); for (let i = 0; i < 5; i++) ref.tell.note(i); release() }],
  ['expired', 5, async ({ t, system, advance }) => { const { ref, release } = await busy(t, system); for (let i = 0; i < 5; i++) ref.with({ ttl: 1 }).tell.note(i); await advance(2); release() }],
  ['no-handler', 6, async ({ system }) => { const ref = system.spawn(Bench); for (let i = 0; i < 6; i++) loose(ref, 'tell').nope!() }],
  ['aborted', 7, async ({ system }) => { const ref = system.spawn(Bench); for (let i = 0; i < 7; i++) ref.with({ signal: AbortSignal.abort() }).tell.note(i) }],
]
for (const [reason, count, make] of reasons) {
  test(`deadLettersBy counts '${reason}' exactly, and the feed tells as many`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const dead = collect(system.deadLetters)
    await make({ t, system, advance: (ms) => clock.advance(ms) })
    await system.idle()
    t.deepEqual(deadBy(system), { [reason]: count })
    counts(t, system, { deadLetters: count, waiting: 0, running: 0 })
    t.deepEqual(dead.map((letter) => letter.reason), Array.from({ length: count }, () => reason))
  })
}

test('actors counts those that live: from the spawn to the end', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Timed)
  counts(t, system, { actors: 1 })
  const refs = Array.from({ length: 100 }, () => system.spawn(Bench))
  await inside(parent, (ctx) => {
    for (let i = 0; i < 10; i++) ctx.spawn(Bench)
  })
  counts(t, system, { actors: 111 })
  await Promise.all(refs.map((ref) => ref.stop()))
  counts(t, system, { actors: 11 })
  await parent.stop()
  counts(t, system, { actors: 0 })
})

test('stats() gives plain data that does not change, and takes part in nothing', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Bench)
  ref.tell.note(1)
  const before = system.stats()
  const text = JSON.stringify(before)
  for (let i = 0; i < 100; i++) system.stats()
  await system.idle()
  t.is(JSON.stringify(before), text)
  counts(t, system, { sent: 1, handled: 1 })
})

test('two systems count apart', async (t) => {
  const [one, two] = [withSystem(t), withSystem(t)]
  const a = one.spawn(Bench)
  const b = two.spawn(Bench)
  for (let i = 0; i < 10; i++) a.tell.note(i)
  await a.ask.run(() => b.tell.note(1))
  await two.idle()
  counts(t, one, { sent: 11, handled: 11 })
  counts(t, two, { sent: 1, handled: 1 })
})

test('stats() works after shutdown, goes on counting refused calls, and still adds up', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log] })
  for (let i = 0; i < 10; i++) await ref.ask.note(i)
  for (let i = 0; i < 5; i++) ref.tell.note(i)
  await system.shutdown()
  const end = system.stats()
  t.deepEqual([end.sent, end.handled + end.deadLetters, end.waiting, end.running, end.failed, end.actors], [15, 15, 0, 0, 0, 0])
  t.is(end.handled, log.length)
  for (const verb of allVerbs) await fire(ref, verb, 'note', 1)
  counts(t, system, { sent: 19, handled: end.handled, deadLetters: end.deadLetters + 4 })
})

/** Repeatable numbers, so that a failure can be seen again. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`the identity holds inside every handler and after every step of a random life, and the counts are the test's own (seed ${seed})`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    t.timeout(60_000)
    const below = random(seed)
    const own = { sent: 0, began: 0, handled: 0, failed: 0, restarts: 0 }
    let broken: string | null = null
    const probe = (where: string) => {
      try {
        assertIdentity(system.stats(), where)
      } catch (error) {
        broken ??= String(error)
      }
    }
    const refs: Ref<Soak>[] = []
    const some = () => refs[below(refs.length)]!
    const promises: Promise<string>[] = []
    const send = (ref: Ref<any>, verb: (typeof verbs)[number], method: string) => {
      own.sent++
      const priority = (['high', 'normal', 'low'] as const)[below(3)]!
      const through = below(4) === 0 ? ref.with({ priority, ttl: below(3), timeout: 1 + below(20) }) : ref
      promises.push(fire(through, verb, method, below(5)))
    }
    class Soak extends Actor {
      override onStart() {
        if (this.ctx.generation > 0) own.restarts++
        probe('in a start')
      }
      work() {
        own.began++
        probe('in a handler')
        own.handled++
      }
      async slow(rounds: number) {
        own.began++
        for (let i = 0; i <= rounds; i++) await Promise.resolve()
        probe('in an async handler')
        own.handled++
      }
      forward() {
        own.began++
        for (let i = 0; i < 3; i++) send(some(), verbs[below(3)]!, 'work')
        probe('in a handler that sent')
        own.handled++
      }
      breaks() {
        own.began++
        probe('in a failing handler')
        own.failed++
        throw new Error('on purpose')
      }
    }
    const spawn = () => {
      const overflow = (['reject', 'wait', 'drop-newest', 'drop-oldest'] as const)[below(4)]!
      const restart = (['permanent', 'transient', 'temporary'] as const)[below(3)]!
      const mailboxOnRestart = (['keep', 'clear'] as const)[below(2)]!
      return system.spawn(Soak, { mailbox: { capacity: 1 + below(20), overflow }, mailboxOnRestart, restart })
    }
    for (let i = 0; i < 10; i++) refs.push(spawn())
    for (let step = 0; step < 2_000; step++) {
      const action = below(100)
      if (action < 35) send(some(), verbs[below(3)]!, 'work')
      else if (action < 55) send(some(), verbs[below(3)]!, 'slow')
      else if (action < 70) send(some(), verbs[below(3)]!, 'forward')
      else if (action < 73) send(some(), verbs[below(3)]!, 'breaks')
      else if (action < 76) send(some(), verbs[below(3)]!, 'nope')
      else if (action < 88) refs[below(refs.length)] = spawn()
      else if (action < 90) void some().stop({ drain: below(2) === 0 })
      else if (action < 91) await some().stop()
      else if (action < 94) await clock.advance(1)
      else if (action < 97) await turns(1)
      probe(`after step ${step}`)
    }
    const quiet = system.idle()
    await clock.advance(100_000) // more than any restart waits for
    await within(quiet, 'the quiet')
    await within(Promise.all(promises), 'every send and ask')
    t.is(broken, null)
    const end = system.stats()
    t.is(end.sent, own.sent)
    t.is(end.handled, own.handled)
    t.is(end.failed, own.failed)
    t.is(end.restarts, own.restarts)
    t.is(own.began, own.handled + own.failed)
    t.is(end.deadLetters, own.sent - own.began)
    t.is(identityOf(end), end.sent)
    t.true(end.handled > 500 && end.failed > 10 && end.deadLetters > 50 && end.restarts > 10, JSON.stringify(end))
  })
}

test('the identity holds while messages are parked, expired, aborted, dropped and killed, all at once', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const controller = new AbortController()
  const held = await Promise.all((['reject', 'wait', 'drop-newest', 'drop-oldest'] as const).map((overflow) => busy(t, system, { mailbox: { capacity: 2, overflow } })))
  const outcomes: Promise<string>[] = []
  for (const { ref } of held) {
    for (const verb of verbs) {
      outcomes.push(fire(ref.with({ ttl: 1, timeout: 50 }), verb, 'note', 1), fire(ref.with({ signal: controller.signal }), verb, 'note', 2), fire(ref, verb, 'note', 3))
      assertIdentity(system.stats())
    }
  }
  controller.abort()
  assertIdentity(system.stats())
  await clock.advance(2)
  assertIdentity(system.stats())
  await held[0]!.ref.kill()
  assertIdentity(system.stats())
  for (const { release } of held) release()
  await system.idle()
  await within(Promise.all(outcomes), 'every outcome')
  counts(t, system, { sent: 4 + 36, failed: 1, waiting: 0, running: 0 })
})

// ------------------------------------------------------------------------------- 34: idle()

test('idle() resolves at once on a system where nothing happens', async (t) => {
  const system = withSystem(t)
  await within(system.idle(), 'idle')
  const ref = system.spawn(Bench)
  await system.idle()
  await within(system.idle(), 'idle')
  await ref.stop()
  await within(system.idle(), 'idle')
  counts(t, system, { actors: 0, sent: 0 })
})

test('idle() covers what was sent, and everything that this caused', async (t) => {
  const system = withSystem(t)
  let hops = 0
  class Chain extends Actor {
    hop(left: number) {
      hops++
      if (left > 0) this.ctx.spawn(Chain).tell.hop(left - 1)
    }
  }
  system.spawn(Chain).tell.hop(200)
  await system.idle()
  t.is(hops, 201)
})

test('idle() waits for an async handler, however many turns of the loop it takes', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system)
  ref.tell.note(1)
  const idle = system.idle()
  t.true(await pending(idle))
  release()
  await idle
  t.deepEqual(log, [1])
})

test('idle() waits for actors that start and that stop', async (t) => {
  const system = withSystem(t)
  const [start, stop] = [testGate(t), testGate(t)]
  class Slow extends Actor {
    override onStart() {
      return pass(start)
    }
    override onStop() {
      return pass(stop)
    }
  }
  const ref = system.spawn(Slow)
  const first = system.idle()
  t.true(await pending(first))
  start.open.resolve()
  await first
  void ref.stop()
  const second = system.idle()
  t.true(await pending(second))
  stop.open.resolve()
  await second
  counts(t, system, { actors: 0 })
})

test('idle() waits for watch callbacks in flight', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const target = system.spawn(Bench)
  const ref = system.spawn(Timed)
  let ended = false
  await inside(ref, (ctx) => void ctx.watch(target, async () => {
    await pass(at)
    ended = true
  }))
  void target.stop()
  const idle = system.idle()
  await at.entered.promise
  t.true(await pending(idle))
  at.open.resolve()
  await idle
  t.true(ended)
})

test('idle() waits for a timer callback in flight', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const at = testGate(t)
  const ref = system.spawn(Timed)
  await inside(ref, (ctx) => void ctx.after(5, () => pass(at)))
  void clock.advance(5)
  await at.entered.promise
  const idle = system.idle()
  t.true(await pending(idle))
  at.open.resolve()
  await idle
  t.pass()
})

test('idle() does not wait for pending timers', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  let ran = 0
  const ref = system.spawn(Timed)
  await inside(ref, (ctx) => {
    ctx.after(1_000, () => ran++)
    ctx.every(1_000, () => ran++)
  })
  await within(system.idle(), 'idle')
  t.is(ran, 0)
})

test('idle() does not wait for a stream whose reader asks for nothing', async (t) => {
  const system = withSystem(t)
  let stopped = 0
  const stream = system.spawn(Streamer).stream.forever(() => stopped++)
  await stream.next()
  await within(system.idle(), 'idle')
  t.is(stopped, 0)
  await stream.return!()
  await system.idle()
  t.is(stopped, 1)
})

test('idle() waits for parked sends', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
  for (let i = 0; i < 5; i++) void settle(ref.send.note(i))
  const idle = system.idle()
  t.true(await pending(idle))
  release()
  await idle
  t.deepEqual(log, [0, 1, 2, 3, 4])
})

test('idle() resolves after the feeds have told what happened', async (t) => {
  const system = withSystem(t)
  const dead = collect(system.deadLetters)
  const events = collect(system.events)
  const ref = system.spawn(Bench, temporary)
  loose(ref, 'tell').nope!()
  ref.tell.fail(new Error('boom'))
  await system.idle()
  t.is(dead.length, 1)
  t.deepEqual(events.map((event) => event.type).sort(), ['failed', 'started', 'stopped'])
})

test('idle() resolves after the feeds have told of a restart', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  system.spawn(Bench).tell.fail(new Error('boom'))
  await system.idle()
  t.deepEqual(events.map((event) => event.type), ['started', 'failed', 'stopped', 'started', 'restarted'])
})

test('what a dead letter listener sends is covered by the idle() that waited', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const morgue = system.spawn(Bench, { args: [log] })
  system.deadLetters.on((letter) => morgue.tell.note(letter.method))
  const gone = system.spawn(Bench)
  await gone.stop()
  gone.tell.note(1)
  await system.idle()
  t.deepEqual(log, ['note'])
})

test('several callers of idle() all get their turn', async (t) => {
  const system = withSystem(t)
  const { release } = await busy(t, system)
  const all = Promise.all([system.idle(), system.idle(), system.idle()])
  t.true(await pending(all))
  release()
  await within(all, 'idle')
  t.pass()
})

test('idle() inside the continuation of an ask covers what came after the ask', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log] })
  for (let round = 0; round < 50; round++) {
    await ref.ask.note('asked')
    ref.tell.note('told')
    await system.idle()
    t.is(log.length, (round + 1) * 2)
  }
})

test('idle() resolves on a system that is shut down, and when it shuts down meanwhile', async (t) => {
  const system = withSystem(t)
  const { release } = await busy(t, system)
  const idle = system.idle()
  const down = system.shutdown()
  release()
  await down
  await within(idle, 'idle')
  await within(system.idle(), 'idle')
  t.pass()
})

test('a quiet system logs nothing at warn or error for ordinary work', async (t) => {
  const { log, lines } = memoryLog()
  const system = withSystem(t, { log })
  const ref = system.spawn(Bench)
  for (let i = 0; i < 10; i++) await ref.ask.note(i)
  await ref.stop()
  await system.shutdown()
  t.deepEqual(lines.filter((line) => line.level === 'warn' || line.level === 'error'), [])
})
