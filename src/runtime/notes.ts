// Entries of the inbox that are no messages.

import { aborted, closed, coreLost, deadlock, expired, mailboxFull, noHandler, stopped, timeout } from '../errors.ts'
import { Actor, detach } from '../actor.ts'
import type { DeadLetterReason, ExitReason, Failure } from '../lifecycle.ts'
import {
  ENDED_DOWN,
  ENDED_STARTED,
  NOTE_ACCEPTED,
  NOTE_ADOPTED,
  NOTE_CARRY,
  NOTE_CLOSED,
  NOTE_CYCLE,
  NOTE_DEAD,
  NOTE_DECIDE,
  NOTE_DOWN,
  NOTE_ENDED,
  NOTE_ESCALATED,
  NOTE_FAILED,
  NOTE_FORGET,
  NOTE_HEALTH,
  NOTE_MISSED,
  NOTE_REASON,
  NOTE_RESUME,
  NOTE_RETURN,
  NOTE_START,
  NOTE_STARTED,
  NOTE_STOP,
  NOTE_TIMEOUT,
  NOTE_TIMER,
  NOTE_UNLINKED,
  NOTE_VERDICT,
  NOTE_WATCH,
  OP_MASK,
  TAG_SHIFT,
} from '../native/layout.ts'
import { adopted, unlinked } from './bonds.ts'
import type { ClassInfo } from './classes.ts'
import { contextOf } from './context.ts'
import { decide, escalated, failureBefore, isReportedElsewhere, missed, publishDecision, publishStopped, verdict } from './failures.ts'
import { contents, type Contents, Hidden, inContext, isThenable, promisedNote, publishDeadLetter, refAt } from './inbox.ts'
import type { Lane } from './lane.ts'
import { WORDS } from './limits.ts'
import { findHandler, otherVerb } from './lookup.ts'
import { Ended, generationOf, type LocalRef, moreIf, moreOf, setStarting, settingsOf } from './ref.ts'
import { fence, Run } from './run.ts'
import { endStreams, resumeStream, returnStream } from './streams.ts'
import { exitReason, REASONS } from './words.ts'

export function note(lane: Lane, head: number, o: number, i: number): void {
  const { inbox } = lane
  const index = inbox[o + 1] as number
  const payload = inbox[o + 3] as number
  const corr = inbox[o + 5] as number
  switch (head & OP_MASK) {
    case NOTE_START:
      if (lane.crossing?.isForeign(index, inbox[o + 2] as number)) return lane.crossing.birth(index, inbox[o + 2] as number, payload, inbox[o + 4] as number, i)
      return start(lane, index, payload, inbox[o + 4] as number, i)
    case NOTE_STOP:
      return stop(lane, index, payload, i)
    case NOTE_ENDED:
      return ended(lane, index, inbox[o + 2] as number, payload, corr)
    case NOTE_DOWN:
      return down(lane, index, payload, corr)
    case NOTE_TIMER:
      return timer(lane, index, payload, corr === 1, i)
    case NOTE_WATCH:
      return watch(lane, index, payload, inbox[o + 4] as number, corr, i)
    case NOTE_RESUME:
      return resumeStream(lane, payload, i)
    case NOTE_RETURN:
      return returnStream(lane, payload, i)
    case NOTE_DEAD:
      lane.deadLetter.set(inbox.subarray(o, o + WORDS))
      // now, as a letter is there only as long as this inbox
      lane.deadContents = contents(lane, head, payload, o)
      return
    case NOTE_REASON:
      return deadLetter(lane, index, inbox[o + 2] as number)
    case NOTE_ACCEPTED:
      return accepted(lane, corr)
    case NOTE_TIMEOUT:
      return late(lane, head, index, inbox[o + 2] as number, payload === 1, corr)
    case NOTE_STARTED:
      return started(lane, index, payload)
    case NOTE_FAILED:
      lane.failed.set(inbox.subarray(o, o + WORDS))
      return
    case NOTE_VERDICT:
      return verdict(lane, index, inbox[o + 2] as number, payload, inbox[o + 4] as number, corr === 1)
    case NOTE_DECIDE:
      return decide(lane, o)
    case NOTE_ESCALATED:
      return escalated(lane, index, inbox[o + 4] as number, payload === 1, corr === 1)
    case NOTE_HEALTH:
      return health(lane, index, i)
    case NOTE_MISSED:
      return missed(lane, index, payload)
    case NOTE_FORGET:
      lane.thrown.delete(payload)
      return
    case NOTE_UNLINKED:
      return unlinked(lane, index, inbox[o + 2] as number, inbox[o + 4] as number, payload)
    case NOTE_ADOPTED:
      return adopted(lane, payload, corr)
    case NOTE_CYCLE:
      return cycle(lane, refAt(lane, index, inbox[o + 2] as number), payload, inbox[o + 4] === 1, corr)
    case NOTE_CARRY:
      return lane.crossing?.note(head, o, i)
    case NOTE_CLOSED:
      return lane.close()
    default:
  }
}

