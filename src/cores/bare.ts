// An error that cannot travel as it is, less what keeps it from that.

import { types } from 'node:util'

/** Causes of causes that are looked at. */
const DEPTH = 8

/**
 * The same error without the fields that `canTravel` refuses: what it is, what it says and where it was thrown can
 * always be told. Undefined for what is no error.
 */
export function bare(error: unknown, canTravel: (value: unknown) => boolean, depth = DEPTH): Error | undefined {
  if (depth === 0 || !(types.isNativeError(error) || error instanceof Error)) return undefined
  const made = Object.create(Object.getPrototypeOf(error) as object) as Error
  const keep = (key: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(made, key, { value, enumerable, writable: true, configurable: true })
  }
  for (const key of ['name', 'message', 'stack']) {
    const value = read(error, key)
    if (typeof value === 'string') keep(key, value, Object.prototype.propertyIsEnumerable.call(error, key))
  }
  for (const key of [...Object.keys(error), 'cause', 'errors']) {
    if (Object.hasOwn(made, key) || !Object.hasOwn(error, key)) continue
    const value = read(error, key)
    const told = canTravel(value) ? value : bare(value, canTravel, depth - 1)
    if (told !== undefined) keep(key, told, Object.prototype.propertyIsEnumerable.call(error, key))
  }
  return canTravel(made) ? made : undefined
}

function read(error: object, key: string): unknown {
  try {
    return (error as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}
