import { performance } from 'node:perf_hooks'
import test from 'ava'
import { Actor, createManualClock } from 'buskin'
import type { ActorOptions, ManualClock, Ref, System, Timer } from 'buskin'
import { Puppet, deferred, inside, manualSystemFor, nextEvent, occupy, ofType, outcome, recordDeadLetters, recordEvents, rejectsWith, systemFor, temporary, throwsWith, turns } from './support-b.ts'

/** An actor, the clock and what its timers wrote, with the instant. */
function stage(t: Parameters<typeof manualSystemFor>[0], options: ActorOptions = {}): { system: System, clock: ManualClock, actor: Ref<Puppet>, log: string[], note: (word: string) => void } {
  const { system, clock } = manualSystemFor(t)
  const log: string[] = []
  return { system, clock, actor: system.spawn(Puppet, { ...options, name: 'actor' }), log, note: word => { log.push(`${word} ${clock.now()}`) } }
}

// --------------------------------------------------------------------------------- the clock

test('a manual clock starts where it is told and moves only when advanced', async t => {
  t.is(createManualClock(1000).now(), 1000)
  const clock = createManualClock(7)
  const system = systemFor(t, { clock })
  await system.idle()
  await turns()
  t.is(clock.now(), 7)
  await clock.advance(5)
  t.is(clock.now(), 12)
  await clock.advance(0)
  t.is(clock.now(), 12)
})

test('a manual clock without a start begins at 0', t => {
  t.is(createManualClock().now(), 0)
})

for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
  test(`a manual clock refuses to advance by ${typeof bad} ${bad}`, async t => {
    const { clock } = manualSystemFor(t)
    await rejectsWith(t, (async () => clock.advance(bad))(), 'ERR_BUSKIN_OPTION')
    t.is(clock.now(), 0)
  })
}

// ------------------------------------------------------------------------------------- after

test('after runs once, when its time has come and not before', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.after(10, () => { note('fired') }) })
  await clock.advance(9)
  t.deepEqual(log, [])
  await clock.advance(1)
  t.deepEqual(log, ['fired 10'])
  await clock.advance(1000)
  t.deepEqual(log, ['fired 10'])
})

test('after counts from the call', async t => {
  const { clock, actor, log, note } = stage(t)
  await clock.advance(5)
  await inside(actor, me => { me.c.after(10, () => { note('fired') }) })
  await clock.advance(100)
  t.deepEqual(log, ['fired 15'])
})

test('after(0) runs after the handler that called it', async t => {
  const { clock, actor, log } = stage(t)
  await inside(actor, async me => {
    me.c.after(0, () => { log.push('fired') })
    await turns()
    log.push('handled')
  })
  await clock.advance(0)
  t.deepEqual(log, ['handled', 'fired'])
})

test('a timer set in a timer that is due within the same advance runs at its own instant', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.after(10, () => { note('outer'); me.c.after(15, () => { note('inner') }) }) })
  await clock.advance(100)
  t.deepEqual(log, ['outer 10', 'inner 25'])
})

test('timers may be set in the constructor and in onStart', async t => {
  const { system, clock } = manualSystemFor(t)
  const log: string[] = []
  class Early extends Actor {
    constructor() { super(); this.ctx.after(1, () => { log.push('constructor') }) }
    override onStart() { this.ctx.after(2, () => { log.push('onStart') }) }
  }
  await system.spawn(Early).started
  await clock.advance(2)
  t.deepEqual(log, ['constructor', 'onStart'])
})

for (const [name, ms] of Object.entries({ negative: -1, 'not a number': Number.NaN, text: '10' as unknown as number, missing: undefined as unknown as number })) {
  for (const verb of ['after', 'every'] as const) {
    test(`${verb} refuses a time that is ${name}`, async t => {
      const { actor } = stage(t)
      await inside(actor, me => { throwsWith(t, () => me.c[verb](ms, () => {}), 'ERR_BUSKIN_OPTION') })
      t.is(await inside(actor, () => 'alive'), 'alive')
    })
  }
}

