// A seeded soak: millions of random operations on a churning population of actors, with books of its own that must
// agree with `system.stats()` to the last message.
//
//   node --expose-gc bench/soak.mjs [--ops=10000000] [--seed=1] [--actors=256]
//
// How each message's end is known without asking the system:
//   handled       counted by the handler's last line
//   failed        counted by the handler before it throws
//   dead letters  counted by the feed, by reason
//   cut short     an asynchronous handler cannot know that it was abandoned. Such messages are therefore asks without a
//                 time-out: answered counts as handled; STOPPED after the handler had begun counts as failed; STOPPED
//                 before it is a dead letter, which the feed reports.
//   restarts      counted by every new instance that is not its actor's first; and whoever failed without being stopped
//                 must be there in the end, unless it is temporary
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Actor, BuskinError, Refusal, createSystem } from 'buskin'

const BURST = 64
const POLICIES = ['reject', 'wait', 'drop-newest', 'drop-oldest']
const RESTARTS = ['permanent', 'transient', 'temporary']
/** Waits are short, because messages behind them hold the rest up; every failure of a soak is within the limit. */
const BACKOFFS = { alone: false, short: { min: 1, max: 4 }, usual: { max: 5 } }
const supervision = (strategy, backoff) => ({ strategy, backoff: BACKOFFS[backoff], maxRestarts: Infinity })
const MB = 2 ** 20

/**
 * Runs `ops` operations and compares. `problems` is empty when everything agreed; nothing is thrown for a disagreement.
 * `judgeMemory` needs enough operations for the process to have settled, about a million.
 */
export async function soak({ ops = 10_000_000, seed = 1, actors = 256, judgeMemory = ops >= 1_000_000, onProgress = null } = {}) {
  const run = new Soak(seed, actors)
  const warmUp = Math.ceil(ops / 10)
  const start = performance.now()

  await run.perform(warmUp, onProgress)
  await run.settle()
  const before = judgeMemory ? await memory() : null
  await run.perform(ops - warmUp, onProgress)
  await run.settle()
  await run.census()
  run.compare('after the last operation')
  const seconds = (performance.now() - start) / 1_000
  const after = judgeMemory ? await memory() : null

  await run.end()
  run.compare('after the end of every actor')
  if (judgeMemory) run.compareMemory(before, after)
  const result = { ops, seed, seconds, books: run.books, stats: run.system.stats(), before, after, problems: run.problems }
  await run.system.shutdown()
  return result
}

// ---------------------------------------------------------------------------------------- books

class Books {
  operations = 0
  sent = 0
  handled = 0
  failed = 0
  deadLetters = 0
  deadLettersBy = {}
  /** Of asks whose promise must tell the end of the message, dead letters by reason. */
  deadAsksBy = {}
  rejections = {}
  /** Of the same asks, rejections by code. */
  askRejections = {}
  refusals = 0
  spawned = 0
  restarts = 0
  timersFired = 0

  dead({ reason, method }) {
    this.deadLetters++
    increment(this.deadLettersBy, reason)
    if (method === 'asked' || method === 'slow') increment(this.deadAsksBy, reason)
  }
}

const increment = (counts, key) => { counts[key] = (counts[key] ?? 0) + 1 }

// --------------------------------------------------------------------------------------- actors

