// A system: one runtime in this process.

import { pathToFileURL } from 'node:url'
import type { Actor, ActorClass } from './actor.ts'
import { attach, isManualClock } from './clock.ts'
import type { Feed } from './feed.ts'
import type { ActorInfo, DeadLetter, Stats, SystemEvent } from './lifecycle.ts'
import { type SpawnOptions, type SystemOptions, systemOptions } from './options.ts'
import type { Ref } from './ref.ts'
import { joinSystem } from './cores/boot.ts'
import { MainCores } from './cores/main.ts'
import { evaluatedNow } from './cores/toplevel.ts'
import { systemOnCore } from './errors.ts'
import type { Lane } from './runtime/lane.ts'
import { LaneSystem } from './runtime/system.ts'

/** A runtime: actors, their clock, their counts. Independent of every other system in the process. */
export interface System extends AsyncDisposable {
  readonly name: string
  /** Makes an actor. The ref can be used at once; the constructor runs later. */
  spawn<C extends Actor, P extends readonly unknown[]>(cls: ActorClass<C, P>, options?: SpawnOptions<P>): Ref<C>
  /** The living actor at a path: '/orders/42'. */
  lookup<C extends Actor = Actor>(path: string): Ref<C> | null
  /** Resolves when everything sent so far, and what that caused, is handled: for tests and scripts. */
  idle(): Promise<void>
  /** The counts of this moment. Works after shutdown too. */
  stats(): Stats
  /** The tree of actors, from the root; plain data. */
  inspect(): ActorInfo
  /** Messages that were not handled, with the reason. */
  readonly deadLetters: Feed<DeadLetter>
  /** What happens to actors. */
  readonly events: Feed<SystemEvent>
  /** Children stop in reverse order of start, each within its deadline. Idempotent. */
  shutdown(options?: { timeout?: number }): Promise<void>
  /** Resolves when the system has ended. */
  readonly closed: Promise<void>
}

/** Makes a system. Its actors' handlers run in the AsyncLocalStorage context of this call. */
export function createSystem(options?: SystemOptions): System {
  const module = evaluatedNow()
  if (module !== undefined) throw systemOnCore(module)
  return makeSystem(options, false)
}

/** A system whose core keeps a record of what passes its border; for the runtime's own tests. */
export function createRecordedSystem(options?: SystemOptions): System {
  return makeSystem(options, true)
}

/** The module that Buskin is in: what worker isolates run. A bundle in CommonJS has no `import.meta`. */
const entry = new URL((import.meta.url as string | undefined) ?? pathToFileURL(__filename).href)

function makeSystem(options: SystemOptions | undefined, keepLog: boolean): System {
  const settings = systemOptions(options, isManualClock)
  const system = new LaneSystem(settings, { keepLog })
  const lane = laneOf(system)
  lane.makeCores = () => (lane.cores ??= new MainCores(lane, entry))
  if (lane.placing.cores > 0) lane.makeCores()
  if (settings.clock !== undefined) attach(settings.clock, lane)
  return system
}

joinSystem(entry)

/** The machinery of a system; for the runtime's own tests. */
export const laneOf = (system: System): Lane => LaneSystem.lane(system)
