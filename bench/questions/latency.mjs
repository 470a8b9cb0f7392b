// How long does ordinary code wait for a reply while two other actors play ping-pong without end?

export const questions = [{
  name: 'ask-latency',
  title: 'ask under endless ping-pong of others, median latency',
  unit: 'us',
  timed: 'inside',
  contestants: { buskin: { n: 20_000, library: 'buskin', make: askUnderLoad } },
  bars: [{ of: 'buskin', atMost: 10 }],
  busy: 'ratio',
}]

function askUnderLoad({ Actor, system }) {
  class Reader extends Actor {
    reads = 0
    read() { this.reads++; return 1 }
    take() { const { reads } = this; this.reads = 0; return reads }
  }
  const reader = system.spawn(Reader)
  return {
    async run(n) {
      const load = endlessPingPong(Actor, system)
      const latencies = new Float64Array(n)
      for (let i = 0; i < n; i++) {
        const start = performance.now()
        await reader.ask.read()
        latencies[i] = (performance.now() - start) * 1_000
      }
      const hops = await load.stop()
      latencies.sort()
      const at = q => latencies[Math.ceil(q * n) - 1]
      return { value: at(0.5), p99: at(0.99), p999: at(0.999), hops }
    },
    count: () => reader.ask.take(),
  }
}

/** Two actors that throw a ball until told to stop, which answers how often it was hit. */
export function endlessPingPong(Actor, system) {
  class Player extends Actor {
    hits = 0
    playing = true
    peer = null
    meet(peer) { this.peer = peer }
    hit() {
      this.hits++
      if (this.playing) this.peer.tell.hit()
    }
    rest() { this.playing = false; return this.hits }
  }
  const ping = system.spawn(Player)
  const pong = system.spawn(Player)
  ping.tell.meet(pong)
  pong.tell.meet(ping)
  ping.tell.hit()
  return {
    async stop() {
      await ping.ask.rest()
      await pong.ask.rest()
      await system.idle()
      const hops = await ping.ask.rest() + await pong.ask.rest()
      await Promise.all([ping.stop(), pong.stop()])
      if (hops < 100) throw new Error(`the endless ping-pong made only ${hops} hops`)
      return hops
    },
  }
}
