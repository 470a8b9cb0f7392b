// Stands in for 'buskin' where every actor is forced onto a core: see README.md beside this file.

import type { SystemOptions } from '../../src/options.ts'
import { createSystem as create, laneOf, type System } from '../../src/system.ts'
import { force } from './loopback.ts'

export * from '../../src/index.ts'
export { laneOf }

export function createSystem(options?: SystemOptions): System {
  const system = create(options)
  force(laneOf(system), system)
  return system
}

export { createRecordedSystem } from '../../src/system.ts'
