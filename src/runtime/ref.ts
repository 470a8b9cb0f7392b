// A ref to an actor of this isolate: its index, its age, and what was kept of it in JavaScript.

import { inspect } from 'node:util'
import type { Actor } from '../actor.ts'
import { SHOWN } from '../errors.ts'
import type { Ask, Send, Streams, Tell } from '../handlers.ts'
import type { ExitReason, Failure } from '../lifecycle.ts'
import { INDEX_BITS } from './limits.ts'
import { type ActorSettings, callOptions, type CallSettings, stopOptions } from '../options.ts'
import type { CallOptions } from '../options.ts'
import type { Ref } from '../ref.ts'
import type { ClassInfo } from './classes.ts'
import type { LocalContext } from './context.ts'
import type { Lane } from './lane.ts'
import type { Run } from './run.ts'
import type { View } from './verbs.ts'
import type { Producer } from './streams.ts'

/** What an actor was spawned with, and where. Plain spawns of a class share one, so that a ref stays small. */
export class Boot {
  readonly lane: Lane
  readonly info: ClassInfo
  readonly args: readonly unknown[]
  readonly given: string | undefined
  readonly parent: LocalRef | null

  constructor(lane: Lane, info: ClassInfo, args: readonly unknown[], given: string | undefined, parent: LocalRef | null) {
    this.lane = lane
    this.info = info
    this.args = args
    this.given = given
    this.parent = parent
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** What few refs have; made on first use. */
export class More {
  ask: View | undefined = undefined
  send: Send<Actor> | undefined = undefined
  stream: Streams<Actor> | undefined = undefined
  started: Deferred<void> | undefined = undefined
  stopped: Deferred<ExitReason> | undefined = undefined
  context: LocalContext | undefined = undefined
  /** The exclusive run in hand, when its promise is pending. */
  run: Run | undefined = undefined
  /** Concurrent runs. */
  shared: Set<Run> | undefined = undefined
  producers: Set<Producer> | undefined = undefined
  /** What it failed with last, and in which instance. */
  failed: { readonly error: unknown; readonly generation: number } | undefined = undefined
  hasStarted = false
  /** onStop is running, or about to. */
  isStopping = false
  /** What holds for it; undefined: as its class says. */
  settings: ActorSettings | undefined = undefined
  generation = 0
  /** Of an actor of another isolate: the last instance that is known to have started. */
  upTo = -1
  /** What it was, or its group is, restarted after. */
  failure: Failure | undefined = undefined
  /** What `decide` was asked about, by the number of its error. */
  judged: { readonly number: number; readonly failure: Failure } | undefined = undefined
  /** Why the instance before this one ended. */
  lastEnd: ExitReason | undefined = undefined
  /** Who was linked to it, and ended. */
  brokenBy: LocalRef | undefined = undefined
}

/** What holds for an actor. */
export function settingsOf(ref: LocalRef): ActorSettings {
  return moreIf(ref)?.settings ?? ref.info.settings
}

/** The number of its instance. */
export function generationOf(ref: LocalRef): number {
  return moreIf(ref)?.generation ?? 0
}

/** Which actor the constructor in progress makes. */
let starting: LocalRef | undefined

/** The constructor of `ref`'s instance runs now. */
export function setStarting(ref: LocalRef | undefined): void {
  starting = ref
}

/** Once for each constructor: an actor that is made with new inside another's constructor gets none. */
export function takeStarting(): LocalRef | undefined {
  const ref = starting
  starting = undefined
  return ref
}

/** The views of a ref know it by this. A symbol, because any string may be a user's method. */
export const REF = Symbol('ref')
/** Where a view keeps its call options. */
export const SETTINGS = Symbol('settings')

/** In the place of a view that was used once. */
const ONCE = {} as View

/** The view that was taken last, to be used at once as a rule, and its ref. */
let lastView: View | undefined
let lastUsed: LocalRef | undefined

function remember(ref: LocalRef, view: View): void {
  if (lastView === view) return // comparing is cheaper than storing: a store of an object has a barrier
  lastUsed = ref
  lastView = view
}

/** The ref of a view. Looking at the last one first spares a lookup that is slow where many classes are in use. */
export function refOf(view: View): LocalRef {
  return lastView === view ? (lastUsed as LocalRef) : view[REF]
}

const endedBoot: readonly unknown[] = Object.freeze([])

export class LocalRef implements Ref<Actor> {
  readonly index: number
  readonly age: number
  boot: Boot
  /** The views that were made. */
  tellView: View | undefined = undefined
  /** The reason once it has ended; before that what few refs have. */
  state: More | Ended | undefined = undefined

  constructor(index: number, age: number, boot: Boot) {
    this.index = index
    this.age = age
    this.boot = boot
  }

  get lane(): Lane {
    return this.boot.lane
  }

  /** Whether it lives in another isolate: then its index is an address. */
  get isFar(): boolean {
    return false
  }

  /** Its cell in this isolate's lane, or that which stands in for it there; 0: none. */
  get seat(): number {
    return this.index
  }

  get seatAge(): number {
    return this.age
  }

  get info(): ClassInfo {
    return this.boot.info
  }

  get tell(): Tell<Actor> {
    let view = this.tellView
    if (view === undefined || view === ONCE) view = makeTell(this, view)
    remember(this, view)
    return view as unknown as Tell<Actor>
  }

  get ask(): Ask<Actor> {
    const { state } = this
    const view = (state instanceof More && state.ask) || makeAsk(this)
    remember(this, view)
    return view as unknown as Ask<Actor>
  }

  get send(): Send<Actor> {
    const more = moreOf(this)
    return (more.send ??= new this.info[this.state instanceof Ended ? 'TunedSend' : 'Send'](this) as unknown as Send<Actor>)
  }

  get stream(): Streams<Actor> {
    const more = moreOf(this)
    return (more.stream ??= new this.info.Stream(this) as unknown as Streams<Actor>)
  }

  with(options: CallOptions): Ref<Actor> {
    return new TunedRef(this, callOptions(options))
  }

  get name(): string {
    return this.boot.given ?? `${this.info.name}-${this.age * 2 ** INDEX_BITS + this.index}`
  }

  get path(): string {
    const { parent } = this.boot
    return parent === null ? `/${this.name}` : `${parent.path}/${this.name}`
  }

  get started(): Promise<void> {
    return this.lane.whenStarted(this)
  }

  get stopped(): Promise<ExitReason> {
    return this.lane.whenStopped(this)
  }

  stop(options?: { drain?: boolean; timeout?: number }): Promise<ExitReason> {
    return this.lane.life.stop(this, stopOptions(options))
  }

  kill(): Promise<ExitReason> {
    return this.lane.life.kill(this)
  }

  equals(other: unknown): boolean {
    const ref = localRef(other)
    return ref !== undefined && ref.index === this.index && ref.age === this.age && ref.lane === this.lane
  }

  toString(): string {
    return this.path
  }

  toJSON(): string {
    return this.path
  }

  [inspect.custom](): string {
    return this[SHOWN]
  }

  get [SHOWN](): string {
    return `Ref(${this.path})`
  }

  /** It has ended: what it was made with is not needed any more. */
  end(ended: Ended): void {
    this.state = ended
    this.tellView = undefined // the next one knows that it has ended, and so can say whom a dead letter was for
    const { lane, info, given, parent } = this.boot
    if (this.boot !== info.plain) this.boot = new Boot(lane, info, endedBoot, given, parent)
  }
}

// No private methods of the class: those would cost each ref a word.

function makeAsk(ref: LocalRef): View {
  if (ref.state instanceof Ended) return new ref.info.TunedAsk(ref)
  return (moreOf(ref).ask = new ref.info.Ask(ref))
}

/** The view of a ref to an actor that has ended takes the long way, which can say whom a dead letter was for. */
function makeTell(ref: LocalRef, before: View | undefined): View {
  const Tell = ref.info[ref.state instanceof Ended ? 'TunedTell' : 'Tell']
  const view = lastUsed === ref && lastView instanceof Tell ? lastView : new Tell(ref)
  // an actor that is told something only once needs no view for ever
  ref.tellView = before === undefined ? ONCE : view
  return view
}

/** A ref with call options. */
export class TunedRef implements Ref<Actor> {
  readonly #ref: LocalRef
  readonly #settings: CallSettings
  #views: { [verb: string]: unknown } | undefined = undefined

  constructor(ref: LocalRef, settings: CallSettings) {
    this.#ref = ref
    this.#settings = settings
  }

  static target(value: object): LocalRef | undefined {
    return #ref in value ? value.#ref : undefined
  }

  #view<T>(verb: 'TunedTell' | 'TunedSend' | 'TunedAsk' | 'TunedStream'): T {
    const views = (this.#views ??= {})
    return (views[verb] ??= new this.#ref.info[verb](this.#ref, this.#settings)) as T
  }

  get tell(): Tell<Actor> {
    return this.#view('TunedTell')
  }

  get send(): Send<Actor> {
    return this.#view('TunedSend')
  }

  get ask(): Ask<Actor> {
    return this.#view('TunedAsk')
  }

  get stream(): Streams<Actor> {
    return this.#view('TunedStream')
  }

  with(options: CallOptions): Ref<Actor> {
    return new TunedRef(this.#ref, callOptions(options, this.#settings))
  }

  get name(): string {
    return this.#ref.name
  }

  get path(): string {
    return this.#ref.path
  }

  get started(): Promise<void> {
    return this.#ref.started
  }

  get stopped(): Promise<ExitReason> {
    return this.#ref.stopped
  }

  stop(options?: { drain?: boolean; timeout?: number }): Promise<ExitReason> {
    return this.#ref.stop(options)
  }

  kill(): Promise<ExitReason> {
    return this.#ref.kill()
  }

  equals(other: unknown): boolean {
    return this.#ref.equals(other)
  }

  toString(): string {
    return this.path
  }

  toJSON(): string {
    return this.path
  }

  [inspect.custom](): string {
    return this[SHOWN]
  }

  get [SHOWN](): string {
    return `Ref(${this.path})`
  }
}

/** What is left of an actor that has ended. */
export class Ended {
  readonly reason: ExitReason
  /** Whether it ever started; if not, why. */
  readonly hasStarted: boolean
  readonly cause: unknown
  constructor(reason: ExitReason, hasStarted: boolean, cause: unknown) {
    this.reason = reason
    this.hasStarted = hasStarted
    this.cause = cause
  }
}

/** What few refs have, made when there is none. An ended actor's is fresh each time: nothing is kept for it. */
export function moreOf(ref: LocalRef): More {
  const { state } = ref
  if (state instanceof More) return state
  const more = new More()
  if (state === undefined) ref.state = more
  return more
}

/** What few refs have, if this one has it. */
export function moreIf(ref: LocalRef): More | undefined {
  return ref.state instanceof More ? ref.state : undefined
}

/** Whether it has ended, as far as this isolate knows. */
export function hasEnded(ref: LocalRef): boolean {
  return ref.state instanceof Ended
}

/** The ref behind whatever a user holds; undefined for anything else. */
export function localRef(value: unknown): LocalRef | undefined {
  if (value instanceof LocalRef) return value
  return typeof value === 'object' && value !== null ? TunedRef.target(value) : undefined
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
