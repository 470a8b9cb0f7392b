// Streams: a generator that runs inside its actor, a step at a time and only as far as its reader asks, and the reader.

import { isRefusal, stopped } from '../errors.ts'
import {
  MODE_ORDERED,
  NOTE_RESUME,
  NOTE_RETURN,
  OP_ABORT,
  OP_DEMAND,
  OP_RESUME,
  OP_RETURN,
  OP_STREAM_END,
  OUTCOME_OK,
  OUTCOME_THREW,
} from '../native/layout.ts'
import { abortDelivered, ignore, inContext, isThenable, promisedNote } from './inbox.ts'
import type { Lane } from './lane.ts'
import { newNumber, put, putFrom } from './outbox.ts'
import { AHEAD } from './limits.ts'
import { hasEnded, type LocalRef, moreIf, moreOf } from './ref.ts'
import { Run } from './run.ts'

/** The end that items are pushed into. */
export interface Sink {
  readonly method: string
  readonly hasRoom: boolean
  begin(producer: Source): void
  push(value: unknown): boolean
  finish(): void
  fail(error: unknown): void
}

/** The end that items are asked from. */
export interface Source {
  resume(): void
  leave(): void
}

type Generator = Iterator<unknown, unknown> | AsyncIterator<unknown, unknown>

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

const END: IteratorResult<unknown, undefined> = Object.freeze({ done: true, value: undefined })

/** The caller's end. */
export class Reader implements AsyncIterableIterator<unknown>, Sink {
  readonly #ref: LocalRef
  readonly method: string
  /** The call. */
  corr = 0
  #producer: Source | undefined = undefined
  /** Items made ahead. */
  readonly #items: unknown[] = []
  readonly #waiting: Waiting[] = []
  /** Who waits for the generator's `finally`. */
  readonly #leaving: (() => void)[] = []
  #failure: { readonly error: unknown } | undefined = undefined
  /** Nothing more will be made. */
  #over = false
  #left = false
  /** The reader asks, so the stream holds what waits for quiet. */
  #demands = false

