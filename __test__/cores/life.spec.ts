// How actors on worker isolates begin and end: as within one isolate.
import ava from 'ava'
import { Actor } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { deferred, within } from '../support.ts'
import { Sub, told } from './fixtures/life.ts'
import { unloadable } from './fixtures/unloadable.ts'
import { code, deadBy, eventsOf, find, messageOf, stage } from './lives.ts'

// one system at a time: each has worker threads of its own
const test = ava.serial

const failedStart = async (ref: Ref<any>) => {
  const error = (await within(ref.started.then(() => undefined, (thrown: unknown) => thrown), 'started')) as { code: string; cause: unknown }
  return [error?.code, messageOf(error?.cause)]
}

test('an actor elsewhere starts once and stops once, and the feed of the main isolate tells it in order', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  await within(a.started, 'started')
  t.deepEqual([a.name, a.path, find(on.system, '/a')?.on], ['a', '/a', 1])
  t.deepEqual(await within(a.stop(), 'stop'), { kind: 'normal' })
  t.deepEqual(await a.stopped, { kind: 'normal' })
  t.deepEqual(eventsOf(on.events, '/a'), ['started 0', 'stopped 0 normal'])
  t.deepEqual(await on.lines(), ['a0 start', 'a0 stop normal'])
})

test('an actor that a core spawns on itself gets what it is told at once', async (t) => {
  const { system, spawn } = stage(t)
  const parent = spawn('parent', { on: 1 })
  for (const on of ['local', 1, 'near'] as const) t.deepEqual(await parent.ask.raiseAndTell(`early-${on}`, on), ['told', 'asked'], String(on))
  t.deepEqual(deadBy(system), {})
})

test('a core that waits for all to be idle is woken by the isolate that made the system, when that rests last', async (t) => {
  const { system, spawn } = stage(t)
  const a = spawn('a', { on: 1 })
  const held = deferred<void>()
  class Holds extends Actor {
    run() {
      return held.promise
    }
  }
  system.spawn(Holds).tell.run()
  const memory = new SharedArrayBuffer(4)
  await a.ask.noteIdle(memory)
  await a.ask.read() // it has looked by now
  const seen = new Int32Array(memory)
  t.is(Atomics.load(seen, 0), 0)
  held.resolve()
  for (let i = 0; i < 5_000 && Atomics.load(seen, 0) === 0; i++) await new Promise((resolve) => setTimeout(resolve, 1))
  t.is(Atomics.load(seen, 0), 1)
})

test('promises that are first looked at after the fact know it', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  await a.ask.read()
  await within(a.started, 'started')
  a.tell.stopSelf()
  await within(on.system.idle(), 'idle')
  t.deepEqual(await a.stopped, { kind: 'normal' })
  await a.started
  t.is(await code(a.ask.read()), 'ERR_BUSKIN_STOPPED')
})

test('a ref that came in a message has started and stopped, too', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  const b = on.spawn('b', { on: 2 })
  t.is(await b.ask.startOf(a), 'started')
  const ended = b.ask.endOf(a)
  await a.stop()
  t.is(await within(ended, 'the end'), 'normal')
  t.is(await b.ask.endOf(a), 'normal')
  const bad = on.spawn('bad', { on: 1, restart: 'temporary' }, { start: [-1] })
  t.is(await b.ask.startOf(bad), 'ERR_BUSKIN_START: bad start')
  t.is(await b.ask.endOf(bad), 'failed bad start', 'also who asks after the end is told of the error')
})

for (const [what, plan] of [['constructor', { construct: [-1] }], ['start', { start: [-1] }]] as const) {
  test(`a throw of the ${what} elsewhere rejects started with that cause`, async (t) => {
    const on = stage(t)
    const a = on.spawn('a', { on: 1, restart: 'temporary' }, plan)
    t.deepEqual(await failedStart(a), ['ERR_BUSKIN_START', `bad ${what}`])
    const reason = await a.stopped
    t.deepEqual([reason.kind, messageOf((reason as { error?: unknown }).error)], ['failed', `bad ${what}`])
    t.deepEqual(eventsOf(on.events, '/a')[0], `failed 0 bad ${what} start stop`)
  })
}

test('a start that takes too long elsewhere is a failure of the start', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'temporary', startTimeout: 20 }, { hangs: ['start'] })
  t.deepEqual(await failedStart(a), ['ERR_BUSKIN_START', 'ERR_BUSKIN_TIMEOUT'])
})

test('a start that fails twice succeeds at last, and started waits for it', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 }, { start: [0], construct: [1] })
  await within(a.started, 'started')
  t.is(await a.ask.generation(), 2)
  t.deepEqual(eventsOf(on.events, '/a').filter((line) => !line.startsWith('stopped')), ['failed 0 bad start start restart', 'failed 1 bad constructor start restart', 'started 2', 'restarted 2'])
})

