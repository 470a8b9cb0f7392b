// 6. Creatures meet in pairs at a mall and take the complement of their colours.
import { Actor } from 'buskin'
import { exit, fact, fatal, share, tally } from './common.mjs'

const COLOURS = ['red', 'yellow', 'blue']

/** Two of one colour stay; two of different colours both take the third. */
const complement = (mine, other) => mine === other ? mine : 3 - mine - other

export class Mall extends Actor {
  static module = import.meta.url
  static options = fatal

  #self = this.ctx.self
  #left
  #creatures
  #layout
  #waiting = null
  #sum = 0
  #faded = 0

  constructor(meetings, creatures, layout) {
    super()
    this.#left = meetings
    this.#creatures = creatures
    this.#layout = layout
  }

  onStart() {
    for (let i = 0; i < this.#creatures; i++) {
      this.ctx.spawn(Creature, { args: [this.#self, i % 3], on: share(this.#layout, i, this.#creatures) })
    }
  }

  meet(colour, creature) {
    tally.messages++
    if (this.#left === 0) return creature.tell.end(this.#self)
    if (this.#waiting === null) {
      this.#waiting = creature
      return
    }
    this.#left--
    this.#waiting.tell.meet(colour, creature)
    this.#waiting = null
  }

  count(meetings) {
    tally.messages++
    this.#sum += meetings
    if (++this.#faded < this.#creatures) return
    fact('meetings', this.#sum)
    exit(this.ctx)
  }
}

export class Creature extends Actor {
  static module = import.meta.url

  #self = this.ctx.self
  #mall
  #colour
  #meetings = 0

  constructor(mall, colour) {
    super()
    this.#mall = mall
    this.#colour = colour
  }

  onStart() {
    this.#mall.tell.meet(this.#colour, this.#self)
  }

  meet(colour, creature) {
    tally.messages++
    this.#colour = complement(this.#colour, colour)
    this.#meetings++
    creature.tell.change(this.#colour)
    this.#mall.tell.meet(this.#colour, this.#self)
  }

  change(colour) {
    tally.messages++
    this.#colour = colour
    this.#meetings++
    this.#mall.tell.meet(colour, this.#self)
  }

  end(mall) {
    tally.messages++
    fact(COLOURS[this.#colour], 1)
    mall.tell.count(this.#meetings)
    exit(this.ctx)
  }
}

export function start(system, { creatures, meetings }, layout) {
  return system.spawn(Mall, { args: [meetings, creatures, layout], on: share(layout, 0, creatures) })
}

/**
 * Who meets whom is nobody's decision, so the colours at the end are not known. But no meeting changes the difference of
 * two colours' numbers by anything but 3.
 */
export function settle({ meetings, red = 0, yellow = 0, blue = 0 }) {
  const rest = difference => (difference % 3 + 3) % 3
  return { meetings, creatures: red + yellow + blue, redLessYellow: rest(red - yellow), yellowLessBlue: rest(yellow - blue) }
}
