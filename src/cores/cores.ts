// The worker isolates of a system, as each of its isolates sees them: where a new actor goes, and what is told of them.

import type { SpawnOptions } from '../options.ts'
import type { ActorSettings } from '../options.ts'
import type { ClassInfo } from '../runtime/classes.ts'
import type { Lane } from '../runtime/lane.ts'
import { localRef, type LocalRef } from '../runtime/ref.ts'
import type { Crossing } from './crossing.ts'
import { FarRef } from './far.ts'
import { type CoreLoad, type CoreState, place, type Site } from './placement.ts'

/** Numbers a lane in what `look` gives. */
export const LOOK = 4
/** How many ms what was looked at is good for. */
const FRESH = 1

export abstract class Cores implements Site {
  readonly lane: Lane
  readonly here: number
  readonly cores: number
  readonly look: Float64Array
  /** Spawns since the last look at a core that ran, by core. */
  readonly #sent: number[]
  #looked = -Infinity

  constructor(lane: Lane, here: number) {
    this.lane = lane
    this.here = here
    this.cores = lane.placing.cores
    this.look = new Float64Array((this.cores + 1) * LOOK)
    this.#sent = Array.from({ length: this.cores + 1 }, () => 0)
  }

  /** Makes the crossing, when there is none yet. */
  abstract open(): Crossing
  /** Starts a core that does not run. */
  abstract ensure(core: number): void
  abstract stateOf(core: number): CoreState
  /** The system has ended: so do they. */
  end?(): Promise<void>

  /** Spawns an actor that lives elsewhere, or whose parent does; undefined when it is one like any other. */
  spawn(
    info: ClassInfo,
    settings: ActorSettings,
    options: SpawnOptions<readonly unknown[]> | undefined,
    parent: LocalRef | null,
  ): LocalRef | undefined {
    const target = place({ on: settings.on, className: info.name, hasModule: info.hasModule }, this)
    if (target === this.here && (this.here === 0 || parent !== null)) return undefined
    const crossing = this.open()
    if (target !== 0) this.ensure(target)
    this.#sent[target] = (this.#sent[target] as number) + 1
    return crossing.births.spawn(info, settings, options, parent, target)
  }

  coreOf(ref: object): number {
    const known = localRef(ref)
    return known instanceof FarRef ? known.place : this.here
  }

  loadOf(core: number): CoreLoad {
    const now = performance.now()
    if (now - this.#looked > FRESH && this.lane.crossing !== undefined) {
      this.#looked = now
      this.lane.native.look(this.look)
      // a core that starts has not read of any
      for (let each = 1; each <= this.cores; each++) if (this.stateOf(each) === 'running') this.#sent[each] = 0
    }
    const at = core * LOOK
    const waiting = (this.look[at + 1] as number) + (this.look[at + 2] as number)
    return { state: this.stateOf(core), waiting, actors: (this.look[at + 3] as number) + (this.#sent[core] as number) }
  }
}
