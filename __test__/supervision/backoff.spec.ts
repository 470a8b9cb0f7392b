// How long a restart waits, and what holds meanwhile. All times are those of a manual clock.
import { spawn } from 'node:child_process'
import test from 'ava'
import { createManualClock, createSystem } from 'buskin'
import type { ManualClock, Supervision, System } from 'buskin'
import { collect, counts, deadBy, pending, settle, testGate, turns, withSystem, within } from '../support.ts'
import { Sub, boom, fail, family, find, inside, ofType } from './support.ts'
import type { Test } from './support.ts'

type Backoff = Supervision['backoff']

function withClock(t: Test, options: Parameters<typeof withSystem>[1] = {}): { clock: ManualClock; system: System } {
  const clock = createManualClock()
  return { clock, system: withSystem(t, { clock, ...options }) }
}

/** How long each of a row of restarts takes, by the clock, and as the events say it. */
async function delays(t: Test, backoff: Backoff, count: number): Promise<number[]> {
  const { clock, system } = withClock(t, { supervision: backoff === undefined ? {} : { backoff } })
  const events = collect(system.events)
  const ups: number[] = []
  const a = system.spawn(Sub, { args: [[], { start: (generation) => generation > 0 && ups.push(clock.now()) }] })
  await a.started
  const measured: number[] = []
  for (let i = 0; i < count; i++) {
    const from = clock.now()
    await fail(a)
    for (let step = 0; ups.length <= i && step < 60; step++) await clock.advance(step === 0 ? 0 : nextStep(events, from, clock.now()))
    measured.push(ups[i]! - from)
  }
  t.deepEqual(ofType(events, 'failed').map((event) => event.delay), measured)
  return measured
}

/** To one ms before it is due, and then to that. */
function nextStep(events: Parameters<typeof ofType>[0], from: number, now: number): number {
  const due = from + ofType(events, 'failed').at(-1)!.delay
  return due - now > 1 ? due - now - 1 : 1
}

for (const [what, backoff, expected] of [
  ['the nth restart waits min·factor^(n-1)', { min: 10, factor: 3, max: 1_000_000, jitter: 0 }, [10, 30, 90, 270, 810]],
  ['no restart waits longer than max', { min: 100, max: 350, factor: 2, jitter: 0 }, [100, 200, 350, 350, 350]],
  ['a factor of 1 waits the same each time', { min: 7, factor: 1, jitter: 0 }, [7, 7, 7]],
  ['a factor need not be whole', { min: 100, factor: 1.5, jitter: 0 }, [100, 150, 225]],
  ['min of 0 never waits', { min: 0, jitter: 0 }, [0, 0, 0]],
  ['what is left out is 100 ms, factor 2', { jitter: 0 }, [100, 200, 400, 800]],
  ['max alone moves min', { max: 40, jitter: 0 }, [40, 40]],
  ['min alone moves max', { min: 40_000, jitter: 0 }, [40_000, 40_000]],
  ['false never waits', false, [0, 0, 0, 0]],
] as const satisfies readonly (readonly [string, Backoff, readonly number[]])[]) {
  test(`backoff: ${what}`, async (t) => {
    t.deepEqual(await delays(t, backoff, expected.length), [...expected])
  })
}

test('without a backoff the first restart in a row is immediate, later ones follow the default', async (t) => {
  const measured = await delays(t, undefined, 5)
  t.is(measured[0], 0)
  for (const [i, full] of [200, 400, 800, 1600].entries()) {
    const ms = measured[i + 1]!
    t.true(ms >= full * 0.8 && ms <= full, `restart ${i + 2} waited ${ms} ms of ${full}`)
  }
})

test('by default no restart waits longer than 30,000 ms', async (t) => {
  const measured = await delays(t, undefined, 12)
  t.true(measured.at(-1)! > 24_000 - 1 && measured.at(-1)! <= 30_000, `${measured}`)
})

