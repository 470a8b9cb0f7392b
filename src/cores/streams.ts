// A stream whose reader is in another isolate than its generator: items go one way, room for more the other.

import { CARRY_BEGIN, CARRY_CREDIT, CARRY_ITEM, CARRY_LEAVE, CARRY_REPLY, OP_CARRY, OUTCOME_OK, OUTCOME_THREW, TAG_SHIFT } from '../native/layout.ts'
import { AHEAD } from '../runtime/limits.ts'
import { putFrom } from '../runtime/outbox.ts'
import type { LocalRef } from '../runtime/ref.ts'
import type { Reader, Sink, Source } from '../runtime/streams.ts'
import type { Crossing } from './crossing.ts'

/** Items that are read before the generator's side is told. */
const LOT = 64

/** The reader, where the generator is. */
export class FarReader implements Sink {
  readonly method: string
  readonly #crossing: Crossing
  readonly #corr: number
  readonly #ref: LocalRef
  #room = AHEAD
  #source: Source | undefined = undefined
  #over = false

  constructor(crossing: Crossing, corr: number, ref: LocalRef, method: string) {
    this.#crossing = crossing
    this.#corr = corr
    this.#ref = ref
    this.method = method
  }

  get hasRoom(): boolean {
    return this.#room > 0
  }

  begin(source: Source): void {
    this.#source = source
    putFrom(this.#crossing.lane, OP_CARRY | (CARRY_BEGIN << TAG_SHIFT), 0, 0, 0, 0, this.#corr)
    source.resume()
  }

  push(value: unknown): boolean {
    this.#room--
    this.#crossing.say(CARRY_ITEM, this.#corr, OUTCOME_OK, value, this.#ref, this.method)
    return this.hasRoom
  }

  credit(count: number): void {
    this.#room += count
    this.#source?.resume()
  }

  leave(): void {
    this.#source?.leave()
  }

  finish(): void {
    this.#end(OUTCOME_OK, undefined)
  }

  fail(error: unknown): void {
    this.#end(OUTCOME_THREW, error)
  }

  #end(outcome: number, error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#crossing.sinks.delete(this.#corr)
    this.#crossing.say(CARRY_REPLY, this.#corr, outcome, error, this.#ref, this.method)
  }
}

/** The generator, where the reader is. */
export class FarSource implements Source {
  readonly reader: Reader
  readonly #crossing: Crossing
  readonly #address: number
  #come = 0
  #told = 0

  constructor(crossing: Crossing, reader: Reader, address: number) {
    this.#crossing = crossing
    this.reader = reader
    this.#address = address
  }

  /** An item came. */
  item(value: unknown): void {
    this.#come++
    this.reader.push(value)
    this.resume()
  }

  /** An item came that cannot be told. */
  fail(error: unknown): void {
    this.reader.fail(error)
    this.leave()
  }

  /** Tells the other side of what was read, a lot at a time. */
  resume(): void {
    const read = this.#come - this.reader.held
    if (read - this.#told < LOT) return
    this.#crossing.carryWord(CARRY_CREDIT, this.#address, read - this.#told, this.reader.corr)
    this.#told = read
  }

  leave(): void {
    this.#crossing.carryWord(CARRY_LEAVE, this.#address, 0, this.reader.corr)
  }
}
