// Generated from src by `npm run dts`; edit there.

/**
 * What Buskin logs to. Most logging libraries fit it, `console` does too. A logger that throws or rejects does no harm:
 * what it was told is lost, nothing else.
 */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** A listener or watch that can be ended. Disposing it ends it too, so `using` works. */
export interface Subscription extends Disposable {
  /** Ends it; true if it was still active. */
  cancel(): boolean;
  readonly active: boolean;
}
/**
 * Listen, or iterate. Listeners miss nothing; what a slow iterator misses is counted, never buffered without bound.
 */
export interface Feed<T> extends AsyncIterable<T> {
  /**
   * Calls `listener` with each value from now on, in order. What it throws is logged and concerns nobody else.
   */
  on(listener: (value: T) => void): Subscription;
  /** Values from now on, until the reader leaves or the system has closed. */
  [Symbol.asyncIterator](): FeedIterator<T>;
}
/** A reader of a feed. Holds at most 1,024 values that it was not asked for yet; then the oldest makes room. */
export interface FeedIterator<T> extends AsyncIterableIterator<T> {
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): FeedIterator<T>;
  [Symbol.asyncDispose](): Promise<void>;
  /** How many values were lost because this reader was too slow. */
  readonly missed: number;
}

/** Names of an actor class that are not messages. Anything else public and callable is one. */
export type HookName = 'onStart' | 'onStop' | 'onRestart' | 'onHealth' | 'onMove' | 'onUnhandled';
/** Keys of the handlers of `A`: its public methods, hooks and symbols aside. */
export type HandlerName<A> = {
  [K in keyof A]-?: K extends string ? K extends HookName ? never : A[K] extends (...args: never[]) => unknown ? K : never : never;
}[keyof A];
type Args<F> = F extends (...args: infer P) => unknown ? P : never;
type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;
type Item<F> = F extends (...args: never[]) => infer R ? R extends AsyncIterable<infer T> | Iterable<infer T> ? R extends string ? never : T : never : never;
/**
 * Fire and forget. A tell never throws for what its target is or does; a message that cannot be delivered is a dead
 * letter.
 */
export type Tell<A> = {
  readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => void;
};
/**
 * Backpressure: resolves when the mailbox has accepted the message (under the waiting policy, as soon as there is
 * room) and rejects when it has not. What the handler makes of the message is not waited for.
 */
export type Send<A> = {
  readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => Promise<void>;
};
/**
 * A question. Resolves with the handler's result; rejects with the error it threw, or with a `BuskinError` when there
 * was no answer. It always settles.
 */
export type Ask<A> = {
  readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => Promise<Result<A[K]>>;
};
/**
 * Handlers that are generators, sync or async, read with `for await`. The handler runs only as far ahead as its reader
 * asks, and leaving the loop runs its `finally`.
 */
export type Streams<A> = {
  readonly [K in HandlerName<A> as [Item<A[K]>] extends [never] ? never : K]: (...args: Args<A[K]>) => AsyncIterableIterator<Item<A[K]>>;
};

/** A runtime: actors, their clock, their counts. Independent of every other system in the process. */
export interface System extends AsyncDisposable {
  readonly name: string;
  /** Makes an actor. The ref can be used at once; the constructor runs later. */
  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C>;
  /** The living actor at a path: '/orders/42'. */
  lookup<C extends Actor = Actor>(path: string): Ref<C> | null;
  /** Resolves when everything sent so far, and what that caused, is handled: for tests and scripts. */
  idle(): Promise<void>;
  /** The counts of this moment. Works after shutdown too. */
  stats(): Stats;
  /** The tree of actors, from the root; plain data. */
  inspect(): ActorInfo;
  /** Messages that were not handled, with the reason. */
  readonly deadLetters: Feed<DeadLetter>;
  /** What happens to actors. */
  readonly events: Feed<SystemEvent>;
  /** Children stop in reverse order of start, each within its deadline. Idempotent. */
  shutdown(options?: {
    timeout?: number;
  }): Promise<void>;
  /** Resolves when the system has ended. */
  readonly closed: Promise<void>;
}
/** Makes a system. Its actors' handlers run in the AsyncLocalStorage context of this call. */
export declare function createSystem(options?: SystemOptions): System;

