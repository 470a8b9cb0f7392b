// The development aids for messages within the isolate: what they carry is frozen, or copied.

import { notSerializable } from '../errors.ts'
import { type LocalRef, localRef } from './ref.ts'

/** The arguments as they are to travel. */
export function share(how: 'freeze' | 'copy', args: unknown[], ref: LocalRef, method: string): unknown[] {
  if (how === 'freeze') {
    const seen = new Set<object>()
    for (const arg of args) freeze(arg, seen)
    return args
  }
  const seen = new Map<object, unknown>()
  return args.map((arg, at) => copy(arg, { seen, path: ref.path, method, where: `args[${at}]` }))
}

/** Freezes plain data all the way down; refs, instances of classes and buffers are left as they are. */
function freeze(value: unknown, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value) || !isPlain(value)) return
  seen.add(value)
  Object.freeze(value)
  for (const each of Object.values(value)) freeze(each, seen)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}

interface Copying {
  readonly seen: Map<object, unknown>
  readonly path: string
  readonly method: string
  readonly where: string
}

function copy(value: unknown, to: Copying): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw notSerializable(to.path, to.method, to.where, value)
  }
  if (typeof value !== 'object' || value === null || localRef(value) !== undefined) return value
  if (to.seen.has(value)) return to.seen.get(value)
  const inside = (key: PropertyKey): Copying => ({ ...to, where: step(to.where, key) })
  if (Array.isArray(value)) {
    const made: unknown[] = []
    to.seen.set(value, made)
    value.forEach((each, at) => (made[at] = copy(each, inside(at))))
    made.length = value.length
    return made
  }
  if (value instanceof Map) {
    const made = new Map<unknown, unknown>()
    to.seen.set(value, made)
    for (const [key, each] of value) made.set(copy(key, inside(String(key))), copy(each, inside(String(key))))
    return made
  }
  if (value instanceof Set) {
    const made = new Set<unknown>()
    to.seen.set(value, made)
    let at = 0
    for (const each of value) made.add(copy(each, inside(at++)))
    return made
  }
  if (isPlain(value)) {
    const made: Record<string, unknown> = {}
    to.seen.set(value, made)
    for (const [key, each] of Object.entries(value)) {
      Object.defineProperty(made, key, { value: copy(each, inside(key)), enumerable: true, writable: true, configurable: true })
    }
    return made
  }
  try {
    const made: unknown = structuredClone(value)
    to.seen.set(value, made)
    return made
  } catch {
    throw notSerializable(to.path, to.method, to.where, value)
  }
}

function step(where: string, key: PropertyKey): string {
  if (typeof key === 'number') return `${where}[${key}]`
  const name = String(key)
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `${where}.${name}` : `${where}[${JSON.stringify(name)}]`
}
