// Bytes into short strings. The same ones come again and again, so some are kept: finding one costs less than making it.

/** How many strings are kept; a power of two. */
const KEPT = 512
/** The longest strings that this is about. Beyond it V8 makes ropes of parts, and a Buffer is as fast. */
export const LONGEST_TEXT = 12

const { fromCharCode } = String

export class Texts {
  readonly #kept: string[] = Array.from({ length: KEPT }, () => '')

  /** The string of up to twelve bytes, one per character. */
  latin1(bytes: Uint8Array, from: number, to: number): string {
    const length = to - from
    if (length === 0) return ''
    // Four bytes tell most strings apart; those that they do not tell apart are made anew.
    const a = bytes[from] as number
    const b = bytes[from + (length >> 1)] as number
    const c = bytes[to - 1] as number
    const d = bytes[from + (length >> 2)] as number
    const place = (a ^ (b << 2) ^ (c << 4) ^ (d * 5) ^ (length * 37)) & (KEPT - 1)
    const kept = this.#kept[place] as string
    if (kept.length === length) {
      let i = 0
      while (i < length && kept.charCodeAt(i) === bytes[from + i]) i++
      if (i === length) return kept
    }
    return (this.#kept[place] = fresh(bytes, from, length))
  }
}

function fresh(b: Uint8Array, i: number, length: number): string {
  if (length < 5) {
    if (length === 1) return fromCharCode(b[i]!)
    if (length === 2) return fromCharCode(b[i]!, b[i + 1]!)
    if (length === 3) return fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!)
    return fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!)
  }
  if (length === 5) return fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!)
  if (length === 6) return fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!)
  if (length === 7) return fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!, b[i + 6]!)
  const eight = fromCharCode(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!, b[i + 6]!, b[i + 7]!)
  return length === 8 ? eight : eight + fresh(b, i + 8, length - 8)
}
