// The loop over the inbox: handlers run here, one entry after another, and nowhere else.
//
// What an entry came to when it did not simply return is marked beside it, so that the core knows before it routes
// anything else; entries behind it for the same actor are handed back when it may not take them now.

import { isRefusal, noHandler } from '../errors.ts'
import {
  FLAG_ASK,
  FLAG_ASYNC,
  FLAG_SEND,
  FLAG_SHARED,
  FLAG_SLOT,
  FLAG_STREAM,
  MARK_ABORTED,
  MARK_HELD,
  MARK_NO_HANDLER,
  MARK_PROMISED,
  MARK_STREAMING,
  MARK_THREW,
  NOTE_MSG,
  NOTE_RESUME,
  NOTE_RETURN,
  NOTE_START,
  NOTE_TIMER,
  NOTE_WATCH,
  OP_MASK,
  TAG_SHIFT,
  WORD_CURSOR,
} from '../native/layout.ts'
import { keepError, type Lane } from './lane.ts'
import { WORDS } from './limits.ts'
import { findHandler, isGenerator } from './lookup.ts'
import { note, publishDeadLetter } from './notes.ts'
import { type LocalRef, setStarting } from './ref.ts'
import { begin, follow, Run } from './run.ts'
import { share } from './share.ts'
import { openStream } from './streams.ts'
import { Parcel } from './verbs.ts'

/** What a handler that does not exist gives. */
const NONE = Symbol('no handler')

/** A field of the instance took the place of a method, and is none. */
export class Hidden {
  readonly name: string
  readonly args: readonly unknown[]
  constructor(name: string, args: readonly unknown[]) {
    this.name = name
    this.args = args
  }
}

/**
 * Runs the inbox, and the next ones, until there is nothing, until it is time to look at the clock, or until a promise
 * was settled and the inbox is over.
 */
export function dispatch(lane: Lane): void {
  const { header, instances, handlers, first } = lane
  let { inbox } = lane
  let i = lane.at
  let start = i
  let end = Math.min(lane.filled, i + lane.left)
  lane.dispatching = true
  for (;;) {
    try {
      for (;;) {
        for (; i < end; i++) {
          const o = i * WORDS
          const head = inbox[o] as number
          header[WORD_CURSOR] = i
          if ((head & OP_MASK) !== NOTE_MSG) {
            note(lane, head, o, i)
            continue
          }
          const index = inbox[o + 1] as number
          const instance = instances[index]
          lane.current = index
          const handler = handlers[head >>> TAG_SHIFT] as Function
          let result: unknown
          switch ((head >> 10) & 3) {
            case 0:
              result = handler.call(instance)
              break
            case 1: {
              const payload = inbox[o + 3] as number
              if ((head & FLAG_SLOT) === 0) {
                result = handler.call(instance, payload)
                break
              }
              const a = first[payload]
              first[payload] = undefined
              lane.free[lane.freeCount++] = payload
              result = handler.call(instance, a)
              break
            }
            case 2: {
              const slot = inbox[o + 3] as number
              const a = first[slot]
              const b = lane.second[slot]
              first[slot] = undefined
              lane.second[slot] = undefined
              lane.free[lane.freeCount++] = slot
              result = handler.call(instance, a, b)
              break
            }
            default:
              result = runParcel(lane, head, o, instance as object)
          }
          if (result !== undefined || inbox[o + 5] !== 0) after(lane, head, o, i, result)
          else if (lane.killed !== 0) killedItself(lane, head, o, i)
        }
        lane.left -= end - start
        lane.at = end
        lane.dispatching = false
        lane.current = 0
        if (lane.left <= 0 || lane.settledOne || end < lane.filled) return
        lane.turn()
        if (lane.filled === 0) return
        inbox = lane.inbox // wider ones, perhaps
        i = start = 0
        end = Math.min(lane.filled, lane.left)
        lane.dispatching = true
      }
    } catch (error) {
      if (!lane.dispatching) throw error // the core's, not a handler's
      failed(lane, i, error)
      i++
    }
  }
}

/** Takes the arguments of a message out of their slot. */
export function takeArgs(lane: Lane, slot: number): unknown {
  const value = lane.first[slot]
  lane.first[slot] = undefined
  lane.second[slot] = undefined
  lane.free[lane.freeCount++] = slot
  return value
}

