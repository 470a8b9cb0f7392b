// What the addon offers, in types.

import { BuskinError } from '../errors.ts'
import { LAYOUT } from './layout.ts'
import { loadAddon } from './load.ts'

/** The native side of a lane. It has no opinion about anything: see crates/node. */
export interface NativeLane {
  /** Hands the outbox over and takes a full inbox. */
  turn(): void
  /** Uses these arrays from now on; what the core still has to read was copied into them. */
  rings(header: Int32Array, outbox: Int32Array, inbox: Int32Array, marks: Uint8Array): void
  /** Hands the outbox over in mid-way of an inbox. */
  submit(): void
  /** Fills the array with indices and ages; how many pairs. */
  grant(pairs: Int32Array): number
  /** Sent, handled, failed, waiting, running, actors, restarts, then dead letters by reason. */
  stats(into: Float64Array): void
  reserve(parent: number, name: string, index: number): boolean
  find(parent: number, name: string, into: Int32Array): boolean
  className(id: number, name: string): void
  /** Keeps how actors supervise and are checked, see crates/core/src/supervise; its number. */
  profile(numbers: Float64Array, root: 0 | 1): number
  setTime(micros: number): void
  /** In ms; -1 when nothing is due. */
  nextDeadline(): number
  /** Eight numbers an actor: index, age, depth, state, generation, waiting, handled, failed. */
  actors(): Float64Array
  children(index: number): Float64Array
  /** Messages with the numbers from 0 on, from a thread of its own: for tests of the doorbell. */
  pushFromThread(index: number, age: number, head: number, count: number): void
  /** What a walk over all mailboxes finds wrong; '' when nothing is. */
  audit(): string
  log(): string
  /** Bytes of cells, envelopes and calls. */
  memory(): Float64Array
  close(): void

  // What concerns other isolates of the system; see crates/node/src/system.rs.

  /**
   * The system has so many worker isolates, and may have so many core threads, from now on; the number that they find it by. Threads are
   * called `name`, are kept on a CPU each or not, and have so many bytes of stack (0: as many as ever).
   */
  open(cores: number, threads: number, settings: Float64Array, name: string, pin: 0 | 1, stack: number): number
  /** Starts the core thread of a lane, if it does not run; whether it does now: a system that ends starts none. */
  startThread(lane: number): boolean
  /** Whether the core thread of a lane was started. */
  hasThread(lane: number): boolean
  /** Ends the core threads, and waits for none: 0 they have ended, 1 they are about to, 2 some were left to themselves. */
  stopThreads(): 0 | 1 | 2
  /** Where letters lie: of the inbox, their places there, of the outbox. */
  bags(bag: Uint8Array, places: Int32Array, satchel: Uint8Array): void
  /** What messages of a method begin with, by the number of its name. */
  head(cls: number, name: number, head: number): void
  /** The number of a word of some kind in the whole system; -1 when there are too many. */
  word(kind: number, text: string, most: number): number
  wordAt(kind: number, id: number): string | undefined
  /** What a word of some kind means. */
  define(kind: number, id: number, text: string): void
  /** Large bytes beside the letter that is being written. */
  attach(bytes: Uint8Array): void
  detach(letter: number, place: number): ArrayBuffer | undefined
  /** Four words and the bytes of a letter that does not lie in the bag. */
  letter(id: number): ArrayBuffer | undefined
  /** The letter that an actor was spawned with, likewise. */
  seed(index: number): ArrayBuffer | undefined
  /** Keeps such a letter of an actor that has none. */
  plant(index: number, age: number, bytes: Uint8Array): void
  /** An error as a letter, should it have to be told elsewhere. */
  keepError(id: number, bytes: Uint8Array): void
  grantOn(lane: number, pairs: Int32Array): number
  reserveOn(lane: number, parent: number, name: string, index: number): boolean
  /** Index and age; of a stand-in, the address and age of its actor. */
  findOn(lane: number, parent: number, name: string, into: Int32Array): boolean
  /** The actor's name; false: its stand-in has it. Lane, index and age of the parent, or the stand-in, are written. */
  endOn(lane: number, index: number, age: number): number
  nameOn(lane: number, index: number, age: number, into: Int32Array): string | false | undefined
  /** As actors, of an actor and those below it; and of each the address and age that it stands in for. */
  actorsOn(lane: number, index: number, age: number): Float64Array
  auditOn(lane: number): string
  /** The age of an index; -1 when nobody is there. */
  ageOn(lane: number, index: number): number
  /** What the actor's class is called; '' when that lane does not know. */
  classOn(lane: number, index: number): string
  /** How an actor supervises that was spawned from elsewhere. */
  profileOf(index: number, profile: number): void
  /** As stats, of the whole system; and how many messages went between isolates. */
  total(into: Float64Array): void
  /** Whether the whole system is idle; while this isolate waits for it, it is woken when that may be. */
  idle(waits: boolean): boolean
  /** The feeds that this isolate listens to from now on, in MODE bits. */
  listens(bits: number): void
  /** Of each lane, those that its isolate listens to. */
  listeners(into: Int32Array): void
  /** Four numbers a lane: turns, messages on their way to it, work and actors. */
  look(into: Float64Array): void
  /** Tells, with CARRY_STALLED, of each lane whose isolate stays in one handler for longer. */
  watch(ms: number): void
  care(lane: number): void
  lost(lane: number): void
  /** Waits a little for mail; whether some came. */
  spin(micros: number): boolean
  /** Keeps the thread on one of the CPUs that it may use, the nth round and round; whether that was done. */
  pin(nth: number): boolean
  /** How many isolates the system has now. */
  crowd(): number
}

/** What the addon has under a name that native actors are spawned by. */
export interface NativeKind {
  /** Its methods, those of `streams` aside. */
  readonly methods: readonly string[]
  /** Methods that are read as streams. */
  readonly streams: readonly string[]
}

export interface Addon {
  /** Undefined: there is none of that name. */
  nativeKind(name: string): NativeKind | undefined
  nativeKinds(): string[]
  /** Registers the kinds of a library: their names. A string says why not. */
  nativeLoad(path: string): string[] | string
  /** There is the kind 'probe' from now on: for tests. */
  nativeProbe(): boolean
  /** Which layout the rings have. */
  readonly layout: number
  lane(
    wake: () => void,
    header: Int32Array,
    outbox: Int32Array,
    inbox: Int32Array,
    marks: Uint8Array,
    settings: Float64Array,
  ): NativeLane
  /** The lane of a worker isolate of a system. */
  attach(
    hub: number,
    place: number,
    wake: () => void,
    header: Int32Array,
    outbox: Int32Array,
    inbox: Int32Array,
    marks: Uint8Array,
  ): NativeLane
}

export const addon = load()

function load(): Addon {
  const loaded = loadAddon() as Addon
  if (loaded.layout === LAYOUT) return loaded
  throw new BuskinError(
    'ERR_BUSKIN_ADDON',
    'the Buskin addon is of another version than the package; reinstall both, or run `npm run build` in a checkout',
  )
}
