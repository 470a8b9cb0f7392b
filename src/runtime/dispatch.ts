// The loop over the inbox: handlers run here, one entry after another, and nowhere else.
//
// What an entry came to when it did not simply return is marked beside it, so that the core knows before it routes
// anything else; entries behind it for the same actor are handed back when it may not take them now.

import { isRefusal, noHandler } from '../errors.ts'
import {
  FLAG_ASK,
  FLAG_ASYNC,
  FLAG_LETTER,
  FLAG_SEND,
  FLAG_SHARED,
  FLAG_SLOT,
  FLAG_STREAM,
  MARK_NO_HANDLER,
  MARK_PROMISED,
  MARK_STREAMING,
  MARK_THREW,
  NOTE_MSG,
  NOTE_RESUME,
  NOTE_RETURN,
  NOTE_START,
  OP_MASK,
  TAG_SHIFT,
  WORD_CURSOR,
} from '../native/layout.ts'
import type { Crossing } from '../cores/crossing.ts'
import { isFarCall } from './calls.ts'
import type { Lane } from './lane.ts'
import { keepError } from './outbox.ts'
import { WORDS } from './limits.ts'
import { findHandler, isGenerator, otherVerb } from './lookup.ts'
import { handBack, Hidden, holdBack, ignore, inContext, isSignal, isThenable, NO_CALL, Parcel, publishDeadLetter, takeArgs } from './inbox.ts'
import { note } from './notes.ts'
import { type LocalRef, setStarting } from './ref.ts'
import { begin, follow, isHook, Run } from './run.ts'
import { share } from './share.ts'
import { openStream } from './streams.ts'

/** What a handler that does not exist gives. */
const NONE = Symbol('no handler')

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
          if (lane.holds && handBack(lane, head, o, i)) continue
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
              result =
                (head & (FLAG_LETTER | FLAG_STREAM)) === FLAG_LETTER && head >>> TAG_SHIFT !== 0
                  ? runLetter(lane, o, instance as object, handler)
                  : runParcel(lane, head, o, instance as object)
          }
          if (result !== undefined || inbox[o + 5] !== 0) after(lane, head, o, i, result)
        }
        lane.left -= end - start
        lane.at = end
        lane.dispatching = false
        lane.current = 0
        if (lane.left <= 0 || lane.settledOne || end < lane.filled) {
          header[WORD_CURSOR] = ~end // nothing runs: whatever blocks the loop now is no handler
          return
        }
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

function plainly<R>(fn: () => R): R {
  return fn()
}

/** A message of another isolate, for a method that the class is known to have. */
function runLetter(lane: Lane, o: number, instance: object, handler: Function): unknown {
  const args = (lane.crossing as Crossing).read(o)
  if (lane.propagated !== undefined) {
    return inContext(lane, lane.refs[lane.current] as LocalRef, plainly, () => handler.apply(instance, args) as unknown)
  }
  switch (args.length) {
    case 1:
      return handler.call(instance, args[0])
    case 2:
      return handler.call(instance, args[0], args[1])
    case 3:
      return handler.call(instance, args[0], args[1], args[2])
    default:
      return handler.apply(instance, args)
  }
}

/** A message of three or more arguments, or one that carries more than those. */
function runParcel(lane: Lane, head: number, o: number, instance: object): unknown {
  const isLetter = (head & FLAG_LETTER) !== 0
  const carried = isLetter ? (lane.crossing as Crossing).parcel(head, o) : takeArgs(lane, lane.inbox[o + 3] as number)
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
  if (corr !== 0 && ((isLetter && name !== null && (head & FLAG_SEND) !== 0) || lane.calls.extra(corr)?.name !== undefined)) lane.calls.resolve(corr, undefined) // a send: it has a handler
  const run = handler
  const call = (): unknown => run.apply(instance, args as unknown[])
  if (!isParcel || carried.run === undefined) return call()
  return inContext(lane, lane.refs[lane.current] as LocalRef, carried.run, call)
}

/** No handler of that name: a dead letter. */
function missing(lane: Lane, o: number, name: string, args: readonly unknown[], verb?: 'ask' | 'stream'): void {
  const { inbox } = lane
  const i = o / WORDS
  lane.marks[i] = MARK_NO_HANDLER
  const corr = inbox[o + 5] as number
  const ref = lane.refs[inbox[o + 1] as number] as LocalRef
  if (corr !== 0) {
    if (isFarCall(corr) && ((inbox[o] as number) & FLAG_SEND) !== 0) lane.calls.far?.miss(corr)
    else lane.calls.reject(corr, noHandler(ref.path, name, verb === undefined ? undefined : otherVerb(name, verb === 'ask')))
    lane.calls.close(corr)
  } else if (verb !== undefined) {
    lane.log.warn(`'${name}' is a generator: read it with ref.stream`, { actor: ref.path })
  }
  publishDeadLetter(lane, 'no-handler', ref.path, inbox[o + 4] as number, inbox[o + 2] as number, name, args)
}