test('every refuses 0, which would never let time pass', async t => {
  const { actor } = stage(t)
  await inside(actor, me => { throwsWith(t, () => me.c.every(0, () => {}), 'ERR_BUSKIN_OPTION') })
})

test('every refuses an unknown from and an unknown option', async t => {
  const { actor } = stage(t)
  await inside(actor, me => {
    throwsWith(t, () => me.c.every(10, () => {}, { from: 'middle' as 'start' }), 'ERR_BUSKIN_OPTION')
    throwsWith(t, () => me.c.every(10, () => {}, { form: 'start' } as {}), 'ERR_BUSKIN_OPTION')
  })
})

test('after and every refuse a callback that is no function', async t => {
  const { actor } = stage(t)
  await inside(actor, me => {
    throwsWith(t, () => me.c.after(10, 'run' as unknown as () => void), 'ERR_BUSKIN_OPTION')
    throwsWith(t, () => me.c.every(10, undefined as unknown as () => void), 'ERR_BUSKIN_OPTION')
  })
})

// ------------------------------------------------------------------------------------- every

test('advance(100) over every(10) gives ten ticks, each at its instant', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.every(10, () => { note('tick') }) })
  await clock.advance(100)
  t.deepEqual(log, Array.from({ length: 10 }, (_, i) => `tick ${(i + 1) * 10}`))
})

for (const from of ['start', 'end'] as const) {
  test(`ten ticks from ${from} when the callback takes no time`, async t => {
    const { clock, actor, log, note } = stage(t)
    await inside(actor, me => { me.c.every(10, () => { note('tick') }, { from }) })
    for (let i = 0; i < 20; i++) await clock.advance(5)
    t.deepEqual(log, Array.from({ length: 10 }, (_, i) => `tick ${(i + 1) * 10}`))
  })

  test(`ten ticks from ${from} when the callback is async and takes no time`, async t => {
    const { clock, actor, log, note } = stage(t)
    await inside(actor, me => { me.c.every(10, async () => { await null; await null; note('tick') }, { from }) })
    await clock.advance(100)
    t.deepEqual(log, Array.from({ length: 10 }, (_, i) => `tick ${(i + 1) * 10}`))
  })
}

test('ticks missed while the actor is busy are made up for by one, and the rhythm stays', async t => {
  const { system, clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.every(10, () => { note('tick') }) })
  const busy = await occupy(actor)
  await clock.advance(35)
  t.deepEqual(log, [])
  busy.release()
  await system.idle()
  t.deepEqual(log, ['tick 35'])
  await clock.advance(5)
  t.deepEqual(log, ['tick 35', 'tick 40'])
  await clock.advance(10)
  t.deepEqual(log, ['tick 35', 'tick 40', 'tick 50'])
})

test('from end counts from the end of a late tick', async t => {
  const { system, clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.every(10, () => { note('tick') }, { from: 'end' }) })
  const busy = await occupy(actor)
  await clock.advance(35)
  busy.release()
  await system.idle()
  t.deepEqual(log, ['tick 35'])
  await clock.advance(9)
  t.deepEqual(log, ['tick 35'])
  await clock.advance(1)
  t.deepEqual(log, ['tick 35', 'tick 45'])
})

for (const [from, expected] of [
  ['start', ['tick 10', 'tick 25', 'tick 30', 'tick 40']],
  [undefined, ['tick 10', 'tick 25', 'tick 30', 'tick 40']],
  ['end', ['tick 10', 'tick 35']]
] as const) {
  test(`a callback that takes 15 of 10 ticks as 'from: ${from}' says`, async t => {
    const { system, clock, actor, log, note } = stage(t)
    const gate = deferred()
    let first = true
    await inside(actor, me => {
      me.c.every(10, () => {
        note('tick')
        if (!first) return
        first = false
        return gate.promise
      }, from === undefined ? undefined : { from })
    })
    await clock.advance(10)
    await clock.advance(15)
    t.deepEqual(log, ['tick 10'])
    gate.resolve()
    await system.idle()
    await clock.advance(15)
    t.deepEqual(log, expected)
  })
}

