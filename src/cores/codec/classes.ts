// The classes whose instances travel, by their names.

/** How instances of a class travel. */
export interface Registered {
  readonly name: string
  readonly cls: unknown
  encode(value: object): unknown
  decode(data: unknown): object
}

const byName = new Map<string, Registered>()
const byClass = new Map<unknown, Registered>()

/**
 * Registers a class whose instances travel: `encode` gives data that can, and `decode` makes the instance again on the
 * other side, where the class must be registered by the same name. It holds for this isolate only, and for that very
 * class: not for classes that extend it. Data that leads back to the instance itself cannot travel.
 *
 * @throws When the name or the class is registered already, unless all three are the same.
 */
export function registerClass<T extends object>(
  name: string,
  cls: new (...args: any[]) => T,
  how: { encode(value: T): unknown; decode(data: unknown): T },
): void {
  if (typeof name !== 'string' || name === '') throw new TypeError('registerClass: give a name, the same in every isolate')
  if (typeof cls !== 'function') throw new TypeError(`registerClass('${name}'): give the class itself`)
  if (typeof how?.encode !== 'function' || typeof how.decode !== 'function')
    throw new TypeError(`registerClass('${name}'): give { encode, decode }`)
  const before = byName.get(name)
  if (before !== undefined && before.cls !== cls)
    throw new Error(`registerClass('${name}'): the name is that of another class; choose another one`)
  const named = byClass.get(cls)
  if (named !== undefined && named.name !== name)
    throw new Error(`registerClass('${name}'): the class is registered as '${named.name}' already; once is enough`)
  if (before !== undefined) {
    if ((before as unknown as Kept).how === how) return
    throw new Error(`registerClass('${name}'): registered already, with other functions; register it once`)
  }
  const kept: Kept = { name, cls, how, encode: (value) => how.encode(value as T), decode: (data) => how.decode(data) }
  byName.set(name, kept)
  byClass.set(cls, kept)
}

interface Kept extends Registered {
  readonly how: object
}

/** The registration of a class, by what instances have as `constructor`. */
export function registeredClass(cls: unknown): Registered | undefined {
  return byClass.size === 0 ? undefined : byClass.get(cls)
}

export function registeredName(name: string): Registered | undefined {
  return byName.get(name)
}