/**
 * What went wrong, as a word that stays the same across versions. Compare with it, never with a message.
 */
export type BuskinErrorCode =
  | 'ERR_BUSKIN_OPTION'
  | 'ERR_BUSKIN_NOT_AN_ACTOR'
  | 'ERR_BUSKIN_NAME_TAKEN'
  | 'ERR_BUSKIN_NO_HANDLER'
  | 'ERR_BUSKIN_STOPPED'
  | 'ERR_BUSKIN_TIMEOUT'
  | 'ERR_BUSKIN_MAILBOX_FULL'
  | 'ERR_BUSKIN_EXPIRED'
  | 'ERR_BUSKIN_ABORTED'
  | 'ERR_BUSKIN_DEADLOCK'
  | 'ERR_BUSKIN_NOT_SERIALIZABLE'
  | 'ERR_BUSKIN_CORE_LOST'
  | 'ERR_BUSKIN_MODULE'
  | 'ERR_BUSKIN_START'
  | 'ERR_BUSKIN_CLOSED'
  | 'ERR_BUSKIN_ADDON';
/**
 * An error that Buskin itself raises, as opposed to one that a handler threw. Its `code` says which;
 * its message names the actor or option concerned and ends with what to do about it.
 */
export declare class BuskinError extends Error {
  /** What went wrong; stable across versions. */
  readonly code: BuskinErrorCode;
  /**
   * @param code What went wrong.
   * @param message What, which thing, and the remedy.
   * @param options `cause`: the error behind this one.
   */
  constructor(code: BuskinErrorCode, message: string, options?: {
    cause?: unknown;
  });
  /**
   * Whether `value` is an error of Buskin, and has the given code if one is given. Also true for errors that another
   * copy of the package made, where `instanceof` is not.
   */
  static is(value: unknown, code?: BuskinErrorCode): value is BuskinError;
}
/**
 * Thrown by a handler to say no to the asker without failing the actor: the ask rejects with this very object, the
 * message counts as handled, and no supervisor hears of it.
 */
export declare class Refusal extends Error {
  /** Whatever the handler wants the asker to know beside the message. */
  readonly details: unknown;
  /**
   * @param message Why the request is refused.
   * @param options `details` for the asker; `cause`: the error behind the refusal.
   */
  constructor(message: string, options?: {
    cause?: unknown;
    details?: unknown;
  });
  /** Whether `value` is a refusal, also one that another copy of the package made. */
  static is(value: unknown): value is Refusal;
}

/**
 * Registers a class whose instances travel: `encode` gives data that can, and `decode` makes the instance again on the
 * other side, where the class must be registered by the same name. It holds for this isolate only, and for that very
 * class: not for classes that extend it. Data that leads back to the instance itself cannot travel.
 *
 * @throws When the name or the class is registered already, unless all three are the same.
 */
export declare function registerClass<T extends object>(name: string, cls: new (...args: any[]) => T, how: {
  encode(value: T): unknown;
  decode(data: unknown): T;
}): void;

/** Only what `createManualClock` made is accepted: the core drives it. */
export interface ManualClock {
  /** In ms. */
  now(): number;
  /**
   * Moves on by `ms`, stopping at each instant at which something is due, in order; resolves when what that caused
   * has been handled. A handler that waits for something else is not waited for.
   */
  advance(ms: number): Promise<void>;
}
/** A clock for `createSystem({ clock })`: nothing times out and no timer runs until it is advanced. */
export declare function createManualClock(start?: number): ManualClock;

/** How much a mailbox holds, and what it does when it is full. */
export interface MailboxOptions {
  /** How many messages may wait, the one in hand aside. Default 1,048,576; Infinity is allowed. */
  capacity?: number;
  /**
   * What happens to a message for which there is no room. 'reject': it is a dead letter, and a send or ask rejects.
   * 'wait': a send or ask waits for room, in order; a tell is rejected. 'drop-newest': it is dropped. 'drop-oldest':
   * the oldest waiting message of the lowest priority makes room. Default 'reject'.
   */
  overflow?: 'reject' | 'wait' | 'drop-newest' | 'drop-oldest';
}
/**
 * How an actor is run. Given at its spawn, or as `static options` of its class; what neither says is as the system
 * says.
 */