// ---------------------------------------------------------------------------- cancel and active

test('cancel before the time keeps a timer from running, and says whether it did', async t => {
  const { clock, actor, log, note } = stage(t)
  const timer = await inside(actor, me => ({ it: me.c.after(10, () => { note('fired') }) }))
  t.true(timer.it.active)
  t.true(timer.it.cancel())
  t.false(timer.it.active)
  t.false(timer.it.cancel())
  await clock.advance(100)
  t.deepEqual(log, [])
})

test('a timer that has run is not active and cannot be cancelled', async t => {
  const { clock, actor } = stage(t)
  const timer = await inside(actor, me => ({ it: me.c.after(10, () => {}) }))
  await clock.advance(10)
  t.false(timer.it.active)
  t.false(timer.it.cancel())
})

test('a timer may be cancelled in a handler and by plain code', async t => {
  const { clock, actor, log, note } = stage(t)
  const timers = await inside(actor, me => [1, 2].map(n => me.c.after(10, () => { note(`timer ${n}`) })))
  await inside(actor, () => { t.true(timers[0]!.cancel()) })
  t.true(timers[1]!.cancel())
  await clock.advance(100)
  t.deepEqual(log, [])
})

test('disposing of a timer cancels it', async t => {
  const { clock, actor, log, note } = stage(t)
  const timer = await inside(actor, me => ({ it: me.c.every(10, () => { note('tick') }) }))
  await clock.advance(10)
  timer.it[Symbol.dispose]()
  t.false(timer.it.active)
  await clock.advance(100)
  t.deepEqual(log, ['tick 10'])
})

test('every stays active until it is cancelled, also by its own callback', async t => {
  const { clock, actor, log, note } = stage(t)
  const holder: { timer?: Timer } = {}
  await inside(actor, me => {
    holder.timer = me.c.every(10, () => {
      note('tick')
      if (log.length === 3) t.true(holder.timer!.cancel())
    })
  })
  await clock.advance(20)
  t.true(holder.timer!.active)
  await clock.advance(100)
  t.deepEqual(log, ['tick 10', 'tick 20', 'tick 30'])
  t.false(holder.timer!.active)
  t.false(holder.timer!.cancel())
})

test('a timer cancelled by another one due at the same instant does not run', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => {
    const later: { timer?: Timer } = {}
    me.c.after(10, () => { note('first'); later.timer!.cancel() })
    later.timer = me.c.after(10, () => { note('second') })
  })
  await clock.advance(100)
  t.deepEqual(log, ['first 10'])
})

test('a timer that is due but waits for its busy actor can still be cancelled', async t => {
  const { system, clock, actor, log, note } = stage(t)
  const timer = await inside(actor, me => ({ it: me.c.after(10, () => { note('fired') }) }))
  const busy = await occupy(actor)
  await clock.advance(20)
  t.true(timer.it.active)
  t.true(timer.it.cancel())
  busy.release()
  await system.idle()
  await clock.advance(20)
  t.deepEqual(log, [])
})

test('a cancel does not touch a timer made later', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => {
    for (let i = 0; i < 1000; i++) {
      const old = me.c.after(10, () => { note('old') })
      t.true(old.cancel())
      const kept = me.c.after(10, () => { note('kept') })
      t.false(old.cancel())
      t.true(kept.active)
    }
  })
  await clock.advance(10)
  t.deepEqual(log, Array.from({ length: 1000 }, () => 'kept 10'))
})

test('ref and unref return the timer', async t => {
  const { actor } = stage(t)
  await inside(actor, me => {
    const timer = me.c.after(10, () => {})
    t.is(timer.unref(), timer)
    t.is(timer.unref(), timer)
    t.is(timer.ref(), timer)
    t.true(timer.active)
  })
})

test('an unrefed timer runs all the same', async t => {
  const { clock, actor, log, note } = stage(t)
  await inside(actor, me => { me.c.after(10, () => { note('fired') }).unref() })
  await clock.advance(10)
  t.deepEqual(log, ['fired 10'])
})