test('jitter takes away no more than its part, and differs from actor to actor', async (t) => {
  const { system } = withClock(t, { supervision: { backoff: { min: 10_000, jitter: 0.5 } } })
  const events = collect(system.events)
  const refs = Array.from({ length: 50 }, () => system.spawn(Sub))
  await Promise.all(refs.map((ref) => fail(ref)))
  await system.idle()
  const waits = ofType(events, 'failed').map((event) => event.delay)
  t.is(waits.length, 50)
  t.true(waits.every((ms) => ms >= 5_000 && ms <= 10_000), `${waits}`)
  t.true(new Set(waits).size > 40, 'they differ')
  t.true(Math.max(...waits) - Math.min(...waits) > 2_500, 'they are spread')
})

test('jitter differs from system to system', async (t) => {
  const firsts: number[] = []
  for (let i = 0; i < 8; i++) {
    const { system } = withClock(t, { supervision: { backoff: { min: 100_000, max: 100_000, jitter: 1 } } })
    const events = collect(system.events)
    await fail(system.spawn(Sub))
    await system.idle()
    firsts.push(ofType(events, 'failed')[0]!.delay)
  }
  t.true(new Set(firsts).size > 4, `${firsts}`)
})

for (const [healthy, delay] of [[999, 200], [1_000, 100], [5_000, 100]] as const) {
  test(`a row of restarts ${delay === 100 ? 'ends' : 'goes on'} after ${healthy} healthy ms of a resetAfter of 1,000`, async (t) => {
    const { system, clock } = withClock(t, { supervision: { backoff: { min: 100, jitter: 0, resetAfter: 1_000 } } })
    const events = collect(system.events)
    const a = system.spawn(Sub)
    await fail(a)
    await clock.advance(100)
    t.is(await a.ask.generation(), 1)
    await clock.advance(healthy)
    await fail(a)
    t.deepEqual(ofType(events, 'failed').map((event) => event.delay), [100, delay])
  })
}

test('time behind a backoff, and in onStart, is not healthy', async (t) => {
  const { system, clock } = withClock(t, { supervision: { backoff: { min: 1_000, factor: 2, jitter: 0, resetAfter: 500 } } })
  const events = collect(system.events)
  const at = testGate(t)
  const a = system.spawn(Sub, { args: [[], { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) }] })
  await fail(a)
  await clock.advance(1_000)
  await at.entered.promise
  await clock.advance(2_000)
  at.open.resolve()
  await a.ask.generation()
  await fail(a)
  t.deepEqual(ofType(events, 'failed').map((event) => event.delay), [1_000, 2_000])
})

test('resetAfter Infinity never ends a row; after 10,000 ms it ends by default', async (t) => {
  for (const [resetAfter, expected] of [[Infinity, [100, 200]], [undefined, [100, 100]]] as const) {
    const { system, clock } = withClock(t, { supervision: { backoff: { min: 100, jitter: 0, ...(resetAfter === undefined ? {} : { resetAfter }) } } })
    const events = collect(system.events)
    const a = system.spawn(Sub)
    await fail(a)
    await clock.advance(100)
    await a.ask.generation()
    await clock.advance(10_000)
    await fail(a)
    t.deepEqual(ofType(events, 'failed').map((event) => event.delay), [...expected])
  }
})

test('rows are each actor\'s own', async (t) => {
  const { system, clock } = withClock(t)
  const events = collect(system.events)
  const { refs } = await family(system, { backoff: { min: 100, jitter: 0 } }, { a: {}, b: {} })
  await fail(refs.a)
  await clock.advance(100)
  await refs.a.ask.generation()
  await fail(refs.b)
  await fail(refs.a)
  t.deepEqual(ofType(events, 'failed').map((event) => [event.path, event.delay]), [['/top/a', 100], ['/top/b', 100], ['/top/a', 200]])
})

test('a permanent actor that stops itself waits too', async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a }, log } = await family(system, { backoff: { min: 100, jitter: 0 } }, { a: { restart: 'permanent' } })
  await inside(a, (ctx) => ctx.stop())
  await clock.advance(99)
  t.deepEqual(log, ['a0 stop normal'])
  await clock.advance(1)
  t.deepEqual(log, ['a0 stop normal', 'a1 restart', 'a1 start'])
})

// ------------------------------------------------------------------------------------- meanwhile

