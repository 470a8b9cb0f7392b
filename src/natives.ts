// Actors in Rust, as TypeScript sees them.

import { fileURLToPath } from 'node:url'
import type { Actor, ActorClass } from './actor.ts'
import { libraryFailed, option } from './errors.ts'
import { addon } from './native/addon.ts'
import { nativeClass } from './runtime/natives.ts'

/** What became of a key: of 'set' the value as well. */
export interface KvChange {
  readonly type: 'set' | 'delete' | 'expire'
  readonly key: string
  readonly value?: unknown
}

/**
 * The native actor 'kv': values by keys, for all isolates of a system. A value is kept as the bytes that it came in, and each `get`
 * gives a new copy of it, made where it is asked for. What is wrong with a call is a TypeError for the asker; the store goes on.
 */
export interface KvStore extends Actor {
  /** The value of a key; undefined when there is none. */
  get(key: string): unknown
  /** Keeps a value under a key; with `ttl` for so many ms only. */
  set(key: string, value: unknown, options?: { ttl?: number }): void
  /** Whether there is such a key. */
  has(key: string): boolean
  /** Forgets a key; whether there was one. */
  delete(key: string): boolean
  /** Adds to a number, 0 where there is none, and gives the sum. Default of `by`: 1. */
  increment(key: string, by?: number): number
  /** Keeps a value if the one that is there equals what is expected, undefined for none; whether it did. */
  compareAndSet(key: string, expected: unknown, value: unknown): boolean
  /** The values of many keys, in their order. */
  getMany(keys: readonly string[]): unknown[]
  /** Keeps many values, all at once. */
  setMany(entries: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown> | readonly (readonly [string, unknown])[], options?: { ttl?: number }): void
  /** The keys that begin with `prefix`, sorted; no more than `limit`. */
  keys(prefix?: string, limit?: number): string[]
  /** How many keys there are. */
  size(): number
  /** Forgets all keys; how many there were. */
  clear(): number
  /** Lets a key end in so many ms; without `ms` never. Whether there is such a key. */
  expire(key: string, ms?: number): boolean
  /** What becomes of the keys that begin with `prefix`, from now on, as a stream. */
  watch(prefix?: string): AsyncIterable<KvChange>
}

/** The native actors that `native` knows the types of, by their names; more may be declared here. */
export interface NativeActors {
  kv: KvStore
}

/**
 * The class of native actors of a name, to be spawned as any other: `system.spawn(native('kv'), { name: 'cache' })`. They are written in
 * Rust, live on core threads and are called as other actors are. Throws ERR_BUSKIN_MODULE for a name that the addon does not have.
 */
export function native<K extends keyof NativeActors & string>(name: K): ActorClass<NativeActors[K], []>
export function native<A extends Actor, P extends readonly unknown[] = any>(name: string): ActorClass<A, P>
export function native(name: string): ActorClass {
  return nativeClass(name)
}

/**
 * Loads a library with native actors, which is written in Rust with the crate `buskin-plugin`: its path, or a file URL. Its kinds are there for
 * `native` from then on, on all isolates of the process; their names are returned. Throws ERR_BUSKIN_MODULE for what is no such library, or one
 * made for another version of Buskin.
 */
export function loadNative(library: string | URL): readonly string[] {
  const path = pathOf(library)
  const loaded = addon.nativeLoad(path)
  if (typeof loaded === 'string') throw libraryFailed(path, loaded)
  return Object.freeze(loaded)
}

function pathOf(library: unknown): string {
  try {
    if (library instanceof URL) return fileURLToPath(library)
    if (typeof library === 'string' && library !== '') return library.startsWith('file:') ? fileURLToPath(library) : library
  } catch {
    // a URL of something else
  }
  throw option('library', library, 'the path of a library, or a file URL')
}
