// What does an idle actor weigh? A million of them, started, refs kept in one array, in a process of their own:
// resident memory after less before, the array of refs included, divided by their number.

export const questions = [{
  name: 'memory',
  title: 'an idle actor with its ref kept, RSS',
  unit: 'B',
  timed: 'inside',
  fresh: true,
  rounds: 1,
  contestants: {
    floor: { n: 1_000_000, make: () => weigh(floorFill) },
    buskin: { n: 1_000_000, library: 'buskin', make: buskinWeigh },
    nact: { n: 100_000, library: 'nact', make: peer => weigh(peer.fillIdle) },
    xstate: { n: 100_000, library: 'xstate', make: peer => weigh(peer.fillIdle) },
  },
  bars: [{ of: 'buskin', atMost: 320 }],
  busy: 'bar',
}]

async function floorFill(refs) {
  const { FloorActor } = await import('../floor.mjs')
  for (let i = 0; i < refs.length; i++) {
    const state = { hits: 0 }
    refs[i] = new FloorActor(_m => { state.hits++ })
  }
}

function buskinWeigh({ Actor, system }) {
  class Idle extends Actor {
    hits = 0
    hit() { this.hits++ }
  }
  return weigh(async refs => {
    const before = system.stats().actors
    for (let i = 0; i < refs.length; i++) {
      refs[i] = system.spawn(Idle)
      if (i % 10_000 === 0) await system.idle()
    }
    await system.idle()
    const made = system.stats().actors - before
    if (made !== refs.length) throw new Error(`${made} of ${refs.length} actors exist`)
  })
}

function weigh(fill) {
  let kept
  return {
    async run(n) {
      await fill(Array.from({ length: 1_000 }))
      const before = await settled()
      kept = Array.from({ length: n })
      await fill(kept)
      const after = await settled()
      const each = key => (after[key] - before[key]) / n
      return { value: each('rss'), heap: each('heapUsed'), external: each('external') }
    },
    count: () => kept.filter(ref => ref !== undefined).length,
  }
}

/** Memory once collecting more frees no more. */
async function settled() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return process.memoryUsage()
}
