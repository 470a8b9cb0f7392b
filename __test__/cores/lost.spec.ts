// A core that dies, in each of the ways in which one can: what of its actors is kept, what is lost, and who is told.
import ava from 'ava'
import type { DeadLetter, Ref, SystemOptions } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { assertIdentity, within } from '../support.ts'
import { type Sub, told } from './fixtures/life.ts'
import { code, coreEvents, deadBy, coreLost, eventsOf, find, inHand, messageOf, stage, type Stage, type Test } from './lives.ts'

const test = ava.serial

interface Death {
  readonly detail: RegExp
  readonly options?: SystemOptions
  /** The handler in hand when it happens never ends. */
  readonly inHand: boolean
  kill(ref: Ref<Sub>): Promise<unknown>
}

const limited = { resourceLimits: { maxOldGenerationSizeMb: 32 } }

const DEATHS: Readonly<Record<string, Death>> = {
  'process.exit in a handler': { detail: /^exit with code 7$/, inHand: true, kill: (ref) => ref.ask.exit(7) },
  'a stray throw': { detail: /^uncaught exception: stray$/, inHand: false, kill: (ref) => ref.ask.stray() },
  'an unhandled rejection': { detail: /^unhandled rejection: unheard$/, inHand: false, kill: (ref) => ref.ask.reject() },
  'too much memory': { detail: /^out of memory$/, inHand: true, options: { core: limited }, kill: (ref) => ref.ask.eat() },
  'an endless loop': { detail: /'loop' of \/a/, inHand: true, options: { core: { stallAfter: 100 } }, kill: (ref) => ref.ask.loop() },
}

const dead = (on: Stage): DeadLetter[] => {
  const letters: DeadLetter[] = []
  on.system.deadLetters.on((letter) => void letters.push(letter))
  return letters
}

/** Lets the core of `ref` die, and waits until that is known. */
async function die(on: Stage, ref: Ref<Sub>, how: Death, core = 1) {
  const killed = code(how.kill(ref))
  await coreLost(on, core, how.detail)
  t0(await within(killed, 'what was in hand'), how)
}
function t0(outcome: string, { inHand }: Death) {
  const expected = inHand ? 'ERR_BUSKIN_CORE_LOST' : 'ok'
  if (outcome !== expected) throw new Error(`the asker got ${outcome}, not ${expected}`)
}

for (const [name, death] of Object.entries(DEATHS)) {
  const options: SystemOptions = { ...death.options }

  test(`${name} loses a core: its actors come back on it, and those that do not are lost`, async (t) => {
    const on = stage(t, options)
    const a = on.spawn('a', { on: 1, restart: 'permanent' })
    const b = on.spawn('b', { on: 1 })
    const c = on.spawn('c', { on: 1, restart: 'temporary' })
    const d = on.spawn('d', { on: 2 })
    const watcher = on.spawn('watcher', { on: 2 })
    await Promise.all([a, b, c].map((ref) => ref.started))
    for (const target of [a, b, c]) await watcher.ask.watch(target)
    const threads = await Promise.all([a, b, d].map((ref) => ref.ask.thread()))
    await die(on, a, death)
    const again = await Promise.all([a, b, d].map((ref) => ref.ask.thread()))
    t.true(again[0] !== threads[0] && again[0] === again[1] && again[2] === threads[2])
    t.deepEqual([find(on.system, '/a')?.on, find(on.system, '/b')?.on, find(on.system, '/c')], [1, 1, undefined])
    t.is(told(await within(c.stopped, 'the end of c')), 'lost')
    t.is(await code(c.ask.read()), 'ERR_BUSKIN_STOPPED')
    t.deepEqual((await on.lines()).filter((line) => line.startsWith('watcher') && !line.includes('start')), ['watcher0 saw /c lost'])
    t.deepEqual((await on.lines()).filter((line) => /^[abc]/.test(line)).sort(), ['a0 start', 'a1 restart ERR_BUSKIN_CORE_LOST', 'a1 start', 'b0 start', 'b1 restart ERR_BUSKIN_CORE_LOST', 'b1 start', 'c0 start'])
    for (const path of ['/a', '/b']) t.deepEqual(eventsOf(on.events, path), ['started 0', 'failed 0 ERR_BUSKIN_CORE_LOST isolate restart', 'stopped 0 lost', 'started 1', 'restarted 1'])
    t.deepEqual(eventsOf(on.events, '/c'), ['started 0', 'failed 0 ERR_BUSKIN_CORE_LOST isolate stop', 'stopped 0 lost'])
    t.deepEqual(coreEvents(on.events, 1), ['1 started', ...(name === 'an endless loop' ? ['1 stalled'] : []), '1 lost', '1 started'])
    t.deepEqual(coreEvents(on.events, 2), ['2 started'])
    assertIdentity(on.system.stats())
    t.is(on.system.stats().restarts, 2)
  })

  test(`${name}: what waits for an actor that comes back is handled once and in order`, async (t) => {
    const on = stage(t, options)
    const a = on.spawn('a', { on: 1, restart: 'permanent' })
    const other = on.spawn('other', { on: 1, restart: 'permanent' })
    await Promise.all([a.started, other.started])
    // the handler in hand holds what comes after it back in the core
    a.tell.sleepAlone(60_000)
    await inHand(on, '/a')
    const asks = Array.from({ length: 50 }, (_, i) => code(a.with({ timeout: 20_000 }).ask.note(i)))
    a.tell.note({ an: 'object' })
    a.with({ priority: 'high' }).tell.note('first')
    await die(on, name === 'an endless loop' ? other : other, { ...death, detail: /./ })
    t.deepEqual(await within(Promise.all(asks), 'what waited'), asks.map(() => 'ok'))
    t.deepEqual(await a.ask.read(), ['first', ...Array.from({ length: 50 }, (_, i) => i), { an: 'object' }])
    assertIdentity(on.system.stats())
  })
}

