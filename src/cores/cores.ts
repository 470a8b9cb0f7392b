// The worker isolates and the core threads of a system, as each of its isolates sees them: where a new actor goes, and what is
// told of them. Threads are numbered after the worker isolates.

import { noThreads, option } from '../errors.ts'
import { type ActorSettings, MOST_CORES, type SpawnOptions } from '../options.ts'
import type { ClassInfo } from '../runtime/classes.ts'
import type { Lane } from '../runtime/lane.ts'
import { localRef, type LocalRef } from '../runtime/ref.ts'
import { threadsOf } from './cpus.ts'
import type { Crossing } from './crossing.ts'
import { FarRef } from './far.ts'
import { type CoreLoad, type CoreState, coreOfKey, leastLoaded, place, type Site } from './placement.ts'

/** Numbers a lane in what `look` gives. */
export const LOOK = 4
/** Spawns on a thread that was not looked at since. */
const UNKNOWN = -1
/** How many ms what was looked at is good for. */
const FRESH = 1

export abstract class Cores implements Site {
  readonly lane: Lane
  readonly here: number
  readonly cores: number
  readonly look = new Float64Array((MOST_CORES + 1) * LOOK)
  /** Spawns since the last look at a core that ran, by core. */
  readonly #sent = Array.from({ length: MOST_CORES + 1 }, () => 0)
  /** The turns of a thread by which it has read of them. */
  readonly #readBy = Array.from({ length: MOST_CORES + 1 }, () => UNKNOWN)
  #looked = -Infinity
  #threads = -1

  constructor(lane: Lane, here: number) {
    this.lane = lane
    this.here = here
    this.cores = lane.placing.cores
  }

  /** How many core threads the system may have. Counted when the first other isolate or thread is needed, not before. */
  get threads(): number {
    const { settings, clock } = this.lane
    if (this.#threads < 0) this.#threads = clock === undefined ? threadsOf(settings.threads, this.cores) : 0
    return this.#threads
  }

  /** Makes the crossing, when there is none yet. */
  abstract open(): Crossing
  /** Starts a core that does not run. */
  protected abstract ensureCore(core: number): void
  protected abstract stateOfCore(core: number): CoreState
  /** The system has ended: so do they. */
  end?(): Promise<void>

  /** Spawns an actor that lives elsewhere, or whose parent does; undefined when it is one like any other. */
  spawn(
    info: ClassInfo,
    settings: ActorSettings,
    options: SpawnOptions<readonly unknown[]> | undefined,
    parent: LocalRef | null,
  ): LocalRef | undefined {
    const target = info.isNative ? this.#threadFor(settings, info.name) : place({ on: settings.on, className: info.name, hasModule: info.hasModule }, this)
    if (target === this.here && (this.here === 0 || parent !== null)) return undefined
    const crossing = this.open()
    if (target !== 0) this.ensure(target)
    this.#sent[target] = (this.#sent[target] as number) + 1
    this.#readBy[target] = UNKNOWN
    return crossing.births.spawn(info, settings, options, parent, target)
  }

  /** Starts a core, or a core thread, that does not run. */
  ensure(place: number): void {
    if (place <= this.cores) {
      this.ensureCore(place)
      return
    }
    const { native, settings } = this.lane
    if (native.hasThread(place) || !native.startThread(place)) return
    const { stallAfter } = settings.core
    if (stallAfter !== false) native.watch(stallAfter)
  }

  stateOf(place: number): CoreState {
    if (place <= this.cores) return this.stateOfCore(place)
    return this.lane.crossing !== undefined && this.lane.native.hasThread(place) ? 'running' : 'none'
  }

  /** A thread that made two turns since it was first looked at after the last spawn has read of that, and of those before. */
  #read(thread: number): void {
    const turns = this.look[thread * LOOK] as number
    const by = this.#readBy[thread] as number
    if (by === UNKNOWN) this.#readBy[thread] = turns + 2
    else if (turns >= by) this.#sent[thread] = 0
  }

  /** The core thread for a new native actor. */
  #threadFor({ on, supervision }: ActorSettings, name: string): number {
    const { cores, threads, lane } = this
    if (threads === 0) throw noThreads(lane.clock !== undefined)
    if (on === 'local' || typeof on === 'number') throw option('on', on, `'any', { near: ref } or { key: … } for ${name}, whose actors live on core threads`)
    if (supervision.decide !== undefined) throw option('supervision.decide', supervision.decide, `none for ${name}, whose actors are native, as are their children`)
    if (typeof on === 'object' && 'key' in on) return cores + coreOfKey(on.key, threads)
    const near = typeof on === 'object' ? this.#placeOf(on.near) : 0
    if (near > cores) return near
    return cores + leastLoaded({ cores: threads, loadOf: (thread) => this.loadOf(cores + thread) })
  }

  #placeOf(ref: object): number {
    const known = localRef(ref)
    return known instanceof FarRef ? known.place : this.here
  }

  coreOf(ref: object): number | undefined {
    const at = this.#placeOf(ref)
    return at > this.cores ? undefined : at
  }

  loadOf(core: number): CoreLoad {
    const now = performance.now()
    if (now - this.#looked > FRESH && this.lane.crossing !== undefined) {
      this.#looked = now
      this.lane.native.look(this.look)
      // a core that starts has not read of any
      for (let each = 1; each <= this.cores; each++) if (this.stateOf(each) === 'running') this.#sent[each] = 0
      for (let each = this.cores + 1; each <= this.cores + this.threads; each++) this.#read(each)
    }
    const at = core * LOOK
    const waiting = (this.look[at + 1] as number) + (this.look[at + 2] as number)
    return { state: this.stateOf(core), waiting, actors: (this.look[at + 3] as number) + (this.#sent[core] as number) }
  }
}
