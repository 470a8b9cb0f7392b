import { types } from 'node:util'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { BuskinError, Refusal } from '../../src/errors.ts'
import { registerClass, Unsendable } from '../../src/cores/codec/codec.ts'
import { FakeRef, setUp, World } from './codec-support.ts'

const INTS = [0, 1, 95, 96, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 31 - 1]
const NUMBERS = [
  ...INTS, ...INTS.map((n) => -n), -(2 ** 31), 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 0.1, -0.1, Number.MAX_VALUE,
  Number.MIN_VALUE, Infinity, -Infinity, Number.NaN, -0, 1e21,
]
const BIGINTS = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 100n, -(3n ** 500n)]
const LETTERS = ['a', 'é', '\u00ff', '\u0100', 'Ж', '漢', '🎭', '\ud800', '\udc00', '\0', '\u2028']

// ------------------------------------------------------------------------------------------------ primitives

test('every primitive arrives as it is', (t) => {
  const { send } = setUp()
  const values = [...NUMBERS, ...BIGINTS, true, false, null, undefined]
  const got = send(values)
  t.is(got.length, values.length)
  values.forEach((value, i) => t.true(Object.is(got[i], value), String(value)))
})

test('every string arrives as it is, of any length and any letters, lone surrogates too', (t) => {
  const { one } = setUp()
  for (const letter of LETTERS) {
    for (const length of [0, 1, 2, 7, 8, 9, 12, 13, 62, 63, 64, 65, 200, 5_000]) {
      for (const text of [letter.repeat(length), `${'a'.repeat(length)}${letter}`, `${letter}${'b'.repeat(length)}`]) {
        if (one(text) !== text) t.fail(`${JSON.stringify(letter)} × ${length}`)
      }
    }
  }
  t.pass()
})

test('many different short strings do not take each other’s place', (t) => {
  const { one } = setUp()
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5_000; i++) if (one(`k${i}`) !== `k${i}`) t.fail(`k${i}`)
  }
  t.pass()
})

test('no value and many values make a message', (t) => {
  const { send } = setUp()
  t.deepEqual(send([]), [])
  const many = Array.from({ length: 1_000 }, (_, i) => i)
  t.deepEqual(send(many), many)
})

test('memory that is shared between threads does as well', (t) => {
  const { send } = setUp(new Uint8Array(new SharedArrayBuffer(1 << 20)))
  const values = ['é'.repeat(300), '漢'.repeat(300), '\ud800'.repeat(300), 'short', 0.5, 7n, new Uint8Array([1, 2]), { a: 1 }]
  for (let i = 0; i < 3; i++) t.deepEqual(send(values), values)
})

// ------------------------------------------------------------------------------------------- plain containers

test('objects and lists of every size and depth arrive, before and after their shape has a number', (t) => {
  const { one, world } = setUp()
  const values = [
    {}, [], { a: 1 }, { b: { c: [{ d: [] }] } }, { 'b c': 1, ü: 2 }, { 1: 'one', 0: 'zero', x: 1 },
    Array.from({ length: 15 }, (_, i) => i), Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 300 }, () => ({ a: [1] })),
    Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, i])),
    Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])),
    Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`${i}-id`, i])),
    { ['x'.repeat(100)]: 1 }, { undefined, null: null }, { toString: 1, hasOwnProperty: 2, valueOf: 3 },
  ]
  for (let i = 0; i < 12; i++) for (const value of values) t.deepEqual(one(value), value)
  t.true(world.lists.length > 5)
})

test('the order of keys is kept', (t) => {
  const { one } = setUp()
  for (let i = 0; i < 12; i++) {
    t.deepEqual(Object.keys(one({ b: 1, a: 2 })), ['b', 'a'])
    t.deepEqual(Object.keys(one({ a: 1, b: 2 })), ['a', 'b'])
  }
})

