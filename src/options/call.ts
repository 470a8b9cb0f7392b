// The options of single calls: of messages, of stop and shutdown, of timers.

import { types } from 'node:util'
import { option } from '../errors.ts'
import type { CallOptions } from '../options.ts'
import { checkBoolean, checkMs, checkMsOrInfinity, checkObject, checkOneOf, isMs, LONGEST_MS } from './check.ts'

export type Priority = NonNullable<CallOptions['priority']>

/** The options of messages, each undefined when absent. */
export interface CallSettings {
  readonly timeout: number | undefined
  readonly priority: Priority | undefined
  readonly ttl: number | undefined
  readonly signal: AbortSignal | undefined
  readonly transfer: readonly ArrayBuffer[] | undefined
}

export interface StopSettings {
  readonly drain: boolean
  /** In ms, Infinity included; undefined when not given. */
  readonly timeout: number | undefined
}

/** From which moment of a tick the period to the next one counts. */
export type EveryFrom = 'start' | 'end'

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']
const CALL_KEYS: readonly (keyof CallOptions)[] = ['timeout', 'priority', 'ttl', 'signal', 'transfer']
const STOP_KEYS: readonly string[] = ['drain', 'timeout']
const SHUTDOWN_KEYS: readonly string[] = ['timeout']
const EVERY_KEYS: readonly string[] = ['from']
const EVERY_FROM: readonly EveryFrom[] = ['start', 'end']
const SHORTEST_PERIOD = 1

/** What a ref made without `with` calls with. */
export const noCallOptions: CallSettings = Object.freeze({
  timeout: undefined,
  priority: undefined,
  ttl: undefined,
  signal: undefined,
  transfer: undefined,
})

/** Checks the options of `ref.with`; what they leave out is as in `base`. */
export function callOptions(input: unknown, base: CallSettings = noCallOptions): CallSettings {
  const given = checkObject(input, '', CALL_KEYS)
  if (given === undefined) return base
  return Object.freeze({
    timeout: checkMsOrInfinity(given['timeout'], 'timeout') ?? base.timeout,
    priority: checkOneOf(given['priority'], 'priority', PRIORITIES) ?? base.priority,
    ttl: checkMs(given['ttl'], 'ttl') ?? base.ttl,
    signal: checkSignal(given['signal']) ?? base.signal,
    transfer: checkTransfer(given['transfer']) ?? base.transfer,
  })
}

/** Checks the options of `ref.stop`. */
export function stopOptions(input: unknown): StopSettings {
  const given = checkObject(input, '', STOP_KEYS)
  return Object.freeze({
    drain: checkBoolean(given?.['drain'], 'drain') ?? false,
    timeout: checkMsOrInfinity(given?.['timeout'], 'timeout'),
  })
}

/** Checks the options of `system.shutdown`; `byDefault` is the system's shutdownTimeout. */
export function shutdownOptions(input: unknown, byDefault: number): { readonly timeout: number } {
  const given = checkObject(input, '', SHUTDOWN_KEYS)
  return Object.freeze({ timeout: checkMsOrInfinity(given?.['timeout'], 'timeout') ?? byDefault })
}

/** Checks the time of `ctx.after`: 0 is as soon as possible. */
export function delay(ms: unknown): number {
  if (isMs(ms)) return ms
  throw option('ms', ms, `a number of ms from 0 to ${LONGEST_MS}`)
}

/** Checks the time of `ctx.every`: a shorter one would leave no time for anything else. */
export function period(ms: unknown): number {
  if (isMs(ms) && ms >= SHORTEST_PERIOD) return ms
  throw option('ms', ms, `a number of ms from ${SHORTEST_PERIOD} to ${LONGEST_MS}`)
}

/** Checks the options of `ctx.every`. */
export function everyOptions(input: unknown): { readonly from: EveryFrom } {
  const given = checkObject(input, '', EVERY_KEYS)
  return Object.freeze({ from: checkOneOf(given?.['from'], 'from', EVERY_FROM) ?? 'start' })
}

/** Signals of other realms and of polyfills are no instances of this realm's AbortSignal, but they do. */
function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'object' && value !== null) {
    const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
    const listens = typeof addEventListener === 'function' && typeof removeEventListener === 'function'
    if (typeof aborted === 'boolean' && listens) return value as AbortSignal
  }
  throw option('signal', value, 'an AbortSignal, such as the signal of an AbortController')
}

function checkTransfer(value: unknown): readonly ArrayBuffer[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw option('transfer', value, 'an array of ArrayBuffers')
  value.forEach((entry: unknown, index) => {
    if (!types.isArrayBuffer(entry)) throw option(`transfer[${index}]`, entry, 'an ArrayBuffer')
  })
  return Object.freeze([...(value as ArrayBuffer[])])
}
