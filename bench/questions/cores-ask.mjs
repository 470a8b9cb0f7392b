// What does an ask of an actor on another core cost: one at a time with and without spinning, and a thousand in flight?
import { openPort } from '../cores/port.mjs'

export const questions = [
  {
    name: 'cores-ask',
    title: 'ask across isolates, one at a time',
    unit: 'ns',
    contestants: {
      port: { n: 8_000, make: () => portAsks(1) },
      'buskin, no spin': { n: 8_000, library: 'buskin', make: subject => buskinAsks(subject, 1, false) },
      'buskin, spin': { n: 8_000, library: 'buskin', make: subject => buskinAsks(subject, 1, 'adaptive') },
    },
    bars: [
      { of: 'buskin, no spin', per: 'port', atMost: 1.15 },
      { of: 'port', per: 'buskin, spin', atLeast: 5 },
    ],
  },
  {
    name: 'cores-ask-1k',
    title: 'ask across isolates, 1,000 in flight',
    unit: 'ns',
    contestants: {
      port: { n: 40_000, make: () => portAsks(1_000) },
      'buskin, no spin': { n: 40_000, library: 'buskin', make: subject => buskinAsks(subject, 1_000, false) },
      'buskin, spin': { n: 40_000, library: 'buskin', make: subject => buskinAsks(subject, 1_000, 'adaptive') },
    },
    bars: [
      { of: 'port', per: 'buskin, no spin', atLeast: 3 },
      { of: 'port', per: 'buskin, spin', atLeast: 3 },
    ],
  },
]

/** Asks one after another, or so many at once, and waits for all of them before the next ones. */
async function asks(n, inFlight, ask) {
  if (inFlight === 1) {
    for (let i = 0; i < n; i++) await ask(i)
    return
  }
  for (let rest = n; rest > 0; rest -= inFlight) {
    const replies = []
    for (let i = Math.min(inFlight, rest); i > 0; i--) replies.push(ask(i))
    await Promise.all(replies)
  }
}

async function portAsks(inFlight) {
  const port = await openPort('echo')
  return {
    run: n => asks(n, inFlight, i => port.ask(i)),
    count: () => port.ask('take'),
  }
}

async function buskinAsks({ createSystem }, inFlight, spin) {
  const { Sink } = await import('../cores/actors.mjs')
  const sink = createSystem({ cores: 1, core: { spin } }).spawn(Sink, { on: 1 })
  return {
    run: n => asks(n, inFlight, i => sink.ask.echo(i)),
    count: () => sink.ask.take(),
  }
}
