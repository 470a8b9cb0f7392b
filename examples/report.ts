// What the example shows: a table that updates in place on a terminal, or one line a second in a pipe.
import type { ActorInfo, Stats, System } from 'buskin'
import { cast, type Takings } from './theatre.ts'

/** The rows of the table: the classes of actors that get messages. The others live by their timers. */
const ROLES = ['Hall', 'Desk', 'Ledger', 'Board', 'Projector']

interface Role {
  actors: number
  waiting: number
  rate: number
  restarts: number
}

export class Report {
  readonly #system: System
  readonly #takings: Takings
  readonly #begin = performance.now()
  readonly #roles = new Map<string, Role>()
  /** What each living actor had handled when it was last looked at. */
  #handledBy = new Map<string, number>()
  #failures = 0
  #cores = { running: 0, lost: 0 }
  /** Halls that wait for their restart. */
  #closed = 0
  #last: { readonly at: number; readonly stats: Stats }
  #rate = 0
  #latency = { p50: 0, p99: 0, rate: 0 }
  #linesOnScreen = 0

  constructor(system: System, takings: Takings) {
    this.#system = system
    this.#takings = takings
    this.#last = { at: this.#begin, stats: system.stats() }
    system.events.on((event) => {
      if (event.type === 'failed' && event.failure.phase === 'message') this.#failures += 1
      if (event.type !== 'core') return
      if (event.state === 'started') this.#cores.running += 1
      if (event.state === 'lost') {
        this.#cores.running -= 1
        this.#cores.lost += 1
      }
    })
  }

  /** Looks at everything once. */
  sample(): void {
    const now = performance.now()
    const stats = this.#system.stats()
    const seconds = Math.max(0.001, (now - this.#last.at) / 1_000)
    this.#rate = (stats.handled - this.#last.stats.handled) / seconds
    this.#last = { at: now, stats }

    for (const role of ROLES) this.#roles.set(role, { actors: 0, waiting: 0, rate: 0, restarts: 0 })
    this.#closed = 0
    const handledBy = new Map<string, number>()
    const visit = ({ path, className, state, generation, handled, waiting, children }: ActorInfo): void => {
      handledBy.set(path, handled)
      const role = this.#roles.get(className)
      if (role !== undefined) {
        role.actors += 1
        role.waiting += waiting
        role.rate += (handled - (this.#handledBy.get(path) ?? 0)) / seconds
        role.restarts += generation // the first instance is number 0
        if (className === 'Hall' && state === 'restarting') this.#closed += 1
      }
      children.forEach(visit)
    }
    visit(this.#system.inspect())
    this.#handledBy = handledBy

    const sorted = this.#takings.latencies.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
    if (sorted.length > 0) this.#latency = { p50: at(0.5), p99: at(0.99), rate: sorted.length / seconds }
    this.#takings.latencies = []
  }

  /** One line, for a pipe. */
  line(): string {
    const { stats } = this.#last
    const { p50, p99 } = this.#latency
    return [
      `${this.#elapsed()} s`,
      `${count(this.#rate)} messages/s`,
      `asks p50 ${p50.toFixed(1)} ms p99 ${p99.toFixed(1)} ms`,
      `${count(stats.waiting)} waiting`,
      `${count(this.#failures)} failures`,
      `${count(stats.restarts)} restarts`,
      `${count(stats.deadLetters)} dead letters`,
    ].join(' · ')
  }

  /** The whole table. The bars take what is left of the width. */
  table(width: number): string[] {
    const { stats } = this.#last
    const { p50, p99, rate } = this.#latency
    const most = Math.max(1, ...[...this.#roles.values()].map((role) => role.rate))
    const room = Math.max(0, Math.min(40, width - 51))
    const bar = (share: number) => '▇'.repeat(Math.round(Math.log10(1 + 9_999 * share) / 4 * room))
    const letters = Object.entries(stats.deadLettersBy).filter(([, n]) => n > 0)
    const outcomes = Object.entries(this.#takings.outcomes)
    const { film } = this.#takings
    return [
      `A theatre of ${count(stats.actors)} actors, ${this.#elapsed()} s, ${count(this.#rate)} messages handled a second`,
      '',
      row('role', 'actors', 'handled/s', 'waiting', 'restarts', room === 0 ? '' : 'handled/s, logarithmic'),
      row('─'.repeat(12), '──────', '─────────', '───────', '────────', '─'.repeat(room)),
      ...[...this.#roles].map(([name, role]) => row(name, count(role.actors), count(role.rate), count(role.waiting), count(role.restarts), bar(role.rate / most))),
      '',
      `asks         ${count(rate)} answered a second, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
      `visits       ${outcomes.map(([name, n]) => `${count(n)} ${name}`).join(', ')}`,
      `failures     ${count(this.#failures)} halls failed, ${count(stats.restarts)} actors restarted, ${this.#closed} of ${cast.halls} closed now`,
      `cores        ${this.#cores.running} running, ${this.#cores.lost} lost, ${count(film.shown)} frames computed there, ${count(film.torn)} torn`,
      `dead letters ${letters.map(([reason, n]) => `${count(n)} ${reason}`).join(', ') || 'none'}`,
      `counts       ${count(stats.sent)} sent = ${count(stats.handled)} handled + ${count(stats.failed)} failed + ${count(stats.deadLetters)} dead`
        + ` + ${count(stats.waiting)} waiting + ${count(stats.running)} running`,
    ].map((line) => crop(line.trimEnd(), width))
  }

  /** Draws the table over the one before. */
  draw(out: NodeJS.WriteStream): void {
    const lines = this.table(out.columns ?? 80).slice(0, Math.max(1, (out.rows ?? 24) - 1))
    const up = this.#linesOnScreen > 0 ? `\x1b[${this.#linesOnScreen}A` : ''
    this.#linesOnScreen = lines.length
    out.write(`${up}\r\x1b[J${lines.join('\n')}\n`)
  }

  #elapsed(): string {
    return ((this.#last.at - this.#begin) / 1_000).toFixed(1)
  }
}

function row(role: string, actors: string, rate: string, waiting: string, restarts: string, bar: string): string {
  return `${role.padEnd(12)} ${actors.padStart(6)}  ${rate.padStart(9)}  ${waiting.padStart(7)}  ${restarts.padStart(8)}  ${bar}`
}

const count = (value: number) => Math.round(value).toLocaleString('en')
const crop = (line: string, width: number) => (line.length > width ? `${line.slice(0, Math.max(1, width) - 1)}…` : line)
