// Does a waiting message get dearer when a million wait? The receiver is held by an asynchronous handler while the
// backlog builds up; the clock runs from its release to the last message. Telling is outside the clock.

const TOTAL = 1_000_000

export const questions = [{
  name: 'backlog',
  title: 'draining waiting integers, per message',
  unit: 'ns',
  timed: 'inside',
  contestants: {
    '1,000 waiting': { n: TOTAL, library: 'buskin', make: subject => backlog(subject, 1_000) },
    '1,000,000 waiting': { n: TOTAL, library: 'buskin', make: subject => backlog(subject, TOTAL) },
  },
  bars: [{ of: '1,000,000 waiting', per: '1,000 waiting', atLeast: 0.7, atMost: 1.3 }],
  busy: 'ratio',
}]

function backlog({ Actor, system }, size) {
  let finished
  let release
  let begun
  class Counter extends Actor {
    total = 0
    left = 0
    expect(messages) { this.left = messages }
    async hold() { await new Promise(resolve => { release = resolve; begun() }) }
    add(by) { this.total += by; if (--this.left === 0) finished() }
    take() { const { total } = this; this.total = 0; return total }
  }
  const counter = system.spawn(Counter)

  /** One backlog of `messages`; the milliseconds its drain took. */
  async function drain(messages) {
    const done = new Promise(resolve => { finished = resolve })
    const held = new Promise(resolve => { begun = resolve })
    counter.tell.expect(messages)
    counter.tell.hold()
    for (let i = 0; i < messages; i++) counter.tell.add(1)
    await held // others on the loop may have used up its turn
    await new Promise(setImmediate)
    const { waiting } = system.stats()
    if (waiting < messages) throw new Error(`only ${waiting} of ${messages} messages wait`)
    const start = performance.now()
    release()
    await done
    return performance.now() - start
  }

  return {
    async run(n) {
      let ms = 0
      for (let rest = n; rest > 0; rest -= size) ms += await drain(Math.min(size, rest))
      return { value: ms * 1e6 / n }
    },
    count: () => counter.ask.take(),
  }
}
