// What messages may carry between isolates: every kind of value arrives as what it was, and what cannot travel is refused at the
// call, with the path to it.
import ava from 'ava'
import { BuskinError, createSystem, Refusal } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { Peer, TeapotError } from './fixtures/peer.ts'
import { adds, end, failure, givesBack, outcome, sharedTown } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m } = place

test.beforeEach(async () => {
  await a.ask.clear()
  place.dead.length = 0
})

// -------------------------------------------------------------------------------------------------- what travels

const shared = { of: 'both' }
const cyclic: { name: string; self?: unknown; list: unknown[] } = { name: 'cyclic', list: [] }
cyclic.self = cyclic
cyclic.list.push(cyclic)

const samples: Readonly<Record<string, unknown>> = {
  null: null,
  undefined,
  true: true,
  'a small integer': 7,
  'a float': -1.25e-300,
  NaN: Number.NaN,
  'minus zero': -0,
  'a bigint': 2n ** 200n,
  'a negative bigint': -1n,
  'an empty string': '',
  'a short string': 'short',
  'a string of other alphabets': 'žluťoučký 🐎 \u0000 \ud800',
  'a long string': 'x'.repeat(100_000),
  'an array with holes': [1, , 3], // oxlint-disable-line no-sparse-arrays
  'a nested object': { a: { b: { c: [1, 'two', { three: 3n }] } }, undefined: undefined, '__proto__x': 1, '': 2 },
  'a Map': new Map<unknown, unknown>([['a', 1], [{ key: true }, new Map([[1, 2]])]]),
  'a Set': new Set([1, 'a', null]),
  'a Date': new Date(1234567890123),
  'an invalid Date': new Date(Number.NaN),
  'a RegExp': /ab+c/giu,
  'an Error': new TypeError('of a kind'),
  'a URL': new URL('https://user:pw@example.org:8080/path?q=1#hash'),
  'a Buffer': Buffer.from('bytes'),
  'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
  'a Float64Array': new Float64Array([1.5, -0, Number.NaN]),
  'a BigInt64Array': new BigInt64Array([1n, -1n]),
  'a DataView': new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  'an empty Uint8Array': new Uint8Array(0),
  'an object without a prototype': Object.assign(Object.create(null) as object, { bare: true }),
}

for (const [name, value] of Object.entries(samples)) {
  test(`${name} arrives as it was, and comes back so`, async (t) => {
    t.deepEqual(await a.ask.echo(value), value)
    t.deepEqual(await a.ask.ask(b, 'echo', [value, { value }]), [value, { value }])
    t.deepEqual(await a.ask.ask(m, 'echoLater', value), value)
  })
}

test('an object that occurs twice arrives once, and cycles are kept', async (t) => {
  const twice = (await a.ask.echo({ left: shared, right: shared })) as { left: unknown; right: unknown }
  t.is(twice.left, twice.right)
  const again = (await a.ask.echo(cyclic)) as typeof cyclic
  t.is(again.self, again)
  t.is(again.list[0], again)
})

test('what arrives shares nothing with what was sent', async (t) => {
  const sent = { list: [1] }
  const got = (await a.ask.echo(sent)) as typeof sent
  got.list.push(2)
  t.deepEqual(sent, { list: [1] })
  await a.ask.keep(sent)
  sent.list.push(3)
  t.deepEqual(await a.ask.kept(), { list: [1] })
})

test('an own __proto__ arrives as a key of its own and changes no prototype', async (t) => {
  const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}') as object
  const got = (await a.ask.echo(hostile)) as object
  t.true(Object.hasOwn(got, '__proto__'))
  t.is(Object.getPrototypeOf(got), Object.prototype)
  t.is(({} as { polluted?: unknown }).polluted, undefined)
})

