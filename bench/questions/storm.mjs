// Does the rest live through a storm of restarts? 1,000 children fail as fast as they can, for ten seconds, without a
// backoff. Watched: a 10 ms timer of Node, what the process weighs after its first second, and a healthy sibling that is
// asked all the while.
import { quantile } from '../harness/numbers.mjs'

const EVERY = 10
const SECONDS = 10
const CHILDREN = 1_000

const common = { timed: 'inside', fresh: true, rounds: 1 }
const buskin = observe => ({ n: CHILDREN, library: 'buskin', make: subject => storm(subject, observe) })

export const questions = [
  {
    ...common,
    name: 'storm-timer',
    title: 'lateness of a 10 ms setInterval in a storm of restarts, p99',
    unit: 'ms',
    contestants: { buskin: buskin(({ late }) => quantile(late, 0.99)) },
    bars: [{ of: 'buskin', atMost: 20, exclusive: true }],
  },
  {
    ...common,
    name: 'storm-memory',
    title: 'least RSS in the last three seconds of the storm, less that after the first second',
    unit: 'MB',
    contestants: { buskin: buskin(({ weights }) => (Math.min(...weights.slice(-3)) - Math.min(...weights.slice(0, 3))) / 1e6) },
    bars: [{ of: 'buskin', atMost: 8 }],
  },
  {
    ...common,
    name: 'storm-sibling',
    title: 'an ask of a healthy sibling in the storm, p99',
    unit: 'ms',
    contestants: { buskin: buskin(({ answers }) => quantile(answers, 0.99)) },
    bars: [{ of: 'buskin', atMost: 20 }],
  },
]

function storm({ Actor, createSystem }, observe) {
  const failure = new Error('storm')
  let blows = true
  class Stormy extends Actor {
    onStart() { if (blows) this.ctx.self.tell.boom() }
    boom() { throw failure }
  }
  class Calm extends Actor {
    hits = 0
    hit() { return ++this.hits }
  }
  class Parent extends Actor {
    calm = this.ctx.spawn(Calm)
    blow(n) { for (let i = 0; i < n; i++) this.ctx.spawn(Stormy) }
    take() { return this.calm }
  }
  const system = createSystem({ log: false })
  let counted = -1
  return {
    async run(n) {
      const supervision = { maxRestarts: 1e9, within: 60_000, backoff: false }
      const parent = system.spawn(Parent, { supervision })
      const calm = await parent.ask.take()
      const seen = { late: [], weights: [], answers: [] }
      const timer = ticks(seen.late)
      parent.tell.blow(n)
      let asked = 0
      for (const start = performance.now(); performance.now() - start < SECONDS * 1_000;) {
        const second = Math.floor((performance.now() - start) / 1_000)
        if (second > seen.weights.length) seen.weights.push(weigh())
        const before = performance.now()
        await calm.ask.hit()
        seen.answers.push(performance.now() - before)
        asked++
        await new Promise(resolve => setTimeout(resolve, 5))
      }
      clearInterval(timer)
      seen.weights.push(weigh())
      blows = false
      await system.idle()
      const { restarts, failed, actors } = system.stats()
      const answered = await calm.ask.hit() - 1
      counted = failed === restarts && actors === n + 2 && answered === asked ? n : -1
      return { value: observe(seen), restartsPerSecond: Math.round(restarts / SECONDS), asked }
    },
    count: () => counted,
  }
}

/** What is kept, not what a collection has left for later. */
function weigh() {
  globalThis.gc()
  return process.memoryUsage.rss()
}

/** How much later than `EVERY` after the one before each tick came. */
function ticks(late) {
  let last = performance.now()
  return setInterval(() => {
    const now = performance.now()
    late.push(now - last - EVERY)
    last = now
  }, EVERY)
}