  constructor(ref: LocalRef, method: string) {
    this.#ref = ref
    this.method = method
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift()
      this.#producer?.resume()
      return Promise.resolve({ done: false, value })
    }
    const failure = this.#failure
    if (failure !== undefined) {
      this.#failure = undefined
      return Promise.reject(failure.error)
    }
    if (this.#over || this.#left) return Promise.resolve(END)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#demand(true)
      this.#producer?.resume()
    })
  }

  /** Leaves: the generator's `finally` runs inside its actor. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#failure = undefined
    this.#items.length = 0
    const first = !this.#left
    this.#left = true
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(END)
    this.#demand(false)
    if (this.#over) return Promise.resolve(END)
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
      this.finish()
      return
    }
    lane.mode |= MODE_ORDERED
    put(lane, OP_ABORT, this.#ref.index, this.#ref.age, 0, this.corr)
  }

  #demand(demands: boolean): void {
    if (demands === this.#demands) return
    this.#demands = demands
    demand(this.#ref.lane, demands)
  }

  // -------------------------------------------------------------------------------- called by the producer

  /** The generator is there. */
  begin(producer: Source): void {
    this.#producer = producer
    if (this.#left) producer.leave()
    else producer.resume()
  }

  /** An item. Whether there is room for another. */
  push(value: unknown): boolean {
    if (this.#over) return false // it was on its way from another isolate
    const first = this.#waiting.shift()
    if (first === undefined) {
      if (!this.#left) this.#items.push(value)
    } else {
      first.resolve({ done: false, value })
      this.#ref.lane.settledOne = true
      if (this.#waiting.length === 0) this.#demand(false)
    }
    return this.hasRoom
  }

  /** How many were made ahead. */
  get held(): number {
    return this.#items.length
  }

  get hasRoom(): boolean {
    return this.#items.length < AHEAD
  }

  /** Nothing more will be made. */
  finish(): void {
    this.#over = true
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(END)
    for (const left of this.#leaving.splice(0)) left()
    this.#demand(false)
    this.#ref.lane.settledOne = true
  }

  /** After the items that were made, whoever asks next is told. */
  fail(error: unknown): void {
    if (this.#over) return
    const first = this.#waiting.shift()
    if (first !== undefined) first.reject(error)
    else if (!this.#left) this.#failure = { error }
    this.finish()
  }

  /** The call was aborted: what was made ahead is dropped, and the generator returned. */
  abort(error: unknown): void {
    this.#items.length = 0
    this.fail(error)
    this.#producer?.leave()
  }
}

/** The actor's end: one running generator. */
export class Producer implements Source {
  readonly id: number
  readonly ref: LocalRef
  readonly #corr: number
  readonly #generator: Generator
  readonly #reader: Sink
  /** Who reads. */
  readonly from: number
  readonly fromAge: number
  /** Runs a step in the reader's asynchronous context. */
  readonly #context: <T>(fn: () => T) => T
  #begun = false
  /** A step is on its way through the core. */
  #pending = false
  #leaving = false
  #over = false

  constructor(id: number, ref: LocalRef, corr: number, generator: Generator, reader: Sink, from: number, fromAge: number) {
    this.id = id
    this.ref = ref
    this.#corr = corr
    this.#generator = generator
    this.#reader = reader
    this.from = from
    this.fromAge = fromAge
    this.#context = ref.lane.parcel?.run ?? ((fn) => fn())
  }

  /** One more step: the first before what waits, the others behind it. */
  resume(): void {
    if (this.#over || this.#pending || this.#leaving || !this.#reader.hasRoom) return
    this.#pending = true
    const first = this.#begun ? 0 : 1
    this.#begun = true
    putFrom(this.ref.lane, OP_RESUME, this.ref.index, this.ref.age, this.id, first, 0)
  }

  /** The reader has gone. */
  leave(): void {
    if (this.#over || this.#leaving) return
    this.#leaving = true
    demand(this.ref.lane, true) // its `finally` is work, though nobody asks for items
    put(this.ref.lane, OP_RETURN, this.ref.index, this.ref.age, this.id, 0)
  }

  /** One step, inside the actor. */
  step(i: number): void {
    this.#pending = false
    if (this.#over || this.#leaving) return
    this.#run(
      i,
      NOTE_RESUME,
      () => this.#generator.next(),
      (result) => this.#made(result),
    )
  }

  /** Its `finally`, inside the actor. */
  giveBack(i: number): void {
    if (this.#over) return
    this.#run(
      i,
      NOTE_RETURN,
      () => this.#generator.return?.(),
      () => this.#finished(OUTCOME_OK),
    )
  }

  #run(i: number, note: number, call: () => unknown, onValue: (value: unknown) => void): void {
    const { lane } = this.ref
    lane.current = this.ref.index
    lane.label = this.#reader.method
    let result: unknown
    try {
      result = lane.propagated === undefined ? call() : inContext(lane, this.ref, this.#context, call)
    } catch (error) {
      if (this.#threw(error)) return
      throw error
    }
    if (isThenable(result)) {
      const { method } = this.#reader
      const onError = (error: unknown): boolean => this.#threw(error)
      promisedNote(lane, i, new Run(this.ref, note, 0, false, method, this.from, this.fromAge, onValue, onError), result)
    } else {
      onValue(result)
    }
  }

  #made(result: unknown): void {
    const { done, value } = result as IteratorResult<unknown, unknown>
    if (done === true) this.#finished(OUTCOME_OK)
    else if (this.#reader.push(value)) this.resume()
  }

  /** The generator threw. Whether that concerns the reader alone. */
  #threw(error: unknown): boolean {
    const refused = isRefusal(error)
    this.#reader.fail(error)
    this.#finished(refused ? OUTCOME_OK : OUTCOME_THREW)
    return refused
  }

  #finished(outcome: number): void {
    if (this.#over) return
    this.#over = true
    this.#forget()
    putFrom(this.ref.lane, OP_STREAM_END, this.ref.index, this.ref.age, 0, outcome, 0)
    this.#reader.finish()
  }

  #forget(): void {
    const { lane } = this.ref
    if (this.#leaving) demand(lane, false)
    lane.producers.delete(this.id)
    moreOf(this.ref).producers?.delete(this)
    if (lane.calls.has(this.#corr)) lane.calls.close(this.#corr)
  }

  /** The actor ends: the generator is returned, and the reader told. */
  end(): void {
    if (this.#over) return
    this.#over = true
    this.#forget()
    try {
      const result: unknown = this.#generator.return?.()
      if (isThenable(result)) ignore(result)
    } catch (error) {
      this.ref.lane.log.debug('a stream failed at the end of its actor', { actor: this.ref.path, error })
    }
    this.#reader.fail(stopped(this.ref.path, this.#reader.method))
  }
}

/** A stream holds what waits for quiet, or no longer. */
function demand(lane: Lane, holds: boolean): void {
  putFrom(lane, OP_DEMAND, 0, 0, 0, holds ? 1 : 0, 0)
}

/** A stream call was run: its result is the generator. */
export function openStream(lane: Lane, o: number, ref: LocalRef, corr: number, generator: unknown): void {
  const reader = lane.crossing?.sink(corr, ref) ?? (lane.calls.extra(corr)?.reader as Reader)
  const id = newNumber(lane)
  const [from, fromAge] = [lane.inbox[o + 4] as number, lane.inbox[o + 2] as number]
  const producer = new Producer(id, ref, corr, generator as Generator, reader, from, fromAge)
  lane.producers.set(id, producer)
  ;(moreOf(ref).producers ??= new Set()).add(producer)
  reader.begin(producer)
}

export function resumeStream(lane: Lane, id: number, i: number): void {
  lane.producers.get(id)?.step(i)
}

export function returnStream(lane: Lane, id: number, i: number): void {
  lane.producers.get(id)?.giveBack(i)
}

/** The actor ends, or its end begins: nothing is read from it any more. */
export function endStreams(ref: LocalRef): void {
  if (hasEnded(ref)) return
  const producers = moreIf(ref)?.producers
  if (producers !== undefined) for (const producer of producers) producer.end()
}
