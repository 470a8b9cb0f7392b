// Semantics, sentences 10 and 11: what a mailbox holds, and what each policy does when it is full.
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { createManualClock } from 'buskin'
import type { ActorOptions, CallOptions, MailboxOptions, Ref, System } from 'buskin'
import {
  Bench, busy, call, collect, counts, deadBy, fire, gate, pass, pending, rejectsWith, settle, temporary, testGate, turns, verbs, withSystem, within,
} from './support.ts'
import type { Gate, Verb } from './support.ts'

type Test = ExecutionContext<any>
type Policy = NonNullable<MailboxOptions['overflow']>
const policies: readonly Policy[] = ['reject', 'drop-newest', 'drop-oldest', 'wait']
const FULL = 'ERR_BUSKIN_MAILBOX_FULL'

// ------------------------------------------------------------------- the whole table, in one burst

class Receiver extends Bench {
  readonly starts: Gate | null
  constructor(log: unknown[], starts: Gate | null = null) {
    super(log)
    this.starts = starts
  }
  override onStart() {
    return this.starts === null ? undefined : pass(this.starts)
  }
}

const receivers = { sync: 'note', async: 'noteLater' } as const

/** Brings a receiver into one situation, fires the burst there and lets everything go on. Returns how many messages of its own that took. */
interface Situation {
  readonly name: string
  readonly run: (t: Test, system: System, make: (starts?: Gate) => Ref<Receiver>, burst: (ref: Ref<Receiver>) => void) => Promise<number>
}

const situations: readonly Situation[] = [
  {
    name: 'in the burst that spawns it',
    async run(_t, _system, make, burst) {
      burst(make())
      return 0
    },
  },
  {
    name: 'while its onStart is pending',
    async run(t, _system, make, burst) {
      const at = testGate(t)
      const ref = make(at)
      await within(at.entered.promise, 'onStart')
      burst(ref)
      await turns()
      at.open.resolve()
      return 0
    },
  },
  {
    name: 'while it is idle',
    async run(_t, _system, make, burst) {
      const ref = make()
      await ref.started
      burst(ref)
      return 0
    },
  },
  {
    name: 'while a handler is in hand',
    async run(t, _system, make, burst) {
      const at = testGate(t)
      const ref = make()
      ref.tell.block(at)
      await at.entered.promise
      burst(ref)
      await turns()
      at.open.resolve()
      return 1
    },
  },
  {
    name: "from another actor's handler",
    async run(_t, system, make, burst) {
      const ref = make()
      await ref.started
      await system.spawn(Bench).ask.run(() => burst(ref))
      return 1
    },
  },
  {
    name: 'from its own handler',
    async run(_t, _system, make, burst) {
      const ref = make()
      await ref.ask.run((self) => burst(self))
      return 1
    },
  },
]

interface Expected {
  readonly handled: readonly number[]
  readonly outcomes: readonly string[]
  readonly dead: readonly number[]
  readonly reason: 'mailbox-full' | 'dropped'
}

/** What a burst of 1 to 5 into a mailbox of two must come to. */
function expectation(policy: Policy, verb: Verb): Expected {
  const refused = verb === 'tell' ? 'ok' : FULL
  if (policy === 'drop-oldest') return { handled: [4, 5], dead: [1, 2, 3], reason: 'dropped', outcomes: [refused, refused, refused, 'ok', 'ok'] }
  if (policy === 'wait' && verb !== 'tell') return { handled: [1, 2, 3, 4, 5], dead: [], reason: 'mailbox-full', outcomes: ['ok', 'ok', 'ok', 'ok', 'ok'] }
  return { handled: [1, 2], dead: [3, 4, 5], reason: policy === 'drop-newest' ? 'dropped' : 'mailbox-full', outcomes: ['ok', 'ok', refused, refused, refused] }
}

const promise = {
  reject: { tell: "is a dead letter 'mailbox-full'", send: "is a dead letter 'mailbox-full' and rejects", ask: "is a dead letter 'mailbox-full' and rejects" },
  'drop-newest': { tell: "is a dead letter 'dropped'", send: "is a dead letter 'dropped' and rejects", ask: "is a dead letter 'dropped' and rejects" },
  'drop-oldest': { tell: "makes the oldest a dead letter 'dropped'", send: "makes the oldest a dead letter 'dropped' and rejects that", ask: "makes the oldest a dead letter 'dropped' and rejects that" },
  wait: { tell: "is a dead letter 'mailbox-full'", send: 'waits for room and loses nothing', ask: 'waits for room and loses nothing' },
} as const