export interface ActorOptions {
  /** Its mailbox. What is left out is as in the system's option `mailbox`. */
  mailbox?: MailboxOptions;
  /**
   * How this actor supervises its children. A spawn's wins over its class's key by key, `backoff` as a whole; what
   * neither says is by default.
   */
  supervision?: Supervision;
  /**
   * When it is restarted. 'permanent': after a failure, and after `ctx.stop()`. 'transient': after a failure.
   * 'temporary': never. `ref.stop()` and `ref.kill()` are final for all three. Default 'transient'.
   */
  restart?: 'permanent' | 'transient' | 'temporary';
  /**
   * How many ms the handler in hand and onStop may take when the actor is asked to stop; then it is killed and fenced
   * off. 'infinity': as long as they take. 'brutal': it is killed at once. Default 5,000.
   */
  shutdown?: number | 'brutal' | 'infinity';
  /** How many ms its start may take; Infinity is allowed. Default 30,000. */
  startTimeout?: number;
  /**
   * What a restart does with waiting messages. 'keep': the new instance handles them. 'clear': they are dead letters
   * 'stopped'. Default 'keep'.
   */
  mailboxOnRestart?: 'keep' | 'clear';
  /** When `onHealth` runs, and what has failed. Without it: never. A spawn's replaces its class's as a whole. */
  health?: {
    /**
     * How many ms apart it is due; above 0 and finite. It runs one at a time with messages, but ahead of those that
     * wait.
     */
    every: number;
    /**
     * One that throws, rejects or has not ended within this many ms of being due has failed; waiting behind the handler
     * in hand is included. Default 5,000; Infinity is allowed.
     */
    timeout?: number;
    /** How many failed ones in a row are a failure of the actor. Default 1. */
    threshold?: number;
  };
  /**
   * Where it lives. 'local': the isolate that spawns it. 'any': the core with the least to do, which is 16 × its messages +
   * its actors. A number: 0 is the isolate that made the system, 1 and up are its cores. `near`: where that actor lives (where it would be by default, near one of the other kind). `key`: the core that all
   * actors with this key share. To live elsewhere than 'local' a class needs `static module`. Default: 'any' for a class
   * that has it in a system with cores, else 'local'. A native actor lives on a core thread: for it 'any', the default, `near` and
   * `key` name one of these.
   */
  on?: 'local' | 'any' | number | {
    near: Ref<any>;
  } | {
    key: string | number;
  };
}
/** The options of one spawn. `args` are those of the class's constructor, needed when it needs any. */
export type SpawnOptions<P extends readonly unknown[]> = ActorOptions & {
  /**
   * Its name, unique among the living children of its parent: 1 to 200 characters, without '/' and control characters.
   * Default: the name of its class with a number.
   */
  name?: string;
} & ([] extends P ? {
  args?: P;
} : {
  args: P;
});
/** What a class may declare beside its handlers; checked when it is spawned. */
export interface ActorStatics {
  /** `import.meta.url` of the module that exports this class: lets any core load it. Not inherited. */
  readonly module?: string;
  /** Handlers whose calls may overlap each other, never the others. Methods only, and no generators. */
  readonly concurrent?: readonly string[];
  /** Defaults for every spawn of this class; the options of a spawn win. */
  readonly options?: ActorOptions;
}
/** How messages are sent, for `ref.with`. */
export interface CallOptions {
  /** How many ms an ask waits for its reply. Default: the system's `askTimeout`. Infinity is allowed. */
  timeout?: number;
  /** Which waiting messages go first. Lower ones are served now and then, however many higher ones wait. */
  priority?: 'high' | 'normal' | 'low';
  /** The message is not handled later than this many ms after the call; then it is a dead letter. 0 is allowed. */
  ttl?: number;
  /** Gives the call up: a message that still waits is a dead letter, and its sender's promise rejects. */
  signal?: AbortSignal;
  /**
   * Buffers to move rather than copy when the message leaves its isolate: the sender's are detached. Within one isolate
   * messages are shared by reference, so nothing is moved.
   */
  transfer?: readonly ArrayBuffer[];
}
/** The options of `createSystem`. */
export interface SystemOptions {
  /** What logs and errors call it. Same rules as for the names of actors. Default 'buskin'. */
  name?: string;
  /**
   * How many worker isolates it may use, 0 to 62; each starts when the first actor is spawned on it. 'auto': one fewer
   * than the CPUs that the process may use, at least 1; none for a system made on a worker isolate of another one. A
   * system with a manual clock has none. Default 'auto'.
   */
  cores?: number | 'auto';
  /** How its worker isolates are run. */
  core?: CoreOptions;
  /**
   * How many core threads, on which native actors run, it may use; with its cores 62 at most. Each starts when the first
   * actor is spawned on it; 0 is none until a native actor needs one, and then one. Default: one per CPU that the process
   * may use; none in a system with a manual clock.
   */
  threads?: number;
  /** The mailbox of actors that say nothing about theirs. */
  mailbox?: MailboxOptions;
  /** How many ms an ask waits for its reply. Default 5,000; Infinity is allowed. */
  askTimeout?: number;
  /** How many ms a shutdown may take before what is left is killed. Default 10,000; Infinity is allowed. */
  shutdownTimeout?: number;
  /** How the actors spawned on the system itself are supervised. It is no default for how those supervise theirs. */
  supervision?: Supervision;
  /**
   * What a failure that nobody could handle does. 'shutdown': the system ends and `closed` rejects. 'report': it is an
   * event 'escalated' and a line of the log, and the system goes on. Default 'shutdown'.
   */
  onEscalate?: 'shutdown' | 'report';
  /**
   * Where it logs to; false for nowhere. Default: lines on stderr, from the level that the environment variable
   * BUSKIN_LOG names ('warn'); under a test runner none.
   */
  log?: Logger | false;
  /** A clock of `createManualClock()`, for tests: everything that the system times goes by it. */
  clock?: ManualClock;
  /** Lets the sender be known after an `await` too, at the cost of an AsyncLocalStorage. Default false. */
  propagate?: boolean;
  /**
   * Development aid: 'freeze' or 'copy' what messages within the isolate carry, so that sharing by reference cannot
   * hide. Default 'share'.
   */
  localMessages?: 'share' | 'freeze' | 'copy';
}
/** How worker isolates are run. */
export interface CoreOptions {
  /** Lost ones of all these isolates together: more than `max` within `within` ms escalate. Default 10 within 60,000. */
  restarts?: {
    max: number;
    within: number;
  };
  /**
   * How many ms a handler may block its isolate before that is ended, and counts as lost; false for no limit. What it
   * awaits blocks nothing. One that blocks the isolate that made the system is only reported. Default 10,000.
   */
  stallAfter?: number | false;
  /** Whether an isolate that runs dry looks for work for a moment before it sleeps. Default 'adaptive'. */
  spin?: 'adaptive' | false;
  /** Whether each isolate, and each core thread, keeps to one CPU. Linux only; ignored elsewhere, with a warning. Default false. */
  pin?: boolean;
  /** As for Node's Worker. An isolate that needs more is lost, and no other. `stackSizeMb` is the stack of core threads too. */
  resourceLimits?: object;
  /** As for Node's Worker. Default: a copy of the process's. */
  env?: Record<string, string>;
  /** As for Node's Worker. Default: the process's. */
  execArgv?: readonly string[];
}

