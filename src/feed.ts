// A feed: values of the runtime that a user listens to or iterates over; nothing is kept for readers without bound.

import { option } from './errors.ts'
import { guardLogger, isThenable, type Logger } from './logger.ts'

/** A listener or watch that can be ended. Disposing it ends it too, so `using` works. */
export interface Subscription extends Disposable {
  /** Ends it; true if it was still active. */
  cancel(): boolean
  readonly active: boolean
}

/**
 * Listen, or iterate. Listeners miss nothing; what a slow iterator misses is counted, never buffered without bound.
 */
export interface Feed<T> extends AsyncIterable<T> {
  /**
   * Calls `listener` with each value from now on, in order. What it throws is logged and concerns nobody else.
   */
  on(listener: (value: T) => void): Subscription
  /** Values from now on, until the reader leaves or the system has closed. */
  [Symbol.asyncIterator](): FeedIterator<T>
}

/** A reader of a feed. Holds at most 1,024 values that it was not asked for yet; then the oldest makes room. */
export interface FeedIterator<T> extends AsyncIterableIterator<T> {
  next(): Promise<IteratorResult<T, undefined>>
  return(): Promise<IteratorResult<T, undefined>>
  [Symbol.asyncIterator](): FeedIterator<T>
  [Symbol.asyncDispose](): Promise<void>
  /** How many values were lost because this reader was too slow. */
  readonly missed: number
}

/** Enough for any burst that a reader catches up with; small enough that a forgotten reader costs little. */
const DEFAULT_CAPACITY = 1_024

export interface FeedHubOptions {
  /** What the log calls this feed: 'events'. */
  readonly name: string
  readonly log: Logger
  /** How many values an iterator holds for its reader. */
  readonly capacity?: number
  /** Told when the first listener or reader here comes and when the last has gone. */
  readonly onActiveChange?: (active: boolean) => void
}

/** Those who are told elsewhere of what is published here. */
export interface Relay<T> {
  /** Whether there are any. */
  readonly asked: boolean
  tell(value: T): void
}

/** The runtime's end of a feed. */
export class FeedHub<T> {
  /** The user's end. */
  readonly feed: Feed<T>
  readonly #name: string
  readonly #log: Logger
  readonly #capacity: number
  readonly #onActiveChange: ((active: boolean) => void) | undefined
  /** Replaced, never changed, so that a delivery in progress keeps the list it began with. */
  #listeners: readonly Listener<T>[] = []
  readonly #readers = new Set<FeedReader<T>>()
  readonly #pending: T[] = []
  #accepted = 0
  #delivered = 0
  #delivering = false
  #ended = false
  relay: Relay<T> | undefined = undefined

  constructor(options: FeedHubOptions) {
    this.#name = options.name
    this.#log = guardLogger(options.log)
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY
    this.#onActiveChange = options.onActiveChange
    this.feed = Object.freeze({
      on: (listener: (value: T) => void) => this.#subscribe(listener),
      [Symbol.asyncIterator]: () => this.#read(),
    })
  }

  /** Whether anyone listens or reads, here or elsewhere; if not, values need not even be made. */
  get active(): boolean {
    return this.#isHeard || this.relay?.asked === true
  }