for (const policy of policies) {
  for (const verb of verbs) {
    for (const situation of situations) {
      for (const [kind, method] of Object.entries(receivers)) {
        test(`${policy}: a ${verb} to a full mailbox ${promise[policy][verb]}, ${situation.name}, ${kind} receiver`, async (t) => {
          const system = withSystem(t)
          const dead = collect(system.deadLetters)
          const log: unknown[] = []
          const make = (starts: Gate | null = null) => system.spawn(Receiver, { name: 'receiver', args: [log, starts], mailbox: { capacity: 2, overflow: policy } })
          const outcomes: Promise<string>[] = []
          const extra = await situation.run(t, system, make, (ref) => {
            for (let i = 1; i <= 5; i++) outcomes.push(fire(ref, verb, method, i))
          })
          await system.idle()
          const expected = expectation(policy, verb)
          t.deepEqual(log, expected.handled)
          t.deepEqual(await Promise.all(outcomes), expected.outcomes)
          t.deepEqual(dead.map(({ reason, target, args }) => [reason, target, args?.[0]]), expected.dead.map((i) => [expected.reason, '/receiver', i]))
          counts(t, system, { sent: 5 + extra, handled: expected.handled.length + extra, deadLetters: expected.dead.length, failed: 0, waiting: 0, running: 0 })
        })
      }
    }
  }
}

for (const policy of policies) {
  test(`${policy}: a full mailbox still takes what fits once its messages were handled`, async (t) => {
    const system = withSystem(t)
    const log: unknown[] = []
    const ref = system.spawn(Bench, { args: [log], mailbox: { capacity: 2, overflow: policy } })
    for (let round = 0; round < 5; round++) {
      ref.tell.note(round * 2)
      ref.tell.note(round * 2 + 1)
      await system.idle()
    }
    t.deepEqual(log, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    counts(t, system, { sent: 10, handled: 10, deadLetters: 0 })
  })

  test(`${policy}: a burst larger than any buffer keeps exactly what fits`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 7_000, overflow: policy } })
    for (let i = 0; i < 50_000; i++) ref.tell.note(i)
    counts(t, system, { sent: 50_001, waiting: 7_000, running: 1, deadLetters: 43_000 })
    release()
    await system.idle()
    const first = policy === 'drop-oldest' ? 43_000 : 0
    t.is(log.length, 7_000)
    t.is(log.findIndex((value, i) => value !== first + i), -1)
    t.deepEqual(deadBy(system), { [policy === 'reject' || policy === 'wait' ? 'mailbox-full' : 'dropped']: 43_000 })
  })

  test(`${policy}: a capacity of Infinity never fills`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: Infinity, overflow: policy } })
    for (let i = 0; i < 20_000; i++) ref.tell.note(i)
    release()
    await system.idle()
    t.is(log.length, 20_000)
    counts(t, system, { deadLetters: 0 })
  })

  test(`${policy}: messages to a full mailbox do not disturb another actor's`, async (t) => {
    const system = withSystem(t)
    const { ref, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: policy } })
    const log: unknown[] = []
    const other = system.spawn(Bench, { args: [log], mailbox: { capacity: 10, overflow: policy } })
    for (let i = 0; i < 10; i++) {
      ref.tell.note(i)
      other.tell.note(i)
    }
    release()
    await system.idle()
    t.deepEqual(log, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    counts(t, system, { deadLetters: 9 })
  })
}

// ------------------------------------------------------------------------- 10: what is counted

for (const capacity of [1, 2, 3, 10]) {
  test(`a capacity of ${capacity} leaves room for ${capacity} waiting, the one in hand not counted`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity } })
    for (let i = 0; i < capacity + 2; i++) ref.tell.note(i)
    counts(t, system, { waiting: capacity, running: 1, deadLetters: 2 })
    release()
    await system.idle()
    t.deepEqual(log, Array.from({ length: capacity }, (_, i) => i))
  })
}

test('the policy is reject and the capacity 1,048,576 where nothing is said', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system)
  for (let i = 0; i < 1_048_576 + 3; i++) ref.tell.note(1)
  counts(t, system, { waiting: 1_048_576, running: 1, deadLetters: 3 })
  t.deepEqual(deadBy(system), { 'mailbox-full': 3 })
  release()
  await system.idle()
  t.is(log.length, 1_048_576)
})