/** Runs a hook or a callback of an actor; a promise is followed. */
export function runInside(lane: Lane, ref: LocalRef, i: number, call: () => unknown, run: () => Run): void {
  lane.current = ref.index
  const result = lane.propagated === undefined ? call() : inContext(lane, ref, (fn) => fn(), call)
  if (isThenable(result)) promisedNote(lane, i, run(), result)
}

// ------------------------------------------------------------------------------------------------- start and stop

export function start(lane: Lane, index: number, generation: number, cause: number, i: number): void {
  const ref = lane.refs[index] as LocalRef
  const instance = makeInstance(lane, ref, generation)
  const { onStart } = instance as { onStart?: unknown }
  if (generation > 0) restart(lane, ref, cause, i, instance, onStart)
  else if (typeof onStart === 'function') runOnStart(lane, ref, i, instance, onStart)
}

/** The constructor runs. When it throws, whoever called resets what says which actor is being made. */
function makeInstance(lane: Lane, ref: LocalRef, generation: number): object {
  const { cls } = ref.info
  const { args } = ref.boot
  lane.current = ref.index
  if (generation > 0) moreOf(ref).generation = generation
  setStarting(ref)
  let instance: object
  if (lane.propagated !== undefined) instance = makeInContext(lane, ref)
  else instance = args.length === 0 ? new cls() : new cls(...args)
  setStarting(undefined)
  lane.instances[ref.index] = instance
  shadowed(lane, ref, instance)
  return instance
}

/** The start of an actor whose class had to be loaded first. */
export async function startLater(lane: Lane, ref: LocalRef, generation: number, failure: () => Promise<Failure | null>): Promise<void> {
  const inside = (call: () => unknown): unknown => {
    const before = lane.current
    lane.current = ref.index
    try {
      return lane.propagated === undefined ? call() : inContext(lane, ref, (fn) => fn(), call)
    } finally {
      setStarting(undefined)
      lane.current = before
    }
  }
  const instance = inside(() => makeInstance(lane, ref, generation)) as { onStart?: unknown; onRestart?: unknown }
  const { onStart, onRestart } = instance
  if (generation > 0 && typeof onRestart === 'function') {
    const before = await failure()
    if (lane.instances[ref.index] === instance) await inside(() => onRestart.call(instance, before))
  }
  if (lane.instances[ref.index] === instance && typeof onStart === 'function') await inside(() => onStart.call(instance))
}

/** Apart, as is `runOnStart`, so that an actor that needs neither makes no closures. */
function makeInContext(lane: Lane, ref: LocalRef): object {
  const { cls } = ref.info
  return inContext(lane, ref, (fn) => fn(), () => new cls(...ref.boot.args))
}

function runOnStart(lane: Lane, ref: LocalRef, i: number, instance: object, onStart: Function): void {
  runStart(lane, ref, i, () => onStart.call(instance))
}

function runStart(lane: Lane, ref: LocalRef, i: number, call: () => unknown): void {
  runInside(lane, ref, i, call, () => new Run(ref, NOTE_START, 0, false, null, 0, 0))
}

/** A new instance: first onRestart, then onStart, as one. */
function restart(lane: Lane, ref: LocalRef, cause: number, i: number, instance: object, onStart: unknown): void {
  const { onRestart } = instance as { onRestart?: unknown }
  const startIt = (): unknown => (typeof onStart === 'function' ? onStart.call(instance) : undefined)
  if (typeof onRestart !== 'function') {
    if (typeof onStart === 'function') runStart(lane, ref, i, startIt)
    return
  }
  const failure = failureBefore(lane, ref, cause)
  runStart(lane, ref, i, () => {
    const restarted: unknown = onRestart.call(instance, failure)
    if (!isThenable(restarted)) return startIt()
    // when it took too long, another instance may have this one's place by then
    return Promise.resolve(restarted).then(() => (lane.instances[ref.index] === instance ? startIt() : undefined))
  })
}

/** A field of the instance that has a method's name is the handler of that name: it is looked up from now on. */
function shadowed(lane: Lane, ref: LocalRef, instance: object): void {
  const { info } = ref
  if (!info.isSeen) {
    // the first instance of a class is looked at closely, the others for what a constructor sets
    info.isSeen = true
    for (const key of Object.getOwnPropertyNames(instance)) lookUp(lane, info, key)
  }
  let at = 0
  for (const key in instance) {
    if (info.keys[at] !== key) {
      // as a rule all instances have the keys of the first, and this is not reached
      info.keys[at] = key
      if (Object.hasOwn(instance, key)) lookUp(lane, info, key)
    }
    at++
  }
}

