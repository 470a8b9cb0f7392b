// Values into bytes: what is no plain data.

import { types } from 'node:util'
import { registeredClass } from './classes.ts'
import { isError, writeError } from './failures.ts'
import {
  BIGINT, BIGINT64, BOXED, DATE, END, INSTANCE, MAP, REF, REF_AT, REGEXP, SET, URL_PARAMS, URL_TEXT,
} from './tags.ts'
import { writeText } from './text.ts'
import { beyond, Fault, FULL, NO_PLAIN_DATA, NOT_REGISTERED } from './unsendable.ts'
import { viewClasses, writeBuffer, writeView } from './views.ts'
import type { RefWords } from './outside.ts'
import type { Writer } from './writer.ts'

/** Writes `value`, or says that it only claims to be of the class. */
type Write = (w: Writer, value: object) => boolean

const byClass = new Map<unknown, Write>([
  [Map, (w, value) => types.isMap(value) && writeMap(w, value)],
  [Set, (w, value) => types.isSet(value) && writeSet(w, value)],
  [Date, (w, value) => types.isDate(value) && writeDate(w, value)],
  [RegExp, (w, value) => types.isRegExp(value) && writeRegExp(w, value)],
  [ArrayBuffer, (w, value) => types.isArrayBuffer(value) && wrote(writeBuffer(w, value))],
  [SharedArrayBuffer, (w, value) => types.isSharedArrayBuffer(value) && wrote(writeBuffer(w, value))],
  [URL, (w, value) => value instanceof URL && writeString(w, URL_TEXT, value.href)],
  [URLSearchParams, (w, value) => value instanceof URLSearchParams && writeString(w, URL_PARAMS, value.toString())],
  ...viewClasses.map(([cls, number]): [unknown, Write] => [
    cls,
    (w, value) => ArrayBuffer.isView(value) && value instanceof (cls as typeof DataView) && wrote(writeView(w, value, number)),
  ]),
  ...[Number, String, Boolean, BigInt].map((cls): [unknown, Write] => [
    cls,
    (w, value) => types.isBoxedPrimitive(value) && writeBoxed(w, value),
  ]),
])

function wrote(nothing: void): boolean {
  return nothing === undefined
}

/** A value's `constructor`, which is anything. */
export function constructorOf(value: object): unknown {
  try {
    return value.constructor
  } catch (thrown) {
    if (types.isProxy(value)) throw new Fault(value, NO_PLAIN_DATA)
    throw thrown
  }
}

/** Whether it is no instance of anything: of this realm, or of another one. */
export function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return true
  return (
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    Object.hasOwn(prototype, '__defineGetter__')
  )
}

export function writeThing(w: Writer, value: object, constructor: unknown): void {
  const write = byClass.get(constructor)
  if (write !== undefined && write(w, value)) return
  const ref = w.outside.ref(value)
  if (ref !== undefined) return writeRef(w, ref)
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return w.plain(value as Record<string, unknown>, true)
  const registered = registeredClass(constructor)
  if (registered !== undefined && prototype === (registered.cls as { prototype: unknown }).prototype) {
    w.byte(INSTANCE)
    writeText(w, registered.name)
    w.enter(value)
    w.close(value)
    w.value(registered.encode(value))
    w.reopen(value)
    w.depth--
    return
  }
  if (isError(value)) return writeError(w, value as Error)
  // Plain after all: with data by the name of `constructor`, or made in another realm.
  if (Array.isArray(value) && Array.isArray(prototype)) return w.list(value)
  if (isPlain(value)) return w.plain(value as Record<string, unknown>, false)
  throw new Fault(value, types.isPromise(value) || types.isProxy(value) ? NO_PLAIN_DATA : NOT_REGISTERED)
}

function writeRef(w: Writer, { address, age, cls, path }: RefWords): void {
  const { at } = w
  if (w.limit - at < 13) throw FULL
  w.bytes[at] = path === undefined ? REF : REF_AT
  w.word(at + 1, address)
  w.word(at + 5, age)
  w.word(at + 9, cls)
  w.at = at + 13
  if (path !== undefined) writeText(w, path)
}

function writeMap(w: Writer, map: Map<unknown, unknown>): true {
  w.byte(MAP)
  w.enter(map)
  let i = 0
  for (const [key, value] of map) {
    try {
      w.value(key)
    } catch (thrown) {
      throw beyond(thrown, `.keys()[${i}]`)
    }
    try {
      w.value(value)
    } catch (thrown) {
      throw beyond(thrown, `.get(${shown(key)})`)
    }
    i++
  }
  w.byte(END)
  w.depth--
  return true
}

function writeSet(w: Writer, set: Set<unknown>): true {
  w.byte(SET)
  w.enter(set)
  let i = 0
  try {
    for (const value of set) {
      w.value(value)
      i++
    }
  } catch (thrown) {
    throw beyond(thrown, `.values()[${i}]`)
  }
  w.byte(END)
  w.depth--
  return true
}

/** A key of a map, in a path. */
function shown(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key)
  if (typeof key === 'bigint') return `${key}n`
  return typeof key === 'object' && key !== null ? '{…}' : String(key)
}

function writeDate(w: Writer, date: Date): true {
  w.byte(DATE)
  w.number(Date.prototype.getTime.call(date))
  return true
}

function writeRegExp(w: Writer, pattern: RegExp): true {
  w.byte(REGEXP)
  writeText(w, pattern.source)
  writeText(w, pattern.flags)
  w.number(pattern.lastIndex)
  return true
}

function writeString(w: Writer, tag: number, text: string): true {
  w.byte(tag)
  writeText(w, text)
  return true
}

function writeBoxed(w: Writer, box: object): true {
  w.byte(BOXED)
  w.value(box.valueOf())
  return true
}

const int64 = new BigInt64Array(1)
const int64Bytes = new Uint8Array(int64.buffer)

export function writeBigInt(w: Writer, value: bigint): void {
  if (BigInt.asIntN(64, value) === value) {
    const { at } = w
    if (w.limit - at < 9) throw FULL
    int64[0] = value
    w.bytes[at] = BIGINT64
    w.bytes.set(int64Bytes, at + 1)
    w.at = at + 9
    return
  }
  w.byte(BIGINT)
  w.byte(value < 0n ? 1 : 0)
  writeText(w, (value < 0n ? -value : value).toString(16))
}
