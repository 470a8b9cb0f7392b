// Calls whose caller waits: a slot each, which belongs to the message until that is handled or dead.

import { CALL_BITS, CALL_MASK, FAR_CALL } from './limits.ts'
import type { LocalRef } from './ref.ts'

/** What few calls have. */
export interface CallExtra {
  /** Whom it is for. */
  readonly ref: LocalRef
  /** The stream that the call reads. */
  readonly reader?: { fail(error: unknown): void; abort(error: unknown): void }
  /** Takes the listener from the caller's signal. */
  readonly release?: () => void
  /** A handler that is looked up by name: a send is not known to be right before that. */
  readonly name?: string
  /** The handler's name when its tag does not say it. */
  readonly method?: string
  readonly ttl?: number
  readonly timeout?: number
}

/** Calls whose caller is in another isolate. */
export interface FarCalls {
  reply(corr: number, value: unknown): void
  refuse(corr: number, error: unknown): void
  accept(corr: number): void
  /** There is no handler for what was sent. */
  miss(corr: number): void
  close(corr: number): void
}

type Settle = (value: unknown) => void

/** Whether the caller is in another isolate. */
export function isFarCall(corr: number): boolean {
  return corr >>> CALL_BITS === FAR_CALL
}

/** Where the next promise's resolve function goes. */
let table: (Settle | undefined)[] = []
let place = 0
const capture = (resolve: Settle): void => {
  table[place] = resolve
}

export class Calls {
  readonly #resolve: (Settle | undefined)[] = [undefined]
  readonly #extra: (CallExtra | undefined)[] = [undefined]
  readonly #age: number[] = [0]
  #free = new Int32Array(0)
  #freeCount = 0
  /** The correlation of the call that was opened last. */
  last = 0
  /** Of calls that other isolates wait for. */
  far: FarCalls | undefined = undefined

  /** How many are open. */
  get size(): number {
    return this.#age.length - 1 - this.#freeCount
  }

  /** Opens a call with a promise. */
  open(): Promise<unknown> {
    place = this.#take()
    if (table !== this.#resolve) table = this.#resolve
    return new Promise<unknown>(capture)
  }

  /** Opens a call that nobody waits for by a promise. */
  openSilent(extra: CallExtra): number {
    this.#extra[this.#take()] = extra
    return this.last
  }

  /** Adds to the call that was opened last. */
  extend(extra: CallExtra): void {
    this.#extra[this.last & CALL_MASK] = extra
  }

  #take(): number {
    if (this.#freeCount === 0) this.#grow()
    const slot = this.#free[--this.#freeCount] as number
    this.last = slot | ((this.#age[slot] as number) << CALL_BITS)
    return slot
  }

  /** Whether the call is the one that its slot belongs to now. */
  has(corr: number): boolean {
    if (isFarCall(corr)) return true
    return corr !== 0 && this.#age[corr & CALL_MASK] === corr >>> CALL_BITS
  }

  /** Settles the caller's promise; the slot stays with the message. Whether somebody waited. */
  resolve(corr: number, value: unknown): boolean {
    if (isFarCall(corr)) {
      this.far?.accept(corr)
      return false
    }
    const slot = corr & CALL_MASK
    const resolve = this.#resolve[slot]
    if (resolve === undefined) return false
    this.#resolve[slot] = undefined
    resolve(value)
    return true
  }

  /** Settles the caller's promise, if it still waits, and frees the slot. Whether somebody waited. */
  finish(corr: number, value: unknown): boolean {
    if (isFarCall(corr)) {
      this.far?.reply(corr, value)
      return false
    }
    const slot = corr & CALL_MASK
    const resolve = this.#resolve[slot]
    this.close(corr)
    if (resolve === undefined) return false
    resolve(value)
    return true
  }

  /** See resolve. A stream's reader is told as well. */
  reject(corr: number, error: unknown): boolean {
    if (isFarCall(corr)) {
      this.far?.refuse(corr, error)
      return true
    }
    const slot = corr & CALL_MASK
    const resolve = this.#resolve[slot]
    if (resolve === undefined) {
      const reader = this.#extra[slot]?.reader
      reader?.fail(error)
      return reader !== undefined
    }
    this.#resolve[slot] = undefined
    resolve(Promise.reject(error)) // one function less to keep for a call; it rejects with this very value
    return true
  }

  waits(corr: number): boolean {
    if (isFarCall(corr)) return true
    const slot = corr & CALL_MASK
    return this.#resolve[slot] !== undefined || this.#extra[slot]?.reader !== undefined
  }

  extra(corr: number): CallExtra | undefined {
    if (isFarCall(corr)) return undefined
    return this.#extra[corr & CALL_MASK]
  }

  /** The message is handled or dead: its slot is free. */
  close(corr: number): void {
    if (isFarCall(corr)) {
      this.far?.close(corr)
      return
    }
    const slot = corr & CALL_MASK
    const extra = this.#extra[slot]
    if (extra !== undefined) {
      extra.release?.()
      this.#extra[slot] = undefined
    }
    this.#resolve[slot] = undefined
    this.#age[slot] = ((this.#age[slot] as number) + 1) % FAR_CALL
    this.#free[this.#freeCount++] = slot
  }

  #grow(): void {
    const from = this.#age.length
    const to = Math.max(from * 2, 64)
    this.#free = new Int32Array(to)
    for (let slot = to - 1; slot >= from; slot--) this.#free[this.#freeCount++] = slot
    for (let slot = from; slot < to; slot++) {
      this.#age.push(0)
      this.#resolve.push(undefined)
      this.#extra.push(undefined)
    }
  }

  rejectAll(error: unknown): void {
    for (let slot = 1; slot < this.#age.length; slot++) this.reject(slot, error)
  }
}
