// Writing into the outbox, and keeping what travels beside it.

import { OP_EXT } from '../native/layout.ts'
import type { Lane } from './lane.ts'
import { WORDS } from './limits.ts'

/** Writes an entry into the outbox. */
export function put(lane: Lane, head: number, index: number, age: number, payload: number, corr: number): void {
  let at = lane.written
  if (at === lane.ring) {
    lane.overflow()
    at = 0
  }
  if (at === 0 && lane.idle) lane.kick()
  lane.written = at + 1
  const { out } = lane
  const o = at * WORDS
  out[o] = head
  out[o + 1] = index
  out[o + 2] = age
  out[o + 3] = payload
  out[o + 4] = lane.current
  out[o + 5] = corr
}

/** The same with another word where the sender stands. */
export function putFrom(lane: Lane, head: number, index: number, age: number, payload: number, from: number, corr: number): void {
  put(lane, head, index, age, payload, corr)
  lane.out[(lane.written - 1) * WORDS + 4] = from
}

/** Makes room for two entries: one and its options must not be parted, nor an entry from the letter written before it. */
export function reservePair(lane: Lane): void {
  if (lane.written + 2 > lane.ring) lane.overflow()
}

/** Writes the options of the entry before. */
export function putExtra(lane: Lane, a: number, b: number, c: number, d: number, e: number): void {
  putFrom(lane, OP_EXT, a, b, c, d, e)
}

/** A slot for arguments. */
export function takeSlot(lane: Lane): number {
  if (lane.freeCount === 0) grow(lane)
  return lane.free[--lane.freeCount] as number
}

function grow(lane: Lane): void {
  const from = lane.first.length
  const to = Math.max(from * 2, 64)
  lane.free = new Int32Array(to)
  for (let slot = to - 1; slot >= from; slot--) lane.free[lane.freeCount++] = slot
  for (let slot = from; slot < to; slot++) {
    lane.first.push(undefined)
    lane.second.push(undefined)
  }
}

/** Keeps an error while its number travels through the core. */
export function keepError(lane: Lane, error: unknown, method: string | null): number {
  const number = newNumber(lane)
  lane.thrown.set(number, { error, method })
  return number
}

/** For what travels through the core by its number: no two isolates of a system give the same. */
export function newNumber(lane: Lane): number {
  const number = lane.nextNumber
  lane.nextNumber = lane.firstNumber | ((number + 1) & 0xff_ffff || 1)
  return number
}

/** A word of the core: 32 bits, the highest means "none" or "no bound". */
export function word(value: number): number {
  return value >= 0xffff_fffe ? (value === Infinity ? 0xffff_ffff : 0xffff_fffd) : value
}

export function micros(ms: number): number {
  return ms * 1000
}
