// One system's machinery in this isolate: the rings, the tables behind them, and what is scheduled on the event loop.
// The state of actors is the core's; what stands here are values that only JavaScript can hold.

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { ManualClock } from '../clock.ts'
import { closed, startFailed } from '../errors.ts'
import { FeedHub } from '../feed.ts'
import type { DeadLetter, ExitReason, Failure, Stats, SystemEvent } from '../lifecycle.ts'
import { createDefaultLogger, guardLogger, type Logger, silentLogger } from '../logger.ts'
import { addon, type NativeLane } from '../native/addon.ts'
import {
  DEAD_COUNT,
  MODE_AWAKE,
  MODE_DEAD,
  MODE_EVENTS,
  MODE_ORDERED,
  MODE_TICK,
  OP_QUERY,
  OP_SHUTDOWN,
  WORD_BUSY,
  WORD_COUNT,
  WORD_CURSOR,
  WORD_HOLD,
  WORD_IN,
  WORD_MODE,
  WORD_NEXT,
  WORD_OUT,
  WORD_TURNS,
} from '../native/layout.ts'
import type { ActorClass } from '../actor.ts'
import {
  type ActorSettings,
  defaultActorSettings,
  type SpawnOptions,
  type StopSettings,
  type SystemSettings,
} from '../options.ts'
import type { System } from '../system.ts'
import { Calls } from './calls.ts'
import type { ClassInfo, Method } from './classes.ts'
import { FIRST_RING, RING, WORDS } from './limits.ts'
import { micros, put, word } from './outbox.ts'
import { deferred, Ended, localRef, type LocalRef, moreOf } from './ref.ts'
import type { Run } from './run.ts'
import type { Producer } from './streams.ts'
import type { Contents, Parcel } from './inbox.ts'
import type { Cores } from '../cores/cores.ts'
import type { Crossing } from '../cores/crossing.ts'
import type { Spin } from '../cores/spin.ts'
import type { Adoption, Link, Watch } from './bonds.ts'
import type { LocalTimer } from './context.ts'
import { Profiles } from './profiles.ts'
import { POLICIES, REASONS } from './words.ts'
import { coresOf } from '../cores/cpus.ts'
import type { Placing } from '../options/placement.ts'

/** The sender of what is sent after an await, under `propagate`. */
export interface Propagated {
  readonly lane: Lane
  readonly ref: LocalRef
}

/** An error on its way through the core. */
export interface Thrown {
  readonly error: unknown
  readonly method: string | null
  /** Of an actor of another isolate: which instance threw it. */
  readonly generation?: number
}

/** Which lane of which system an isolate has that did not make it. */
export interface Joins {
  readonly hub: number
  readonly place: number
}

/** The layers above the lane, which know how actors begin and end and when messages run. */
export interface Life {
  drain(lane: Lane): void
  spawn(
    lane: Lane,
    cls: ActorClass,
    options: SpawnOptions<readonly unknown[]> | undefined,
    parent: LocalRef | null,
  ): LocalRef
  stop(ref: LocalRef, settings: StopSettings): Promise<ExitReason>
  kill(ref: LocalRef): Promise<ExitReason>
}

const settled = Promise.resolve()

export class Lane {
  readonly system: System
  readonly settings: SystemSettings
  readonly actorSettings: ActorSettings
  readonly native: NativeLane
  /** The settings as the core reads them. */
  readonly numbers: Float64Array

