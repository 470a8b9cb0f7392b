// How often something may happen within a time.

/** Slides: what is as old as `within` counts no more. */
export class Window {
  readonly #max: number
  readonly #within: number
  /** When it happened, oldest first; never more than `max`. */
  #times: number[] = []

  constructor(max: number, within: number) {
    this.#max = max
    this.#within = within
  }

  /** Whether it may happen once more at `now`; then it has. Times in ms that never go back. */
  admits(now: number): boolean {
    if (this.#max === Infinity) return true
    const first = this.#times.findIndex((time) => now - time < this.#within)
    this.#times = first < 0 ? [] : this.#times.slice(first)
    if (this.#times.length + 1 > this.#max) return false
    this.#times.push(now)
    return true
  }
}
