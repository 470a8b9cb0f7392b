// What does a tell to an actor on another core cost, in a steady stream? Told from ordinary code in batches of 20,000;
// the next begins when the receiver has said how many it has seen.
import { openPort } from '../cores/port.mjs'

const MESSAGES = 200_000
const BATCH = 20_000

export const questions = [
  tells('object', 'a small object', 4.5, {
    port: port => port.post({ type: 'add', by: 1, id: 12_345 }),
    buskin: sink => sink.tell.object({ type: 'add', by: 1, id: 12_345 }),
  }),
  tells('number', 'a number', 7, {
    port: port => port.post(1),
    buskin: sink => sink.tell.number(1),
  }),
  tells('three', 'three primitives', 8, {
    port: port => port.post([1, 'abcdef', true]),
    buskin: sink => sink.tell.three(1, 'abcdef', true),
  }),
]

function tells(name, what, atLeast, send) {
  return {
    name: `cores-tell-${name}`,
    title: `tell across isolates, ${what}, steady stream`,
    unit: 'ns',
    contestants: {
      port: { n: MESSAGES, make: () => portStream(send.port) },
      buskin: { n: MESSAGES, library: 'buskin', make: subject => buskinStream(subject, send.buskin) },
    },
    bars: [{ of: 'port', per: 'buskin', atLeast }],
  }
}

async function portStream(send) {
  const port = await openPort('count')
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= BATCH) {
        for (let i = Math.min(BATCH, rest); i > 0; i--) send(port)
        await port.ask('peek')
      }
    },
    count: () => port.ask('take'),
  }
}

async function buskinStream({ createSystem }, send) {
  const { Sink } = await import('../cores/actors.mjs')
  const sink = createSystem({ cores: 1 }).spawn(Sink, { on: 1 })
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= BATCH) {
        for (let i = Math.min(BATCH, rest); i > 0; i--) send(sink)
        await sink.ask.peek()
      }
    },
    count: () => sink.ask.take(),
  }
}
