// 5. A token that counts down goes around; at 0 another one makes a round and ends everybody.
import { Actor } from 'buskin'
import { exit, fact, share, tally } from './common.mjs'

export class Link extends Actor {
  static module = import.meta.url

  #size
  #next = null
  #early = null // a token that came before the next one was known: nothing orders what two isolates send
  #seen = 0

  constructor(size) {
    super()
    this.#size = size
  }

  data(next) {
    tally.messages++
    this.#next = next
    if (this.#early !== null) this.#pass(this.#early)
  }

  token(left) {
    tally.messages++
    this.#seen++
    if (this.#next === null) this.#early = left
    else this.#pass(left)
  }

  end(left) {
    tally.messages++
    fact('tokens', this.#seen)
    if (left > 0) this.#next.tell.end(left - 1)
    exit(this.ctx)
  }

  #pass(left) {
    if (left > 0) this.#next.tell.token(left - 1)
    else this.#next.tell.end(this.#size - 1)
  }
}

export function start(system, { actors, hops }, layout) {
  const ring = Array.from({ length: actors }, (_, i) => system.spawn(Link, { args: [actors], on: share(layout, i, actors) }))
  for (const [i, link] of ring.entries()) link.tell.data(ring[(i + 1) % actors])
  ring[0].tell.token(hops)
  return ring[0]
}
