// The options a user may give, and a door to the functions that check them.

import type { ManualClock } from './clock.ts'
import type { Supervision } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import type { Ref } from './ref.ts'

/** How much a mailbox holds, and what it does when it is full. */
export interface MailboxOptions {
  /** How many messages may wait, the one in hand aside. Default 1,048,576; Infinity is allowed. */
  capacity?: number
  /**
   * What happens to a message for which there is no room. 'reject': it is a dead letter, and a send or ask rejects.
   * 'wait': a send or ask waits for room, in order; a tell is rejected. 'drop-newest': it is dropped. 'drop-oldest':
   * the oldest waiting message of the lowest priority makes room. Default 'reject'.
   */
  overflow?: 'reject' | 'wait' | 'drop-newest' | 'drop-oldest'
}

/**
 * How an actor is run. Given at its spawn, or as `static options` of its class; what neither says is as the system
 * says.
 */
export interface ActorOptions {
  /** Its mailbox. What is left out is as in the system's option `mailbox`. */
  mailbox?: MailboxOptions
  /**
   * How this actor supervises its children. A spawn's wins over its class's key by key, `backoff` as a whole; what
   * neither says is by default.
   */
  supervision?: Supervision
  /**
   * When it is restarted. 'permanent': after a failure, and after `ctx.stop()`. 'transient': after a failure.
   * 'temporary': never. `ref.stop()` and `ref.kill()` are final for all three. Default 'transient'.
   */
  restart?: 'permanent' | 'transient' | 'temporary'
  /**
   * How many ms the handler in hand and onStop may take when the actor is asked to stop; then it is killed and fenced
   * off. 'infinity': as long as they take. 'brutal': it is killed at once. Default 5,000.
   */
  shutdown?: number | 'brutal' | 'infinity'
  /** How many ms its start may take; Infinity is allowed. Default 30,000. */
  startTimeout?: number
  /**
   * What a restart does with waiting messages. 'keep': the new instance handles them. 'clear': they are dead letters
   * 'stopped'. Default 'keep'.
   */
  mailboxOnRestart?: 'keep' | 'clear'
  /** When `onHealth` runs, and what has failed. Without it: never. A spawn's replaces its class's as a whole. */
  health?: {
    /**
     * How many ms apart it is due; above 0 and finite. It runs one at a time with messages, but ahead of those that
     * wait.
     */
    every: number
    /**
     * One that throws, rejects or has not ended within this many ms of being due has failed; waiting behind the handler
     * in hand is included. Default 5,000; Infinity is allowed.
     */
    timeout?: number
    /** How many failed ones in a row are a failure of the actor. Default 1. */
    threshold?: number
  }
  /**
   * Where it lives. 'local': the isolate that spawns it. 'any': the core with the least to do, which is 16 × its messages +
   * its actors. A number: 0 is the isolate that made the system, 1 and up are its cores. `near`: where that actor lives (where it would be by default, near one of the other kind). `key`: the core that all
   * actors with this key share. To live elsewhere than 'local' a class needs `static module`. Default: 'any' for a class
   * that has it in a system with cores, else 'local'. A native actor lives on a core thread: for it 'any', the default, `near` and
   * `key` name one of these.
   */
  on?: 'local' | 'any' | number | { near: Ref<any> } | { key: string | number }
}

/** The options of one spawn. `args` are those of the class's constructor, needed when it needs any. */
export type SpawnOptions<P extends readonly unknown[]> = ActorOptions & {
  /**
   * Its name, unique among the living children of its parent: 1 to 200 characters, without '/' and control characters.
   * Default: the name of its class with a number.
   */
  name?: string
} & ([] extends P ? { args?: P } : { args: P })

/** What a class may declare beside its handlers; checked when it is spawned. */
export interface ActorStatics {
  /** `import.meta.url` of the module that exports this class: lets any core load it. Not inherited. */
  readonly module?: string
  /** Handlers whose calls may overlap each other, never the others. Methods only, and no generators. */
  readonly concurrent?: readonly string[]
  /** Defaults for every spawn of this class; the options of a spawn win. */
  readonly options?: ActorOptions
}

/** How messages are sent, for `ref.with`. */
export interface CallOptions {
  /** How many ms an ask waits for its reply. Default: the system's `askTimeout`. Infinity is allowed. */
  timeout?: number
  /** Which waiting messages go first. Lower ones are served now and then, however many higher ones wait. */
  priority?: 'high' | 'normal' | 'low'
  /** The message is not handled later than this many ms after the call; then it is a dead letter. 0 is allowed. */
  ttl?: number
  /** Gives the call up: a message that still waits is a dead letter, and its sender's promise rejects. */
  signal?: AbortSignal
  /**
   * Buffers to move rather than copy when the message leaves its isolate: the sender's are detached. Within one isolate
   * messages are shared by reference, so nothing is moved.
   */
  transfer?: readonly ArrayBuffer[]
}

