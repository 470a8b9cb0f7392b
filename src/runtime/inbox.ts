// The inbox as data: entries are looked at, held back, taken out. Nothing is run here.

import type { DeadLetterReason } from '../lifecycle.ts'
import {
  FLAG_LETTER,
  FLAG_SLOT,
  MARK_ABORTED,
  MARK_HELD,
  MARK_PROMISED,
  NOTE_HEALTH,
  NOTE_MSG,
  NOTE_RESUME,
  NOTE_RETURN,
  NOTE_TIMER,
  NOTE_WATCH,
  OP_MASK,
  TAG_SHIFT,
  WORD_CURSOR,
} from '../native/layout.ts'
import type { Lane } from './lane.ts'
import { INDEX_BITS, WORDS } from './limits.ts'
import type { LocalRef } from './ref.ts'
import { begin, follow, type Run } from './run.ts'

/** What a message carries when it is more than its arguments. */
export class Parcel {
  /** The handler's name when it is to be looked up; null when the tag says which it is. */
  readonly name: string | null
  readonly args: readonly unknown[]
  /** Runs a function in the sender's asynchronous context. */
  readonly run: (<R>(fn: () => R) => R) | undefined
  readonly stream: boolean
  constructor(name: string | null, args: readonly unknown[], run: (<R>(fn: () => R) => R) | undefined, stream: boolean) {
    this.name = name
    this.args = args
    this.run = run
    this.stream = stream
  }
}

/** A field of the instance took the place of a method, and is none. */
export class Hidden {
  readonly name: string
  readonly args: readonly unknown[]
  constructor(name: string, args: readonly unknown[]) {
    this.name = name
    this.args = args
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

/** Under `propagate`: in the sender's context, and known as the sender of what it sends. */
export function inContext<R>(lane: Lane, ref: LocalRef, run: <T>(fn: () => T) => T, call: () => R): R {
  return run(() => (lane.propagated === undefined ? call() : lane.propagated.run({ lane, ref }, call)))
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Nobody is interested in what this comes to. */
export function ignore(promise: PromiseLike<unknown>): void {
  void Promise.resolve(promise).then(undefined, () => {})
}

/** A promise that a hook, a timer, a watch or a step of a stream returned. */
export function promisedNote(lane: Lane, i: number, run: Run, promise: PromiseLike<unknown>): void {
  lane.marks[i] = MARK_PROMISED
  holdBack(lane, run.ref.index)
  begin(run)
  void follow(lane, run, promise)
}

/** In the place of a call where there is none, when the end of the handler must be looked at. */
export const NO_CALL = -1

/** Whether an actor runs something for a note of this kind that is neither a message nor its start or end. */
export function isSignal(op: number): boolean {
  return op === NOTE_TIMER || op === NOTE_WATCH || op === NOTE_HEALTH || op === NOTE_RESUME || op === NOTE_RETURN
}

/**
 * Entries for the actor that did not begin yet go back to the core: they are not to run now. Each is marked when its turn
 * comes, so that an end costs the same whatever the inbox has; the core looks at marks only up to the cursor.
 */
export function holdBack(lane: Lane, index: number): void {
  if (unread(lane) >= lane.filled) return
  if (index >= lane.held.length) {
    const more = new Int32Array(Math.max(2 * lane.held.length, lane.refs.length, index + 1))
    more.set(lane.held)
    lane.held = more
  }
  lane.held[index] = lane.holdNumber
  lane.holds = true
}

function isHeld(lane: Lane, index: number): boolean {
  return lane.holds && lane.held[index] === lane.holdNumber
}

/** Hands the entry at `i` back when it is for an actor that is held. Whether it was. */
export function handBack(lane: Lane, head: number, o: number, i: number): boolean {
  if (!isHeld(lane, lane.inbox[o + 1] as number)) return false
  const op = head & OP_MASK
  if (op !== NOTE_MSG && !isSignal(op)) return false
  lane.marks[i] = MARK_HELD | (op << 3)
  lane.inbox[o] = head & ~OP_MASK
  return true
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
    if (isHeld(lane, inbox[o + 1] as number)) return false // it waits again: the core aborts it there
    marks[i] = MARK_ABORTED | (NOTE_MSG << 3)
    inbox[o] = head & ~OP_MASK
    const { name, args } = contents(lane, head, inbox[o + 3] as number, o)
    const ref = lane.refs[inbox[o + 1] as number] as LocalRef
    publishDeadLetter(lane, 'aborted', ref.path, inbox[o + 4] as number, inbox[o + 2] as number, name, args)
    lane.calls.close(corr)
    return true
  }
  return false
}

export interface Contents {
  readonly name: string
  readonly args: readonly unknown[] | null
}

/** What a message that will not run was: its method, and its arguments, whose slot is freed. */
export function contents(lane: Lane, head: number, payload: number, o: number): Contents {
  const { crossing } = lane
  if ((head & FLAG_LETTER) !== 0 && crossing !== undefined) return crossing.contents(head, o)
  const tag = head >>> TAG_SHIFT
  const isFar = ((lane.inbox[o + 1] as number) >>> INDEX_BITS) !== 0
  const name = (isFar ? crossing?.nameAt(tag) : lane.methods[tag]?.name) ?? ''
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

/** The ref of an actor of this isolate, or of another one, by its index or address. */
export function refAt(lane: Lane, index: number, age: number): LocalRef | undefined {
  if (index === 0) return undefined
  if (index >>> INDEX_BITS !== 0) return lane.crossing?.refTo(index, age)
  const ref = lane.refs[index]
  return ref !== undefined && ref.seatAge === age ? ref : undefined
}

export function publishDeadLetter(
  lane: Lane,
  reason: DeadLetterReason,
  target: string,
  from: number,
  fromAge: number,
  method: string,
  args: readonly unknown[] | null,
): void {
  lane.log.debug('dead letter', { reason, target, method })
  if (!lane.deadLetters.active) return
  const sender = refAt(lane, from, fromAge)
  const path = sender?.path ?? null
  lane.deadLetters.publish(Object.freeze({ reason, target, sender: path, method, args }))
}
