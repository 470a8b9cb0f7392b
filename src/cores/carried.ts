// What comes from other isolates and is no message.

import { BuskinError } from '../errors.ts'
import type { DeadLetter, DeadLetterReason, Directive, ExitReason } from '../lifecycle.ts'
import {
  CARRY_ACCEPTED,
  CARRY_BEGIN,
  CARRY_BORN,
  CARRY_CLASS,
  CARRY_CREDIT,
  CARRY_DEAD,
  CARRY_ENDED,
  CARRY_FAILED,
  CARRY_ITEM,
  CARRY_LEAVE,
  CARRY_MOVED,
  CARRY_NEWS,
  CARRY_OVER,
  CARRY_QUERY,
  CARRY_REFUSED,
  CARRY_REPLY,
  CARRY_STALLED,
  CARRY_STARTED,
  CARRY_STOPPED,
  CARRY_WATCH,
  CARRY_WATCHED,
  ENDED_STARTED,
  FLAG_LETTER,
  OUTCOME_OK,
  OUTCOME_THREW,
  REASON_FAILED,
  TAG_SHIFT,
} from '../native/layout.ts'
import { failureOf } from '../runtime/failures.ts'
import type { Lane } from '../runtime/lane.ts'
import { publishDeadLetter, refAt } from '../runtime/inbox.ts'
import { CALL_BITS, CALL_MASK, FAR_CALL, INDEX_BITS } from '../runtime/limits.ts'
import { errorFor } from '../runtime/notes.ts'
import { Ended, type LocalRef, moreIf, moreOf } from '../runtime/ref.ts'
import type { Reader } from '../runtime/streams.ts'
import { exitReason, REASONS } from '../runtime/words.ts'
import type { Told } from './causes.ts'
import type { Crossing, ToldValue } from './crossing.ts'
import { ENDED } from './far.ts'
import type { FeedNews } from './news.ts'
import { FarSource } from './streams.ts'

/** Bytes of the core's words before those of a birth. */
const BORN_LEAD = 20
const INDEX_MASK = (1 << INDEX_BITS) - 1

/** Of feeds and the log, or see Causes. */
export type News =
  | FeedNews
  | ['why', number, number, number, number, number, number]
  | ['because', number, number, number, Told | null]
  | ['hook', number, number, Directive, Told]

export function carried(crossing: Crossing, head: number, o: number, _i: number): void {
  const { lane } = crossing
  const { inbox } = lane
  const payload = inbox[o + 3] as number
  const from = inbox[o + 4] as number
  const corr = inbox[o + 5] as number
  switch (head >>> TAG_SHIFT) {
    case CARRY_REPLY:
      return reply(crossing, corr, from, crossing.told(head, o))
    case CARRY_ACCEPTED:
      if (!lane.calls.has(corr)) return
      if (from === 1 ? lane.calls.resolve(corr, undefined) : lane.calls.finish(corr, undefined)) lane.settledOne = true
      return
    case CARRY_OVER:
      if (lane.calls.has(corr)) lane.calls.close(corr)
      return
    case CARRY_REFUSED:
      return refused(crossing, corr, payload, refAt(lane, inbox[o + 1] as number, inbox[o + 2] as number), from)
    case CARRY_BEGIN:
      return begin(crossing, corr, inbox[o + 1] as number)
    case CARRY_ITEM:
      return item(crossing, corr, from, crossing.told(head, o))
    case CARRY_CREDIT:
      crossing.sinks.get(farCorr(inbox[o + 1] as number))?.credit(payload)
      return
    case CARRY_LEAVE:
      crossing.sinks.get(farCorr(inbox[o + 1] as number))?.leave()
      return
    case CARRY_NEWS:
      return news(crossing, crossing.read(o) as unknown as News)
    case CARRY_CLASS:
      return crossing.births.defined(crossing.read(o)[0] as number)
    case CARRY_BORN:
      if (from === 1) return crossing.births.expect(inbox[o + 1] as number, inbox[o + 2] as number, payload)
      return crossing.births.born(inbox[o + 1] as number, inbox[o + 2] as number, crossing.read(o, BORN_LEAD))
    case CARRY_STARTED:
      return started(crossing, payload)
    case CARRY_ENDED:
      return ended(crossing, o, head, from, corr)
    case CARRY_QUERY:
      return asked(crossing, o, CARRY_ENDED, from & ~INDEX_MASK, from & INDEX_MASK)
    case CARRY_WATCH:
      return asked(crossing, o, CARRY_WATCHED, from, REASON_FAILED)
    case CARRY_FAILED:
      return failed(crossing, o)
    case CARRY_DEAD:
      return deadThere(crossing, o)
    case CARRY_STOPPED:
      return stoppedThere(crossing, o)
    case CARRY_STALLED: {
      const address = inbox[o + 1] as number
      crossing.stalls({ core: (address >>> INDEX_BITS) - 1, index: address & INDEX_MASK, note: corr, name: from })
      return
    }
    case CARRY_MOVED:
      return crossing.seats.note(o)
    default:
  }
}

