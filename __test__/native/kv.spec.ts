// The native actor 'kv', called from every isolate of a system.
import ava from 'ava'
import { BuskinError, native, type Ref } from '../../src/index.ts'
import { rejectsWith, within } from '../support.ts'
import { Client } from './fixtures/native.ts'
import { deadBy, infoOf, withThreads } from './support.ts'

const test = ava.serial
const kv = native('kv')

test('a store keeps values by keys, and gives copies of them', async (t) => {
  const store = withThreads(t).spawn(kv, { name: 'cache' })
  t.is(store.path, '/cache')
  const value = { a: 1, list: ['x', 2n, null, undefined, -0], map: new Map([['k', new Set([1])]]), when: new Date(5), bytes: new Uint8Array([1, 2, 3]) }
  t.is(await store.ask.set('one', value), undefined)
  t.deepEqual(await store.ask.get('one'), value)
  t.not(await store.ask.get('one'), await store.ask.get('one'))
  t.is(await store.ask.get('none'), undefined)
  t.is(await store.ask.has('one'), true)
  t.is(await store.ask.has('none'), false)
  t.is(await store.ask.size(), 1)
  t.is(await store.ask.delete('one'), true)
  t.is(await store.ask.delete('one'), false)
  t.is(await store.ask.size(), 0)
})

for (const [name, value] of [
  ['undefined', undefined], ['null', null], ['a small integer', -7], ['minus zero', -0], ['not a number', NaN], ['a large number', 2 ** 53 + 2], ['a bigint', -(2n ** 200n)],
  ['a string', 'text'], ['a string beyond ASCII', 'größer 👩‍🚀'], ['an empty string', ''], ['a long string', 'x'.repeat(100_000)], ['a lone surrogate', '\ud800'], ['true', true], ['an empty object', {}], ['an empty array', []],
  ['a Buffer', Buffer.from('bytes')], ['large bytes', new Uint8Array(300_000).fill(7)], ['an ArrayBuffer', new Uint8Array([9, 8]).buffer], ['a regular expression', /a+/gi],
] as const) {
  test(`a value comes back as it was: ${name}`, async (t) => {
    const store = withThreads(t).spawn(kv)
    store.tell.set('key', value)
    t.deepEqual(await store.ask.get('key'), value)
    t.deepEqual(await store.ask.get('key'), value)
  })
}

test('an object that occurs twice, and one that is in itself, come back so', async (t) => {
  const store = withThreads(t).spawn(kv)
  const self: Record<string, unknown> = { n: 1 }
  self['self'] = self
  store.tell.set('key', [self, self])
  const [one, two] = (await store.ask.get('key')) as [typeof self, typeof self]
  t.is(one, two)
  t.is(one['self'], one)
})

test('refs are kept, and lead to their actors', async (t) => {
  const system = withThreads(t)
  const [store, other] = [system.spawn(kv), system.spawn(kv, { name: 'other' })]
  const client = system.spawn(Client, { name: 'client' })
  await store.ask.set('refs', { client, other })
  const kept = (await store.ask.get('refs')) as { client: Ref<Client>; other: typeof store }
  t.is(kept.client, client)
  t.true(kept.other.equals(other))
  await kept.other.ask.set('x', 1)
  t.is(await kept.client.ask.get(kept.other, 'x'), 1)
})

test('many at once: values, keys, counters, and what is set only where something is', async (t) => {
  const store = withThreads(t).spawn(kv)
  await store.ask.setMany({ 'a 1': 1, 'a 2': { x: 2 }, 'b': 3 })
  await store.ask.setMany(new Map([['c', 4]]))
  await store.ask.setMany([['d', 5]])
  t.deepEqual(await store.ask.getMany(['a 2', 'none', 'd']), [{ x: 2 }, undefined, 5])
  t.deepEqual(await store.ask.keys('a '), ['a 1', 'a 2'])
  t.deepEqual(await store.ask.keys(undefined, 3), ['a 1', 'a 2', 'b'])
  t.deepEqual(await Promise.all([store.ask.increment('n'), store.ask.increment('n', 2.5), store.ask.increment('b', -1)]), [1, 3.5, 2])
  t.deepEqual(await Promise.all([store.ask.compareAndSet('a 2', { x: 2 }, 'new'), store.ask.compareAndSet('a 2', { x: 2 }, 'other'), store.ask.compareAndSet('e', undefined, 1)]), [true, false, true])
  t.is(await store.ask.get('a 2'), 'new')
  t.is(await store.ask.clear(), 7)
})

test('a key ends in time, and what becomes of keys is a stream', async (t) => {
  const store = withThreads(t).spawn(kv)
  const changes = store.stream.watch('k')
  const first = changes.next()
  await store.ask.set('other', 0)
  await store.ask.set('k 1', { n: 1 }, { ttl: 20 })
  t.deepEqual((await first).value, { type: 'set', key: 'k 1', value: { n: 1 } })
  t.deepEqual((await within(changes.next(), 'the end of the key')).value, { type: 'expire', key: 'k 1' })
  t.is(await store.ask.has('k 1'), false)
  await changes.return?.()
  t.is(await store.ask.expire('other', 60_000), true)
  t.is(await store.ask.expire('none', 1), false)
})

test('tells, sends and asks of one sender are handled in their order', async (t) => {
  const store = withThreads(t).spawn(kv)
  for (let i = 0; i < 3_000; i += 3) {
    store.tell.set('key', i)
    void store.send.set('key', i + 1)
    void store.ask.set('key', i + 2)
    if (i % 300 === 0) t.is(await store.ask.get('key'), i + 2)
  }
  t.is(await store.ask.get('key'), 2_999)
})

