// What does a tell cost? One sender, one counter, from ordinary code: a batch is told, and the next starts when the
// counter has handled the last of it. Both sides schedule themselves with one microtask per batch.
import { FloorActor, tell } from '../floor.mjs'

export const questions = [
  objects('tell-1k', 1_000, 2_000_000, 2.2),
  objects('tell-100k', 100_000, 2_000_000, 1.3),
  objects('tell-1m', 1_000_000, 1_000_000, 2.4),
  integers('tell-int-1k', 1_000, 2_000_000),
  integers('tell-int-100k', 100_000, 2_000_000),
  integers('tell-int-1m', 1_000_000, 1_000_000),
]

function objects(name, batch, n, atMost) {
  return {
    name,
    title: `tell, an object, batches of ${batch.toLocaleString('en')}`,
    unit: 'ns',
    contestants: {
      floor: { n, make: () => floorFlood(batch, 'object') },
      buskin: { n, library: 'buskin', make: subject => buskinFlood(subject, batch, 'object') },
      xstate: { n: n / 4, library: 'xstate', make: peer => peer.flood() },
      nact: { n: Math.max(100_000, Math.min(batch, 300_000)), library: 'nact', make: peer => peer.flood(batch) },
    },
    bars: [
      { of: 'buskin', per: 'floor', atMost },
      // XState calls its transition at once and queues nothing, so a longer queue is no question to it: from 100,000 on
      // the floor itself is less than 5 times as fast. The peers are held against the batch where the call is what costs.
      ...(batch > 1_000
        ? []
        : [
            { of: 'xstate', per: 'buskin', atLeast: 5 },
            { of: 'nact', per: 'buskin', atLeast: 30 },
          ]),
    ],
    busy: 'ratio',
  }
}

/** The bar's floor queues the object an actor with more than one kind of message needs; the bare one is context. */
function integers(name, batch, n) {
  return {
    name,
    title: `tell, one integer, batches of ${batch.toLocaleString('en')}`,
    unit: 'ns',
    contestants: {
      floor: { n, make: () => floorFlood(batch, 'object') },
      'floor, bare integer': { n, make: () => floorFlood(batch, 'integer') },
      buskin: { n, library: 'buskin', make: subject => buskinFlood(subject, batch, 'integer') },
    },
    bars: [{ of: 'buskin', per: 'floor', atMost: 1.4 }],
    busy: 'ratio',
  }
}

function floorFlood(batch, payload) {
  let total = 0
  let left = 0
  let finished
  const counter = new FloorActor(payload === 'object'
    ? m => { total += m.by; if (--left === 0) finished() }
    : by => { total += by; if (--left === 0) finished() })
  const tellAll = payload === 'object'
    ? size => { for (let i = 0; i < size; i++) tell(counter, { type: 'inc', by: 1 }) }
    : size => { for (let i = 0; i < size; i++) tell(counter, 1) }
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= batch) {
        left = Math.min(batch, rest)
        const done = new Promise(resolve => { finished = resolve })
        tellAll(left)
        await done
      }
    },
    count() {
      const seen = total
      total = 0
      return seen
    },
  }
}

function buskinFlood({ Actor, system }, batch, payload) {
  let finished
  class Counter extends Actor {
    total = 0
    left = 0
    expect(messages) { this.left = messages }
    add(by) { this.total += by; if (--this.left === 0) finished() }
    addFrom(message) { this.total += message.by; if (--this.left === 0) finished() }
    take() { const total = this.total; this.total = 0; return total }
  }
  const counter = system.spawn(Counter)
  const tellAll = payload === 'object'
    ? size => { for (let i = 0; i < size; i++) counter.tell.addFrom({ type: 'inc', by: 1 }) }
    : size => { for (let i = 0; i < size; i++) counter.tell.add(1) }
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= batch) {
        const size = Math.min(batch, rest)
        const done = new Promise(resolve => { finished = resolve })
        counter.tell.expect(size)
        tellAll(size)
        await done
      }
    },
    count: () => counter.ask.take(),
  }
}
