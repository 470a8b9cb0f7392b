// Semantics, sentence 41: no message between actors passes through postMessage; only memory that is handed over or shared does.
import ava from 'ava'
import { MessagePort, Worker } from 'node:worker_threads'
import type { Ref } from '../../src/index.ts'
import { PortCounter, type Peer } from './fixtures/peer.ts'
import { laneOf } from '../../src/system.ts'
import { outcome, sharedTown } from './town.ts'

const test = ava.serial
let posted = 0
for (const { prototype } of [MessagePort, Worker] as unknown as { prototype: { postMessage(...args: unknown[]): void } }[]) {
  const { postMessage } = prototype
  prototype.postMessage = function (this: unknown, ...args: unknown[]) {
    posted++
    postMessage.apply(this, args)
  }
}

const place = sharedTown(ava)
const { system, a, b, m } = place
const counters: readonly Ref<PortCounter>[] = [1, 2].map((on) => system.spawn(PortCounter, { on }))
const posts = async (): Promise<number> => {
  let sum = posted
  for (const counter of counters) sum += await counter.ask.posted()
  return sum
}
const crossed = (): number => {
  const look = new Float64Array(30)
  laneOf(system).native.look(look)
  return look[0] as number
}

test('what is counted would be seen', async (t) => {
  const before = await posts()
  const { port1, port2 } = new MessageChannel()
  port1.postMessage('seen')
  port1.close()
  port2.close()
  await counters[0]!.ask.post()
  t.is((await posts()) - before, 2)
})

test('thousands of messages of every verb between all isolates: not one postMessage, on any of them', async (t) => {
  await Promise.all([a, b, m].map((ref) => ref.ask.nothing()))
  const before = await posts()
  const handled = system.stats().handled
  const all: Promise<unknown>[] = []
  for (let i = 0; i < 500; i++) {
    for (const [from, to] of [[a, b], [b, m], [m, a]] as const) {
      all.push(from.ask.ask(to, 'echoLater', { i, list: ['some', 'text'] }), from.ask.send(to, 'echoLater', 'x'.repeat(i)))
      from.tell.tell(to, 'echoLater', i)
    }
    all.push(outcome(a.ask.echoLater(new Uint8Array(20_000))))
  }
  await Promise.all(all)
  for (const to of [b, m]) t.is(((await a.ask.stream(to, 'range', 0, 1000)) as unknown[]).length, 1000)
  await outcome(a.ask.refuse({}))
  await outcome(b.ask.fail('x'))
  const child = (await a.ask.spawnPeer({ on: 2 })) as Ref<Peer>
  await a.ask.stop(child)
  await system.idle()
  t.true(system.stats().handled - handled > 5 * 500 * 3)
  t.is((await posts()) - before, 0)
})

test('a transferred buffer, and a shared one, are one postMessage each', async (t) => {
  const before = await posts()
  const buffer = new ArrayBuffer(8)
  await a.with({ transfer: [buffer] }).ask.count2(buffer)
  t.is((await posts()) - before, 1)
  await a.ask.count2(new SharedArrayBuffer(8))
  t.is((await posts()) - before, 2)
})

test('messages between cores do not pass through the isolate that made the system', async (t) => {
  const lane = laneOf(system)
  await system.idle()
  await Promise.all([a.ask.nothing(), b.ask.nothing()])
  const done = a.ask.relayTo(b, 5000)
  const turns = lane.turns
  await done
  t.true(lane.turns - turns < 500, `${lane.turns - turns} turns here for 10,000 messages elsewhere`)
  t.true(crossed() >= 0)
})
