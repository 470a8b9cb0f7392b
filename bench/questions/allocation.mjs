// Does a tell allocate in JavaScript? The process gets a young generation so large that nothing is collected while ten
// million messages pass, so the growth of the heap is all that was allocated; a collection in between voids the run.
// The control allocates one object per message and must be seen to.
import { PerformanceObserver } from 'node:perf_hooks'
import { FloorActor, tell } from '../floor.mjs'

const MESSAGES = 10_000_000
const BATCH = 100_000

export const questions = [{
  name: 'allocation',
  title: 'JavaScript heap allocated per tell',
  unit: 'B',
  timed: 'inside',
  fresh: true,
  rounds: 1,
  execArgv: ['--min-semi-space-size=1024', '--max-semi-space-size=1024'],
  contestants: {
    'control: one object each': { n: 1_000_000, make: control },
    integer: { n: MESSAGES, library: 'buskin', make: subject => tells(subject, 'integer') },
    'shared object': { n: MESSAGES, library: 'buskin', make: subject => tells(subject, 'object') },
  },
  // No object is smaller than 12 bytes, so below one byte a message allocates nothing; what remains is per batch,
  // turn and clock reading.
  bars: [
    { of: 'control: one object each', atLeast: 12 },
    { of: 'integer', atMost: 1 },
    { of: 'shared object', atMost: 1 },
  ],
}]

function tells({ Actor, system }, payload) {
  let finished
  class Counter extends Actor {
    total = 0
    left = 0
    expect(messages) { this.left = messages }
    add(by) { this.total += by; if (--this.left === 0) finished() }
    addFrom(message) { this.total += message.by; if (--this.left === 0) finished() }
    take() { const { total } = this; this.total = 0; return total }
  }
  const counter = system.spawn(Counter)
  const shared = { type: 'inc', by: 1 }
  const tellAll = payload === 'object'
    ? size => { for (let i = 0; i < size; i++) counter.tell.addFrom(shared) }
    : size => { for (let i = 0; i < size; i++) counter.tell.add(1) }
  return allocated({
    async batch(size) {
      const done = new Promise(resolve => { finished = resolve })
      counter.tell.expect(size)
      tellAll(size)
      await done
    },
    count: () => counter.ask.take(),
  })
}

function control() {
  let total = 0
  let left = 0
  let finished
  const counter = new FloorActor(m => { total += m.by; if (--left === 0) finished() })
  return allocated({
    batch(size) {
      left = size
      const done = new Promise(resolve => { finished = resolve })
      for (let i = 0; i < size; i++) tell(counter, { type: 'inc', by: 1 })
      return done
    },
    count() { const seen = total; total = 0; return seen },
  })
}

function allocated({ batch, count }) {
  let measured
  return {
    async run(n) {
      for (let i = 0; i < 20; i++) await batch(BATCH)
      const warm = await count()
      if (warm !== 20 * BATCH) throw new Error(`the counter saw ${warm} of ${20 * BATCH} while warming up`)
      const collections = watchCollections()
      globalThis.gc()
      await new Promise(resolve => setTimeout(resolve, 100))
      collections.reset()
      const before = process.memoryUsage().heapUsed
      for (let rest = n; rest > 0; rest -= BATCH) await batch(Math.min(BATCH, rest))
      const bytes = process.memoryUsage().heapUsed - before
      measured = await count()
      if (await collections.seen() > 0) throw new Error('a collection ran while allocation was measured')
      return { value: bytes / n }
    },
    count: () => measured,
  }
}

function watchCollections() {
  let seen = 0
  const observer = new PerformanceObserver(list => { seen += list.getEntries().length })
  observer.observe({ entryTypes: ['gc'] })
  return {
    reset() { observer.takeRecords(); seen = 0 },
    async seen() {
      await new Promise(resolve => setTimeout(resolve, 100))
      observer.disconnect()
      return seen
    },
  }
}
