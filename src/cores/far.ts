// A ref to an actor of another isolate. Its index is an address: the core sends what it is told there.

import type { Lane } from '../runtime/lane.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import { type Boot, hasEnded, LocalRef, moreIf } from '../runtime/ref.ts'

/** What is known of an actor whose end came before anybody asked where it was. */
export const ENDED = '(ended)'

export class FarRef extends LocalRef {
  /** The cell that stands in for it in this isolate's lane, when its parent is here. */
  #seat: number
  #seatAge: number
  #path: string | undefined = undefined
  #told: string | undefined

  /** `told`: where it is, should the isolate that it lives in not know of it yet. */
  constructor(address: number, age: number, boot: Boot, seat: number, seatAge: number, told?: string) {
    super(address | 0, age, boot)
    this.#seat = seat
    this.#seatAge = seatAge
    this.#told = told
  }

  override get isFar(): boolean {
    return true
  }

  override get seat(): number {
    return this.#seat
  }

  override get seatAge(): number {
    return this.#seatAge
  }

  /** The number of the isolate that it lives on. */
  get place(): number {
    return (this.index >>> INDEX_BITS) - 1
  }

  /** What others are told of its path: nothing, when they can find it out by the address. */
  get told(): string | undefined {
    if (this.#seat === 0) return hasEnded(this) ? (this.#path ?? this.#told) : this.#told
    return moreIf(this)?.hasStarted === true ? undefined : this.path
  }

  /** The isolate that it lived in says so. */
  was(path: string): void {
    this.#told ??= path
  }

  override get name(): string {
    if (this.#seat === 0) return this.path.slice(this.path.lastIndexOf('/') + 1)
    return this.boot.given ?? `${this.info.name}-${this.#seatAge * 2 ** INDEX_BITS + this.#seat}`
  }

  override get path(): string {
    if (this.#seat !== 0) {
      const { parent } = this.boot
      return parent === null ? `/${this.name}` : `${parent.path}/${this.name}`
    }
    // looked for each time: it, or one above it, may have got another parent
    this.#path = findPath(this.lane, this.place, this.index & ((1 << INDEX_BITS) - 1), this.age) ?? this.#path
    return this.#path ?? this.#told ?? ENDED
  }

  /** Its parent is not in this isolate any more. */
  unseat(): void {
    this.#path = this.path
    this.#seat = this.#seatAge = 0
  }
}

const parent = new Int32Array(3)

/** The path of an actor that lives somewhere in the system; undefined when it has ended. */
export function findPath(lane: Lane, place: number, index: number, age: number): string | undefined {
  lane.flush()
  let path = ''
  let at = place
  let cell = index
  let cellAge = age
  while (cell !== 0) {
    const name = lane.native.nameOn(at, cell, cellAge, parent)
    if (name === undefined) return undefined
    if (name !== false) path = `/${name}${path}`
    at = parent[0] as number
    cell = parent[1] as number
    cellAge = parent[2] as number
  }
  return path
}