/** From now on messages to this method are for whatever the instance has under its name. */
function lookUp(lane: Lane, info: ClassInfo, key: string): void {
  const method = info.methods.get(key)
  if (method === undefined) return
  lane.handlers[method.tag] = function (this: object, ...args: unknown[]) {
    const own = findHandler(this, key)
    return own === undefined ? new Hidden(key, args) : own.apply(this, args)
  }
}

function stop(lane: Lane, index: number, reason: number, i: number): void {
  const ref = lane.refs[index] as LocalRef
  const more = moreOf(ref)
  more.isStopping = true
  endStreams(ref)
  const instance = lane.instances[index] as { onStop?: unknown } | undefined
  if (instance === undefined || typeof instance.onStop !== 'function') return
  const { onStop } = instance
  const why = exitReason(reason, more.failed?.error)
  runInside(lane, ref, i, () => onStop.call(instance, why), () => new Run(ref, NOTE_STOP, 0, false, null, 0, 0))
}

function started(lane: Lane, index: number, generation: number): void {
  const ref = lane.refs[index] as LocalRef
  const more = moreOf(ref)
  more.hasStarted = true
  if (ref.isFar) more.generation = more.upTo = generation
  if (more.started !== undefined) {
    more.started.resolve()
    lane.settledOne = true
  }
  if (isReportedElsewhere(lane, ref)) return
  if (lane.events.active) lane.events.publish(Object.freeze({ type: 'started', path: ref.path, generation }))
  if (generation > 0) publishDecision(lane, { type: 'restarted', path: ref.path, generation })
}

/** The instance is over: nothing that it began concerns the actor any more. */
export function instanceOver(lane: Lane, ref: LocalRef): void {
  endStreams(ref)
  fence(lane, ref, (method) => stopped(ref.path, method))
  moreIf(ref)?.context?.end()
  if (!ref.isFar) lane.instances[ref.index] = undefined
}

/** The actor is between two instances. */
function down(lane: Lane, index: number, generation: number, number: number): void {
  const ref = lane.refs[index] as LocalRef
  const more = moreOf(ref)
  const reason = exitReason(number, more.failed?.error)
  more.isStopping = false
  more.lastEnd = reason
  if (ref.isFar) more.generation = generation + 1
  const instance = ref.isFar ? undefined : lane.instances[index]
  if (instance instanceof Actor) detach(instance, contextOf(ref))
  instanceOver(lane, ref)
  more.context = undefined
  publishStopped(lane, ref, generation, reason)
}

function ended(lane: Lane, index: number, age: number, number: number, bits: number): void {
  const ref = lane.refs[index]
  if (ref?.seatAge !== age) return // one from elsewhere, which never began
  const more = moreIf(ref)
  const reason = exitReason(number, more?.failed?.error)
  const hasStarted = (bits & ENDED_STARTED) !== 0
  const generation = generationOf(ref)
  instanceOver(lane, ref)
  lane.causes.delete(index)
  lane.escalated.delete(index)
  const cause = hasStarted ? undefined : more?.failed === undefined ? stopped(ref.path, 'onStart') : more.failed.error
  ref.end(new Ended(reason, hasStarted, cause))
  if (more?.started !== undefined) {
    if (hasStarted) more.started.resolve()
    else lane.whenStarted(ref).catch((error: unknown) => more.started?.reject(error))
  }
  if (more?.stopped !== undefined) {
    more.stopped.resolve(reason)
    lane.settledOne = true
  }
  if ((bits & ENDED_DOWN) === 0) publishStopped(lane, ref, generation, reason)
}

// -------------------------------------------------------------------------------------- timers, watches, health

function timer(lane: Lane, index: number, id: number, last: boolean, i: number): void {
  const timer = lane.timers[id]
  const ref = lane.refs[index] as LocalRef
  if (timer === undefined || timer.owner !== ref) return
  if (last) timer.fired()
  const { run } = timer
  runInside(lane, ref, i, run, () => new Run(ref, NOTE_TIMER, id, false, null, 0, 0))
}

function watch(lane: Lane, index: number, number: number, reason: number, error: number, i: number): void {
  const far = lane.crossing?.toldOf(error) // read even when nobody is told: it lies in the core
  const watch = lane.watches.get(number)
  if (watch === undefined) return
  const ref = lane.refs[index] as LocalRef
  watch.done()
  const { target } = watch
  const why: ExitReason = target.state instanceof Ended ? target.state.reason : exitReason(reason, far)
  runInside(lane, ref, i, () => watch.run(why, target), () => new Run(ref, NOTE_WATCH, 0, false, null, 0, 0))
}