function news(crossing: Crossing, said: News): void {
  if (said[0] === 'why') crossing.births.causes.answer(said[1], said[2], said[3], said[4], said[5], said[6])
  else if (said[0] === 'because') crossing.births.causes.hear(said[1], said[2], said[3], said[4])
  else if (said[0] === 'hook') crossing.births.causes.reported(said[1], said[3], said[4])
  else crossing.news.hears(said)
}

/** The word of a call of elsewhere, from where its stream's words are sent. */
function farCorr(index: number): number {
  return ((FAR_CALL << CALL_BITS) | (index & CALL_MASK)) | 0
}

function item(crossing: Crossing, corr: number, said: number, told: ToldValue): void {
  const source = crossing.sources.get(corr)
  if (said === OUTCOME_OK && told.isRead) source?.item(told.value)
  else source?.fail(told.value)
}

function reply(crossing: Crossing, corr: number, said: number, told: ToldValue): void {
  const { value } = told
  const outcome = told.isRead ? said : OUTCOME_THREW
  const { lane } = crossing
  const { calls } = lane
  if (!calls.has(corr)) return
  const source = crossing.sources.get(corr)
  if (source !== undefined || calls.extra(corr)?.reader !== undefined) {
    crossing.sources.delete(corr)
    const reader = source?.reader ?? (calls.extra(corr)?.reader as Reader)
    if (outcome === OUTCOME_OK) reader.finish()
    else reader.fail(value)
    calls.close(corr)
    return
  }
  lane.settledOne = true
  if (outcome === OUTCOME_OK) {
    calls.finish(corr, value)
    return
  }
  calls.reject(corr, value)
  calls.close(corr)
}

function refused(crossing: Crossing, corr: number, reason: number, target: LocalRef | undefined, name: number): void {
  const { lane } = crossing
  const { calls } = lane
  if (!calls.has(corr)) return
  crossing.sources.delete(corr)
  if (calls.waits(corr)) {
    const ref = calls.extra(corr)?.ref ?? target
    const why = REASONS[reason] as DeadLetter['reason']
    const method = calls.extra(corr)?.method ?? calls.extra(corr)?.name ?? crossing.nameAt(name)
    calls.reject(corr, errorFor(lane, why, ref, ref?.path ?? '(ended)', method, corr))
    lane.settledOne = true
  }
  calls.close(corr)
}

function begin(crossing: Crossing, corr: number, address: number): void {
  const { calls } = crossing.lane
  const reader = calls.has(corr) ? (calls.extra(corr)?.reader as Reader | undefined) : undefined
  if (reader === undefined) {
    crossing.carryWord(CARRY_LEAVE, address, 0, corr)
    return
  }
  const source = new FarSource(crossing, reader, address)
  crossing.sources.set(corr, source)
  reader.begin(source)
}

// ------------------------------------------------------------------------------------------ promises of refs

function started(crossing: Crossing, number: number): void {
  const ref = crossing.queries.get(number)
  if (ref === undefined) return
  const more = moreIf(ref)
  if (more !== undefined) more.hasStarted = true
  more?.started?.resolve()
  crossing.lane.settledOne = true
}

function ended(crossing: Crossing, o: number, head: number, reason: number, bits: number): void {
  const { lane } = crossing
  const isLetter = (head & FLAG_LETTER) !== 0
  const number = isLetter ? crossing.wordBeside(o) : (lane.inbox[o + 3] as number)
  const ref = crossing.queries.get(number)
  if (ref === undefined) return
  crossing.queries.delete(number)
  crossing.answered(ref)
  const told = isLetter ? crossing.told(head, o) : undefined
  if (typeof told?.beside === 'string') ref.was(told.beside)
  settleEnd(lane, ref, exitReason(reason, told?.value), bits)
}

