// The checks that all options share. Each returns the value it was given, undefined for an absent one, or throws an
// error that names the option.

import { option, unknownOption } from '../errors.ts'

/**
 * The longest finite time in ms, about 139 years: a due time counted in nanoseconds since 1970 still fits a signed
 * 64-bit integer.
 */
export const LONGEST_MS = 2 ** 42

/** An options object as far as it is known before its values are checked. */
export type Given = Readonly<Record<string, unknown>>

/** The name of an option inside another: 'mailbox' and 'capacity' give 'mailbox.capacity'. */
export function inside(where: string, key: string): string {
  return where === '' ? key : `${where}.${key}`
}

/** An object without keys other than `known`. `where` is '' for the options of a call. */
export function checkObject(input: unknown, where: string, known: readonly string[]): Given | undefined {
  if (input === undefined) return undefined
  if (!isObject(input)) throw notOptions(input, where, known)
  let keys = 0
  for (const key in input) {
    keys += 1
    if (!known.includes(key)) throw unknownKey(key, where, known)
  }
  if (keys === 0) checkEmpty(input, where, known)
  return input
}

export function isObject(input: unknown): input is Given {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}

/** A promise, a map or a date has no keys and would pass for options that say nothing. */
export function checkEmpty(input: Given, where: string, known: readonly string[]): void {
  if (Object.prototype.toString.call(input) !== '[object Object]') throw notOptions(input, where, known)
}

export function notOptions(input: unknown, where: string, known: readonly string[]): Error {
  return option(where === '' ? 'options' : where, input, `an object, with any of ${known.join(', ')}`)
}

export function unknownKey(key: string, where: string, known: readonly string[]): Error {
  return unknownOption(inside(where, key), nearest(key, known), known)
}

/** A time in ms: 0 or more, and finite. */
export function checkMs(value: unknown, name: string): number | undefined {
  if (value === undefined || isMs(value)) return value
  throw option(name, value, `a number of ms from 0 to ${LONGEST_MS}`)
}

/** A time in ms, or Infinity for no limit. */
export function checkMsOrInfinity(value: unknown, name: string): number | undefined {
  if (value === undefined || value === Infinity || isMs(value)) return value
  throw option(name, value, `a number of ms from 0 to ${LONGEST_MS}, or Infinity`)
}

export function isMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_MS
}

/** How many times something may happen; Infinity for no limit. */
export function checkCount(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value
  throw option(name, value, 'a number of at least 0, or Infinity')
}

export function checkBoolean(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw option(name, value, 'true or false')
}

export function checkOneOf<T extends string>(value: unknown, name: string, choices: readonly T[]): T | undefined {
  if (value === undefined || choices.includes(value as T)) return value as T | undefined
  throw option(name, value, choices.map((choice) => `'${choice}'`).join(' or '))
}

const LONGEST_NAME = 200

/** The name of an actor or a system: part of a path, so without '/', and safe to print. */
export function checkName(value: unknown, where: string): string | undefined {
  if (value === undefined) return undefined
  const fits = typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME
  // Cc: control characters; Cs: halves of a surrogate pair, which cannot be encoded.
  if (fits && value !== '.' && value !== '..' && !/[/\p{Cc}\p{Cs}]/u.test(value)) return value
  throw option(
    where,
    value,
    `a string of 1 to ${LONGEST_NAME} characters other than '.' and '..', without '/' and control characters`,
  )
}

/** What a misspelt key probably means: the known one fewest edits away, if those are few for its length. */
function nearest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(key.length / 3)) + 1
  for (const candidate of known) {
    const distance = distanceOf(key.toLowerCase(), candidate.toLowerCase())
    if (distance < fewest) {
      best = candidate
      fewest = distance
    }
  }
  return best
}

const SHORTEST_STEM = 3

/** A longer or shorter form of a word ('prio', 'logger') is as near as a single slip. */
function distanceOf(a: string, b: string): number {
  const isStem = Math.min(a.length, b.length) >= SHORTEST_STEM && (a.startsWith(b) || b.startsWith(a))
  return isStem ? Math.min(1, edits(a, b)) : edits(a, b)
}

/** How many insertions, deletions, replacements and swaps of neighbours lead from `a` to `b`. */
function edits(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, replaced)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] as number) + 1)
      }
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] as number
}
