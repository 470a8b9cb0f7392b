// Values into bytes: what is frequent. The rest is in things.ts.

import type { Outside } from './outside.ts'
import { type Keys, listOf, NO_SHAPE, type Shapes } from './shapes.ts'
import {
  AGAIN, DEEPEST, DOUBLE, END, FALSE, HOLE, INT16, INT32, INT8, LIST, LOOSE, NULL, OBJECT, SHORT_LIST, SMALL_INTS,
  TRUE, UNDEFINED,
} from './tags.ts'
import { writeText } from './text.ts'
import { constructorOf, isPlain, writeBigInt, writeThing } from './things.ts'
import { CHANGED, Fault, FULL, INSIDE_ITSELF, NO_PLAIN_DATA, NOT_REGISTERED, TOO_DEEP, under } from './unsendable.ts'

/** How many objects are compared one by one; a set is made for more. */
const FEW = 32

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const NOTHING = new Uint8Array(0)
const hasOwn = Object.prototype.hasOwnProperty

/** Writes one message after another; not two at once (`busy`). */
export class Writer {
  readonly outside: Outside
  readonly shapes: Shapes
  bytes: Uint8Array = NOTHING
  at = 0
  limit = 0
  depth = 0
  busy = false
  /** Some object was met twice. */
  numbered = false
  transfer: readonly ArrayBuffer[] | undefined = undefined

  /** The objects of this message, by their numbers. */
  readonly #seen: unknown[] = Array.from({ length: FEW }, () => undefined)
  #count = 0
  /** The same, when they are many. */
  #all: Set<unknown> | undefined = undefined
  /** Their numbers, when they are many and some come again. */
  #numbers: Map<unknown, number> | undefined = undefined
  #moves: Map<ArrayBuffer | SharedArrayBuffer, number> | undefined = undefined
  /** Objects that the reader has only when it has read all of them. */
  #closed: Set<unknown> | undefined = undefined
  #buffer: Buffer | undefined = undefined

  constructor(outside: Outside, shapes: Shapes) {
    this.outside = outside
    this.shapes = shapes
  }

  start(into: Uint8Array, at: number, transfer: readonly ArrayBuffer[] | undefined): void {
    this.busy = true
    this.bytes = into
    this.limit = into.length
    this.at = at
    this.depth = 0
    this.numbered = false
    this.transfer = transfer
  }

  /** Keeps nothing of the message, but the view of the memory: the next message goes to the same. */
  stop(): void {
    const few = this.#count < FEW ? this.#count : FEW
    for (let i = 0; i < few; i++) this.#seen[i] = undefined
    if (this.#all !== undefined) {
      this.#seen.length = FEW
      this.#all = undefined
      this.#numbers = undefined
    }
    this.#count = 0
    this.transfer = undefined
    this.#moves = undefined
    this.#closed = undefined
    this.busy = false
  }

  byte(value: number): void {
    if (this.at >= this.limit) throw FULL
    this.bytes[this.at++] = value
  }

