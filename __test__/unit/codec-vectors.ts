// Messages as the codec writes them, for the other half of it, crates/value: what has to be read from bytes there, and
// written to the same bytes. `node --import ./scripts/ts.mjs __test__/unit/codec-vectors.ts` writes the file anew.

import { readFileSync, writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { registerClass } from '../../src/cores/codec/codec.ts'
import { BuskinError, Refusal } from '../../src/errors.ts'
import { FakeRef, World } from './codec-support.ts'

const FILE = new URL('../../crates/value/tests/vectors.txt', import.meta.url)

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}
registerClass('Money', Money, { encode: (m) => ({ cents: m.cents }), decode: ({ cents }: any) => new Money(cents) })

const repeat = (text: string, times: number): string => text.repeat(times)
const counted = (length: number): number[] => Array.from({ length }, (_, i) => i)

/** Its stack is not this machine's. */
function failing<E extends Error>(error: E, more: object = {}): E {
  Object.defineProperty(error, 'stack', { value: `${error.name}: ${error.message}\n    at there`, writable: true, enumerable: false, configurable: true })
  return Object.assign(error, more)
}

function cycle(): unknown {
  const a: { self?: unknown; list: unknown[] } = { list: [] }
  a.self = a
  a.list.push(a, a.list)
  return a
}

function shared(): unknown[] {
  const date = new Date(5)
  const map = new Map<unknown, unknown>([[date, date]])
  map.set('me', map)
  return [date, [map, new Set([date, map])], { date, map }]
}

function holes(): unknown[] {
  const list = [1, undefined, 3]
  delete list[1]
  list.length = 5
  return list
}

function hundred(): unknown[] {
  const objects = Array.from({ length: 100 }, (_, i) => [i])
  return [...objects, objects[99], objects[40], objects[0]]
}

function deep(levels: number): unknown {
  let value: unknown = []
  for (let i = 1; i < levels; i++) value = [value]
  return value
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7)
const edges = [0, -0, 1, 95, 96, -1, 127, 128, -128, -129, 32_767, 32_768, -32_768, -32_769, 2 ** 31 - 1, -(2 ** 31), 2 ** 31]
const wide = '\u{1f600}'