  // The rings; see crates/core/src/entry.rs.
  readonly header = new Int32Array(WORD_COUNT)
  ring: number
  out: Int32Array
  inbox: Int32Array
  marks: Uint8Array
  #isTight = false
  /** Entries in the outbox. */
  written = 0
  /** Bytes of letters that belong to them. */
  penned = 0
  /** Where actors may be placed. */
  readonly placing: Placing
  /** What ties this isolate to the others of its system; none while it is the only one. */
  crossing: Crossing | undefined = undefined
  /** Whatever is spawned may have its place, or its parent, elsewhere: the root is not in this isolate. */
  placesAll = false
  /** What starts the others. */
  cores: Cores | undefined = undefined
  /** Makes that, in a system without worker isolates, for the first native actor. */
  makeCores: (() => Cores) | undefined = undefined
  /** The next entry of the inbox, and how many there are. */
  at = 0
  filled = 0
  /** A handler runs now: the header's cursor says which entry. */
  dispatching = false
  /** The actor whose handler runs now; 0: none. */
  current = 0
  /** An actor is held back: what the inbox still has for it goes back to the core. See inbox.ts. */
  holds = false
  /** By actor: which hold it was held back by last; and the number of the hold that this inbox would be. */
  held = new Int32Array(0)
  holdNumber = 1
  /** The actor that killed itself in the handler that runs now; 0: none. */
  killed = 0
  /** What the handler is called that runs now, when its tag does not say it. */
  label = ''
  /** The run whose result is being sent to another isolate. */
  replier: Run | undefined = undefined
  /** What the message that runs now carries beside its arguments. */
  parcel: Parcel | undefined = undefined
  /** Bits for the next turn. */
  mode = 0
  /** Of those, the ones that stay: who listens. */
  listening = 0

  // The drain; see drain.ts.
  idle = true
  draining = false
  sliceOpen = false
  sliceSpent = false
  more = false
  sliceStart = 0
  lastLook = 0
  left = 32
  every = 32
  /** Before it sleeps it waits a moment for mail. */
  spin: Spin | undefined = undefined
  /** A promise was settled: its continuations run before the next drain. */
  settledOne = false
  readonly enter: () => void
  readonly endSlice: () => void

  // Arguments of messages, by slot.
  readonly first: unknown[] = []
  readonly second: unknown[] = []
  free = new Int32Array(0)
  freeCount = 0

  readonly calls = new Calls()
  /** Instances and refs by index. A ref stays until its index is used again, so that it can be named. */
  readonly instances: unknown[] = []
  readonly refs: (LocalRef | undefined)[] = []
  /** Handlers by tag; 0 is for those that are looked up by name. */
  readonly handlers: Function[] = [() => undefined]
  readonly methods: (Method | undefined)[] = [undefined]
  readonly infos = new Map<ActorClass, ClassInfo>()
  /** Of the class that was spawned last. */
  lastInfo: ClassInfo | undefined = undefined
  grants = new Int32Array(0)
  granted = 0
  grantsLeft = 0
  grantNext = 32

  readonly timers: (LocalTimer | undefined)[] = []
  readonly freeTimers: number[] = []
  /** Numbers of timers that the core may still name until the next turn. */
  readonly spentTimers: number[] = []
  readonly watches = new Map<number, Watch>()
  readonly links = new Map<number, Link>()
  readonly adoptions = new Map<number, Adoption>()
  readonly producers = new Map<number, Producer>()
  nextNumber = 1
  firstNumber = 0
  readonly thrown = new Map<number, Thrown>()
  /** Asks in a cycle, by their call: who is in it. */
  readonly cycles = new Map<number, readonly string[]>()
  cycle: { readonly path: string; readonly corr: number }[] = []
  /** The first half of a dead letter whose second is in the next inbox. */
  readonly deadLetter = new Int32Array(WORDS)
  deadContents: Contents = { name: '', args: null }
  /** The same of a failure, whose second half is the verdict. */
  readonly failed = new Int32Array(WORDS)
  /** What a group is restarted after, by its supervisor. */
  readonly causes = new Map<number, Failure>()
  /** What a supervisor fails with, by its index, in the order in which that is reported; and what is about to be that. */
  readonly escalated = new Map<number, Failure[]>()
  escalating: Failure | undefined = undefined
  readonly profiles: Profiles

  readonly log: Logger
  readonly events: FeedHub<SystemEvent>
  readonly deadLetters: FeedHub<DeadLetter>
  readonly context = new AsyncResource('Buskin')
  /** Under `propagate`: which actor runs. */
  readonly propagated: AsyncLocalStorage<Propagated> | undefined
  readonly clock: ManualClock | undefined