test('errors arrive with class, message, name, stack, cause and their own fields', async (t) => {
  const error = new TeapotError('short', { cause: new AggregateError([new RangeError('r')], 'agg') })
  const got = (await a.ask.echo(error)) as TeapotError
  t.true(got instanceof TypeError)
  t.is(got.stack, error.stack)
  t.like(got, { name: 'TeapotError', message: 'short', status: 418 })
  t.true(got.cause instanceof AggregateError)
  t.true((got.cause as AggregateError).errors[0] instanceof RangeError)
  t.true((await a.ask.echo(new Refusal('no', { details: 1 }))) instanceof Refusal)
  t.true(BuskinError.is(await a.ask.echo(new BuskinError('ERR_BUSKIN_OPTION', 'x')), 'ERR_BUSKIN_OPTION'))
})

test('10,000 objects of one shape and 1,000 of different ones arrive whole', async (t) => {
  const same = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}`, on: id % 2 === 0 }))
  t.deepEqual(await a.ask.echo(same), same)
  const different = Array.from({ length: 1000 }, (_, id) => ({ [`key${id}`]: id, [`other${id % 7}`]: null }))
  t.deepEqual(await a.ask.ask(b, 'echo', different), different)
})

// ---------------------------------------------------------------------------------------------------------- bytes

for (const [name, length] of [['64 KB', 64 << 10], ['1 MB', 1 << 20], ['20 MB', 20 << 20]] as const) {
  test(`${name} of bytes arrive whole, by an ask, a tell and a reply`, async (t) => {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i += 4093) bytes[i] = i % 251
    const got = (await a.ask.echo(bytes)) as Buffer
    t.true(Buffer.isBuffer(got))
    t.true(bytes.equals(got))
    t.is(bytes.length, length, 'the sender keeps its own')
    a.tell.keep({ bytes, text: 'beside' })
    const kept = (await a.ask.kept()) as { bytes: Buffer; text: string }
    t.true(bytes.equals(kept.bytes))
    t.is(kept.text, 'beside')
  })
}

test('several large pieces in one message, and in many messages at once, are not mixed up', async (t) => {
  const piece = (n: number): Uint8Array => new Uint8Array(100_000).fill(n)
  const first = (await a.ask.all(piece(1), 'between', piece(2), { deep: [piece(3)] })) as [Uint8Array, string, Uint8Array, { deep: [Uint8Array] }]
  t.deepEqual([first[0][0], first[1], first[2][99_999], first[3].deep[0][5]], [1, 'between', 2, 3])
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => a.ask.echo([piece(i), piece(i + 100)]))) as Uint8Array[][]
  t.deepEqual(all.map(([one, two]) => [one![7], two![7]]), Array.from({ length: 20 }, (_, i) => [i, i + 100]))
})

test('a large piece of a message that cannot travel is not left for the next one', async (t) => {
  t.throws(() => void a.ask.all(new Uint8Array(100_000).fill(1), () => 1), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  t.throws(() => void system.spawn(Peer, { on: 1, name: 'never', args: [new Uint8Array(100_000), () => 1] } as never), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  t.is(((await a.ask.echo(new Uint8Array(100_000).fill(9))) as Uint8Array)[0], 9)
})

test('a getter that sends while its own message is written mixes nothing up', async (t) => {
  await b.ask.clear()
  const mine = new SharedArrayBuffer(4)
  const tricky = {
    before: new Uint8Array(50_000).fill(1),
    get sends() {
      for (let i = 0; i < 300; i++) b.tell.note([i, 'x'.repeat(i)])
      b.tell.note({ bytes: new Uint8Array(50_000).fill(2), memory: new SharedArrayBuffer(8) })
      return 'sent'
    },
    after: new Uint8Array(50_000).fill(3),
    mine,
  }
  const got = (await a.ask.echo(tricky)) as typeof tricky
  t.deepEqual([got.before[7], got.sends, got.after[7], got.mine.byteLength], [1, 'sent', 3, 4])
  const noted = (await b.ask.read()) as any[]
  t.deepEqual(noted.slice(0, 300).map(([i, text]) => [i, text.length]), Array.from({ length: 300 }, (_, i) => [i, i]))
  t.deepEqual([noted.length, noted[300].bytes[7], noted[300].memory.byteLength], [301, 2, 8])
})

test('a string of 10 MB arrives whole', async (t) => {
  const text = 'abcdefghij'.repeat(1 << 20)
  t.true((await a.ask.echo(text)) === text)
  t.is(await a.ask.echo('after it'), 'after it')
})

// ------------------------------------------------------------------------------------------- transfer and sharing

test('a transferred ArrayBuffer is detached here, and arrives there', async (t) => {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer
  const got = (await a.with({ transfer: [buffer] }).ask.echo(buffer)) as ArrayBuffer
  t.is(buffer.byteLength, 0)
  t.deepEqual([...new Uint8Array(got)], [1, 2, 3, 4])
})

test('views on a transferred buffer arrive as views on one buffer, each with its own window', async (t) => {
  const buffer = new ArrayBuffer(1 << 20)
  const bytes = new Uint8Array(buffer, 8, 16).fill(5)
  const words = new Uint32Array(buffer, 8, 2)
  t.deepEqual(await a.with({ transfer: [buffer] }).ask.views(bytes, words), [true, 8, 16, 0x05050505])
  t.is(bytes.length, 0)
})

test('a buffer goes with a tell, a send and a stream call, and from core to core', async (t) => {
  const make = (): ArrayBuffer => new Uint8Array([7, 7]).buffer
  const [one, two, three] = [make(), make(), make()]
  a.with({ transfer: [one] }).tell.note(one)
  await a.with({ transfer: [two] }).send.note(two)
  for await (const item of a.with({ transfer: [three] }).stream.things(three)) t.is((item as ArrayBuffer).byteLength, 2)
  t.deepEqual([one, two, three].map((buffer) => buffer.byteLength), [0, 0, 0])
  t.deepEqual(((await a.ask.read()) as ArrayBuffer[]).map((buffer) => buffer.byteLength), [2, 2])
  t.deepEqual(await a.ask.moveTo(b, 1 << 20), { left: 0, arrived: 1 << 20 })
  t.deepEqual(await a.ask.moveTo(m, 1 << 20), { left: 0, arrived: 1 << 20 })
})

test('a buffer named in transfer that the message does not carry stays', async (t) => {
  const buffer = new ArrayBuffer(8)
  await a.with({ transfer: [buffer] }).ask.echo('nothing')
  t.is(buffer.byteLength, 8)
})

test('a message that cannot travel takes no buffer with it', (t) => {
  const buffer = new ArrayBuffer(8)
  t.throws(() => void a.with({ transfer: [buffer] }).ask.all(buffer, () => 1), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  t.is(buffer.byteLength, 8)
})

test('a message whose signal has aborted takes no buffer with it', async (t) => {
  const buffer = new ArrayBuffer(8)
  t.is((await failure(a.with({ transfer: [buffer], signal: AbortSignal.abort() }).ask.echo(buffer))).code, 'ERR_BUSKIN_ABORTED')
  t.is(buffer.byteLength, 8)
})

test('a buffer that was transferred away cannot be sent', (t) => {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  const error = t.throws(() => void a.ask.echo({ buffer }), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  t.regex(error!.message, /args\[0\]\.buffer/)
})

test('within the isolate nothing is moved', async (t) => {
  const buffer = new ArrayBuffer(8)
  t.is(await m.with({ transfer: [buffer] }).ask.echo(buffer), buffer)
  t.is(buffer.byteLength, 8)
})

test('a SharedArrayBuffer is shared by all isolates it came to', async (t) => {
  const memory = new SharedArrayBuffer(8)
  const mine = new Int32Array(memory)
  const back = (await a.ask.echo(memory)) as SharedArrayBuffer
  t.true(back instanceof SharedArrayBuffer)
  mine[0] = 42
  t.is(new Int32Array(back)[0], 42)
  t.is(await a.ask.addTo(mine, 1), 43)
  t.is(await a.ask.ask(b, 'addTo', mine, 7), 50)
  t.is(mine[0], 50)
})

// ------------------------------------------------------------------------------------------- what cannot travel

class Custom { readonly field = 1 }
const bad: readonly (readonly [string, readonly unknown[], string])[] = [
  ['a function', [() => 1], 'args[0]'],
  ['a function inside', [1, { user: { save() {} } }], 'args[1].user.save'],
  ['a symbol', [{ list: [0, Symbol('s')] }], 'args[0].list[1]'],
  ['a Promise', [Promise.resolve()], 'args[0]'],
  ['a WeakMap', [{ map: new WeakMap() }], 'args[0].map'],
  ['an instance of a class', [{ custom: new Custom() }], 'args[0].custom'],
  ['a key that is no identifier', [{ 'a b': { f() {} } }], 'args[0]["a b"].f'],
  ['the fourth argument', [1, 2, 3, () => 1], 'args[3]'],
]

for (const [name, args, where] of bad) {
  test(`${name}: every verb throws NOT_SERIALIZABLE at the call, with the path`, async (t) => {
    await adds(t, place, {}, async () => {
      for (const ref of [a, a.with({ timeout: 100 })] as Ref<any>[]) {
        for (const verb of ['tell', 'send', 'ask', 'stream'] as const) {
          const error = t.throws(() => void (ref[verb] as any).all(...args), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
          t.true(error!.message.includes(`${where} of 'all' for /a is `), error!.message)
        }
        t.throws(() => void (ref.tell as any).missing(...args), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
      }
    })
    t.is(await a.ask.count(), 0)
  })
}

test('calls that could not be made leave nothing open', async (t) => {
  await givesBack(t, place, async () => {
    for (const verb of ['tell', 'send', 'ask', 'stream'] as const) {
      t.throws(() => void (a[verb] as any).echo(() => 1))
      t.throws(() => void (a.with({ signal: new AbortController().signal })[verb] as any).echo(() => 1))
    }
  })
})

test('on a core it is thrown as well, and a handler may catch it', async (t) => {
  for (const verb of ['tell', 'send', 'ask', 'stream'] as const) {
    const error = (await a.ask.throws(m, verb)) as BuskinError
    t.is(error.code, 'ERR_BUSKIN_NOT_SERIALIZABLE')
    t.regex(error.message, /args\[0\]\.user\.save of 'echo' for \/m is/)
  }
})

test('a reply that cannot travel rejects the asker with the path; the message counts as handled and fails nobody', async (t) => {
  const events = place.events.length
  await adds(t, place, { sent: 3, handled: 3 }, async () => {
    for (const [method, where] of [['giveFunction', 'reply'], ['giveNested', 'reply.list[1].bad'], ['giveFunctionLater', 'reply.save']] as const) {
      const error = await failure(a.ask[method]())
      t.is(error.code, 'ERR_BUSKIN_NOT_SERIALIZABLE')
      t.true(error.message.startsWith(`not serializable: ${where} of '${method}' for /a is `), error.message)
    }
  })
  t.is(place.events.length, events)
  await givesBack(t, place, () => outcome(a.ask.giveFunction()))
})

test('spawn arguments and options that cannot travel throw at the spawn, and leave no name, no index and no actor', async (t) => {
  const { actors } = system.stats()
  const spawn = (options: object) => () => void system.spawn(Peer, { on: 1, ...options } as never)
  for (let i = 0; i < 50; i++) {
    t.true(t.throws(spawn({ args: [1, { f() {} }] }), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })!.message.includes("args[1].f of 'spawn'"))
    t.throws(spawn({ name: 'taken', args: [Symbol('s')] }), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  }
  t.true(t.throws(spawn({ supervision: { decide: () => 'stop' } }), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })!.message.includes('options.supervision.decide'))
  t.is(system.stats().actors, actors)
  const taken = system.spawn(Peer, { on: 1, name: 'taken' })
  t.is(await taken.ask.where(), '/taken')
  await taken.stop()
  t.is(await a.ask.tryToSpawn(2), 'ERR_BUSKIN_NOT_SERIALIZABLE')
  t.is(await a.ask.tryToSpawn(0), 'ERR_BUSKIN_NOT_SERIALIZABLE')
})

test('a ref of another system cannot travel', async (t) => {
  const other = createSystem({ cores: 0, log: false })
  const stranger = other.spawn(Peer)
  t.throws(() => void a.tell.note({ stranger }), { code: 'ERR_BUSKIN_NOT_SERIALIZABLE' })
  await end(other)
})
