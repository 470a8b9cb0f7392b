// A busy system: 1,000 actors that between them use bounds, ttl, priorities, timers, watches, streams and asynchronous
// handlers. They have done all of that before this resolves, checked below, and go on doing some of it once a second.
// What is measured beside them runs the same code paths as in any program that uses these features.

const EACH = 125   // of eight kinds
const EVERY = 1_000
const POLICIES = ['reject', 'wait', 'drop-newest', 'drop-oldest']

export async function busySystem({ Actor, Refusal, createSystem }) {
  const system = createSystem()
  const tally = { beats: 0, expired: 0, refused: 0, timers: 0, ends: 0, items: 0, replies: 0, unhandled: 0 }
  const kinds = [bounded, hurried, ranked, ticking, watching, streaming, sleeping, calling]
  const work = kinds.map(kind => kind({ Actor: beating(Actor, tally), Refusal, system, tally }))
  await Promise.all(work)
  await system.idle()
  confirm(system, tally)
  return system
}

/** The base of them all: beats once a second for as long as it lives, and holds no process open. */
function beating(Actor, tally) {
  return class Beating extends Actor {
    taken = 0
    neighbour = null
    onStart() { this.ctx.every(EVERY, () => { tally.beats++; this.beat() }).unref() }
    beat() { this.neighbour?.tell.take(1) }
    meet(neighbour) { this.neighbour = neighbour }
    take(by) { this.taken += by }
    hold(ms) { return new Promise(resolve => { setTimeout(resolve, ms) }) }
  }
}

/** `EACH` of one class, each the neighbour of the one before it. */
function spawnRing(system, cls, optionsOf = () => ({})) {
  const refs = Array.from({ length: EACH }, (_, i) => system.spawn(cls, optionsOf(i)))
  refs.forEach((ref, i) => ref.tell.meet(refs[(i + 1) % EACH]))
  return refs
}

async function bounded({ Actor, system, tally }) {
  class Bounded extends Actor {}
  const refs = spawnRing(system, Bounded, i => ({ mailbox: { capacity: 4, overflow: POLICIES[i % POLICIES.length] } }))
  await system.idle()
  for (const ref of refs) {
    ref.tell.hold(1)
    for (let i = 0; i < 16; i++) ref.tell.take(1)
  }
  await Promise.all(refs.map(async ref => {
    const sends = await Promise.allSettled(Array.from({ length: 8 }, () => ref.send.take(1)))
    tally.refused += sends.filter(({ status }) => status === 'rejected').length
  }))
}

async function hurried({ Actor, system, tally }) {
  class Hurried extends Actor {
    beat() { this.neighbour?.with({ ttl: 500 }).tell.take(1) }
  }
  const subscription = system.deadLetters.on(({ reason }) => { if (reason === 'expired') tally.expired++ })
  const refs = spawnRing(system, Hurried)
  await system.idle()
  for (const ref of refs) {
    ref.with({ ttl: 10_000 }).tell.take(1)
    ref.tell.hold(20)
    ref.with({ ttl: 1 }).tell.take(1)
  }
  await Promise.all(refs.map(ref => ref.ask.hold(0)))
  subscription.cancel()
}

async function ranked({ Actor, system }) {
  class Ranked extends Actor {
    beat() {
      this.neighbour?.with({ priority: 'high' }).tell.take(1)
      this.neighbour?.with({ priority: 'low' }).tell.take(1)
    }
  }
  const refs = spawnRing(system, Ranked)
  for (const ref of refs) {
    for (const priority of ['low', 'normal', 'high']) {
      const ranked = ref.with({ priority })
      for (let i = 0; i < 8; i++) ranked.tell.take(1)
    }
  }
  await Promise.all(refs.map(ref => ref.with({ priority: 'low' }).ask.take(1)))
}

async function ticking({ Actor, system, tally }) {
  class Ticking extends Actor {
    beat() { this.ctx.after(1, () => this.neighbour?.tell.take(1)).unref() }
    run(done) {
      this.ctx.after(10_000, () => {}).cancel()
      let ticks = 0
      const timer = this.ctx.every(1, () => {
        tally.timers++
        if (++ticks < 3) return
        timer.cancel()
        done()
      })
    }
  }
  await Promise.all(spawnRing(system, Ticking).map(ref => new Promise(done => { ref.tell.run(done) })))
}

