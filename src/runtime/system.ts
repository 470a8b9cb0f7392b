// What a user has of a system, on whichever of its isolates.

import type { Actor, ActorClass } from '../actor.ts'
import type { Feed } from '../feed.ts'
import type { ActorInfo, DeadLetter, Stats, SystemEvent } from '../lifecycle.ts'
import { shutdownOptions, type SpawnOptions, type SystemSettings } from '../options.ts'
import type { Ref } from '../ref.ts'
import type { System } from '../system.ts'
import { drain } from './drain.ts'
import { type Joins, Lane } from './lane.ts'
import { kill, spawn, stop } from './life.ts'
import { inspect, lookup } from './look.ts'

/** How the lane begins, when that is not as ever. */
interface Beginning {
  /** The core records what passes its border. */
  readonly keepLog?: boolean
  /** The isolate joins a system that another one made. */
  readonly joins?: Joins
  /** What ends the system, if not the lane itself. */
  readonly end?: (timeout: number) => Promise<void>
}

export class LaneSystem implements System {
  readonly #lane: Lane
  readonly #end: (timeout: number) => Promise<void>

  constructor(settings: SystemSettings, { keepLog = false, joins, end }: Beginning = {}) {
    this.#lane = new Lane(this, settings, { drain, spawn, stop, kill }, keepLog, joins)
    this.#end = end ?? ((timeout) => this.#lane.shutdown(timeout))
  }

  get name(): string {
    return this.#lane.settings.name
  }

  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C> {
    return spawn(this.#lane, cls as ActorClass, options as SpawnOptions<readonly unknown[]>, null) as unknown as Ref<C>
  }

  lookup<C extends Actor = Actor>(path: string): Ref<C> | null {
    return lookup(this.#lane, path) as Ref<C> | null
  }

  idle(): Promise<void> {
    return this.#lane.whenIdle()
  }

  stats(): Stats {
    return this.#lane.stats()
  }

  inspect(): ActorInfo {
    return inspect(this.#lane)
  }

  get deadLetters(): Feed<DeadLetter> {
    return this.#lane.deadLetters.feed
  }

  get events(): Feed<SystemEvent> {
    return this.#lane.events.feed
  }

  async shutdown(options?: { timeout?: number }): Promise<void> {
    const { timeout } = shutdownOptions(options, this.#lane.settings.shutdownTimeout)
    return this.#end(timeout)
  }

  get closed(): Promise<void> {
    return this.#lane.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  /** The machinery, for the runtime itself. */
  static lane(system: System): Lane {
    return (system as LaneSystem).#lane
  }
}
