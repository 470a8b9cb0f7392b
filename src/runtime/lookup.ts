// A handler by its name on an instance. Getters are never run.

import { types } from 'node:util'
import type { HookName } from '../handlers.ts'

/** Names that are the runtime's own. */
const HOOKS: ReadonlySet<string> = new Set<HookName | 'constructor' | 'ctx'>([
  'onStart',
  'onStop',
  'onRestart',
  'onHealth',
  'onMove',
  'onUnhandled',
  'constructor',
  'ctx',
])

/** Whether a message may have this name at all. */
export function isHandlerName(name: string): boolean {
  return !HOOKS.has(name)
}

/** The function that stands as plain data under `name` on the object itself. */
export function findMethod(owner: object, name: string): Function | undefined {
  const property = Object.getOwnPropertyDescriptor(owner, name)
  return property !== undefined && typeof property.value === 'function' ? property.value : undefined
}

/** The handler that `instance` has under `name`, its own functions and inherited ones. `Object.prototype` has none. */
export function findHandler(instance: object, name: string): Function | undefined {
  if (!isHandlerName(name)) return undefined
  let owner: object | null = instance
  while (owner !== null && owner !== Object.prototype) {
    if (Object.hasOwn(owner, name)) return findMethod(owner, name)
    owner = Object.getPrototypeOf(owner) as object | null
  }
  return undefined
}

/** Whether calling it only makes a generator, so that it is read as a stream. */
export function isGenerator(fn: Function): boolean {
  return types.isGeneratorFunction(fn)
}

/** What is said to whoever used the wrong verb for a handler. */
export function otherVerb(method: string, isStream: boolean): string {
  return `it is ${isStream ? 'no' : 'a'} generator: use ref.${isStream ? 'ask' : 'stream'}.${method}() for it`
}
