// 4. Fork-join, create: ordinary code makes actors. Each computes once and ends.
import { Actor } from 'buskin'
import { exit, fact, share, tally } from './common.mjs'
import { compute } from './throughput.mjs'

export class Leaf extends Actor {
  static module = import.meta.url

  run(theta) {
    tally.messages++
    const square = compute(theta)
    if (!(square > 0 && square < 1)) throw new Error(`sin² is ${square}`)
    fact('computed', 1)
    exit(this.ctx)
  }
}

export function start(system, { actors, theta }, layout) {
  let leaf
  for (let i = 0; i < actors; i++) {
    leaf = system.spawn(Leaf, { on: share(layout, i, actors) })
    leaf.tell.run(theta)
  }
  return leaf
}
