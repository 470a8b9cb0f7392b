// Strings into bytes.

import { SHORT_TEXT, SHORT_WIDE, TEXT, WIDE } from './tags.ts'
import { FULL } from './unsendable.ts'
import type { Writer } from './writer.ts'

const LONGEST_SHORT = 63

interface WellFormed {
  isWellFormed(): boolean
}

export function writeText(w: Writer, text: string): void {
  const { length } = text
  if (length > LONGEST_SHORT) return writeLong(w, text)
  const { bytes, at } = w
  if (w.limit - at <= length) throw FULL
  let to = at + 1
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) return writeShortWide(w, text)
    bytes[to++] = unit
  }
  bytes[at] = SHORT_TEXT + length
  w.at = to
}

/** Any code unit, lone surrogates too. */
function writeShortWide(w: Writer, text: string): void {
  const { bytes, at } = w
  const { length } = text
  if (w.limit - at < 2 + length * 2) throw FULL
  bytes[at] = SHORT_WIDE
  bytes[at + 1] = length
  let to = at + 2
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    bytes[to++] = unit
    bytes[to++] = unit >> 8
  }
  w.at = to
}

function writeLong(w: Writer, text: string): void {
  const { length } = text
  const start = w.at + 5
  const room = w.limit - start
  if (room < length) throw FULL
  const buffer = w.buffer()
  if (isWide(text) || !(text as unknown as WellFormed).isWellFormed()) {
    if (room < length * 2) throw FULL
    buffer.write(text, start, length * 2, 'utf16le')
    head(w, WIDE, length, length * 2)
    return
  }
  // A string has at most three bytes per code unit: only when room is scarce they have to be counted first.
  if (room < length * 3 && room < Buffer.byteLength(text, 'utf8')) throw FULL
  const written = buffer.write(text, start, room, 'utf8')
  head(w, TEXT, written, written)
}

/** Whether most of it is beyond U+00FF, by four samples: then UTF-16 takes about as much room as UTF-8, and no work. */
function isWide(text: string): boolean {
  const { length } = text
  let wide = 0
  for (let i = 0; i < 4; i++) if (text.charCodeAt(Math.floor((length * i) / 4)) > 0xff) wide++
  return wide >= 3
}

function head(w: Writer, tag: number, length: number, size: number): void {
  const { bytes, at } = w
  bytes[at] = tag
  bytes[at + 1] = length
  bytes[at + 2] = length >>> 8
  bytes[at + 3] = length >>> 16
  bytes[at + 4] = length >>> 24
  w.at = at + 5 + size
}
