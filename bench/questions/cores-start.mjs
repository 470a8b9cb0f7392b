// What does a core cost: its start, its memory, and while nothing happens?
import { openPort } from '../cores/port.mjs'

const MB = 1024 * 1024
const CORES = 4

export const questions = [
  {
    name: 'cores-start',
    title: 'a core starts: from the spawn of its first actor to that one\'s first reply',
    unit: 'ms',
    timed: 'inside',
    contestants: {
      port: { n: 1, make: () => starting(portStart) },
      buskin: { n: 1, library: 'buskin', make: subject => starting(() => buskinStart(subject)) },
    },
    bars: [{ of: 'buskin', atMost: 60 }],
  },
  {
    name: 'cores-memory',
    title: `a core with one idle actor, RSS, of ${CORES}`,
    unit: 'MB',
    timed: 'inside',
    fresh: true,
    rounds: 3,
    contestants: {
      port: { n: CORES, make: () => weighing(() => openPort('count')) },
      buskin: { n: CORES, library: 'buskin', make: buskinWeighing },
    },
    bars: [{ of: 'buskin', atMost: 16 }],
  },
  {
    name: 'cores-idle',
    title: 'a core that has nothing to do, of one CPU',
    unit: '%',
    timed: 'inside',
    fresh: true,
    rounds: 3,
    contestants: {
      buskin: { n: 1, library: 'buskin', make: idling },
    },
    // the resolution of the count of CPU time, and Node's own housekeeping
    bars: [{ of: 'buskin', atMost: 0.5, exclusive: true }],
  },
]

function starting(start) {
  let started = 0
  return {
    async run(n) {
      let value = 0
      for (let i = 0; i < n; i++) {
        value += await start()
        started++
      }
      return { value: value / n }
    },
    count() {
      const count = started
      started = 0
      return count
    },
  }
}

async function portStart() {
  const start = performance.now()
  const port = await openPort('count')
  await port.ask('peek')
  const ms = performance.now() - start
  await port.end()
  return ms
}

async function buskinStart({ createSystem }) {
  const { Sink } = await import('../cores/actors.mjs')
  const system = createSystem({ cores: 1 })
  const start = performance.now()
  await system.spawn(Sink, { on: 1 }).ask.peek()
  const ms = performance.now() - start
  await system.shutdown()
  return ms
}

async function buskinWeighing({ createSystem }) {
  const { Sink } = await import('../cores/actors.mjs')
  const system = createSystem({ cores: CORES })
  let next = 1
  return weighing(async () => {
    const sink = system.spawn(Sink, { on: next++ })
    await sink.ask.peek()
    return { settle: () => sink.ask.collect() }
  })
}

/** What each of several weighs, once all have started. */
function weighing(start) {
  const kept = []
  return {
    async run(n) {
      const before = await settled(kept)
      for (let i = 0; i < n; i++) kept.push(await start())
      return { value: (await settled(kept) - before) / n / MB }
    },
    count: () => kept.length,
  }
}

async function settled(kept) {
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    for (const each of kept) await each.settle?.()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return process.memoryUsage.rss()
}

/** One core, so that it spins on a machine of two CPUs, and asked a little before. */
async function idling({ createSystem }) {
  const { Sink } = await import('../cores/actors.mjs')
  const sink = createSystem({ cores: 1, core: { spin: 'adaptive' } }).spawn(Sink, { on: 1 })
  for (let i = 0; i < 1_000; i++) await sink.ask.peek()
  return {
    async run() {
      await new Promise(resolve => setTimeout(resolve, 500))
      const before = process.cpuUsage()
      const start = performance.now()
      await new Promise(resolve => setTimeout(resolve, 2_000))
      const { user, system } = process.cpuUsage(before)
      return { value: (user + system) / 10 / (performance.now() - start) }
    },
    count: () => 1,
  }
}
