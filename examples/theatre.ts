// A theatre on a busy evening, played by some 220 actors.
//
// Visitors ask desks for seats; desks take a payment and ask a hall; halls fail now and then, and are restarted; boards
// cannot keep up with the news; ushers read seat plans as streams; and the claque claps a lot. All of them live on the main
// thread, where their state is. The projectors only compute, on cores of their own; now and then a lamp burns through, and
// with it a core, which comes back.
import { setTimeout as sleep } from 'node:timers/promises'
import { Actor, BuskinError, Refusal } from 'buskin'
import type { ActorOptions, Ref } from 'buskin'
import { Projector } from './projector.ts'

export const cast = { halls: 12, desks: 12, boards: 8, ushers: 12, claqueurs: 20, visitors: 150 }

const SEATS = 600
const ROW = 20

/** What became of the visits, how long the answers took, and what was shown. Plain data: who writes it lives on one thread. */
export interface Takings {
  readonly outcomes: Record<'sold' | 'refused' | 'turned away' | 'gave up' | 'broken off', number>
  latencies: number[]
  /** Frames that the screen has shown, and those that were lost with a core. */
  readonly film: { shown: number; torn: number }
}

export const noTakings = (): Takings => ({
  outcomes: { sold: 0, refused: 0, 'turned away': 0, 'gave up': 0, 'broken off': 0 },
  latencies: [],
  film: { shown: 0, torn: 0 },
})

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
const between = (low: number, high: number) => low + Math.random() * (high - low)

/** Parent of all, and their supervisor: it restarts whoever fails, a hall not before the firemen have left. */
export class Theatre extends Actor {
  static options = { supervision: { backoff: { min: 300, max: 3_000 } } } satisfies ActorOptions
  readonly #takings: Takings
  readonly #cores: number

  constructor(takings: Takings, cores: number) {
    super()
    this.#takings = takings
    this.#cores = cores
  }

