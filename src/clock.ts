// A clock that a test moves by hand.

import { option } from './errors.ts'
import type { Lane } from './runtime/lane.ts'

/** Only what `createManualClock` made is accepted: the core drives it. */
export interface ManualClock {
  /** In ms. */
  now(): number
  /**
   * Moves on by `ms`, stopping at each instant at which something is due, in order; resolves when what that caused
   * has been handled. A handler that waits for something else is not waited for.
   */
  advance(ms: number): Promise<void>
}

/** A clock for `createSystem({ clock })`: nothing times out and no timer runs until it is advanced. */
export function createManualClock(start = 0): ManualClock {
  if (typeof start !== 'number' || !Number.isFinite(start) || start < 0 || start > LATEST) {
    throw option('start', start, `a number of ms from 0 to ${LATEST}`)
  }
  return new HandClock(start)
}

/** In µs it is still exact. */
const LATEST = 2 ** 42
/** Turns of the event loop without any work after which nothing more is expected to come of the last instant. */
const QUIET_TURNS = 2

class HandClock implements ManualClock {
  #now: number
  readonly #lanes = new Set<Lane>()
  #last: Promise<void> = Promise.resolve()

  constructor(start: number) {
    this.#now = start
  }

  static is(value: object): value is HandClock {
    return #now in value
  }

  now(): number {
    return this.#now
  }

  advance(ms: number): Promise<void> {
    if (typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0 || this.#now + ms > LATEST) {
      return Promise.reject(option('ms', ms, `a number of ms from 0 on, up to the instant ${LATEST}`))
    }
    this.#last = this.#last.then(() => this.#advance(ms))
    return this.#last
  }

  attach(lane: Lane): void {
    this.#lanes.add(lane)
    void lane.closed.then(
      () => this.#lanes.delete(lane),
      () => this.#lanes.delete(lane),
    )
  }

  async #advance(ms: number): Promise<void> {
    await this.#quiet()
    const end = this.#now + ms
    for (;;) {
      const due = this.#nextDue()
      if (due === undefined || due > end) break
      await this.#moveTo(Math.max(due, this.#now))
    }
    await this.#moveTo(end)
  }

  #nextDue(): number | undefined {
    let next: number | undefined
    for (const lane of this.#lanes) {
      const due = lane.native.nextDeadline()
      if (due >= 0 && (next === undefined || due < next)) next = due
    }
    return next
  }

  async #moveTo(now: number): Promise<void> {
    this.#now = now
    for (const lane of this.#lanes) {
      lane.setTime(now)
      lane.tick()
    }
    await this.#quiet()
  }

  /** Until no lane has anything to do, and promises that were waiting for that have had their turn. */
  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      const before = this.#turns()
      await new Promise((resolve) => setImmediate(resolve))
      const still = this.#turns() === before && [...this.#lanes].every((lane) => lane.idle)
      quiet = still ? quiet + 1 : 0
    }
  }

  #turns(): number {
    let turns = 0
    for (const lane of this.#lanes) turns += lane.turns
    return turns
  }
}

/** Whether `value` was made by `createManualClock`. */
export function isManualClock(value: object): boolean {
  return HandClock.is(value)
}

/** Lets the clock drive a lane. */
export function attach(clock: ManualClock, lane: Lane): void {
  if (HandClock.is(clock)) clock.attach(lane)
}
