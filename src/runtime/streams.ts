// Streams: a generator that runs inside its actor, a step at a time and only as far as its reader asks, and the reader.

import { isRefusal, stopped } from '../errors.ts'
import {
  MODE_ORDERED,
  NOTE_RESUME,
  NOTE_RETURN,
  OP_ABORT,
  OP_RESUME,
  OP_RETURN,
  OP_STREAM_END,
  OUTCOME_OK,
  OUTCOME_THREW,
} from '../native/layout.ts'
import { abortDelivered, promisedNote } from './dispatch.ts'
import { type Lane, put, putFrom } from './lane.ts'
import { inContext } from './dispatch.ts'
import { hasEnded, type LocalRef, moreOf } from './ref.ts'
import { Run } from './run.ts'

type Generator = Iterator<unknown, unknown> | AsyncIterator<unknown, unknown>

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

const END: IteratorResult<unknown, undefined> = Object.freeze({ done: true, value: undefined })

/** The caller's end. */
export class Reader implements AsyncIterableIterator<unknown> {
  readonly #ref: LocalRef
  readonly #method: string
  /** The call. */
  corr = 0
  #producer: Producer | undefined = undefined
  readonly #waiting: Waiting[] = []
  /** Who waits for the generator's `finally`. */
  readonly #leaving: (() => void)[] = []
  #failure: { readonly error: unknown } | undefined = undefined
  #over = false
  #left = false

