// Bytes into values: what is rare. One function per tag.

import { registeredName } from './classes.ts'
import { readDomException, readError } from './failures.ts'
import type { Reader } from './reader.ts'
import {
  BIGINT, BIGINT64, BOXED, BUFFER, BUFFER_ATTACHED, BUFFER_MOVED, DATE, DOM_EXCEPTION, ERROR, INSTANCE, MAP, RARE,
  REF_AT, REGEXP, SET, URL_PARAMS, URL_TEXT, VIEW, VIEW_ATTACHED, VIEW_MOVED,
} from './tags.ts'
import { readAttachedBuffer, readAttachedView, readBuffer, readMovedBuffer, readMovedView, readView } from './views.ts'

type Read = (r: Reader) => unknown

/** By tag, from RARE on. */
export const rare: readonly (Read | undefined)[] = inOrder([
  [BIGINT64, readBigInt64],
  [BIGINT, readBigInt],
  [MAP, readMap],
  [SET, readSet],
  [DATE, readDate],
  [REGEXP, readRegExp],
  [ERROR, readError],
  [DOM_EXCEPTION, readDomException],
  [VIEW, readView],
  [VIEW_ATTACHED, readAttachedView],
  [VIEW_MOVED, readMovedView],
  [BUFFER, readBuffer],
  [BUFFER_ATTACHED, readAttachedBuffer],
  [BUFFER_MOVED, readMovedBuffer],
  [URL_TEXT, (r) => r.keep(new URL(r.text()))],
  [URL_PARAMS, (r) => r.keep(new URLSearchParams(r.text()))],
  [BOXED, readBoxed],
  [INSTANCE, readInstance],
  [REF_AT, readRefAt],
])

function inOrder(entries: readonly (readonly [number, Read])[]): (Read | undefined)[] {
  const table: (Read | undefined)[] = []
  for (const [tag, read] of entries) table[tag - RARE] = read
  return table
}

function readRefAt(r: Reader): object {
  r.need(12)
  const [address, age, cls] = [r.word(), r.word(), r.word()]
  return r.keep(r.outside.makeRef(address, age, cls, r.text()) as object)
}

const int64 = new BigInt64Array(1)
const int64Bytes = new Uint8Array(int64.buffer)

function readBigInt64(r: Reader): bigint {
  r.need(8)
  for (let i = 0; i < 8; i++) int64Bytes[i] = r.bytes[r.at + i] as number
  r.at += 8
  return int64[0] as bigint
}

function readBigInt(r: Reader): bigint {
  const isNegative = r.byte() === 1
  const digits = r.text()
  if (!/^[\da-f]+$/.test(digits)) throw r.malformed('a bigint without digits')
  const value = BigInt(`0x${digits}`)
  return isNegative ? -value : value
}

function readMap(r: Reader): Map<unknown, unknown> {
  r.enter()
  const map = r.keep(new Map<unknown, unknown>())
  while (!r.ended()) {
    const key = r.read()
    map.set(key, r.read())
  }
  r.depth--
  return map
}

function readSet(r: Reader): Set<unknown> {
  r.enter()
  const set = r.keep(new Set<unknown>())
  while (!r.ended()) set.add(r.read())
  r.depth--
  return set
}

function readDate(r: Reader): Date {
  return r.keep(new Date(readNumber(r)))
}

function readRegExp(r: Reader): RegExp {
  const source = r.text()
  const flags = r.text()
  const lastIndex = readNumber(r)
  let pattern: RegExp
  try {
    pattern = new RegExp(source, flags)
  } catch {
    throw r.malformed('no regular expression where one should be')
  }
  pattern.lastIndex = lastIndex
  return r.keep(pattern)
}

function readNumber(r: Reader): number {
  const value = r.read()
  if (typeof value !== 'number') throw r.malformed('no number where one should be')
  return value
}

function readBoxed(r: Reader): object {
  const value = r.read()
  if (value === null || value === undefined || typeof value === 'object') throw r.malformed('nothing in a box')
  return r.keep(Object(value) as object)
}

function readInstance(r: Reader): unknown {
  const name = r.text()
  const registered = registeredName(name)
  if (registered === undefined) {
    throw new Error(`no class is registered here as '${name}'; call registerClass in every isolate that gets instances`)
  }
  const number = r.reserve()
  r.enter()
  const instance = registered.decode(r.read())
  r.depth--
  r.fill(number, instance)
  return instance
}
