// A core without a thread: the second lane of a system, in the isolate of the test. Everything that goes between the two
// lanes goes as between isolates, through the core, but what a message carries is left where it is and only numbered.

import { attach } from '../../src/clock.ts'
import type { Codec } from '../../src/cores/codec/codec.ts'
import { Cores } from '../../src/cores/cores.ts'
import { Crossing } from '../../src/cores/crossing.ts'
import { Moves } from '../../src/cores/moves.ts'
import type { CoreState } from '../../src/cores/placement.ts'
import type { ActorSettings, SpawnOptions } from '../../src/options.ts'
import type { ClassInfo } from '../../src/runtime/classes.ts'
import { LocalContext } from '../../src/runtime/context.ts'
import { drain } from '../../src/runtime/drain.ts'
import { Lane } from '../../src/runtime/lane.ts'
import { kill, spawn, stop } from '../../src/runtime/life.ts'
import { localRef, type LocalRef } from '../../src/runtime/ref.ts'
import type { System } from '../../src/system.ts'

/** What messages carry, by number. Never emptied: a test is short. */
const carried: unknown[] = []

/** Refs are translated, as between isolates; everything else is handed over as it is. */
function translated(value: unknown, to: Crossing): unknown {
  try {
    return translate(value, to)
  } catch {
    return value // it does not like to be looked at
  }
}

function translate(value: unknown, to: Crossing, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 3) return value
  const ref = localRef(value)
  if (ref !== undefined) {
    const from = ref.lane.crossing
    if (from === undefined || from === to || ref.lane === to.lane) return value
    const words = from.ref(ref)
    return words === undefined ? value : to.refTo(words.address, words.age, words.cls)
  }
  if (Array.isArray(value)) {
    return value.some((each) => hasRef(each, depth + 1)) ? value.map((each: unknown) => translate(each, to, depth + 1)) : value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || !hasRef(value, depth)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, translate(each, to, depth + 1)]))
}

function hasRef(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > 3) return false
  if (localRef(value) !== undefined) return true
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  return isPlain && Object.values(value).some((each) => hasRef(each, depth + 1))
}

/** In the place of the codec. */
function byNumber(crossing: Crossing): Codec {
  return {
    encode(values: readonly unknown[], into: Uint8Array, at: number): number {
      if (at + 4 > into.length) return -1
      new DataView(into.buffer, into.byteOffset).setUint32(at, carried.push([...values]) - 1)
      return at + 4
    },
    decode(from: Uint8Array, at: number): unknown[] {
      const number = new DataView(from.buffer, from.byteOffset).getUint32(at)
      return (carried[number] as unknown[]).map((value) => translated(value, crossing))
    },
  } as unknown as Codec
}

class Loopback extends Cores {
  readonly #system: System
  #core: Lane | undefined

  constructor(lane: Lane, system: System) {
    super(lane, 0)
    this.#system = system
  }

  open(): Crossing {
    const { lane } = this
    if (lane.crossing !== undefined) return lane.crossing
    const hub = lane.native.open(1, lane.numbers)
    const noPort = (): undefined => undefined
    const first = new Crossing(lane, 0, new Moves(0, noPort, () => []))
    ;(first as { codec: Codec }).codec = byNumber(first)
    lane.crossing = first
    const core = new Lane(this.#system, lane.settings, { drain, spawn, stop, kill }, false, { hub, place: 1 })
    const second = new Crossing(core, 1, new Moves(1, noPort, () => []))
    ;(second as { codec: Codec }).codec = byNumber(second)
    core.crossing = second
    core.cores = new Inside(core, 1, second)
    const shared = { events: lane.events, deadLetters: lane.deadLetters, log: lane.log, placing: lane.placing, propagated: lane.propagated }
    Object.assign(core, shared)
    this.#core = core
    shareSender(lane, core)
    this.listens(lane.listening)
    if (lane.settings.clock !== undefined) attach(lane.settings.clock, core)
    core.kick()
    return first
  }

  override spawn(
    info: ClassInfo,
    settings: ActorSettings,
    options: SpawnOptions<readonly unknown[]> | undefined,
    parent: LocalRef | null,
  ): LocalRef | undefined {
    const crossing = this.open()
    const core = this.#core as Lane
    // the class is known there as if it had been loaded
    const id = crossing.births.share(info)
    core.crossing?.births.know(id, info.cls)
    return crossing.births.spawn(info, settings, options, parent, 1)
  }

  override listens(bits: number): void {
    const core = this.#core
    if (core === undefined) return
    core.mode = (core.mode & ~core.listening) | bits
    core.listening = bits
    core.kick()
  }

  ensure(): void {}

  stateOf(): CoreState {
    return 'running'
  }

  override async end(): Promise<void> {
    this.#core?.close()
  }
}

/** A closure of a test that runs inside an actor of the second lane calls by refs of the first: the sender is that actor. */
function shareSender(first: Lane, second: Lane): void {
  let current = 0
  const address = (): number => ((1 + 1) << 26) | second.current
  Object.defineProperty(first, 'current', {
    get: () => (current === 0 && second.dispatching && second.current !== 0 ? address() : current),
    set: (value: number) => {
      current = value >>> 26 === 0 ? value : 0
    },
  })
}

/** Such a closure also gives refs of the first lane to the context of an actor on the second. */
for (const name of ['watch', 'link', 'adopt', 'release'] as const) {
  const { prototype } = LocalContext
  const original = prototype[name] as (this: LocalContext, target: never, ...rest: unknown[]) => unknown
  prototype[name] = function (this: LocalContext, target: unknown, ...rest: unknown[]) {
    const own = localRef(this.self) as LocalRef
    const { crossing } = own.lane
    return original.call(this, (crossing === undefined ? target : translated(target, crossing)) as never, ...rest)
  } as never
}

/** What a core's own actors spawn stays there. */
class Inside extends Cores {
  readonly #crossing: Crossing

  constructor(lane: Lane, here: number, crossing: Crossing) {
    super(lane, here)
    this.#crossing = crossing
  }

  open(): Crossing {
    return this.#crossing
  }

  override spawn(): undefined {
    return undefined
  }

  ensure(): void {}

  stateOf(): CoreState {
    return 'running'
  }
}

/** All actors of the system live on the second lane. */
export function force(lane: Lane, system: System): void {
  ;(lane as { placing: unknown }).placing = { ...lane.placing, cores: 1 }
  lane.placesAll = true
  lane.cores = new Loopback(lane, system)
}
