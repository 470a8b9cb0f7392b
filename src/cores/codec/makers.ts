// From the number of a shape to a function that reads such an object: the reader's side.

import type { Outside } from './outside.ts'
import type { Reader } from './reader.ts'

/** Reads the values of one shape and makes the object. */
export type Maker = (reader: Reader) => object

/** From this many objects on a shape is worth a function of its own. */
const WORTH_IT = 8

const PLAIN_KEY = /^[A-Za-z_$][\w$]{0,63}$/

/** Sets an own property as a literal would, whatever the key is. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    ;(object as Record<string, unknown>)[key] = value
  }
}

/** Without `eval`, or before it is worth it: a copy of an empty object of the shape, filled key by key. */
function interpreted(keys: readonly string[]): { plain: Maker; numbered: Maker } {
  const empty: Record<string, unknown> = {}
  for (const key of keys) setOwn(empty, key, undefined)
  const fill = (object: Record<string, unknown>, reader: Reader): object => {
    for (const key of keys) {
      const value = reader.read()
      if (key === '__proto__') setOwn(object, key, value)
      else object[key] = value
    }
    return object
  }
  return {
    plain: (reader) => fill({ ...empty }, reader),
    numbered: (reader) => fill(reader.keep({ ...empty }), reader),
  }
}

/** Whether this process may make functions from text (--disallow-code-generation-from-strings says no). */
let mayCompile = true

/** Only keys that are plain names go into the text, so nothing of it can be anything but a name. */
function compiled(keys: readonly string[]): { plain: Maker; numbered: Maker } | undefined {
  if (!mayCompile || !keys.every((key) => PLAIN_KEY.test(key) && key !== '__proto__')) return undefined
  try {
    const plain = keys.map((key) => `${key}:r.read()`).join(',')
    const empty = keys.map((key) => `${key}:undefined`).join(',')
    const fills = keys.map((key) => `o.${key}=r.read();`).join('')
    return {
      plain: new Function('r', `return{${plain}}`) as Maker,
      numbered: new Function('r', `const o=r.keep({${empty}});${fills}return o`) as Maker,
    }
  } catch {
    mayCompile = false
    return undefined
  }
}

class Shape {
  readonly keys: readonly string[]
  plain: Maker
  numbered: Maker
  left = WORTH_IT

  constructor(keys: readonly string[]) {
    this.keys = keys
    const { plain, numbered } = interpreted(keys)
    this.plain = plain
    this.numbered = numbered
  }

  compile(): void {
    const made = compiled(this.keys)
    if (made === undefined) return
    this.plain = made.plain
    this.numbered = made.numbered
  }
}

/** The shapes that a codec has read. */
export class Makers {
  readonly #outside: Outside
  readonly #shapes: (Shape | undefined)[] = []

  constructor(outside: Outside) {
    this.#outside = outside
  }

  /** Reads an object of a shape; undefined if there is no such shape. */
  make(shape: number, reader: Reader): object | undefined {
    let known = shape < this.#shapes.length ? this.#shapes[shape] : undefined
    if (known === undefined) {
      known = this.#learn(shape)
      if (known === undefined) return undefined
    }
    if (known.left > 0 && --known.left === 0) known.compile()
    return reader.numbered ? known.numbered(reader) : known.plain(reader)
  }

  #learn(shape: number): Shape | undefined {
    const keys = this.#outside.keys(shape)
    if (keys === undefined) return undefined
    // Dense, because V8 keeps an array with wide gaps as a dictionary.
    while (this.#shapes.length <= shape) this.#shapes.push(undefined)
    const made = new Shape([...keys])
    this.#shapes[shape] = made
    return made
  }
}
