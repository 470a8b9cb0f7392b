// Every error Buskin raises, and every word of their messages: what went wrong, the thing it happened to, the remedy.

import { inspect } from 'node:util'

/**
 * What went wrong, as a word that stays the same across versions. Compare with it, never with a message.
 */
export type BuskinErrorCode =
  | 'ERR_BUSKIN_OPTION'
  | 'ERR_BUSKIN_NOT_AN_ACTOR'
  | 'ERR_BUSKIN_NAME_TAKEN'
  | 'ERR_BUSKIN_NO_HANDLER'
  | 'ERR_BUSKIN_STOPPED'
  | 'ERR_BUSKIN_TIMEOUT'
  | 'ERR_BUSKIN_MAILBOX_FULL'
  | 'ERR_BUSKIN_EXPIRED'
  | 'ERR_BUSKIN_ABORTED'
  | 'ERR_BUSKIN_DEADLOCK'
  | 'ERR_BUSKIN_NOT_SERIALIZABLE'
  | 'ERR_BUSKIN_CORE_LOST'
  | 'ERR_BUSKIN_MODULE'
  | 'ERR_BUSKIN_START'
  | 'ERR_BUSKIN_CLOSED'
  | 'ERR_BUSKIN_ADDON'

// Registered symbols, so that two copies of the package in one process know each other's errors.
const errorBrand = Symbol.for('buskin.error')
const refusalBrand = Symbol.for('buskin.refusal')

/** Reading a thrown value must not throw itself: it may be a revoked proxy or have hostile getters. */
function branded(value: unknown, brand: symbol): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    return (value as Record<symbol, unknown>)[brand] === true
  } catch {
    return false
  }
}

function defineOnPrototype(prototype: object, name: string, brand: symbol): void {
  Object.defineProperty(prototype, 'name', { value: name, writable: true, configurable: true })
  Object.defineProperty(prototype, brand, { value: true })
}

/**
 * An error that Buskin itself raises, as opposed to one that a handler threw. Its `code` says which;
 * its message names the actor or option concerned and ends with what to do about it.
 */
export class BuskinError extends Error {
  /** What went wrong; stable across versions. */
  readonly code: BuskinErrorCode

  /**
   * @param code What went wrong.
   * @param message What, which thing, and the remedy.
   * @param options `cause`: the error behind this one.
   */
  constructor(code: BuskinErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  static {
    defineOnPrototype(this.prototype, 'BuskinError', errorBrand)
  }

  /**
   * Whether `value` is an error of Buskin, and has the given code if one is given. Also true for errors that another
   * copy of the package made, where `instanceof` is not.
   */
  static is(value: unknown, code?: BuskinErrorCode): value is BuskinError {
    return branded(value, errorBrand) && (code === undefined || (value as BuskinError).code === code)
  }
}

/**
 * Thrown by a handler to say no to the asker without failing the actor: the ask rejects with this very object, the
 * message counts as handled, and no supervisor hears of it.
 */
export class Refusal extends Error {
  /** Whatever the handler wants the asker to know beside the message. */
  readonly details: unknown

  /**
   * @param message Why the request is refused.
   * @param options `details` for the asker; `cause`: the error behind the refusal.
   */
  constructor(message: string, options?: { cause?: unknown; details?: unknown }) {
    super(message, options)
    this.details = options?.details
  }

  static {
    defineOnPrototype(this.prototype, 'Refusal', refusalBrand)
  }

  /** Whether `value` is a refusal, also one that another copy of the package made. */
  static is(value: unknown): value is Refusal {
    return branded(value, refusalBrand)
  }
}

/** Whether a handler threw `value` to refuse rather than to fail. Never throws, whatever was thrown. */
export function isRefusal(value: unknown): value is Refusal {
  return branded(value, refusalBrand)
}

const LONGEST_VALUE = 80

/** Under this an object of the runtime's own has what errors call it. */
export const SHOWN = Symbol('shown')

/** A value as a message shows it: one short line, running none of the user's code that could be avoided. */
export function show(value: unknown): string {
  let text: string
  try {
    const own = typeof value === 'object' && value !== null ? (value as { [SHOWN]?: string })[SHOWN] : undefined
    if (own !== undefined) return own
    text = inspect(value, {
      depth: 0,
      breakLength: Infinity,
      customInspect: false,
      maxArrayLength: 3,
      maxStringLength: LONGEST_VALUE,
    })
  } catch {
    return `<${typeof value}>`
  }
  text = text.replace(/\s+/g, ' ')
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}

const LONGEST_LOCATION = 300

/** The URL of a module is what the reader needs whole; one that holds its code is cut. */
function location(module: string): string {
  return module.length > LONGEST_LOCATION ? `'${module.slice(0, LONGEST_LOCATION)}…'` : `'${module}'`
}

// ------------------------------------------------------------------------------------- messages and replies

/** The actor ended, or had ended, before it was done with the message. */
export function stopped(path: string, method: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_STOPPED',
    `actor stopped: ${path} ended without completing '${method}'; ` +
      'spawn it again, or watch it to learn of its end in time',
  )
}

