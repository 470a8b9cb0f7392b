// How long a worker isolate waits for mail before it sleeps. Whoever finds it awake need not ring, which is a system call,
// and it need not be woken, which takes the system tens of microseconds; but waiting takes a CPU from others.

import { MODE_AWAKE } from '../native/layout.ts'
import type { Lane } from '../runtime/lane.ts'

/** How long it waits, in µs: twice that gains nothing. */
const SPIN = 20
/** So much more often in vain than not, and it waits no more. */
const PATIENCE = 8
/** Falls asleep at once so many times before it tries again: at first, and at most. */
const REST = 16
const LONGEST_REST = 256
/** Spins between two looks at how many isolates there are. */
const LOOK_EVERY = 64

export class Spin {
  readonly #lane: Lane
  /** How many CPUs this process may use. */
  readonly #cpus: number
  #patience = PATIENCE
  /** Sleeps until it tries again; 0: it spins. */
  #rest = 0
  #nextRest = REST
  #untilLook = 0

  constructor(lane: Lane, cpus: number) {
    this.#lane = lane
    this.#cpus = cpus
    lane.listening |= MODE_AWAKE
    lane.mode |= MODE_AWAKE
  }

  /**
   * A turn gave nothing. Whether there is something now: mail that the next turn takes, or what the last one found. If
   * not, the lane sleeps.
   */
  found(): boolean {
    const lane = this.#lane
    if (this.#rest > 0) {
      if (--this.#rest === 0) this.#wake()
      return false // it slept at once
    }
    if (!lane.settledOne && this.#pays()) return true
    lane.mode &= ~MODE_AWAKE
    lane.turn()
    return lane.filled > 0
  }

  #pays(): boolean {
    const { native } = this.#lane
    if (this.#untilLook-- === 0) {
      this.#untilLook = LOOK_EVERY
      if (native.crowd() > this.#cpus) return this.#tire()
    }
    if (!native.spin(SPIN)) {
      if (--this.#patience <= 0) this.#tire()
      return false
    }
    if (this.#patience < PATIENCE) this.#patience++
    else this.#nextRest = REST
    return true
  }

  /** Not worth it: sleeps at once for a while. */
  #tire(): false {
    this.#rest = this.#nextRest
    this.#nextRest = Math.min(this.#nextRest * 2, LONGEST_REST)
    this.#lane.listening &= ~MODE_AWAKE
    return false
  }

  /** Tries again: once in vain, and it rests again. */
  #wake(): void {
    this.#patience = 1
    this.#untilLook = 0
    this.#lane.listening |= MODE_AWAKE
    this.#lane.mode |= MODE_AWAKE
  }
}
