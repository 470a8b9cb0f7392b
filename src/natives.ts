// Actors in Rust, as TypeScript sees them.

import type { Actor, ActorClass } from './actor.ts'
import { nativeClass } from './runtime/natives.ts'

/**
 * The native actor 'kv': values by keys. A value is kept as the bytes that it came in, and each `get` gives a new copy of it, made
 * where it is asked for. Its actors live on core threads.
 */
export interface KvStore extends Actor {
  /** The value of a key; undefined when there is none. */
  get(key: string): unknown
  /** Keeps a value under a key. */
  set(key: string, value: unknown): void
  /** Forgets a key; whether there was one. */
  delete(key: string): boolean
  /** Whether there is such a key. */
  has(key: string): boolean
  /** How many keys there are. */
  size(): number
  /** Forgets all keys. */
  clear(): void
  /** All keys, as a stream; or those that begin with `prefix`. */
  keys(prefix?: string): AsyncIterable<string>
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
