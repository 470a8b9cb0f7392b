// What an actor has of the runtime, as a user sees it.

import type { Actor, ActorClass } from './actor.ts'
import type { Subscription } from './feed.ts'
import type { ExitReason } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import type { SpawnOptions } from './options.ts'
import type { Ref } from './ref.ts'
import type { System } from './system.ts'

/** A timer of an actor. Disposing it cancels it, so `using` works. */
export interface Timer extends Disposable {
  /** Cancels it; true if it was still active. */
  cancel(): boolean
  /** Whether it will run (again). */
  readonly active: boolean
  /** Lets it keep the process alive; timers do from the start. */
  ref(): this
  /** Lets the process end while it is pending. */
  unref(): this
}

/** `this.ctx` inside an actor. */
export interface Context<A extends Actor = Actor> {
  /** This actor's own ref. */
  readonly self: Ref<A>
  /** The actor that spawned it; null for one that was spawned on the system. */
  readonly parent: Ref<any> | null
  /**
   * The actor whose handler sent the message in hand; null for plain code, and for what a handler sent after an await
   * (unless the system propagates). In a concurrent handler read it before the first await.
   */
  readonly sender: Ref<any> | null
  /** Its living children, in order of start. */
  readonly children: readonly Ref<any>[]
  readonly system: System
  readonly path: string
  /** The number of this instance: 0, and one more after each restart. */
  readonly generation: number
  /** Aborts when this instance ends. */
  readonly signal: AbortSignal
  /** The system's logger; its lines name this actor. */
  readonly log: Logger
  /** Makes a child. */
  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C>
  /** Ends this actor after the current handler. */
  stop(): void
  /** Runs once, inside the actor, one at a time with its messages. Ends with the actor. */
  after(ms: number, run: () => unknown): Timer
  /** Runs again and again, `ms` apart from when it was due ('start') or from when it ended ('end'). */
  every(ms: number, run: () => unknown, options?: { from?: 'start' | 'end' }): Timer
  /** Runs once, inside this actor, when `target` has ended for good; at once when it has already. */
  watch(target: Ref<any>, run: (reason: ExitReason, target: Ref<any>) => unknown): Subscription
  /**
   * From now on both fail when one does, or is killed: the other one with the same error. A normal end does not count,
   * and one that watches the other lives on. Ends with the instance of either.
   */
  link(target: Ref<any>): Subscription
  /**
   * Gives an actor this one as its parent: it is its youngest child then, and has another path. Rejects when a child
   * of this actor has its name, when it has ended, and when it is this actor or above it.
   */
  adopt(target: Ref<any>): Promise<void>
  /** Hands a child of this actor to the root. */
  release(target: Ref<any>): Promise<void>
}
