// What does an actor cost to make, confirmed by the message it handles first? Refs are kept; actors are stopped after
// the clock. Waves of 512, so that neither side piles up what it has not started.
import { FloorActor, tell } from '../floor.mjs'

const WAVE = 512

export const questions = [{
  name: 'spawn',
  title: 'spawn, confirmed by a first message',
  unit: 'ns',
  contestants: {
    floor: { n: 100_000, make: floorSpawns },
    buskin: { n: 100_000, library: 'buskin', make: buskinSpawns },
    nact: { n: 10_000, library: 'nact', make: peer => peer.spawns() },
    xstate: { n: 20_000, library: 'xstate', make: peer => peer.spawns() },
  },
  bars: [
    { of: 'buskin', per: 'floor', atMost: 2.2 },
    { of: 'nact', per: 'buskin', atLeast: 15 },
  ],
  busy: 'ratio',
}]

function floorSpawns() {
  let left = 0
  let seen = 0
  let finished
  let kept = []
  const spawn = () => {
    const state = { hits: 0 }
    return new FloorActor(_m => {
      state.hits++
      seen++
      if (--left === 0) finished()
    })
  }
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= WAVE) {
        left = Math.min(WAVE, rest)
        const done = new Promise(resolve => { finished = resolve })
        for (let i = left; i > 0; i--) {
          const actor = spawn()
          kept.push(actor)
          tell(actor, 1)
        }
        await done
      }
    },
    count() {
      const hits = seen
      seen = 0
      kept = []
      return hits
    },
  }
}

function buskinSpawns({ Actor, system }) {
  let left = 0
  let seen = 0
  let finished
  let kept = []
  class Small extends Actor {
    hits = 0
    hit(_m) {
      this.hits++
      seen++
      if (--left === 0) finished()
    }
  }
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= WAVE) {
        left = Math.min(WAVE, rest)
        const done = new Promise(resolve => { finished = resolve })
        for (let i = left; i > 0; i--) {
          const actor = system.spawn(Small)
          kept.push(actor)
          actor.tell.hit(1)
        }
        await done
      }
    },
    async count() {
      await Promise.all(kept.map(actor => actor.stop()))
      const hits = seen
      seen = 0
      kept = []
      return hits
    },
  }
}
