// `this.ctx`: what an actor has of the runtime. It ends with its instance.

import type { Actor, ActorClass } from '../actor.ts'
import type { Context, Timer } from '../context.ts'
import { option, stopped } from '../errors.ts'
import type { Subscription } from '../feed.ts'
import type { ExitReason } from '../lifecycle.ts'
import { childLogger, type Logger } from '../logger.ts'
import {
  MODE_ORDERED,
  NOTE_MSG,
  NOTE_RESUME,
  NOTE_RETURN,
  OP_ADOPT,
  OP_CANCEL,
  OP_HOLD,
  OP_LINK,
  OP_MASK,
  OP_STOP,
  OP_TIMER,
  OP_WATCH,
  STOP_SELF,
  TAG_SHIFT,
  TIMER_EVERY,
  TIMER_FROM_END,
  WORD_CURSOR,
} from '../native/layout.ts'
import { delay, everyOptions, period, type SpawnOptions } from '../options.ts'
import type { Ref } from '../ref.ts'
import type { System } from '../system.ts'
import { type Adoption, Link, Watch } from './bonds.ts'
import { holdBack, refAt } from './inbox.ts'
import type { Lane } from './lane.ts'
import { newNumber, put, putFrom } from './outbox.ts'
import { WORDS } from './limits.ts'
import { Ended, generationOf, hasEnded, type LocalRef, localRef, moreIf, moreOf } from './ref.ts'

export class LocalContext implements Context {
  readonly #ref: LocalRef
  readonly generation: number
  timers: Set<LocalTimer> | undefined = undefined
  watches: Set<Watch> | undefined = undefined
  #abort: AbortController | undefined = undefined
  #log: Logger | undefined = undefined
  #logPath = ''
  over = false

  constructor(ref: LocalRef) {
    this.#ref = ref
    this.generation = generationOf(ref)
  }

  get self(): Ref<any> {
    return this.#ref as unknown as Ref<any>
  }

  get parent(): Ref<any> | null {
    return this.#ref.boot.parent as unknown as Ref<any> | null
  }

  get sender(): Ref<any> | null {
    const ref = this.#ref
    const { lane } = ref
    const { inbox, header } = lane
    if (lane.dispatching && lane.current === ref.index) {
      const o = (header[WORD_CURSOR] as number) * WORDS
      const op = (inbox[o] as number) & OP_MASK
      if (op === NOTE_MSG) return refOf(lane, inbox[o + 4] as number, inbox[o + 2] as number)
      const producer = op === NOTE_RESUME || op === NOTE_RETURN ? lane.producers.get(inbox[o + 3] as number) : undefined
      return producer === undefined ? null : refOf(lane, producer.from, producer.fromAge)
    }
    const run = moreIf(ref)?.run
    return run === undefined ? null : refOf(lane, run.from, run.fromAge)
  }

  get children(): readonly Ref<any>[] {
    const { lane, index } = this.#ref
    if (this.over) return []
    lane.flush()
    const refs = [...lane.native.children(index)].map((child) => lane.refs[child])
    // of one that was adopted from elsewhere at this moment nothing may be known yet
    return refs.filter((ref) => ref !== undefined) as unknown as Ref<any>[]
  }

  get system(): System {
    return this.#ref.lane.system
  }

