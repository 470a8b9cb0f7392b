// A run whose promise is pending: what the core must be told when it settles, and for whom.

import { isRefusal } from '../errors.ts'
import { FLAG_SHARED, MODE_ORDERED, NOTE_HEALTH, NOTE_MSG, NOTE_RESUME, NOTE_START, NOTE_STOP, OP_DONE, OP_SETTLED, OUTCOME_OK, OUTCOME_THREW, TAG_SHIFT, WORD_GAVE_UP } from '../native/layout.ts'
import type { Lane } from './lane.ts'
import { keepError, putFrom } from './outbox.ts'
import { type LocalRef, moreIf, moreOf } from './ref.ts'

export class Run {
  readonly ref: LocalRef
  /** The note that it runs for. */
  readonly note: number
  /** The call, or the number of the timer. */
  readonly corr: number
  readonly shared: boolean
  readonly method: string | null
  readonly from: number
  readonly fromAge: number
  /** What is done with the result instead of a reply. */
  readonly onValue: ((value: unknown) => void) | undefined
  /** What is done with the error before the core is told; true: it concerns nobody else. */
  readonly otherwise: ((error: unknown) => boolean) | undefined
  /** The actor ended before: what happens now changes nothing. */
  fenced = false

  constructor(
    ref: LocalRef,
    note: number,
    corr: number,
    shared: boolean,
    method: string | null,
    from: number,
    fromAge: number,
    onValue?: (value: unknown) => void,
    otherwise?: (error: unknown) => boolean,
  ) {
    this.ref = ref
    this.note = note
    this.corr = corr
    this.shared = shared
    this.method = method
    this.from = from
    this.fromAge = fromAge
    this.onValue = onValue
    this.otherwise = otherwise
  }
}

/** Whether a hook runs for a note of this kind: a refusal is a failure there. */
export function isHook(note: number): boolean {
  return note === NOTE_START || note === NOTE_STOP || note === NOTE_HEALTH
}

/** Registers the run with its actor. */
export function begin(run: Run): void {
  const more = moreOf(run.ref)
  if (run.shared) (more.shared ??= new Set()).add(run)
  else more.run = run
}

/** Waits for the promise, or whatever has a `then`, and tells the core. Never rejects. */
export async function follow(lane: Lane, run: Run, promise: unknown): Promise<void> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    finish(lane, run, undefined, error, true)
    return
  }
  finish(lane, run, value, undefined, false)
}

function finish(lane: Lane, run: Run, value: unknown, error: unknown, threw: boolean): void {
  if (run.fenced) return
  if (lane.header[WORD_GAVE_UP] === 1 && lane.at < lane.filled) {
    // what the isolate has not read yet may be that this run was given up: it is fenced then
    lane.unread.push(() => finish(lane, run, value, error, threw))
    lane.chores = true
    return
  }
  if (lane.killing) {
    // if the kill is for this actor its run is fenced by then
    lane.postponed.push(() => finish(lane, run, value, error, threw))
    return
  }
  const more = moreIf(run.ref)
  if (run.shared) more?.shared?.delete(run)
  else if (more?.run === run) more.run = undefined
  const isMessage = run.note === NOTE_MSG
  if (!threw) {
    run.onValue?.(value)
    done(lane, run, OUTCOME_OK, 0)
    if (isMessage && run.corr !== 0) {
      lane.replier = run
      lane.calls.finish(run.corr, value)
      lane.replier = undefined
    }
    return
  }
  const settled = run.otherwise?.(error) === true || (isRefusal(error) && !isHook(run.note))
  if (settled) {
    if (isMessage && run.corr === 0) lane.log.debug(`refused: ${String((error as Error).message)}`, { actor: run.ref.path, method: run.method, error })
    done(lane, run, OUTCOME_OK, 0)
  } else {
    lane.mode |= MODE_ORDERED
    done(lane, run, OUTCOME_THREW, keepError(lane, error, run.method))
  }
  if (isMessage && run.corr !== 0) {
    lane.calls.reject(run.corr, error)
    lane.calls.close(run.corr)
  }
}

function done(lane: Lane, run: Run, outcome: number, error: number): void {
  const head = OP_DONE | (run.shared ? FLAG_SHARED : 0) | (run.note << TAG_SHIFT)
  const corr = run.note === NOTE_RESUME ? 0 : run.corr
  putFrom(lane, head, run.ref.index, run.ref.age, error, outcome, corr)
}

/** The actor has ended: its runs have nothing to say any more. Their callers are told. */
export function fence(lane: Lane, ref: LocalRef, reason: (method: string) => Error): void {
  const more = moreIf(ref)
  if (more === undefined || (more.run === undefined && more.shared === undefined)) return
  const runs = [...(more.run === undefined ? [] : [more.run]), ...(more.shared ?? [])]
  more.run = undefined
  more.shared = undefined
  for (const run of runs) {
    run.fenced = true
    if (run.note === NOTE_MSG && run.corr !== 0) {
      lane.calls.reject(run.corr, reason(run.method ?? ''))
      lane.calls.close(run.corr)
      putFrom(lane, OP_SETTLED, 0, 0, 0, 0, run.corr)
    }
  }
}