test('shapes are asked for once each, and not for what comes once', (t) => {
  const { one, world } = setUp()
  one({ once: 1 })
  t.is(world.asked, 0)
  for (let i = 0; i < 20; i++) one({ often: 1 })
  t.is(world.asked, 2, 'one for the writer, one for the reader')
})

test('objects whose keys are data use up no shapes', (t) => {
  const { one, world } = setUp()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 2_000; i++) t.is(one({ [`user-${i}`]: i })[`user-${i}`], i)
    for (let i = 0; i < 2_000; i++) t.is(one<Record<string, number>>({ [i]: i })[i], i)
  }
  t.true(world.lists.length <= 256, String(world.lists.length))
})

test('when no more shapes are given the keys travel along', (t) => {
  const { one, world } = setUp()
  world.shapesLeft = 1
  for (let i = 0; i < 12; i++) {
    t.deepEqual(one({ a: { b: i } }), { a: { b: i } })
    t.deepEqual(one({ c: [i] }), { c: [i] })
  }
  t.is(world.lists.length, 1)
})

test('two isolates learn shapes from each other, in any order', (t) => {
  const world = new World()
  const a = world.codec()
  const b = world.codec()
  const memory = new Uint8Array(4096)
  const values = Array.from({ length: 40 }, (_, i) => ({ [`k${i % 7}`]: i, [`l${i % 3}`]: { [`m${i % 5}`]: [i] } }))
  for (let round = 0; round < 15; round++) {
    for (const [i, value] of values.entries()) {
      const [from, to] = (i * 7 + round) % 3 === 0 ? [a, b] : [b, a]
      t.deepEqual(to.decode(memory, 0, from.encode([value], memory, 0)), [value])
      if (i % 4 === 0) t.deepEqual(from.decode(memory, 0, from.encode([value], memory, 0)), [value])
    }
  }
})

test('null prototypes are kept, and holes', (t) => {
  const { one } = setUp()
  const bare = Object.assign(Object.create(null), { a: 1, b: { c: 2 } })
  t.is(Object.getPrototypeOf(one(bare)), null)
  t.deepEqual({ ...one(bare) }, { a: 1, b: { c: 2 } })
  const holes = [, 1, , undefined, ,]
  const got = one(holes)
  t.is(got.length, 5)
  t.deepEqual(Object.keys(got), ['1', '3'])
})

test('getters are read, symbol keys and hidden properties left behind', (t) => {
  const { one } = setUp()
  const value = { get a() { return 1 }, [Symbol('s')]: 2 }
  Object.defineProperty(value, 'hidden', { value: 3, enumerable: false })
  const got = one(value)
  t.deepEqual(Object.getOwnPropertyDescriptors(got), { a: { value: 1, writable: true, enumerable: true, configurable: true } } as object)
})

test('a getter that throws lets the error through, and the codec works on', (t) => {
  const { one } = setUp()
  const error = new Error('mine')
  const value = { a: [{ get b() { throw error } }] }
  t.is(t.throws(() => one(value)), error)
  t.deepEqual(one({ a: [{ b: 1 }] }), { a: [{ b: 1 }] } as object)
})

test('a getter may encode and a registered decode may decode meanwhile', (t) => {
  const { there, one } = setUp()
  const inner = new Uint8Array(100)
  const value = { a: [1], get b() { return there.encode([[1, [2]], this.a], inner, 0) }, get c() { return this.a } }
  const got = one(value)
  t.deepEqual(got.a, [1])
  t.is(got.c, got.a)
  t.deepEqual(there.decode(inner, 0, got.b), [[1, [2]], [1]])
})

test('objects of another realm are plain when they are there', (t) => {
  const { one } = setUp()
  t.deepEqual(one(runInNewContext('({ a: [1, { b: 2 }] })')), { a: [1, { b: 2 }] })
  const error = one(runInNewContext('new TypeError("there")'))
  t.true(error instanceof TypeError)
  t.is(error.message, 'there')
})

