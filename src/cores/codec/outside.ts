// What the codec needs of the isolate it works in.

/** What travels of a ref. */
export interface RefWords {
  readonly address: number
  readonly age: number
  readonly cls: number
  /** Where it is, when that may not be found out by the address yet. */
  readonly path?: string | undefined
}

/** What the codec needs of its isolate; the runtime implements it. */
export interface Outside {
  /**
   * The system-wide number of a list of keys; the same list gives the same number in every isolate. Called once per
   * shape and codec. 0 to 65534; -1: no more shapes are given.
   */
  shape(keys: readonly string[]): number

  /** The keys of a shape; undefined for a number that was never given. Called once per known number and codec. */
  keys(shape: number): readonly string[] | undefined

  /** The three 32-bit words of `value` if it is an actor's ref. Called for objects that are no plain data. */
  ref(value: object): RefWords | undefined

  /** The ref of these words. */
  makeRef(address: number, age: number, cls: number, path?: string): unknown

  /** Whether large bytes are to be among the others: nothing can be kept beside what is written. */
  readonly isWhole?: boolean

  /** Keeps a copy of large bytes beside the letter being written; its place: 0, 1, … */
  attach(bytes: Uint8Array): number

  /** The bytes kept at a place of the letter being read, as a fresh ArrayBuffer that nobody else has. */
  attachment(place: number): ArrayBuffer

  /** Whether a buffer that was named in `transfer` is copied all the same: it has no way there. */
  copies?(buffer: ArrayBuffer): boolean

  /**
   * Hands over a SharedArrayBuffer, or an ArrayBuffer that was named in `transfer`, outside the bytes; its number.
   * Called once per buffer and message. An ArrayBuffer must stay attached until `encode` has returned: what comes after
   * it may still be unable to travel, or have no room.
   */
  move(value: ArrayBuffer | SharedArrayBuffer): number

  /** What `move` gave this number, in the letter being read. Called once per number and message. */
  moved(number: number): ArrayBuffer | SharedArrayBuffer
}