test('a backoff blocks neither siblings nor the supervisor', async (t) => {
  const { system } = withClock(t)
  const { refs, top } = await family(system, { backoff: { min: 1_000 } }, { a: {}, b: {} })
  await fail(refs.a)
  t.is(await refs.b.ask.note(1), 1)
  t.is(await top.ask.note(2), 2)
  t.is(find(system, '/top/a')?.state, 'restarting')
})

test('messages behind a backoff wait, are bounded, and are handled after it', async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: { mailbox: { capacity: 3 } } })
  await fail(a)
  await turns()
  const outcomes = Array.from({ length: 5 }, (_, i) => settle(a.send.note(i)))
  t.deepEqual(await Promise.all(outcomes), ['ok', 'ok', 'ok', 'ERR_BUSKIN_MAILBOX_FULL', 'ERR_BUSKIN_MAILBOX_FULL'])
  t.like(find(system, '/top/a'), { state: 'restarting', waiting: 3, generation: 1 })
  t.deepEqual(deadBy(system), { 'mailbox-full': 2 })
  await clock.advance(1_000)
  t.deepEqual(await a.ask.read(), [0, 1, 2])
})

test("a mailbox that waits parks senders behind a backoff, and lets them in, in order, after it", async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: { mailbox: { capacity: 2, overflow: 'wait' } } })
  await fail(a)
  await turns()
  const sent = Array.from({ length: 10 }, (_, i) => a.send.note(i))
  t.true(await pending(sent[2]!))
  await clock.advance(1_000)
  await within(Promise.all(sent), 'the parked')
  t.deepEqual(await a.ask.read(), Array.from({ length: 10 }, (_, i) => i))
})

test('asks, ttl and abort work behind a backoff', async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: {} })
  await fail(a)
  await turns()
  const abort = new AbortController()
  const outcomes = [a.with({ timeout: 500 }).ask.note('late'), a.with({ ttl: 500 }).ask.note('expired'), a.with({ signal: abort.signal }).ask.note('aborted'), a.ask.note('kept')].map(settle)
  await clock.advance(600)
  abort.abort()
  await clock.advance(400)
  t.deepEqual(await Promise.all(outcomes), ['ERR_BUSKIN_TIMEOUT', 'ERR_BUSKIN_EXPIRED', 'ERR_BUSKIN_ABORTED', 'ok'])
  t.deepEqual(await a.ask.read(), ['late', 'kept'])
})

test('idle() does not wait for a backoff alone, but for messages behind one', async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a } } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: {} })
  await fail(a)
  await within(system.idle(), 'idle')
  a.tell.note(1)
  const idle = system.idle()
  t.true(await pending(idle))
  await clock.advance(1_000)
  await within(idle, 'idle')
  counts(t, system, { waiting: 0, handled: 2 })
})

const ends = [
  ['ref.stop()', 'normal', ({ refs }) => refs.a.stop()],
  ['ref.kill()', 'killed', ({ refs }) => refs.a.kill()],
  ["its parent's stop", 'shutdown', ({ top }) => top.stop()],
  ["its parent's failure", 'shutdown', ({ top }) => fail(top)],
  ["its parent's kill", 'killed', ({ top }) => top.kill()],
  ["the system's shutdown", 'shutdown', ({ system }) => system.shutdown()],
] as const satisfies readonly (readonly [string, string, (it: Awaited<ReturnType<typeof family<'a'>>>) => unknown])[]

for (const [how, kind, end] of ends) {
  test(`${how} during a backoff removes the actor at once, without onStop, and ends it '${kind}'`, async (t) => {
    const { system, clock } = withClock(t)
    const events = collect(system.events)
    const it = await family(system, { backoff: { min: 1_000 } }, { a: {} })
    const { refs: { a }, log } = it
    await fail(a)
    await turns()
    const asked = settle(a.ask.note(1))
    a.tell.note(2)
    const ending = end(it)
    t.is((await within(a.stopped, 'the end')).kind, kind)
    await ending
    await system.idle()
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(deadBy(system), { stopped: 2 })
    t.deepEqual(log.filter((line) => line.startsWith('a')), ['a0 stop failed'])
    t.is(system.lookup('/top/a'), null)
    t.deepEqual(ofType(events, 'stopped').filter((event) => event.path === '/top/a').map((event) => event.reason!.kind), ['failed'])
    await clock.advance(100_000)
    t.deepEqual(log.filter((line) => line.startsWith('a')), ['a0 stop failed'])
    counts(t, system, { restarts: how === "its parent's failure" ? 1 : 0 })
  })
}