/** Handlers are named after the verb that reaches them, because a dead letter tells its method and not its verb. */
function classes(soak) {
  const { books } = soak

  class Member extends Actor {
    static options = { supervision: supervision('one-for-one', 'alone') }

    constructor() {
      super()
      if (this.ctx.generation > 0) books.restarts++
    }

    told(hops) {
      if (hops > 0) {
        const next = soak.another()
        books.sent++
        next.tell.told(hops - 1)
      }
      books.handled++
    }

    sent() { books.handled++ }
    asked(value) { books.handled++; return value }
    timed(value) { books.handled++; return value }

    refuse() {
      books.handled++
      throw new Refusal('as agreed')
    }

    fail() {
      books.failed++
      throw new Error('as agreed')
    }

    /** Its end is told by its promise alone: see the head of this file. */
    async slow(id, turns) {
      soak.begun.add(id)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
    }

    timer(ms) {
      this.ctx.after(ms, () => {
        books.timersFired++
        books.sent++
        soak.another().tell.told(0)
      })
      books.handled++
    }

    ticker(ms, times) {
      const timer = this.ctx.every(ms, () => {
        books.timersFired++
        if (--times <= 0) timer.cancel()
      })
      books.handled++
    }

    cancelled() {
      this.ctx.after(1_000, () => { books.timersFired++ }).cancel()
      books.handled++
    }

    /** Fails its actor, and no message. */
    explode(ms) {
      this.ctx.after(ms, () => {
        books.timersFired++
        throw new Error('as agreed')
      })
      books.handled++
    }

    child() {
      soak.adopt(this.ctx.spawn(soak.Leaf, { restart: RESTARTS[soak.randomInHandlers() % RESTARTS.length] }))
      books.handled++
    }

    halt() {
      this.ctx.stop()
      books.handled++
    }
  }

  class Prepared extends Member {
    static options = { supervision: supervision('one-for-all', 'short') }
    async onStart() { await new Promise(setImmediate) }
    onStop() {}
  }

  class Overlapping extends Member {
    static concurrent = ['slow']
    static options = { supervision: supervision('rest-for-one', 'usual') }
  }

  class Stillborn extends Member {
    onStart() { throw new Error('as agreed') }
  }

  /** Starts at the second attempt. */
  class Shy extends Member {
    static options = { mailboxOnRestart: 'clear', health: { every: 3 } }
    onStart() { if (this.ctx.generation === 0) throw new Error('as agreed') }
    onHealth() { return new Promise(setImmediate) }
  }

  class Leaf extends Member {}

  return { Member, Prepared, Overlapping, Stillborn, Shy, Leaf }
}

// -------------------------------------------------------------------------------------- the soak

class Soak {
  books = new Books()
  problems = []
  begun = new Set()
  /** How those are restarted that nobody stopped and that are nobody's children. */
  policies = new Map()
  #open = 0
  #allClosed = null
  #nextId = 0

  constructor(seed, actors) {
    this.random = generator(seed)
    // Handlers draw from a source of their own: when they run is up to the clock, what the operations are is not.
    this.randomInHandlers = generator(~seed)
    this.system = createSystem({ log: false, supervision: supervision('one-for-one', 'short') })
    this.actorsAtFirst = this.system.stats().actors
    this.system.deadLetters.on(letter => { this.books.dead(letter) })
    const made = classes(this)
    this.Leaf = made.Leaf
    this.kinds = [[8, made.Member], [4, made.Prepared], [3, made.Overlapping], [1, made.Shy], [1, made.Stillborn]].flatMap(repeated)
    this.Stillborn = made.Stillborn
    this.population = Array.from({ length: actors }, () => this.spawn())
    this.stopped = []
    this.operations = this.#table()
  }

  below(n) { return this.random() % n }
  anyone() { return this.population[this.below(this.population.length)] }
  /** For handlers. */
  another() { return this.population[this.randomInHandlers() % this.population.length] }

  async perform(count, onProgress) {
    const { books } = this
    const end = books.operations + count
    const reportEvery = 1_000_000
    let bursts = 0
    while (books.operations < end) {
      const burst = Math.min(BURST, end - books.operations)
      for (let i = 0; i < burst; i++) this.operations[this.below(this.operations.length)]()
      const reported = Math.floor(books.operations / reportEvery)
      books.operations += burst
      // Now and then everything comes to rest, mostly only what fits into one turn of the event loop.
      if (++bursts % 256 === 0) {
        this.#identity()
        await this.system.idle()
      } else {
        await new Promise(setImmediate)
      }
      if (Math.floor(books.operations / reportEvery) > reported) onProgress?.(books.operations, this.problems.length)
    }
  }

