// Semantics, sentences 1, 33-35: counts, the tree, names, feeds and quiet are those of the whole system, whichever isolate looks.
import ava from 'ava'
import type { ActorInfo, Ref } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { assertIdentity, memoryLog, within } from '../support.ts'
import { Peer } from './fixtures/peer.ts'
import { adds, codeOf, end, outcome, sharedTown, town } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m, spawn } = place

// ------------------------------------------------------------------------------------------------------------ stats

test('stats() is a consistent cut of all isolates, on each of them, at every moment', async (t) => {
  const work = Promise.all([a.ask.tellMany(b, 0, 3000), b.ask.tellMany(m, 0, 3000), m.ask.tellMany(a, 0, 3000)])
  const over = { is: false }
  void work.then(() => system.idle()).then(() => { over.is = true })
  let looks = 0
  while (!over.is) {
    assertIdentity(system.stats(), 'while all isolates work')
    looks++
    await new Promise((done) => setImmediate(done))
  }
  t.true(looks > 0)
  await within(system.idle(), 'idle')
  const here = system.stats()
  const there = await a.ask.stats()
  assertIdentity(there, 'on a core')
  t.like(there, { handled: here.handled, running: 1, waiting: 0, actors: here.actors, sent: here.sent + 1 })
})

test('a mix of everything, all ways at once: nothing is lost, and every message is in exactly one count', async (t) => {
  const [gone, ...failing] = [spawn(2), spawn(0), spawn(1), spawn(2)]
  const others = [spawn(2), spawn(0), spawn(1)] // whoever asks in a circle waits for ever
  await gone.stop()
  // 300 tells, asks and sends through another actor, so two each; 150 that fail, 150 that nobody gets
  await adds(t, place, { sent: 900 * 2 + 300, handled: 900 * 2, failed: 150, deadLetters: 150 }, async () => {
    const all: Promise<unknown>[] = []
    for (let i = 0; i < 300; i++) {
      const [from, to] = [[a, others[0]], [b, others[1]], [m, others[2]]][i % 3] as [Ref<Peer>, Ref<Peer>]
      from.tell.tell(to, 'note', { i })
      all.push(from.ask.ask(to, 'echo', i), from.ask.send(to, 'note', [i]))
      all.push(outcome(i % 2 === 0 ? failing[i % 3]!.ask.fail('x') : gone.ask.echo(i)))
    }
    await Promise.all(all)
  })
  for (const ref of [...failing, ...others]) await ref.stop()
})

test('actors are counted once, wherever they and their parents live', async (t) => {
  const before = system.stats().actors
  const child = (await a.ask.spawnPeer({ on: 2 })) as Ref<Peer>
  const home = (await a.ask.spawnPeer({ on: 0 })) as Ref<Peer>
  const root = (await b.ask.spawnOnSystem({ on: 1 })) as Ref<Peer>
  await Promise.all([child, home, root].map((ref) => ref.ask.nothing()))
  await system.idle()
  t.is(system.stats().actors, before + 3)
  for (const ref of [child, home, root]) await a.ask.stop(ref)
  await system.idle()
  t.is(system.stats().actors, before)
})

test('a walk over every mailbox and inbox of every isolate agrees with the counts', async (t) => {
  await system.idle()
  const lane = laneOf(system)
  for (const on of [0, 1, 2]) t.is(lane.native.auditOn(on), '')
})

// ------------------------------------------------------------------------------------------------------------- idle

test('idle() waits for what goes on between cores, though this isolate has nothing to do', async (t) => {
  await b.ask.clear()
  m.tell.nothing()
  a.tell.relay(b, 200)
  await within(system.idle(), 'idle')
  t.is((await b.ask.howManyNotes()) + (await a.ask.howManyNotes()), 200)
})

test('idle() waits for a handler that runs elsewhere', async (t) => {
  b.tell.hold('idle')
  await place.keepers[2].ask.entered('idle')
  let isIdle = false
  const idle = system.idle().then(() => { isIdle = true })
  await a.ask.echo(1)
  await a.ask.echoLater(1)
  t.false(isIdle)
  place.keepers[2].tell.open('idle')
  await within(idle, 'idle')
})