test('stop with drain during a backoff keeps what waits, and ends the actor when that is handled', async (t) => {
  const { system, clock } = withClock(t)
  const { refs: { a }, log } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: {} })
  await fail(a)
  await turns()
  a.tell.note(1)
  const ended = a.stop({ drain: true })
  t.is(await settle(a.ask.note(2)), 'ERR_BUSKIN_STOPPED')
  t.true(await pending(ended))
  await clock.advance(1_000)
  t.is((await ended).kind, 'normal')
  t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start', 'a1 note 1', 'a1 stop normal'])
  t.deepEqual(deadBy(system), { stopped: 1 })
})

test('stop with drain during a backoff, with nothing to drain, ends the actor at once', async (t) => {
  const { system } = withClock(t)
  const { refs: { a }, log } = await family(system, { backoff: { min: 1_000, jitter: 0 } }, { a: {} })
  await fail(a)
  await turns()
  t.is((await within(a.stop({ drain: true }), 'the end', 2_000)).kind, 'normal')
  t.deepEqual(log, ['a0 stop failed'])
})

test('the name is free as soon as a stop ended the backoff', async (t) => {
  const { system } = withClock(t, { supervision: { backoff: { min: 1_000 } } })
  const a = system.spawn(Sub, { name: 'a' })
  await fail(a)
  await a.stop()
  t.is(await system.spawn(Sub, { name: 'a' }).ask.note(1), 1)
})

test('a backoff runs by the real clock where there is no other', async (t) => {
  const system = withSystem(t, { supervision: { backoff: { min: 5, jitter: 0 } } })
  const a = system.spawn(Sub)
  await fail(a)
  t.is(await within(a.ask.generation(), 'the restart'), 1)
})

// ---------------------------------------------------------------------------------- the process

/** Runs a script in a process of its own; what it printed and how it ended. */
function inProcess(script: string): Promise<{ code: number | null; out: string; err: string }> {
  const head = `import { Actor, createSystem } from 'buskin'
    const say = (word) => process.stdout.write(word + ' ')
    process.on('exit', () => say('exit'))
    class A extends Actor { onStart() { say('start' + this.ctx.generation) } fail() { throw new Error('x') } note() { say('note') } }
    const system = createSystem({ cores: 0, log: false, supervision: { backoff: { min: 40, jitter: 0 } } })
    const a = system.spawn(A)\n`
  return new Promise((resolve, reject) => {
    const made = spawn(process.execPath, ['--input-type=module', '-e', head + script], { cwd: new URL('../..', import.meta.url), stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 })
    let [out, err] = ['', '']
    made.stdout.on('data', (chunk) => (out += chunk))
    made.stderr.on('data', (chunk) => (err += chunk))
    made.on('error', reject)
    made.on('close', (code) => resolve({ code, out: out.trim(), err }))
  })
}

for (const [what, script, out] of [
  ['a backoff holds the process', 'a.tell.fail()', 'start0 start1 exit'],
  ['messages behind a backoff hold the process', 'a.tell.fail(); setImmediate(() => a.tell.note())', 'start0 start1 note exit'],
  ['a backoff that a stop ended holds the process no more', 'a.tell.fail(); setImmediate(() => a.stop())', 'start0 exit'],
  ['a restarted actor alone does not hold the process', 'a.tell.fail(); await a.ask.note()', 'start0 start1 note exit'],
] as const) {
  test(what, async (t) => {
    t.timeout(60_000)
    t.deepEqual(await inProcess(script), { code: 0, out, err: '' })
  })
}

test('a shutdown does not wait for a backoff, nor needs the clock for it', async (t) => {
  t.timeout(20_000)
  const system = createSystem({ log: false, clock: createManualClock(), supervision: { backoff: { min: 1_000 } } })
  const a = system.spawn(Sub)
  await a.ask.fail(boom()).catch(() => {})
  await within(system.shutdown(), 'shutdown')
  t.is((await a.stopped).kind, 'shutdown')
})
