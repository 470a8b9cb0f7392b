// Errors: they arrive as the nearest class that every isolate has, with all that was on them.

import { types } from 'node:util'
import { BuskinError, Refusal } from '../../errors.ts'
import type { Reader } from './reader.ts'
import { setOwn } from './makers.ts'
import { DOM_EXCEPTION, END, ERROR } from './tags.ts'
import { writeText } from './text.ts'
import { under } from './unsendable.ts'
import type { Writer } from './writer.ts'

interface Kind {
  readonly cls: { readonly prototype: object; readonly name: string }
  make(): Error
}

/** By their numbers in the format: only append. */
const kinds: readonly Kind[] = [
  { cls: Error, make: () => new Error() },
  { cls: TypeError, make: () => new TypeError() },
  { cls: RangeError, make: () => new RangeError() },
  { cls: SyntaxError, make: () => new SyntaxError() },
  { cls: ReferenceError, make: () => new ReferenceError() },
  { cls: EvalError, make: () => new EvalError() },
  { cls: URIError, make: () => new URIError() },
  { cls: AggregateError, make: () => new AggregateError([]) },
  // Their own fields are enumerable, so they follow with the rest.
  { cls: BuskinError, make: () => new BuskinError('ERR_BUSKIN_CLOSED', '') },
  { cls: Refusal, make: () => new Refusal('') },
]

const byPrototype = new Map<object, number>(kinds.map(({ cls }, number) => [cls.prototype, number]))
const byName = new Map<string, number>(kinds.map(({ cls }, number) => [cls.name, number]))

/** What is on errors without being enumerable. */
const HIDDEN = ['message', 'stack', 'name', 'cause', 'errors'] as const

export function isError(value: object): boolean {
  return types.isNativeError(value) || value instanceof Error
}

function kindOf(error: Error): number {
  for (let at: object | null = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
    const number = byPrototype.get(at) ?? ofAnotherRealm(at)
    // An error of another copy of the package extends our Error as well; its brand tells.
    if (number !== undefined) return number === 0 ? branded(error) : number
  }
  return 0
}

/** The classes of another realm have the same names. */
function ofAnotherRealm(prototype: object): number | undefined {
  if (prototype instanceof Error) return undefined
  const cls: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  return typeof cls === 'function' ? byName.get(cls.name) : undefined
}

function branded(error: Error): number {
  if (BuskinError.is(error)) return byPrototype.get(BuskinError.prototype) as number
  return Refusal.is(error) ? (byPrototype.get(Refusal.prototype) as number) : 0
}

export function writeError(w: Writer, error: Error): void {
  if (error instanceof DOMException) return writeDomException(w, error)
  const number = kindOf(error)
  w.byte(ERROR)
  w.byte(number)
  w.enter(error)
  const own = Object.keys(error)
  for (const key of HIDDEN) {
    if (own.includes(key)) continue
    const value: unknown = error[key as 'message']
    if (value === undefined ? !Object.hasOwn(error, key) : isAsMade(error, key, value, number)) continue
    writeField(w, key, value)
  }
  w.byte(END)
  for (const key of own) writeField(w, key, error[key as 'message'])
  w.byte(END)
  w.depth--
}

/** Whether the class gives its instances that very value. */
function isAsMade(error: Error, key: string, value: unknown, number: number): boolean {
  if (Object.hasOwn(error, key)) return false
  return key === 'name' ? value === (kinds[number] as Kind).cls.name : key === 'message' ? value === '' : key !== 'stack'
}

function writeField(w: Writer, key: string, value: unknown): void {
  try {
    writeText(w, key)
    w.value(value)
  } catch (thrown) {
    throw under(thrown, key)
  }
}

function writeDomException(w: Writer, error: DOMException): void {
  w.byte(DOM_EXCEPTION)
  writeText(w, error.name)
  writeText(w, error.message)
  writeText(w, String(error.stack))
}

export function readError(r: Reader): Error {
  const kind = kinds[r.byte()]
  if (kind === undefined) throw r.malformed('an unknown kind of error')
  const error = r.keep(kind.make())
  r.enter()
  while (!r.ended()) {
    const key = r.text()
    Object.defineProperty(error, key, { value: r.read(), writable: true, enumerable: false, configurable: true })
  }
  while (!r.ended()) {
    const key = r.text()
    const value = r.read()
    if (Object.prototype.propertyIsEnumerable.call(error, key)) setOwn(error, key, value)
    else Object.defineProperty(error, key, { value, writable: true, enumerable: true, configurable: true })
  }
  r.depth--
  return error
}

export function readDomException(r: Reader): DOMException {
  const name = r.text()
  const message = r.text()
  const stack = r.text()
  const error = new DOMException(message, name)
  Object.defineProperty(error, 'stack', { value: stack, writable: true, enumerable: false, configurable: true })
  return r.keep(error)
}
