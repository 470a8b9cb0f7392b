// 1. One message in flight between two actors; before each next round ping sends itself one.
import { Actor } from 'buskin'
import { beside, exit, fact, share, tally } from './common.mjs'

export class Ping extends Actor {
  static module = import.meta.url

  #self = this.ctx.self
  #left
  #pong

  constructor(rounds, pong) {
    super()
    this.#left = rounds
    this.#pong = pong
  }

  start() {
    tally.messages++
    this.#serve()
  }

  again() {
    tally.messages++
    this.#serve()
  }

  pong() {
    tally.messages++
    if (this.#left > 0) return this.#self.tell.again()
    this.#pong.tell.stop()
    exit(this.ctx)
  }

  #serve() {
    this.#pong.tell.ping(this.#self)
    this.#left--
  }
}

export class Pong extends Actor {
  static module = import.meta.url

  #count = 0

  ping(sender) {
    tally.messages++
    sender.tell.pong()
    this.#count++
  }

  stop() {
    tally.messages++
    fact('pongs', this.#count)
    exit(this.ctx)
  }
}

export function start(system, { rounds }, layout) {
  const pong = system.spawn(Pong, { on: share(layout, 0, 2) })
  const ping = system.spawn(Ping, { args: [rounds, pong], on: beside(layout, pong) })
  ping.tell.start()
  return ping
}