  #hold: NodeJS.Timeout | undefined
  #held = false
  #timer: NodeJS.Timeout | undefined
  #idlers: (() => void)[] = []
  readonly #closed = deferred<void>()
  #closing: Promise<void> | undefined
  closing = false
  isClosed = false
  /** A kill is in the outbox: whether a run that ends now ended before it is the core's to say, see run.ts. */
  killing = false
  postponed: (() => void)[] = []
  /** Before the next turn there is something to do that has nothing to do with messages. */
  chores = false
  /** Runs that ended while the inbox may tell that they were given up: to be looked at when it was read. */
  unread: (() => void)[] = []
  #due: (() => void)[] = []
  /** The core panicked: nothing works any more. */
  broken: unknown = undefined
  /** What the system ends by, if it is a failure that nobody could handle. */
  #endsBy: { readonly error: unknown } | undefined = undefined

  /** What refs and contexts need of the layers above. */
  readonly life: Life

  /** `keepLog`: the core records what passes its border, for tests that replay it. */
  constructor(system: System, settings: SystemSettings, life: Life, keepLog: boolean, joins?: Joins) {
    this.system = system
    this.life = life
    this.ring = keepLog ? RING : FIRST_RING
    this.out = new Int32Array(this.ring * WORDS)
    this.inbox = new Int32Array(this.ring * WORDS)
    this.marks = new Uint8Array(this.ring)
    this.settings = settings
    this.placing = { cores: settings.clock === undefined ? coresOf(settings.cores, settings.threads) : 0, isRef: (value) => localRef(value) !== undefined }
    this.actorSettings = defaultActorSettings(settings.mailbox)
    this.log = logger(settings)
    this.clock = settings.clock
    this.propagated = settings.propagate ? new AsyncLocalStorage() : undefined
    const run = (): void => life.drain(this)
    this.enter = () => this.context.runInAsyncScope(run)
    this.endSlice = () => {
      this.sliceOpen = false
      this.sliceSpent = false
      this.sliceStart = 0
      if (this.more) {
        this.more = false
        this.enter()
      }
    }
    const hub = <T>(name: string, bit: number): FeedHub<T> => {
      const onActiveChange = (active: boolean): void => {
        this.mode = active ? this.mode | bit : this.mode & ~bit
        this.listening = (this.listening & MODE_AWAKE) | (this.mode & (MODE_EVENTS | MODE_DEAD))
        this.crossing?.news.listens(this.listening)
      }
      return new FeedHub<T>({ name, log: this.log, onActiveChange })
    }
    this.events = hub<SystemEvent>('events', MODE_EVENTS)
    this.deadLetters = hub<DeadLetter>('deadLetters', MODE_DEAD)
    const { capacity, overflow } = settings.mailbox
    this.numbers = Float64Array.of(
      micros(settings.askTimeout),
      word(capacity),
      POLICIES.indexOf(overflow),
      this.clock === undefined ? 0 : 1,
      this.clock === undefined ? 0 : Math.round(this.clock.now() * 1000),
      keepLog ? 1 : 0,
      settings.onEscalate === 'report' ? -1 : word(Math.ceil(settings.shutdownTimeout)),
      Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
    )
    const { enter, header, out, inbox, marks } = this
    const native =
      joins === undefined
        ? addon.lane(enter, header, out, inbox, marks, this.numbers)
        : addon.attach(joins.hub, joins.place, enter, header, out, inbox, marks)
    // an object with so many functions is a hash table to V8, which is slow to call them from, unless it is a prototype
    this.native = Object.create(native) as NativeLane
    this.profiles = new Profiles(this)
    this.#closed.promise.catch(() => {})
  }

  // ------------------------------------------------------------------------------------------ the outbox

  /** The outbox is full, or somebody wants to look: the core takes it, whatever the inbox is at. */
  flush(): void {
    this.header[WORD_OUT] = this.written
    if (!this.dispatching) this.header[WORD_CURSOR] = ~this.at
    this.header[WORD_MODE] = this.mode & ~MODE_TICK
    this.written = 0
    this.penned = 0
    this.mode = this.listening | (this.mode & MODE_TICK)
    this.native.submit()
    if (this.header[WORD_NEXT] !== -1) this.arm()
  }

