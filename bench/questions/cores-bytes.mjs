// What do large messages to another core cost: 64 KB by copy, 16 MB by transfer?
import { openPort } from '../cores/port.mjs'
import { median } from '../harness/numbers.mjs'

/** Messages told before the sender waits until all of them were handled. */
const IN_FLIGHT = 16
const MB = 1024 * 1024

export const questions = [
  {
    name: 'cores-bytes',
    title: `a Buffer of 64 KB, copied, ${IN_FLIGHT} in flight`,
    unit: 'ns',
    contestants: {
      port: { n: 3_200, make: portBytes },
      buskin: { n: 3_200, library: 'buskin', make: buskinBytes },
    },
    bars: [{ of: 'buskin', per: 'port', atMost: 1.3 }],
  },
  {
    name: 'cores-transfer',
    title: 'an ArrayBuffer with `transfer`, until it was read there, median',
    unit: 'µs',
    timed: 'inside',
    contestants: {
      'port, 16 MB': { n: 24, make: () => portMoves(16) },
      'buskin, 1 MB': { n: 24, library: 'buskin', make: subject => buskinMoves(subject, 1) },
      'buskin, 16 MB': { n: 24, library: 'buskin', make: subject => buskinMoves(subject, 16) },
    },
    // A copy would make it sixteen times as much.
    bars: [{ of: 'buskin, 16 MB', per: 'buskin, 1 MB', atMost: 1.5 }],
  },
]

const bytes = () => Buffer.alloc(65_536, 1)

async function portBytes() {
  const port = await openPort('count')
  const buffer = bytes()
  return {
    async run(n) {
      for (let i = 1; i <= n; i++) {
        port.post(buffer)
        if (i % IN_FLIGHT === 0) await port.ask('peek')
      }
      await port.ask('peek')
    },
    count: () => port.ask('take'),
  }
}

async function buskinBytes({ createSystem }) {
  const { Sink } = await import('../cores/actors.mjs')
  const sink = createSystem({ cores: 1 }).spawn(Sink, { on: 1 })
  const buffer = bytes()
  return {
    async run(n) {
      for (let i = 1; i <= n; i++) {
        sink.tell.bytes(buffer)
        if (i % IN_FLIGHT === 0) await sink.ask.peek()
      }
      await sink.ask.peek()
    },
    count: () => sink.ask.take(),
  }
}

/**
 * Filled before the clock starts, so that every page is there. Whatever the size, 16 MB are: the longer the other thread
 * has slept, the longer it takes to wake.
 */
function filled(megabytes) {
  let buffer
  for (let all = 0; all < 16; all += megabytes) {
    buffer = new ArrayBuffer(megabytes * MB)
    new Uint8Array(buffer).fill(21)
  }
  return buffer
}

async function portMoves(megabytes) {
  const port = await openPort('echo')
  const times = async n => {
    const all = []
    for (let i = 0; i < n; i++) {
      const buffer = filled(megabytes)
      await port.ask('collect')
      const start = performance.now()
      const size = await port.ask(buffer, [buffer])
      all.push((performance.now() - start) * 1_000)
      if (size !== megabytes * MB) throw new Error('it came back otherwise')
    }
    return all
  }
  return { run: async n => ({ value: median(await times(n)) }), count: () => port.ask('take') }
}

async function buskinMoves({ createSystem }, megabytes) {
  const { Sink } = await import('../cores/actors.mjs')
  const sink = createSystem({ cores: 1 }).spawn(Sink, { on: 1 })
  const times = async n => {
    const all = []
    for (let i = 0; i < n; i++) {
      const buffer = filled(megabytes)
      await sink.ask.collect() // what it was given before
      const start = performance.now()
      const sum = await sink.with({ transfer: [buffer] }).ask.moved(buffer)
      all.push((performance.now() - start) * 1_000)
      if (sum !== 42 || buffer.byteLength !== 0) throw new Error('it was copied, or came otherwise')
    }
    return all
  }
  return { run: async n => ({ value: median(await times(n)) }), count: () => sink.ask.take() }
}
