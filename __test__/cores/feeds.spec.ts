// Semantics, sentence 35: a feed is that of the whole system, whichever isolate listens to it.
import ava from 'ava'
import type { DeadLetter, Ref, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { within } from '../support.ts'
import { Ear, eventLine } from './fixtures/ear.ts'
import { withCores, type Test } from './lives.ts'
import { outcome } from './town.ts'

const test = ava.serial

interface Ears {
  readonly system: System
  /** One on each isolate. */
  readonly ears: readonly [m: Ref<Ear>, a: Ref<Ear>, b: Ref<Ear>]
  /** What the isolate that made the system was told by others, and told others itself. */
  readonly crossed: { in: number; out: number }
}

async function listening(t: Test, options: SystemOptions = {}): Promise<Ears> {
  const system = withCores(t, { supervision: { backoff: false, maxRestarts: Infinity }, ...options })
  const ears = ['m', 'a', 'b'].map((name, on) => system.spawn(Ear, { on, name, restart: 'permanent' })) as unknown as Ears['ears']
  for (const each of ears) await within(each.started, 'a start')
  await within(system.idle(), 'idle')
  return { system, ears, crossed: countNews(system) }
}

function countNews(system: System): Ears['crossed'] {
  const crossing = laneOf(system).crossing!
  const { news } = crossing
  const crossed = { in: 0, out: 0 }
  const hears = news.hears.bind(news)
  news.hears = (said) => (crossed.in++, hears(said))
  const carry = crossing.carry.bind(crossing)
  crossing.carry = (...args) => (crossed.out++, carry(...args))
  return crossed
}

/** Something happens on each isolate, of each kind. */
async function life({ system, ears }: Ears): Promise<void> {
  for (const on of [0, 1, 2]) {
    const ref = system.spawn(Ear, { on, name: `live${on}` })
    const child = (await ref.ask.spawnEar((on + 1) % 3, 'far')) as Ref<Ear>
    const near = (await ref.ask.spawnEar(on, 'near')) as Ref<Ear>
    for (const each of [child, near, ref]) {
      await outcome(each.ask.fail(each.path))
      await each.ask.echo(1) // the next instance
    }
    await ref.stop()
    for (const from of ears) await from.ask.tellMissing(ears[on]!, `to ${on}`)
  }
  await within(system.idle(), 'idle')
}

const letterLine = ({ reason, sender, target, method, args }: DeadLetter): string => `${reason} ${sender} ${target} ${method} ${String(args)}`

/** Of each path, in order. */
function byPath(lines: readonly string[]): Record<string, string[]> {
  const all: Record<string, string[]> = {}
  for (const line of lines) (all[line.split(' ')[1]!] ??= []).push(line)
  return all
}

test('an actor on a core hears what all isolates tell of: all of it, each once, that of one isolate in order', async (t) => {
  const on = await listening(t)
  const { system, ears } = on
  const events: SystemEvent[] = []
  const dead: DeadLetter[] = []
  system.events.on((event) => void events.push(event))
  system.deadLetters.on((letter) => void dead.push(letter))
  for (const each of ears) await each.ask.listen()
  await life(on)
  const told = events.map(eventLine)
  for (const path of ['/live0', '/live1/far', '/live2/near']) {
    const of = told.filter((line) => line.split(' ')[1] === path).map((line) => line.split(' ').filter((_, i) => i !== 1).slice(0, 2).join(' '))
    t.deepEqual(of, ['started 0', 'failed 0', 'stopped 0', 'started 1', 'restarted 1', 'stopped 1'])
  }
  t.is(dead.length, 9)
  for (const each of ears) {
    const heard = await each.ask.read()
    t.deepEqual(byPath(heard), byPath(told), each.path)
    t.deepEqual((await each.ask.dead()).map(letterLine).sort(), dead.map(letterLine).sort(), each.path)
  }
})

test('dead letters of one isolate come in order, with what they carry', async (t) => {
  const { system, ears: [, a, b] } = await listening(t)
  await a.ask.listen()
  await b.ask.tellMany(b, 500)
  await b.ask.tellMissing(b, { of: b, list: [1n] }, new Uint8Array([1, 2]))
  await within(system.idle(), 'idle')
  const dead = await a.ask.dead()
  t.deepEqual(dead.slice(0, 500).map(({ args }) => args![0]), Array.from({ length: 500 }, (_, i) => i))
  t.is(dead.length, 501)
  const { args, ...last } = dead[500]!
  t.deepEqual(last, { reason: 'no-handler', target: '/b', sender: '/b', method: 'missing' })
  const [first, bytes] = args as [{ of: Ref<Ear>; list: unknown }, Uint8Array]
  t.true(first.of.equals(b))
  t.deepEqual([first.list, [...bytes]], [[1n], [1, 2]])
})

test('whoever begins to listen hears of all that it causes after that, and of nothing after it cancelled', async (t) => {
  const { system, ears: [m, a, b], crossed } = await listening(t)
  for (let i = 0; i < 100; i++) {
    await a.ask.listenAndTell(i % 2 === 0 ? b : m, 'missing')
    await within(system.idle(), 'idle')
    await a.ask.cancel()
    await b.ask.tellMissing(m)
    await m.ask.tellMissing(b)
    await within(system.idle(), 'idle')
  }
  t.is((await a.ask.dead()).length, 100)
  t.is(crossed.in, 0)
  t.is(crossed.out, 50)
})

test('nobody is told anything while nobody listens elsewhere', async (t) => {
  const on = await listening(t)
  await life(on)
  t.deepEqual(on.crossed, { in: 0, out: 0 })
  on.system.events.on(() => {})
  on.crossed.out = 0
  await life(on)
  t.is(on.crossed.out, 0, 'the isolate that listens is told, and tells nobody')
  t.true(on.crossed.in > 0)
})

test('a core that starts later tells who listened before', async (t) => {
  const system = withCores(t)
  const a = system.spawn(Ear, { on: 1, name: 'a' })
  await a.ask.listen()
  const late = system.spawn(Ear, { on: 2, name: 'late' })
  await late.started
  await late.ask.tellMissing(late)
  await late.stop()
  await within(system.idle(), 'idle')
  const heard = await a.ask.read()
  t.deepEqual(heard.filter((line) => line.includes('late')), ['started /late 0', 'stopped /late 0 normal'])
  t.deepEqual(heard.filter((line) => line.startsWith('core')), ['core 2 started'])
  t.deepEqual((await a.ask.dead()).map(({ target }) => target), ['/late'])
})

test('the loss of a core is told on the others, and a listener that was lost is told nothing any more', async (t) => {
  const { system, ears: [m, a, b], crossed } = await listening(t)
  await a.ask.listen()
  await b.ask.listen()
  await outcome(a.ask.exit())
  await outcome(a.ask.echo(1)) // its next instance has started
  await within(system.idle(), 'idle')
  const heard = await b.ask.read()
  t.deepEqual(heard.filter((line) => /core 1|\/a /.test(line) && !line.startsWith('failed')), ['core 1 lost', 'stopped /a 0 lost', 'core 1 started', 'started /a 1', 'restarted /a 1'].sort((x, y) => heard.indexOf(x) - heard.indexOf(y)))
  t.deepEqual((await b.ask.dead()).map(letterLine), ['isolate-lost null /a exit '])
  await b.ask.cancel()
  crossed.out = 0
  await m.ask.tellMissing(m)
  await b.ask.tellMissing(b)
  await within(system.idle(), 'idle')
  t.is(crossed.out, 0)
  t.deepEqual(await a.ask.read(), [])
  await a.ask.listenAndTell(b, 'missing')
  await within(system.idle(), 'idle')
  t.is((await a.ask.dead()).length, 1)
})

test('an error in an event, and arguments of a dead letter, that cannot travel lose what keeps them from it', async (t) => {
  const { system, ears: [, a, b] } = await listening(t)
  await a.ask.listen()
  const brief = (await b.ask.spawnEar(2, 'brief')) as Ref<Ear>
  await outcome(brief.ask.fail('oh'))
  await brief.ask.tellFunction()
  await within(system.idle(), 'idle')
  const events = await a.ask.events()
  const failed = events.find((event) => event.type === 'failed')
  t.true(failed?.type === 'failed' && failed.failure.error instanceof RangeError && failed.failure.error.message === 'oh')
  t.deepEqual((await a.ask.dead()).map(letterLine), ['no-handler /b/brief /b/brief missing null'])
})

test('an iterator on a core hears all isolates, holds a bounded number and counts what it missed', async (t) => {
  const { system, ears: [m, a, b], crossed } = await listening(t)
  await a.ask.open()
  await b.ask.tellMany(b, 700)
  await m.ask.tellMany(m, 700)
  await within(system.idle(), 'idle')
  t.is(await a.ask.missed(), 1400 - 1024)
  for (let i = 0; i < 1024; i++) await a.ask.next()
  await m.ask.tellMissing(m, 'last')
  t.deepEqual((await a.ask.next())?.args, ['last'])
  await a.ask.leave()
  crossed.out = 0
  await m.ask.tellMissing(m)
  await within(system.idle(), 'idle')
  t.is(crossed.out, 0)
})

test('what is told at the end of the system is heard before shutdown() resolves', async (t) => {
  const { system, ears } = await listening(t)
  const stopped = new Int32Array(new SharedArrayBuffer(4))
  await ears[1].ask.countStopped(stopped)
  for (let i = 0; i < 30; i++) await ears[i % 2]!.ask.spawnEar((i + (i >> 2)) % 3, `child${i}`)
  await within(system.idle(), 'idle')
  await within(system.shutdown(), 'shutdown')
  t.is(stopped[0], 33)
})
