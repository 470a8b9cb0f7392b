// 8. The recursion as a tree of actors: each makes two, adds their replies up and ends.
import { Actor } from 'buskin'
import { exit, fact, fatal, tally } from './common.mjs'

/** So many generations are dealt out to the cores; whoever comes later lives beside its parent. */
const DEALT = 5

export class Fibonacci extends Actor {
  static module = import.meta.url
  static options = fatal

  #parent
  #layout
  #depth
  #place
  #replies = 0
  #result = 0

  /** `place` numbers the ones of a generation: a bit per step down, 1 for the smaller half. */
  constructor(parent, layout, depth, place) {
    super()
    this.#parent = parent
    this.#layout = layout
    this.#depth = depth
    this.#place = place
  }

  request(n) {
    tally.messages++
    if (n <= 2) return this.#finish(1)
    this.#make(0).tell.request(n - 1)
    this.#make(1).tell.request(n - 2)
  }

  response(value) {
    tally.messages++
    this.#result += value
    if (++this.#replies === 2) this.#finish(this.#result)
  }

  #make(bit) {
    const depth = this.#depth + 1
    const place = depth > DEALT ? 0 : this.#place * 2 + bit
    const on = this.#layout === 'any' ? 'any' : depth === DEALT && this.#layout > 0 ? deal(this.#layout)[place] : 'local'
    return this.ctx.spawn(Fibonacci, { args: [this.ctx.self, this.#layout, depth, place], on })
  }

  #finish(result) {
    if (this.#parent === null) fact('result', result)
    else this.#parent.tell.response(result)
    exit(this.ctx)
  }
}

let dealt = { cores: 0, on: [] }

/** The core of each place of the generation `DEALT`: the largest subtree first, to the core with the least so far. */
function deal(cores) {
  if (dealt.cores === cores) return dealt.on
  const ratio = (Math.sqrt(5) - 1) / 2
  const weights = Array.from({ length: 2 ** DEALT }, (_, place) => ratio ** place.toString(2).replaceAll('0', '').length)
  const loads = Array.from({ length: cores }, () => 0)
  const on = []
  for (const [place, weight] of [...weights.entries()].sort((a, b) => b[1] - a[1])) {
    const least = loads.indexOf(Math.min(...loads))
    loads[least] += weight
    on[place] = least + 1
  }
  dealt = { cores, on }
  return on
}

export function start(system, { n }, layout) {
  const on = layout === 'any' ? 'any' : layout > 0 ? 1 : 'local'
  const root = system.spawn(Fibonacci, { args: [null, layout, 0, 0], on })
  root.tell.request(n)
  return root
}
