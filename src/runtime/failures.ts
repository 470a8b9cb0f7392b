// What the core says of failures: its decisions are reported here, and `decide` is asked.

import { channel } from 'node:diagnostics_channel'
import { BuskinError, coreLost, linkBroken, startedTooOften, timedOut } from '../errors.ts'
import type { Directive, ExitReason, Failure, SystemEvent } from '../lifecycle.ts'
import { AGAIN_FAILURE, AGAIN_GROUP, DIRECTIVE_ESCALATE, DIRECTIVE_RESTART, OP_DECISION, PHASE_CHILD, PHASE_HEALTH, PHASE_ISOLATE, PHASE_LINK, PHASE_START, PHASE_STOP, REASON_LOST, TAG_SHIFT } from '../native/layout.ts'
import type { SupervisionSettings } from '../options.ts'
import { isThenable, ignore } from './inbox.ts'
import type { Lane, Thrown } from './lane.ts'
import { WORDS } from './limits.ts'
import { putFrom } from './outbox.ts'
import { Ended, generationOf, type LocalRef, moreIf, moreOf, settingsOf } from './ref.ts'
import { DIRECTIVES, exitReason, PHASES } from './words.ts'

const channels = {
  failed: channel('buskin:failed'),
  restarted: channel('buskin:restarted'),
  escalated: channel('buskin:escalated'),
}

/** Tells whoever listens to decisions, in this system or in the process. */
export function publishDecision(lane: Lane, event: SystemEvent & { type: keyof typeof channels }): void {
  Object.freeze(event)
  if (lane.events.active) lane.events.publish(event)
  const { [event.type]: to } = channels
  if (to.hasSubscribers) to.publish({ system: lane.settings.name, event })
}

/** Asks the supervisor's `decide`. What it throws, and what is no answer, is reported; the options hold then. */
export function decide(lane: Lane, o: number): void {
  const { inbox } = lane
  const [head, index, restarts, number, phase, parent] = inbox.subarray(o, o + WORDS) as unknown as [
    number, number, number, number, number, number,
  ]
  const ref = lane.refs[index] as LocalRef
  const failure = failureOf(lane, ref, head, number, phase, parent, restarts)
  moreOf(ref).judged = { number, failure }
  lane.current = 0 // what it sends is nobody's
  let answer = 0
  try {
    answer = directive(supervisionOf(lane, parent).decide?.(failure), phase)
  } catch (error) {
    const supervisor = pathOf(lane, parent)
    lane.log.error('decide failed: the other options hold', { actor: ref.path, supervisor, error })
  }
  putFrom(lane, OP_DECISION, index, ref.seatAge, answer, 0, 0)
}

/** The core's number of what `decide` returned; 0 for nothing. */
function directive(answer: unknown, phase: number): number {
  if (answer === undefined) return 0
  if (isThenable(answer)) ignore(answer)
  const number = DIRECTIVES.indexOf(answer as Directive)
  const needed = "it returns 'restart', 'stop', 'resume', 'escalate' or nothing"
  if (number < 1) throw new BuskinError('ERR_BUSKIN_OPTION', `decide returned something else; ${needed}, and is never async`)
  if (answer === 'resume' && phase === PHASE_START) {
    throw new BuskinError('ERR_BUSKIN_OPTION', "decide returned 'resume' for an actor that failed to start; there is no instance to go on with, so return 'restart', 'stop' or 'escalate'")
  }
  return number
}

/** A failure, and in the entry behind it what is done about it; `asIs`: nothing, it was decided by another one before. */
export function verdict(lane: Lane, answer: number, restarts: number, delay: number, strategy: number, asIs: boolean): void {
  const [head, index, , number, phase, parent] = lane.failed as unknown as [number, number, number, number, number, number]
  const ref = lane.refs[index] as LocalRef
  const more = moreOf(ref)
  const { judged } = more
  let failure: Failure
  if (judged?.number === number) {
    more.judged = undefined
    failure = judged.failure
  } else {
    failure = failureOf(lane, ref, head, number, phase, parent, restarts)
  }
  lane.thrown.delete(number)
  const { generation } = failure
  // the first that is decided about is what the instance ends with
  if (!asIs || (phase !== PHASE_STOP && more.failed?.generation !== generation)) more.failed = { error: failure.error, generation }
  const decision = DIRECTIVES[answer] as Directive
  if (!asIs && answer === DIRECTIVE_RESTART) {
    more.failure = failure
    if (strategy !== 0) lane.causes.set(parent, failure)
  } else if (!asIs && answer === DIRECTIVE_ESCALATE) {
    lane.escalating = failure
  }
  const isFinal = decision === 'stop' || decision === 'escalate'
  if (isFinal && !asIs && number !== 0 && !ref.isFar) lane.crossing?.keepError(number, failure.error)
  if (isReportedElsewhere(lane, ref)) lane.crossing?.births.reportHome(ref, failure, decision)
  else reportFailure(lane, ref, parent, failure, decision, delay)
  if (ref.isFar && phase === PHASE_ISOLATE && answer === DIRECTIVE_RESTART) lostInstance(lane, ref, generation)
}

export function reportFailure(lane: Lane, ref: LocalRef, parent: number, failure: Failure, decision: Directive, delay: number): void {
  const { error, method, phase, generation } = failure
  lane.log.error('actor failed', { actor: ref.path, phase, method, decision, delay, error })
  const { strategy } = supervisionOf(lane, parent)
  const supervisor = pathOf(lane, parent, ref)
  publishDecision(lane, { type: 'failed', path: ref.path, supervisor, strategy, generation, failure, decision, delay })
}