test('a wrong argument is told to the asker, and fails nobody', async (t) => {
  const system = withThreads(t)
  const store = system.spawn(kv)
  await store.ask.set('kept', 1)
  const error = await t.throwsAsync(store.ask.get(5 as never))
  t.is((error as Error).name, 'TypeError')
  t.is(await store.ask.get('kept'), 1)
  t.is(system.stats().failed, 0)
})

test('a method that it has not is a dead letter, and says so to who asks', async (t) => {
  const system = withThreads(t)
  const store = system.spawn(kv, { name: 'cache' })
  const letters: string[] = []
  system.deadLetters.on(({ reason, target, method, args }) => void letters.push(`${reason} ${target} ${method} ${JSON.stringify(args)}`))
  const loose = store as Ref<any>
  const error = await rejectsWith(t, loose.ask.nothing(1, 'x'), 'ERR_BUSKIN_NO_HANDLER')
  t.regex(error.message, /\/cache has none for 'nothing'/)
  loose.tell.nothing({ a: 1 })
  await rejectsWith(t, loose.ask.watch(), 'ERR_BUSKIN_NO_HANDLER')
  await within(system.idle(), 'idle')
  t.deepEqual(letters, ['no-handler /cache nothing [1,"x"]', 'no-handler /cache nothing [{"a":1}]', 'no-handler /cache watch []'])
  t.deepEqual(deadBy(system), { 'no-handler': 3 })
})

test('memory that is given away is copied, and taken from its sender; shared memory cannot go', async (t) => {
  const store = withThreads(t).spawn(kv)
  const [buffer, other] = [new Uint8Array([1, 2, 3]).buffer, new ArrayBuffer(2)]
  const view = new Uint16Array(buffer.slice(0, 2))
  await store.with({ transfer: [buffer, view.buffer as ArrayBuffer, other] }).ask.set('key', [buffer, view])
  t.deepEqual([buffer.byteLength, view.length, other.byteLength], [0, 0, 2])
  t.deepEqual(await store.ask.get('key'), [new Uint8Array([1, 2, 3]).buffer, new Uint16Array([0x0201])])
  const error = await t.throwsAsync(async () => store.ask.set('key', [new SharedArrayBuffer(8)]))
  t.true(BuskinError.is(error, 'ERR_BUSKIN_NOT_SERIALIZABLE'))
  t.regex((error as Error).message, /args\[1\]\[0\]/)
  t.deepEqual(((await store.ask.get('key')) as unknown[]).length, 2)
})

test('an ask that a time-out, a signal or a ttl ends', async (t) => {
  const system = withThreads(t)
  const store = system.spawn(kv)
  const abort = new AbortController()
  const aborted = store.with({ signal: abort.signal }).ask.get('x')
  abort.abort()
  await rejectsWith(t, aborted, 'ERR_BUSKIN_ABORTED')
  t.is(await store.with({ priority: 'high', ttl: 10_000, timeout: Infinity }).ask.size(), 0)
  store.with({ signal: new AbortController().signal }).tell.set('told', 1)
  t.is(await store.ask.get('told'), 1)
})

// ------------------------------------------------------------------------------------------------- all isolates

test('a store is one for all isolates: thousands of asks at once, each with its own answer', async (t) => {
  const system = withThreads(t, { cores: 2 })
  const store = system.spawn(kv, { name: 'cache' })
  const clients = [0, 1, 2].map((on) => system.spawn(Client, { on, name: `client ${on}` }))
  const wrong = await within(Promise.all(clients.map((client, at) => client.with({ timeout: Infinity }).ask.hammer(store, `client ${at}`, 2_000))), 'the rounds', 40_000)
  t.deepEqual(wrong, [0, 0, 0])
  t.is(await store.ask.size(), 6_000)
  t.is(infoOf(system, '/cache')?.handled, 12_001)
  for (const client of clients) t.is(await client.ask.get(store, 'client 1 77').then((value: any) => value.i), 77)
  t.is((await clients[2]!.ask.keys(store)).length, 6_000)
})

test('a core spawns native actors: below itself, and on the system', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const client = system.spawn(Client, { on: 1, name: 'client' })
  const child = await client.ask.childStore('mine')
  const root = await client.ask.rootStore('ours')
  t.deepEqual([child.path, root.path], ['/client/mine', '/ours'])
  await Promise.all([child.ask.set('key', 'child'), root.ask.set('key', 'root')])
  t.is(await client.ask.get(child, 'key'), 'child')
  t.is(await client.ask.get(root, 'key'), 'root')
  t.deepEqual(await client.ask.here(), ['/client/mine'])
  const info = infoOf(system, '/client/mine')
  t.is(info?.className, 'kv')
  t.true((info?.on ?? 0) > 1, 'its number is that of a thread, which comes after the cores')
  t.is((await client.stop()).kind, 'normal')
  t.is((await within(child.stopped, 'the end of the child')).kind, 'shutdown')
  t.is(await root.ask.get('key'), 'root')
})

test('lookup finds it from every isolate, and what it finds is typed by nothing but works by name', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const store = system.spawn(kv, { name: 'cache' })
  const client = system.spawn(Client, { on: 1 })
  await store.ask.set('key', 1)
  const found = system.lookup('/cache') as Ref<any>
  t.true(found.equals(store))
  t.is(await found.ask.get('key'), 1)
  const there = (await client.ask.lookUp('/cache')) as Ref<any>
  t.true(store.equals(there))
  t.is(await there.ask.get('key'), 1)
  t.is(system.lookup('/none'), null)
})

test('the sender of a message is known there, and paths are the same everywhere', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const client = system.spawn(Client, { on: 1, name: 'client' })
  const store = system.spawn(kv) // without a name
  t.regex(store.path, /^\/kv-/)
  t.is(await client.ask.pathOf(store), store.path)
})
