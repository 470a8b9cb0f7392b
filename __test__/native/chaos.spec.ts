// Native actors, cores and the main isolate call each other while actors fail, are killed and come back, and cores die. No ask is
// left, every message is accounted for, and nothing of it is there after the end.
import { strict as assert } from 'node:assert'
import ava from 'ava'
import { BuskinError, createSystem, native, type KvStore, type Ref, type System } from '../../src/index.ts'
import { assertIdentity, within } from '../support.ts'
import { Client, Probe } from './fixtures/native.ts'
import { threadsCalled, until } from './support.ts'

const test = ava.serial
const isLong = process.env['BUSKIN_LONG'] === '1'
const ROUNDS = isLong ? 2_000 : 60
const CYCLES = isLong ? 100 : 10

let seed = Number(process.env['BUSKIN_SEED'] ?? 1)
function dice(below: number): number {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % below
}
const pick = <T>(from: readonly T[]): T => from[dice(from.length)]!

class Calls {
  made = 0
  readonly outcomes = new Map<string, number>()
  readonly #all: Promise<unknown>[] = []
  /** What was not settled yet, by its number. */
  readonly #left = new Map<number, string>()

  note(what: string, call: Promise<unknown>): void {
    const number = this.made++
    this.#left.set(number, what)
    const settle = (outcome: string): void => {
      this.#left.delete(number)
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    }
    this.#all.push(call.then(() => settle('ok'), (error: unknown) => settle(BuskinError.is(error) ? error.code : (error as Error).message)))
  }

  get settled(): number {
    return [...this.outcomes.values()].reduce((sum, n) => sum + n, 0)
  }

  async all(ms: number): Promise<void> {
    await within(Promise.all(this.#all), 'the calls', ms).catch((error: Error) => {
      throw new Error(`${error.message}: ${[...new Set(this.#left.values())].join(', ')}`)
    })
  }
}

async function read(stream: AsyncIterable<number>, most: number): Promise<void> {
  for await (const n of stream) if (n >= most) return
}

class Storm {
  readonly calls = new Calls()
  readonly #system: System
  readonly #cores: number
  #stores: Ref<KvStore>[] = []
  #probes: Ref<Probe>[] = []
  #clients: Ref<Client>[] = []

  constructor(system: System, cores: number) {
    this.#system = system
    this.#cores = cores
  }

  async fill(): Promise<void> {
    const system = this.#system
    this.#stores = [0, 1, 2].map((i) => system.spawn(native('kv'), { name: `store ${i}`, restart: 'permanent' }))
    this.#probes = [0, 1, 2].map((i) => system.spawn(Probe, { name: `probe ${i}`, restart: 'permanent' }))
    this.#clients = Array.from({ length: this.#cores + 1 }, (_, on) => system.spawn(Client, { name: `client ${on}`, on, restart: 'permanent', supervision: { backoff: false, maxRestarts: Infinity } }))
    for (const client of this.#clients) this.#probes.push(await client.ask.probe({ name: 'child', restart: 'permanent' }))
  }

  step(): void {
    const { calls } = this
    const [store, probe, client] = [pick(this.#stores), pick(this.#probes), pick(this.#clients)]
    const patient = client.with({ timeout: 15_000 })
    switch (dice(16)) {
      case 0: return calls.note('fail', probe.ask.fail('fails'))
      case 1: return calls.note('later', probe.ask.later(dice(5), 1))
      case 2: return calls.note('hammer', patient.ask.hammer(store, 'chaos', 50))
      case 3: return calls.note('numbers', read(probe.stream.numbers(2_000), dice(3_000)))
      case 4: return calls.note('failing', read(probe.stream.failing(10), 100))
      case 5: return calls.note('send', store.send.set('key', { some: [1, 'x'] }))
      case 6: return calls.note('get', patient.ask.get(store, 'key'))
      case 7: return void client.tell.watch(probe)
      case 8: return probe.tell.block(dice(3))
      case 9: return calls.note('refuse', probe.ask.refuse('no'))
      case 10: return calls.note('time-out', probe.with({ timeout: 2 }).ask.later(10, 1))
      case 11: {
        const abort = new AbortController()
        calls.note('abort', probe.with({ signal: abort.signal }).ask.add(1))
        return abort.abort()
      }
      case 12: {
        const name = `short ${dice(1_000_000)}`
        const short = this.#system.spawn(Probe, { name })
        calls.note('short', short.ask.add(1))
        return calls.note('end', dice(2) === 0 ? short.kill() : short.stop({ drain: dice(2) === 0 }))
      }
      case 13: return calls.note('child', patient.ask.childStore(`other ${dice(1_000_000)}`).then((made) => made.stop()))
      default:
        for (let i = 0; i < 50; i++) {
          store.tell.set(`key ${i}`, { i })
          probe.tell.add(1)
        }
    }
  }

  /** A core dies. */
  loseCore(): void {
    this.#clients[1 + dice(this.#cores)]?.tell.exit()
  }
}

function checkEnd(system: System, calls: Calls): void {
  const end = system.stats()
  assertIdentity(end, 'after shutdown')
  assert.deepEqual({ waiting: end.waiting, running: end.running, actors: end.actors }, { waiting: 0, running: 0, actors: 0 })
  assert.equal(calls.settled, calls.made)
}

test(`${ROUNDS} rounds of everything at once`, async (t) => {
  t.timeout(120_000 + ROUNDS * 500)
  const system = createSystem({
    name: 'storm', cores: 2, threads: 2, log: false, askTimeout: 15_000, supervision: { maxRestarts: Infinity, backoff: false }, core: { restarts: { max: Infinity, within: 1 } },
  })
  system.closed.catch((error: unknown) => t.fail(String(error)))
  const storm = new Storm(system, 2)
  await within(storm.fill(), 'the begin', 20_000)
  for (let round = 1; round <= ROUNDS; round++) {
    for (let i = 0; i < 20; i++) storm.step()
    if (round % 20 === 0) storm.loseCore()
    await new Promise((resolve) => setTimeout(resolve, 2))
    if (round % 10 === 0) assertIdentity(system.stats(), `in round ${round}`)
  }
  await storm.calls.all(40_000)
  await within(system.idle(), 'idle', 20_000)
  for (const at of ['/store 0', '/probe 1', '/client 0/child']) t.not(system.lookup(at), null, at)
  await within(system.shutdown(), 'shutdown', 20_000)
  checkEnd(system, storm.calls)
  t.true((storm.calls.outcomes.get('ok') ?? 0) > 10 * ROUNDS / 10, JSON.stringify([...storm.calls.outcomes]))
  t.log(JSON.stringify([...storm.calls.outcomes]))
  if (process.platform === 'linux') await until('the end of the threads', () => threadsCalled(/^storm\//).length === 0)
})

test(`${CYCLES} shutdowns in the midst of everything`, async (t) => {
  t.timeout(60_000 + CYCLES * 5_000)
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const system = createSystem({ name: 'storm', cores: 1, threads: 2, log: false, supervision: { maxRestarts: Infinity, backoff: false } })
    const storm = new Storm(system, 1)
    await within(storm.fill(), 'the begin', 20_000)
    for (let i = 0; i < 200; i++) storm.step()
    if (cycle % 2 === 1) await new Promise((resolve) => setTimeout(resolve, dice(5)))
    await within(system.shutdown(), 'shutdown', 20_000)
    await storm.calls.all(20_000)
    checkEnd(system, storm.calls)
    if (process.platform === 'linux') await until('the end of the threads', () => threadsCalled(/^storm\//).length === 0)
  }
  t.pass()
})
