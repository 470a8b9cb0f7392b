// 7. Everybody pings a random other one, waits for the pong, and goes on; a sink hears who is done, and ends everybody.
import { Actor } from 'buskin'
import { Random, exit, fact, share, tally } from './common.mjs'

const NOBODY = -1

export class Big extends Actor {
  static module = import.meta.url

  #id
  #rounds
  #sink
  #random
  #neighbours = null
  #early = [] // pings that came before the neighbours were known: nothing orders what two isolates send
  #sent = 0
  #expected = NOBODY
  #pinged = 0

  constructor(id, rounds, sink) {
    super()
    this.#id = id
    this.#rounds = rounds
    this.#sink = sink
    this.#random = new Random(id)
  }

  meet(neighbours) {
    tally.messages++
    this.#neighbours = neighbours
    for (const from of this.#early) this.#answer(from)
  }

  ping(from) {
    tally.messages++
    if (this.#neighbours === null) this.#early.push(from)
    else this.#answer(from)
  }

  pong(from) {
    tally.messages++
    if (from !== this.#expected) throw new Error(`a pong of ${from} instead of ${this.#expected}`)
    if (this.#sent === this.#rounds) return this.#sink.tell.done()
    const target = this.#random.below(this.#neighbours.length)
    this.#expected = target
    this.#sent++
    this.#neighbours[target].tell.ping(this.#id)
  }

  end() {
    tally.messages++
    fact('pings', this.#pinged)
    fact('weighted', (this.#id + 1) * this.#pinged)
    exit(this.ctx)
  }

  #answer(from) {
    this.#pinged++
    this.#neighbours[from].tell.pong(this.#id)
  }
}

export class Sink extends Actor {
  static module = import.meta.url

  #neighbours = null
  #done = 0

  meet(neighbours) {
    tally.messages++
    this.#neighbours = neighbours
  }

  done() {
    tally.messages++
    if (++this.#done < this.#neighbours.length) return
    for (const neighbour of this.#neighbours) neighbour.tell.end()
    exit(this.ctx)
  }
}

export function start(system, { actors, rounds }, layout) {
  const sink = system.spawn(Sink, { on: share(layout, 0, actors) })
  const all = Array.from({ length: actors }, (_, i) => system.spawn(Big, { args: [i, rounds, sink], on: share(layout, i, actors) }))
  sink.tell.meet(all)
  for (const one of all) one.tell.meet(all)
  for (const one of all) one.tell.pong(NOBODY)
  return sink
}
