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
}

export interface Addon {
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
