// The option `on` of an actor: where it is to live.

import { option } from '../errors.ts'
import type { Ref } from '../ref.ts'
import { type Given, inside, isObject, notOptions, unknownKey } from './check.ts'

/** Where an actor is to live, checked. */
export type Placement = 'local' | 'any' | number | { readonly near: Ref<any> } | { readonly key: string | number }

/** What decides whether an `on` will do in a system. */
export interface Placing {
  /** How many worker isolates the system has. */
  readonly cores: number
  readonly isRef: (value: object) => boolean
}

/** A system whose only isolate is the one that made it. */
export const ONE_ISOLATE: Placing = Object.freeze({ cores: 0, isRef: () => false })

const PLACES: readonly string[] = ['near', 'key']

/** Undefined when nothing is said. */
export function checkOn(value: unknown, name: string, placing: Placing): Placement | undefined {
  if (value === undefined || value === 'local' || value === 'any') return value
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return checkCore(value, name, placing.cores)
  if (isObject(value)) return checkPlace(value, name, placing)
  throw option(name, value, `'local', 'any', ${range(placing.cores)}, { near: ref } or { key: a string or number }`)
}

function checkCore(value: number, name: string, cores: number): number {
  if (value <= cores) return value
  throw option(name, value, range(cores))
}

function range(cores: number): string {
  return cores === 0 ? '0, as this system has no other cores' : `an integer from 0 to ${cores}, this system's cores`
}

function checkPlace(given: Given, name: string, placing: Placing): Placement {
  for (const key in given) {
    if (!PLACES.includes(key)) throw unknownKey(key, name, PLACES)
  }
  const { near, key } = given
  if (near !== undefined && key !== undefined) throw option(name, given, 'near or key, not both')
  if (near !== undefined) return Object.freeze({ near: checkNear(near, inside(name, 'near'), placing) })
  if (key !== undefined) return Object.freeze({ key: checkKey(key, inside(name, 'key')) })
  throw notOptions(given, name, PLACES)
}

function checkNear(value: unknown, name: string, placing: Placing): Ref<any> {
  if (typeof value === 'object' && value !== null && placing.isRef(value)) return value as Ref<any>
  throw option(name, value, 'a ref to an actor of this system')
}

function checkKey(value: unknown, name: string): string | number {
  if (typeof value === 'string' || (typeof value === 'number' && !Number.isNaN(value))) return value
  throw option(name, value, 'a string or a number')
}
