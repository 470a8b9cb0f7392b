import { execFileSync } from 'node:child_process'
import test from 'ava'
import { type Codec, registerClass, Unsendable } from '../../src/cores/codec/codec.ts'
import { FakeRef, setUp, World } from './codec-support.ts'

// ------------------------------------------------------------------------------------------ what cannot travel

class Plain {}
const symbol = Symbol('s')
const fn = (): void => {}

test('what cannot travel is named with the way to it', (t) => {
  const { send } = setUp()
  const cases: [unknown[], string, unknown?][] = [
    [[{ user: { save: fn } }], '[0].user.save', fn],
    [[1, [2, 3, symbol]], '[1][2]', symbol],
    [[{ a: { 'b c': fn } }], '[0].a["b c"]', fn],
    [[new Map([['k', fn]])], '[0].get("k")', fn],
    [[new Map([[5, fn]])], '[0].get(5)', fn],
    [[new Map([[fn, 1]])], '[0].keys()[0]', fn],
    [[new Set([1, fn])], '[0].values()[1]', fn],
    [[new Error('x', { cause: { fn } })], '[0].cause.fn', fn],
    [[Object.assign(new Error('x'), { fn })], '[0].fn', fn],
    [[new AggregateError([1, fn])], '[0].errors[1]', fn],
    [[fn], '[0]', fn],
    [[Object.assign(Object.create(null), { fn })], '[0].fn', fn],
    [[[new Plain()]], '[0][0]'],
    [[Promise.resolve()], '[0]'],
    [[new WeakMap()], '[0]'],
    [[new (class extends Array {})()], '[0]'],
    [[new (class extends Map {})()], '[0]'],
    [[Object(symbol)], '[0]'],
    [[Object.create({ inherited: 1 })], '[0]'],
    [[Object.create(Map.prototype)], '[0]'],
    [[{ a: Object.create(Date.prototype) }], '[0].a'],
    [[Object.create(Uint8Array.prototype)], '[0]'],
    [[(() => {})], '[0]'],
    [[(function* () {})()], '[0]'],
    [[process.stdout], '[0]'],
  ]
  for (const [values, where, value] of cases) {
    const error = t.throws(() => send(values), { instanceOf: Unsendable }, where)
    t.is(error?.where, where)
    t.is(error?.name, 'Unsendable')
    if (value !== undefined) t.is(error?.value, value)
  }
  t.deepEqual(send([1]), [1])
})

test('an instance of a class tells what to do', (t) => {
  const { one } = setUp()
  t.throws(() => one(new Plain()), { instanceOf: Unsendable, message: /\[0\] is Plain \{\}.*registerClass/ })
})

test('a revoked proxy cannot travel', (t) => {
  const { one } = setUp()
  const { proxy, revoke } = Proxy.revocable({}, {})
  t.deepEqual(one(proxy), {})
  revoke()
  t.is(t.throws(() => one({ proxy }), { instanceOf: Unsendable }).where, '[0].proxy')
})

test('a thousand levels travel, one more does not', (t) => {
  const { one } = setUp()
  for (const wrap of [(v: unknown) => [v], (v: unknown) => ({ v }), (v: unknown) => new Map([[1, v]]), (v: unknown) => new Error('x', { cause: v })]) {
    let value: unknown = 1
    for (let i = 0; i < 1_000; i++) value = wrap(value)
    for (let i = 0; i < 10; i++) t.notThrows(() => one(value))
    t.throws(() => one(wrap(value)), { instanceOf: Unsendable, message: /too deep/ })
  }
})

test('an instance whose constructor property lies is no plain object', (t) => {
  const { one } = setUp()
  t.deepEqual(one({ constructor: 'data', a: 1 }), { constructor: 'data', a: 1 } as object)
  t.deepEqual(one({ constructor: 1 }), { constructor: 1 } as object)
  const list = Object.assign([1, 2], { constructor: 5 })
  t.deepEqual(one(list), [1, 2])
})

// -------------------------------------------------------------------------------------------------- pollution

test('names of the prototype chain are data like others', (t) => {
  const { one } = setUp()
  for (let i = 0; i < 20; i++) {
    for (const text of [
      '{"__proto__": {"polluted": 1}}', '{"a": 1, "__proto__": {"polluted": 1}, "b": 2}', '{"constructor": {"prototype": {"polluted": 1}}}',
      '{"prototype": 1, "__defineGetter__": 2}',
    ]) {
      const value = JSON.parse(text)
      const got = one(value)
      t.is(JSON.stringify(got), JSON.stringify(value))
      t.is(Object.getPrototypeOf(got), Object.prototype)
      const error = one(Object.assign(new Error('x'), { own: 1 }, { value }))
      t.is(Object.getPrototypeOf(error), Error.prototype)
    }
  }
  t.is(({} as Record<string, unknown>)['polluted'], undefined)
})

