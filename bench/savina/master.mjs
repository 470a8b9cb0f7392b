// The master of programs 9 and 10: makes one server and its workers, and ends the server after the last of them.
import { Actor } from 'buskin'
import { exit, share, tally } from './common.mjs'

/** Symbols are no messages. */
export const hire = Symbol('hire')

export class Master extends Actor {
  #server = null
  #working = 0

  /** It ends after its server: an actor's end stops its children, and what waits for them is not handled then. */
  ended() {
    tally.messages++
    if (--this.#working > 0) return
    this.ctx.watch(this.#server, () => exit(this.ctx))
    this.#server.tell.end()
  }

  /** For `onStart`. The server has the first core, together with that core's share of the workers. */
  [hire](layout, server, worker) {
    const { self } = this.ctx
    this.#working = worker.count
    this.#server = this.ctx.spawn(server.cls, { args: server.args, on: share(layout, 0, worker.count) })
    for (let i = 0; i < worker.count; i++) {
      this.ctx.spawn(worker.cls, { args: [self, this.#server, i, ...worker.args], on: share(layout, i, worker.count) }).tell.work()
    }
  }
}