test('the mailbox option of the system holds for all its actors', async (t) => {
  const system = withSystem(t, { mailbox: { capacity: 3, overflow: 'drop-newest' } })
  const { ref, log, release } = await busy(t, system)
  for (let i = 0; i < 5; i++) ref.tell.note(i)
  release()
  await system.idle()
  t.deepEqual(log, [0, 1, 2])
  t.deepEqual(deadBy(system), { dropped: 2 })
})

test("a class's own mailbox options win over the system's, and a spawn's over the class's", async (t) => {
  class Two extends Bench {
    static options: ActorOptions = { mailbox: { capacity: 2, overflow: 'drop-oldest' } }
  }
  const system = withSystem(t, { mailbox: { capacity: 1, overflow: 'reject' } })
  const logs: unknown[][] = [[], [], []]
  const refs = [
    system.spawn(Bench, { args: [logs[0]!] }),
    system.spawn(Two, { args: [logs[1]!] }),
    system.spawn(Two, { args: [logs[2]!], mailbox: { capacity: 3, overflow: 'drop-newest' } }),
  ]
  for (const ref of refs) for (let i = 1; i <= 5; i++) ref.tell.note(i)
  await system.idle()
  t.deepEqual(logs, [[1], [4, 5], [1, 2, 3]])
  t.deepEqual(deadBy(system), { 'mailbox-full': 4, dropped: 5 })
})

test('signals are not counted: a full mailbox neither delays nor refuses a stop, a kill or a watch', async (t) => {
  const system = withSystem(t)
  for (const end of ['stop', 'kill'] as const) {
    const at = gate()
    const ref = system.spawn(Bench, { mailbox: { capacity: 1 } })
    ref.tell.block(at)
    await at.entered.promise
    ref.tell.note(1)
    ref.tell.note(2)
    const told: string[] = []
    await system.spawn(Watches, { args: [told] }).ask.watch(ref)
    const ended = ref[end]()
    at.open.resolve()
    t.is((await ended).kind, end === 'stop' ? 'normal' : 'killed')
    await system.idle()
    t.deepEqual(told, [end === 'stop' ? 'normal' : 'killed'])
  }
  t.deepEqual(deadBy(system), { 'mailbox-full': 2, stopped: 2 })
})

class Watches extends Bench {
  watch(target: Ref<any>) {
    this.ctx.watch(target, (reason) => {
      this.log.push(reason.kind)
    })
  }
  timer(ms: number) {
    this.ctx.after(ms, () => {
      this.log.push('tick')
    })
  }
}

test('watch callbacks and timers of an actor run although its mailbox is full, and take no room in it', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const log: unknown[] = []
  const at = testGate(t)
  const target = system.spawn(Bench)
  const ref = system.spawn(Watches, { args: [log], mailbox: { capacity: 1 } })
  await ref.ask.watch(target)
  await ref.ask.timer(10)
  ref.tell.block(at)
  await at.entered.promise
  await target.stop()
  await clock.advance(10)
  ref.tell.note('message')
  counts(t, system, { waiting: 1, running: 1, deadLetters: 0 })
  at.open.resolve()
  await system.idle()
  t.deepEqual([...log].sort(), ['message', 'normal', 'tick'])
  counts(t, system, { sent: 4, handled: 4, deadLetters: 0 })
})

// ----------------------------------------------------------------- drop-oldest, with priorities

const priorities = ['low', 'normal', 'high'] as const
type Priority = (typeof priorities)[number]
const rank = (priority: Priority) => priorities.indexOf(priority)

for (const first of priorities) {
  for (const second of priorities) {
    for (const newcomer of priorities) {
      const waiting = [first, second]
      const lowest = Math.min(rank(first), rank(second))
      const victim = rank(newcomer) < lowest ? 2 : waiting.findIndex((priority) => rank(priority) === lowest)
      const left = [first, second, newcomer].map((priority, i) => ({ priority, i })).filter(({ i }) => i !== victim)
      const served = left.sort((a, b) => rank(b.priority) - rank(a.priority) || a.i - b.i).map(({ i }) => i)
      for (const verb of ['tell', 'ask'] as const) {
        test(`drop-oldest: a ${newcomer} ${verb} that finds ${first} and ${second} waiting drops ${victim === 2 ? 'itself' : `the ${victim === 0 ? 'first' : 'second'}`}`, async (t) => {
          const system = withSystem(t)
          const dead = collect(system.deadLetters)
          const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 2, overflow: 'drop-oldest' } })
          const outcomes = [...waiting, newcomer].map((priority, i) => fire(ref.with({ priority }), verb, 'note', i))
          release()
          await system.idle()
          t.deepEqual(log, served)
          t.deepEqual(dead.map(({ reason, args }) => [reason, args?.[0]]), [['dropped', victim]])
          t.deepEqual(await Promise.all(outcomes), [0, 1, 2].map((i) => (verb === 'ask' && i === victim ? FULL : 'ok')))
        })
      }
    }
  }
}

