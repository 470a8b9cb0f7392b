// Where a new actor goes: a pure decision about numbers.

import { noModule } from '../errors.ts'
import type { Placement } from '../options.ts'
import type { Ref } from '../ref.ts'

/**
 * What a worker isolate is at. 'none': never needed yet. 'starting': its thread runs, Buskin there is not ready.
 * 'stopping': it was asked to end. 'lost': it died and is not started again yet. 'stopped': it has ended as asked.
 */
export type CoreState = 'none' | 'starting' | 'running' | 'stopping' | 'lost' | 'stopped'

/** What is known of one worker isolate. */
export interface CoreLoad {
  readonly state: CoreState
  /** Messages that wait or run there, those on their way included. */
  readonly waiting: number
  /** Actors that live there, those whose spawn is on its way included: a burst of spawns spreads by this. */
  readonly actors: number
}

/** What `place` decides about. */
export interface Request {
  readonly on: Placement | undefined
  /** What errors call the class. */
  readonly className: string
  /** Whether the class itself has a `static module` that is defined. */
  readonly hasModule: boolean
}

/** The system that a request is made in. */
export interface Site {
  /** The isolate that spawns: 0 or the number of a core. */
  readonly here: number
  /** How many worker isolates the system has. */
  readonly cores: number
  /** The isolate on which an actor lives; undefined: it is a native one, and lives on none. */
  coreOf(ref: Ref<any>): number | undefined
  /** Of the cores from 1 to `cores`. */
  loadOf(core: number): CoreLoad
}

/** One message that waits or runs weighs as much as this many actors that rest. */
const MESSAGE_WEIGHT = 16

/**
 * The isolate for a new actor: 0 or the number of a core, started or not. Throws ERR_BUSKIN_MODULE for a class that
 * could not be loaded there.
 */
export function place(request: Request, site: Site): number {
  const on = nearNone(request.on, site) ? undefined : request.on
  return placeAt(on ?? (request.hasModule ? 'any' : 'local'), request, site)
}

/** No isolate is near a native actor: then it is as if nothing was said. */
function nearNone(on: Placement | undefined, site: Site): boolean {
  return typeof on === 'object' && 'near' in on && site.coreOf(on.near) === undefined
}

function placeAt(on: Placement, request: Request, site: Site): number {
  if (on === 'local' || site.cores === 0) return site.here
  if (typeof on === 'number') return reachable(on, request, site)
  if (on !== 'any' && 'near' in on) return reachable(site.coreOf(on.near) as number, request, site)
  // refused whatever they would come to, so that it does not depend on load or key
  if (!request.hasModule) throw noModule(request.className)
  return on === 'any' ? leastLoaded(site) : coreOfKey(on.key, site.cores)
}

/** A class without a module can be had where it is. */
function reachable(core: number, request: Request, site: Site): number {
  if (core !== site.here && !request.hasModule) throw noModule(request.className)
  return core
}

/**
 * The core with the least load, which is 16 × messages + actors. A core that was never started has none; so one that is
 * started already is taken before it only while nothing is on it. Lost cores come after all others, and cores that end
 * after those. Ties: first those that run, then the lowest number.
 */
export function leastLoaded(site: Pick<Site, 'cores' | 'loadOf'>): number {
  let best = 1
  let least = Infinity
  let bestRank = Infinity
  for (let core = 1; core <= site.cores; core++) {
    const { state, waiting, actors } = site.loadOf(core)
    const load = OUT_OF_ORDER[state] + MESSAGE_WEIGHT * waiting + actors
    if (load < least || (load === least && RANK[state] < bestRank)) {
      best = core
      least = load
      bestRank = RANK[state]
    }
  }
  return best
}

/** More than any load can be. */
const OUT_OF_ORDER: Readonly<Record<CoreState, number>> = {
  none: 0,
  starting: 0,
  running: 0,
  lost: 2 ** 50,
  stopping: 2 ** 51,
  stopped: 2 ** 51,
}
const RANK: Readonly<Record<CoreState, number>> = { running: 0, starting: 1, none: 2, lost: 3, stopping: 4, stopped: 5 }

/**
 * The core of all actors with a key. Rendezvous hashing: each core has a score for the key, and the highest wins; so
 * with one core more only those keys move that it takes over. The number 1 and the string '1' are different keys.
 */
export function coreOfKey(key: string | number, cores: number): number {
  const seed = hash(typeof key === 'number' ? `n${key}` : `s${key}`)
  let best = 1
  let highest = -1
  for (let core = 1; core <= cores; core++) {
    const score = mix(seed ^ mix(core))
    if (score > highest) {
      best = core
      highest = score
    }
  }
  return best
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193)
  return value
}

/** The last step of MurmurHash3: every bit of the input moves every bit of the output. */
function mix(input: number): number {
  let value = input
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35)
  return (value ^ (value >>> 16)) >>> 0
}
