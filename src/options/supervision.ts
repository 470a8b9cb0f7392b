// How an actor, or a system's root, supervises its children: what is said, checked, over what holds otherwise.

import { option } from '../errors.ts'
import type { Supervision } from '../lifecycle.ts'
import { checkCount, checkMs, checkMsOrInfinity, checkObject, checkOneOf, type Given, inside, isObject } from './check.ts'

export type Strategy = NonNullable<Supervision['strategy']>

/** How long restarts in a row wait in the end, nothing left open. Times are in ms. */
export interface BackoffSettings {
  readonly min: number
  readonly max: number
  readonly factor: number
  /** Which part of a wait may be left off at random, from 0 to 1. */
  readonly jitter: number
  /** Infinity: nothing ends a row of restarts. */
  readonly resetAfter: number
  /** Whether the first restart in a row does not wait: so it is where nobody said anything about the backoff. */
  readonly firstAtOnce: boolean
}

/** What holds for a supervisor in the end, nothing left open. */
export interface SupervisionSettings {
  readonly strategy: Strategy
  /** Infinity for no limit. */
  readonly maxRestarts: number
  /** In ms; Infinity: no restart is ever forgotten. */
  readonly within: number
  /** False: no restart waits. */
  readonly backoff: BackoffSettings | false
  readonly decide: Supervision['decide'] | undefined
}

/** What one place says about supervision; undefined where it says nothing. A backoff is said as a whole. */
export type GivenSupervision = { readonly [K in keyof SupervisionSettings]: SupervisionSettings[K] | undefined }

type Backoff = Exclude<Supervision['backoff'], false | undefined>

const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one']
const SUPERVISION_KEYS: readonly (keyof Supervision)[] = ['strategy', 'maxRestarts', 'within', 'backoff', 'decide']
const BACKOFF_KEYS: readonly (keyof Backoff)[] = ['min', 'max', 'factor', 'jitter', 'resetAfter']

const defaultBackoff: BackoffSettings = Object.freeze({
  min: 100,
  max: 30_000,
  factor: 2,
  jitter: 0.2,
  resetAfter: 10_000,
  firstAtOnce: true,
})

/** What holds where nothing was said: then it is this very object. */
export const defaultSupervision: SupervisionSettings = Object.freeze({
  strategy: 'one-for-one',
  maxRestarts: 1_000,
  within: 60_000,
  backoff: defaultBackoff,
  decide: undefined,
})

/** Checks an option `supervision`; undefined when it says nothing. `name` is what errors call it. */
export function supervisionOptions(input: unknown, name: string): GivenSupervision | undefined {
  const given = checkObject(input, name, SUPERVISION_KEYS)
  if (given === undefined) return undefined
  const said: GivenSupervision = Object.freeze({
    strategy: checkOneOf(given['strategy'], inside(name, 'strategy'), STRATEGIES),
    maxRestarts: checkCount(given['maxRestarts'], inside(name, 'maxRestarts')),
    within: checkMsOrInfinity(given['within'], inside(name, 'within')),
    backoff: checkBackoff(given['backoff'], inside(name, 'backoff')),
    decide: checkDecide(given['decide'], inside(name, 'decide')),
  })
  return SUPERVISION_KEYS.every((key) => said[key] === undefined) ? undefined : said
}

/** `base` with what `given` says instead; `base` itself when it says nothing. */
export function mergeSupervision(base: SupervisionSettings, given: GivenSupervision | undefined): SupervisionSettings {
  if (given === undefined) return base
  return Object.freeze({
    strategy: given.strategy ?? base.strategy,
    maxRestarts: given.maxRestarts ?? base.maxRestarts,
    within: given.within ?? base.within,
    backoff: given.backoff ?? base.backoff,
    decide: given.decide ?? base.decide,
  })
}

function checkBackoff(value: unknown, name: string): BackoffSettings | false | undefined {
  if (value === undefined || value === false) return value
  const given = isObject(value) ? checkObject(value, name, BACKOFF_KEYS) : undefined
  if (given !== undefined) return readBackoff(given, name)
  throw option(name, value, `false, or an object with any of ${BACKOFF_KEYS.join(', ')}`)
}

function readBackoff(given: Given, name: string): BackoffSettings {
  const min = checkMs(given['min'], inside(name, 'min'))
  const max = checkMs(given['max'], inside(name, 'max'))
  if (min !== undefined && max !== undefined && min > max) {
    throw option(inside(name, 'min'), min, `at most '${inside(name, 'max')}', which is ${max}`)
  }
  return Object.freeze({
    // One that is given alone moves the default of the other, so that min is never above max.
    min: min ?? Math.min(defaultBackoff.min, max ?? Infinity),
    max: max ?? Math.max(defaultBackoff.max, min ?? 0),
    factor: checkFactor(given['factor'], inside(name, 'factor')) ?? defaultBackoff.factor,
    jitter: checkJitter(given['jitter'], inside(name, 'jitter')) ?? defaultBackoff.jitter,
    resetAfter: checkMsOrInfinity(given['resetAfter'], inside(name, 'resetAfter')) ?? defaultBackoff.resetAfter,
    firstAtOnce: false,
  })
}

function checkFactor(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 1 && value < Infinity)) return value
  throw option(name, value, 'a finite number of at least 1')
}

function checkJitter(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= 1)) return value
  throw option(name, value, 'a number from 0 to 1')
}

function checkDecide(value: unknown, name: string): Supervision['decide'] | undefined {
  if (value === undefined || typeof value === 'function') return value as Supervision['decide'] | undefined
  throw option(name, value, "a function that returns 'restart', 'stop', 'resume', 'escalate' or nothing")
}