test('drop-oldest: a send that was accepted earlier stays resolved when its message is dropped', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'drop-oldest' } })
  t.is(await fire(ref, 'send', 'note', 'old'), 'ok')
  ref.tell.note('new')
  release()
  await system.idle()
  t.deepEqual(log, ['new'])
  t.deepEqual(deadBy(system), { dropped: 1 })
})

test('drop-newest, reject and wait look at no priority: a high newcomer to a mailbox full of low ones is refused', async (t) => {
  const system = withSystem(t)
  for (const overflow of ['drop-newest', 'reject', 'wait'] as const) {
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow } })
    ref.with({ priority: 'low' }).tell.note('low')
    ref.with({ priority: 'high' }).tell.note('high')
    release()
    await system.idle()
    t.deepEqual(log, ['low'], overflow)
  }
  t.deepEqual(deadBy(system), { dropped: 1, 'mailbox-full': 2 })
})

// ------------------------------------------------------------------------------ wait: parking

interface Parked {
  readonly ref: Ref<Bench>
  readonly log: unknown[]
  release(): void
  readonly outcomes: readonly Promise<string>[]
}

/** A busy actor with room for one: `1` waits and the others are parked. */
async function parked(t: Test, system: System, verb: 'send' | 'ask', count: number, options: CallOptions = {}): Promise<Parked> {
  const held = await busy(t, system, { name: 'full', mailbox: { capacity: 1, overflow: 'wait' } })
  held.ref.tell.note(1)
  const ref = held.ref.with(options)
  const outcomes = Array.from({ length: count }, (_, i) => fire(ref, verb, 'note', i + 2))
  return { ...held, outcomes }
}

