// What a class's public methods become on a ref: the types of its messages.

/** Names of an actor class that are not messages. Anything else public and callable is one. */
export type HookName = 'onStart' | 'onStop' | 'onRestart' | 'onHealth' | 'onMove' | 'onUnhandled'

/** Keys of the handlers of `A`: its public methods, hooks and symbols aside. */
export type HandlerName<A> = {
  [K in keyof A]-?: K extends string
    ? K extends HookName
      ? never
      : A[K] extends (...args: never[]) => unknown
        ? K
        : never
    : never
}[keyof A]

type Args<F> = F extends (...args: infer P) => unknown ? P : never

type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

type Item<F> = F extends (...args: never[]) => infer R
  ? R extends AsyncIterable<infer T> | Iterable<infer T>
    ? R extends string
      ? never
      : T
    : never
  : never

/**
 * Fire and forget. A tell never throws for what its target is or does; a message that cannot be delivered is a dead
 * letter.
 */
export type Tell<A> = { readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => void }

/**
 * Backpressure: resolves when the mailbox has accepted the message (under the waiting policy, as soon as there is
 * room) and rejects when it has not. What the handler makes of the message is not waited for.
 */
export type Send<A> = { readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => Promise<void> }

/**
 * A question. Resolves with the handler's result; rejects with the error it threw, or with a `BuskinError` when there
 * was no answer. It always settles.
 */
export type Ask<A> = { readonly [K in HandlerName<A>]: (...args: Args<A[K]>) => Promise<Result<A[K]>> }

/**
 * Handlers that are generators, sync or async, read with `for await`. The handler runs only as far ahead as its reader
 * asks, and leaving the loop runs its `finally`.
 */
export type Streams<A> = {
  readonly [K in HandlerName<A> as [Item<A[K]>] extends [never] ? never : K]: (
    ...args: Args<A[K]>
  ) => AsyncIterableIterator<Item<A[K]>>
}
