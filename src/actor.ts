// The base class of all actors.

import type { Context } from './context.ts'
import { BuskinError } from './errors.ts'
import type { ExitReason, Failure } from './lifecycle.ts'
import { type ActorStatics, className } from './options.ts'
import { contextOf, LocalContext } from './runtime/context.ts'
import { type LocalRef, takeStarting } from './runtime/ref.ts'

/** An instance that is over keeps its own context, whatever takes its place. For the runtime alone. */
export let detach: (instance: Actor, context: LocalContext) => void

/**
 * Private state plus handlers. A subclass's public methods are its messages: each runs to its end, across its `await`s,
 * before the next one starts. It is made by `spawn`, never by `new`.
 */
export abstract class Actor {
  /** The actor that this instance is of, and its context once it was used; undefined for one that was made by `new`. */
  #of: LocalRef | LocalContext | undefined = takeStarting()

  static {
    detach = (instance, context) => {
      instance.#of = context
    }
  }

  /** Everything else: who it is, children, timers, watches. Usable from `super()` on. */
  protected get ctx(): Context<this> {
    if (!(this.#of instanceof LocalContext)) {
      if (this.#of === undefined) throw made(this)
      this.#of = contextOf(this.#of)
    }
    return this.#of as unknown as Context<this>
  }

  /** Runs before the first message; while its promise is pending, messages wait. */
  protected onStart?(): void | Promise<void>
  /** Runs once when the actor ends for good or is about to restart. */
  protected onStop?(reason: ExitReason): void | Promise<void>
  /** Runs on the new instance, before onStart, after a restart; null when a permanent actor had ended normally. */
  protected onRestart?(failure: Failure | null): void | Promise<void>
  /** A throw or rejection is a failure like another. Called as `options.health` says. */
  protected onHealth?(): void | Promise<void>
  /** A message whose method the class does not have. Without it: dead letter 'no-handler', and an ask rejects. */
  protected onUnhandled?(method: string, args: readonly unknown[]): unknown
}

function made(actor: object): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_NOT_AN_ACTOR',
    `no context: this ${className(actor.constructor as new () => object)} was made with new, so it is no actor; spawn its class instead`,
  )
}

/** A class whose instances are actors; `P` are the arguments of its constructor. */
// oxlint-disable-next-line typescript/no-explicit-any -- `any` lets a class with any constructor be given
export type ActorClass<A extends Actor = Actor, P extends readonly unknown[] = any> = (new (...args: P) => A) & ActorStatics