function health(lane: Lane, index: number, i: number): void {
  const ref = lane.refs[index] as LocalRef
  const instance = lane.instances[index] as { onHealth?: unknown }
  const { onHealth } = instance
  if (typeof onHealth !== 'function') return // that it came to be asked is the answer
  runInside(lane, ref, i, () => onHealth.call(instance), () => new Run(ref, NOTE_HEALTH, 0, false, null, 0, 0))
}

// ----------------------------------------------------------------------------------------------------------- calls

function accepted(lane: Lane, corr: number): void {
  const { calls } = lane
  if (!calls.has(corr)) return
  const name = calls.extra(corr)?.name
  if (name !== undefined) {
    // a name that the class does not declare: accepted once it is known that there is a handler
    const ref = calls.extra(corr)?.ref
    const instance = ref === undefined ? undefined : (lane.instances[ref.index] as object | undefined)
    if (instance === undefined) return
    const handled = findHandler(instance, name) !== undefined || 'onUnhandled' in instance
    if (!handled) return
  }
  if (calls.resolve(corr, undefined)) lane.settledOne = true
}

function late(lane: Lane, head: number, index: number, age: number, inCycle: boolean, corr: number): void {
  const { calls } = lane
  if (!calls.has(corr)) return
  const ref = calls.extra(corr)?.ref ?? refAt(lane, index, age)
  const tag = head >>> TAG_SHIFT
  const known = ref?.isFar === true ? lane.crossing?.nameAt(tag) : lane.methods[tag]?.name
  const method = known || (calls.extra(corr)?.method ?? '')
  const ms = calls.extra(corr)?.timeout ?? lane.settings.askTimeout
  const path = ref?.path ?? ''
  const paths = inCycle ? lane.cycles.get(corr) : undefined
  lane.cycles.delete(corr)
  if (calls.reject(corr, paths === undefined ? timeout(path, method, ms) : deadlock(paths, method, ms))) {
    lane.settledOne = true
  }
}

function cycle(lane: Lane, ref: LocalRef | undefined, left: number, isToldElsewhere: boolean, corr: number): void {
  lane.cycle.push({ path: ref?.path ?? '(ended)', corr })
  if (left > 0) return
  const members = lane.cycle
  lane.cycle = []
  const paths = Object.freeze(members.map((member) => member.path))
  for (const member of members) if (member.corr !== 0) lane.cycles.set(member.corr, paths)
  if (isToldElsewhere) return
  lane.log.warn('actors wait for each other', { paths })
  if (lane.events.active) lane.events.publish(Object.freeze({ type: 'ask-cycle', paths }))
}

const NOTHING: Contents = { name: '', args: null }

function deadLetter(lane: Lane, reason: number, fromAge: number): void {
  const [, index, age, , from, corr] = lane.deadLetter as unknown as [number, number, number, number, number, number]
  const why = REASONS[reason] as DeadLetterReason
  const { name, args } = lane.deadContents
  lane.deadContents = NOTHING
  const { calls } = lane
  const ref = refAt(lane, index, age) ?? (calls.has(corr) ? calls.extra(corr)?.ref : undefined)
  const path = ref?.path ?? '(ended)'
  if (calls.has(corr)) {
    if (calls.waits(corr)) {
      calls.reject(corr, errorFor(lane, why, ref, path, name, corr))
      lane.settledOne = true
    }
    calls.close(corr)
  }
  publishDeadLetter(lane, why, path, from, fromAge, name, args)
}

/** Which verb a call of elsewhere should have used, as far as its class is known here. */
function verbHint({ info }: LocalRef, method: string, isStream: boolean): string | undefined {
  if (!info.methods.has(method) || info.generators.has(method) === isStream) return undefined
  return otherVerb(method, isStream)
}

/** What the caller of a message that became a dead letter is told. */
export function errorFor(lane: Lane, why: DeadLetterReason, ref: LocalRef | undefined, path: string, name: string, corr: number): Error {
  switch (why) {
    case 'mailbox-full':
    case 'dropped':
      return mailboxFull(path, name, ref === undefined ? 0 : settingsOf(ref).capacity)
    case 'expired':
      return expired(path, name, lane.calls.extra(corr)?.ttl ?? 0)
    case 'aborted':
      return aborted(path, name, undefined)
    case 'no-handler':
      return noHandler(path, name, ref === undefined ? undefined : verbHint(ref, name, lane.calls.extra(corr)?.reader !== undefined))
    case 'isolate-lost':
      return coreLost(path, name)
    default:
      return lane.isClosed ? closed(lane.settings.name, `deliver '${name}' to ${path}`) : stopped(path, name)
  }
}