/** An actor's address. Survives restarts, compares by `equals`, travels inside messages. */
export interface Ref<A extends Actor = Actor> {
  /** Fire and forget. */
  readonly tell: Tell<A>;
  /** Resolves when the mailbox accepted the message. */
  readonly send: Send<A>;
  /** Resolves with the reply. */
  readonly ask: Ask<A>;
  /** Items of a generator handler. */
  readonly stream: Streams<A>;
  /** The same actor with other call options. */
  with(options: CallOptions): Ref<A>;
  /** The last part of its path. */
  readonly name: string;
  /** Where it is in the tree: '/orders/42'. */
  readonly path: string;
  /** Resolves after the first successful start; rejects with `ERR_BUSKIN_START` when the actor ends before. */
  readonly started: Promise<void>;
  /** Resolves with the reason when the actor has ended for good; never rejects. */
  readonly stopped: Promise<ExitReason>;
  /** Ends it after the message in hand; with `drain`, after those already waiting. Resolves as `stopped` does. */
  stop(options?: {
    drain?: boolean;
    timeout?: number;
  }): Promise<ExitReason>;
  /** Ends it at once, without onStop. */
  kill(): Promise<ExitReason>;
  /** Whether `other` is a ref of the same actor. */
  equals(other: unknown): boolean;
}