  override onStart() {
    this.ctx.spawn(Screen, { name: 'screen', args: [this.#takings, this.#cores] })
    const boards = times(cast.boards, (n) => this.ctx.spawn(Board, { name: `board-${n}` }))
    const ledger = this.ctx.spawn(Ledger, { name: 'ledger' })
    times(cast.halls, (n) => this.ctx.spawn(Hall, { name: `hall-${n}`, args: [boards] }))
    const desks = times(cast.desks, (n) => this.ctx.spawn(Desk, { name: `desk-${n}`, args: [ledger] }))
    times(cast.ushers, () => this.ctx.spawn(Usher))
    times(cast.claqueurs, () => this.ctx.spawn(Claqueur))
    times(cast.visitors, () => this.ctx.spawn(Visitor, { args: [desks, this.#takings] }))
  }
}

/** A restart makes a new one under the same ref: all seats are free again, and who claps meanwhile is heard later. */
class Hall extends Actor {
  readonly #boards: readonly Ref<Board>[]
  #free = SEATS
  applause = 0

  constructor(boards: readonly Ref<Board>[]) {
    super()
    this.#boards = boards
    this.ctx.every(1_000, () => (this.#free = SEATS)) // the next performance
  }

  /** A refusal says no to the asker; an error fails the hall. */
  reserve(seats: number) {
    if (Math.random() < 0.001) throw new Error('fire alarm')
    if (seats > this.#free) throw new Refusal('sold out')
    this.#free -= seats
    pick(this.#boards).with({ ttl: 40 }).tell.show(`${this.ctx.self.name}: ${this.#free} left`)
    return this.#free
  }

  clap() {
    this.applause += 1
  }

  /** A generator handler is read as a stream; between two rows the hall does other things. */
  *plan() {
    for (let left = this.#free; left > 0; left -= ROW) yield Math.min(ROW, left)
  }
}

/** Nobody waits at a desk that has a long queue: beyond its bound it turns visitors away. */
class Desk extends Actor {
  static options = { mailbox: { capacity: 8, overflow: 'reject' } } satisfies ActorOptions
  readonly #ledger: Ref<Ledger>

  constructor(ledger: Ref<Ledger>) {
    super()
    this.#ledger = ledger
  }

  /** One sale at a time, however long the payment takes. */
  async sell(hallNumber: number, seats: number) {
    await sleep(between(1, 4))
    const hall = this.ctx.system.lookup<Hall>(`/theatre/hall-${hallNumber}`)
    if (hall === null) throw new Refusal('closed for tonight')
    try {
      await hall.with({ timeout: 20, ttl: 20 }).ask.reserve(seats)
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal('closed for tonight', { cause: error })
    }
    await this.#ledger.send.enter(seats * 25) // waits while the ledger is behind
  }
}

/** Its senders wait for room: nothing that was paid gets lost. */
class Ledger extends Actor {
  static options = { mailbox: { capacity: 32, overflow: 'wait' } } satisfies ActorOptions
  #entries = 0
  sum = 0

  async enter(amount: number) {
    this.sum += amount
    if (++this.#entries % 50 === 0) await sleep(5) // turns the page
  }
}

/** Only the latest news matter: old ones make room, and late ones expire. */
class Board extends Actor {
  static options = { mailbox: { capacity: 16, overflow: 'drop-oldest' } } satisfies ActorOptions
  text = ''

  async show(text: string) {
    this.text = text
    await sleep(4)
  }
}

class Visitor extends Actor {
  readonly #desks: readonly Ref<Desk>[]
  readonly #takings: Takings

  constructor(desks: readonly Ref<Desk>[], takings: Takings) {
    super()
    this.#desks = desks
    this.#takings = takings
  }

  override onStart() {
    this.#later()
  }

  /** A timer runs inside its actor, one at a time with its messages, and ends with it. */
  #later() {
    this.ctx.after(between(5, 50), () => this.#visit())
  }

  async #visit() {
    const { outcomes, latencies } = this.#takings
    const desk = pick(this.#desks).with({ timeout: 60, ttl: 60, priority: Math.random() < 0.1 ? 'high' : 'normal' })
    const begin = performance.now()
    try {
      await desk.ask.sell(Math.floor(Math.random() * cast.halls), Math.ceil(Math.random() * 3))
      outcomes.sold += 1
      latencies.push(performance.now() - begin)
    } catch (error) {
      if (error instanceof Refusal) outcomes.refused += 1
      else if (BuskinError.is(error, 'ERR_BUSKIN_MAILBOX_FULL')) outcomes['turned away'] += 1
      else if (BuskinError.is(error, 'ERR_BUSKIN_TIMEOUT') || BuskinError.is(error, 'ERR_BUSKIN_EXPIRED')) outcomes['gave up'] += 1
      else outcomes['broken off'] += 1 // the theatre closes
    }
    this.#later()
  }
}

/** Shows what the projectors compute, one on each core; between two frames its own thread is free. */
class Screen extends Actor {
  static concurrent = ['show']
  readonly #film: Takings['film']
  readonly #projectors: Ref<Projector>[] = []

  constructor({ film }: Takings, cores: number) {
    super()
    this.#film = film
    times(cores, (n) => this.#projectors.push(this.ctx.spawn(Projector, { name: `projector-${n + 1}`, on: n + 1 })))
    this.ctx.every(1_500, () => pick(this.#projectors).tell.burnThrough())
  }

  override onStart(this: Screen) {
    for (const n of this.#projectors.keys()) this.ctx.self.tell.show(n, 0)
  }

  /** An ask of another core is like any: it settles, also when that core dies under it. */
  async show(this: Screen, n: number, frame: number) {
    try {
      await this.#projectors[n]!.ask.frame(frame)
      this.#film.shown += 1
    } catch (error) {
      if (!BuskinError.is(error)) throw error
      this.#film.torn += 1 // and is not computed again
    }
    if (!this.ctx.signal.aborted) this.ctx.self.tell.show(n, frame + 1)
  }
}

class Usher extends Actor {
  shown = 0

  override onStart() {
    this.ctx.every(50, () => this.#look(), { from: 'end' })
  }

  async #look() {
    const hall = this.ctx.system.lookup<Hall>(`/theatre/hall-${Math.floor(Math.random() * cast.halls)}`)
    if (hall === null) return
    try {
      for await (const free of hall.stream.plan()) {
        this.shown += free
        if (free === ROW) break
      }
    } catch (error) {
      if (!BuskinError.is(error)) throw error // the hall has just failed
    }
  }
}

class Claqueur extends Actor {
  override onStart() {
    this.ctx.every(10, () => {
      const hall = this.ctx.system.lookup<Hall>(`/theatre/hall-${Math.floor(Math.random() * cast.halls)}`)
      if (hall !== null) for (let n = 0; n < 200; n++) hall.tell.clap()
    })
  }
}

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))
