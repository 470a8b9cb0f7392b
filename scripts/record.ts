// Records what passes the core's border while actors of every kind run under Node, for the Rust test that replays it:
// node --import ./scripts/ts.mjs scripts/record.ts
import { mkdirSync, writeFileSync } from 'node:fs'
import { Actor } from '../src/actor.ts'
import { Refusal } from '../src/errors.ts'
import type { Directive, Failure } from '../src/lifecycle.ts'
import type { ActorOptions } from '../src/options.ts'
import { createRecordedSystem, laneOf } from '../src/system.ts'
import type { Ref } from '../src/ref.ts'

class Clerk extends Actor {
  static readonly concurrent = ['look']
  #count = 0
  override onStart() {
    this.ctx.every(1, () => this.#count++)
    this.ctx.after(2, async () => { await Promise.resolve() })
  }
  override onRestart() {}
  override onStop() {}
  add(n: number, _what?: unknown) { this.#count += n }
  read() { return this.#count }
  async slow(n: number) { await Promise.resolve(); return n }
  promised(n: number) { return Promise.resolve(n) }
  look(n: number) { return Promise.resolve(n) }
  refuse() { throw new Refusal('no') }
  fail(why = 'failed') { throw new Error(why) }
  async failLater() { await Promise.resolve(); throw new Error('failed later') }
  *items(n: number) { for (let i = 0; i < n; i++) yield i }
  hire(): Ref<Clerk> { return this.ctx.spawn(Clerk) }
  quit() { this.ctx.stop() }
  join(other: Ref<Clerk>) { this.ctx.link(other) }
  adopt(other: Ref<Clerk>) { return this.ctx.adopt(other) }
  release(other: Ref<Clerk>) { return this.ctx.release(other) }
  follow(other: Ref<Clerk>) { this.ctx.watch(other, () => this.#count++) }
  pass(other: Ref<Clerk>, n: number) { for (let i = 0; i < n; i++) other.tell.add(i) }
}

/** Its children restart together, unless an error says what else is to be done about it. */
class Office extends Clerk {
  static readonly options = {
    supervision: { strategy: 'one-for-all', maxRestarts: 3, backoff: { min: 1, max: 4, jitter: 0.5 }, decide: decided },
  } satisfies ActorOptions
}

function decided({ error }: Failure): Directive | undefined {
  const { message } = error as Error
  if (message === 'undecided') throw error
  return (['stop', 'resume', 'escalate'] as const).find((answer) => answer === message)
}

/** Is unwell at every second look. */
class Checked extends Clerk {
  static readonly options = { health: { every: 2, timeout: 50 } } satisfies ActorOptions
  #looks = 0
  onHealth() { if (++this.#looks % 2 === 0) throw new Error('unwell') }
}

const system = createRecordedSystem({ log: false, mailbox: { capacity: 200 }, supervision: { backoff: { min: 1 } }, onEscalate: 'report' })
const settled = async (asked: Promise<unknown>[]): Promise<void> => void (await Promise.allSettled(asked))
const head = system.spawn(Clerk, { name: 'head' })
const small = system.spawn(Clerk, { mailbox: { capacity: 2, overflow: 'drop-oldest' } })
const patient = system.spawn(Clerk, { mailbox: { capacity: 1, overflow: 'wait' } })
const hired = await head.ask.hire()
head.tell.follow(hired)
head.tell.pass(hired, 150)
for (let i = 0; i < 250; i++) hired.tell.add(i, { i })
for (let i = 0; i < 8; i++) small.tell.add(i)
await settled([1, 2, 3, 4].map((n) => patient.send.add(n)))
await settled([head.ask.slow(1), head.ask.promised(2), head.ask.look(3), head.ask.look(4), head.ask.refuse(), head.ask.read()])
await settled([head.with({ ttl: 0 }).ask.read(), head.with({ priority: 'high' }).ask.read(), head.with({ timeout: 1 }).ask.slow(5)])
for await (const item of hired.stream.items(20)) if (item === 12) break
await settled([hired.ask.failLater(), hired.ask.read()])
const more = await head.ask.hire()
await settled([more.ask.fail(), more.ask.read()])
await new Promise((resolve) => { setTimeout(resolve, 10) })
const last = await head.ask.hire()
for (let i = 0; i < 20; i++) last.tell.add(i)
await last.stop({ drain: true })
await small.kill()

const office = system.spawn(Office, { name: 'office' })
const [one, two, three] = [await office.ask.hire(), await office.ask.hire(), await office.ask.hire()]
await settled(['failed', 'resume', 'undecided', 'stop', 'failed'].flatMap((why) => [two.ask.fail(why), two.ask.read(), three.ask.read()]))
await settled([three.ask.fail('escalate'), one.stopped, office.ask.read()]) // the office fails with it, and is restarted
const many = await office.ask.hire()
await settled([many.ask.fail(), many.ask.fail(), many.ask.fail(), many.ask.fail(), many.stopped]) // once more than it may
const steady = system.spawn(Clerk, { restart: 'permanent', mailboxOnRestart: 'clear' })
await settled([steady.ask.quit(), steady.ask.read()])
await settled([steady.ask.read()])

const brief = system.spawn(Clerk, { restart: 'temporary' })
await steady.ask.join(brief)
await settled([brief.ask.fail(), brief.stopped])
await settled([steady.ask.read(), head.ask.adopt(steady)])
await settled([steady.ask.fail(), steady.ask.read(), head.ask.release(steady)])

const checked = system.spawn(Checked, { supervision: { strategy: 'rest-for-one' } })
await settled([checked.ask.slow(1), new Promise((resolve) => { setTimeout(resolve, 20) })])
await checked.stop()
await system.shutdown()
if (system.stats().restarts < 8) throw new Error(`too little was recorded: ${JSON.stringify(system.stats())}`)

const folder = new URL('../crates/core/tests/fixtures/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('node.log', folder), laneOf(system).native.log())
