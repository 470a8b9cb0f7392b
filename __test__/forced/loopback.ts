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
import { inspect } from '../../src/runtime/look.ts'
import { LocalRef, localRef } from '../../src/runtime/ref.ts'
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
    if (from === undefined || from === to || ref.lane.system !== to.lane.system) return value
    const words = from.ref(ref)
    return words === undefined ? value : to.refTo(words.address, words.age, words.cls, words.path)
  }
  if (Array.isArray(value)) {
    return value.some((each) => hasRef(each, depth + 1)) ? value.map((each: unknown) => translate(each, to, depth + 1)) : value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || !hasRef(value, depth) || !isData(value, depth)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, translate(each, to, depth + 1)]))
}

function hasRef(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > 3) return false
  if (localRef(value) !== undefined) return true
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  return isPlain && Object.values(value).some((each) => hasRef(each, depth + 1))
}

/** What holds anything alive is shared by the test and its actors: it stays the one that it is. */
function isData(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > 3 || value instanceof Error || localRef(value) !== undefined) return true
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  return isPlain && Object.values(value).every((each) => isData(each, depth + 1))
}

/** Takes the codec's place. */
function byNumber(crossing: Crossing): void {
  const numbers: Pick<Codec, 'encode' | 'decode'> = {
    encode(values: readonly unknown[], into: Uint8Array, at: number): number {
      if (at + 4 > into.length) return -1
      new DataView(into.buffer, into.byteOffset).setUint32(at, carried.push([...values]) - 1)
      return at + 4
    },
    decode(from: Uint8Array, at: number): unknown[] {
      const number = new DataView(from.buffer, from.byteOffset).getUint32(at)
      return (carried[number] as unknown[]).map((value) => translated(value, crossing))
    },
  }
  Object.assign(crossing.codec, numbers)
}

class Loopback extends Cores {
  readonly core: Lane

  constructor(lane: Lane) {
    super(lane, 0)
    const hub = lane.native.open(1, 0, lane.numbers, '', 0, 0)
    const noPort = (): undefined => undefined
    const first = new Crossing(lane, 0, new Moves(0, noPort, () => []))
    byNumber(first)
    lane.crossing = first
    const core = new Lane(lane.system, lane.settings, { drain, spawn, stop, kill }, false, { hub, place: 1 })
    const second = new Crossing(core, 1, new Moves(1, noPort, () => []))
    byNumber(second)
    core.crossing = second
    core.cores = new Inside(core, 1, second)
    const { events, deadLetters, log, placing, propagated } = lane
    Object.assign(core, { events, deadLetters, log, placing, propagated })
    this.core = core
    shareSender(lane, core)
    ringsAtOnce(lane, core)
    ringsAtOnce(core, lane)
    if (lane.settings.clock !== undefined) attach(lane.settings.clock, core)
    core.kick()
  }

  open(): Crossing {
    return this.lane.crossing as Crossing
  }

  override spawn(
    info: ClassInfo,
    settings: ActorSettings,
    options: SpawnOptions<readonly unknown[]> | undefined,
    parent: LocalRef | null,
  ): LocalRef | undefined {
    const { births } = this.open()
    // the class is known there as if it had been loaded
    this.core.crossing?.births.know(births.share(info), info.cls)
    const own = options?.args === undefined ? options : { ...options, args: [...options.args] } // the list is the caller's
    return births.spawn(info, settings, own, parent, 1)
  }

  protected ensureCore(): void {}

  protected stateOfCore(): CoreState {
    return 'running'
  }

  /** As a worker thread does it: what came is still taken. */
  override async end(): Promise<void> {
    this.core.kick()
    await new Promise((resolve) => setImmediate(resolve))
    this.core.close()
  }

  /** Both lanes hand over what they have, and take what came, as far as that can be while nothing runs. */
  settle(): void {
    const { lane, core } = this
    for (const each of [lane, core, lane]) {
      if (each.isClosed || each.broken !== undefined) continue
      each.flush()
      if (each.native.spin(0) && !each.draining && each.at === each.filled) each.turn()
      each.kick()
    }
  }
}

/** What one lane pushes to the other is taken at once: a bell would be heard only after a turn of the event loop. */
function ringsAtOnce(lane: Lane, other: Lane): void {
  for (const name of ['turn', 'flush'] as const) {
    const original = lane[name].bind(lane)
    lane[name] = () => {
      const hasWorked = lane.written > 0 || lane.filled > 0
      original()
      if (!hasWorked || !other.idle || other.isClosed || !other.native.spin(0)) return
      // continuations of what was settled run before
      process.nextTick(() => {
        if (other.idle && !other.isClosed) other.kick()
      })
    }
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

/** And it compares what it was given on either side. */
const { equals } = LocalRef.prototype
LocalRef.prototype.equals = function (this: LocalRef, other: unknown) {
  const ref = localRef(other)
  const { crossing } = this.lane
  return equals.call(this, ref === undefined || crossing === undefined ? other : translated(other, crossing))
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

  protected ensureCore(): void {}

  protected stateOfCore(): CoreState {
    return 'running'
  }
}

/** All actors of the system live on the second lane. Whoever looks at the system finds what has been sent so far in its place. */
export function force(lane: Lane, system: System): void {
  ;(lane as { placing: unknown }).placing = { ...lane.placing, cores: 1 }
  lane.placesAll = true
  const cores = new Loopback(lane)
  lane.cores = cores
  for (const name of ['stats', 'inspect', 'lookup'] as const) {
    const original = system[name].bind(system) as (...args: unknown[]) => unknown
    system[name] = ((...args: unknown[]) => {
      cores.settle()
      // in a handler the system is that of the isolate it runs in
      return name === 'inspect' && cores.core.dispatching ? inspect(cores.core) : original(...args)
    }) as never
  }
}