  constructor(ref: LocalRef, method: string) {
    this.#ref = ref
    this.#method = method
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const failure = this.#failure
    if (failure !== undefined) {
      this.#failure = undefined
      return Promise.reject(failure.error)
    }
    if (this.#over || this.#left) return Promise.resolve(END)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#waiting.length === 1) this.#producer?.resume()
    })
  }

  /** Leaves: the generator's `finally` runs inside its actor. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#failure = undefined
    if (this.#over) return Promise.resolve(END)
    const first = !this.#left
    this.#left = true
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(END)
    return new Promise((resolve) => {
      this.#leaving.push(() => resolve(END))
      if (first) this.#leave()
    })
  }

  /** Leaves like `return`, and rejects with the error. */
  async throw(error?: unknown): Promise<IteratorResult<unknown, undefined>> {
    await this.return()
    throw error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #leave(): void {
    if (this.#producer !== undefined) {
      this.#producer.leave()
      return
    }
    const { lane } = this.#ref
    if (!lane.calls.has(this.corr) || abortDelivered(lane, this.corr)) {
      this.#end()
      return
    }
    lane.mode |= MODE_ORDERED
    put(lane, OP_ABORT, this.#ref.index, this.#ref.age, 0, this.corr)
  }

  #end(): void {
    this.#over = true
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(END)
    for (const left of this.#leaving.splice(0)) left()
    this.#ref.lane.settledOne = true
  }

  // -------------------------------------------------------------------------------- called by the producer

  /** The generator is there. */
  begin(producer: Producer): void {
    this.#producer = producer
    if (this.#left) producer.leave()
    else if (this.#waiting.length > 0) producer.resume()
  }

  /** An item. Whether another is asked for. */
  push(value: unknown): boolean {
    this.#waiting.shift()?.resolve({ done: false, value })
    this.#ref.lane.settledOne = true
    return this.#waiting.length > 0
  }

  finish(): void {
    this.#end()
  }

  /** Whoever asks next, or asks now, is told; after that it is over. */
  fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    const producer = this.#producer
    const first = this.#waiting.shift()
    if (first !== undefined) first.reject(error)
    else if (!this.#left) this.#failure = { error }
    this.#end()
    producer?.leave()
  }

  get method(): string {
    return this.#method
  }
}

/** The actor's end: one running generator. */
export class Producer {
  readonly id: number
  readonly ref: LocalRef
  readonly #corr: number
  readonly #generator: Generator
  readonly #reader: Reader
  /** A step, or the return, is on its way through the core. */
  #pending = false
  #leaving = false
  over = false

  constructor(id: number, ref: LocalRef, corr: number, generator: Generator, reader: Reader) {
    this.id = id
    this.ref = ref
    this.#corr = corr
    this.#generator = generator
    this.#reader = reader
  }

  get #lane(): Lane {
    return this.ref.lane
  }

  /** The reader asks for an item: one more step, behind what waits. */
  resume(): void {
    if (this.over || this.#pending || this.#leaving) return
    this.#pending = true
    put(this.#lane, OP_RESUME, this.ref.index, this.ref.age, this.id, 0)
  }

  /** The reader has gone. */
  leave(): void {
    if (this.over || this.#leaving) return
    this.#leaving = true
    put(this.#lane, OP_RETURN, this.ref.index, this.ref.age, this.id, 0)
  }

  /** One step, inside the actor. */
  step(i: number): void {
    this.#pending = false
    if (this.over || this.#leaving) return
    this.#run(i, NOTE_RESUME, () => this.#generator.next(), (result) => this.#made(result))
  }

  /** Its `finally`, inside the actor. */
  giveBack(i: number): void {
    if (this.over) return
    this.#run(i, NOTE_RETURN, () => this.#generator.return?.(), () => this.#finished(OUTCOME_OK))
  }

  #run(i: number, note: number, call: () => unknown, then: (value: unknown) => void): void {
    const lane = this.#lane
    lane.current = this.ref.index
    let result: unknown
    try {
      result = lane.propagated === undefined ? call() : inContext(lane, this.ref, (fn) => fn(), call)
    } catch (error) {
      if (this.#threw(error)) return
      throw error
    }
    if (typeof (result as { then?: unknown } | null)?.then === 'function') {
      const run = new Run(this.ref, note, 0, false, this.#reader.method, 0, 0, then, (error) => this.#threw(error))
      promisedNote(lane, i, run, result as PromiseLike<unknown>)
    } else {
      then(result)
    }
  }

  #made(result: unknown): void {
    const { done, value } = result as IteratorResult<unknown, unknown>
    if (done === true) {
      this.#finished(OUTCOME_OK)
    } else if (this.#reader.push(value)) {
      this.resume()
    }
  }

  /** The generator threw. Whether that concerns the reader alone. */
  #threw(error: unknown): boolean {
    const refused = isRefusal(error)
    this.over = true
    this.#reader.fail(error)
    this.#finished(refused ? OUTCOME_OK : OUTCOME_THREW)
    return refused
  }

  #finished(outcome: number): void {
    this.over = true
    const lane = this.#lane
    this.#forget()
    putFrom(lane, OP_STREAM_END, this.ref.index, this.ref.age, 0, outcome, 0)
    this.#reader.finish()
  }

  #forget(): void {
    const lane = this.#lane
    lane.producers.delete(this.id)
    moreOf(this.ref).producers?.delete(this)
    if (lane.calls.has(this.#corr)) lane.calls.close(this.#corr)
  }

  /** The actor ends: the generator is returned, and the reader told. */
  end(): void {
    if (this.over) return
    this.over = true
    this.#forget()
    try {
      const result: unknown = this.#generator.return?.()
      if (typeof (result as { then?: unknown } | null)?.then === 'function') {
        void Promise.resolve(result as PromiseLike<unknown>).then(undefined, () => {})
      }
    } catch (error) {
      this.#lane.log.debug('a stream failed at the end of its actor', { actor: this.ref.path, error })
    }
    this.#reader.fail(stopped(this.ref.path, this.#reader.method))
  }
}

/** A stream call was run: its result is the generator. */
export function openStream(lane: Lane, ref: LocalRef, corr: number, generator: unknown): void {
  const reader = lane.calls.extra(corr)?.reader as Reader
  const id = lane.nextNumber
  lane.nextNumber = (id + 1) & 0x7fff_ffff || 1
  const producer = new Producer(id, ref, corr, generator as Generator, reader)
  lane.producers.set(id, producer)
  ;(moreOf(ref).producers ??= new Set()).add(producer)
  reader.begin(producer)
}

export function resumeStream(lane: Lane, id: number, _index: number, i: number): void {
  lane.producers.get(id)?.step(i)
}

export function returnStream(lane: Lane, id: number, _index: number, i: number): void {
  lane.producers.get(id)?.giveBack(i)
}

/** The actor ends, or its end begins: nothing is read from it any more. */
export function endStreams(lane: Lane, ref: LocalRef): void {
  void lane
  if (hasEnded(ref)) return
  for (const producer of moreOf(ref).producers ?? []) producer.end()
}
