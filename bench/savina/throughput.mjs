// 3. Fork-join, throughput: ordinary code tells a crowd round robin. Each computes, and ends at its last message.
import { Actor } from 'buskin'
import { exit, fact, share, tally } from './common.mjs'

/** The computation of programs 3 and 4. The angle is no constant of the code, or the compiler would compute it. */
export function compute(theta) {
  const sine = Math.sin(theta)
  return sine * sine
}

export class Runner extends Actor {
  static module = import.meta.url

  #messages
  #theta
  #seen = 0
  #sum = 0

  constructor(messages, theta) {
    super()
    this.#messages = messages
    this.#theta = theta
  }

  run() {
    tally.messages++
    this.#sum += compute(this.#theta)
    if (++this.#seen === this.#messages) this.#end()
  }

  #end() {
    const mean = this.#sum / this.#messages
    if (!(Math.abs(mean - compute(this.#theta)) < 1e-9)) throw new Error(`sin² is ${mean} on average`)
    fact('computed', this.#seen)
    exit(this.ctx)
  }
}

export function start(system, { actors, messages, theta }, layout) {
  const runners = Array.from({ length: actors }, (_, i) => system.spawn(Runner, { args: [messages, theta], on: share(layout, i, actors) }))
  for (let m = 0; m < messages; m++) {
    for (const runner of runners) runner.tell.run()
  }
  return runners.at(-1)
}