  get path(): string {
    return this.#ref.path
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.over) this.#abort.abort()
    }
    return this.#abort.signal
  }

  get log(): Logger {
    const { path, lane } = this.#ref
    if (this.#logPath !== path) {
      // it, or one above it, got another parent
      this.#logPath = path
      this.#log = childLogger(lane.log, { actor: path })
    }
    return this.#log as Logger
  }

  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C> {
    if (this.over || moreIf(this.#ref)?.isStopping === true) throw stopped(this.#ref.path, 'spawn')
    const { lane } = this.#ref
    return lane.life.spawn(lane, cls as ActorClass, options as SpawnOptions<readonly unknown[]>, this.#ref) as unknown as Ref<C>
  }

  stop(): void {
    const { lane, index, age } = this.#ref
    if (this.over) return
    holdBack(lane, index)
    lane.mode |= MODE_ORDERED
    put(lane, OP_STOP, index, age, STOP_SELF, 0xffff_ffff)
  }

  after(ms: number, run: () => unknown): Timer {
    return this.#timer(delay(ms), callback(run), 0)
  }

  every(ms: number, run: () => unknown, options?: { from?: 'start' | 'end' }): Timer {
    const { from } = everyOptions(options)
    return this.#timer(period(ms), callback(run), from === 'end' ? TIMER_FROM_END : TIMER_EVERY)
  }

  #timer(ms: number, run: () => unknown, mode: number): Timer {
    const ref = this.#ref
    const { lane } = ref
    const timer = new LocalTimer(ref, this, run)
    if (this.over || hasEnded(ref)) return timer
    timer.id = lane.freeTimers.pop() ?? lane.timers.push(undefined) - 1
    lane.timers[timer.id] = timer
    ;(this.timers ??= new Set()).add(timer)
    const micros = Math.ceil(ms * 1000)
    const head = OP_TIMER | (mode << TAG_SHIFT)
    putFrom(lane, head, ref.index, ref.age, timer.id, micros % 2 ** 32, Math.floor(micros / 2 ** 32))
    return timer
  }

  watch(target: Ref<any>, run: (reason: ExitReason, target: Ref<any>) => unknown): Subscription {
    const whom = localRef(target)
    if (whom === undefined) throw option('target', target, 'a ref')
    callback(run)
    const { lane, index } = this.#ref
    const watch = new Watch(this.#ref, this, whom, run as (reason: ExitReason, target: unknown) => unknown)
    if (this.over || hasEnded(this.#ref)) return watch
    if (whom.lane !== lane) throw option('target', target, 'a ref of the same system')
    if (whom.isFar) void whom.path // it is to be known at the end, when nobody else knows
    watch.id = newNumber(lane)
    lane.watches.set(watch.id, watch)
    ;(this.watches ??= new Set()).add(watch)
    lane.mode |= MODE_ORDERED
    putFrom(lane, OP_WATCH, whom.index, whom.age, watch.id, index, 0)
    return watch
  }

  link(target: Ref<any>): Subscription {
    const whom = localRef(target)
    const owner = this.#ref
    if (whom === undefined || whom === owner) throw option('target', target, 'a ref of another actor')
    const link = new Link(owner, whom)
    if (this.over || hasEnded(owner)) return link
    const { lane, index } = owner
    if (whom.lane !== lane) throw option('target', target, 'a ref of the same system')
    const { state } = whom
    const isOver = state instanceof Ended
    if (isOver && (state.reason.kind === 'normal' || state.reason.kind === 'shutdown')) return link
    link.id = newNumber(lane)
    link.active = true
    lane.links.set(link.id, link)
    lane.mode |= MODE_ORDERED
    putFrom(lane, OP_LINK, whom.index, whom.age, link.id, index, isOver ? 1 : 0)
    return link
  }

  adopt(target: Ref<any>): Promise<void> {
    return this.#move(target, 'adopt', this.#ref)
  }

  release(target: Ref<any>): Promise<void> {
    const given = localRef(target)
    // of many refs to an actor elsewhere one knows its parent
    const whom = given?.isFar === true ? given.lane.crossing?.refTo(given.index, given.age) : given
    if (whom !== undefined && whom.boot.parent !== this.#ref) {
      return Promise.reject(option('target', target, 'a child of this actor'))
    }
    return this.#move(target, 'release', null)
  }

  #move(given: Ref<any>, verb: Adoption['verb'], parent: LocalRef | null): Promise<void> {
    const target = localRef(given)
    const { lane } = this.#ref
    if (target === undefined) return Promise.reject(option('target', given, 'a ref'))
    if (target.lane !== lane) return Promise.reject(option('target', given, 'a ref of the same system'))
    if (this.over || hasEnded(target)) return Promise.reject(stopped(this.over ? this.#ref.path : target.path, verb))
    return new Promise((resolve, reject) => {
      const number = newNumber(lane)
      lane.adoptions.set(number, { target, parent, verb, resolve, reject })
      lane.mode |= MODE_ORDERED
      putFrom(lane, OP_ADOPT, target.index, target.age, number, parent?.index ?? 0, 0)
    })
  }

  /** The instance has ended. */
  end(): void {
    this.over = true
    if (this.timers !== undefined) for (const timer of this.timers) timer.drop()
    if (this.watches !== undefined) for (const watch of this.watches) watch.drop()
    this.timers = undefined
    this.watches = undefined
    this.#abort?.abort()
  }
}

/** The context of `ref`'s instance. One that has ended finds a context that does nothing. */
export function contextOf(ref: LocalRef): LocalContext {
  const more = moreOf(ref)
  if (more.context === undefined) {
    more.context = new LocalContext(ref)
    more.context.over = hasEnded(ref)
  }
  return more.context
}

function refOf(lane: Lane, index: number, age: number): Ref<any> | null {
  return (refAt(lane, index, age) ?? null) as unknown as Ref<any> | null
}

function callback<F>(run: F): F {
  if (typeof run !== 'function') throw option('run', run, 'a function')
  return run
}

export class LocalTimer implements Timer {
  readonly owner: LocalRef
  readonly #context: LocalContext
  readonly run: () => unknown
  id = -1
  #holds = true

  constructor(owner: LocalRef, context: LocalContext, run: () => unknown) {
    this.owner = owner
    this.#context = context
    this.run = run
  }

  get active(): boolean {
    return this.id >= 0
  }

  cancel(): boolean {
    if (this.id < 0) return false
    putFrom(this.owner.lane, OP_CANCEL, 0, 0, this.id, 0, 0)
    this.drop()
    this.#context.timers?.delete(this)
    return true
  }

  ref(): this {
    return this.#setHolds(true)
  }

  unref(): this {
    return this.#setHolds(false)
  }

  #setHolds(holds: boolean): this {
    if (this.id >= 0 && holds !== this.#holds) {
      this.#holds = holds
      putFrom(this.owner.lane, OP_HOLD, 0, 0, this.id, holds ? 1 : 0, 0)
    }
    return this
  }

  [Symbol.dispose](): void {
    this.cancel()
  }

  /** It runs now for the last time. */
  fired(): void {
    this.drop()
    this.#context.timers?.delete(this)
  }

  /** The number is not its own any more. */
  drop(): void {
    if (this.id < 0) return
    const { lane } = this.owner
    lane.timers[this.id] = undefined
    lane.spentTimers.push(this.id)
    this.id = -1
  }
}
