// Where actors are supervised that are not where their parents are, and what follows when that changes.

import { INDEX_BITS, WORDS } from '../runtime/limits.ts'
import { Boot, type LocalRef, moreIf, moreOf } from '../runtime/ref.ts'
import type { Crossing } from './crossing.ts'
import { FarRef } from './far.ts'

/** What a note on a seat tells: see CARRY_MOVED. */
const LEFT = 1
const ARRIVED = 2
const KIND = 3
const STARTED = 4
const RUNS = 8
const GENERATION = 4

export interface Seat {
  readonly name: string
  readonly parent: LocalRef | null
  /** Address and age of its stand-in, when it has one. */
  readonly standIn: readonly [number, number] | undefined
}

export class Seats {
  readonly #crossing: Crossing
  readonly #words = new Int32Array(3)

  constructor(crossing: Crossing) {
    this.#crossing = crossing
  }

  /** Where an actor of this isolate is supervised; undefined when nobody can say, as between two parents. */
  of(index: number, age: number): Seat | undefined {
    const crossing = this.#crossing
    const { native } = crossing.lane
    let name = native.nameOn(crossing.place, index, age, this.#words)
    let standIn: Seat['standIn']
    if (name === false) {
      const [place, cell, cellAge] = this.#words as unknown as [number, number, number]
      standIn = [((place + 1) << INDEX_BITS) | cell, cellAge]
      name = native.nameOn(place, cell, cellAge, this.#words)
    }
    if (name === undefined || name === false) return undefined
    const [place, cell, cellAge] = this.#words as unknown as [number, number, number]
    const parent = cell === 0 ? null : crossing.refTo(((place + 1) << INDEX_BITS) | cell, cellAge)
    return { name, parent, standIn }
  }

  note(o: number): void {
    const [, index, age, address, word, childAge] = this.#crossing.lane.inbox.subarray(o, o + WORDS) as unknown as [
      number, number, number, number, number, number,
    ]
    const kind = word & KIND
    if (kind === ARRIVED) this.#arrived(index, age, address, childAge, word)
    else if (kind === LEFT) this.#left(index, age)
    else this.#moved(index, age)
  }

  /** An actor of this isolate has another parent, or is on the way to one. */
  #moved(index: number, age: number): void {
    const { births, lane } = this.#crossing
    const seat = this.of(index, age)
    const ref = births.expected(index, age)
    births.fostered(ref, seat === undefined || seat.standIn !== undefined)
    if (seat === undefined) return
    const { info, args } = ref.boot
    ref.boot = new Boot(lane, info, args, seat.name, seat.parent)
  }

  /** Nobody stands in any more for an actor of another isolate: its parent is elsewhere. */
  #left(index: number, age: number): void {
    const crossing = this.#crossing
    const { lane } = crossing
    const ref = lane.refs[index]
    if (!(ref instanceof FarRef) || ref.seatAge !== age) return
    lane.refs[index] = undefined
    lane.causes.delete(index)
    crossing.seated.delete(ref.index)
    ref.unseat()
    const more = moreIf(ref)
    const waits = more?.stopped !== undefined || (more?.started !== undefined && !more.hasStarted)
    if (waits) crossing.query(ref)
  }

  /** An actor of another isolate has its parent here. */
  #arrived(index: number, age: number, address: number, childAge: number, word: number): void {
    const crossing = this.#crossing
    const { lane } = crossing
    const name = lane.native.nameOn(crossing.place, index, age, this.#words)
    if (name === undefined || name === false) return
    const above = this.#words[1] as number
    const parent = above === 0 ? null : (lane.refs[above] ?? null)
    const known = lane.refs[index]
    if (known?.seatAge === age) {
      known.boot = new Boot(lane, known.info, [], name, parent)
      return
    }
    const asked = [...lane.adoptions.values()].find(({ target }) => target.index === address && target.age === childAge)
    const info = asked?.target.isFar === true ? asked.target.info : crossing.unknownInfo
    const ref = new FarRef(address, childAge, new Boot(lane, info, [], name, parent), index, age)
    const more = moreOf(ref)
    more.hasStarted = (word & STARTED) !== 0
    more.generation = word >>> GENERATION
    more.upTo = (word & RUNS) !== 0 ? more.generation : more.generation - 1
    crossing.births.seat(index, ref)
  }
}
