// Bytes into values: what is frequent. The rest is in rare.ts. Nothing is believed: every length is compared with what
// is left, and memory is taken as values come, not as they are announced.

import { type Makers, setOwn } from './makers.ts'
import type { Outside } from './outside.ts'
import { rare } from './rare.ts'
import {
  AGAIN, DEEPEST, DOUBLE, END, FALSE, HOLE, INT16, INT32, INT8, LIST, LOOSE, NULL, OBJECT, RARE, REF, SHORT_LIST,
  SHORT_TEXT, SHORT_WIDE, SMALL_INTS, TEXT, TRUE, UNDEFINED, WIDE,
} from './tags.ts'
import { LONGEST_TEXT, type Texts } from './texts.ts'

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
const NOTHING = new Uint8Array(0)

/** What a number has until its object is there. */
const NOT_YET = Symbol('not yet')

/** Reads one message after another; not two at once (`busy`). */
export class Reader {
  readonly outside: Outside
  bytes: Uint8Array = NOTHING
  at = 0
  end = 0
  depth = 0
  busy = false
  /** Whether objects come again, and are kept by their numbers therefore. */
  numbered = false
  readonly #makers: Makers
  readonly #texts: Texts
  #kept: unknown[] = []
  #moved: Map<number, ArrayBuffer | SharedArrayBuffer> | undefined = undefined
  #buffer: Buffer | undefined = undefined

  constructor(outside: Outside, makers: Makers, texts: Texts) {
    this.outside = outside
    this.#makers = makers
    this.#texts = texts
  }

  start(from: Uint8Array, at: number, end: number, numbered: boolean): void {
    this.busy = true
    this.bytes = from
    this.at = at
    this.end = end
    this.depth = 0
    this.numbered = numbered
  }

  stop(): void {
    if (this.numbered) this.#kept = []
    this.#moved = undefined
    this.busy = false
  }

  malformed(why: string): Error {
    return new Error(`malformed message: ${why}, at byte ${this.at}; it was not written by this version of the codec`)
  }

  read(): unknown {
    const { at, bytes } = this
    if (at >= this.end) throw this.malformed('it ends inside a value')
    const tag = bytes[at] as number
    this.at = at + 1
    if (tag < SMALL_INTS) return tag
    if (tag < SHORT_LIST) return this.#short(tag - SHORT_TEXT)
    if (tag < OBJECT) return this.#list(tag - SHORT_LIST)
    if (tag >= RARE) return this.#rare(tag)
    switch (tag) {
      case OBJECT:
        return this.#object()
      case TRUE:
        return true
      case FALSE:
        return false
      case NULL:
        return null
      case UNDEFINED:
        return undefined
      case INT8:
        return (this.byte() << 24) >> 24
      case INT16:
        this.need(2)
        this.at = at + 3
        return (((bytes[at + 1] as number) | ((bytes[at + 2] as number) << 8)) << 16) >> 16
      case INT32:
        this.need(4)
        return this.word()
      case DOUBLE:
        return this.#double()
      case TEXT:
        return this.#text()
      case SHORT_WIDE:
        return this.#wide(this.byte())
      case WIDE:
        this.need(4)
        return this.#wide(this.word() >>> 0)
      case LIST:
        return this.#list(this.length())
      case AGAIN:
        return this.#again()
      case LOOSE:
        return this.#loose()
      case REF:
        this.need(12)
        return this.keep(this.outside.makeRef(this.word(), this.word(), this.word()) as object)
      default:
        throw this.malformed(tag === END ? 'an end where a value should be' : `an unknown tag, ${tag}`)
    }
  }

  /** Checks that so many bytes are left. */
  need(bytes: number): void {
    if (this.end - this.at < bytes) throw this.malformed('it ends inside a value')
  }

  byte(): number {
    if (this.at >= this.end) throw this.malformed('it ends inside a value')
    return this.bytes[this.at++] as number
  }