/** The options of `createSystem`. */
export interface SystemOptions {
  /** What logs and errors call it. Same rules as for the names of actors. Default 'buskin'. */
  name?: string
  /**
   * How many worker isolates it may use, 0 to 62; each starts when the first actor is spawned on it. 'auto': one fewer
   * than the CPUs that the process may use, at least 1; none for a system made on a worker isolate of another one. A
   * system with a manual clock has none. Default 'auto'.
   */
  cores?: number | 'auto'
  /** How its worker isolates are run. */
  core?: CoreOptions
  /**
   * How many core threads, on which native actors run, it may use; with its cores 62 at most. Each starts when the first
   * actor is spawned on it; 0 is none until a native actor needs one, and then one. Default: one per CPU that the process
   * may use; none in a system with a manual clock.
   */
  threads?: number
  /** The mailbox of actors that say nothing about theirs. */
  mailbox?: MailboxOptions
  /** How many ms an ask waits for its reply. Default 5,000; Infinity is allowed. */
  askTimeout?: number
  /** How many ms a shutdown may take before what is left is killed. Default 10,000; Infinity is allowed. */
  shutdownTimeout?: number
  /** How the actors spawned on the system itself are supervised. It is no default for how those supervise theirs. */
  supervision?: Supervision
  /**
   * What a failure that nobody could handle does. 'shutdown': the system ends and `closed` rejects. 'report': it is an
   * event 'escalated' and a line of the log, and the system goes on. Default 'shutdown'.
   */
  onEscalate?: 'shutdown' | 'report'
  /**
   * Where it logs to; false for nowhere. Default: lines on stderr, from the level that the environment variable
   * BUSKIN_LOG names ('warn'); under a test runner none.
   */
  log?: Logger | false
  /** A clock of `createManualClock()`, for tests: everything that the system times goes by it. */
  clock?: ManualClock
  /** Lets the sender be known after an `await` too, at the cost of an AsyncLocalStorage. Default false. */
  propagate?: boolean
  /**
   * Development aid: 'freeze' or 'copy' what messages within the isolate carry, so that sharing by reference cannot
   * hide. Default 'share'.
   */
  localMessages?: 'share' | 'freeze' | 'copy'
}

/** How worker isolates are run. */
export interface CoreOptions {
  /** Lost ones of all these isolates together: more than `max` within `within` ms escalate. Default 10 within 60,000. */
  restarts?: { max: number; within: number }
  /**
   * How many ms a handler may block its isolate before that is ended, and counts as lost; false for no limit. What it
   * awaits blocks nothing. One that blocks the isolate that made the system is only reported. Default 10,000.
   */
  stallAfter?: number | false
  /** Whether an isolate that runs dry looks for work for a moment before it sleeps. Default 'adaptive'. */
  spin?: 'adaptive' | false
  /** Whether each isolate, and each core thread, keeps to one CPU. Linux only; ignored elsewhere, with a warning. Default false. */
  pin?: boolean
  /** As for Node's Worker. An isolate that needs more is lost, and no other. `stackSizeMb` is the stack of core threads too. */
  resourceLimits?: object
  /** As for Node's Worker. Default: a copy of the process's. */
  env?: Record<string, string>
  /** As for Node's Worker. Default: the process's. */
  execArgv?: readonly string[]
}

export {
  type ActorSettings,
  actorOptions,
  type BackoffSettings,
  defaultActorSettings,
  type GivenActorOptions,
  type HealthSettings,
  type MailboxOnRestart,
  type MailboxSettings,
  mergeActorOptions,
  type Overflow,
  type Restart,
  spawnOptions,
  type Strategy,
  type SupervisionSettings,
} from './options/actor.ts'
export {
  type CallSettings,
  callOptions,
  delay,
  everyOptions,
  type EveryFrom,
  noCallOptions,
  period,
  type Priority,
  shutdownOptions,
  type StopSettings,
  stopOptions,
} from './options/call.ts'
export { type CoreRestarts, type CoreSettings, MOST_CORES } from './options/core.ts'
export { ONE_ISOLATE, type Placement, type Placing } from './options/placement.ts'
export { actorStatics, type CheckedStatics, className } from './options/statics.ts'
export { defaultSupervision } from './options/supervision.ts'
export { type LocalMessages, type OnEscalate, type SystemSettings, systemOptions } from './options/system.ts'
