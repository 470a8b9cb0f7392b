// What does a failure cost? One child after another throws and is told something at once; the clock stops when the new
// instance has handled that. Thousands of restarts are in the supervisor's window all the time.

const READY = new Error('ready-made')
const N = 20_000
const SIBLINGS = [10, 100, 1_000, 10_000]
const named = siblings => `${siblings.toLocaleString('en')} siblings`

const supervision = { maxRestarts: 1e9, within: 60_000, backoff: false }

const contestants = boom => Object.fromEntries(SIBLINGS.map(siblings =>
  [named(siblings), { n: N, library: 'buskin', make: subject => restarts(subject, siblings, boom) }]))

export const questions = [
  {
    name: 'restart',
    title: 'restart: a failure until the new instance has handled its next message',
    unit: 'ns',
    contestants: contestants(() => { throw READY }),
    bars: [
      ...SIBLINGS.map(siblings => ({ of: named(siblings), atMost: 5_000 })),
      { of: named(10_000), per: named(10), atMost: 1.5 },
    ],
  },
  {
    name: 'restart-fresh',
    title: 'the same, the handler throws a fresh Error',
    unit: 'ns',
    contestants: contestants(() => { throw new Error('fresh') }),
    bars: [],
  },
]

async function restarts({ Actor, createSystem }, siblings, boom) {
  // nobody reads what is logged of each failure
  const system = createSystem({ log: false })
  let left = 0
  let handled = 0
  let at = 0
  let finished
  class Child extends Actor {
    boom() { boom() }
    hit() {
      handled++
      if (--left > 0) next()
      else finished()
    }
  }
  class Parent extends Actor {
    children = Array.from({ length: siblings }, () => this.ctx.spawn(Child))
    take() { return this.children }
  }
  const children = await system.spawn(Parent, { supervision }).ask.take()
  const next = () => {
    at = (at + 1) % siblings
    children[at].tell.boom()
    children[at].tell.hit()
  }
  let before = 0
  return {
    async run(n) {
      left = n
      const done = new Promise(resolve => { finished = resolve })
      next()
      await done
    },
    count() {
      const { restarts: after, failed } = system.stats()
      if (after !== failed) throw new Error(`${failed} failed, ${after} were restarted`)
      const counted = handled === after - before ? handled : -1
      before = after
      handled = 0
      return counted
    },
  }
}