test('a shape whose keys are hostile makes own properties, and runs nothing', (t) => {
  const { world, here, there } = setUp()
  const memory = new Uint8Array(256)
  there.encode([{ a: 1, b: 2 }], memory, 0)
  const end = there.encode([{ a: 1, b: 2 }], memory, 0)
  for (const keys of [['__proto__', 'b'], ['a:1,x', 'b'], ['a', 'a'], ['"', '\\'], ['constructor', '1']]) {
    world.lists[0] = keys
    const fresh = world.codec()
    for (let i = 0; i < 20; i++) {
      const [got] = fresh.decode(memory, 0, end) as [object]
      t.is(Object.getPrototypeOf(got), Object.prototype)
      t.deepEqual(Object.getOwnPropertyNames(got).sort(), [...new Set(keys)].sort())
    }
  }
  t.truthy(here)
})

test('objects arrive the same where no code may be made from strings', (t) => {
  const script = `
    import { setUp } from '${new URL('codec-support.ts', import.meta.url)}'
    const { one } = setUp()
    const seen = new Set()
    for (let i = 0; i < 30; i++) {
      const value = { a: i, b: { c: 'x', d: [1] } }
      seen.add(JSON.stringify(one({ ...value, a: 1 })))
      value.self = value
      const got = one(value)
      seen.add(got.self === got && got.a === i && got.b.d[0] === 1)
    }
    console.log(...seen)`
  const args = ['--disallow-code-generation-from-strings', `--import=${new URL('../../scripts/ts.mjs', import.meta.url)}`, '--input-type=module', '-e', script]
  t.is(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim(), '{"a":1,"b":{"c":"x","d":[1]}} true')
})

test('what is on Object.prototype does not travel', (t) => {
  const { one } = setUp()
  const polluted = Object.prototype as Record<string, unknown>
  polluted['everywhere'] = fn
  try {
    const got = one({ a: 1 })
    t.deepEqual(Object.keys(got), ['a'])
  } finally {
    delete polluted['everywhere']
  }
})

// ------------------------------------------------------------------------------------------------------- room

class Pair {
  readonly a: unknown
  constructor(a: unknown) {
    this.a = a
  }
}

const shared = { twice: true }

function everything(): unknown[] {
  return [
    1, -100, 1_000, 100_000, 2 ** 40, 0.5, 'text', 'é', 'Ж', '\ud800', 'x'.repeat(70), 'Ж'.repeat(70), '\ud800'.repeat(70), true, false, null, undefined,
    5n, 2n ** 70n, -(2n ** 70n), { a: 1, b: { c: 'd' } }, { 1: 2 }, Object.assign(Object.create(null), { x: 1 }), [1, , 3], Array.from({ length: 20 }, (_, i) => i),
    new Map([[1, 'a']]), new Set([1]), new Date(5), /x/g, Object.assign(new Error('e', { cause: 1 }), { stack: 's', code: 1 }), new DOMException('m', 'AbortError'),
    new Uint8Array([1, 2]), new Float64Array([0.5]), Buffer.from('b'), new ArrayBuffer(3), new URL('http://a/'), new URLSearchParams('a=1'), Object(1),
    new FakeRef(1, 2, 3), new SharedArrayBuffer(2), new Uint8Array(new SharedArrayBuffer(2)), new Uint8Array(20_000), new ArrayBuffer(20_000), new Pair([1]),
    shared, [shared],
  ]
}

registerClass('codec-bounds.spec/Pair', Pair, { encode: (pair) => pair.a, decode: (a) => new Pair(a) })

test('without room it says so, at every possible size, and touches nothing outside', (t) => {
  const world = new World()
  const codec = world.codec()
  const memory = new Uint8Array(8192)
  const values = everything()
  for (const list of [...values.map((value) => [value]), [{ a: values.slice(0, 8) }, values[8]], values]) {
    const encode = (into: Uint8Array, at: number): number => {
      world.attached = []
      world.moves = []
      return codec.encode(list, into, at)
    }
    for (let i = 0; i < 3; i++) encode(memory, 0)
    const needed = encode(memory, 0)
    for (let size = 0; size <= needed + 2; size++) {
      memory.fill(0xee)
      const end = encode(memory.subarray(10, 13 + size), 3)
      if (end !== (size < needed ? -1 : needed + 3)) t.fail(`${size} of ${needed}: ${end}`)
      if (memory.subarray(0, 13).some((byte) => byte !== 0xee)) t.fail('touched what is before')
      if (memory.subarray(13 + size).some((byte) => byte !== 0xee)) t.fail('touched what is behind')
    }
  }
  t.pass()
})

test('a huge value without room is refused at once', (t) => {
  const codec = new World().codec()
  const memory = new Uint8Array(1_000)
  t.is(codec.encode(['x'.repeat(50_000_000)], memory, 0), -1)
  t.is(codec.encode([Object.assign([], { length: 1_000_000_000 })], memory, 0), -1)
  t.is(codec.encode([new ArrayBuffer(1_001)], memory, 0), -1)
  t.is(codec.encode([1], memory, 1_000), -1)
})

