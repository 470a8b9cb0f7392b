// How actors end, fail and are reported on: the records that hooks, watchers, feeds and statistics hand out.

import type { Ref } from './ref.ts'

/** Why an actor ended. */
export type ExitReason =
  /** It was asked to stop, or stopped itself. */
  | { readonly kind: 'normal' }
  /** Its parent ended, its group was restarted, or the system shut down. */
  | { readonly kind: 'shutdown' }
  /** By `kill()`, or because it did not stop within its deadline. `onStop` did not run. */
  | { readonly kind: 'killed' }
  /** By a failure nobody restarted it after. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** Its isolate died. */
  | { readonly kind: 'lost' }
  /** It ended too long ago for the reason to be remembered. */
  | { readonly kind: 'unknown' }

/** One failure of one actor, as its supervisor and the feeds see it. */
export interface Failure {
  /** The actor that failed. */
  readonly child: Ref<any>
  /** What it threw: the very object. */
  readonly error: unknown
  /** What it was doing. */
  readonly phase: 'start' | 'message' | 'timer' | 'watch' | 'health' | 'stop' | 'isolate'
  /** The handler that failed; null when it was not a message. */
  readonly method: string | null
  /** Which instance failed, counted from 0. */
  readonly generation: number
  /** How often this actor was restarted within its supervisor's window. */
  readonly restarts: number
}

/** What a supervisor does about a failure. */
export type Directive = 'restart' | 'stop' | 'resume' | 'escalate'

/** How an actor supervises its children. What is left out is by default. */
export interface Supervision {
  /**
   * Who restarts with the one that failed. 'one-for-one': nobody. 'one-for-all': all the other children.
   * 'rest-for-one': those started after it. Default 'one-for-one'.
   */
  strategy?: 'one-for-one' | 'one-for-all' | 'rest-for-one'
  /**
   * More restarts than this within `within` ms, those of all children together, are a failure of the supervisor itself.
   * The restart of a group counts once. Default 1,000; any number from 0 is allowed, and Infinity.
   */
  maxRestarts?: number
  /** The sliding window in which restarts are counted, in ms. Default 60,000; Infinity is allowed. */
  within?: number
  /**
   * How long restarts in a row wait: the nth one `min · factor^(n-1)` ms, at most `max`, less up to the part `jitter` of
   * that at random. False: not at all. Default: the values below, but the first restart in a row is immediate.
   */
  backoff?:
    | {
        /** How many ms the first one waits. Default 100, or `max` where that is less. */
        min?: number
        /** How many ms any of them waits at most. Default 30,000, or `min` where that is more. */
        max?: number
        /** How many times as long as the one before it each waits; at least 1. Default 2. */
        factor?: number
        /** From 0 to 1. Default 0.2. */
        jitter?: number
        /** How many ms without a failure end the row. Default 10,000; Infinity is allowed. */
        resetAfter?: number
      }
    | false
  /**
   * Decides about one failure from the failure alone; return nothing for what the other options say. Never async. A
   * throw, any other answer, and 'resume' to a start that failed are reported and count as nothing.
   */
  decide?: (failure: Failure) => Directive | void
}

/** What the feed `system.events` reports. */
export type SystemEvent =
  | {
      readonly type: 'started' | 'stopped'
      readonly path: string
      readonly generation: number
      readonly reason?: ExitReason
    }
  | {
      readonly type: 'failed'
      readonly path: string
      readonly supervisor: string
      readonly strategy: NonNullable<Supervision['strategy']>
      readonly generation: number
      readonly failure: Failure
      readonly decision: Directive
      /** How long the restart waits, in ms. */
      readonly delay: number
    }
  | { readonly type: 'restarted'; readonly path: string; readonly generation: number }
  /** A failure its supervisor could not handle; `path` is the supervisor that failed with it. */
  | { readonly type: 'escalated'; readonly path: string; readonly failure: Failure }
  /** Actors that wait for each other's replies, each path once, in the order they ask. */
  | { readonly type: 'ask-cycle'; readonly paths: readonly string[] }
  | {
      readonly type: 'core'
      readonly core: number
      readonly state: 'started' | 'stalled' | 'lost' | 'stopped'
      readonly detail?: string
    }

/** Why a message was not handled. */
export type DeadLetterReason =
  /** There never was such an actor here. */
  | 'no-such-actor'
  /** The actor had ended, or ended first. */
  | 'stopped'
  /** The mailbox was full and refused it. */
  | 'mailbox-full'
  /** The mailbox was full and its policy dropped it. */
  | 'dropped'
  /** It was not handled within its `ttl`. */
  | 'expired'
  /** The actor has no such handler. */
  | 'no-handler'
  /** The isolate of the actor died with it. */
  | 'isolate-lost'
  /** Its signal aborted while it waited. */
  | 'aborted'

/** A message that was not handled. */
export interface DeadLetter {
  readonly reason: DeadLetterReason
  /** The path of the actor it was for. */
  readonly target: string
  /** The path of the actor that sent it; null for plain code. */
  readonly sender: string | null
  readonly method: string
  /** Null when they could not be kept. */
  readonly args: readonly unknown[] | null
}

/**
 * Exact counts of a system. At every moment `sent === handled + failed + deadLetters + waiting + running`.
 *
 * A message is one tell, send, ask or stream call that did not throw at the call, refused ones included: those are
 * dead letters, and their promise rejects. Replies, timers and signals are none. An ask that timed out is still
 * handled, unless it has a `ttl`.
 */
export interface Stats {
  /** Actors alive now. */
  readonly actors: number
  readonly sent: number
  readonly handled: number
  /** Messages whose handler threw, or was cut off. */
  readonly failed: number
  readonly deadLetters: number
  /** Messages in mailboxes, or parked before them. */
  readonly waiting: number
  /** Messages whose handler has begun and not ended. */
  readonly running: number
  readonly restarts: number
  /** The dead letters by reason; they add up to `deadLetters`. */
  readonly deadLettersBy: Readonly<Record<DeadLetterReason, number>>
}

/** One actor and its children as `system.inspect()` found them. Plain data. */
export interface ActorInfo {
  readonly path: string
  readonly className: string
  readonly state: 'starting' | 'idle' | 'ready' | 'running' | 'suspended' | 'restarting' | 'stopping'
  /** The isolate it lives on; 0 is the one that made the system. */
  readonly on: number
  readonly generation: number
  readonly waiting: number
  readonly handled: number
  readonly failed: number
  readonly children: readonly ActorInfo[]
}
