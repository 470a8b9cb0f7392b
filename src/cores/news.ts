// What happens in one isolate is told to whoever listens in another: events, dead letters, and lines of cores for the log.

import type { FeedHub } from '../feed.ts'
import type { DeadLetter, SystemEvent } from '../lifecycle.ts'
import type { Logger } from '../logger.ts'
import { CARRY_NEWS, MODE_DEAD, MODE_EVENTS, WORD_ASKED } from '../native/layout.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import type { Crossing } from './crossing.ts'

/** A piece of news: what it is about, and what there is to say. */
export type FeedNews = ['event', SystemEvent] | ['dead', DeadLetter] | ['log', keyof Logger, string, object | undefined]

/** The address of an isolate. */
const addressOf = (place: number): number => (place + 1) << INDEX_BITS

/** Each isolate tells all others what it publishes first, as long as they listen: nobody passes on what it was told. */
export class Newsroom {
  readonly #crossing: Crossing
  /** Of each isolate the feeds that it listens to. */
  readonly #listeners: Int32Array

  constructor(crossing: Crossing) {
    const { lane } = crossing
    this.#crossing = crossing
    this.#listeners = new Int32Array(lane.placing.cores + 1)
    this.#relay(lane.events, MODE_EVENTS, (event) => ['event', event])
    this.#relay(lane.deadLetters, MODE_DEAD, (letter) => ['dead', letter])
    this.listens(lane.listening)
  }

  #relay<T>(feed: FeedHub<T>, bit: number, news: (value: T) => FeedNews): void {
    const { header } = this.#crossing.lane
    feed.relay = {
      get asked() {
        return ((header[WORD_ASKED] as number) & bit) !== 0
      },
      tell: (value) => this.#tellListeners(bit, news(value)),
    }
  }

  /** What this isolate listens to has changed. */
  listens(bits: number): void {
    this.#crossing.lane.native.listens(bits & (MODE_EVENTS | MODE_DEAD))
  }

  #tellListeners(bit: number, news: FeedNews): void {
    const { lane, place } = this.#crossing
    lane.native.listeners(this.#listeners)
    for (const [to, bits] of this.#listeners.entries()) if (to !== place && (bits & bit) !== 0) this.#tell(to, news)
  }

  #tell(to: number, news: FeedNews): void {
    const address = addressOf(to)
    try {
      this.#crossing.carry(CARRY_NEWS, address, 0, 0, 0, news)
    } catch {
      this.#crossing.carry(CARRY_NEWS, address, 0, 0, 0, this.#plain(news))
    }
  }

  /** Without what cannot travel. */
  #plain(news: FeedNews): FeedNews {
    if (news[0] === 'log') return ['log', news[1], news[2], undefined]
    if (news[0] === 'dead') return ['dead', { ...news[1], args: null }]
    const event = news[1]
    const told = <T extends { readonly error: unknown }>(of: T): T => ({ ...of, error: this.#crossing.bare(of.error) })
    if ('failure' in event) return ['event', { ...event, failure: told(event.failure) }]
    if (event.type === 'stopped' && event.reason?.kind === 'failed') return ['event', { ...event, reason: told(event.reason) }]
    return news
  }

  /** Another isolate tells. */
  hears(news: FeedNews): void {
    const { lane } = this.#crossing
    if (news[0] === 'event') lane.events.hear(Object.freeze(news[1]))
    else if (news[0] === 'dead') lane.deadLetters.hear(Object.freeze(news[1]))
    else lane.log[news[1]](news[2], news[3])
  }

  /** A line for the log of the isolate that made the system. */
  log(level: keyof Logger, message: string, fields?: object): void {
    this.#tell(0, ['log', level, message, fields])
  }
}

/** What a core logs to when the system's logger is not the default one. */
export function forwarding(news: () => Newsroom | undefined): Logger {
  const at =
    (level: keyof Logger) =>
    (message: string, fields?: object): void =>
      news()?.log(level, message, fields)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