test('what was in hand is told to the feed of dead letters', async (t) => {
  const on = stage(t)
  const letters = dead(on)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  await a.started
  const slept = code(a.with({ timeout: 20_000 }).ask.nap(60_000))
  await inHand(on, '/a')
  const b = on.spawn('b', { on: 1 })
  await die(on, b, DEATHS['process.exit in a handler']!)
  t.is(await within(slept, 'the asker'), 'ERR_BUSKIN_CORE_LOST')
  await a.ask.read()
  await on.lines()
  t.is(on.system.stats().deadLettersBy['isolate-lost'], 2)
  t.deepEqual(letters.map(({ reason, target, method }) => `${reason} ${target} ${method}`).sort(), ['isolate-lost /a nap', 'isolate-lost /b exit'])
})

test('what was in hand is a dead letter and its asker is told, once', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 1 })
  await a.ask.read()
  const slept = code(a.with({ timeout: 20_000 }).ask.nap(60_000))
  await b.ask.read()
  await inHand(on, '/a')
  await die(on, b, DEATHS['process.exit in a handler']!)
  t.is(await within(slept, 'the asker'), 'ERR_BUSKIN_CORE_LOST')
  await a.ask.read()
  await on.lines()
  t.deepEqual(deadBy(on.system), { 'isolate-lost': 2 })
  assertIdentity(on.system.stats())
})

test('a send that was let in is over with its message: one in hand with the core, one that waits when it is handled', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 1 })
  await Promise.all([a, b].map((ref) => ref.ask.read()))
  await on.system.idle()
  const { calls } = laneOf(on.system)
  const open = calls.size
  const controller = new AbortController()
  const tuned = a.with({ signal: controller.signal })
  await tuned.send.nap(60_000)
  await inHand(on, '/a')
  await Promise.all([tuned.send.note(1), tuned.send.note({ two: 2 }), a.send.note('three')])
  t.is(calls.size, open + 3) // all that can be aborted
  await die(on, b, DEATHS['process.exit in a handler']!)
  t.deepEqual(await a.ask.read(), [1, { two: 2 }, 'three'])
  await on.system.idle()
  t.is(calls.size, open)
  controller.abort()
  await on.system.idle()
  t.deepEqual(deadBy(on.system), { 'isolate-lost': 2 })
  assertIdentity(on.system.stats())
})

