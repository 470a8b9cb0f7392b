// Why an actor is restarted is known where its supervisor is: the isolate that restarts it asks there.

import { show } from '../errors.ts'
import type { Directive, Failure } from '../lifecycle.ts'
import { CARRY_NEWS } from '../native/layout.ts'
import { failureBefore, reportFailure } from '../runtime/failures.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import type { LocalRef } from '../runtime/ref.ts'
import type { News } from './carried.ts'
import type { Crossing } from './crossing.ts'

/** A failure as it travels. */
export type Told = [child: LocalRef, error: unknown, phase: Failure['phase'], method: string | null, generation: number, restarts: number]

interface Asked {
  readonly age: number
  readonly generation: number
  resolve(failure: Failure | null): void
}

export class Causes {
  readonly #crossing: Crossing
  /** By the index of the actor that is to start. */
  readonly #asked = new Map<number, Asked>()

  constructor(crossing: Crossing) {
    this.#crossing = crossing
  }

  /** What the instance before failed with, or its group was restarted after. `seat`: the address of its stand-in. */
  ask(ref: LocalRef, seat: number, seatAge: number, generation: number, cause: number): Promise<Failure | null> {
    const crossing = this.#crossing
    const { index, age } = ref
    return new Promise((resolve) => {
      this.#asked.set(index, { age, generation, resolve })
      const news: News = ['why', cause, crossing.address(index), age, generation, seat, seatAge]
      crossing.carry(CARRY_NEWS, seat, seatAge, 0, 0, news)
    })
  }

  /** Somebody asks about an actor whose supervisor is here. */
  answer(cause: number, address: number, age: number, generation: number, seat: number, seatAge: number): void {
    const crossing = this.#crossing
    const ref = crossing.lane.refs[seat & ((1 << INDEX_BITS) - 1)]
    const failure = ref?.seatAge === seatAge ? failureBefore(crossing.lane, ref, cause) : null
    this.#say(address, age, failure, (told) => ['because', address, age, generation, told])
  }

  /** What cannot travel of the error is shown. */
  #say(to: number, age: number, failure: Failure | null, news: (told: Told | null) => News): void {
    const tell = (error: unknown): void => {
      this.#crossing.carry(CARRY_NEWS, to, age, 0, 0, news(failure && toldOf(failure, error)))
    }
    try {
      tell(failure?.error)
    } catch {
      tell(new Error(show(failure?.error)))
    }
  }

  /** An actor of this isolate failed when what becomes of it was decided already: its supervisor's isolate tells of it. */
  report(failure: Failure, seat: number, seatAge: number, decision: Directive): void {
    this.#say(seat, seatAge, failure, (told) => ['hook', seat, seatAge, decision, told as Told])
  }

  reported(seat: number, decision: Directive, told: Told): void {
    const { lane } = this.#crossing
    const ref = lane.refs[seat & ((1 << INDEX_BITS) - 1)]
    const { child } = failureFrom(told)
    if (ref !== undefined && this.#crossing.known(ref).equals(child)) reportFailure(lane, ref, ref.boot.parent?.index ?? 0, failureFrom(told), decision, 0)
  }

  hear(address: number, age: number, generation: number, told: Told | null): void {
    const index = address & ((1 << INDEX_BITS) - 1)
    const asked = this.#asked.get(index)
    if (asked === undefined || asked.age !== age || asked.generation !== generation) return
    this.#asked.delete(index)
    asked.resolve(told === null ? null : failureFrom(told))
    this.#crossing.lane.settledOne = true
  }
}

function toldOf(failure: Failure, error: unknown): Told {
  return [failure.child as unknown as LocalRef, error, failure.phase, failure.method, failure.generation, failure.restarts]
}

function failureFrom([child, error, phase, method, generation, restarts]: Told): Failure {
  return Object.freeze({ child: child as unknown as Failure['child'], error, phase, method, generation, restarts })
}