/** Whoever waits for the start or the end of an actor elsewhere knows that it has ended. */
export function settleEnd(lane: Lane, ref: LocalRef, why: ExitReason, bits: number): void {
  const more = moreIf(ref)
  const hasStarted = (bits & ENDED_STARTED) !== 0 || more?.hasStarted === true || why.kind === 'unknown' // then nobody knows
  ref.end(new Ended(why, hasStarted, why.kind === 'failed' ? why.error : undefined))
  lane.settledOne = true
  if (hasStarted) more?.started?.resolve()
  else if (more?.started !== undefined) lane.whenStarted(ref).catch((error: unknown) => more.started?.reject(error))
  more?.stopped?.resolve(why)
}

// ----------------------------------------------------------------------------------------- of a core that died

/** What is left of a message's arguments; see remains.rs of the core. */
const NO_ARGS = 0
const ONE_WORD = 1
const LETTER = 3

/** Where the stand-in leads that the entry at `o` names, and from there. */
function pathThere({ lane }: Crossing, o: number, below: string): string {
  const ref = refAt(lane, lane.inbox[o + 1] as number, lane.inbox[o + 2] as number)
  return `${ref?.path ?? ENDED}${below}`
}

function deadThere(crossing: Crossing, o: number): void {
  const { lane } = crossing
  const { words, text, args } = crossing.remains(o, 4)
  const [reason, form, fromAge] = words as unknown as [number, number, number]
  let method = crossing.nameAt(form >>> 8)
  let left: unknown[] | null = null
  switch (form & 0xff) {
    case NO_ARGS:
      left = []
      break
    case ONE_WORD:
      left = [crossing.wordBeside(o)]
      break
    case LETTER:
      try {
        left = args()
        method ||= String(left.shift())
      } catch {
        left = null // a buffer in it went to the isolate that died
      }
      break
    default:
  }
  const target = pathThere(crossing, o, text)
  publishDeadLetter(lane, REASONS[reason] as DeadLetterReason, target, lane.inbox[o + 4] as number, fromAge, method, left)
}

function stoppedThere(crossing: Crossing, o: number): void {
  const { lane } = crossing
  if (!lane.events.active) return
  const path = pathThere(crossing, o, crossing.remains(o, 0).text)
  const reason = exitReason(lane.inbox[o + 4] as number, undefined)
  lane.events.publish(Object.freeze({ type: 'stopped', path, generation: lane.inbox[o + 5] as number, reason }))
}

/** An isolate, or an actor that watches, asks for the end of an actor of this isolate that has ended. */
function asked(crossing: Crossing, o: number, kind: number, address: number, reason: number): void {
  const { inbox } = crossing.lane
  const ref = refAt(crossing.lane, inbox[o + 1] as number, inbox[o + 2] as number)
  const end = ref?.state instanceof Ended ? ref.state : undefined
  const bits = end?.hasStarted === true ? ENDED_STARTED : 0
  const error = end?.reason.kind === 'failed' ? end.reason.error : undefined
  crossing.tellEnd(kind, address, inbox[o + 5] as number, reason | (bits << 8), inbox[o + 3] as number, error, ref?.path)
}

// -------------------------------------------------------------------------------------------------- failures

/** An actor of this isolate failed whose parent is elsewhere: what is told there, only this isolate knows. */
function failed(crossing: Crossing, o: number): void {
  const { lane } = crossing
  const { inbox } = lane
  const index = inbox[o + 1] as number
  const word = inbox[o + 2] as number
  const number = inbox[o + 3] as number
  const ref = crossing.births.expected(index, inbox[o + 5] as number)
  const tag = inbox[o + 4] as number
  const failure = failureOf(lane, ref, tag << TAG_SHIFT, number, word & 0xff, 0, 0)
  const { error, method, phase, generation } = failure
  lane.thrown.delete(number)
  const isFinal = isModuleError(error) ? 1 << 10 : 0
  crossing.tellFailure(index, ref.age, generation, word | isFinal, error, method, number)
  const more = moreOf(ref)
  more.failed = { error, generation }
  more.failure = failure // should its supervisor be another one by the time it starts again
  lane.log.debug('actor failed: its supervisor, in another isolate, decides', { actor: ref.path, phase, method, error })
}

function isModuleError(error: unknown): boolean {
  try {
    return BuskinError.is(error, 'ERR_BUSKIN_MODULE')
  } catch {
    return false // it does not like to be looked at
  }
}