// -------------------------------------------------------------------------------- in the actor

for (const [name, end] of Object.entries<(actor: Ref<Puppet>) => Promise<unknown>>({
  stop: actor => actor.stop(),
  kill: actor => actor.kill(),
  failure: actor => { actor.tell.run(() => { throw new Error('x') }); return actor.stopped }
})) {
  test(`timers end with their actor: ${name}`, async t => {
    const { clock, actor, log, note } = stage(t, temporary)
    const timers = await inside(actor, me => [me.c.after(10, () => { note('fired') }), me.c.every(10, () => { note('tick') })])
    await end(actor)
    t.deepEqual(timers.map(timer => timer.active), [false, false])
    t.deepEqual(timers.map(timer => timer.cancel()), [false, false])
    await clock.advance(100)
    t.deepEqual(log, [])
  })
}

test('timers end with their instance: after a restart those of the new one run, and no others', async t => {
  const { system, clock, log, note } = stage(t)
  class Ticks extends Puppet {
    override onStart() { this.ctx.every(10, () => { note(`of ${this.ctx.generation}`) }) }
  }
  const ticks = system.spawn(Ticks)
  const timer = await inside(ticks, me => me.c.after(25, () => { note('never') }))
  await clock.advance(15)
  await outcome(ticks.ask.run(() => { throw new Error('x') }))
  await system.idle()
  t.false(timer.active)
  await clock.advance(25)
  t.deepEqual(log, ['of 0 10', 'of 1 25', 'of 1 35'])
})

test('a timer of an ended actor does not reach the next one in its place', async t => {
  const { system, clock, log, note } = stage(t)
  for (let i = 0; i < 100; i++) {
    const old = system.spawn(Puppet, { name: 'same' })
    await inside(old, me => { me.c.after(10, () => { note('old') }) })
    await old.stop()
  }
  const fresh = system.spawn(Puppet, { name: 'same' })
  await inside(fresh, me => { me.c.after(10, () => { note('new') }) })
  await clock.advance(10)
  t.deepEqual(log, ['new 10'])
})

test('a timer waits for the handler in hand', async t => {
  const { system, clock, actor, log } = stage(t)
  const gate = deferred()
  const entered = deferred()
  actor.tell.run(async me => {
    me.c.after(10, () => { log.push('fired') })
    entered.resolve()
    await gate.promise
    log.push('handled')
  })
  await entered.promise
  await clock.advance(20)
  t.deepEqual(log, [])
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['handled', 'fired'])
})

test('an async timer callback holds its actor until it has settled', async t => {
  const { system, clock, actor, log } = stage(t)
  const gate = deferred()
  const entered = deferred()
  await inside(actor, me => { me.c.after(10, async () => { log.push('fired'); entered.resolve(); await gate.promise; log.push('done') }) })
  const advanced = clock.advance(10)
  await entered.promise
  actor.tell.run(() => { log.push('message') })
  await turns()
  t.deepEqual(log, ['fired'])
  gate.resolve()
  await advanced
  await system.idle()
  t.deepEqual(log, ['fired', 'done', 'message'])
})

test('two timers due at once run one after the other, across an await', async t => {
  const { system, clock, actor, log } = stage(t)
  await inside(actor, me => {
    for (const n of [1, 2, 3]) me.c.after(10, async () => { log.push(`start ${n}`); await null; await null; log.push(`end ${n}`) })
  })
  await clock.advance(10)
  await system.idle()
  t.deepEqual(log, ['start 1', 'end 1', 'start 2', 'end 2', 'start 3', 'end 3'])
})

test('a timer callback may send, spawn and stop', async t => {
  const { system, clock, actor, log } = stage(t)
  await inside(actor, me => {
    me.c.after(10, () => {
      me.c.spawn(Puppet, { name: 'child' }).tell.run(child => { log.push(child.c.path) })
      me.c.after(10, () => { me.c.stop() })
    })
  })
  await clock.advance(10)
  await system.idle()
  t.deepEqual(log, ['/actor/child'])
  await clock.advance(10)
  t.deepEqual(await actor.stopped, { kind: 'normal' })
})