// ---------------------------------------------------------------------------------------------- hostile bytes

/** The same numbers on every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 2 ** 24
  }
}

function survives(codec: Codec, bytes: Uint8Array): boolean {
  try {
    codec.decode(bytes, 0, bytes.length)
    return true
  } catch (error) {
    if (!(error instanceof Error) || error.message === '') throw new Error('not a clean error', { cause: error })
    return false
  }
}

test('random bytes are refused or read, and nothing else', (t) => {
  const next = random(1)
  const { here, bytesOf } = setUp()
  bytesOf(everything())
  bytesOf(everything())
  let read = 0
  for (let i = 0; i < 30_000; i++) {
    const bytes = new Uint8Array(2 + Math.floor(next() * 60))
    for (let k = 0; k < bytes.length; k++) bytes[k] = next() < 0.5 ? 0xa0 + next() * 0x40 : next() * 256
    bytes[0] = next() < 0.5 ? 0 : 1
    if (next() < 0.8) bytes[1] = next() * 4
    if (survives(here, bytes)) read++
  }
  t.true(read > 0)
})

test('messages with bytes changed, cut off, doubled or swapped are refused or read', (t) => {
  const next = random(2)
  const { here, bytesOf, world } = setUp()
  const values = everything()
  bytesOf(values)
  const messages = [...values.map((value) => bytesOf([value, [value]])), bytesOf(values), bytesOf([{ a: values }])]
  const start = performance.now()
  for (let i = 0; i < 40_000; i++) {
    const message = messages[Math.floor(next() * messages.length)] as Uint8Array
    let bytes = message.slice()
    for (let k = Math.floor(next() * 4); k >= 0; k--) {
      const at = Math.floor(next() * bytes.length)
      const how = next()
      if (how < 0.5) bytes[at] = next() * 256
      else if (how < 0.6) bytes = bytes.slice(0, at)
      else if (how < 0.8) bytes = new Uint8Array([...bytes.slice(0, at), ...bytes.slice(at >> 1)])
      else bytes.copyWithin(at, next() * bytes.length, bytes.length)
    }
    if (bytes.length > 0) survives(here, bytes)
    world.attached.length = Math.min(world.attached.length, 4)
  }
  t.true(performance.now() - start < 30_000)
  t.deepEqual(here.decode(bytesOf([1]), 0, 3), [1])
})

test('every prefix of a message is refused', (t) => {
  const { here, bytesOf } = setUp()
  const bytes = bytesOf(everything())
  for (let end = 0; end < bytes.length; end++) {
    t.throws(() => here.decode(bytes, 0, end), { message: /malformed message/ })
  }
  t.throws(() => here.decode(new Uint8Array([...bytes, 0]), 0, bytes.length + 1), { message: /more bytes/ })
})

test('announced lengths take no memory', (t) => {
  const { here } = setUp()
  const huge = [0xb8, 0xff, 0xff, 0xff, 0x7f]
  const cases = [
    [0, ...huge], [0, 1, 0xbd, ...huge], [0, 1, 0xcd, ...huge], [0, 1, 0xca, 1, ...huge], [0, 1, 0xba, 0xff, 0xff, 0xff, 0xff],
    [0, 1, 0xbc, 0xff, 0xff, 0xff, 0x7f], [0, 1, 0xbb, 255], [0, 1, 0x9f],
  ]
  const before = process.memoryUsage().rss
  for (const bytes of cases) {
    for (let i = 0; i < 100; i++) t.throws(() => here.decode(new Uint8Array(bytes), 0, bytes.length), { message: /malformed/ })
  }
  t.true(process.memoryUsage().rss - before < 200_000_000)
})

test('levels without end are refused', (t) => {
  const { here } = setUp()
  for (const tag of [0xa1, 0xb1, 0xc4, 0xc5]) {
    const bytes = new Uint8Array(1_000_000).fill(tag)
    bytes.set([0, 1])
    t.throws(() => here.decode(bytes, 0, bytes.length), { message: /malformed/ })
  }
  const boxes = new Uint8Array(1_000_000).fill(0xd2)
  boxes.set([0, 1])
  t.throws(() => here.decode(boxes, 0, boxes.length))
})

test('a second time what was not there, a class and a shape that nobody knows are refused', (t) => {
  const { here } = setUp()
  t.throws(() => here.decode(new Uint8Array([1, 1, 0xbf, 0]), 0, 4), { message: /not there before/ })
  t.throws(() => here.decode(new Uint8Array([0, 1, 0xb0, 9, 9]), 0, 5), { message: /unknown shape, 2313/ })
  t.throws(() => here.decode(new Uint8Array([0, 1, 0xd3, 0x61, 0x78, 0]), 0, 6), { message: /no class is registered here as 'x'/ })
  t.throws(() => here.decode(new Uint8Array([0, 1, 0xff]), 0, 3), { message: /unknown tag, 255/ })
  t.throws(() => here.decode(new Uint8Array([2, 0]), 0, 2), { message: /first byte/ })
})