async function watching({ Actor, system, tally }) {
  class Child extends Actor {
    onStart() {}
    onStop() {}
  }
  class Watching extends Actor {
    beat() { this.watchOne() }
    watchOne() {
      const child = this.ctx.spawn(Child)
      this.ctx.watch(child, () => { tally.ends++ })
      child.tell.take(1)
      void child.stop({ drain: true })
    }
  }
  const refs = spawnRing(system, Watching)
  for (const ref of refs) ref.tell.watchOne()
  await Promise.all(refs.map(ref => ref.ask.take(1)))
}

async function streaming({ Actor, system, tally }) {
  class Streaming extends Actor {
    *count(to) { for (let i = 0; i < to; i++) yield i }
    async *countSlowly(to) { for (let i = 0; i < to; i++) { await new Promise(queueMicrotask); yield i } }
    *forever() { for (let i = 0; ; i++) yield i }
  }
  await Promise.all(spawnRing(system, Streaming).map(async ref => {
    for (const [stream, last] of [
      [ref.stream.count(5), Infinity],
      [ref.stream.countSlowly(5), Infinity],
      [ref.stream.forever(), 4],
    ]) {
      const items = await read(stream, last)
      tally.items += items
    }
    // One stays open, and nobody asks it for more.
    await ref.stream.forever().next()
    tally.items++
  }))
}

/** How many items came up to `last`, after which the stream is left. */
async function read(stream, last) {
  let items = 0
  for await (const item of stream) {
    items++
    if (item === last) break
  }
  return items
}

async function sleeping({ Actor, system, tally }) {
  class Sleeping extends Actor {
    static concurrent = ['doze']
    beat() { this.neighbour?.tell.nap() }
    async nap() { await new Promise(queueMicrotask); return 1 }
    async doze() { await new Promise(setImmediate); return 1 }
    promise() { return Promise.resolve(1) }
  }
  await Promise.all(spawnRing(system, Sleeping).map(async ref => {
    const replies = await Promise.all([ref.ask.nap(), ref.ask.doze(), ref.ask.doze(), ref.ask.promise(), ref.ask.nap()])
    tally.replies += replies.reduce((a, b) => a + b)
  }))
}

async function calling({ Actor, Refusal, system, tally }) {
  class Calling extends Actor {
    beat() { void this.neighbour?.with({ timeout: 500 }).ask.value().catch(() => {}) }
    value() { return 1 }
    refuse() { throw new Refusal('not today') }
    async relay(to) { return to.with({ timeout: 10_000 }).ask.value() }
    onUnhandled() { tally.unhandled++; return 1 }
  }
  const refs = spawnRing(system, Calling)
  // An asker each, outside the ring's order, so that no two wait for each other.
  const answering = system.spawn(Calling)
  await Promise.all(refs.map(async ref => {
    const controller = new AbortController()
    const aborted = ref.with({ signal: controller.signal }).ask.value()
    controller.abort()
    const results = await Promise.allSettled([ref.ask.relay(answering), ref.ask.unheardOf(), ref.ask.refuse(), aborted])
    tally.replies += results.filter(({ status }) => status === 'fulfilled').length
    tally.refused += results.filter(({ status }) => status === 'rejected').length
  }))
}

/** A system that quietly did less than it claims would flatter the measurement. */
function confirm(system, tally) {
  const stats = system.stats()
  const expected = {
    'expired messages': tally.expired >= EACH,
    'refused calls': tally.refused >= 2 * EACH,
    'timer ticks': tally.timers >= 3 * EACH,
    'ends watched': tally.ends >= EACH,
    'stream items': tally.items === 16 * EACH,
    'replies': tally.replies >= 7 * EACH,
    'unheard-of messages': tally.unhandled === EACH,
    'messages beyond a bound': stats.deadLettersBy['mailbox-full'] > 0 && stats.deadLettersBy.dropped > 0,
    '1,000 actors': stats.actors >= 8 * EACH,
  }
  const wrong = Object.keys(expected).filter(what => !expected[what])
  if (wrong.length > 0) throw new Error(`the busy system did not do its work: ${wrong.join(', ')}`)
}