// -------------------------------------------------------------------------------------------------- identity

test('an object that occurs twice arrives once, among few and among many', (t) => {
  const { send } = setUp()
  for (const many of [1, 7, 8, 29, 30, 31, 32, 33, 34, 500]) {
    const items = Array.from({ length: many }, (_, i) => ({ i }))
    const [first, second] = send([items, [...items].reverse()]) as [object[], object[]]
    t.deepEqual(first, items)
    first.forEach((item, i) => t.is(second[many - 1 - i], item))
    t.is(new Set(first).size, many)
  }
})

test('every kind of object keeps its identity, and the count of those after it', (t) => {
  const { send } = setUp()
  registerClass('codec.spec/Kept', Kept, { encode: (kept) => [kept.of], decode: (data) => new Kept((data as [unknown])[0]) })
  const big = new Uint8Array(20_000)
  const bare = Object.create(null)
  const things: object[] = [
    {}, { a: 1 }, [], [1], new Map([[1, { x: 1 }]]), new Set([{}]), new Date(1), /x/, new Error('e', { cause: {} }), new Uint8Array(2),
    big, new DataView(new ArrayBuffer(4)), Buffer.from('b'), new ArrayBuffer(2), new ArrayBuffer(20_000), new SharedArrayBuffer(2),
    new Uint8Array(new SharedArrayBuffer(4)), new URL('http://a/b'), new URLSearchParams('a=1'), Object(1), Object('s'), bare,
    new FakeRef(1, 2, 3), new Kept({ y: 1 }), new DOMException('m', 'AbortError'), new Refusal('no'),
  ]
  for (const thing of things) {
    const last = { last: true }
    for (let i = 0; i < 10; i++) {
      const [a, b, c, d] = send([thing, [thing], last, last])
      t.is((b as unknown[])[0], a, String(Object.prototype.toString.call(thing)))
      t.is(Object.getPrototypeOf(a), Object.getPrototypeOf(thing))
      t.is(c, d)
      t.deepEqual(c, last)
    }
  }
})

test('cycles are kept through objects, lists, maps, sets and errors', (t) => {
  const { one } = setUp()
  for (let i = 0; i < 12; i++) {
    const cycle: any = { name: 'a', list: [], map: new Map(), set: new Set(), bare: Object.create(null) }
    cycle.self = cycle
    cycle.list.push(cycle, cycle.list)
    cycle.map.set(cycle, cycle.map)
    cycle.set.add(cycle)
    cycle.bare.up = cycle
    cycle.error = new Error('e', { cause: cycle })
    const got = one(cycle)
    t.is(got.self, got)
    t.is(got.list[0], got)
    t.is(got.list[1], got.list)
    t.is(got.map.get(got), got.map)
    t.true(got.set.has(got))
    t.is(got.bare.up, got)
    t.is(got.error.cause, got)
  }
})

// ---------------------------------------------------------------------------------------------------- things

test('maps, sets, dates, patterns, addresses and boxes arrive', (t) => {
  const { one } = setUp()
  for (const value of [
    new Map<unknown, unknown>([[{ a: 1 }, 'x'], ['k', new Map()], [Number.NaN, undefined]]), new Map(), new Set([1, 'a', [2]]), new Set(),
    new Date(0), new Date(1_700_000_000_123), new Date(-1), new URLSearchParams('a=1&b=%20'), Object(1), Object('text'), Object(true), Object(5n),
  ]) {
    t.deepEqual(one(value), value)
  }
  t.is(one(new URL('https://example.org/a?b=1#c')).href, 'https://example.org/a?b=1#c')
  t.true(Number.isNaN(one(new Date(Number.NaN)).getTime()))
  const pattern = /a(?<b>.)\/$/giu
  pattern.lastIndex = 3
  const got = one(pattern)
  t.deepEqual([got.source, got.flags, got.lastIndex], [pattern.source, pattern.flags, 3])
})