/** A message of three or more arguments, or one that carries more than those. */
function runParcel(lane: Lane, head: number, o: number, instance: object): unknown {
  const carried = takeArgs(lane, lane.inbox[o + 3] as number)
  const isParcel = carried instanceof Parcel
  const args = (isParcel ? carried.args : carried) as readonly unknown[]
  const name = isParcel ? carried.name : null
  const isStream = (head & FLAG_STREAM) !== 0
  const found = name === null ? lane.handlers[head >>> TAG_SHIFT] : findHandler(instance, name)
  let handler = found
  if (handler !== undefined && isGenerator(handler) !== isStream) handler = undefined
  const label = name ?? lane.methods[head >>> TAG_SHIFT]?.name ?? ''
  lane.label = label
  lane.parcel = isParcel ? carried : undefined
  if (handler === undefined) {
    const { onUnhandled } = instance as { onUnhandled?: unknown }
    if (found === undefined && typeof onUnhandled === 'function' && !isStream) {
      handler = () => onUnhandled.call(instance, label, args)
    } else {
      missing(lane, o, label, args, found === undefined ? undefined : isStream ? 'ask' : 'stream')
      return NONE
    }
  }
  const corr = lane.inbox[o + 5] as number
  if (corr !== 0 && lane.calls.extra(corr)?.name !== undefined) lane.calls.resolve(corr, undefined) // a send: it has a handler
  const run = handler
  const call = (): unknown => run.apply(instance, args as unknown[])
  if (!isParcel || carried.run === undefined) return call()
  return inContext(lane, lane.refs[lane.current] as LocalRef, carried.run, call)
}

/** Under `propagate`: in the sender's context, and known as the sender of what it sends. */
export function inContext<R>(lane: Lane, ref: LocalRef, run: <T>(fn: () => T) => T, call: () => R): R {
  return run(() => (lane.propagated === undefined ? call() : lane.propagated.run({ lane, ref }, call)))
}

/** No handler of that name: a dead letter. */
function missing(lane: Lane, o: number, name: string, args: readonly unknown[], verb?: 'ask' | 'stream'): void {
  const { inbox } = lane
  const i = o / WORDS
  lane.marks[i] = MARK_NO_HANDLER
  const corr = inbox[o + 5] as number
  const ref = lane.refs[inbox[o + 1] as number] as LocalRef
  if (corr !== 0) {
    const hint =
      verb === undefined ? undefined : `it is ${verb === 'ask' ? 'no' : 'a'} generator: use ref.${verb}.${name}() for it`
    lane.calls.reject(corr, noHandler(ref.path, name, hint))
    lane.calls.close(corr)
  } else if (verb !== undefined) {
    lane.log.warn(`'${name}' is a generator: read it with ref.stream`, { actor: ref.path })
  }
  publishDeadLetter(lane, 'no-handler', ref.path, inbox[o + 4] as number, inbox[o + 2] as number, name, args)
}

/** The handler returned something, or somebody waits for it. */
function after(lane: Lane, head: number, o: number, i: number, result: unknown): void {
  if (result === NONE) return
  if (result instanceof Hidden) {
    missing(lane, o, result.name, result.args)
    return
  }
  if (lane.killed !== 0) {
    killedItself(lane, head, o, i)
    if (isThenable(result)) quiet(result)
    return
  }
  const corr = lane.inbox[o + 5] as number
  if ((head & FLAG_STREAM) !== 0) {
    const index = lane.inbox[o + 1] as number
    lane.marks[i] = MARK_STREAMING
    holdBack(lane, index, i + 1) // its first step comes before what waits
    openStream(lane, o, lane.refs[index] as LocalRef, corr, result)
    return
  }
  if (isThenable(result)) {
    promised(lane, head, o, i, result)
    return
  }
  if (corr === 0) return
  if (lane.calls.finish(corr, (head & FLAG_ASK) === 0 ? undefined : reply(lane, result, o, head))) lane.settledOne = true
}

