// Letters out: memory that the core reads with the outbox, in which values are written one letter behind the other.

import type { Lane } from '../runtime/lane.ts'
import type { Codec } from './codec/codec.ts'
import type { Moves } from './moves.ts'

/** Bytes at first. It grows for a letter that is larger. */
const FIRST = 64 << 10
/** Bytes before a letter: its length, and how many large pieces go beside it. */
const HEAD = 8
/** Entries that whoever writes a letter may put after it. */
const ENTRIES = 3

export class Satchel {
  readonly #lane: Lane
  readonly #codec: Codec
  readonly #moves: Moves
  /** Tells the core where it is. */
  readonly #bind: (bytes: Uint8Array) => void
  #bytes = new Uint8Array(FIRST)
  #words = new Int32Array(this.#bytes.buffer)
  /** Large pieces of the letter that is being written. */
  #pieces: Uint8Array[] = []
  #isWriting = false
  /** What is written is kept by itself: large pieces are in it. */
  isWhole = false
  /** What is written is for a core thread: it gets a copy of memory that others would be given, or share. */
  isForThread = false
  /** Memory that its sender gave away and that is copied all the same. */
  #copied: ArrayBuffer[] = []
  /** The letter that was written last has some: it goes at once, so that the other side reads while this one writes. */
  isLarge = false

  constructor(lane: Lane, codec: Codec, moves: Moves, bind: (bytes: Uint8Array) => void) {
    this.#lane = lane
    this.#codec = codec
    this.#moves = moves
    this.#bind = bind
    bind(this.#bytes)
  }

  /**
   * Writes a letter, after words of the core's; where it lies. Whatever a getter or a registered class throws is thrown
   * on, and nothing was written. Room for the entries was reserved before.
   */
  write(to: number, values: readonly unknown[], before?: readonly number[], transfer?: readonly ArrayBuffer[]): number {
    const outer = { isWriting: this.#isWriting, isForThread: this.isForThread, pieces: this.#pieces, copied: this.#copied, noted: this.#moves.swap([]) }
    if (this.#isWriting) this.#renew(this.#bytes.length) // a getter sends: what is being written stays where it is
    this.#isWriting = true
    this.isForThread = to > this.#lane.placing.cores
    try {
      const lead = HEAD + (before === undefined ? 0 : before.length * 4)
      for (;;) {
        const at = this.#lane.penned
        const bytes = this.#bytes
        const end = this.#encode(values, at + lead, transfer)
        if (end < 0) {
          this.#makeRoom()
          continue
        }
        const place = bytes === this.#bytes ? at : this.#bring(bytes.subarray(at, end))
        this.#seal(place, end - at, before)
        this.#moves.send(to)
        if (this.#copied.length > 0) detach(this.#copied)
        return place
      }
    } finally {
      this.#isWriting = outer.isWriting
      this.isForThread = outer.isForThread
      this.#pieces = outer.pieces
      this.#copied = outer.copied
      this.#moves.swap(outer.noted)
    }
  }

  #encode(values: readonly unknown[], at: number, transfer: readonly ArrayBuffer[] | undefined): number {
    this.#pieces = []
    if (this.#copied.length > 0) this.#copied = []
    this.#moves.drop()
    return at > this.#bytes.length ? -1 : this.#codec.encode(values, this.#bytes, at, transfer)
  }

  #seal(place: number, length: number, before: readonly number[] | undefined): void {
    const w = place >> 2
    this.#words[w] = length - HEAD
    this.#words[w + 1] = this.#pieces.length
    if (before !== undefined) this.#words.set(before, w + HEAD / 4)
    this.#lane.penned = (place + length + 7) & ~7
    for (const piece of this.#pieces) this.#lane.native.attach(piece)
    this.isLarge = this.#pieces.length > 0
  }

  /** Other letters were written while this one was, and entries put for them: it comes behind them. */
  #bring(letter: Uint8Array): number {
    const lane = this.#lane
    if (lane.written + ENTRIES > lane.ring) lane.overflow()
    while (lane.penned + letter.length > this.#bytes.length) this.#makeRoom()
    this.#bytes.set(letter, lane.penned)
    return lane.penned
  }

  #makeRoom(): void {
    if (this.#lane.penned > 0) this.#lane.flush()
    else this.#renew(this.#bytes.length * 4) // one letter alone has no room
  }

  #renew(length: number): void {
    const bytes = new Uint8Array(length)
    bytes.set(this.#bytes.subarray(0, this.#lane.penned))
    this.#bytes = bytes
    this.#words = new Int32Array(bytes.buffer)
    this.#bind(bytes)
  }

  /** Whether a buffer that is given away is copied all the same: there is no port to a core thread. */
  copies(buffer: ArrayBuffer): boolean {
    if (this.isForThread) this.#copied.push(buffer)
    return this.isForThread
  }

  /** Bytes that go beside the letter that is being written; their number there. */
  attach(bytes: Uint8Array): number {
    return this.#pieces.push(bytes) - 1
  }

  /** Values as bytes of their own, for what is kept. */
  bytesOf(values: readonly unknown[]): Uint8Array {
    const outer = { isWhole: this.isWhole, isForThread: this.isForThread, noted: this.#moves.swap([]) }
    let room = 256
    this.isWhole = true
    this.isForThread = false
    try {
      for (;;) {
        const bytes = new Uint8Array(room)
        const end = this.#codec.encode(values, bytes, 0)
        if (end >= 0) return bytes.subarray(0, end)
        room *= 4
      }
    } finally {
      this.isWhole = outer.isWhole
      this.isForThread = outer.isForThread
      this.#moves.swap(outer.noted)
    }
  }
}

/** Takes memory from its sender. */
function detach(buffers: readonly ArrayBuffer[]): void {
  for (const buffer of new Set(buffers)) structuredClone(undefined, { transfer: [buffer] })
}
