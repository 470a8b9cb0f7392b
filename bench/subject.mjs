// Buskin as the questions see it: the public package and a system, plain or busy. Nothing else of Buskin is imported
// anywhere under bench/.
import * as buskin from 'buskin'
import { busySystem } from './busy.mjs'
import { polluteBuskin } from './pollute.mjs'

/** What a contestant of library 'buskin' is made from. `mode` is 'plain' or 'busy'. */
export async function subject({ mode, pollute }) {
  const system = mode === 'busy' ? await busySystem(buskin) : buskin.createSystem()
  if (pollute) await polluteBuskin(buskin, system)
  return { ...buskin, system }
}
