// What a ref's methods do: write a message into the outbox. The short way is taken by calls without options of
// handlers that the class is known to have; all others build a parcel.

import { AsyncLocalStorage } from 'node:async_hooks'
import { aborted, stopped } from '../errors.ts'
import {
  FLAG_ABORTS,
  FLAG_ASK,
  FLAG_EXT,
  FLAG_SEND,
  FLAG_SLOT,
  FLAG_STREAM,
  MODE_ORDERED,
  OP_ABORT,
  OP_GIVEN_UP,
  OP_MASK,
  OP_MSG,
  TAG_SHIFT,
} from '../native/layout.ts'
import { type CallSettings, noCallOptions } from '../options.ts'
import type { Crossing } from '../cores/crossing.ts'
import { whenAborted } from './abort.ts'
import type { CallExtra } from './calls.ts'
import type { Method } from './classes.ts'
import { abortDelivered, Parcel } from './inbox.ts'
import type { Lane } from './lane.ts'
import { put, putExtra, reservePair, takeSlot } from './outbox.ts'
import { WORDS } from './limits.ts'
import { hasEnded, type LocalRef, REF, refOf, SETTINGS } from './ref.ts'
import { share } from './share.ts'
import { Reader } from './streams.ts'
import { PRIORITIES } from './words.ts'

/** The object that carries the functions of one verb of one ref. */
export interface View {
  readonly [REF]: LocalRef
  readonly [SETTINGS]?: CallSettings
}

export const ARITY_1 = 1 << 10
const ARITY_2 = 2 << 10
export const ARITY_N = 3 << 10

/** A number that travels in the entry itself. -0 is none. */
export function isWord(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && (value !== 0 || 1 / value > 0)
}

// --------------------------------------------------------------------------------------------- the short way

function post1(ref: LocalRef, head: number, a: unknown, corr: number): void {
  const { lane } = ref
  if (isWord(a)) {
    put(lane, head | ARITY_1, ref.index, ref.age, a, corr)
    return
  }
  const slot = takeSlot(lane)
  lane.first[slot] = a
  put(lane, head | ARITY_1 | FLAG_SLOT, ref.index, ref.age, slot, corr)
}

/** Any other number of arguments: apart and as one, so that what is inlined for one argument stays small. */
function postOther(ref: LocalRef, head: number, n: number, a: unknown, b: unknown, all: unknown, corr: number): void {
  const { lane } = ref
  if (n === 0) {
    put(lane, head, ref.index, ref.age, 0, corr)
    return
  }
  const slot = takeSlot(lane)
  if (n === 2) {
    lane.first[slot] = a
    lane.second[slot] = b
  } else {
    lane.first[slot] = all
  }
  put(lane, head | (n === 2 ? ARITY_2 : ARITY_N) | FLAG_SLOT, ref.index, ref.age, slot, corr)
}

export function tell(method: Method): Function {
  return function (this: View, a: unknown, b: unknown, c: unknown) {
    const ref = refOf(this)
    const n = arguments.length
    if (n === 1) post1(ref, method.head, a, 0)
    else if (n < 3) postOther(ref, method.head, n, a, b, undefined, 0)
    else postOther(ref, method.head, n, a, b, n === 3 ? [a, b, c] : Array.prototype.slice.call(arguments), 0)
  }
}

function calling(flag: number): (method: Method) => Function {
  return (method) =>
    function (this: View, a: unknown, b: unknown, c: unknown): Promise<unknown> {
      const ref = refOf(this)
      const { calls } = ref.lane
      const promise = calls.open()
      const corr = calls.last
      const head = method.head | flag
      const n = arguments.length
      if (n === 1) post1(ref, head, a, corr)
      else if (n < 3) postOther(ref, head, n, a, b, undefined, corr)
      else postOther(ref, head, n, a, b, n === 3 ? [a, b, c] : Array.prototype.slice.call(arguments), corr)
      return promise
    }
}

export const ask = calling(FLAG_ASK)
export const send = calling(FLAG_SEND)

export function stream(method: Method): Function {
  return function (this: View, ...args: unknown[]): Reader {
    return postStream(this[REF], method, null, args, noCallOptions)
  }
}

