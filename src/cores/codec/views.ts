// Bytes of all kinds: buffers, and the views on them.

import { BUFFER, BUFFER_ATTACHED, BUFFER_MOVED, LARGE, VIEW, VIEW_ATTACHED, VIEW_MOVED } from './tags.ts'
import type { Reader } from './reader.ts'
import { DETACHED, Fault, FULL } from './unsendable.ts'
import type { Writer } from './writer.ts'

type AnyBuffer = ArrayBuffer | SharedArrayBuffer

interface Kind {
  readonly cls: unknown
  /** Bytes per item. */
  readonly size: number
  make(buffer: AnyBuffer, offset: number, length: number): ArrayBufferView
}

type ViewClass = (new (buffer: AnyBuffer, offset: number, length: number) => ArrayBufferView) & {
  readonly BYTES_PER_ELEMENT?: number
}

function kindOf(cls: ViewClass): Kind {
  return { cls, size: cls.BYTES_PER_ELEMENT ?? 1, make: (buffer, offset, length) => new cls(buffer, offset, length) }
}

/** By their numbers in the format: only append. Node 20 has no Float16Array. */
const kinds: readonly Kind[] = [
  ...[
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array,
    Float64Array, BigInt64Array, BigUint64Array, DataView,
  ].map((cls) => kindOf(cls as ViewClass)),
  { cls: Buffer, size: 1, make: (buffer, offset, length) => Buffer.from(buffer as ArrayBuffer, offset, length) },
  ...('Float16Array' in globalThis ? [kindOf((globalThis as unknown as { Float16Array: ViewClass }).Float16Array)] : []),
]

/** The classes that `writeView` knows, with the numbers it wants. */
export const viewClasses: readonly (readonly [unknown, number])[] = kinds.map(({ cls }, number) => [cls, number] as const)

export function writeView(w: Writer, view: ArrayBufferView, number: number): void {
  const { buffer } = view
  // A DataView does not even tell its length then.
  if (view instanceof DataView && !(buffer instanceof SharedArrayBuffer)) checkAttached(view, buffer)
  const { byteOffset, byteLength } = view
  if (travelsItself(w, buffer)) {
    w.byte(VIEW_MOVED)
    w.byte(number)
    w.number(w.move(buffer))
    w.number(byteOffset)
    w.number(byteLength / (kinds[number] as Kind).size)
    return
  }
  if (byteLength === 0) checkAttached(view, buffer)
  const bytes = view instanceof Uint8Array ? view : new Uint8Array(buffer, byteOffset, byteLength)
  if (byteLength >= LARGE && w.outside.isWhole !== true) {
    w.byte(VIEW_ATTACHED)
    w.byte(number)
    w.number(w.outside.attach(bytes))
  } else {
    w.byte(VIEW)
    w.byte(number)
    writeBytes(w, bytes)
  }
}

export function writeBuffer(w: Writer, buffer: AnyBuffer): void {
  if (travelsItself(w, buffer)) {
    w.byte(BUFFER_MOVED)
    w.number(w.move(buffer))
    return
  }
  if (buffer.byteLength === 0) checkAttached(buffer, buffer)
  const bytes = new Uint8Array(buffer)
  if (bytes.length >= LARGE && w.outside.isWhole !== true) {
    w.byte(BUFFER_ATTACHED)
    w.number(w.outside.attach(bytes))
  } else {
    w.byte(BUFFER)
    writeBytes(w, bytes)
  }
}

/** Whether the memory is shared, or given away: no copy then. */
function travelsItself(w: Writer, buffer: AnyBuffer): boolean {
  if (buffer instanceof SharedArrayBuffer) return true
  return w.transfer !== undefined && w.transfer.includes(buffer) && w.outside.copies?.(buffer) !== true
}

/** Transferred memory looks empty; a copy of it would be lost data that nobody notices. */
function checkAttached(value: object, buffer: AnyBuffer): void {
  try {
    void new Uint8Array(buffer)
  } catch {
    throw new Fault(value, DETACHED)
  }
}

function writeBytes(w: Writer, bytes: Uint8Array): void {
  const { length } = bytes
  w.number(length)
  if (w.limit - w.at < length) throw FULL
  w.bytes.set(bytes, w.at)
  w.at += length
}

function readBytes(r: Reader): ArrayBuffer {
  const length = r.length()
  if (length > r.end - r.at) throw r.malformed('more bytes are announced than there are')
  const buffer = new ArrayBuffer(length)
  new Uint8Array(buffer).set(r.bytes.subarray(r.at, r.at + length))
  r.at += length
  return buffer
}

function readKind(r: Reader): Kind {
  const kind = kinds[r.byte()]
  if (kind === undefined) throw r.malformed('an unknown kind of view')
  return kind
}

function whole(r: Reader, kind: Kind, buffer: ArrayBuffer): ArrayBufferView {
  if (buffer.byteLength % kind.size !== 0) throw r.malformed('a view that ends inside an item')
  return r.keep(kind.make(buffer, 0, buffer.byteLength / kind.size))
}

export function readView(r: Reader): ArrayBufferView {
  const kind = readKind(r)
  return whole(r, kind, readBytes(r))
}

export function readAttachedView(r: Reader): ArrayBufferView {
  const kind = readKind(r)
  return whole(r, kind, r.outside.attachment(r.length()))
}

export function readMovedView(r: Reader): ArrayBufferView {
  const kind = readKind(r)
  const buffer = r.moved(r.length())
  const offset = r.length()
  const length = r.length()
  if (offset % kind.size !== 0 || offset + length * kind.size > buffer.byteLength) {
    throw r.malformed('a view beyond its buffer')
  }
  return r.keep(kind.make(buffer, offset, length))
}

export function readBuffer(r: Reader): ArrayBuffer {
  return r.keep(readBytes(r))
}

export function readAttachedBuffer(r: Reader): ArrayBuffer {
  return r.keep(r.outside.attachment(r.length()))
}

export function readMovedBuffer(r: Reader): AnyBuffer {
  return r.keep(r.moved(r.length()))
}