test('timers are no messages', async t => {
  const { system, clock, actor } = stage(t)
  await inside(actor, me => { me.c.every(10, () => {}) })
  await clock.advance(1000)
  t.like(system.stats(), { sent: 1, handled: 1, waiting: 0, running: 0, failed: 0, deadLetters: 0 })
  t.like(system.inspect().children[0], { handled: 1 })
})

test('pending timers do not hold idle', async t => {
  const { system, actor } = stage(t)
  await inside(actor, me => { me.c.after(10, () => {}); me.c.every(10, () => {}) })
  await system.idle()
  t.pass()
})

test('idle waits for a timer callback that runs', async t => {
  const { system, clock, actor, log } = stage(t)
  const gate = deferred()
  const entered = deferred()
  await inside(actor, me => { me.c.after(10, () => { entered.resolve(); return gate.promise }) })
  const advanced = clock.advance(10)
  await entered.promise
  const quiet = system.idle().then(() => { log.push('idle') })
  await turns()
  t.deepEqual(log, [])
  gate.resolve()
  await advanced
  await quiet
  t.deepEqual(log, ['idle'])
})

test('what ticks cause has happened when advance resolves', async t => {
  const { system, clock, actor } = stage(t)
  const counter = system.spawn(class Counter extends Actor { n = 0; add() { this.n++; return this.n } })
  await inside(actor, me => { me.c.every(10, async () => { counter.tell.add(); await counter.ask.add() }) })
  await clock.advance(100)
  t.is(system.stats().handled, 1 + 20)
  t.is(await counter.ask.add(), 21)
})

for (const [name, act] of Object.entries<() => unknown>({
  throws: () => { throw new Error('tick') },
  rejects: async () => { await null; throw new Error('tick') }
})) {
  test(`every stops when its callback ${name}, for it fails the actor`, async t => {
    const { clock, actor, system } = stage(t, temporary)
    const events = recordEvents(system)
    let ticks = 0
    await inside(actor, me => { me.c.every(10, () => { ticks++; return act() }) })
    await clock.advance(100)
    t.is(ticks, 1)
    t.like(await actor.stopped, { kind: 'failed', error: { message: 'tick' } })
    t.is(ofType(events, 'failed').length, 1)
    t.like(ofType(events, 'failed')[0], { path: '/actor', failure: { phase: 'timer' } })
  })
}

// ---------------------------------------------------------------------------------------- order

test('timers due at the same instant run in the order they were set', async t => {
  const { clock, actor, log } = stage(t)
  await inside(actor, me => {
    me.c.after(20, () => { log.push('a') })
    me.c.every(20, () => { log.push('b') }).unref()
    me.c.after(20, () => { log.push('c') })
  })
  await clock.advance(20)
  t.deepEqual(log, ['a', 'b', 'c'])
})

test('timers due at the same instant run in the order they were set, at whatever time that was', async t => {
  const { clock, actor, log } = stage(t)
  const delays = [300, 200, 100, 50, 10, 1]
  for (const delay of delays) {
    await clock.advance(300 - clock.now() - delay)
    await inside(actor, me => { me.c.after(delay, () => { log.push(`set ${delay} before`) }) })
  }
  await clock.advance(1)
  t.is(clock.now(), 300)
  t.deepEqual(log, delays.map(delay => `set ${delay} before`))
})

test('timers of several actors run in the order of their instants', async t => {
  const { system, clock, log } = stage(t)
  const actors = Array.from({ length: 10 }, () => system.spawn(Puppet))
  for (const [i, actor] of actors.entries()) await inside(actor, me => { me.c.after(100 - i * 7, () => { log.push(`${100 - i * 7}`) }) })
  await clock.advance(200)
  t.deepEqual(log.map(Number), [...log.map(Number)].sort((a, b) => a - b))
  t.is(log.length, 10)
})

