// How actors supervise and are checked, as the core knows it: numbers, kept once and named by their place.

import type { ActorSettings, HealthSettings, SupervisionSettings } from '../options.ts'
import { defaultSupervision } from '../options.ts'
import type { Lane } from './lane.ts'
import { STRATEGIES } from './words.ts'

/** The core's profiles of one lane. The first is that of actors for which nothing was said. */
export class Profiles {
  readonly #known = new Map<string, number>()
  #last: ActorSettings | undefined = undefined
  #lastId = 0

  constructor(lane: Lane) {
    this.#keep(lane, numbersOf(defaultSupervision, undefined), false)
    this.#keep(lane, numbersOf(lane.settings.supervision, undefined), true)
  }

  /** The number of what these settings say. */
  of(lane: Lane, settings: ActorSettings): number {
    if (settings.supervision === defaultSupervision && settings.health === undefined) return 0
    if (settings === this.#last) return this.#lastId // a class's, as a rule
    this.#last = settings
    return (this.#lastId = this.#keep(lane, numbersOf(settings.supervision, settings.health), false))
  }

  #keep(lane: Lane, numbers: readonly number[], root: boolean): number {
    const key = numbers.join()
    const known = this.#known.get(key)
    if (known !== undefined && !root) return known
    const id = lane.native.profile(Float64Array.from(numbers), root ? 1 : 0)
    this.#known.set(key, id)
    return id
  }
}

/** In the order of the core's `Profile::read`; times in µs. */
export function numbersOf(supervision: SupervisionSettings, health: HealthSettings | undefined): number[] {
  const { strategy, maxRestarts, within, backoff, decide } = supervision
  const waits =
    backoff === false
      ? [0, 0, 0, 1, 0, 0, 0]
      : [1, backoff.min * 1000, backoff.max * 1000, backoff.factor, backoff.jitter, backoff.resetAfter * 1000, backoff.firstAtOnce ? 1 : 0]
  const checks = health === undefined ? [0, 0, 0] : [health.every * 1000, health.timeout * 1000, health.threshold]
  return [STRATEGIES.indexOf(strategy), maxRestarts, within * 1000, ...waits, decide === undefined ? 0 : 1, ...checks]
}
