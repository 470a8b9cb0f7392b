// Does a hop cost more when a thousand actors take turns? One token walks a ring; it carries the hops it has left.
import { FloorActor, tell } from '../floor.mjs'
import { buskinPingPong } from './pingpong.mjs'

const ACTORS = 1_000
const HOPS = 1_000_000

export const questions = [{
  name: 'ring',
  title: 'ring of 1,000 actors, one token',
  unit: 'ns',
  contestants: {
    floor: { n: HOPS, make: floorRing },
    buskin: { n: HOPS, library: 'buskin', make: buskinRing },
    'buskin, ping-pong': { n: HOPS, library: 'buskin', make: subject => buskinPingPong(subject, 1) },
  },
  bars: [{ of: 'buskin', per: 'buskin, ping-pong', atMost: 1.2 }],
  busy: 'ratio',
}]

function floorRing() {
  let hits = 0
  let finished
  const ring = Array.from({ length: ACTORS }, (_, i) => new FloorActor(left => {
    hits++
    if (left > 1) tell(ring[(i + 1) % ACTORS], left - 1)
    else finished()
  }))
  return {
    async run(n) {
      const done = new Promise(resolve => { finished = resolve })
      tell(ring[0], n)
      await done
    },
    count() {
      const seen = hits
      hits = 0
      return seen
    },
  }
}

function buskinRing({ Actor, system }) {
  let finished
  class Member extends Actor {
    next = null
    hits = 0
    link(next) { this.next = next }
    token(left) {
      this.hits++
      if (left > 1) this.next.tell.token(left - 1)
      else finished()
    }
    take() { const hits = this.hits; this.hits = 0; return hits }
  }
  const ring = Array.from({ length: ACTORS }, () => system.spawn(Member))
  ring.forEach((member, i) => member.tell.link(ring[(i + 1) % ACTORS]))
  return {
    async run(n) {
      const done = new Promise(resolve => { finished = resolve })
      ring[0].tell.token(n)
      await done
    },
    async count() {
      const hits = await Promise.all(ring.map(member => member.ask.take()))
      return hits.reduce((a, b) => a + b, 0)
    },
  }
}