/** Arguments of one message each. They are written one after the other by one codec: the second object has a shape. */
const messages: readonly (readonly [name: string, args: unknown[]])[] = [
  ['nothing', []],
  ['plain values', [undefined, null, true, false]],
  ['numbers at their edges', edges],
  ['other numbers', [0.1, -1.5, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, -(2 ** 53)]],
  ['bigints', [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 0xdeadbeefn << 200n, -(16n ** 64n)]],
  ['short strings', ['', 'a', 'set', repeat('x', 63), '\u0000"\\\n', 'caf\u00e9', '\u00ff'.repeat(63)]],
  ['short wide strings', ['\u0100', '\u4e2d\u6587', wide, 'a\u20ac', repeat(wide, 31), repeat('\u4e2d', 63)]],
  ['long strings', [repeat('x', 64), repeat('\u00e9', 64), `${repeat('x', 100)}\u4e2d`, repeat('y', 70_000)]],
  ['long wide strings', [repeat('\u4e2d', 64), repeat(wide, 50), `a${repeat('\u4e2d', 70)}`]],
  ['halves of characters', ['\ud800', 'a\udc00b', repeat('\ud83d', 70), `${repeat('x', 70)}\udc00`]],
  ['arrays', [[], [1], [[]], [[1, 'a'], [null]], counted(15), counted(16), counted(300)]],
  ['holes', [holes(), [undefined]]],
  ['an object once', [{ a: 1, b: 'two' }]],
  ['an object twice', [{ a: 1, b: 'two' }, { a: 3, b: { a: 4, b: null } }]],
  ['keys in another order', [{ b: 1, a: 2 }, { b: 1, a: 2 }]],
  ['no keys', [{}, {}]],
  ['strange keys', [{ '': 1, 'a b': 2, '\ud800': 3, '"\\\n\u0001\u007f\u2028\u00e9': 4 }, { '': 1, 'a b': 2, '\ud800': 3, '"\\\n\u0001\u007f\u2028\u00e9': 4 }]],
  ['keys that are data', [{ 1: 'a', 0: 'b' }, { 1: 'a', 0: 'b' }, { [repeat('k', 65)]: 1 }, JSON.parse('{"__proto__":1}')]],
  ['a dictionary', [Object.fromEntries(counted(70).map((i) => [`key${i}`, i])), Object.fromEntries(counted(70).map((i) => [`key${i}`, i]))]],
  ['no prototype', [Object.assign(Object.create(null), { a: 1 }), Object.create(null)]],
  ['maps and sets', [new Map(), new Map<unknown, unknown>([['a', 1], [{ a: 1, b: 2 }, new Set([1])]]), new Set(), new Set<unknown>([new Map([[1, 2]]), 'x'])]],
  ['dates', [new Date(0), new Date(1_700_000_000_123), new Date(NaN), new Date(-1)]],
  ['patterns', [/a+/gi, Object.assign(/\u{1f600}/u, { lastIndex: 70_000 })]],
  ['buffers', [bytes(0).buffer, bytes(5).buffer, Buffer.from('hello'), new DataView(bytes(9).buffer, 1, 7)]],
  ['typed arrays', [
    new Int8Array([-1, 2]), bytes(3), new Uint8ClampedArray([1, 255]), new Int16Array([-2, 300]), new Uint16Array([65_535]),
    new Int32Array([-70_000]), new Uint32Array([4_000_000_000]), new Float32Array([0.5]), new Float64Array([0.1, -0]),
    new BigInt64Array([-1n]), new BigUint64Array([2n ** 64n - 1n]),
  ]],
  ['large bytes', [new Uint8Array(16_383), new Uint8Array(16_384).fill(7), 'between', new ArrayBuffer(20_000), Buffer.alloc(16_400, 1), new Float64Array(2_048)]],
  ['errors', [
    failing(new Error('no')), failing(new TypeError('bad type'), { detail: { a: 1, b: 2 } }), failing(new RangeError('')),
    failing(new ReferenceError('r')), failing(new EvalError('e')), failing(new URIError('u')),
    failing(new AggregateError([failing(new Error('inner'))], 'many')), failing(new Error('outer', { cause: failing(new SyntaxError('in')) })),
    failing(new BuskinError('ERR_BUSKIN_TIMEOUT', 'late')), failing(new Refusal('not now', { details: { retryAfter: 5 } })),
  ]],
  ['an exception of the web', [failing(new DOMException('aborted', 'AbortError'))]],
  ['addresses', [new URL('https://example.org/a?b=1#c'), new URLSearchParams('a=1&b=2')]],
  ['boxes', [Object(5), Object('text'), Object(true), Object(7n), Object(2n ** 70n)]],
  ['instances', [new Money(5), [new Money(-1)]]],
  ['refs', [new FakeRef(0x0100_0007, 3, 2), Object.assign(new FakeRef(-1, -5, 0), { path: '/a/b' })]],
  ['a cycle', [cycle()]],
  ['the same again', shared()],
  ['the same among many', hundred()],
  ['the same in two arguments', [{ a: 1, b: 2 }].flatMap((one) => [one, 'between', one])],
  ['a key and a value that is cyclic', ['key', cycle()]],
  ['a thousand levels', [deep(1000)]],
]

const hexOf = (from: Uint8Array): string => Buffer.from(from).toString('hex')

/** Bytes that come many times in a row are written once, with how often. */
const packed = (from: Uint8Array): string => hexOf(from).replace(/((?:..)*?)(..)(\2{15,})/gy, (_, before, byte, more) => `${before}(${byte}*${1 + more.length / 2})`)

