// What cannot be written: for want of room, or at all; then with the way to it.

import { show } from '../../errors.ts'

/** Thrown for a value that cannot travel. */
export class Unsendable extends Error {
  /** The path to it, such as `[0].user.save`. */
  readonly where: string
  /** What cannot travel. */
  readonly value: unknown

  constructor(where: string, value: unknown, why: string) {
    super(`not sendable: ${where} is ${show(value)}, ${why}`)
    this.where = where
    this.value = value
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Unsendable', writable: true, configurable: true })
  }
}

/** Thrown when there is no room; one object, so that it costs no stack trace. */
export const FULL: Error = new Error('no room')

/** An `Unsendable` on its way up through the writer, which adds one step per level: no message is made before all are known. */
export class Fault {
  readonly value: unknown
  readonly why: string
  /** Innermost first. */
  readonly steps: string[] = []

  constructor(value: unknown, why: string) {
    this.value = value
    this.why = why
  }

  toError(): Unsendable {
    return new Unsendable(this.steps.reverse().join(''), this.value, this.why)
  }
}

/** `thrown` with the step that led to it, if it is a fault: to be thrown on. */
export function under(thrown: unknown, step: string | number): unknown {
  if (thrown instanceof Fault) thrown.steps.push(typeof step === 'number' ? `[${step}]` : ofKey(step))
  return thrown
}

/** The same for what is no property: `step` is shown as it is. */
export function beyond(thrown: unknown, step: string): unknown {
  if (thrown instanceof Fault) thrown.steps.push(step)
  return thrown
}

function ofKey(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

export const NO_PLAIN_DATA = 'which cannot be copied; send plain data, buffers or refs instead'
export const NOT_REGISTERED =
  'an instance of a class that was not registered; register it with registerClass, or send plain data'
export const TOO_DEEP = 'too deep inside other values (1,000 at most); send a flat list with indices instead'
export const SHARED_MEMORY = 'which no core thread can share; send a copy'
export const DETACHED = 'whose memory was transferred away before; send a copy'
export const INSIDE_ITSELF =
  'inside the data that its own registered class encodes; leave it out there, or send plain data'
export const CHANGED = 'which changed while its getters were being read; send plain data'
