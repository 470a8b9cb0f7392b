// Message arguments as bytes, and back. The format is private to one version of the package: every isolate of a system
// runs the same one.

import { Makers } from './makers.ts'
import type { Outside } from './outside.ts'
import { Reader } from './reader.ts'
import { Shapes } from './shapes.ts'
import { NUMBERED } from './tags.ts'
import { Texts } from './texts.ts'
import { Fault, FULL, under } from './unsendable.ts'
import { Writer } from './writer.ts'

export { registerClass } from './classes.ts'
export type { Outside, RefWords } from './outside.ts'
export { Unsendable } from './unsendable.ts'

/**
 * One isolate's side. What travels is what structured clone copies, less a few host objects; and refs, instances of
 * registered classes, and Node's `Buffer` as what they are. Within one message an object that occurs twice arrives once,
 * and cycles are kept. Holes in arrays stay holes. Other properties of arrays, maps, sets and the like are left behind,
 * so are symbol keys; getters are read. Views on one ArrayBuffer arrive as views on several, each with its own window,
 * unless the buffer is shared or transferred.
 */
export class Codec {
  readonly #outside: Outside
  readonly #shapes: Shapes
  readonly #makers: Makers
  readonly #texts = new Texts()
  readonly #writer: Writer
  readonly #reader: Reader

  constructor(outside: Outside) {
    this.#outside = outside
    this.#shapes = new Shapes(outside)
    this.#makers = new Makers(outside)
    this.#writer = new Writer(outside, this.#shapes)
    this.#reader = new Reader(outside, this.#makers, this.#texts)
  }

  /**
   * Writes `values` into `into` from byte `at` on; where it ended, or -1 when there was no room. Nothing counts as written
   * then, and attachments made meanwhile are the caller's to drop, as they are when it throws.
   *
   * @throws Unsendable for what cannot travel; and whatever a getter or a registered `encode` throws.
   */
  encode(values: readonly unknown[], into: Uint8Array, at: number, transfer?: readonly ArrayBuffer[]): number {
    // A getter, or a registered `encode`, may come back here.
    const w = this.#writer.busy ? new Writer(this.#outside, this.#shapes) : this.#writer
    w.start(into, at, transfer !== undefined && transfer.length > 0 ? transfer : undefined)
    let i = 0
    try {
      const { length } = values
      w.byte(0)
      w.number(length)
      for (; i < length; i++) w.value(values[i])
      if (w.numbered) into[at] = NUMBERED
      return w.at
    } catch (thrown) {
      if (thrown === FULL) return -1
      if (thrown instanceof Fault) {
        under(thrown, i)
        throw thrown.toError()
      }
      throw thrown
    } finally {
      w.stop()
    }
  }

  /**
   * Reads what `encode` wrote: the bytes from `at` to `end`. The values alias nothing.
   *
   * @throws An Error for bytes that are no message; and whatever a registered `decode` throws.
   */
  decode(from: Uint8Array, at: number, end: number): unknown[] {
    if (!(at >= 0 && end <= from.length && end - at >= 2)) throw new Error('malformed message: it is too short, or not inside the bytes')
    const r = this.#reader.busy ? new Reader(this.#outside, this.#makers, this.#texts) : this.#reader
    const head = from[at] as number
    r.start(from, at + 1, end, head === NUMBERED)
    try {
      if (head > NUMBERED) throw r.malformed('an unknown first byte')
      return r.values()
    } finally {
      r.stop()
    }
  }
}
