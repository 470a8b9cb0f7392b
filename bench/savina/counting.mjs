// 2. One actor floods another out of one handler, then asks what it has counted.
import { Actor } from 'buskin'
import { beside, exit, fact, share, tally } from './common.mjs'

export class Producer extends Actor {
  static module = import.meta.url

  #counter

  constructor(counter) {
    super()
    this.#counter = counter
  }

  start(messages) {
    tally.messages++
    for (let i = 0; i < messages; i++) this.#counter.tell.increment()
    this.#counter.tell.retrieve(this.ctx.self)
  }

  result(count) {
    tally.messages++
    fact('count', count)
    exit(this.ctx)
  }
}

export class Counter extends Actor {
  static module = import.meta.url

  #count = 0

  increment() {
    tally.messages++
    this.#count++
  }

  retrieve(sender) {
    tally.messages++
    sender.tell.result(this.#count)
    exit(this.ctx)
  }
}

export function start(system, { messages }, layout) {
  const counter = system.spawn(Counter, { on: share(layout, 0, 2) })
  const producer = system.spawn(Producer, { args: [counter], on: beside(layout, counter) })
  producer.tell.start(messages)
  return producer
}
