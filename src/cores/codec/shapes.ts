// Which keys an object has, as a number: the writer's side. One step per key through a tree of the lists seen so far.

import type { Outside } from './outside.ts'

/** Objects with more keys than this are dictionaries, and so are those with a key longer than that. */
const MOST_KEYS = 64
const LONGEST_KEY = 64
/** A list with this many ways on belongs to dictionaries: their keys are data. */
const MOST_BRANCHES = 256
/** How many branches are compared one by one before a map is made. */
const FEW_BRANCHES = 8
/** All nodes of one codec: some megabytes at worst. */
const MOST_NODES = 32_768
/** A list of keys has a shape from this many objects on, so that what comes once uses up no number. */
const USES = 2

const UNASKED = -1
const REFUSED = -2

/** A list of keys: those up to the root. */
export class Keys {
  readonly key: string
  readonly above: Keys | null
  readonly length: number
  /** Its number, when that is known. */
  shape = UNASKED
  uses = 0
  /** The lists with one key more: the first, and each one's next. */
  first: Keys | null = null
  next: Keys | null = null
  branches = 0
  /** All of them, when they are many. */
  all: Map<string, Keys> | null = null

  constructor(key: string, above: Keys | null) {
    this.key = key
    this.above = above
    this.length = above === null ? 0 : above.length + 1
  }

}

/** The keys themselves. */
export function listOf(end: Keys): string[] {
  const keys: string[] = []
  for (let at = end; at.above !== null; at = at.above) keys.push(at.key)
  return keys.reverse()
}

/** Where every list ends that gets no shape. */
export const NO_SHAPE = new Keys('', null)

export class Shapes {
  readonly root = new Keys('', null)
  readonly #outside: Outside
  #nodes = 0

  constructor(outside: Outside) {
    this.#outside = outside
  }

  /** The list `from` with one key more, when it is not among the few that the writer compares itself. */
  step(from: Keys, key: string): Keys {
    if (from === NO_SHAPE) return NO_SHAPE
    return from.all?.get(key) ?? this.#grow(from, key)
  }

  /** Its number, or one below 0. Asks from the second object with these keys on. */
  number(keys: Keys): number {
    if (keys.shape !== UNASKED || keys === NO_SHAPE || ++keys.uses < USES) return keys.shape
    const shape = this.#outside.shape(listOf(keys))
    keys.shape = shape >= 0 && shape < 65_535 ? shape : REFUSED
    return keys.shape
  }

  #grow(from: Keys, key: string): Keys {
    if (from.length >= MOST_KEYS || from.branches >= MOST_BRANCHES || this.#nodes >= MOST_NODES) return NO_SHAPE
    const first = key.charCodeAt(0)
    // A digit first: an index, or the number of something. Such keys are data.
    if ((first >= 48 && first <= 57) || key.length > LONGEST_KEY || key === '__proto__') return NO_SHAPE
    this.#nodes++
    const made = new Keys(key, from)
    from.branches++
    if (from.branches <= FEW_BRANCHES) {
      made.next = from.first
      from.first = made
    } else {
      from.all ??= new Map()
      from.all.set(key, made)
    }
    return made
  }
}
