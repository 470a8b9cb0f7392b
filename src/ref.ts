// The address of an actor, as a user sees it.

import type { Actor } from './actor.ts'
import type { Ask, Send, Streams, Tell } from './handlers.ts'
import type { ExitReason } from './lifecycle.ts'
import type { CallOptions } from './options.ts'

/** An actor's address. Survives restarts, compares by `equals`, travels inside messages. */
export interface Ref<A extends Actor = Actor> {
  /** Fire and forget. */
  readonly tell: Tell<A>
  /** Resolves when the mailbox accepted the message. */
  readonly send: Send<A>
  /** Resolves with the reply. */
  readonly ask: Ask<A>
  /** Items of a generator handler. */
  readonly stream: Streams<A>
  /** The same actor with other call options. */
  with(options: CallOptions): Ref<A>
  /** The last part of its path. */
  readonly name: string
  /** Where it is in the tree: '/orders/42'. */
  readonly path: string
  /** Resolves after the first successful start; rejects with `ERR_BUSKIN_START` when the actor ends before. */
  readonly started: Promise<void>
  /** Resolves with the reason when the actor has ended for good; never rejects. */
  readonly stopped: Promise<ExitReason>
  /** Ends it after the message in hand; with `drain`, after those already waiting. Resolves as `stopped` does. */
  stop(options?: { drain?: boolean; timeout?: number }): Promise<ExitReason>
  /** Ends it at once, without onStop. */
  kill(): Promise<ExitReason>
  /** Whether `other` is a ref of the same actor. */
  equals(other: unknown): boolean
}
