// What does a hop cost when only one message is in flight? Two actors throw one object, then one integer, to and fro.
import { FloorActor, tell } from '../floor.mjs'

const HOPS = 1_000_000

export const questions = [
  {
    name: 'pingpong',
    title: 'ping-pong, one object in flight',
    unit: 'ns',
    contestants: {
      floor: { n: HOPS, make: () => floorPingPong({ x: 1 }) },
      buskin: { n: HOPS, library: 'buskin', make: subject => buskinPingPong(subject, { x: 1 }) },
      nact: { n: HOPS / 10, library: 'nact', make: peer => peer.pingPong() },
    },
    bars: [
      { of: 'buskin', per: 'floor', atMost: 1.5 },
      { of: 'nact', per: 'buskin', atLeast: 20 },
    ],
    busy: 'ratio',
  },
  {
    name: 'pingpong-int',
    title: 'ping-pong, one integer in flight',
    unit: 'ns',
    contestants: {
      floor: { n: HOPS, make: () => floorPingPong(1) },
      buskin: { n: HOPS, library: 'buskin', make: subject => buskinPingPong(subject, 1) },
    },
    bars: [{ of: 'buskin', per: 'floor', atMost: 1.5 }],
    busy: 'ratio',
  },
]

function floorPingPong(ball) {
  let finished
  const state = { ping: { hits: 0, left: 0 }, pong: { hits: 0, left: 0 } }
  const player = (own, other) => new FloorActor(m => {
    own.hits++
    if (--own.left >= 0) tell(other(), m)
    else finished()
  })
  const ping = player(state.ping, () => pong)
  const pong = player(state.pong, () => ping)
  return {
    async run(n) {
      // `n` hits in all: each player returns the ball half of the time, and ping, who has the first, also has the last.
      state.ping.left = n / 2
      state.pong.left = n / 2 - 1
      const done = new Promise(resolve => { finished = resolve })
      tell(ping, ball)
      await done
    },
    count() {
      const hits = state.ping.hits + state.pong.hits
      state.ping.hits = state.pong.hits = 0
      return hits
    },
  }
}

export function buskinPingPong({ Actor, system }, ball) {
  let finished
  class Player extends Actor {
    peer = null
    left = 0
    hits = 0
    play(peer, returns) { this.peer = peer; this.left = returns }
    hit(m) {
      this.hits++
      if (--this.left >= 0) this.peer.tell.hit(m)
      else finished()
    }
    take() { const hits = this.hits; this.hits = 0; return hits }
  }
  const ping = system.spawn(Player)
  const pong = system.spawn(Player)
  return {
    async run(n) {
      const done = new Promise(resolve => { finished = resolve })
      ping.tell.play(pong, n / 2)
      pong.tell.play(ping, n / 2 - 1)
      ping.tell.hit(ball)
      await done
    },
    count: async () => await ping.ask.take() + await pong.ask.take(),
  }
}
