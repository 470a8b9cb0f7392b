// Semantics, sentences 12, 13, 16-19 as far as a ref tells them, and issue 5: a ref that came in a message is the ref of that
// very actor. It stays live, compares equal, and is the same object again where its actor lives.
import ava from 'ava'
import type { ExitReason, Ref } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { Failing, Peer, SlowStart } from './fixtures/peer.ts'
import { adds, codeOf, failure, givesBack, outcome, sharedTown } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m, spawn } = place

test('a ref comes home as the very object that it left as', async (t) => {
  t.is(await a.ask.echo(m), m)
  t.is(await a.ask.ask(b, 'echo', m), m, 'over two cores')
  t.true(await a.ask.isSelf(a))
  t.true(await b.ask.ask(a, 'isSelf', a) as boolean, 'from another core')
  t.true((await a.ask.echo(m.with({ timeout: 5 }))) === m, 'call options are the sender\'s own')
})

test('a ref equals the original wherever it is, and nothing else', async (t) => {
  const back = (await b.ask.echo({ ref: a })) as { ref: Ref<Peer> }
  t.true(back.ref.equals(a))
  t.true(a.equals(back.ref))
  t.false(back.ref.equals(b))
  t.false(back.ref.equals(m))
  t.false(back.ref.equals('/a'))
  t.true(await a.ask.isMine(a))
  t.false(await b.ask.isMine(a))
})

test('a ref knows its path and name in every isolate', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 2, name: 'child' })) as Ref<Peer>
  for (const [ref, path, name] of [[a, '/a', 'a'], [m, '/m', 'm'], [child, '/a/child', 'child']] as const) {
    t.deepEqual([ref.path, ref.name, String(ref), JSON.stringify(ref)], [path, name, path, `"${path}"`])
    for (const at of [a, b, m]) t.deepEqual(await at.ask.describe(ref), { path, name, text: path, json: `{"ref":"${path}"}` })
  }
  await child.stop()
})

test('an unnamed actor is called after its class, the same in every isolate', async (t) => {
  const unnamed = spawn(2)
  t.regex(unnamed.name, /^Peer-\d+$/)
  for (const at of [a, b, m]) t.like(await at.ask.describe(unnamed), { path: `/${unnamed.name}`, name: unnamed.name })
  t.is(await unnamed.ask.where(), `/${unnamed.name}`)
  await unnamed.stop()
})

test('a ref in a message has the verbs of its class wherever the class is known', async (t) => {
  t.true(await a.ask.hasView(b))
  t.true(await b.ask.ask(a, 'hasView', b) as boolean)
  t.true('echo' in ((await a.ask.echo(b)) as Ref<Peer>).tell)
})

test('refs travel inside arrays, maps, sets, errors and as spawn arguments', async (t) => {
  const got = (await a.ask.echo({ list: [m], map: new Map([[m, b]]), set: new Set([m]), error: Object.assign(new Error('e'), { ref: m }) })) as any
  t.is(got.list[0], m)
  t.true(got.map.get(m).equals(b))
  t.true(got.set.has(m))
  t.is(got.error.ref, m)
  place.keepers[1].tell.open('given')
  const given = system.spawn(SlowStart, { on: 1, args: [m, 'given'] })
  t.is(await given.ask.first(), m)
  await given.stop()
})

test('every verb works on a ref that came in a message, and each is counted once', async (t) => {
  const ref = (await a.ask.echo(b)) as Ref<Peer>
  await ref.ask.clear()
  await adds(t, place, { sent: 5, handled: 5 }, async () => {
    ref.tell.note(1)
    await ref.send.note(2)
    t.is(await ref.ask.note(3), 3)
    const items: unknown[] = []
    for await (const item of ref.stream.range(0, 3)) items.push(item)
    t.deepEqual(items, [0, 1, 2])
    t.deepEqual(await ref.ask.read(), [1, 2, 3])
  })
})