const delays = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 511, 1023, 1024, 1025, 4095, 4096, 4097, 16_383, 16_384, 65_535, 65_536, 65_537,
  262_143, 262_144, 262_145, 1_048_575, 1_048_576, 16_777_215, 16_777_216, 16_777_217, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40]

for (const start of [0, 1, 63, 1_000_003]) {
  test(`a timer of any length runs at its instant, from ${start}`, async t => {
    const { clock, actor } = stage(t)
    await clock.advance(start)
    const fired: number[] = []
    await inside(actor, me => { for (const delay of [...delays].reverse()) me.c.after(delay, () => { fired.push(clock.now() - start) }) })
    await clock.advance(2 ** 40 - 1)
    t.deepEqual(fired, delays.slice(0, -1))
    await clock.advance(1)
    t.deepEqual(fired, delays)
  })
}

test('stepping by one or leaping gives the same instants', async t => {
  const runs: string[][] = []
  for (const step of [1, 7, 1000]) {
    const { clock, actor, log, note } = stage(t)
    await inside(actor, me => {
      for (const delay of [1, 5, 64, 65, 128, 700, 1000]) me.c.after(delay, () => { note(`after ${delay}`) })
      me.c.every(250, () => { note('tick') })
    })
    while (clock.now() < 1000) await clock.advance(Math.min(step, 1000 - clock.now()))
    runs.push(log)
  }
  t.is(runs[0]!.length, 11)
  t.deepEqual(runs[1], runs[0])
  t.deepEqual(runs[2], runs[0])
})

test('100,000 timers each run once, at their instants', async t => {
  t.timeout(120_000)
  const { system, clock } = manualSystemFor(t)
  t.timeout(120_000)
  const actors = Array.from({ length: 10 }, () => system.spawn(Puppet))
  const late: number[] = []
  let fired = 0
  for (const [a, actor] of actors.entries()) {
    await inside(actor, me => {
      for (let i = 0; i < 10_000; i++) {
        const due = ((i * 7919 + a) % 1000) + 1
        me.c.after(due, () => { fired++; if (clock.now() !== due) late.push(due) })
      }
    })
  }
  await clock.advance(500)
  t.is(fired, 50_000)
  await clock.advance(500)
  t.is(fired, 100_000)
  t.deepEqual(late, [])
})

test('100,000 timers cancelled in any order leave nothing behind', async t => {
  t.timeout(120_000)
  const { clock, actor } = stage(t)
  t.timeout(120_000)
  let fired = 0
  await inside(actor, me => {
    const timers = Array.from({ length: 100_000 }, (_, i) => me.c.after((i * 7919) % 5000 + 1, () => { fired++ }))
    for (let i = 0; i < timers.length; i++) if (!timers[(i * 31) % timers.length]!.cancel()) fired += 1_000_000
    t.false(timers.some(timer => timer.active))
  })
  await clock.advance(10_000)
  t.is(fired, 0)
})

// ------------------------------------------------------------- everything the system times

test('an ask times out by the manual clock, after 5,000 unless told otherwise', async t => {
  const { system, clock } = manualSystemFor(t)
  const actor = system.spawn(Puppet)
  const busy = await occupy(actor)
  const asked = outcome(inside(actor, () => 'late'))
  let settled = false
  void asked.then(() => { settled = true })
  await clock.advance(4999)
  await turns()
  t.false(settled)
  await clock.advance(1)
  t.like(await asked, { error: { code: 'ERR_BUSKIN_TIMEOUT' } })
  busy.release()
  await system.idle()
  t.like(system.stats(), { sent: 2, handled: 2, deadLetters: 0 })
})