/** Nobody is left who could say that the instance is over. */
function lostInstance(lane: Lane, ref: LocalRef, generation: number): void {
  const more = moreOf(ref)
  more.lastEnd = exitReason(REASON_LOST, undefined)
  more.generation = generation + 1
  if (more.upTo < generation) return // it had not started
  publishStopped(lane, ref, generation, more.lastEnd)
}

export function publishStopped(lane: Lane, ref: LocalRef, generation: number, reason: ExitReason): void {
  if (isReportedElsewhere(lane, ref) || !lane.events.active) return
  lane.events.publish(Object.freeze({ type: 'stopped', path: ref.path, generation, reason }))
}

/** Its parent's isolate reports what becomes of it. */
export function isReportedElsewhere(lane: Lane, ref: LocalRef): boolean {
  return lane.crossing !== undefined && !ref.isFar && lane.crossing.births.isFostered(ref.index, ref.age)
}

/** What the instance before failed with, or its group was restarted after. */
export function failureBefore(lane: Lane, ref: LocalRef, cause: number): Failure | null {
  const parent = ref.boot.parent?.index ?? 0
  const failure = cause === AGAIN_FAILURE ? moreOf(ref).failure : cause === AGAIN_GROUP ? lane.causes.get(parent) : undefined
  return failure ?? null
}

export function failureOf(lane: Lane, ref: LocalRef, head: number, number: number, phase: number, parent: number, restarts: number): Failure {
  const far = ref.isFar && phase !== PHASE_ISOLATE ? thrownAt(lane, number) : undefined
  const generation = far?.generation ?? generationOf(ref)
  const child = ref.isFar ? (lane.crossing?.known(ref) ?? ref) : ref
  const record = (error: unknown, what: Failure['phase'], method: string | null): Failure =>
    Object.freeze({ child, error, phase: what, method, generation, restarts })
  const word = PHASES[phase] as Failure['phase']
  if (ref.isFar && phase !== PHASE_ISOLATE) return record(far?.error, word, far?.method ?? null)
  switch (phase) {
    case PHASE_CHILD: {
      const escalated = lane.escalated.get(ref.index)?.shift()
      return record(escalated?.error, escalated?.phase ?? 'message', null)
    }
    case PHASE_LINK:
      return record(endOf(moreOf(ref).brokenBy), word, null)
    default: {
      const method = word === 'message' ? (thrownAt(lane, number)?.method ?? lane.methods[head >>> TAG_SHIFT]?.name ?? null) : null
      return record(errorOf(lane, ref, number, phase), word, method)
    }
  }
}

/** What was thrown, here or in another isolate. */
function thrownAt(lane: Lane, number: number): Thrown | undefined {
  return lane.thrown.get(number) ?? lane.crossing?.thrown(number)
}

/** What was thrown, or what a start or a health check fails with that is late. */
function errorOf(lane: Lane, ref: LocalRef, number: number, phase: number): unknown {
  const thrown = thrownAt(lane, number)
  if (thrown !== undefined) return thrown.error
  if (phase === PHASE_ISOLATE) return coreLost(ref.path, '')
  const { startTimeout, health } = settingsOf(ref)
  if (phase === PHASE_HEALTH) return timedOut('health check', 'onHealth', ref.path, health?.timeout ?? 0, 'health.timeout')
  return timedOut('start', 'onStart', ref.path, startTimeout, 'startTimeout')
}

/** What an actor fails with that is linked to `peer`. */
function endOf(peer: LocalRef | undefined): unknown {
  if (peer === undefined) return linkBroken('', 'unknown')
  const reason: ExitReason | undefined = peer.state instanceof Ended ? peer.state.reason : moreIf(peer)?.lastEnd
  return reason?.kind === 'failed' ? reason.error : linkBroken(peer.path, reason?.kind ?? 'unknown')
}

/** How an actor, or the root, supervises. */
function supervisionOf(lane: Lane, index: number): SupervisionSettings {
  return (index === 0 ? lane.settings : settingsOf(lane.refs[index] as LocalRef)).supervision
}

/** `child`: who has the supervisor, which may be in another isolate. */
function pathOf(lane: Lane, index: number, child?: LocalRef): string {
  return index === 0 ? '/' : (lane.refs[index]?.path ?? child?.boot.parent?.path ?? '/')
}

/** A supervisor fails with its child; where there is none the system may end. */
export function escalated(lane: Lane, index: number, child: number, hasFailed: boolean, ends: boolean): void {
  const ref = lane.refs[child] as LocalRef
  const failure = hasFailed ? (lane.escalating as Failure) : tooOften(lane, index, ref)
  lane.escalating = undefined
  const path = pathOf(lane, index)
  if (index !== 0) {
    const before = lane.escalated.get(index)
    if (before === undefined) lane.escalated.set(index, [failure])
    else before.push(failure)
  }
  const what = index !== 0 ? 'its supervisor fails with it' : ends ? 'the system ends' : 'it is only reported'
  lane.log.error(`a failure escalates: ${what}`, { actor: ref.path, supervisor: path, error: failure.error })
  if (ends) lane.endBy(failure.error)
  publishDecision(lane, { type: 'escalated', path, failure })
}

function tooOften(lane: Lane, index: number, child: LocalRef): Failure {
  const { maxRestarts, within } = supervisionOf(lane, index)
  const error = startedTooOften(child.path, maxRestarts, within)
  return Object.freeze({ child, error, phase: 'stop', method: null, generation: generationOf(child), restarts: 0 })
}

/** A health check failed that is not a failure yet. */
export function missed(lane: Lane, index: number, number: number): void {
  const ref = lane.refs[index] as LocalRef
  lane.log.warn('health check failed', { actor: ref.path, error: errorOf(lane, ref, number, PHASE_HEALTH) })
  lane.thrown.delete(number)
}