  get #isHeard(): boolean {
    return this.#listeners.length > 0 || this.#readers.size > 0
  }

  /** Hands `value`, which came about here, to everybody. */
  publish(value: T): void {
    if (this.relay?.asked === true) this.relay.tell(value)
    this.hear(value)
  }

  /**
   * Hands `value` to everybody here before it returns. Never throws.
   *
   * # Ordering
   * A value that a listener publishes comes after the one in hand for every listener, not only for some.
   */
  hear(value: T): void {
    if (!this.#isHeard) return
    this.#accepted += 1
    this.#fillReaders(value)
    this.#pending.push(value)
    if (this.#delivering) return
    this.#delivering = true
    while (this.#pending.length > 0) this.#deliver(this.#pending.shift() as T)
    this.#delivering = false
  }

  /**
   * The system has closed: readers get what they still hold and end, new ones end at once. Listeners stay: a message
   * sent too late is a dead letter that they should hear of.
   */
  end(): void {
    this.#ended = true
    const wasActive = this.#isHeard
    for (const reader of this.#readers) reader.finish()
    this.#readers.clear()
    this.#noticeChange(wasActive)
  }

  #deliver(value: T): void {
    const index = this.#delivered
    this.#delivered += 1
    for (const listener of this.#listeners) this.#tell(listener, value, index)
  }

  #tell(listener: Listener<T>, value: T, index: number): void {
    try {
      const result = listener.hear(value, index)
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#report(error))
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    this.#log.error(`a listener of the feed '${this.#name}' failed`, { error })
  }

  /** Readers first and the log last: the log is the user's code, which may publish again. */
  #fillReaders(value: T): void {
    let slow: FeedReader<T>[] | undefined
    for (const reader of this.#readers) {
      if (reader.push(value) === 'burst') (slow ??= []).push(reader)
    }
    if (slow === undefined) return
    for (const reader of slow) {
      this.#log.warn(`a reader of the feed '${this.#name}' is too slow and misses values; read faster, or use on()`, {
        held: this.#capacity,
        missed: reader.missed,
      })
    }
  }

  #subscribe(call: unknown): Subscription {
    if (typeof call !== 'function') throw option('listener', call, 'a function')
    const wasActive = this.#isHeard
    const listener = new Listener<T>(call as (value: T) => unknown, this.#accepted, (gone) => this.#unsubscribe(gone))
    this.#listeners = [...this.#listeners, listener]
    this.#noticeChange(wasActive)
    return listener
  }

  #unsubscribe(gone: Listener<T>): void {
    const wasActive = this.#isHeard
    this.#listeners = this.#listeners.filter((listener) => listener !== gone)
    this.#noticeChange(wasActive)
  }

  #read(): FeedIterator<T> {
    const wasActive = this.#isHeard
    const reader = new FeedReader<T>(this.#capacity, () => {
      const wasActiveThen = this.#isHeard
      this.#readers.delete(reader)
      this.#noticeChange(wasActiveThen)
    })
    if (this.#ended) reader.finish()
    else this.#readers.add(reader)
    this.#noticeChange(wasActive)
    return reader
  }

  #noticeChange(wasActive: boolean): void {
    if (this.#isHeard !== wasActive) this.#onActiveChange?.(!wasActive)
  }
}

/** One call of `on`, and the subscription it returned. */
class Listener<T> implements Subscription {
  readonly #call: (value: T) => unknown
  /** The first value it hears, counted over the feed: none that was published before it came. */
  readonly #from: number
  readonly #onCancel: (listener: Listener<T>) => void
  #active = true

  constructor(call: (value: T) => unknown, from: number, onCancel: (listener: Listener<T>) => void) {
    this.#call = call
    this.#from = from
    this.#onCancel = onCancel
  }

  get active(): boolean {
    return this.#active
  }

  hear(value: T, index: number): unknown {
    if (!this.#active || index < this.#from) return undefined
    const call = this.#call
    return call(value)
  }

  cancel(): boolean {
    if (!this.#active) return false
    this.#active = false
    this.#onCancel(this)
    return true
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}

/** One iterator: values its reader has not asked for, or requests for which there is no value yet; never both. */
class FeedReader<T> implements FeedIterator<T> {
  readonly #capacity: number
  readonly #onReturn: () => void
  #held: T[] = []
  /** Where the oldest held value is; what is before it has been read or lost. */
  #head = 0
  #waiting: ((result: IteratorResult<T, undefined>) => void)[] = []
  #missed = 0
  #inBurst = false
  #finished = false

  constructor(capacity: number, onReturn: () => void) {
    this.#capacity = capacity
    this.#onReturn = onReturn
  }

  get missed(): number {
    return this.#missed
  }

  /** 'burst' when a value was lost, the first since the reader was last up to date. */
  push(value: T): 'taken' | 'burst' {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value })
      return 'taken'
    }
    this.#held.push(value)
    if (this.#held.length - this.#head <= this.#capacity) return 'taken'
    this.#shift()
    this.#missed += 1
    if (this.#inBurst) return 'taken'
    this.#inBurst = true
    return 'burst'
  }

  /** No more values will come. */
  finish(): void {
    this.#finished = true
    for (const waiting of this.#waiting) waiting({ done: true, value: undefined })
    this.#waiting = []
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#held.length) {
      const value = this.#shift()
      if (this.#head === this.#held.length) this.#inBurst = false
      return Promise.resolve({ done: false, value })
    }
    if (this.#finished) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#held = []
    this.#head = 0
    if (!this.#finished) {
      this.finish()
      this.#onReturn()
    }
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** The oldest value, which is held no longer. The gap before `#head` is closed once per `capacity` values. */
  #shift(): T {
    const value = this.#held[this.#head] as T
    this.#held[this.#head] = undefined as T
    this.#head += 1
    if (this.#head > this.#capacity) {
      this.#held = this.#held.slice(this.#head)
      this.#head = 0
    }
    return value
  }
}