test('askTimeout of the system and timeout of the call decide when an ask times out', async t => {
  const { system, clock } = manualSystemFor(t, { askTimeout: 70 })
  const actor = system.spawn(Puppet)
  const busy = await occupy(actor)
  const ended: string[] = []
  const ask = (name: string, ref: Ref<Puppet>) => outcome(inside(ref, () => name)).then(result => {
    ended.push(`${name} ${'error' in result ? (result.error as { code: string }).code : result.value} ${clock.now()}`)
  })
  const all = [
    ask('own', actor.with({ timeout: 30 })),
    ask('system', actor),
    ask('never', actor.with({ timeout: Number.POSITIVE_INFINITY }))
  ]
  await turns()
  await clock.advance(1_000_000)
  t.deepEqual(ended, ['own ERR_BUSKIN_TIMEOUT 30', 'system ERR_BUSKIN_TIMEOUT 70'])
  busy.release()
  await Promise.all(all)
  t.deepEqual(ended.slice(2), ['never never 1000000'])
})

test('a thousand asks with different time-outs time out at their instants', async t => {
  const { system, clock } = manualSystemFor(t)
  const actor = system.spawn(Puppet)
  const busy = await occupy(actor)
  const at: number[] = []
  for (let i = 0; i < 1000; i++) {
    const timeout = ((i * 617) % 1000) + 1
    void outcome(inside(actor.with({ timeout }), () => 1)).then(() => { at.push(clock.now() - timeout) })
  }
  await turns()
  await clock.advance(1000)
  await turns()
  t.is(at.length, 1000)
  t.true(at.every(late => late === 0))
  busy.release()
  await system.idle()
  t.is(system.stats().handled, 1001)
})

test('ttl is measured by the manual clock', async t => {
  const { system, clock } = manualSystemFor(t)
  const letters = recordDeadLetters(system)
  const actor = system.spawn(Puppet)
  const seen: number[] = []
  const busy = await occupy(actor)
  for (const ttl of [9, 10, 11, 100]) actor.with({ ttl }).tell.run(() => { seen.push(ttl) })
  await turns()
  await clock.advance(10)
  busy.release()
  await system.idle()
  t.deepEqual(seen, [10, 11, 100])
  t.deepEqual(letters.map(letter => letter.reason), ['expired'])
})

test('startTimeout is measured by the manual clock', async t => {
  const { system, clock } = manualSystemFor(t)
  class Stuck extends Actor { override onStart() { return new Promise<void>(() => {}) } }
  const [slow, quick] = [system.spawn(Stuck, temporary), system.spawn(Stuck, { ...temporary, startTimeout: 50 })]
  const ended: string[] = []
  for (const [name, ref] of Object.entries({ slow, quick })) void ref.started.catch((error: { code: string }) => { ended.push(`${name} ${error.code} ${clock.now()}`) })
  await turns()
  await clock.advance(50)
  await turns()
  t.deepEqual(ended, ['quick ERR_BUSKIN_START 50'])
  await clock.advance(29_950)
  await turns()
  t.deepEqual(ended, ['quick ERR_BUSKIN_START 50', 'slow ERR_BUSKIN_START 30000'])
})

test('the deadline of a stop is measured by the manual clock', async t => {
  const { system, clock } = manualSystemFor(t)
  const [slow, quick] = [system.spawn(Puppet), system.spawn(Puppet, { shutdown: 50 })]
  await occupy(slow)
  await occupy(quick)
  const ended: string[] = []
  for (const [name, ref] of Object.entries({ slow, quick })) void ref.stop().then(reason => { ended.push(`${name} ${reason.kind} ${clock.now()}`) })
  await turns()
  await clock.advance(49)
  await turns()
  t.deepEqual(ended, [])
  await clock.advance(4951)
  await turns()
  t.deepEqual(ended, ['quick killed 50', 'slow killed 5000'])
})

test('the time-out of a drain is measured by the manual clock', async t => {
  const { system, clock } = manualSystemFor(t)
  const actor = system.spawn(Puppet, { shutdown: 10 })
  await occupy(actor)
  actor.tell.run(() => {})
  let reason: unknown
  void actor.stop({ drain: true, timeout: 100 }).then(found => { reason = found })
  await turns()
  await clock.advance(99)
  await turns()
  t.is(reason, undefined)
  await clock.advance(11)
  await turns()
  t.deepEqual(reason, { kind: 'killed' })
})