for (const verb of ['send', 'ask'] as const) {
  test(`wait: a parked ${verb} stays pending until there is room, and counts as waiting`, async (t) => {
    const system = withSystem(t)
    const { outcomes, release, log } = await parked(t, system, verb, 4)
    t.deepEqual(await Promise.all(outcomes.map(pending)), [true, true, true, true])
    counts(t, system, { sent: 6, waiting: 5, running: 1, deadLetters: 0 })
    release()
    t.deepEqual(await Promise.all(outcomes), ['ok', 'ok', 'ok', 'ok'])
    await system.idle()
    t.deepEqual(log, [1, 2, 3, 4, 5])
    counts(t, system, { sent: 6, handled: 6, waiting: 0 })
  })

  test(`wait: parked ${verb}s enter in the order of the calls, whatever their priority`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
    const order = ['low', 'high', 'normal', 'high', 'low', 'high'] as const
    const outcomes = order.map((priority, i) => fire(ref.with({ priority }), verb, 'note', i))
    release()
    t.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']))
    await system.idle()
    t.deepEqual(log, [0, 1, 2, 3, 4, 5])
  })

  test(`wait: nobody overtakes a parked ${verb}, not even what is sent while the actor works through them`, async (t) => {
    const system = withSystem(t)
    const log: unknown[] = []
    const at = testGate(t)
    const late: Promise<string>[] = []
    class Full extends Bench {
      override note(value: unknown) {
        if (value === 1) {
          late.push(fire(this.ctx.self, 'send', 'note', 'late send'), fire(this.ctx.self.with({ priority: 'high' }), 'ask', 'note', 'late ask'))
        }
        return super.note(value)
      }
    }
    const ref = system.spawn(Full, { args: [log], mailbox: { capacity: 1, overflow: 'wait' } })
    ref.tell.block(at)
    await at.entered.promise
    ref.tell.note(1)
    const outcomes = [2, 3, 4, 5].map((i) => fire(ref, verb, 'note', i))
    await turns()
    at.open.resolve()
    t.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']))
    t.deepEqual(await Promise.all(late), ['ok', 'ok'])
    await system.idle()
    t.deepEqual(log, [1, 2, 3, 4, 5, 'late send', 'late ask'])
  })

  test(`wait: a ${verb} aborted while it is parked is a dead letter 'aborted', and the next one moves up`, async (t) => {
    const system = withSystem(t)
    const controller = new AbortController()
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
    ref.tell.note(1)
    const aborted = call(ref.with({ signal: controller.signal }), verb, 'note', 2)
    const next = fire(ref, verb, 'note', 3)
    await turns()
    controller.abort()
    await rejectsWith(t, aborted, 'ERR_BUSKIN_ABORTED')
    release()
    t.is(await next, 'ok')
    await system.idle()
    t.deepEqual(log, [1, 3])
    t.deepEqual(deadBy(system), { aborted: 1 })
  })

  test(`wait: a parked ${verb} whose ttl passes rejects ERR_BUSKIN_EXPIRED and is a dead letter 'expired'`, async (t) => {
    const clock = createManualClock()
    const system = withSystem(t, { clock })
    const { log, release, outcomes } = await parked(t, system, verb, 2, { ttl: 10, ...(verb === 'ask' ? { timeout: Infinity } : {}) })
    await clock.advance(11)
    release()
    t.deepEqual(await Promise.all(outcomes), ['ERR_BUSKIN_EXPIRED', 'ERR_BUSKIN_EXPIRED'])
    await system.idle()
    t.deepEqual(log, [1])
    t.deepEqual(deadBy(system), { expired: 2 })
  })

  for (const [how, code, end] of [
    ['stop', 'ERR_BUSKIN_STOPPED', (ref: Ref<any>) => ref.stop()],
    ['kill', 'ERR_BUSKIN_STOPPED', (ref: Ref<any>) => ref.kill()],
  ] as const) {
    test(`wait: a parked ${verb} rejects ${code} when its target ends by ${how}`, async (t) => {
      const system = withSystem(t)
      const { ref, log, release, outcomes } = await parked(t, system, verb, 3)
      const ended = end(ref)
      release()
      await ended
      t.deepEqual(await Promise.all(outcomes), [code, code, code])
      await system.idle()
      t.deepEqual(log, [])
      t.deepEqual(deadBy(system), { stopped: 4 })
      counts(t, system, how === 'stop' ? { sent: 5, handled: 1, failed: 0 } : { sent: 5, handled: 0, failed: 1 })
    })
  }

  test(`wait: a parked ${verb} rejects ERR_BUSKIN_STOPPED when its target fails`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { ...temporary, mailbox: { capacity: 1, overflow: 'wait' } })
    ref.tell.fail(new Error('boom'))
    const outcomes = [2, 3].map((i) => fire(ref, verb, 'note', i))
    await turns()
    release()
    t.deepEqual(await Promise.all(outcomes), ['ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_STOPPED'])
    await system.idle()
    t.deepEqual(log, [])
    counts(t, system, { sent: 4, handled: 1, failed: 1, deadLetters: 2 })
  })

  test(`wait: a parked ${verb} is handled by the next instance when its target fails and is restarted`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
    ref.tell.fail(new Error('boom'))
    const outcomes = [2, 3].map((i) => fire(ref, verb, 'note', i))
    await turns()
    release()
    t.deepEqual(await Promise.all(outcomes), ['ok', 'ok'])
    await system.idle()
    t.deepEqual(log, [2, 3])
    counts(t, system, { sent: 4, handled: 3, failed: 1, deadLetters: 0, restarts: 1 })
  })

  test(`wait: a parked ${verb} rejects ERR_BUSKIN_STOPPED when the system shuts down`, async (t) => {
    const system = withSystem(t)
    const { release, outcomes } = await parked(t, system, verb, 3)
    const down = system.shutdown()
    await turns()
    release()
    await down
    t.deepEqual(await Promise.all(outcomes), ['ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_STOPPED'])
    t.deepEqual(deadBy(system), { stopped: 4 })
  })

  test(`wait: a drain handles the parked ${verb}s, which count as waiting, too`, async (t) => {
    const system = withSystem(t)
    const { ref, log, release, outcomes } = await parked(t, system, verb, 3)
    await turns()
    const ended = ref.stop({ drain: true })
    const refused = fire(ref, verb, 'note', 'after')
    release()
    t.deepEqual(await ended, { kind: 'normal' })
    t.deepEqual(await Promise.all(outcomes), ['ok', 'ok', 'ok'])
    t.is(await refused, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(log, [1, 2, 3, 4])
    t.deepEqual(deadBy(system), { stopped: 1 })
  })
}

