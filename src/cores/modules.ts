// How the class of an actor comes to another isolate: by the URL of its module and the name of its export.

import { clearTimeout, setTimeout } from 'node:timers'
import { Actor, type ActorClass } from '../actor.ts'
import { badModule, BuskinError, moduleFailed, moduleStuck, noModule, noSuchExport, notExported } from '../errors.ts'
import { className } from '../options.ts'
import { evaluating, isCore } from './toplevel.ts'

/** Where any isolate finds a class. */
export interface ExportOf {
  readonly module: string
  readonly name: string
  /** The module was not evaluated yet: it is the name of the class, under which the other side looks for it. */
  readonly isGuess?: boolean
}

type Namespace = Readonly<Record<string, unknown>>

/**
 * In ms. A module that awaits, at its top level, an actor of its own class is never evaluated: then the spawn fails
 * rather than hang.
 */
const STUCK_AFTER = 10_000
/** In ms: no more than the start of a core takes. */
const GUESS_AFTER = 25

/** Other names are likelier to be there on the other side, too. */
const LAST_NAMES: readonly string[] = ['module.exports', 'default']

const found = new WeakMap<ActorClass, ExportOf>()
const pending = new WeakMap<ActorClass, Promise<ExportOf>>()

/** Whether a class may live elsewhere at all. A subclass is in another module than the class it extends. */
export function hasModule(cls: ActorClass): boolean {
  return Object.hasOwn(cls, 'module') && cls.module !== undefined
}

/** What `exportOf` found. */
export function known(cls: ActorClass): ExportOf | undefined {
  return found.get(cls)
}

/**
 * The module and the name under which it exports this very class. A failure is not remembered: the next call tries
 * again.
 */
export function exportOf(cls: ActorClass, stuckAfter = STUCK_AFTER): Promise<ExportOf> {
  let finding = pending.get(cls)
  if (finding === undefined) {
    finding = find(cls, stuckAfter)
    pending.set(cls, finding)
    finding.then(
      (answer) => found.set(cls, answer),
      () => pending.delete(cls),
    )
  }
  return finding
}

/**
 * What `exportOf` finds; or a guess when that takes a while, as it does for a class whose own module awaits its actors at
 * the top level: what a module exports is not to be had before it was evaluated.
 */
export async function whereIs(cls: ActorClass, guessAfter = GUESS_AFTER): Promise<ExportOf> {
  const finding = exportOf(cls)
  if (className(cls) !== cls.name) return finding
  let timer: NodeJS.Timeout | undefined
  const guess = new Promise<ExportOf>((resolve) => {
    timer = setTimeout(() => resolve({ module: moduleOf(cls), name: className(cls), isGuess: true }), guessAfter)
  })
  try {
    return await Promise.race([finding, guess])
  } finally {
    clearTimeout(timer)
  }
}

async function find(cls: ActorClass, stuckAfter: number): Promise<ExportOf> {
  const module = moduleOf(cls)
  // it was evaluated already, or is being, as the class exists
  const namespace = await inTime(module, className(cls), load(module), stuckAfter)
  const name = nameOf(namespace, cls)
  if (name === undefined) throw notExported(module, className(cls))
  return Object.freeze({ module, name })
}

function moduleOf(cls: ActorClass): string {
  if (!hasModule(cls)) throw noModule(className(cls))
  const module: unknown = cls.module
  if (typeof module !== 'string' || !isSpecifier(module)) throw badModule(className(cls), module)
  return module
}

/** Paths look different seen from other modules or systems; what is a URL, or the name of a package, does not. */
function isSpecifier(module: string): boolean {
  return module !== '' && !/^(?:[/\\]|\.\.?(?:[/\\]|$)|[a-z]:(?:[/\\]|$))/i.test(module)
}

/** What the module exports, within that time. */
async function inTime(module: string, name: string, loading: Promise<Namespace>, stuckAfter: number): Promise<Namespace> {
  let timer: NodeJS.Timeout | undefined
  const stuck = new Promise<never>((_, reject) => {
    if (stuckAfter < Infinity) timer = setTimeout(() => reject(moduleStuck(module, name, stuckAfter)), stuckAfter)
  })
  try {
    return await Promise.race([loading, stuck])
  } catch (cause) {
    throw BuskinError.is(cause, 'ERR_BUSKIN_MODULE') ? cause : moduleFailed(module, name, cause)
  } finally {
    clearTimeout(timer)
  }
}

function nameOf(namespace: Namespace, cls: ActorClass): string | undefined {
  const names = Object.keys(namespace)
  return (
    names.find((name) => !LAST_NAMES.includes(name) && namespace[name] === cls) ??
    LAST_NAMES.find((name) => names.includes(name) && namespace[name] === cls)
  )
}

/**
 * On the isolate where the actor is to live: the class that another isolate found there, or guessed. A core evaluates
 * the module for this and may take its time; in the isolate that made the system it may be the program itself, which
 * awaits at its top level what this actor has to do with.
 */
export async function loadClass(module: string, name: string, isGuess = false, stuckAfter = isCore() ? Infinity : STUCK_AFTER): Promise<ActorClass> {
  const namespace = await inTime(module, name, evaluating(module, load(module)), stuckAfter)
  if (isGuess) return classCalled(namespace, module, name)
  const value = Object.hasOwn(namespace, name) ? namespace[name] : undefined
  if (!isActorClass(value)) throw noSuchExport(module, name, value)
  return value
}

/** The only class of that name and module among the exports. */
function classCalled(namespace: Namespace, module: string, name: string): ActorClass {
  const all = new Set(Object.values(namespace))
  const found = [...all].filter(isActorClass).filter((cls) => cls.name === name && hasModule(cls) && cls.module === module)
  if (found.length !== 1) throw notExported(module, name)
  return found[0] as ActorClass
}

function load(module: string): Promise<Namespace> {
  // for bundlers: what it is, is known when the program runs
  return import(/* @vite-ignore */ /* webpackIgnore: true */ module) as Promise<Namespace>
}

function isActorClass(value: unknown): value is ActorClass {
  return typeof value === 'function' && (value.prototype as unknown) instanceof Actor
}