test('shutdown needs no advance when nothing hangs', async t => {
  const { system, clock } = manualSystemFor(t)
  const actor = system.spawn(Puppet)
  await inside(actor, me => { me.c.every(10, () => {}); me.c.spawn(Puppet) })
  await system.shutdown()
  t.is(clock.now(), 0)
  t.is(system.stats().actors, 0)
})

test('advance resolves after the system was shut down', async t => {
  const { system, clock } = manualSystemFor(t)
  await system.shutdown()
  await clock.advance(1000)
  t.is(clock.now(), 1000)
})

test('advance does not wait for a handler that waits for something else', async t => {
  const { system, clock, actor, log, note } = stage(t)
  const other = system.spawn(Puppet)
  const busy = await occupy(other)
  await inside(actor, me => { me.c.every(10, () => { note('tick') }) })
  await clock.advance(30)
  t.deepEqual(log, ['tick 10', 'tick 20', 'tick 30'])
  busy.release()
})

test('a handler that waits for a timer of another actor goes on at that instant within one advance', async t => {
  const { system, clock, actor, log, note } = stage(t)
  const other = system.spawn(Puppet)
  const gate = deferred()
  await inside(other, me => { me.c.after(20, () => { gate.resolve() }); me.c.every(50, () => { note('tick') }) })
  actor.tell.run(async () => { await gate.promise; note('goes on') })
  await turns()
  await clock.advance(100)
  t.deepEqual(log, ['goes on 20', 'tick 50', 'tick 100'])
})

test('a timer of an actor waits for a concurrent handler of that actor', async t => {
  const { system, clock } = manualSystemFor(t)
  const log: string[] = []
  const gate = deferred()
  class Reader extends Actor {
    static concurrent = ['read']
    async read() { this.ctx.after(10, () => { log.push('timer') }); await gate.promise; log.push('read') }
  }
  system.spawn(Reader).tell.read()
  await turns()
  await clock.advance(10)
  t.deepEqual(log, [])
  gate.resolve()
  await system.idle()
  t.deepEqual(log, ['read', 'timer'])
})

// ------------------------------------------------------------------------------ the real clock

test('on the real clock a timer runs, and not early', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  for (const ms of [0, 1, 5, 20]) {
    const fired = deferred<number>()
    const set = performance.now()
    await inside(actor, me => { me.c.after(ms, () => { fired.resolve(performance.now()) }) })
    t.true(await fired.promise - set >= ms, `${ms}`)
  }
})

test('on the real clock every ticks again and again until it is cancelled', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const enough = deferred()
  const set = performance.now()
  let ticks = 0
  const holder = await inside(actor, me => {
    const timer = me.c.every(2, () => { if (++ticks === 5) { timer.cancel(); enough.resolve() } })
    return { timer }
  })
  await enough.promise
  t.true(performance.now() - set >= 10)
  t.is(ticks, 5)
  t.false(holder.timer.active)
})

test('on the real clock a delay above 2^31 does not run at once', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const short = deferred()
  const log: string[] = []
  await inside(actor, me => {
    for (const ms of [2 ** 31, 2 ** 32 + 1, 2 ** 40]) me.c.after(ms, () => { log.push(`${ms}`) })
    me.c.after(20, () => { short.resolve() })
  })
  await short.promise
  await system.idle()
  t.deepEqual(log, [])
})

test('on the real clock an ask times out', async t => {
  const system = systemFor(t)
  const actor = system.spawn(Puppet)
  const busy = await occupy(actor)
  const asked = performance.now()
  await rejectsWith(t, inside(actor.with({ timeout: 10 }), () => 1), 'ERR_BUSKIN_TIMEOUT')
  t.true(performance.now() - asked >= 10)
  busy.release()
})

test('a start is seen at once on a system whose clock stands still', async t => {
  const { system } = manualSystemFor(t)
  const started = nextEvent(system, 'started')
  system.spawn(Puppet, { name: 'x' })
  t.like(await started, { path: '/x' })
})