test("wait: a tell never overtakes parked sends: it is a dead letter 'mailbox-full'", async (t) => {
  const system = withSystem(t)
  const { ref, log, release, outcomes } = await parked(t, system, 'send', 3)
  ref.tell.note('tell')
  ref.with({ priority: 'high' }).tell.note('high tell')
  release()
  t.deepEqual(await Promise.all(outcomes), ['ok', 'ok', 'ok'])
  await system.idle()
  t.deepEqual(log, [1, 2, 3, 4])
  t.deepEqual(deadBy(system), { 'mailbox-full': 2 })
})

test('wait: sends and asks park in one line', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
  const outcomes = Array.from({ length: 12 }, (_, i) => fire(ref, i % 2 ? 'send' : 'ask', 'note', i))
  release()
  t.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']))
  await system.idle()
  t.deepEqual(log, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test('wait: an accepted send resolves while the handler in hand goes on', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
  t.is(await fire(ref, 'send', 'note', 1), 'ok')
  t.deepEqual(log, [])
  counts(t, system, { waiting: 1, running: 1 })
  release()
  await system.idle()
  t.deepEqual(log, [1])
})

test('wait: each message that leaves lets in exactly one', async (t) => {
  const system = withSystem(t)
  const gates: Gate[] = Array.from({ length: 5 }, () => testGate(t))
  const ref = system.spawn(Bench, { mailbox: { capacity: 1, overflow: 'wait' } })
  const sends = gates.map((at) => call(ref, 'send', 'block', at))
  const accepted = async () => (await Promise.all(sends.map(async (send) => !(await pending(send))))).filter(Boolean).length
  for (let i = 0; i < gates.length; i++) {
    await gates[i]!.entered.promise
    t.is(await accepted(), Math.min(i + 2, 5))
    counts(t, system, { running: 1, waiting: 4 - i, handled: i })
    gates[i]!.open.resolve()
  }
  await system.idle()
  counts(t, system, { sent: 5, handled: 5 })
})

test("wait: the time-out of a parked ask runs, and the ask is still handled when its turn comes", async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { log, release, outcomes } = await parked(t, system, 'ask', 2, { timeout: 50 })
  await clock.advance(49)
  t.deepEqual(await Promise.all(outcomes.map(pending)), [true, true])
  await clock.advance(1)
  t.deepEqual(await Promise.all(outcomes), ['ERR_BUSKIN_TIMEOUT', 'ERR_BUSKIN_TIMEOUT'])
  counts(t, system, { waiting: 3, running: 1, deadLetters: 0 })
  release()
  await system.idle()
  t.deepEqual(log, [1, 2, 3])
  counts(t, system, { sent: 4, handled: 4 })
})

test('wait: a handler that sends to a full actor and awaits it is not lost in between', async (t) => {
  const system = withSystem(t)
  const { ref, log, release } = await busy(t, system, { mailbox: { capacity: 1, overflow: 'wait' } })
  const producer = system.spawn(Bench)
  const produced = producer.ask.run(async () => {
    for (let i = 0; i < 100; i++) await ref.send.note(i)
    return 'done'
  })
  t.true(await pending(produced))
  release()
  t.is(await produced, 'done')
  await system.idle()
  t.deepEqual(log, Array.from({ length: 100 }, (_, i) => i))
  counts(t, system, { sent: 102, handled: 102, deadLetters: 0 })
})

test('wait: many producers that await every send lose nothing and keep their order', async (t) => {
  const system = withSystem(t)
  const log: unknown[] = []
  const ref = system.spawn(Bench, { args: [log], mailbox: { capacity: 2, overflow: 'wait' } })
  const producers = Array.from({ length: 10 }, (_, p) => settle((async () => { for (let i = 0; i < 100; i++) await ref.send.noteLater([p, i]) })()))
  t.deepEqual(new Set(await Promise.all(producers)), new Set(['ok']))
  await system.idle()
  t.is(log.length, 1_000)
  for (let p = 0; p < 10; p++) t.deepEqual((log as [number, number][]).filter(([from]) => from === p).map(([, i]) => i), Array.from({ length: 100 }, (_, i) => i))
  counts(t, system, { sent: 1_000, handled: 1_000, deadLetters: 0 })
})
