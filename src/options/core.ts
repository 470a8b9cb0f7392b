// The options of a system's worker isolates.

import type { ResourceLimits } from 'node:worker_threads'
import { option } from '../errors.ts'
import type { CoreOptions } from '../options.ts'
import {
  checkBoolean,
  checkCount,
  checkMsOrInfinity,
  checkObject,
  inside,
  isMs,
  isObject,
  LONGEST_MS,
} from './check.ts'

/** More than `max` restarts of a system's worker isolates within `within` ms are too many. */
export interface CoreRestarts {
  /** Infinity for no limit. */
  readonly max: number
  /** In ms; Infinity: no restart is ever forgotten. */
  readonly within: number
}

/** How worker isolates are run in the end, nothing left open but what Node decides. */
export interface CoreSettings {
  readonly restarts: CoreRestarts
  /** In ms; false for no limit. */
  readonly stallAfter: number | false
  readonly spin: 'adaptive' | false
  readonly pin: boolean
  /** Undefined, as are the next two: what Node does by default. */
  readonly resourceLimits: Readonly<ResourceLimits> | undefined
  readonly env: Readonly<Record<string, string>> | undefined
  readonly execArgv: readonly string[] | undefined
}

/** With the isolate that made the system 63: the number of an isolate has six bits in the addresses of actors. */
export const MOST_CORES = 62

const DEFAULT_RESTARTS = 10
const DEFAULT_WITHIN = 60_000
const DEFAULT_STALL_AFTER = 10_000

const CORE_KEYS: readonly (keyof CoreOptions)[] = [
  'restarts',
  'stallAfter',
  'spin',
  'pin',
  'resourceLimits',
  'env',
  'execArgv',
]
const RESTARTS_KEYS: readonly (keyof CoreRestarts)[] = ['max', 'within']
const LIMITS_KEYS: readonly (keyof ResourceLimits)[] = [
  'maxOldGenerationSizeMb',
  'maxYoungGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
]

/** Checks the option `cores`; undefined when it is absent. What 'auto' comes to is decided when it is needed. */
export function checkCores(value: unknown, name: string): number | 'auto' | undefined {
  if (value === undefined || value === 'auto') return value
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_CORES) return value
  throw option(name, value, `'auto' or an integer from 0 to ${MOST_CORES}`)
}

/** Checks the option `threads`; undefined when it is absent. Their lanes and those of the cores are numbered in one row. */
export function checkThreads(value: unknown, name: string, cores: number | 'auto'): number | undefined {
  const most = MOST_CORES - (cores === 'auto' ? 0 : cores)
  if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most)) return value
  throw option(name, value, `an integer from 0 to ${most}${most < MOST_CORES ? `: cores and threads are ${MOST_CORES} at most` : ''}`)
}

/** Checks the option `core`. `name` is what errors call it. */
export function coreOptions(input: unknown, name: string): CoreSettings {
  const given = checkObject(input, name, CORE_KEYS)
  return Object.freeze({
    restarts: checkRestarts(given?.['restarts'], inside(name, 'restarts')),
    stallAfter: checkStallAfter(given?.['stallAfter'], inside(name, 'stallAfter')) ?? DEFAULT_STALL_AFTER,
    spin: checkSpin(given?.['spin'], inside(name, 'spin')) ?? 'adaptive',
    pin: checkBoolean(given?.['pin'], inside(name, 'pin')) ?? false,
    resourceLimits: checkLimits(given?.['resourceLimits'], inside(name, 'resourceLimits')),
    env: checkEnv(given?.['env'], inside(name, 'env')),
    execArgv: checkExecArgv(given?.['execArgv'], inside(name, 'execArgv')),
  })
}

function checkRestarts(value: unknown, name: string): CoreRestarts {
  const given = checkObject(value, name, RESTARTS_KEYS)
  return Object.freeze({
    max: checkCount(given?.['max'], inside(name, 'max')) ?? DEFAULT_RESTARTS,
    within: checkMsOrInfinity(given?.['within'], inside(name, 'within')) ?? DEFAULT_WITHIN,
  })
}

function checkStallAfter(value: unknown, name: string): number | false | undefined {
  if (value === undefined || value === false || (isMs(value) && value > 0)) return value
  throw option(name, value, `a number of ms above 0, at most ${LONGEST_MS}, or false`)
}

function checkSpin(value: unknown, name: string): 'adaptive' | false | undefined {
  if (value === undefined || value === 'adaptive' || value === false) return value
  throw option(name, value, "'adaptive' or false")
}

function checkLimits(value: unknown, name: string): Readonly<ResourceLimits> | undefined {
  const given = checkObject(value, name, LIMITS_KEYS)
  if (given === undefined) return undefined
  const limits: ResourceLimits = {}
  for (const key of LIMITS_KEYS) {
    const limit = given[key]
    if (limit === undefined) continue
    if (typeof limit !== 'number' || !(limit > 0 && limit < Infinity)) {
      throw option(inside(name, key), limit, 'a finite number of MB above 0')
    }
    limits[key] = limit
  }
  return Object.freeze(limits)
}

function checkEnv(value: unknown, name: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined
  if (!isObject(value) || Object.prototype.toString.call(value) !== '[object Object]') {
    throw option(name, value, 'an object of strings')
  }
  const entries = Object.entries(value)
  for (const [key, text] of entries) {
    if (typeof text !== 'string') throw option(inside(name, key), text, 'a string')
  }
  return Object.freeze(Object.fromEntries(entries as [string, string][]))
}

function checkExecArgv(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw option(name, value, 'an array of strings')
  value.forEach((entry: unknown, index) => {
    if (typeof entry !== 'string') throw option(`${name}[${index}]`, entry, 'a string')
  })
  return Object.freeze([...(value as string[])])
}