// ---------------------------------------------------------------------------------------------- the long way

export function tellTuned(method: Method): Function {
  return function (this: View, ...args: unknown[]): void {
    postLong(this[REF], method, null, args, 0, this[SETTINGS] ?? noCallOptions)
  }
}

export function sendTuned(method: Method): Function {
  return function (this: View, ...args: unknown[]): Promise<unknown> | undefined {
    return postLong(this[REF], method, null, args, FLAG_SEND, this[SETTINGS] ?? noCallOptions)
  }
}

export function askTuned(method: Method): Function {
  return function (this: View, ...args: unknown[]): Promise<unknown> | undefined {
    return postLong(this[REF], method, null, args, FLAG_ASK, this[SETTINGS] ?? noCallOptions)
  }
}

export function streamTuned(method: Method): Function {
  return function (this: View, ...args: unknown[]): Reader {
    return postStream(this[REF], method, null, args, this[SETTINGS] ?? noCallOptions)
  }
}

/** The end of a view's prototype chain: any name that the class is not known to have. */
function fallback(verb: (ref: LocalRef, name: string, args: unknown[], settings: CallSettings) => unknown): object {
  return new Proxy(Object.create(null) as object, {
    get(_target, name, view: View) {
      if (typeof name === 'symbol') return undefined
      return (...args: unknown[]) => verb(view[REF], name, args, view[SETTINGS] ?? noCallOptions)
    },
    set: () => false,
    defineProperty: () => false,
  })
}

export const namedVerbs = {
  tell: fallback((ref, name, args, settings) => postLong(ref, undefined, name, args, 0, settings)),
  send: fallback((ref, name, args, settings) => postLong(ref, undefined, name, args, FLAG_SEND, settings)),
  ask: fallback((ref, name, args, settings) => postLong(ref, undefined, name, args, FLAG_ASK, settings)),
  stream: fallback((ref, name, args, settings) => postStream(ref, undefined, name, args, settings)),
}

function postStream(
  ref: LocalRef,
  method: Method | undefined,
  name: string | null,
  args: unknown[],
  settings: CallSettings,
): Reader {
  const reader = new Reader(ref, name ?? method?.name ?? '')
  postLong(ref, method, name, args, FLAG_STREAM, settings, reader)
  return reader
}