test('idle() resolves a thousand times in a row after a message there and back', async (t) => {
  for (let i = 0; i < 1000; i++) {
    if (i % 3 === 0) a.tell.tell(b, 'nothing')
    else if (i % 3 === 1) a.tell.tell(m, 'nothing')
    else a.tell.nothing()
    await within(system.idle(), `idle, the ${i}th time`)
    const { waiting, running } = system.stats()
    if (waiting + running > 0) t.fail(`not idle: ${waiting} wait, ${running} run`)
  }
  t.pass()
})

// ------------------------------------------------------------------------------------------------ inspect and lookup

const find = (info: ActorInfo, path: string): ActorInfo | undefined =>
  info.path === path ? info : info.children.map((child) => find(child, path)).find((found) => found !== undefined)

test('inspect() shows the whole tree with isolate, class and counts, from main and from a core', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 2, name: 'seen' })) as Ref<Peer>
  const grandchild = (await child.ask.spawnPeer({ on: 0, name: 'deep' })) as Ref<Peer>
  await grandchild.ask.echo(1)
  await outcome(grandchild.ask.fail('x'))
  await system.idle()
  for (const tree of [system.inspect(), (await b.ask.inspect()) as ActorInfo]) {
    t.deepEqual([tree.path, tree.on], ['/', 0])
    t.like(find(tree, '/a'), { className: 'Peer', on: 1 })
    t.like(find(tree, '/b'), { className: 'Peer', on: 2 })
    t.like(find(tree, '/m'), { className: 'Peer', on: 0 })
    t.like(find(tree, '/a/seen'), { className: 'Peer', on: 2, state: 'idle', generation: 0, waiting: 0, failed: 0 })
    t.like(find(tree, '/a/seen/deep'), { className: 'Peer', on: 0, state: 'idle', generation: 1, handled: 1, failed: 1 })
  }
  t.is(find(await b.ask.inspect() as ActorInfo, '/b')?.state, 'running', 'whoever looks is at it')
  await child.stop()
})

test('inspect() shows what waits and runs elsewhere', async (t) => {
  const ref = spawn(2)
  ref.tell.hold('inspect')
  await place.keepers[2].ask.entered('inspect')
  for (let i = 0; i < 3; i++) ref.tell.note(i)
  await place.keepers[2].ask.entered('inspect')
  t.like(find(system.inspect(), ref.path), { state: 'suspended', waiting: 3 })
  await place.keepers[2].ask.open('inspect')
  await ref.stop({ drain: true })
})

test('lookup() finds actors anywhere from anywhere, and what it finds works', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 2, name: 'found' })) as Ref<Peer>
  await child.ask.nothing()
  for (const path of ['/a', '/b', '/m', '/a/found']) {
    const here = system.lookup<Peer>(path)
    t.is(await here!.ask.where(), path)
    for (const from of [a, b]) {
      const there = (await from.ask.lookup(path)) as Ref<Peer>
      t.true(there.equals(here))
      t.is(await there.ask.where(), path)
    }
  }
  t.true(system.lookup('/m') === (m as unknown), 'the very object, at home')
  t.true(system.lookup('/a') === (a as unknown))
  for (const path of ['/missing', '/a/missing', '/a/found/missing', '', '/', 'a']) {
    t.is(system.lookup(path), null)
    t.is(await b.ask.lookup(path), null)
  }
  await child.stop()
  t.is(system.lookup('/a/found'), null)
})

test('an actor that was just spawned elsewhere can be looked up at once, also by others', async (t) => {
  for (let i = 0; i < 20; i++) {
    const ref = system.spawn(Peer, { on: 1 + (i % 2), name: `fresh${i}` })
    t.true(system.lookup(`/fresh${i}`)!.equals(ref))
    t.true(((await a.ask.lookup(`/fresh${i}`)) as Ref<Peer>).equals(ref))
    t.is(await b.ask.ask(ref, 'where'), `/fresh${i}`)
    t.like(await b.ask.describe(ref), { path: `/fresh${i}` })
    await ref.stop()
  }
})

// ------------------------------------------------------------------------------------------------------------ feeds