const KINDS = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array,
] as const

test('bytes of every kind arrive, small ones inside and large ones beside the message', (t) => {
  const { one, world } = setUp()
  for (const Kind of KINDS) {
    for (const length of [0, 1, 5, 16_384 / Kind.BYTES_PER_ELEMENT - 1, 16_384 / Kind.BYTES_PER_ELEMENT]) {
      const view = new Kind(length)
      new Uint8Array(view.buffer).forEach((_, i, all) => void (all[i] = i * 7))
      const got = one(view)
      t.deepEqual(got, view as never)
      t.is(world.attached.length, view.byteLength >= 16_384 ? 1 : 0)
      if (world.attached.length > 0) t.is(got.buffer as ArrayBuffer, world.attached[0], 'not copied again')
    }
  }
  for (const size of [0, 3, 20_000]) {
    t.deepEqual(one(Buffer.alloc(size, 1)), Buffer.alloc(size, 1))
    t.true(Buffer.isBuffer(one(Buffer.alloc(size))))
    t.is(one(new ArrayBuffer(size)).byteLength, size)
    t.is(one(new DataView(new ArrayBuffer(size))).byteLength, size)
  }
})

test('a window travels without what is around it', (t) => {
  const { one } = setUp()
  const around = new ArrayBuffer(1 << 19)
  const got = one(new Uint16Array(around, 10, 3))
  t.is(got.buffer.byteLength, 6)
  t.is(one(new DataView(around, 5, 7)).buffer.byteLength, 7)
})

test('shared and transferred memory is handed over, and views keep their place in it', (t) => {
  const { send, one, world } = setUp()
  const shared = new SharedArrayBuffer(64)
  t.is(one(shared), shared)
  const given = new ArrayBuffer(64)
  const unused = new ArrayBuffer(8)
  const [a, b, c] = send([given, new Int32Array(given, 8, 3), new DataView(shared, 4, 5)], [given, unused]) as [ArrayBuffer, Int32Array, DataView]
  t.deepEqual(world.moves, [given, shared])
  t.is(a, given)
  t.is(b.buffer, a)
  t.deepEqual([b.byteOffset, b.length], [8, 3])
  t.is(c.buffer as unknown, shared)
  t.deepEqual([c.byteOffset, c.byteLength], [4, 5])
  t.not(one(given), given, 'copied when it is not named')
})

test('memory that was transferred away before cannot travel', (t) => {
  const { one } = setUp()
  const view = new Uint8Array(8)
  const data = new DataView(view.buffer)
  structuredClone(view.buffer, { transfer: [view.buffer] })
  t.is(t.throws(() => one({ view }), { instanceOf: Unsendable }).where, '[0].view')
  t.is(t.throws(() => one([data]), { instanceOf: Unsendable }).where, '[0][0]')
  t.is(t.throws(() => one(view.buffer), { instanceOf: Unsendable }).where, '[0]')
})

test('refs arrive as their three words', (t) => {
  const { one } = setUp()
  for (const words of [[0, 0, 0], [1, 2, 3], [-1, 2 ** 31 - 1, -(2 ** 31)]]) {
    const [address = 0, age = 0, cls = 0] = words
    const got = one({ to: new FakeRef(address, age, cls) }).to
    t.true(got instanceof FakeRef)
    t.deepEqual([got.address, got.age, got.cls], words)
  }
})

// ---------------------------------------------------------------------------------------------------- errors