function postLong(
  ref: LocalRef,
  method: Method | undefined,
  name: string | null,
  args: unknown[],
  kind: number,
  settings: CallSettings,
  reader?: Reader,
): Promise<unknown> | undefined {
  const { lane } = ref
  const { calls } = lane
  const label = name ?? method?.name ?? ''
  const { signal, ttl, timeout, priority } = settings
  const { isFar } = ref
  const how = lane.settings.localMessages
  const carried = isFar || how === 'share' ? args : share(how, args, ref, label)
  const sender = lane.propagated?.getStore()
  if (sender !== undefined && sender.lane === lane && hasEnded(sender.ref)) return fenced(sender.ref, kind, label, reader)
  if (isFar) reservePair(lane) // nothing may come between the letter and its entry
  const known = isFar ? (lane.crossing as Crossing).nameId(label) : 0
  const letter = isFar ? (lane.crossing as Crossing).write(known === 0 ? [label, ...args] : args, ref, label, signal?.aborted === true ? undefined : settings.transfer) : 0
  let promise: Promise<unknown> | undefined
  let corr = 0
  if (kind === FLAG_ASK || kind === FLAG_SEND) {
    promise = calls.open()
    corr = calls.last
  }
  if (corr !== 0 || reader !== undefined || signal !== undefined) {
    const extra: CallExtra = {
      ref,
      ...(reader === undefined ? {} : { reader }),
      ...(signal === undefined || signal.aborted ? {} : { release: whenAborted(signal, () => abort(ref, corr, label, signal)) }),
      ...(name !== null && kind === FLAG_SEND ? { name } : name !== null || isFar ? { method: label } : {}),
      ...(ttl === undefined ? {} : { ttl }),
      ...(timeout === undefined ? {} : { timeout }),
    }
    if (corr !== 0) calls.extend(extra)
    else if (reader !== undefined || signal !== undefined) corr = calls.openSilent(extra)
  }
  if (corr === 0 && hasEnded(ref)) corr = calls.openSilent({ ref }) // so that its dead letter can say whom it was for
  if (reader !== undefined) reader.corr = corr
  let slot = letter
  let head = 0
  if (isFar) {
    const aborts = kind === FLAG_SEND && signal !== undefined
    head = (known << TAG_SHIFT) | OP_MSG | kind | ARITY_N | (aborts ? FLAG_ABORTS : 0)
  } else {
    slot = takeSlot(lane)
    const run = lane.propagated === undefined ? undefined : capture()
    const plain = name === null && run === undefined
    lane.first[slot] = plain ? carried : new Parcel(name, carried, run, reader !== undefined)
    head = (method?.head ?? OP_MSG) | kind | ARITY_N | FLAG_SLOT
  }
  const before = lane.current
  if (lane.propagated !== undefined && before === 0) lane.current = propagatedSender(lane)
  if (priority !== undefined || ttl !== undefined || timeout !== undefined) {
    if (priority !== undefined && priority !== 'normal') lane.mode |= MODE_ORDERED
    reservePair(lane)
    put(lane, head | FLAG_EXT, ref.index, ref.age, slot, corr)
    const life = ttl === undefined ? 0 : Math.ceil(ttl * 1000) + 1
    const wait = timeout === undefined ? 0 : timeout === Infinity ? Infinity : Math.ceil(timeout * 1000) + 1
    putExtra(lane, PRIORITIES[priority ?? 'normal'], low(life), high(life), low(wait), high(wait))
  } else {
    put(lane, head, ref.index, ref.age, slot, corr)
  }
  lane.current = before
  if (signal?.aborted) abort(ref, corr, label, signal)
  return promise
}

/** What an actor sends after its end has no effect. */
function fenced(ref: LocalRef, kind: number, method: string, reader: Reader | undefined): Promise<unknown> | undefined {
  const error = stopped(ref.path, method)
  reader?.fail(error)
  return kind === FLAG_ASK || kind === FLAG_SEND ? Promise.reject(error) : undefined
}

/** The halves of a number of 64 bits; Infinity is all ones. */
function low(value: number): number {
  return value === Infinity ? -1 : value % 2 ** 32
}

function high(value: number): number {
  return value === Infinity ? -1 : Math.floor(value / 2 ** 32)
}

/** The caller gives up: at once for itself; the message is a dead letter if it still waits. */
function abort(ref: LocalRef, corr: number, method: string, signal: AbortSignal): void {
  const { lane } = ref
  if (!lane.calls.has(corr)) return
  const error = aborted(ref.path, method, signal.reason)
  const reader = lane.calls.extra(corr)?.reader
  if (reader === undefined) lane.calls.reject(corr, error)
  else reader.abort(error)
  if (abortUnsent(lane, corr) || abortDelivered(lane, corr)) return
  lane.mode |= MODE_ORDERED
  put(lane, OP_ABORT, ref.index, ref.age, 0, corr)
}

function capture(): <R>(fn: () => R) => R {
  return AsyncLocalStorage.snapshot() as <R>(fn: () => R) => R
}

/** A message that is still in the outbox is aborted there. Whether it was found. */
function abortUnsent(lane: Lane, corr: number): boolean {
  const { out } = lane
  for (let o = (lane.written - 1) * WORDS; o >= 0; o -= WORDS) {
    const head = out[o] as number
    if ((head & OP_MASK) !== OP_MSG || out[o + 5] !== corr) continue
    out[o] = (head & ~OP_MASK) | OP_GIVEN_UP
    return true
  }
  return false
}

/** The actor whose handler called some awaits ago, if it is still the one that lives there. */
function propagatedSender(lane: Lane): number {
  const sender = lane.propagated?.getStore()
  if (sender === undefined || sender.lane !== lane) return 0
  return lane.refs[sender.ref.index] === sender.ref && lane.instances[sender.ref.index] !== undefined ? sender.ref.index : 0
}