/** The system no longer works. `what` completes "can no longer …": "spawn Counter", "deliver 'add' to /a". */
export function closed(systemName: string, what: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_CLOSED',
    `system closed: '${systemName}' can no longer ${what}; do it before shutdown(), or create another system`,
  )
}

/** The worker isolate of the actor died. */
export function coreLost(path: string, method: string): BuskinError {
  const what = method === '' ? path : `'${method}' of ${path}`
  return new BuskinError(
    'ERR_BUSKIN_CORE_LOST',
    `core lost: the worker isolate that ran ${what} has ended; it was not run again: ask again once the actor is back, or look at the 'core' events`,
  )
}

/** No reply within the time-out. */
export function timeout(path: string, method: string, ms: number): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_TIMEOUT',
    `ask timed out: ${path} did not answer '${method}' within ${ms} ms; ` +
      'find what keeps it busy, or allow more with ref.with({ timeout }) or the option askTimeout',
  )
}

/** The mailbox had no room for the message, or made room at its cost. */
export function mailboxFull(path: string, method: string, capacity: number): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MAILBOX_FULL',
    `mailbox full: ${path} has no room for '${method}' among its ${capacity} waiting messages; ` +
      "send less at once, raise mailbox.capacity, or let senders wait with mailbox.overflow 'wait'",
  )
}

/** The message was not handled within its `ttl`. */
export function expired(path: string, method: string, ttl: number): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_EXPIRED',
    `message expired: '${method}' was not handled by ${path} within its ttl of ${ttl} ms; raise ttl, or send it again`,
  )
}

/** The call's signal aborted. `cause` is the reason of the signal. */
export function aborted(path: string, method: string, cause: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_ABORTED',
    `call aborted: the signal given for '${method}' of ${path} has aborted; ` +
      'its reason is the cause of this error, and another call needs another signal',
    { cause },
  )
}

/** The actor has no such handler, or not for this verb; then `hint` says which verb to use. */
export function noHandler(path: string, method: string, hint?: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_NO_HANDLER',
    `no handler: ${path} has none for '${method}'; ` +
      (hint ?? 'add a public method of that name to its class, or catch such messages with onUnhandled'),
  )
}

/** A time-out that could not have ended otherwise: the actors at `paths` ask each other in a circle. */
export function deadlock(paths: readonly string[], method: string, ms: number): BuskinError {
  const first = paths[0]
  const closes = first !== undefined && (paths.length === 1 || paths.at(-1) !== first)
  const circle = closes ? [...paths, first] : paths
  return new BuskinError(
    'ERR_BUSKIN_DEADLOCK',
    `deadlock: ${circle.join(' -> ')} wait for each other's replies, so '${method}' got none within ${ms} ms; ` +
      "answer one of these asks by a tell, or list its handler in 'static concurrent'",
  )
}

/** What a message carries cannot be copied. `where` leads to it: 'args[0].user.save'. */
export function notSerializable(path: string, method: string, where: string, value: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_NOT_SERIALIZABLE',
    `not serializable: ${where} of '${method}' for ${path} is ${show(value)}, which cannot be copied; ` +
      'send plain data, buffers or refs instead',
  )
}

// --------------------------------------------------------------------------------------------- making actors

/** Another living actor has the name. */
export function nameTaken(name: string, parentPath: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_NAME_TAKEN',
    `name taken: '${name}' is that of ${parentPath === '/' ? '' : parentPath}/${name}, which lives; ` +
      'choose another name, or stop that actor and await its end first',
  )
}

/** Something else was given where a class that extends Actor is needed. */
export function notAnActor(value: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_NOT_AN_ACTOR',
    `not an actor class: ${show(value)}; give the class itself, declared as 'class … extends Actor'`,
  )
}

/** An actor of a class that no other isolate could load was to live elsewhere. */
export function noModule(className: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `no module: ${className} cannot live on another core, as it does not say where it can be loaded; ` +
      "add 'static module = import.meta.url' to the class itself and export it, or spawn it with on: 'local'",
  )
}