/** Of a long line its length and its FNV-1a hash. */
function brief(text: string): string {
  if (text.length <= 400) return text
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return `#${text.length} ${(hash >>> 0).toString(16).padStart(8, '0')}`
}
const units = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, i) => (/[ !#-[\]-~]/.test(text[i]!) ? text[i] : `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`)).join('')}"`

/** A value as a text that says all of it, and is made of the value alone: crates/value makes the same of what it reads. */
class Shown {
  readonly #seen = new Map<unknown, number>()

  of(value: unknown): string {
    if (typeof value === 'string') return units(value)
    if (typeof value === 'number') return this.#number(value)
    if (typeof value === 'bigint') return `${value < 0n ? '-' : ''}0x${(value < 0n ? -value : value).toString(16)}n`
    if (typeof value !== 'object' || value === null) return String(value)
    const number = this.#seen.get(value)
    if (number !== undefined) return `&${number}`
    this.#seen.set(value, this.#seen.size)
    return this.#object(value)
  }

  #number(value: number): string {
    if ((value | 0) === value && !Object.is(value, -0)) return String(value)
    return `f${Buffer.from(new Float64Array([value]).buffer).reverse().toString('hex')}`
  }

  #all(values: Iterable<unknown>): string {
    return Array.from(values, (value) => this.of(value)).join(', ')
  }

  #fields(entries: Iterable<readonly [string, unknown]>): string {
    return `{${Array.from(entries, ([key, value]) => `${units(key)}: ${this.of(value)}`).join(', ')}}`
  }

  #object(value: object): string {
    if (Array.isArray(value)) return `[${Array.from({ length: value.length }, (_, i) => (i in value ? this.of(value[i]) : '-')).join(', ')}]`
    if (value instanceof Map) return `Map{${Array.from(value, ([k, v]) => `${this.of(k)} => ${this.of(v)}`).join(', ')}}`
    if (value instanceof Set) return `Set{${this.#all(value)}}`
    if (value instanceof Date) return `Date(${this.#number(value.getTime())})`
    if (value instanceof RegExp) return `RegExp(${this.#all([value.source, value.flags, value.lastIndex])})`
    if (value instanceof ArrayBuffer) return `ArrayBuffer(${hexOf(new Uint8Array(value))})`
    if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${hexOf(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))})`
    if (value instanceof URL) return `URL(${units(value.href)})`
    if (value instanceof URLSearchParams) return `URLSearchParams(${units(value.toString())})`
    if (value instanceof Money) return `Instance(${units('Money')}, ${this.of({ cents: value.cents })})`
    if (value instanceof FakeRef) return this.#ref(value)
    if (value instanceof DOMException) return `DOMException(${this.#all([value.name, value.message, value.stack])})`
    if (value instanceof Error) return this.#error(value)
    const inner: unknown = value.valueOf?.()
    if (typeof inner !== 'object' && inner !== undefined) return `Object(${this.of(inner)})`
    const isBare = Object.getPrototypeOf(value) === null
    return `${isBare ? 'bare' : ''}${this.#fields(Object.entries(value))}`
  }

  #ref({ address, age, cls, path }: FakeRef & { path?: string }): string {
    return `Ref(${[address >>> 0, age, cls].join(', ')}${path === undefined ? '' : `, ${units(path)}`})`
  }

  #error(error: Error): string {
    const hidden: [string, unknown][] = []
    for (const key of ['message', 'stack', 'cause', 'errors'] as const) {
      if (Object.hasOwn(error, key)) hidden.push([key, error[key as 'message']])
    }
    return `${error.name}${this.#fields(hidden)}${this.#fields(Object.entries(error))}`
  }
}

/** The file, from the codec that there is. */
export function vectors(): string {
  const world = new World()
  const codec = world.codec()
  const memory = new Uint8Array(1 << 20)
  const lines: string[] = ['# Written by __test__/unit/codec-vectors.ts. Do not edit.']
  for (const [name, args] of messages) {
    world.attached = []
    const known = world.lists.length
    const end = codec.encode(args, memory, 0)
    for (const keys of world.lists.slice(known)) lines.push(`shape ${JSON.stringify(keys)}`)
    lines.push(`message ${name}`)
    for (const piece of world.attached) lines.push(`piece ${packed(new Uint8Array(piece))}`)
    lines.push(`bytes ${packed(memory.subarray(0, end))}`)
    const shown = new Shown()
    for (const arg of args) lines.push(`value ${brief(shown.of(arg))}`)
  }
  return `${lines.join('\n')}\n`
}

/** The file as it is. */
export const recorded = (): string => readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n')

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) writeFileSync(fileURLToPath(FILE), vectors())