  /** Four bytes that are there. */
  word(): number {
    const { at, bytes } = this
    this.at = at + 4
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    )
  }

  /** A length, or a number of something. */
  length(): number {
    const length = this.read()
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) throw this.malformed('a bad length')
    return length
  }

  text(): string {
    const text = this.read()
    if (typeof text !== 'string') throw this.malformed('no string where one should be')
    return text
  }

  /** Whether an END is next; it is taken then. */
  ended(): boolean {
    if (this.at >= this.end) throw this.malformed('it ends inside a value')
    if (this.bytes[this.at] !== END) return false
    this.at++
    return true
  }

  /** One level deeper. */
  enter(): void {
    if (++this.depth > DEEPEST) throw this.malformed('too many levels')
  }

  /** Gives an object the next number. */
  keep<T>(object: T): T {
    if (this.numbered) this.#kept.push(object)
    return object
  }

  /** Takes the next number for an object that is not there yet. */
  reserve(): number {
    return this.numbered ? this.#kept.push(NOT_YET) - 1 : -1
  }

  /** The object for a reserved number. */
  fill(number: number, object: unknown): void {
    if (number >= 0) this.#kept[number] = object
  }

  moved(number: number): ArrayBuffer | SharedArrayBuffer {
    this.#moved ??= new Map()
    let buffer = this.#moved.get(number)
    if (buffer === undefined) {
      buffer = this.outside.moved(number)
      this.#moved.set(number, buffer)
    }
    return buffer
  }

  /** All values of the message. */
  values(): unknown[] {
    const length = this.length()
    if (length > this.end - this.at) throw this.malformed('more values are announced than there are')
    // A literal takes exactly the memory it needs; the first push takes that of seventeen items.
    let values: unknown[]
    if (length === 0) values = []
    else if (length === 1) values = [this.read()]
    else if (length === 2) values = [this.read(), this.read()]
    else if (length === 3) values = [this.read(), this.read(), this.read()]
    else {
      values = [this.read(), this.read(), this.read(), this.read()]
      for (let i = 4; i < length; i++) values.push(this.read())
    }
    if (this.at !== this.end) throw this.malformed('more bytes than values')
    return values
  }

  #short(length: number): string {
    const { at } = this
    const next = at + length
    if (next > this.end) throw this.malformed('a string beyond the end')
    this.at = next
    if (length > LONGEST_TEXT) return this.#view().toString('latin1', at, next)
    return this.#texts.latin1(this.bytes, at, next)
  }

  #list(length: number): unknown[] {
    if (length > this.end - this.at) throw this.malformed('more items are announced than there are')
    this.enter()
    const list: unknown[] = this.keep([])
    // Pushed, for memory must not be taken for what is only announced.
    for (let i = 0; i < length; i++) {
      if (this.bytes[this.at] === HOLE && this.at < this.end) {
        this.at++
        list.length = i + 1
      } else {
        list.push(this.read())
      }
    }
    this.depth--
    return list
  }

  #object(): object {
    this.need(2)
    const { at, bytes } = this
    const shape = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    this.at = at + 2
    this.enter()
    const object = this.#makers.make(shape, this)
    if (object === undefined) throw this.malformed(`an unknown shape, ${shape}`)
    this.depth--
    return object
  }

  #loose(): object {
    this.need(2)
    const isNull = this.bytes[this.at] === 1
    this.at += 2
    this.enter()
    const object: object = this.keep(isNull ? Object.create(null) : {})
    const values: unknown[] = []
    while (!this.ended()) values.push(this.read())
    for (const value of values) setOwn(object, this.text(), value)
    this.depth--
    return object
  }

  #double(): number {
    this.need(8)
    const { at, bytes } = this
    for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i] as number
    this.at = at + 8
    return double[0] as number
  }

  #text(): string {
    this.need(4)
    const length = this.word() >>> 0
    this.need(length)
    const start = this.at
    this.at = start + length
    return this.#view().toString('utf8', start, this.at)
  }

  #wide(length: number): string {
    this.need(length * 2)
    const start = this.at
    this.at = start + length * 2
    return this.#view().toString('utf16le', start, this.at)
  }

  #again(): unknown {
    const number = this.length()
    const object = number < this.#kept.length ? this.#kept[number] : NOT_YET
    if (object === NOT_YET) throw this.malformed('an object again that was not there before')
    return object
  }

  #rare(tag: number): unknown {
    const read = rare[tag - RARE]
    if (read === undefined) throw this.malformed(`an unknown tag, ${tag}`)
    return read(this)
  }

  /** The memory as a Buffer, whose methods are the fastest for long strings. */
  #view(): Buffer {
    const { bytes } = this
    let buffer = this.#buffer
    if (buffer === undefined || buffer.buffer !== bytes.buffer || buffer.byteOffset !== bytes.byteOffset || buffer.length !== bytes.length) {
      buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
      this.#buffer = buffer
    }
    return buffer
  }
}
