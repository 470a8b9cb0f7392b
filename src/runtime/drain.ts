// When messages run. The first entry in an idle outbox queues a microtask. All drains of one turn of the event loop
// share a slice of half a millisecond; when it is spent nothing drains until the loop has had its turn, so neither a
// flood of messages nor `while (true) await ref.ask.x()` starves timers and sockets.

import { dispatch } from './dispatch.ts'
import type { Lane } from './lane.ts'
import { CLOCK_EVERY, SLICE_MS } from './limits.ts'

const now = performance.now.bind(performance)

export function drain(lane: Lane): void {
  if (lane.draining || lane.broken !== undefined) return
  lane.draining = true
  lane.idle = false
  if (!lane.sliceOpen) {
    lane.sliceOpen = true
    setImmediate(lane.endSlice)
  }
  try {
    for (;;) {
      if (lane.at === lane.filled) lane.turn()
      if (lane.filled > 0) dispatch(lane)
      if (lane.filled === 0) {
        if (lane.spin !== undefined && lane.spin.found()) continue
        lane.settledOne = false
        lane.quiet()
        break
      }
      if (lane.left <= 0 && isSpent(lane)) {
        lane.sliceSpent = true
        lane.more = true
        break
      }
      if (lane.settledOne && lane.at === lane.filled) {
        lane.settledOne = false
        lane.yield()
        break
      }
    }
  } catch (error) {
    lane.breakDown(error) // handlers' errors never come here: this is the core's
  }
  lane.draining = false
  lane.current = 0
}

/** Looks at the clock, the more often the slower handlers are. Whether the slice is spent. */
function isSpent(lane: Lane): boolean {
  const time = now()
  if (lane.sliceStart === 0) {
    lane.sliceStart = time
    lane.lastLook = time
    lane.left = lane.every
    return false
  }
  const passed = time - lane.lastLook
  lane.lastLook = time
  if (passed > SLICE_MS / 4) lane.every = lane.every > 4 ? lane.every >> 2 : 1
  else if (lane.every < CLOCK_EVERY && passed < SLICE_MS / 16) lane.every <<= 1
  lane.left = lane.every
  return time - lane.sliceStart > SLICE_MS
}