  /** Until nothing waits and every promise of ours has told its end. */
  async settle() {
    await this.system.idle()
    if (this.#open > 0) {
      await withLimit(new Promise(resolve => { this.#allClosed = resolve }), 30_000)
      if (this.#open > 0) this.problem(`${this.#open} promises never settled`)
      await this.system.idle()
    }
  }

  /** Whoever is not temporary and was not stopped is there, however often it failed. */
  async census() {
    for (const [ref, restart] of this.policies) {
      if (restart === 'temporary') continue
      const value = this.books.sent++
      const reply = await ref.with({ timeout: 10_000 }).ask.asked(value).catch(error => error)
      if (reply !== value) this.problem(`${ref.path} is ${restart} and was not stopped, but said ${String(reply)}`)
    }
  }

  async end() {
    await Promise.all([...this.population, ...this.stopped].map(ref => ref.stop()))
    await this.settle()
    const left = this.system.stats().actors - this.actorsAtFirst
    if (left !== 0) this.problem(`${left} actors are left after all were stopped`)
  }

  spawn() {
    const cls = this.kinds[this.below(this.kinds.length)]
    // one that never starts would be tried again for ever
    const restart = cls === this.Stillborn ? 'temporary' : RESTARTS[this.below(RESTARTS.length)]
    const options = { restart }
    if (this.below(4) === 0) options.mailbox = { capacity: 1 + this.below(16), overflow: POLICIES[this.below(POLICIES.length)] }
    if (this.below(8) === 0) options.name = `named-${this.books.spawned}`
    this.books.spawned++
    const ref = this.system.spawn(cls, options)
    this.policies.set(ref, restart)
    return ref
  }

  /** A child joins the population in the place of somebody, who is stopped. */
  adopt(child) {
    this.books.spawned++
    const at = this.randomInHandlers() % this.population.length
    void this.population[at].stop()
    this.policies.delete(this.population[at])
    this.population[at] = child
  }

  /** Somebody is brought to an end of its own: it stays where it is when it will be restarted, and is replaced otherwise. */
  #crash(end, survivors) {
    const at = this.below(this.population.length)
    const ref = this.population[at]
    if (survivors.includes(this.policies.get(ref))) end(ref)
    // The message may be refused, so the actor is stopped behind it in any case.
    else this.#replace(old => { end(old); void old.stop({ drain: true }) }, at)
  }

  /** Somebody ends in the given way, and another takes the place. Some of the ended are remembered, to be told more. */
  #replace(endOf, at = this.below(this.population.length)) {
    const old = this.population[at]
    endOf(old)
    this.policies.delete(old)
    this.population[at] = this.spawn()
    if (this.stopped.length < 64) this.stopped.push(old)
    else this.stopped[this.below(64)] = old
  }

  /** Operations, as often in the list as they shall be likely. */
  #table() {
    const { books } = this
    const tell = (ref, method, ...args) => {
      books.sent++
      ref.tell[method](...args)
    }
    const weighted = [
      [40, () => { tell(this.anyone(), 'told', 0) }],
      [10, () => { tell(this.anyone(), 'told', 1 + this.below(4)) }],
      [10, () => { this.#send(this.anyone()) }],
      [14, () => { this.#ask(this.anyone()) }],
      [3, () => { this.#slow(this.anyone()) }],
      [3, () => { tell(this.anyone().with({ priority: this.below(2) === 0 ? 'high' : 'low' }), 'told', 0) }],
      [3, () => { tell(this.anyone().with({ ttl: this.below(3) }), 'told', 0) }],
      [1, () => { this.#ask(this.anyone(), { ttl: this.below(2) }) }],
      [2, () => { this.#timed(this.anyone()) }],
      [1, () => { this.#aborted(this.anyone()) }],
      [1, () => { this.#refused(this.anyone()) }],
      [1, () => { this.#overflow(this.anyone()) }],
      [1, () => { tell(this.anyone(), 'unheardOf', 1) }],
      [1, () => { tell(this.anyone(), 'timer', this.below(5)) }],
      [1, () => { tell(this.anyone(), 'ticker', 1 + this.below(3), 1 + this.below(3)) }],
      [1, () => { tell(this.anyone(), 'cancelled') }],
      [1, () => { tell(this.anyone(), 'child') }],
      [1, () => { if (this.stopped.length > 0) tell(this.stopped[this.below(this.stopped.length)], 'told', 0) }],
      [1, () => { if (this.stopped.length > 0) this.#ask(this.stopped[this.below(this.stopped.length)]) }],
      [1, () => { this.#replace(ref => { void ref.stop() }) }],
      [1, () => { this.#replace(ref => { void ref.stop({ drain: true }) }) }],
      // From a turn of the loop of its own: a handler that has come to its end, by its own count, but whose promise nobody
      // has looked at yet is still in hand, and a kill then would count it as failed.
      [1, () => { this.#replace(ref => { setImmediate(() => { void ref.kill() }) }) }],
      [1, () => { this.#replace(ref => { tell(ref, 'fail'); void ref.stop({ drain: true }) }) }],
      [1, () => { this.#replace(ref => { tell(ref, 'fail'); setImmediate(() => { void ref.stop() }) }) }],
      [1, () => { this.#crash(ref => { tell(ref, 'fail') }, ['permanent', 'transient']) }],
      [1, () => { this.#crash(ref => { tell(ref, 'explode', this.below(3)) }, ['permanent', 'transient']) }],
      [1, () => { this.#crash(ref => { tell(ref, 'halt') }, ['permanent']) }],
    ]
    return weighted.flatMap(repeated)
  }

  // A call's promise is open until it has settled; its end is entered in the books.

  #send(ref) {
    this.books.sent++
    void this.#follow(ref.send.sent())
  }

  #ask(ref, options) {
    const { books } = this
    const value = books.sent++
    void this.#follow(
      ref.with({ timeout: Infinity, ...options }).ask.asked(value),
      reply => { if (reply !== value) this.problem(`an ask of ${value} was answered ${String(reply)}`) },
      error => { this.#rejected(error, books.askRejections) },
    )
  }

  /** May time out while it waits; whether it is handled is told by its handler or the feed, never by this promise. */
  #timed(ref) {
    this.books.sent++
    void this.#follow(ref.with({ timeout: this.below(3) }).ask.timed(1))
  }

  #aborted(ref) {
    const controller = new AbortController()
    this.#ask(ref, { signal: controller.signal })
    controller.abort()
  }

  #refused(ref) {
    this.books.sent++
    void this.#follow(
      ref.with({ timeout: Infinity }).ask.refuse(),
      () => { this.problem('an ask was answered that its handler refuses') },
      error => {
        if (error instanceof Refusal) this.books.refusals++
        else this.#rejected(error)
      },
    )
  }

  #slow(ref) {
    const { books, begun } = this
    const id = this.#nextId++
    books.sent++
    void this.#follow(
      ref.with({ timeout: Infinity }).ask.slow(id, this.below(3)),
      () => {
        books.handled++
        if (!begun.delete(id)) this.problem('an ask was answered whose handler never ran')
      },
      error => {
        if (!begun.delete(id)) {
          this.#rejected(error, books.askRejections)
          return
        }
        books.failed++
        if (!BuskinError.is(error, 'ERR_BUSKIN_STOPPED')) this.problem(`an abandoned ask rejected ${String(error)}`)
        increment(books.rejections, 'cut short')
      },
    )
  }

  /** More at once than most bounded mailboxes hold. */
  #overflow(ref) {
    for (let i = 0; i < 12; i++) {
      this.books.sent++
      ref.tell.told(0)
    }
    for (let i = 0; i < 6; i++) this.#send(ref)
    for (let i = 0; i < 6; i++) this.#ask(ref)
  }

  async #follow(promise, onReply = () => {}, onError = error => { this.#rejected(error) }) {
    this.#open++
    try {
      onReply(await promise)
    } catch (error) {
      onError(error)
    }
    if (--this.#open === 0) this.#allClosed?.()
  }

  #rejected(error, counts = null) {
    if (!BuskinError.is(error)) {
      this.problem(`a call rejected ${String(error)}`)
      return
    }
    increment(this.books.rejections, error.code)
    if (counts !== null) increment(counts, error.code)
  }

  // ------------------------------------------------------------------------------- comparison

  problem(text) {
    if (this.problems.length < 100) this.problems.push(text)
  }

  /** Holds at every moment, so also between two operations. */
  #identity() {
    const { sent, handled, failed, deadLetters, waiting, running } = this.system.stats()
    this.#same('in the middle', 'sent', this.books.sent, sent)
    this.#same('in the middle', 'the identity', sent, handled + failed + deadLetters + waiting + running)
  }

  /** At rest: the books and the system's own counters, one by one. */
  compare(when) {
    const { books } = this
    const stats = this.system.stats()
    this.#same(when, 'sent', books.sent, stats.sent)
    this.#same(when, 'handled', books.handled, stats.handled)
    this.#same(when, 'failed', books.failed, stats.failed)
    this.#same(when, 'dead letters', books.deadLetters, stats.deadLetters)
    this.#same(when, 'restarts', books.restarts, stats.restarts)
    this.#same(when, 'waiting', 0, stats.waiting)
    this.#same(when, 'running', 0, stats.running)
    this.#same(when, 'the identity of the books', books.sent, books.handled + books.failed + books.deadLetters)
    for (const reason of new Set([...Object.keys(stats.deadLettersBy), ...Object.keys(books.deadLettersBy)])) {
      this.#same(when, `dead letters '${reason}'`, books.deadLettersBy[reason] ?? 0, stats.deadLettersBy[reason] ?? 0)
    }
    // Every ask that died rejected, with the code that belongs to the reason.
    const dead = reason => books.deadAsksBy[reason] ?? 0
    const rejected = code => books.askRejections[code] ?? 0
    this.#same(when, 'asks stopped', dead('stopped'), rejected('ERR_BUSKIN_STOPPED'))
    this.#same(when, 'asks refused by a full mailbox', dead('mailbox-full') + dead('dropped'), rejected('ERR_BUSKIN_MAILBOX_FULL'))
    this.#same(when, 'asks expired', dead('expired'), rejected('ERR_BUSKIN_EXPIRED'))
    this.#same(when, 'asks aborted', dead('aborted'), rejected('ERR_BUSKIN_ABORTED'))
  }

  compareMemory(before, after) {
    const heap = (after.heapUsed - before.heapUsed) / MB
    const rss = (after.rss - before.rss) / MB
    if (heap > 8) this.problem(`the heap grew by ${heap.toFixed(1)} MB`)
    if (rss > 64) this.problem(`resident memory grew by ${rss.toFixed(1)} MB`)
  }

  #same(when, what, mine, theirs) {
    if (mine !== theirs) this.problem(`${when}, ${what}: ${mine} in the books, ${theirs} in the system`)
  }
}

// -------------------------------------------------------------------------------------- helpers

const repeated = ([times, value]) => Array.from({ length: times }, () => value)

/** Mulberry32: 32 random bits at each call, the same for the same seed everywhere. */
export function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

async function memory() {
  const collect = collector()
  for (let i = 0; i < 5; i++) {
    collect()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heapUsed, rss }
}

/** The collector, also in a process that was started without --expose-gc. */
function collector() {
  if (globalThis.gc !== undefined) return globalThis.gc
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

async function withLimit(promise, ms) {
  let limit
  await Promise.race([promise, new Promise(resolve => { limit = setTimeout(resolve, ms) })])
  clearTimeout(limit)
}

// ---------------------------------------------------------------------------------- command line

async function main() {
  const { values } = parseArgs({ options: { ops: { type: 'string' }, seed: { type: 'string' }, actors: { type: 'string' } } })
  const number = (name, fallback) => {
    const value = Number(values[name] ?? fallback)
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1 on, not '${values[name]}'`)
    return value
  }
  const result = await soak({
    ops: number('ops', 10_000_000),
    seed: number('seed', 1),
    actors: number('actors', 256),
    onProgress: (operations, problems) => { console.error(`${(operations / 1e6).toFixed(0)}M operations, ${problems} problems`) },
  })
  report(result)
  return result.problems.length === 0 ? 0 : 1
}

function report({ ops, seed, seconds, books, before, after, problems }) {
  console.log(`${ops.toLocaleString('en')} operations, seed ${seed}, ${seconds.toFixed(1)} s`)
  console.log(`sent ${books.sent} = handled ${books.handled} + failed ${books.failed} + dead letters ${books.deadLetters}`)
  console.log(`dead letters: ${JSON.stringify(books.deadLettersBy)}`)
  console.log(`rejections: ${JSON.stringify(books.rejections)}, refusals ${books.refusals}`)
  console.log(`actors spawned ${books.spawned}, restarted ${books.restarts}, timers fired ${books.timersFired}`)
  if (before !== null) {
    const mb = ({ heapUsed, rss }) => `heap ${(heapUsed / MB).toFixed(1)} MB, RSS ${(rss / MB).toFixed(1)} MB`
    console.log(`memory: ${mb(before)} before, ${mb(after)} after`)
  }
  for (const problem of problems) console.error(`problem: ${problem}`)
  console.log(problems.length === 0 ? 'everything agrees' : `${problems.length} problems`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await main()
