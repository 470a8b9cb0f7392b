// Semantics, sentence 24: asks that wait for each other in a circle are seen wherever their actors live.
import ava from 'ava'
import type { Ref, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { memoryLog, within } from '../support.ts'
import { Asker, Results } from './fixtures/asker.ts'
import { type Test, withCores } from './lives.ts'
import { failure } from './town.ts'

const test = ava.serial
/** Long enough for everything else, in ms; and for ever. */
const LATE = 1_500
const NEVER = 600_000

interface Stage {
  readonly system: System
  readonly results: Ref<Results>
  /** The paths of each event. */
  readonly cycles: (readonly string[])[]
  spawn(name: string, on: number): Ref<Asker>
  /** There are so many events. */
  told(count: number): Promise<void>
  /** What became of asks, once all is quiet. */
  lines(): Promise<string[]>
}

async function stage(t: Test, options: SystemOptions = {}): Promise<Stage> {
  const system = withCores(t, options)
  const cycles: (readonly string[])[] = []
  let look = (): void => {}
  system.events.on((event: SystemEvent) => {
    if (event.type !== 'ask-cycle') return
    cycles.push(event.paths)
    look()
  })
  const results = system.spawn(Results, { on: 0 })
  const spawn = (name: string, on: number): Ref<Asker> => system.spawn(Asker, { name, on })
  await within(Promise.all([1, 2].map((on) => spawn(`first${on}`, on).started)), 'the start of the cores')
  return {
    system,
    results,
    cycles,
    spawn,
    told: (count) =>
      within(new Promise<void>((resolve) => {
        look = () => void (cycles.length >= count && resolve())
        look()
      }), `${count} cycles`),
    lines: async () => {
      await within(system.idle(), 'idle')
      return (await results.ask.read()).slice().sort()
    },
  }
}

/** Beginning with the first of the alphabet. */
function rotated(paths: readonly string[]): string[] {
  const at = paths.indexOf([...paths].sort()[0] as string)
  return [...paths.slice(at), ...paths.slice(0, at)]
}

const PLACES = [[0, 1], [1, 0], [1, 2], [0, 1, 2], [2, 0, 1], [1, 1, 2], [0, 1, 0, 1], [0, 0, 1, 1, 2, 2, 0]]

test('an ask cycle over isolates is reported at once, once, in the order of its asks, and its time-outs say DEADLOCK and list the paths', async (t) => {
  const { cycles, results, spawn, told, lines } = await stage(t)
  const rings = PLACES.map((places) => places.map((on, at) => spawn(`r${places.join('')}-${at}`, on)))
  for (const ring of rings) for (const each of ring) await each.started
  await results.ask.expect(PLACES.flat().length)
  for (const ring of rings) ring[0]!.tell.pass([...ring.slice(1), ring[0]!], results, LATE)
  await told(rings.length)
  t.deepEqual(await results.ask.read(), [], 'before any time-out')
  const expected = rings.map((ring) => ring.map(({ path }) => path))
  t.deepEqual(cycles.map(rotated).sort(), expected.slice().sort())
  const found = await lines()
  t.is(found.length, PLACES.flat().length)
  for (const paths of expected) {
    for (const path of paths) {
      const line = found.find((each) => each.startsWith(`${path} `)) as string
      t.regex(line, /ERR_BUSKIN_DEADLOCK deadlock: /)
      const listed = line.slice(line.indexOf('deadlock: ') + 10, line.indexOf(' wait for')).split(' -> ') as [string, ...string[]]
      t.deepEqual(rotated(listed.slice(0, -1)), paths)
      t.is(listed.at(-1), listed[0])
    }
  }
  t.is(cycles.length, PLACES.length)
})

test('asks made at the same moment on all isolates are one cycle, reported once', async (t) => {
  const { cycles, results, spawn, system, told } = await stage(t)
  const rings = Array.from({ length: 10 }, (_, n) => [0, 1, 2].map((on) => spawn(`s${n}${on}`, on)))
  for (const ring of rings) for (const each of ring) await each.started
  // whoever is asked before it was told itself asks the next one just the same
  for (const ring of rings) ring.forEach((each, at) => each.tell.pass([...ring.slice(at + 1), ...ring.slice(0, at + 1)], results, NEVER))
  await told(rings.length)
  await Promise.all(rings.flat().map((each) => each.kill()))
  await system.idle()
  t.deepEqual(cycles.map(rotated).sort(), rings.map((ring) => ring.map(({ path }) => path)))
})

test('an actor that asks several others waits for each of them', async (t) => {
  const { cycles, results, spawn, told, lines } = await stage(t)
  const [a, b, c, d] = [spawn('a', 0), spawn('b', 1), spawn('c', 2), spawn('d', 1)] as const
  for (const each of [a, b, c, d]) await each.started
  await results.ask.expect(2)
  a.tell.passAll([b, c, d], results, LATE) // only c is not free
  c.tell.pass([a], results, LATE)
  await told(1)
  t.deepEqual(cycles.map(rotated), [['/a', '/c']])
  const found = await lines()
  t.deepEqual(found.map((line) => line.split(' ').slice(0, 2)), [['/a', 'ERR_BUSKIN_DEADLOCK'], ['/c', 'ERR_BUSKIN_DEADLOCK']])
})

test('an ask that waits outside of a cycle times out as usual, wherever it comes from', async (t) => {
  const { results, spawn, told, lines } = await stage(t)
  const [a, b, outside] = [spawn('a', 1), spawn('b', 2), spawn('outside', 2)] as const
  for (const each of [a, b, outside]) await each.started
  await results.ask.expect(3)
  a.tell.pass([b, a], results, LATE)
  await told(1)
  outside.tell.pass([a], results, 20)
  t.is((await failure(a.with({ timeout: 20 }).ask.path())).code, 'ERR_BUSKIN_TIMEOUT')
  t.deepEqual((await lines()).map((line) => line.split(' ').slice(0, 2)), [
    ['/a', 'ERR_BUSKIN_DEADLOCK'],
    ['/b', 'ERR_BUSKIN_DEADLOCK'],
    ['/outside', 'ERR_BUSKIN_TIMEOUT'],
  ])
})

test('when one ask of a cycle over isolates has timed out, the others are served', async (t) => {
  const { results, spawn, told, lines } = await stage(t)
  const [a, b] = [spawn('a', 1), spawn('b', 2)] as const
  await Promise.all([a.started, b.started])
  a.tell.short(b, results, LATE)
  await told(1)
  t.deepEqual(await lines(), ['/a ERR_BUSKIN_DEADLOCK', '/b got /a'])
})

test('a chain of asks over isolates without a cycle is not reported', async (t) => {
  const { cycles, system, results, spawn } = await stage(t)
  const actors = [0, 1, 2, 1, 0].map((on, at) => spawn(`c${at}`, on)) as [Ref<Asker>, Ref<Asker>]
  t.is(await actors[0].ask.pass(actors.slice(1), results, NEVER), 'end')
  const [a, b] = actors
  t.deepEqual(await Promise.all([a.ask.pass([b], results, NEVER), a.ask.pass([b], results, NEVER), b.ask.pass([], results, NEVER)]), ['end', 'end', 'end'])
  t.is(await b.ask.pass([a], results, NEVER), 'end')
  await system.idle()
  t.deepEqual(cycles, [])
})

test('a circle over isolates that a concurrent handler breaks is none', async (t) => {
  const { cycles, system, spawn } = await stage(t)
  const [a, b] = [spawn('a', 1), spawn('b', 2)] as const
  t.is(await a.ask.overlap(b), 42)
  await system.idle()
  t.deepEqual(cycles, [])
})

test('a cycle over isolates through an ask made after an await is not seen, and is a plain time-out', async (t) => {
  const { cycles, results, spawn, lines } = await stage(t)
  const [a, b] = [spawn('a', 1), spawn('b', 2)] as const
  await Promise.all([a.started, b.started])
  await results.ask.expect(2)
  a.tell.passLater([b, a], results, 50)
  const found = await lines()
  t.deepEqual(found.map((line) => line.split(' ').slice(0, 2)), [['/a', 'ERR_BUSKIN_TIMEOUT'], ['/b', 'ERR_BUSKIN_TIMEOUT']])
  t.deepEqual(cycles, [])
})

test('under propagate a cycle over isolates through an ask made after an await is seen', async (t) => {
  const { cycles, results, spawn, told, lines } = await stage(t, { propagate: true })
  const [a, b] = [spawn('a', 1), spawn('b', 2)] as const
  await Promise.all([a.started, b.started])
  await results.ask.expect(2)
  a.tell.passLater([b, a], results, LATE)
  await told(1)
  t.deepEqual(cycles.map(rotated), [['/a', '/b']])
  for (const line of await lines()) t.regex(line, /ERR_BUSKIN_DEADLOCK/)
})

test('the end of an actor breaks its cycle over isolates', async (t) => {
  const { results, spawn, told, lines } = await stage(t)
  const [a, b] = [spawn('a', 1), spawn('b', 2)] as const
  a.tell.pass([b, a], results, NEVER)
  await told(1)
  await a.kill()
  const found = await lines()
  t.is(found.length, 1)
  t.regex(found[0]!, /^\/b ERR_BUSKIN_STOPPED/)
})

test('members that were spawned by others elsewhere have their whole paths, and one isolate alone says so in the log', async (t) => {
  const { log, lines: logged } = memoryLog()
  const { cycles, results, spawn, told, system } = await stage(t, { log })
  const parent = spawn('parent', 2)
  const child = (await parent.ask.spawnAsker({ name: 'child', on: 1 })) as unknown as Ref<Asker>
  const [a] = [spawn('a', 2)] as const
  await a.ask.path()
  t.is(await child.ask.path(), '/parent/child')
  a.tell.pass([child, a], results, NEVER)
  await told(1)
  t.deepEqual(cycles.map(rotated), [['/a', '/parent/child']])
  await Promise.all([a.kill(), child.kill()])
  await system.idle()
  t.is(logged.filter(({ message }) => message === 'actors wait for each other').length, 1)
})
