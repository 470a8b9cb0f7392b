// What does an ask cost, awaited from ordinary code: one at a time, and a thousand in flight?
import { FloorActor, ask } from '../floor.mjs'

const ASKS = 200_000

export const questions = [
  asks('ask', 'ask, one at a time', 1, { floor: 1.5, nact: 10 }),
  asks('ask-1k', 'ask, 1,000 in flight', 1_000, { floor: 1.4, nact: 20 }),
]

function asks(name, title, inFlight, bar) {
  return {
    name,
    title,
    unit: 'ns',
    contestants: {
      floor: { n: ASKS, make: () => floorAsks(inFlight) },
      buskin: { n: ASKS, library: 'buskin', make: subject => buskinAsks(subject, inFlight) },
      nact: { n: ASKS / 10, library: 'nact', make: peer => peer.asks(inFlight) },
    },
    bars: [
      { of: 'buskin', per: 'floor', atMost: bar.floor },
      { of: 'nact', per: 'buskin', atLeast: bar.nact },
    ],
    busy: 'ratio',
  }
}

function floorAsks(inFlight) {
  const state = { value: 1, reads: 0 }
  const actor = new FloorActor(m => { state.reads++; m.resolve(state.value) })
  return {
    run: inFlight === 1
      ? async n => { for (let i = 0; i < n; i++) await ask(actor, 'read') }
      : async n => {
          for (let rest = n; rest > 0; rest -= inFlight) {
            const replies = []
            for (let i = Math.min(inFlight, rest); i > 0; i--) replies.push(ask(actor, 'read'))
            await Promise.all(replies)
          }
        },
    count() {
      const { reads } = state
      state.reads = 0
      return reads
    },
  }
}

function buskinAsks({ Actor, system }, inFlight) {
  class Reader extends Actor {
    value = 1
    reads = 0
    read() { this.reads++; return this.value }
    take() { const { reads } = this; this.reads = 0; return reads }
  }
  const actor = system.spawn(Reader)
  return {
    run: inFlight === 1
      ? async n => { for (let i = 0; i < n; i++) await actor.ask.read() }
      : async n => {
          for (let rest = n; rest > 0; rest -= inFlight) {
            const replies = []
            for (let i = Math.min(inFlight, rest); i > 0; i--) replies.push(actor.ask.read())
            await Promise.all(replies)
          }
        },
    count: () => actor.ask.take(),
  }
}