  value(value: unknown): void {
    if (typeof value === 'string') writeText(this, value)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'object') {
      if (value === null) this.byte(NULL)
      else this.object(value)
    } else if (typeof value === 'boolean') this.byte(value ? TRUE : FALSE)
    else if (value === undefined) this.byte(UNDEFINED)
    else if (typeof value === 'bigint') writeBigInt(this, value)
    else throw new Fault(value, NO_PLAIN_DATA)
  }

  number(value: number): void {
    const { bytes, at } = this
    const int = value | 0
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0 && int < SMALL_INTS) {
        if (at >= this.limit) throw FULL
        bytes[at] = int
        this.at = at + 1
      } else if (int >= -128 && int < 128) {
        if (this.limit - at < 2) throw FULL
        bytes[at] = INT8
        bytes[at + 1] = int
        this.at = at + 2
      } else if (int >= -32_768 && int < 32_768) {
        if (this.limit - at < 3) throw FULL
        bytes[at] = INT16
        bytes[at + 1] = int
        bytes[at + 2] = int >> 8
        this.at = at + 3
      } else {
        if (this.limit - at < 5) throw FULL
        bytes[at] = INT32
        this.word(at + 1, int)
        this.at = at + 5
      }
      return
    }
    if (this.limit - at < 9) throw FULL
    double[0] = value
    bytes[at] = DOUBLE
    for (let i = 0; i < 8; i++) bytes[at + 1 + i] = doubleBytes[i] as number
    this.at = at + 9
  }

  /** Four bytes at a place that was checked. */
  word(at: number, word: number): void {
    const { bytes } = this
    bytes[at] = word
    bytes[at + 1] = word >> 8
    bytes[at + 2] = word >> 16
    bytes[at + 3] = word >> 24
  }

  object(value: object): void {
    if (this.#again(value)) return
    const constructor = constructorOf(value)
    if (constructor === Object) this.plain(value as Record<string, unknown>, false)
    else if (constructor === Array && Array.isArray(value)) this.list(value)
    else writeThing(this, value, constructor)
  }

  /** An object of which only the own enumerable properties count. */
  plain(value: Record<string, unknown>, nullPrototype: boolean): void {
    const head = this.at
    if (this.limit - head < 3) throw FULL
    this.at = head + 3
    this.enter(value)
    const { shapes } = this
    let keys: Keys = nullPrototype ? NO_SHAPE : shapes.root
    let count = 0
    let key = ''
    let strange = false
    try {
      for (key in value) {
        if (!hasOwn.call(value, key)) {
          // Something is inherited: polluted Object.prototype, or an instance of a class made by hand.
          strange = true
          continue
        }
        let next = keys.first
        while (next !== null && next.key !== key) next = next.next
        keys = next === null ? shapes.step(keys, key) : next
        count++
        this.value(value[key])
      }
    } catch (thrown) {
      throw under(thrown, key)
    }
    if (strange && !nullPrototype && !isPlain(value)) throw new Fault(value, NOT_REGISTERED)
    this.depth--
    const shape = keys.shape >= 0 ? keys.shape : shapes.number(keys)
    const { bytes } = this
    if (shape >= 0) {
      bytes[head] = OBJECT
      bytes[head + 1] = shape
      bytes[head + 2] = shape >> 8
    } else {
      bytes[head] = LOOSE
      bytes[head + 1] = nullPrototype ? 1 : 0
      bytes[head + 2] = 0
      this.#looseKeys(value, keys, count)
    }
  }

  #looseKeys(value: object, keys: Keys, count: number): void {
    this.byte(END)
    const list = keys === NO_SHAPE ? Object.keys(value) : listOf(keys)
    if (list.length !== count) throw new Fault(value, CHANGED)
    for (let i = 0; i < count; i++) writeText(this, list[i] as string)
  }

  list(list: readonly unknown[]): void {
    const { length } = list
    if (this.limit - this.at <= length) throw FULL
    if (length < 16) {
      this.bytes[this.at++] = SHORT_LIST + length
    } else {
      this.bytes[this.at++] = LIST
      this.number(length)
    }
    this.enter(list)
    let i = 0
    try {
      for (; i < length; i++) {
        const item = list[i]
        if (item === undefined && !(i in list)) this.byte(HOLE)
        else this.value(item)
      }
    } catch (thrown) {
      throw under(thrown, i)
    }
    this.depth--
  }

  /** One level deeper. */
  enter(value: unknown): void {
    if (++this.depth > DEEPEST) throw new Fault(value, TOO_DEEP)
  }

  /** The number of a buffer that moves. */
  move(buffer: ArrayBuffer | SharedArrayBuffer): number {
    this.#moves ??= new Map()
    let number = this.#moves.get(buffer)
    if (number === undefined) {
      number = this.outside.move(buffer)
      this.#moves.set(buffer, number)
    }
    return number
  }

  /** From here to `reopen`, `value` must not come again: its reader does not have it yet. */
  close(value: object): void {
    this.#closed ??= new Set()
    this.#closed.add(value)
  }

  isClosed(value: object): boolean {
    return this.#closed !== undefined && this.#closed.has(value)
  }

  reopen(value: object): void {
    this.#closed?.delete(value)
  }

  /** The memory as a Buffer, whose methods are the fastest for long strings. */
  buffer(): Buffer {
    const { bytes } = this
    let buffer = this.#buffer
    if (buffer === undefined || buffer.buffer !== bytes.buffer || buffer.byteOffset !== bytes.byteOffset || buffer.length !== bytes.length) {
      buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
      this.#buffer = buffer
    }
    return buffer
  }

  /** Whether the object was written before; then its number has been. Gives it one if not. */
  #again(value: object): boolean {
    const count = this.#count
    const seen = this.#seen
    if (count < FEW) {
      for (let i = 0; i < count; i++) if (seen[i] === value) return this.#writeAgain(value, i)
      seen[count] = value
      this.#count = count + 1
      return false
    }
    return this.#againAmongMany(value)
  }

  #againAmongMany(value: object): boolean {
    const all = (this.#all ??= new Set(this.#seen))
    const { size } = all
    all.add(value)
    if (all.size > size) {
      this.#seen.push(value)
      this.#numbers?.set(value, this.#count)
      this.#count++
      return false
    }
    this.#numbers ??= new Map(this.#seen.map((object, i) => [object, i]))
    return this.#writeAgain(value, this.#numbers.get(value) as number)
  }

  #writeAgain(value: object, number: number): boolean {
    if (this.isClosed(value)) throw new Fault(value, INSIDE_ITSELF)
    this.numbered = true
    this.byte(AGAIN)
    this.number(number)
    return true
  }
}