test('dead letters of every isolate are reported on main, with reason, sender, method and arguments, before idle()', async (t) => {
  place.dead.length = 0
  await a.ask.tell(b, 'missing', { one: 1 }, [m])
  b.tell.tell(m, 'missing')
  ;(a.tell as any).missing('from plain code')
  await system.idle()
  t.is(place.dead.length, 3)
  const told = place.dead.map(({ reason, target, sender, method, args }) => [target, sender, method, reason, args])
  const at = (target: string) => told.find((each) => each[0] === target)
  t.deepEqual(at('/b')!.slice(0, 4), ['/b', '/a', 'missing', 'no-handler'])
  t.deepEqual((at('/b')![4] as any[])[0], { one: 1 })
  t.is((at('/b')![4] as any[])[1][0], m)
  t.deepEqual(at('/m'), ['/m', '/b', 'missing', 'no-handler', []])
  t.deepEqual(at('/a'), ['/a', null, 'missing', 'no-handler', ['from plain code']])
})

test('a dead letter whose arguments cannot travel to main is reported without them', async (t) => {
  place.dead.length = 0
  await a.ask.tellItself('missing')
  await system.idle()
  t.deepEqual(place.dead, [{ reason: 'no-handler', target: '/a', sender: '/a', method: 'missing', args: null }])
})

test('events of actors elsewhere are told on main in order: started, failed, stopped, started', async (t) => {
  const ref = system.spawn(Peer, { on: 2, name: 'eventful' })
  await ref.started
  place.events.length = 0
  await outcome(ref.ask.fail('once'))
  await system.idle()
  const of = place.events.filter((event) => 'path' in event && event.path === '/eventful')
  t.deepEqual(of.map(({ type }) => type), ['failed', 'stopped', 'started', 'restarted'])
  t.like(of[0], { failure: { generation: 0, method: 'fail', phase: 'message' } })
  t.deepEqual(of.slice(1).map((event) => (event as { generation: number }).generation), [0, 1, 1])
  await ref.stop()
})

test('whoever listens from later on is told from then on, and a core that starts later tells as well', async (t) => {
  const own = town({ cores: 2 })
  await own.system.idle()
  const heard: string[] = []
  const subscription = own.system.deadLetters.on((letter) => void heard.push(letter.method))
  await own.a.ask.tell(own.b, 'one')
  await own.system.idle()
  subscription.cancel()
  await own.a.ask.tell(own.b, 'two')
  await own.system.idle()
  t.deepEqual(heard, ['one'])
  await end(own.system)
})

test('the logger of the system hears of every isolate', async (t) => {
  const { log, lines } = memoryLog()
  const own = town({ log })
  await outcome(own.a.ask.logs('from a core', { n: 1, at: own.m }))
  await own.system.idle()
  const line = lines.find(({ message }) => message === 'from a core')
  t.is(line?.level, 'info')
  t.like(line?.fields, { actor: '/a', n: 1 })
  t.is((line?.fields as { at: unknown }).at, own.m)
  await end(own.system)
})

test('after shutdown the counts stay, and verbs reject CLOSED', async (t) => {
  const own = town()
  await Promise.all([own.a.ask.echo(1), own.b.ask.echo({}), own.m.ask.echo(1)])
  const before = own.system.stats()
  await end(own.system)
  t.like(own.system.stats(), { sent: before.sent, handled: before.handled, actors: 0 })
  t.is(await codeOf(own.a.ask.echo({})), 'ERR_BUSKIN_CLOSED')
  t.is(await codeOf(own.a.send.echo(1)), 'ERR_BUSKIN_CLOSED')
  t.throws(() => own.system.spawn(Peer, { on: 1 }), { code: 'ERR_BUSKIN_CLOSED' })
  t.is(own.system.stats().deadLetters, before.deadLetters + 2)
})

test('the failure of an actor that ended with it, and had its parent elsewhere than the listener, still says where it was', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 1, name: 'brief', restart: 'temporary' })) as Ref<Peer>
  await outcome(child.ask.fail('for good'))
  await child.stopped
  await system.idle()
  const failed = place.events.flatMap((event) => (event.type === 'failed' && event.path === '/a/brief' ? [event.failure.child] : []))
  t.deepEqual(failed.map((ref) => [ref.path, ref.equals(child)]), [['/a/brief', true]])
})
