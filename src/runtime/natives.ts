// Classes of actors in Rust, by their names: what a system is told to spawn, and what is known of it.

import type { Actor, ActorClass } from '../actor.ts'
import { BuskinError, noSuchNative } from '../errors.ts'
import { addon, type NativeKind } from '../native/addon.ts'

/** One for each name, so that a class is the same wherever it is named. */
const tokens = new Map<string, ActorClass>()
const kinds = new WeakMap<object, NativeKind>()

/** The class of native actors of that name. Throws ERR_BUSKIN_MODULE when there is none. */
export function nativeClass(name: string): ActorClass {
  let token = tokens.get(name)
  if (token === undefined) {
    const kind = typeof name === 'string' ? addon.nativeKind(name) : undefined
    if (kind === undefined) throw noSuchNative(name, addon.nativeKinds())
    token = tokenOf(name)
    kinds.set(token, kind)
    tokens.set(name, token)
  }
  return token
}

/** What is known of a class, if it is a native one. */
export function nativeKind(cls: unknown): NativeKind | undefined {
  return typeof cls === 'function' ? kinds.get(cls) : undefined
}

/** A class only by its type: there is no instance of it in JavaScript. */
function tokenOf(name: string): ActorClass {
  const token = function (): never {
    throw new BuskinError('ERR_BUSKIN_NOT_AN_ACTOR', `no class to make with new: '${name}' names native actors; spawn it instead`)
  }
  Object.defineProperty(token, 'name', { value: name })
  return token as unknown as ActorClass<Actor>
}