/** Under `localMessages` a reply is treated like a message. */
function reply(lane: Lane, value: unknown, o: number, head: number): unknown {
  const how = lane.settings.localMessages
  if (how === 'share') return value
  const ref = lane.refs[lane.inbox[o + 1] as number] as LocalRef
  return share(how, [value], ref, lane.methods[head >>> TAG_SHIFT]?.name ?? '')[0]
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Nobody is interested in what this comes to. */
function quiet(promise: PromiseLike<unknown>): void {
  void Promise.resolve(promise).then(undefined, () => {})
}

/** The handler goes on after it returned: its actor takes no other message, unless both are concurrent. */
function promised(lane: Lane, head: number, o: number, i: number, promise: PromiseLike<unknown>): void {
  const { inbox } = lane
  const index = inbox[o + 1] as number
  const shared = (head & FLAG_SHARED) !== 0
  const method = lane.methods[head >>> TAG_SHIFT]
  lane.marks[i] = MARK_PROMISED
  if (!shared && (head & FLAG_ASYNC) === 0) {
    holdBack(lane, index, i + 1)
    if (method !== undefined) method.head |= FLAG_ASYNC // next time the core knows
  }
  const ref = lane.refs[index] as LocalRef
  const corr = inbox[o + 5] as number
  const run = new Run(ref, NOTE_MSG, corr, shared, method?.name ?? lane.label, inbox[o + 4] as number, inbox[o + 2] as number)
  begin(run)
  void follow(lane, run, promise)
}

/** A promise that a hook, a timer, a watch or a step of a stream returned. */
export function promisedNote(lane: Lane, i: number, run: Run, promise: PromiseLike<unknown>): void {
  lane.marks[i] = MARK_PROMISED
  holdBack(lane, run.ref.index, i + 1)
  begin(run)
  void follow(lane, run, promise)
}

/** The actor killed itself: what it ran counts as failed, and its caller is told when the end comes. */
function killedItself(lane: Lane, head: number, o: number, i: number): void {
  const { inbox } = lane
  const index = inbox[o + 1] as number
  const own = lane.killed === index
  lane.killed = 0
  if (!own) {
    after(lane, head, o, i, undefined)
    return
  }
  lane.marks[i] = MARK_PROMISED
  const method = lane.methods[head >>> TAG_SHIFT]
  const ref = lane.refs[index] as LocalRef
  begin(new Run(ref, NOTE_MSG, inbox[o + 5] as number, (head & FLAG_SHARED) !== 0, method?.name ?? lane.label, 0, 0))
}

/** What ran at entry `i` threw. */
function failed(lane: Lane, i: number, error: unknown): void {
  const { inbox } = lane
  const o = i * WORDS
  const head = inbox[o] as number
  const op = head & OP_MASK
  const index = inbox[o + 1] as number
  const corr = inbox[o + 5] as number
  const isMessage = op === NOTE_MSG
  lane.killed = 0
  if (op === NOTE_START) setStarting(undefined)
  const named = isMessage || op === NOTE_RESUME || op === NOTE_RETURN
  const method = named ? (isMessage && lane.methods[head >>> TAG_SHIFT]?.name) || lane.label : null
  if (isRefusal(error) && op !== NOTE_START) {
    if (isMessage && corr !== 0 && (head & FLAG_SEND) === 0) {
      lane.calls.reject(corr, error)
      lane.calls.close(corr)
      lane.settledOne = true
    } else {
      if (isMessage && corr !== 0) {
        lane.calls.resolve(corr, undefined)
        lane.calls.close(corr)
      }
      lane.log.debug(`refused: ${(error as Error).message}`, { actor: lane.refs[index]?.path, method, error })
    }
    return
  }
  lane.marks[i] = MARK_THREW
  inbox[o + 3] = keepError(lane, error, method)
  if (isMessage && corr !== 0) {
    if ((head & FLAG_SEND) === 0) lane.calls.reject(corr, error)
    else lane.calls.resolve(corr, undefined) // it was accepted, and that is all that a send asks
    lane.calls.close(corr)
    lane.settledOne = true
  }
  holdBack(lane, index, i + 1)
}

/** Entries for the actor from `from` on go back to the core: they are not to run now. */
export function holdBack(lane: Lane, index: number, from: number): void {
  const { inbox, marks } = lane
  for (let i = from; i < lane.filled; i++) {
    const o = i * WORDS
    if (inbox[o + 1] !== index) continue
    const head = inbox[o] as number
    const op = head & OP_MASK
    if (op === NOTE_MSG || op === NOTE_TIMER || op === NOTE_WATCH || op === NOTE_RESUME || op === NOTE_RETURN) {
      marks[i] = MARK_HELD | (op << 3)
      inbox[o] = head & ~OP_MASK
    }
  }
}

/** The first entry that did not begin yet. */
export function unread(lane: Lane): number {
  return lane.dispatching ? (lane.header[WORD_CURSOR] as number) + 1 : lane.at
}

/** A message that was delivered and did not begin is aborted. Whether it was found. */
export function abortDelivered(lane: Lane, corr: number): boolean {
  const { inbox, marks } = lane
  for (let i = unread(lane); i < lane.filled; i++) {
    const o = i * WORDS
    const head = inbox[o] as number
    if ((head & OP_MASK) !== NOTE_MSG || inbox[o + 5] !== corr) continue
    marks[i] = MARK_ABORTED | (NOTE_MSG << 3)
    inbox[o] = head & ~OP_MASK
    const { name, args } = contents(lane, head, inbox[o + 3] as number)
    const ref = lane.refs[inbox[o + 1] as number] as LocalRef
    publishDeadLetter(lane, 'aborted', ref.path, inbox[o + 4] as number, inbox[o + 2] as number, name, args)
    lane.calls.close(corr)
    return true
  }
  return false
}

/** What a message that will not run was: its method, and its arguments, whose slot is freed. */
export function contents(lane: Lane, head: number, payload: number): { name: string; args: readonly unknown[] } {
  const name = lane.methods[head >>> TAG_SHIFT]?.name ?? ''
  const arity = (head >> 10) & 3
  if (arity === 0) return { name, args: [] }
  if ((head & FLAG_SLOT) === 0) return { name, args: [payload] }
  const b = lane.second[payload]
  const a = takeArgs(lane, payload)
  if (arity === 1) return { name, args: [a] }
  if (arity === 2) return { name, args: [a, b] }
  if (a instanceof Parcel) return { name: a.name ?? name, args: a.args }
  return { name, args: a as readonly unknown[] }
}