for (const [how, options] of [['exit', {}], ['eat', { core: limited }], ['loop', { core: { stallAfter: 100 } }]] as const) {
  test(`what an actor sent in the turn in which it lost its core is handed over: ${how}`, async (t) => {
    const on = stage(t, options)
    const a = on.spawn('a', { on: 1, restart: 'permanent' })
    const near = on.spawn('near', { on: 1, restart: 'permanent' })
    const far = on.spawn('far', { on: 2 })
    const main = on.spawn('main', { on: 0 })
    await Promise.all([a, near, far, main].map((ref) => ref.ask.read()))
    a.tell.dieTelling(how, near, far, main)
    await coreLost(on, 1)
    for (const ref of [far, main]) t.deepEqual(await ref.ask.read(), [1, { of: '/a' }, 'at last'], ref.path)
    t.deepEqual(await near.ask.read(), [1]) // other values were in the memory of the isolate that both had
    t.deepEqual(deadBy(on.system), { 'isolate-lost': 3 })
    assertIdentity(on.system.stats())
  })
}

test('messages sent while the core is away are handled when it is back', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const peer = on.spawn('peer', { on: 2 })
  await Promise.all([a.started, peer.started])
  a.tell.exit(7)
  await coreLost(on, 1)
  const asks = Array.from({ length: 20 }, (_, i) => a.ask.note(i))
  const far = peer.ask.askOther(a, 'from afar')
  t.deepEqual(await within(Promise.all(asks), 'asks'), Array.from({ length: 20 }, (_, i) => i))
  t.is(await within(far, 'the far ask'), 'from afar')
  t.is(((await a.ask.read()) as unknown[]).length, 21)
})

test('timers and watches of an instance end with its isolate', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 2 })
  await a.ask.tick(5)
  await a.ask.watch(b)
  a.tell.exit(7)
  await coreLost(on, 1)
  await a.ask.read()
  const before = (await on.lines()).length
  await b.stop()
  await new Promise((resolve) => setTimeout(resolve, 30))
  const lines = (await on.lines()).slice(before)
  t.deepEqual(lines, ['b0 stop normal'])
})

test('a caller whose isolate died is answered by nobody, and its asks are over', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 2 })
  await Promise.all([a.started, b.started])
  const asked = code(a.with({ timeout: 20_000 }).ask.askOther(b, 'x'))
  b.tell.nap(30)
  a.tell.exit(7)
  await coreLost(on, 1)
  await within(asked, 'the asker')
  await on.lines()
  t.notThrows(() => assertIdentity(on.system.stats()))
})

test('children elsewhere of a lost actor end, and the parent raises others', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 1, restart: 'permanent' })
  const far = await top.ask.raise('far', { on: 2 })
  const main = await top.ask.raise('main', { on: 0 })
  const near = await top.ask.raise('near', { on: 1 })
  await Promise.all([far.started, main.started, near.started])
  const ends = Promise.all([far.stopped, main.stopped, near.stopped])
  await top.ask.read()
  top.tell.exit(7)
  await coreLost(on, 1)
  t.deepEqual((await within(ends, 'ends')).map(told), ['shutdown', 'shutdown', 'lost'])
  t.is(await code(top.ask.raise('far', { on: 2 }).then((ref) => ref.started)), 'ok')
  t.deepEqual((await top.ask.who()).children, ['/top/far'])
})

test('a parent on main or on another core restarts a lost child by its strategy', async (t) => {
  const on = stage(t)
  for (const [i, home] of [0, 2].entries()) {
    const top = on.spawn(`top${i}`, { on: home, supervision: { strategy: 'one-for-all', backoff: false } })
    const x = await top.ask.raise('x', { on: 1 })
    const y = await top.ask.raise('y', { on: home })
    await Promise.all([x.started, y.started])
    x.tell.exit(7)
    await coreLost(on, 1)
    t.deepEqual([await x.ask.generation(), await y.ask.generation()], [1, 1])
    on.events.length = 0
  }
})

test('core.restarts that are exceeded end the system', async (t) => {
  const on = stage(t, { core: { restarts: { max: 1, within: 60_000 } } })
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  await a.started
  a.tell.exit(7)
  await coreLost(on, 1)
  t.is(await a.ask.generation(), 1)
  a.tell.exit(8)
  const error = await within(on.system.closed.then(() => undefined, (thrown: unknown) => thrown), 'closed')
  t.is(messageOf(error), 'ERR_BUSKIN_CORE_LOST')
  await within(on.system.shutdown(), 'shutdown')
  t.true(['shutdown', 'lost'].includes(told(await within(a.stopped, 'the end')))) // whichever came first
})