test('ctx.self and ctx.parent are refs that work everywhere', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 2 })) as Ref<Peer>
  const self = (await child.ask.self()) as Ref<Peer>
  t.true(self.equals(child))
  const parent = (await child.ask.parent()) as unknown as Ref<Peer>
  t.true(parent.equals(a))
  t.is(await parent.ask.where(), '/a')
  t.true(await a.ask.isMine(parent))
  t.is(await a.ask.parent(), null)
  await child.stop()
})

// ------------------------------------------------------------------------------------------------ started, stopped

test('started and stopped of a ref that came in a message tell what they tell at home', async (t) => {
  const ref = spawn(2)
  const far = (await a.ask.echo(ref)) as Ref<Peer>
  t.is(await far.started, undefined)
  const watched = [ref.stopped, far.stopped, a.ask.stopped(ref), m.ask.stopped(ref)]
  t.is(await a.ask.started(ref), undefined)
  t.deepEqual(await a.ask.stop(ref), { kind: 'normal' })
  t.deepEqual(await Promise.all(watched), [{ kind: 'normal' }, { kind: 'normal' }, { kind: 'normal' }, { kind: 'normal' }])
  t.deepEqual(await b.ask.stopped(ref), { kind: 'normal' }, 'also asked after the end')
})

test('many refs to one actor elsewhere that are waited for are one question', async (t) => {
  const child = (await a.ask.spawnPeer({ on: 2 })) as Ref<Peer>
  const { queries } = laneOf(system).crossing!
  const before = queries.size
  const waits: Promise<unknown>[] = []
  for (let i = 0; i < 50; i++) {
    const again = (await a.ask.echo(child)) as Ref<Peer>
    await again.started
    waits.push(again.stopped)
  }
  t.true(queries.size - before <= 2)
  await a.ask.stop(child)
  t.deepEqual(await Promise.all(waits), Array.from({ length: 50 }, () => ({ kind: 'normal' })))
  t.is(queries.size, before)
})

test('started waits for the start, in every isolate', async (t) => {
  const slow = system.spawn(SlowStart, { on: 1, args: [m, 'start'] })
  const waits = [slow.started, b.ask.started(slow)]
  let isOpen = false
  for (const wait of waits) wait.then(() => t.true(isOpen), () => t.fail())
  await place.keepers[1].ask.entered('start')
  isOpen = true
  place.keepers[1].tell.open('start')
  await Promise.all(waits)
  await slow.stop()
})

test('started rejects with START and the cause in every isolate; stopped tells the failure', async (t) => {
  const failing = system.spawn(Failing, { on: 2, restart: 'temporary' })
  const [here, there] = await Promise.all([failure(failing.started), failure(a.ask.started(failing))])
  for (const error of [here, there]) {
    t.is(error.code, 'ERR_BUSKIN_START')
    t.true(error.cause instanceof RangeError)
    t.is(error.cause.message, 'never starts')
  }
  const why = (await failing.stopped) as Extract<ExitReason, { kind: 'failed' }>
  t.is(why.kind, 'failed')
  t.true(why.error instanceof RangeError)
})

test('a core may stop and kill what lives elsewhere, and both are idempotent', async (t) => {
  for (const on of [0, 2]) {
    const stopped = spawn(on)
    const killed = spawn(on)
    t.deepEqual(await a.ask.stop(stopped), { kind: 'normal' })
    t.deepEqual(await a.ask.kill(killed), { kind: 'killed' })
    t.deepEqual([await stopped.stopped, await killed.stopped], [{ kind: 'normal' }, { kind: 'killed' }])
    t.deepEqual(await stopped.kill(), { kind: 'normal' }, 'the first reason wins')
    t.deepEqual(await a.ask.kill(stopped), { kind: 'normal' })
  }
})

test('stop with drain lets what waits be handled first; what comes after the call is dead', async (t) => {
  const ref = spawn(1)
  await ref.ask.nothing()
  await adds(t, place, { sent: 6, handled: 5, deadLetters: 1 }, async () => {
    ref.tell.hold('drain')
    await place.keepers[1].ask.entered('drain')
    ref.tell.note(1)
    const last = ref.ask.echo('the last')
    const ended = ref.stop({ drain: true })
    const late = codeOf(ref.ask.echo('late'))
    place.keepers[1].tell.open('drain')
    t.is(await last, 'the last')
    t.is(await late, 'ERR_BUSKIN_STOPPED')
    t.deepEqual(await ended, { kind: 'normal' })
  })
})