test('errors arrive as the nearest class that every isolate has', (t) => {
  const { one } = setUp()
  class Mine extends RangeError {
    override name = 'Mine'
    extra = { a: [1] }
  }
  const errors = [
    new Error('a'), new TypeError('b'), new RangeError('c'), new SyntaxError('d'), new ReferenceError('e'), new EvalError('f'),
    new URIError('g'), new Error(), new Error('c', { cause: { deep: new TypeError('d') } }), new Error('u', { cause: undefined }), new Mine('x'),
    Object.assign(new Error('fields'), { code: 'E', ['__proto__x']: 1 }), new AggregateError([new Error('1'), 2], 'all'),
  ]
  for (const error of errors) {
    const got = one(error)
    t.true(types.isNativeError(got))
    t.deepEqual(fieldsOf(got), fieldsOf(error))
    t.is(got.name, error.name)
    t.is(Object.prototype.toString.call(got), '[object Error]')
    if (error.constructor !== Mine) t.is(got.constructor, error.constructor)
  }
  t.true(one(new Mine('x')) instanceof RangeError)
})

function fieldsOf(error: Error): object {
  const all = Object.getOwnPropertyDescriptors(error) as Record<string, PropertyDescriptor>
  // V8's stack is an accessor in later versions.
  return { ...all, stack: error.stack, cause: error.cause instanceof Error ? undefined : all['cause'], errors: String(all['errors']?.value) }
}

test('our own errors and those of the platform arrive as what they are', (t) => {
  const { one } = setUp()
  const error = one(new BuskinError('ERR_BUSKIN_TIMEOUT', 'late', { cause: new TypeError('x') }))
  t.true(error instanceof BuskinError)
  t.true(BuskinError.is(error, 'ERR_BUSKIN_TIMEOUT'))
  t.is(error.message, 'late')
  t.is(error.name, 'BuskinError')
  t.true(error.cause instanceof TypeError)
  class Sold extends Refusal {
    override name = 'Sold'
    seat = 5
  }
  const refusal = one(new Sold('gone', { details: { at: 1 } }))
  t.true(refusal instanceof Refusal)
  t.deepEqual([refusal.name, refusal.seat, refusal.details, refusal.message], ['Sold', 5, { at: 1 }, 'gone'])
  const aborted = one(new DOMException('stop', 'AbortError'))
  t.true(aborted instanceof DOMException)
  t.deepEqual([aborted.name, aborted.message, aborted.code], ['AbortError', 'stop', 20])
})

// ------------------------------------------------------------------------------------------ registered classes

class Kept {
  readonly of: unknown
  constructor(of: unknown) {
    this.of = of
  }
}

class Point {
  readonly #x: number
  constructor(x: number) {
    this.#x = x
  }
  get x(): number {
    return this.#x
  }
}

test('instances of registered classes travel, errors among them, and not those of classes that extend them', (t) => {
  const { one } = setUp()
  class Failed extends Error {}
  const how = { encode: (point: Point) => point.x, decode: (x: unknown) => new Point(x as number) }
  registerClass('codec.spec/Point', Point, how)
  registerClass('codec.spec/Point', Point, how)
  registerClass('codec.spec/Failed', Failed, { encode: (error) => error.message, decode: (data) => new Failed(data as string) })
  t.is(one([new Point(5)])[0]?.x, 5)
  t.true(one(new Failed('x')) instanceof Failed)
  t.throws(() => one(new (class extends Point {})(1)), { instanceOf: Unsendable, message: /registerClass/ })
  t.throws(() => registerClass('codec.spec/Point', Failed, { encode: () => 1, decode: () => new Failed() }), { message: /another class/ })
  t.throws(() => registerClass('codec.spec/Other', Point, how), { message: /registered as 'codec.spec\/Point'/ })
  t.throws(() => registerClass('codec.spec/Point', Point, { ...how }), { message: /other functions/ })
})

test('a registered instance that leads back to itself cannot travel', (t) => {
  const { one } = setUp()
  class Loop {
    me: unknown = [this]
  }
  registerClass('codec.spec/Loop', Loop, { encode: (loop) => loop.me, decode: () => new Loop() })
  t.is(t.throws(() => one({ a: new Loop() }), { instanceOf: Unsendable }).where, '[0].a[0]')
  t.is(one(7), 7)
})