test('core.restarts that are exceeded are only reported, if so wished: the rest goes on', async (t) => {
  const on = stage(t, { onEscalate: 'report', core: { restarts: { max: 0, within: 60_000 } } })
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 2 })
  await Promise.all([a.started, b.started])
  a.tell.exit(7)
  await coreLost(on, 1)
  t.is(await b.ask.note(1), 1)
  t.is(told(await within(a.stop(), 'the stop of one whose core is away')), 'normal')
  t.deepEqual(coreEvents(on.events, 1), ['1 started', '1 lost'])
})

test('a core that dies while it starts is started again', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' }, { exits: [0] })
  await within(a.started, 'started')
  t.is(await a.ask.generation(), 1)
  t.deepEqual(coreEvents(on.events, 1), ['1 started', '1 lost', '1 started'])
})

test('a core that cannot start ends by core.restarts, and nothing hangs', async (t) => {
  const on = stage(t, { core: { execArgv: ['--require', '/no/such/file.cjs'], restarts: { max: 2, within: 60_000 } } })
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const asked = code(a.ask.read())
  const error = await within(on.system.closed.then(() => undefined, (thrown: unknown) => thrown), 'closed')
  t.is(messageOf(error), 'ERR_BUSKIN_CORE_LOST')
  t.true(['ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_CLOSED', 'ERR_BUSKIN_CORE_LOST'].includes(await within(asked, 'the asker')))
  t.deepEqual(coreEvents(on.events), ['1 lost', '1 lost', '1 lost'])
})

for (const [what, when] of [
  ['starts', async (_: Stage) => {}],
  ['has just died', async (on: Stage) => void (await coreLost(on, 1))],
] as const) {
  test(`a shutdown while a core ${what} ends all`, async (t: Test) => {
    const on = stage(t)
    const a = on.spawn('a', { on: 1, restart: 'permanent' })
    a.tell.exit(7)
    await when(on)
    await within(on.system.shutdown(), 'shutdown')
    t.is(on.system.stats().actors, 0)
    await within(a.stopped, 'the end of a')
  })
}

test('a stop or kill of an actor whose core died ends it, also while the core is away', async (t) => {
  const on = stage(t)
  for (const end of ['stop', 'kill'] as const) {
    const a = on.spawn(end, { on: 1, restart: 'permanent' })
    t.is(await code(a.ask.exit(7)), 'ERR_BUSKIN_CORE_LOST')
    // whichever came first: that it was lost, or that it is to end
    t.true(['lost', end === 'stop' ? 'normal' : 'killed'].includes(told(await within(a[end](), 'the end'))))
  }
  t.deepEqual(deadBy(on.system), { 'isolate-lost': 2 })
})

test('a name that was taken by a spawn whose parent lost its isolate is free', async (t) => {
  const on = stage(t, { core: { stallAfter: 100 } })
  for (const child of [1, 2]) {
    const top = on.spawn(`top${child}`, { on: 1, restart: 'permanent' })
    await top.started
    t.is(await code(top.ask.raiseAndLoop('kid', { on: child })), 'ERR_BUSKIN_CORE_LOST')
    t.is(await top.ask.tryRaise('kid', { on: child }), 'ok')
  }
})

test('what was spawned on the system in the turn in which its isolate was ended comes to life, with its arguments', async (t) => {
  const on = stage(t, { core: { stallAfter: 100 } })
  for (const home of [0, 1, 2]) {
    const top = on.spawn(`top${home}`, { on: 1, restart: 'temporary' })
    await top.started
    t.is(await code(top.ask.raiseOnSystemAndLoop(`kid${home}`, { on: home })), 'ERR_BUSKIN_CORE_LOST')
    t.true((await on.lines()).includes(`kid${home}0 start`))
    t.is(await on.system.lookup<Sub>(`/kid${home}`)!.ask.note(1), 1)
  }
})

test('what a core spawned on itself, with arguments that cannot travel, ends with it', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  await a.ask.raiseWithFunction('kid')
  const kid = on.system.lookup<Sub>('/kid')!
  t.is(await kid.ask.note(1), 1)
  t.is(await code(a.ask.exit(7)), 'ERR_BUSKIN_CORE_LOST')
  t.is((await within(kid.stopped, 'its end')).kind, 'lost')
  await a.ask.read()
})
