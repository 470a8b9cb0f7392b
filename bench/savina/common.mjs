// What the programs share: the original's random numbers, where an actor lives, and the books of an isolate.
import { Actor } from 'buskin'

/** The generator of the original suite: numbers from 0 to 65,535. */
export class Random {
  #value

  constructor(seed = 74_755) {
    this.#value = seed
  }

  next() {
    this.#value = (this.#value * 1_309 + 13_849) & 65_535
    return this.#value
  }

  below(limit) {
    return this.next() % limit
  }
}

// `layout` says where the actors of a run live: 0 is one isolate, a number that many cores, 'any' leaves it to the system.

/** The `on` of the one with number `index` among `count`: neighbours share a core, and each core has as many as the others. */
export function share(layout, index, count) {
  if (layout === 0) return 'local'
  return layout === 'any' ? 'any' : 1 + Math.floor(index * layout / count)
}

/** The `on` of one that talks with `ref` and does little else. */
export function beside(layout, ref) {
  if (layout === 0) return 'local'
  return layout === 'any' ? 'any' : { near: ref }
}

/** A handler that throws has found something wrong: its failure ends the system, and with it the run. */
export const fatal = { supervision: { maxRestarts: 0, backoff: false } }

/** What receivers on this isolate have counted. Each isolate has its own, and none is a message. */
export const tally = { messages: 0, actors: 0, facts: {}, later: null }

/** Adds to a result of the program. Results of several isolates are added up. */
export function fact(name, value) {
  tally.facts[name] = (tally.facts[name] ?? 0) + value
}

/** The end of an actor, after the handler in hand. */
export function exit(ctx) {
  tally.actors++
  ctx.stop()
}

/** One for each isolate: hands out the books after the clock has stopped, and begins new ones. */
export class Auditor extends Actor {
  static module = import.meta.url

  take() {
    const { messages, actors } = tally
    const facts = { ...tally.facts, ...tally.later?.() }
    Object.assign(tally, { messages: 0, actors: 0, facts: {}, later: null })
    return { messages, actors, facts }
  }
}