// -------------------------------------------------------------------------------------------------- after the end

test('after the end every verb gives STOPPED in every isolate, and a dead letter that names target and sender', async (t) => {
  const ref = system.spawn(Peer, { on: 2, name: 'gone' })
  await ref.ask.nothing()
  const far = (await a.ask.echo(ref)) as Ref<Peer>
  await ref.stop()
  place.dead.length = 0
  await adds(t, place, { sent: 9, handled: 1, deadLetters: 8 }, async () => {
    for (const one of [ref, far]) {
      t.is(await codeOf(one.ask.echo({ x: 1 })), 'ERR_BUSKIN_STOPPED')
      t.is(await codeOf(one.send.echo(2)), 'ERR_BUSKIN_STOPPED')
    }
    ref.tell.echo(3)
    ref.tell.two('four', 4)
    t.is(await codeOf(ref.stream.range(0, 1).next()), 'ERR_BUSKIN_STOPPED')
    t.like(await a.ask.outcome(ref, 'ask', 'echo', 'five'), { error: { code: 'ERR_BUSKIN_STOPPED' } })
  })
  t.deepEqual(
    place.dead.map(({ reason, target, sender, method, args }) => [reason, target, sender, method, args]),
    [
      ['stopped', '/gone', null, 'echo', [{ x: 1 }]],
      ['stopped', '/gone', null, 'echo', [2]],
      ['stopped', '/gone', null, 'echo', [{ x: 1 }]],
      ['stopped', '/gone', null, 'echo', [2]],
      ['stopped', '/gone', null, 'echo', [3]],
      ['stopped', '/gone', null, 'two', ['four', 4]],
      ['stopped', '/gone', null, 'range', [0, 1]],
      ['stopped', '/gone', '/a', 'echo', ['five']],
    ],
  )
})

test('the error of a send or an ask to an actor that has ended names actor and method', async (t) => {
  const ref = (await a.ask.spawnPeer({ on: 2, name: 'unseen' })) as Ref<Peer> // this isolate is not told of its end
  t.is(ref.path, '/a/unseen')
  await a.ask.stop(ref)
  for (const error of [await failure(ref.send.echo({})), await failure(ref.ask.echo({})), await failure(ref.send.nothing())]) {
    t.regex(error.message, /^actor stopped: \/a\/unseen ended without completing '(echo|nothing)'/)
  }
})

test('a ref of an actor that has ended reaches nobody who took its index', async (t) => {
  const old = spawn(1)
  await old.stop()
  const others = Array.from({ length: 40 }, () => spawn(1))
  await Promise.all(others.map((other) => other.ask.nothing()))
  t.is(await codeOf(old.ask.note('x')), 'ERR_BUSKIN_STOPPED')
  t.is(await codeOf(b.ask.ask(old, 'note', 'x')), 'ERR_BUSKIN_STOPPED')
  for (const other of others) t.is(await other.ask.count(), 0)
  await Promise.all(others.map((other) => other.stop()))
})

test('5,000 dead letters keep what they were, however many inboxes they come in', async (t) => {
  const ref = spawn(1)
  await ref.stop()
  place.dead.length = 0
  for (let i = 0; i < 5000; i++) (ref.tell as any)[`method${i % 7}`]({ i, text: 'x'.repeat(i % 50) })
  await system.idle()
  t.deepEqual(place.dead.map(({ method, args }) => [method, args]), Array.from({ length: 5000 }, (_, i) => [`method${i % 7}`, [{ i, text: 'x'.repeat(i % 50) }]]))
})

test('what waits for the end of many actors elsewhere is not kept after it', async (t) => {
  await givesBack(t, place, async () => {
    const ref = spawn(1)
    const far = (await b.ask.echo(ref)) as Ref<Peer>
    await far.started
    const waits = Promise.all([far.stopped, b.ask.stopped(ref), outcome(b.ask.started(ref))])
    await ref.stop()
    await waits
  })
})