  /** Hands the outbox over and takes the next inbox. The last one was read. */
  turn(): void {
    const { header } = this
    if (this.chores) this.#doChores()
    if (this.holds) this.#letGo()
    header[WORD_OUT] = this.written
    header[WORD_MODE] = this.mode
    this.written = 0
    this.penned = 0
    this.mode = this.listening
    this.native.turn()
    this.at = 0
    this.filled = header[WORD_IN] as number
    if (header[WORD_NEXT] !== -1) this.arm()
    if (this.spentTimers.length > 0) this.freeTimers.push(...this.spentTimers.splice(0))
  }

  /** The inbox is over, and with it what it held back. */
  #letGo(): void {
    this.holds = false
    if (++this.holdNumber < 0x7fff_ffff) return
    this.holdNumber = 1
    this.held.fill(0)
  }

  /** Apart, so that a plain turn has one thing to look at. */
  #doChores(): void {
    this.chores = false
    if (this.#isTight) this.#widen()
    for (const run of this.unread.splice(0)) run()
    for (const run of this.#due.splice(0)) run()
    if (this.killing) {
      this.killing = false
      this.#due = this.postponed
      this.postponed = []
      this.chores = this.#due.length > 0
    }
  }

  /** A kill goes into the outbox. */
  kills(): void {
    this.killing = true
    this.chores = true
  }

  /** The outbox is full: the core takes it early, and the rings are widened when that can be. */
  overflow(): void {
    this.#isTight = this.ring < RING
    this.chores ||= this.#isTight
    this.flush()
  }

  /** Full-sized rings from now on. The core still has to read what is in the old ones. */
  #widen(): void {
    this.#isTight = false
    this.ring = RING
    const { out, inbox, marks } = this
    this.out = new Int32Array(RING * WORDS)
    this.inbox = new Int32Array(RING * WORDS)
    this.marks = new Uint8Array(RING)
    this.out.set(out)
    this.inbox.set(inbox)
    this.marks.set(marks)
    this.native.rings(this.header, this.out, this.inbox, this.marks)
  }

  /** Schedules a drain: something is in the outbox. */
  kick(): void {
    this.idle = false
    if (this.sliceSpent) this.more = true
    else void settled.then(this.enter)
  }

  /** Continuations of what was settled run before the next drain. */
  yield(): void {
    void settled.then(this.enter)
  }

  // ----------------------------------------------------------------------------------------------- time

  /** The core says when it wants to be called next. */
  arm(): void {
    if (this.clock !== undefined) return
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    const ms = this.header[WORD_NEXT] as number
    // unrefed: whether the process stays alive is decided in quiet()
    this.#timer = ms < 0 ? undefined : setTimeout(this.tick, Math.min(ms, 0x7fff_ffff)).unref()
  }

  /** Something is due. */
  readonly tick = (): void => {
    this.#timer = undefined
    this.mode |= MODE_TICK
    this.idle = false
    if (this.sliceSpent) this.more = true
    else this.enter()
  }

  /** Moves the manual clock. */
  setTime(ms: number): void {
    this.native.setTime(Math.round(ms * 1000))
  }

  get turns(): number {
    return this.header[WORD_TURNS] as number
  }

  // --------------------------------------------------------------------------------------------- quiet

  /** The drain found nothing: tells who waits for that, and lets the process go when nothing holds it. */
  quiet(): void {
    this.idle = true
    if (this.#idlers.length > 0 && this.header[WORD_BUSY] === 0 && this.#allIdle()) {
      for (const resolve of this.#idlers.splice(0)) resolve()
    }
    // whoever still waits for quiet waits for other isolates, which wake this one when it is so
    const holds = this.header[WORD_HOLD] === 1 || this.#idlers.length > 0
    const held = holds && !this.isClosed // a core that ends may still say a word
    if (held !== this.#held) this.#setHold(held)
  }

  #allIdle(): boolean {
    if (this.crossing === undefined) return true
    const isIdle = this.native.idle(true)
    if (isIdle) this.native.idle(false)
    return isIdle
  }

  #setHold(held: boolean): void {
    this.#held = held
    this.#hold ??= setInterval(() => {}, 0x7fff_ffff)
    if (held) this.#hold.ref()
    else this.#hold.unref()
  }

  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.push(resolve)
      if (this.idle) this.kick()
    })
  }

  // ----------------------------------------------------------------------------------- start and end of refs

  whenStarted(ref: LocalRef): Promise<void> {
    if (ref.state instanceof Ended) {
      const { hasStarted, cause } = ref.state
      return hasStarted ? Promise.resolve() : quietly(Promise.reject(startFailed(ref.path, cause)))
    }
    const one = this.#asking(ref)
    if (one !== ref) return this.whenStarted(one)
    const more = moreOf(ref)
    if (more.started === undefined) {
      more.started = deferred()
      quietly(more.started.promise)
      if (more.hasStarted) more.started.resolve()
      else if (ref.seat === 0) this.crossing?.query(ref)
      else put(this, OP_QUERY, ref.seat, ref.seatAge, 0, 0)
    }
    return more.started.promise
  }

  /** Of many refs to one actor elsewhere, the one that is told of it. */
  #asking(ref: LocalRef): LocalRef {
    return ref.seat === 0 ? (this.crossing?.asking(ref) ?? ref) : ref
  }

  whenStopped(ref: LocalRef): Promise<ExitReason> {
    if (ref.state instanceof Ended) return Promise.resolve(ref.state.reason)
    const one = this.#asking(ref)
    if (one !== ref) return this.whenStopped(one)
    const more = moreOf(ref)
    if (more.stopped === undefined) {
      more.stopped = deferred()
      if (ref.seat === 0) this.crossing?.query(ref)
    }
    return more.stopped.promise
  }

  // ------------------------------------------------------------------------------------------------ looking

  stats(): Stats {
    this.flush()
    const n = new Float64Array(8 + DEAD_COUNT)
    if (this.crossing === undefined) this.native.stats(n)
    else this.native.total(n)
    const [sent, handled, failed, waiting, running, actors, restarts] = n as unknown as [
      number, number, number, number, number, number, number,
    ]
    const by = REASONS.map((reason, at) => [reason, n[7 + at] as number] as const)
    const deadLetters = by.reduce((sum, [, count]) => sum + count, 0)
    const deadLettersBy = Object.freeze(Object.fromEntries(by)) as Stats['deadLettersBy']
    return Object.freeze({ actors, sent, handled, failed, deadLetters, waiting, running, restarts, deadLettersBy })
  }

  // ------------------------------------------------------------------------------------------------- the end

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  shutdown(timeout: number): Promise<void> {
    if (this.#closing === undefined) {
      this.closing = true
      // what the system ends by is told by `closed`: a shutdown is done all the same
      this.#closing = this.#closed.promise.catch((error: unknown) => {
        if (this.broken !== undefined) throw error
      })
      this.mode |= MODE_ORDERED
      put(this, OP_SHUTDOWN, 0, 0, 0, word(Math.ceil(timeout)))
    }
    return this.#closing
  }

  /** The core ends the system because of a failure. */
  endBy(error: unknown): void {
    this.closing = true
    this.#endsBy = { error }
  }

  /** The root has ended. The lane goes on to answer: what is sent now is a dead letter, and counted. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.#timer)
    clearInterval(this.#hold)
    this.#timer = undefined
    this.#hold = undefined
    this.#held = false
    if (this.cores?.end === undefined) this.#end()
    else void this.cores.end().then(() => this.#end())
  }

  #end(): void {
    this.events.end()
    this.deadLetters.end()
    for (const { verb, reject } of this.adoptions.values()) reject(this.refusal(verb))
    this.adoptions.clear()
    this.crossing?.over()
    this.native.close()
    if (this.#endsBy === undefined) this.#closed.resolve()
    else this.#closed.reject(this.#endsBy.error)
  }

  /** The core panicked. Nobody waits for ever. */
  breakDown(error: unknown): void {
    if (this.broken !== undefined) return
    this.broken = error
    this.closing = true
    this.log.error('the core failed; this system is lost', { error })
    this.calls.rejectAll(error)
    clearInterval(this.#hold)
    this.#closed.reject(error)
  }

  /** For what is asked of a system that has ended. */
  refusal(what: string): Error {
    return closed(this.settings.name, what)
  }
}

function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

function logger(settings: SystemSettings): Logger {
  if (settings.log === false) return silentLogger
  return guardLogger(settings.log ?? createDefaultLogger({ name: settings.name }))
}
