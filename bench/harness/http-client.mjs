// The HTTP client of the event-loop question: `n` requests, one each 5 ms whether or not the last was answered, each
// latency counted from the intended moment. Run as: http-client.mjs <port> <n>, by fork.
import { Agent, get } from 'node:http'

const [port, n] = process.argv.slice(2).map(Number)
const EVERY = 5
const agent = new Agent({ keepAlive: true, maxSockets: 32 })
const latencies = []

const request = path => new Promise((resolve, reject) => {
  get({ host: '127.0.0.1', port, path, agent }, response => {
    response.resume()
    response.on('end', resolve)
  }).on('error', reject)
})

async function measure(intended) {
  await request('/measured')
  latencies.push(performance.now() - intended)
}

// Connections are opened and the client's own code is compiled before anything is measured.
for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 16 }, () => request('/warm-up')))

const start = performance.now() + 50
const pending = []
for (let i = 0; i < n; i++) {
  const intended = start + i * EVERY
  const wait = intended - performance.now()
  if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
  pending.push(measure(intended))
}
await Promise.all(pending)
process.send(latencies, () => { process.exit(0) })
