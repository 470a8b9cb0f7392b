// What a class declares beside its handlers, checked once, when it is first spawned.

import { types } from 'node:util'
import { option } from '../errors.ts'
import type { HookName } from '../handlers.ts'
import { actorOptions, type GivenActorOptions } from './actor.ts'
import type { Placing } from './placement.ts'

export interface CheckedStatics {
  readonly module: string | undefined
  readonly concurrent: readonly string[]
  readonly options: GivenActorOptions
}

const HOOKS: Readonly<Record<HookName, true>> = {
  onStart: true,
  onStop: true,
  onRestart: true,
  onHealth: true,
  onMove: true,
  onUnhandled: true,
}

const NONE: readonly string[] = Object.freeze([])

/** Any class: what is read from it is checked. */
type AnyClass = abstract new (...args: never[]) => object

/** Checks `static module`, `static concurrent` and `static options` of `cls`. `placing`: see `actorOptions`. */
export function actorStatics(cls: AnyClass, placing?: Placing): CheckedStatics {
  const statics = cls as unknown as Readonly<Record<string, unknown>>
  const name = className(cls)
  return Object.freeze({
    // A subclass lives elsewhere than the class it extends, so an inherited one would name the wrong module.
    module: checkModule(Object.hasOwn(cls, 'module') ? statics['module'] : undefined, `${name}.module`),
    concurrent: checkConcurrent(statics['concurrent'], `${name}.concurrent`, cls.prototype as object),
    options: actorOptions(statics['options'], `${name}.options`, placing),
  })
}

/** What a class is called in messages and names: 'Actor' when it has no name of its own. */
export function className(cls: AnyClass): string {
  const name: unknown = cls.name // a static member may have taken its place
  return typeof name === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : 'Actor'
}

function checkModule(value: unknown, name: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw option(name, value, 'import.meta.url')
}

function checkConcurrent(value: unknown, name: string, prototype: object): readonly string[] {
  if (value === undefined) return NONE
  if (!Array.isArray(value)) throw option(name, value, 'an array with names of handlers')
  value.forEach((entry: unknown, index) => checkHandler(entry, `${name}[${index}]`, prototype))
  return Object.freeze([...(value as string[])])
}

function checkHandler(entry: unknown, name: string, prototype: object): void {
  const method = typeof entry === 'string' ? findMethod(prototype, entry) : undefined
  if (method === undefined) throw option(name, entry, 'the name of a method that the class has')
  if (types.isGeneratorFunction(method)) {
    throw option(name, entry, 'a method that is no generator: streams overlap with other messages anyway')
  }
}

/** A handler as a ref would find it, without running a getter. */
function findMethod(prototype: object, name: string): object | undefined {
  if (name === 'constructor' || Object.hasOwn(HOOKS, name)) return undefined
  let owner: object | null = prototype
  while (owner !== null && owner !== Object.prototype) {
    const property = Object.getOwnPropertyDescriptor(owner, name)
    if (property !== undefined) return typeof property.value === 'function' ? (property.value as object) : undefined
    owner = Object.getPrototypeOf(owner) as object | null
  }
  return undefined
}