/** The `static module` of a class is nothing that any isolate could import. */
export function badModule(className: string, value: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `bad module: ${className}.module is ${show(value)}, which is no URL of a module; ` +
      'use import.meta.url, or pathToFileURL(__filename).href in CommonJS',
  )
}

/** No native class of that name was built into the addon; `names` are those that were. */
export function noSuchNative(name: unknown, names: readonly string[]): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `no native actor: ${show(name)} is none of those that this addon has, which are ${names.join(', ')}; use one of them, or load the library that has it with loadNative`,
  )
}

/** A library has no native actors that could be loaded. `why` is what was wrong. */
export function libraryFailed(path: string, why: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `library not loaded: ${location(path)}: ${why.replace(/[.;\s]+$/, '')}; build it for this platform with the crate buskin-plugin of this version`,
  )
}

/** Native actors need a core thread. */
export function noThreads(hasManualClock: boolean): BuskinError {
  const why = hasManualClock ? 'a system without a manual clock, as core threads go by the real time' : 'a system of at most 61 cores'
  return option('threads', 0, `${why}, to spawn native actors`)
}

/** The module of a class does not export it. */
export function notExported(module: string, className: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `not exported: ${location(module)} has no export that is the class ${className}; ` +
      'export it from the module that declares it, by any name, and let its static module name that module',
  )
}

/** The module of a class does not come to its end. */
export function moduleStuck(module: string, className: string, ms: number): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `module not ready: ${location(module)} with the class ${className} was not evaluated within ${ms} ms; ` +
      'declare the class in a module that has no top-level await for its own actors',
  )
}

/** An isolate could not load the module of a class. `cause` is why. */
export function moduleFailed(module: string, exportName: string, cause: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `module not loaded: ${location(module)}, for its export '${exportName}', failed; ` +
      "mend what it ran into, also on worker threads; that is this error's cause",
    { cause },
  )
}

/** Code at the top level of a module makes a system, and runs on a core. */
export function systemOnCore(module: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `system made on a core: the top level of ${location(module)} runs on every core that loads it, and calls createSystem there; ` +
      "put that into 'if (isMainThread) { … }' of node:worker_threads, or the actors into a module of their own",
  )
}

/** An isolate found something else than an actor class under the name that the spawner found it by. */
export function noSuchExport(module: string, exportName: string, value: unknown): BuskinError {
  const cause = new TypeError(`export '${exportName}' is ${show(value)}`)
  return new BuskinError(
    'ERR_BUSKIN_MODULE',
    `no actor class: export '${exportName}' of ${location(module)} is ${show(value)} on the isolate of the actor; ` +
      'export the class there too, whatever the thread, and let it extend the Actor of the same copy of buskin',
    { cause },
  )
}

/** The actor ended before its first successful start. `cause` is why. */
export function startFailed(path: string, cause: unknown): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_START',
    `start failed: ${path} ended before it had started; ` +
      "mend what its constructor or onStart ran into, which is this error's cause",
    { cause },
  )
}

// --------------------------------------------------------------------------------------------------- options

/** The value of an option, or of an argument, will not do. `expected` completes "use …". */
export function option(name: string, value: unknown, expected: string): BuskinError {
  return new BuskinError('ERR_BUSKIN_OPTION', `option '${name}' = ${show(value)}: not accepted; use ${expected}`)
}

/** There is no such option; `nearest` is what was probably meant, `known` are all there are. */
export function unknownOption(name: string, nearest: string | undefined, known: readonly string[]): BuskinError {
  const remedy = nearest === undefined ? `the options here are ${known.join(', ')}` : `did you mean '${nearest}'?`
  return new BuskinError('ERR_BUSKIN_OPTION', `unknown option '${name}'; ${remedy}`)
}

/** A hook took too long. `what` is what failed by it: "start", "health check". */
export function timedOut(what: string, hook: string, path: string, ms: number, optionName: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_TIMEOUT',
    `${what} timed out: ${hook} of ${path} did not end within ${ms} ms; make it quicker, or allow more with the option ${optionName}`,
  )
}

/** An actor that is linked to one that ended. `kind` is that of its end. */
export function linkBroken(path: string, kind: string): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_STOPPED',
    `linked actor ended: ${path} (${kind}); watch it to live on when it ends`,
  )
}

/** A permanent actor that stops itself again and again. */
export function startedTooOften(path: string, most: number, within: number): BuskinError {
  return new BuskinError(
    'ERR_BUSKIN_STOPPED',
    `restarted too often: ${path} is permanent and stopped itself, and its supervisor allows ${most} restarts within ${within} ms; ` +
      "allow more with supervision.maxRestarts, or make it restart: 'transient'",
  )
}