/** Why an actor ended. */
export type ExitReason = 
/** It was asked to stop, or stopped itself. */
{
  readonly kind: 'normal';
}
/** Its parent ended, its group was restarted, or the system shut down. */
 | {
  readonly kind: 'shutdown';
}
/** By `kill()`, or because it did not stop within its deadline. `onStop` did not run. */
 | {
  readonly kind: 'killed';
}
/** By a failure nobody restarted it after. */
 | {
  readonly kind: 'failed';
  readonly error: unknown;
}
/** Its isolate died. */
 | {
  readonly kind: 'lost';
}
/** It ended too long ago for the reason to be remembered. */
 | {
  readonly kind: 'unknown';
};
/** One failure of one actor, as its supervisor and the feeds see it. */
export interface Failure {
  /** The actor that failed. */
  readonly child: Ref<any>;
  /** What it threw: the very object. */
  readonly error: unknown;
  /** What it was doing. */
  readonly phase: 'start' | 'message' | 'timer' | 'watch' | 'health' | 'stop' | 'isolate';
  /** The handler that failed; null when it was not a message. */
  readonly method: string | null;
  /** Which instance failed, counted from 0. */
  readonly generation: number;
  /** How often this actor was restarted within its supervisor's window. */
  readonly restarts: number;
}
/** What a supervisor does about a failure. */
export type Directive = 'restart' | 'stop' | 'resume' | 'escalate';
/** How an actor supervises its children. What is left out is by default. */
export interface Supervision {
  /**
   * Who restarts with the one that failed. 'one-for-one': nobody. 'one-for-all': all the other children.
   * 'rest-for-one': those started after it. Default 'one-for-one'.
   */
  strategy?: 'one-for-one' | 'one-for-all' | 'rest-for-one';
  /**
   * More restarts than this within `within` ms, those of all children together, are a failure of the supervisor itself.
   * The restart of a group counts once. Default 1,000; any number from 0 is allowed, and Infinity.
   */
  maxRestarts?: number;
  /** The sliding window in which restarts are counted, in ms. Default 60,000; Infinity is allowed. */
  within?: number;
  /**
   * How long restarts in a row wait: the nth one `min · factor^(n-1)` ms, at most `max`, less up to the part `jitter` of
   * that at random. False: not at all. Default: the values below, but the first restart in a row is immediate.
   */
  backoff?: {
    /** How many ms the first one waits. Default 100, or `max` where that is less. */
    min?: number;
    /** How many ms any of them waits at most. Default 30,000, or `min` where that is more. */
    max?: number;
    /** How many times as long as the one before it each waits; at least 1. Default 2. */
    factor?: number;
    /** From 0 to 1. Default 0.2. */
    jitter?: number;
    /** How many ms without a failure end the row. Default 10,000; Infinity is allowed. */
    resetAfter?: number;
  } | false;
  /**
   * Decides about one failure from the failure alone; return nothing for what the other options say. Never async. A
   * throw, any other answer, and 'resume' to a start that failed are reported and count as nothing.
   */
  decide?: (failure: Failure) => Directive | void;
}
/** What the feed `system.events` reports. */
export type SystemEvent = {
  readonly type: 'started' | 'stopped';
  readonly path: string;
  readonly generation: number;
  readonly reason?: ExitReason;
} | {
  readonly type: 'failed';
  readonly path: string;
  readonly supervisor: string;
  readonly strategy: NonNullable<Supervision['strategy']>;
  readonly generation: number;
  readonly failure: Failure;
  readonly decision: Directive;
  /** How long the restart waits, in ms. */
  readonly delay: number;
} | {
  readonly type: 'restarted';
  readonly path: string;
  readonly generation: number;
}
/** A failure its supervisor could not handle; `path` is the supervisor that failed with it. */
 | {
  readonly type: 'escalated';
  readonly path: string;
  readonly failure: Failure;
}
/** Actors that wait for each other's replies, each path once, in the order they ask. */
 | {
  readonly type: 'ask-cycle';
  readonly paths: readonly string[];
} | {
  readonly type: 'core';
  readonly core: number;
  readonly state: 'started' | 'stalled' | 'lost' | 'stopped';
  readonly detail?: string;
};
/** Why a message was not handled. */
export type DeadLetterReason = 
/** There never was such an actor here. */
'no-such-actor'
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
 | 'aborted';
