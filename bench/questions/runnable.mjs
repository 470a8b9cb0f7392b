// Does a message get dearer when a hundred thousand actors are ready at once? Each is told once, and the next wave
// starts when the last of them has handled it; against a floor with equally many.
import { FloorActor, tell } from '../floor.mjs'

const ACTORS = 100_000
const WAVES = 5

export const questions = [{
  name: 'runnable',
  title: '100,000 runnable actors, one message each',
  unit: 'ns',
  contestants: {
    floor: { n: ACTORS * WAVES, make: floorWaves },
    buskin: { n: ACTORS * WAVES, library: 'buskin', make: buskinWaves },
  },
  bars: [{ of: 'buskin', per: 'floor', atMost: 1.5 }],
  busy: 'ratio',
}]

function floorWaves() {
  let left = 0
  let finished
  const states = Array.from({ length: ACTORS }, () => ({ hits: 0 }))
  const actors = states.map(state => new FloorActor(m => {
    state.hits += m.by
    if (--left === 0) finished()
  }))
  return {
    run: waves(size => {
      left = size
      for (let i = 0; i < size; i++) tell(actors[i], { type: 'inc', by: 1 })
      return new Promise(resolve => { finished = resolve })
    }),
    count() {
      let seen = 0
      for (const state of states) { seen += state.hits; state.hits = 0 }
      return seen
    },
  }
}

async function buskinWaves({ Actor, system }) {
  let left = 0
  let finished
  let seen = 0
  class Member extends Actor {
    hits = 0
    hit(m) {
      this.hits += m.by
      if (--left === 0) finished()
    }
    report() { seen += this.hits; this.hits = 0 }
  }
  const actors = Array.from({ length: ACTORS }, () => system.spawn(Member))
  await system.idle()
  return {
    run: waves(size => {
      left = size
      for (let i = 0; i < size; i++) actors[i].tell.hit({ type: 'inc', by: 1 })
      return new Promise(resolve => { finished = resolve })
    }),
    async count() {
      seen = 0
      for (const actor of actors) actor.tell.report()
      await system.idle()
      return seen
    },
  }
}

function waves(wave) {
  return async n => {
    for (let rest = n; rest > 0; rest -= ACTORS) await wave(Math.min(ACTORS, rest))
  }
}