test('a class that its module does not export fails the start, once, whatever its policy', async (t) => {
  const on = stage(t)
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    const ref = on.system.spawn(unloadable.Hidden, { on: 1, restart })
    t.deepEqual(await failedStart(ref), ['ERR_BUSKIN_START', 'ERR_BUSKIN_MODULE'])
    t.is((await ref.stopped).kind, 'failed')
    t.is(eventsOf(on.events, ref.path).filter((line) => line.startsWith('failed')).length, 1)
  }
  t.is(on.system.stats().restarts, 0)
})

test('a module that is not there fails the start, and the message names it', async (t) => {
  const on = stage(t)
  const ref = on.system.spawn(unloadable.Nowhere, { on: 2, restart: 'permanent' })
  const error = await ref.started.then(() => undefined, (thrown: unknown) => thrown as { code: string; cause: Error })
  t.is(error?.code, 'ERR_BUSKIN_START')
  t.is(messageOf(error?.cause), 'ERR_BUSKIN_MODULE')
  t.regex(String(error?.cause.message), /no-such-module/)
})

test('a class without a module cannot go elsewhere, and that is said at the spawn', (t) => {
  const on = stage(t)
  class Plain extends Actor {}
  class Heir extends Sub {}
  for (const cls of [Plain, Heir]) {
    const error = t.throws(() => on.system.spawn(cls as typeof Sub, { on: 1 }))
    t.is(messageOf(error), 'ERR_BUSKIN_MODULE')
  }
})

test('each instance gets its arguments afresh', async (t) => {
  const on = stage(t)
  const given = { n: 1 }
  const a = on.system.spawn(Sub, { name: 'a', on: 1, args: [on.recorder, {}, given] })
  given.n = 2
  t.deepEqual(await a.ask.given(), { n: 1 })
  t.deepEqual(await a.ask.given(), { n: 1, touched: true })
  a.tell.fail()
  t.deepEqual(await a.ask.given(), { n: 1 })
  t.deepEqual(given, { n: 2 })
})

test('arguments and options that cannot travel are refused at the spawn, and the name is free', async (t) => {
  const on = stage(t)
  const bad = [
    { args: [null, { start: () => 1 }] },
    { supervision: { decide: () => 'stop' } },
  ]
  for (const options of bad) {
    const error = t.throws(() => on.system.spawn(Sub, { name: 'a', on: 1, ...(options as object) }))
    t.is(messageOf(error), 'ERR_BUSKIN_NOT_SERIALIZABLE')
  }
  await on.spawn('a', { on: 1 }).started
})

// ------------------------------------------------------------------------------------------------------------- ends

for (const how of ['stop', 'kill', 'drain'] as const) {
  for (const from of ['main', 'another core', 'its own core'] as const) {
    test(`${how} from ${from} ends an actor elsewhere`, async (t) => {
      const on = stage(t)
      const a = on.spawn('a', { on: 1 })
      const other = from === 'main' ? undefined : on.spawn('other', { on: from === 'another core' ? 2 : 1 })
      await Promise.all([a.started, other?.started])
      const waits = Promise.all([1, 2, 3].map((n) => code(a.ask.note(n))))
      a.tell.nap(300)
      const after = Promise.all([4, 5].map((n) => code(a.ask.note(n))))
      await waits
      const ends = other === undefined ? (how === 'kill' ? a.kill() : a.stop({ drain: how === 'drain' })).then(told) : other.ask.endOther(a, how)
      t.is(await within(ends, 'the end'), how === 'kill' ? 'killed' : 'normal')
      const outcome = how === 'drain' ? 'ok' : 'ERR_BUSKIN_STOPPED'
      t.deepEqual(await within(after, 'what waited'), [outcome, outcome])
      t.deepEqual((await on.lines()).filter((line) => line.startsWith('a')), ['a0 start', ...(how === 'kill' ? [] : ['a0 stop normal'])])
      t.is(await code(a.ask.note(6)), 'ERR_BUSKIN_STOPPED')
    })
  }
}

test('a handler that does not end is given up at the deadline, its asker is told, and what it does later changes nothing', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, shutdown: 20 })
  const asked = code(a.with({ timeout: Infinity }).ask.hang())
  await on.until(2)
  t.is(told(await within(a.stop(), 'stop')), 'killed')
  t.is(await within(asked, 'the asker'), 'ERR_BUSKIN_STOPPED')
  const b = on.spawn('b', { on: 1, shutdown: 20 }, { hangs: ['stop'] })
  await b.started
  t.is(told(await within(b.stop(), 'stop')), 'killed')
  const c = on.spawn('c', { on: 2, shutdown: 'brutal' })
  await c.started
  t.is(told(await within(c.stop(), 'stop')), 'killed')
  t.deepEqual((await on.lines()).filter((line) => line.includes('stop')), ['b0 stop normal'])
})