/** A message that was not handled. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  /** The path of the actor it was for. */
  readonly target: string;
  /** The path of the actor that sent it; null for plain code. */
  readonly sender: string | null;
  readonly method: string;
  /** Null when they could not be kept. */
  readonly args: readonly unknown[] | null;
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
  readonly actors: number;
  readonly sent: number;
  readonly handled: number;
  /** Messages whose handler threw, or was cut off. */
  readonly failed: number;
  readonly deadLetters: number;
  /** Messages in mailboxes, or parked before them. */
  readonly waiting: number;
  /** Messages whose handler has begun and not ended. */
  readonly running: number;
  readonly restarts: number;
  /** The dead letters by reason; they add up to `deadLetters`. */
  readonly deadLettersBy: Readonly<Record<DeadLetterReason, number>>;
}
/** One actor and its children as `system.inspect()` found them. Plain data. */
export interface ActorInfo {
  readonly path: string;
  readonly className: string;
  readonly state: 'starting' | 'idle' | 'ready' | 'running' | 'suspended' | 'restarting' | 'stopping';
  /** The isolate it lives on; 0 is the one that made the system. */
  readonly on: number;
  readonly generation: number;
  readonly waiting: number;
  readonly handled: number;
  readonly failed: number;
  readonly children: readonly ActorInfo[];
}

/** A timer of an actor. Disposing it cancels it, so `using` works. */
export interface Timer extends Disposable {
  /** Cancels it; true if it was still active. */
  cancel(): boolean;
  /** Whether it will run (again). */
  readonly active: boolean;
  /** Lets it keep the process alive; timers do from the start. */
  ref(): this;
  /** Lets the process end while it is pending. */
  unref(): this;
}
/** `this.ctx` inside an actor. */
export interface Context<A extends Actor = Actor> {
  /** This actor's own ref. */
  readonly self: Ref<A>;
  /** The actor that spawned it; null for one that was spawned on the system. */
  readonly parent: Ref<any> | null;
  /**
   * The actor whose handler sent the message in hand; null for plain code, and for what a handler sent after an await
   * (unless the system propagates). In a concurrent handler read it before the first await.
   */
  readonly sender: Ref<any> | null;
  /** Its living children, in order of start. */
  readonly children: readonly Ref<any>[];
  readonly system: System;
  readonly path: string;
  /** The number of this instance: 0, and one more after each restart. */
  readonly generation: number;
  /** Aborts when this instance ends. */
  readonly signal: AbortSignal;
  /** The system's logger; its lines name this actor. */
  readonly log: Logger;
  /** Makes a child. */
  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C>;
  /** Ends this actor after the current handler. */
  stop(): void;
  /** Runs once, inside the actor, one at a time with its messages. Ends with the actor. */
  after(ms: number, run: () => unknown): Timer;
  /** Runs again and again, `ms` apart from when it was due ('start') or from when it ended ('end'). */
  every(ms: number, run: () => unknown, options?: {
    from?: 'start' | 'end';
  }): Timer;
  /** Runs once, inside this actor, when `target` has ended for good; at once when it has already. */
  watch(target: Ref<any>, run: (reason: ExitReason, target: Ref<any>) => unknown): Subscription;
  /**
   * From now on both fail when one does, or is killed: the other one with the same error. A normal end does not count,
   * and one that watches the other lives on. Ends with the instance of either.
   */
  link(target: Ref<any>): Subscription;
  /**
   * Gives an actor this one as its parent: it is its youngest child then, and has another path. Rejects when a child
   * of this actor has its name, when it has ended, and when it is this actor or above it.
   */
  adopt(target: Ref<any>): Promise<void>;
  /** Hands a child of this actor to the root. */
  release(target: Ref<any>): Promise<void>;
}

