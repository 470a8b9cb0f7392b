// Does the rest of the program live while actors never rest? Two actors play ping-pong without end on the main thread;
// a 10 ms timer of Node and an HTTP server on the same event loop are watched.
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import { quantile } from '../harness/numbers.mjs'
import { endlessPingPong } from './latency.mjs'

const EVERY = 10

const common = { unit: 'ms', timed: 'inside', fresh: true, rounds: 1, busy: 'bar' }

export const questions = [
  {
    ...common,
    name: 'timer',
    title: 'lateness of a 10 ms setInterval under endless ping-pong, p99',
    contestants: {
      'no load': { n: 500, make: () => ({ run: intervals, count: same }) },
      buskin: { n: 500, library: 'buskin', make: subject => underLoad(subject, intervals) },
    },
    bars: [{ of: 'buskin', atMost: 5, exclusive: true }],
  },
  {
    ...common,
    name: 'http',
    title: 'HTTP server on the loop under endless ping-pong, p99',
    contestants: {
      'no load': { n: 1_000, make: () => ({ run: requests, count: same }) },
      buskin: { n: 1_000, library: 'buskin', make: subject => underLoad(subject, requests) },
    },
    bars: [{ of: 'buskin', atMost: 10, exclusive: true }],
  },
]

let measured = 0
const same = () => measured

function underLoad({ Actor, system }, observe) {
  return {
    async run(n) {
      const load = endlessPingPong(Actor, system)
      const start = performance.now()
      const result = await observe(n)
      const ms = performance.now() - start
      const hops = await load.stop()
      return { ...result, hopsPerSecond: Math.round(hops / ms * 1_000) }
    },
    count: same,
  }
}

/** How much later than `EVERY` after the one before each tick came. */
function intervals(n) {
  return new Promise(resolve => {
    const late = []
    let last = performance.now()
    const interval = setInterval(() => {
      const now = performance.now()
      late.push(now - last - EVERY)
      last = now
      if (late.length < n) return
      clearInterval(interval)
      measured = late.length
      resolve(summary(late))
    }, EVERY)
  })
}

/** Requests of a client in its own process at a fixed rate, each measured from the moment it was meant to leave. */
async function requests(n) {
  let served = 0
  const server = createServer((request, response) => {
    if (request.url === '/measured') served++
    response.end('ok')
  })
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const client = fork(new URL('../harness/http-client.mjs', import.meta.url), [String(server.address().port), String(n)])
  const latencies = await new Promise((resolve, reject) => {
    client.once('message', resolve)
    client.once('exit', code => reject(new Error(`the HTTP client ended with code ${code}`)))
  })
  measured = served
  server.closeAllConnections()
  server.close()
  return summary(latencies)
}

const summary = values => ({ value: quantile(values, 0.99), p50: quantile(values, 0.5), max: Math.max(...values) })
