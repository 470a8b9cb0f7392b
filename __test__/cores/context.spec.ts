// Semantics, sentences 9, 22 and 31, and the option localMessages: whose handler a message came from is known across isolates, its
// AsyncLocalStorage is not.
import ava from 'ava'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Actor, createSystem } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { Holder } from './fixtures/peer.ts'
import { adds, codeOf, end, failure, givesBack, outcome, town } from './town.ts'

const test = ava.serial

test('propagate: the sender is known after an await too, to whichever isolate the message goes', async (t) => {
  const place = town({ propagate: true })
  const { a, b, m } = place
  for (const [from, to, path] of [[a, b, '/a'], [a, m, '/a'], [m, b, '/m'], [b, a, '/b']] as const) {
    t.is(await from.ask.ask(to, 'sender'), path)
    t.is(await from.ask.askAfter(to, 'sender'), path)
    t.is(await from.ask.askAfter(to, 'senderLater'), path)
    t.deepEqual(await from.ask.stream(to, 'senders'), [path, path])
  }
  t.is(await a.ask.sender(), null)
  await end(place.system)
})

test('propagate: every verb works between isolates as without it', async (t) => {
  const place = town({ propagate: true })
  const { a, b } = place
  await adds(t, place, { sent: 8, handled: 7, deadLetters: 1 }, async () => {
    a.tell.note(1)
    await a.send.note({ two: 2 })
    t.deepEqual(await a.ask.all(1, 2, 3, 4), [1, 2, 3, 4])
    t.is(await a.ask.ask(b, 'echo', 'x'), 'x')
    t.is(await a.ask.field('f'), 'field f')
    t.deepEqual(await a.ask.read(), [1, { two: 2 }, [1, 2, 3, 4]])
    t.is(await codeOf((a.ask as any).missing(1)), 'ERR_BUSKIN_NO_HANDLER')
  })
  await givesBack(t, place, () => outcome(a.ask.echo(1)))
  await end(place.system)
})

test('propagate: what an actor sends after its end has no effect, also to other isolates', async (t) => {
  const place = town({ propagate: true })
  const { a, b, system, spawn, keepers } = place
  await b.ask.nothing()
  const ref = spawn(1)
  await adds(t, place, { sent: 5, handled: 4, failed: 1 }, async () => {
    const asked = failure(ref.ask.tellAfter('fence', b))
    await keepers[1].ask.entered('fence')
    await ref.kill()
    t.is((await asked).code, 'ERR_BUSKIN_STOPPED')
    await keepers[1].ask.open('fence')
    await system.idle()
    t.deepEqual(await b.ask.read(), [])
    await a.ask.nothing()
  })
  await end(place.system)
})

test('the AsyncLocalStorage context of a caller does not cross to another isolate, with propagate or without', async (t) => {
  for (const propagate of [false, true]) {
    const place = town({ propagate })
    const storage = new AsyncLocalStorage<string>()
    await storage.run('caller', async () => {
      t.is(await place.a.ask.echo(1), 1)
      t.is(storage.getStore(), 'caller')
      t.is(await place.a.ask.storage(), undefined)
    })
    await end(place.system)
  }
})

for (const localMessages of ['share', 'freeze', 'copy'] as const) {
  test(`localMessages '${localMessages}' is for messages within an isolate; others are copied once, and their replies are not frozen`, async (t) => {
    const place = town({ localMessages })
    const { a, m, b } = place
    const sent = { list: [1] }
    const got = (await a.ask.echo(sent)) as typeof sent
    t.deepEqual(got, sent)
    t.not(got, sent)
    t.false(Object.isFrozen(sent), 'it left by a copy')
    t.false(Object.isFrozen(got))
    t.deepEqual(await a.ask.ask(b, 'echo', sent), sent)
    const here = await m.ask.echo(sent)
    t.is(here === sent, localMessages !== 'copy')
    t.is(Object.isFrozen(sent), localMessages === 'freeze')
    t.is(await codeOf(a.ask.giveFunction()), 'ERR_BUSKIN_NOT_SERIALIZABLE')
    t.is(await a.ask.generation(), 0, 'a reply that cannot travel fails nobody')
    await end(place.system)
  })
}

test('arguments of a spawn are decoded afresh for each instance elsewhere, large and shared ones too', async (t) => {
  const place = town()
  const memory = new SharedArrayBuffer(4)
  const list = [1]
  const ref = place.system.spawn(Holder, { on: 1, args: [{ list, bytes: new Uint8Array(100_000).fill(7), memory, ref: place.m }] })
  for (let generation = 0; generation < 3; generation++) {
    const seen = await ref.ask.look()
    t.deepEqual({ ...seen, ref: undefined }, { list: [1], byte: 7, length: 100_000, memory: generation, ref: undefined })
    t.is(seen.ref, place.m)
    await outcome(ref.ask.spoil())
  }
  t.deepEqual(list, [1])
  await end(place.system)
})

test('an actor that a core spawns on the system in its own isolate gets the very arguments, functions too', async (t) => {
  const place = town()
  const ref = (await place.a.ask.spawnWithFunction()) as Ref<Holder>
  t.is(await ref.ask.call(20), 21)
  t.is(ref.path, '/local')
  await outcome(ref.ask.spoil())
  t.is(await ref.ask.call(1), 2, 'the next instance as well')
  await end(place.system)
})

test('a ref to an actor that has yet to start in the same isolate is that actor', async (t) => {
  const place = town()
  const { a, b, system } = place
  await Promise.all([a.ask.nothing(), b.ask.nothing()])
  for (let i = 0; i < 20; i++) {
    const fresh = place.spawn(1)
    const [stopped] = await Promise.all([a.ask.stop(fresh), a.ask.keep(fresh)])
    t.deepEqual(stopped, { kind: 'normal' })
    t.deepEqual(await fresh.stopped, { kind: 'normal' })
    const next = place.spawn(1)
    await a.ask.keep(next)
    t.true(await next.ask.isTheOneOf(a))
    await next.stop()
  }
  await system.idle()
  await end(system)
})

class Watcher extends Actor {
  readonly ended: string[] = []
  watch(...refs: Ref<any>[]) { for (const ref of refs) this.ctx.watch(ref, () => void this.ended.push(ref.name)) }
  told() { return this.ended }
}

test('watches that were made before the first core started stay apart from those made after it', async (t) => {
  const system = createSystem({ cores: 2, log: false })
  const watcher = system.spawn(Watcher)
  const early = ['one', 'two', 'three'].map((name) => system.spawn(Watcher, { name }))
  await watcher.ask.watch(...early)
  const late = system.spawn(Holder, { on: 1, name: 'far', args: [{}] }) // the first core starts
  await watcher.ask.watch(late, ...['four', 'five'].map((name) => system.spawn(Watcher, { name })))
  for (const name of ['two', 'four', 'far', 'one', 'five', 'three']) {
    await system.lookup(`/${name}`)!.stop()
    await system.idle()
  }
  t.deepEqual(await watcher.ask.told(), ['two', 'four', 'far', 'one', 'five', 'three'])
  await end(system)
})