/**
 * Private state plus handlers. A subclass's public methods are its messages: each runs to its end, across its `await`s,
 * before the next one starts. It is made by `spawn`, never by `new`.
 */
export declare abstract class Actor {
  #private;
  /** Everything else: who it is, children, timers, watches. Usable from `super()` on. */
  protected get ctx(): Context<this>;
  /** Runs before the first message; while its promise is pending, messages wait. */
  protected onStart?(): void | Promise<void>;
  /** Runs once when the actor ends for good or is about to restart. */
  protected onStop?(reason: ExitReason): void | Promise<void>;
  /** Runs on the new instance, before onStart, after a restart; null when a permanent actor had ended normally. */
  protected onRestart?(failure: Failure | null): void | Promise<void>;
  /** A throw or rejection is a failure like another. Called as `options.health` says. */
  protected onHealth?(): void | Promise<void>;
  /** A message whose method the class does not have. Without it: dead letter 'no-handler', and an ask rejects. */
  protected onUnhandled?(method: string, args: readonly unknown[]): unknown;
}
/** A class whose instances are actors; `P` are the arguments of its constructor. */
export type ActorClass<A extends Actor = Actor, P extends readonly unknown[] = any> = (new (...args: P) => A) & ActorStatics;

/** What became of a key: of 'set' the value as well. */
export interface KvChange {
  readonly type: 'set' | 'delete' | 'expire';
  readonly key: string;
  readonly value?: unknown;
}
/**
 * The native actor 'kv': values by keys, for all isolates of a system. A value is kept as the bytes that it came in, and each `get`
 * gives a new copy of it, made where it is asked for. What is wrong with a call is a TypeError for the asker; the store goes on.
 */
export interface KvStore extends Actor {
  /** The value of a key; undefined when there is none. */
  get(key: string): unknown;
  /** Keeps a value under a key; with `ttl` for so many ms only. */
  set(key: string, value: unknown, options?: {
    ttl?: number;
  }): void;
  /** Whether there is such a key. */
  has(key: string): boolean;
  /** Forgets a key; whether there was one. */
  delete(key: string): boolean;
  /** Adds to a number, 0 where there is none, and gives the sum. Default of `by`: 1. */
  increment(key: string, by?: number): number;
  /** Keeps a value if the one that is there equals what is expected, undefined for none; whether it did. */
  compareAndSet(key: string, expected: unknown, value: unknown): boolean;
  /** The values of many keys, in their order. */
  getMany(keys: readonly string[]): unknown[];
  /** Keeps many values, all at once. */
  setMany(entries: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown> | readonly (readonly [string, unknown])[], options?: {
    ttl?: number;
  }): void;
  /** The keys that begin with `prefix`, sorted; no more than `limit`. */
  keys(prefix?: string, limit?: number): string[];
  /** How many keys there are. */
  size(): number;
  /** Forgets all keys; how many there were. */
  clear(): number;
  /** Lets a key end in so many ms; without `ms` never. Whether there is such a key. */
  expire(key: string, ms?: number): boolean;
  /** What becomes of the keys that begin with `prefix`, from now on, as a stream. */
  watch(prefix?: string): AsyncIterable<KvChange>;
}
/** The native actors that `native` knows the types of, by their names; more may be declared here. */
export interface NativeActors {
  kv: KvStore;
}
/**
 * The class of native actors of a name, to be spawned as any other: `system.spawn(native('kv'), { name: 'cache' })`. They are written in
 * Rust, live on core threads and are called as other actors are. Throws ERR_BUSKIN_MODULE for a name that the addon does not have.
 */
export declare function native<K extends keyof NativeActors & string>(name: K): ActorClass<NativeActors[K], []>;
export declare function native<A extends Actor, P extends readonly unknown[] = any>(name: string): ActorClass<A, P>;
/**
 * Loads a library with native actors, which is written in Rust with the crate `buskin-plugin`: its path, or a file URL. Its kinds are there for
 * `native` from then on, on all isolates of the process; their names are returned. Throws ERR_BUSKIN_MODULE for what is no such library, or one
 * made for another version of Buskin.
 */
export declare function loadNative(library: string | URL): readonly string[];

export {}