/** The handler returned something, or somebody waits for it. */
function after(lane: Lane, head: number, o: number, i: number, result: unknown): void {
  if (lane.killed === 0 && (head & FLAG_STREAM) === 0 && isPlain(result)) {
    const corr = lane.inbox[o + 5] as number
    if (corr !== 0 && lane.calls.finish(corr, (head & FLAG_ASK) === 0 ? undefined : result)) lane.settledOne = true
    return
  }
  afterOther(lane, head, o, i, result)
}

/** Neither a promise nor anything that means something to the runtime, and nothing that could be shared. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'object':
      return value === null
    case 'function':
    case 'symbol':
      return false
    default:
      return true
  }
}

function afterOther(lane: Lane, head: number, o: number, i: number, result: unknown): void {
  if (result === NONE) return
  if (result instanceof Hidden) {
    missing(lane, o, result.name, result.args)
    return
  }
  if (lane.killed !== 0) {
    killedItself(lane, head, o, i)
    if (isThenable(result)) ignore(result)
    return
  }
  const corr = lane.inbox[o + 5] as number
  if ((head & FLAG_STREAM) !== 0) {
    const index = lane.inbox[o + 1] as number
    lane.marks[i] = MARK_STREAMING
    holdBack(lane, index) // its first step comes before what waits
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
  if (how === 'share' || isFarCall(lane.inbox[o + 5] as number)) return value // or it is copied anyway
  const ref = lane.refs[lane.inbox[o + 1] as number] as LocalRef
  return share(how, [value], ref, lane.methods[head >>> TAG_SHIFT]?.name ?? '')[0]
}

/** The handler goes on after it returned: its actor takes no other message, unless both are concurrent. */
function promised(lane: Lane, head: number, o: number, i: number, promise: PromiseLike<unknown>): void {
  const { inbox } = lane
  const index = inbox[o + 1] as number
  const shared = (head & FLAG_SHARED) !== 0
  const method = lane.methods[head >>> TAG_SHIFT]
  lane.marks[i] = MARK_PROMISED
  if (!shared && (head & FLAG_ASYNC) === 0) {
    holdBack(lane, index)
    if (method !== undefined) method.head |= FLAG_ASYNC // next time the core knows
  }
  const ref = lane.refs[index] as LocalRef
  const corr = inbox[o + 5] as number
  const run = new Run(ref, NOTE_MSG, corr, shared, method?.name ?? lane.label, inbox[o + 4] as number, inbox[o + 2] as number)
  begin(run)
  const isReply = (head & FLAG_ASK) !== 0 || !isFarCall(corr)
  void follow(lane, run, isReply ? promise : withoutValue(promise))
}

/** Of a send, so that nothing is written for an isolate that reads nothing. */
async function withoutValue(promise: PromiseLike<unknown>): Promise<void> {
  await promise
}

/** The actor killed itself: what it ran counts as failed, and its caller is told when the end comes. */
function killedItself(lane: Lane, head: number, o: number, i: number): void {
  const { inbox } = lane
  const index = inbox[o + 1] as number
  lane.killed = 0
  if (inbox[o + 5] === NO_CALL) inbox[o + 5] = 0
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
  const isMessage = op === NOTE_MSG
  if (!isMessage && !isHook(op) && !isSignal(op)) {
    lane.log.error('the runtime failed at a note of the core; please report this', { note: op, error })
    return
  }
  lane.killed = 0
  if (inbox[o + 5] === NO_CALL) inbox[o + 5] = 0 // it killed itself before it threw
  if (op === NOTE_START) setStarting(undefined)
  const named = isMessage || op === NOTE_RESUME || op === NOTE_RETURN
  const method = named ? (isMessage && lane.methods[head >>> TAG_SHIFT]?.name) || lane.label : null
  const asked = isMessage && answer(lane, head, inbox[o + 5] as number, error)
  if (isRefusal(error) && !isHook(op)) {
    if (!asked) lane.log.debug(`refused: ${(error as Error).message}`, { actor: lane.refs[index]?.path, method, error })
    return
  }
  lane.marks[i] = MARK_THREW
  inbox[o + 3] = keepError(lane, error, method)
  holdBack(lane, index)
}

/** Tells the caller of a message that threw. Whether one waits for the reply. */
function answer(lane: Lane, head: number, corr: number, error: unknown): boolean {
  if (corr === 0) return false
  const isSend = (head & FLAG_SEND) !== 0
  if (isSend) lane.calls.resolve(corr, undefined) // it was accepted, and that is all that a send asks
  else lane.calls.reject(corr, error)
  lane.calls.close(corr)
  lane.settledOne = true
  return !isSend
}