test('stop and kill of one that ends are idempotent, and a kill does not wait', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 }, { takes: { stop: 10 } })
  await a.started
  const ends = [a.stop(), a.stop(), a.kill()]
  t.deepEqual((await within(Promise.all(ends), 'ends')).map(told), ['killed', 'killed', 'killed'])
})

test('ctx.stop elsewhere takes effect after the handler; a permanent one comes back by it', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  const b = on.spawn('b', { on: 1, restart: 'permanent' })
  t.is(await code(a.ask.stopSelf()), 'ok')
  t.deepEqual(await a.stopped, { kind: 'normal' })
  await b.ask.stopSelf()
  t.is(await b.ask.generation(), 1)
  t.deepEqual((await on.lines()).filter((line) => line.startsWith('b')), ['b0 start', 'b0 stop normal', 'b1 restart null', 'b1 start'])
  t.deepEqual(eventsOf(on.events, '/b'), ['started 0', 'stopped 0 normal', 'started 1', 'restarted 1'])
})

test('children elsewhere stop last started first, before their parent, which waits for them', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 1 })
  for (const [name, core] of [['x', 0], ['y', 2], ['z', 1], ['w', 2]] as const) {
    const child = await top.ask.raise(name, { on: core }, { takes: { stop: 3 } })
    await child.started
  }
  t.is(told(await within(top.stop(), 'stop')), 'normal')
  t.deepEqual((await on.lines()).filter((line) => line.includes('stop')), ['w0 stop shutdown', 'z0 stop shutdown', 'y0 stop shutdown', 'x0 stop shutdown', 'top0 stop normal'])
})

test('what is below a killed actor is killed on every isolate', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 0 })
  const mid = await top.ask.raise('mid', { on: 1 })
  const low = await mid.ask.raise('low', { on: 2 })
  const main = await low.ask.raise('main', { on: 0 })
  await Promise.all([mid.started, low.started, main.started])
  await within(top.kill(), 'kill')
  t.deepEqual((await within(Promise.all([mid.stopped, low.stopped, main.stopped]), 'ends')).map(told), ['killed', 'killed', 'killed'])
  t.deepEqual((await on.lines()).filter((line) => line.includes('stop')), [])
})

test('shutdown stops all isolates’ actors last started first and then their cores', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 }, { takes: { stop: 5 } })
  const b = on.spawn('b', { on: 2 }, { takes: { stop: 5 } })
  const c = await a.ask.raise('c', { on: 2 })
  await Promise.all([a.started, b.started, c.started])
  await within(on.system.shutdown(), 'shutdown')
  const stops = on.events.flatMap((e) => (e.type === 'stopped' ? [e.path] : e.type === 'core' && e.state === 'stopped' ? [`core ${e.core}`] : []))
  t.deepEqual(stops.slice(0, 4), ['/b', '/a/c', '/a', '/recorder'])
  t.deepEqual(stops.slice(4).sort(), ['core 1', 'core 2'])
})

test('shutdown kills past its deadline what does not end elsewhere', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, shutdown: 'infinity' }, { hangs: ['stop'] })
  const b = on.spawn('b', { on: 2, shutdown: 'infinity' })
  b.tell.hang()
  await Promise.all([a.started, b.started])
  await within(on.system.shutdown({ timeout: 50 }), 'shutdown')
  t.deepEqual([told(await a.stopped), told(await b.stopped)], ['killed', 'killed'])
})

test('shutdown ends a core that a handler blocks for good, and all that lives there', async (t) => {
  const on = stage(t, { core: { stallAfter: false } })
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const other = on.spawn('other', { on: 1, restart: 'permanent' })
  await Promise.all([a.started, other.started])
  a.tell.loop()
  await within(on.system.shutdown({ timeout: 50 }), 'shutdown')
  t.is(on.system.stats().actors, 0)
  t.deepEqual([told(await a.stopped), told(await other.stopped)], ['killed', 'killed'])
})

test('a shutdown right after the spawns ends what never began', async (t) => {
  const on = stage(t)
  const refs = [1, 2, 1, 2].map((core, i) => on.spawn(`n${i}`, { on: core }))
  await within(on.system.shutdown(), 'shutdown')
  for (const ref of refs) t.true(['shutdown', 'normal'].includes(told(await within(ref.stopped, 'an end'))))
})
