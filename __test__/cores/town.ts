// What the specs on messages between isolates share: one system with an actor on each isolate, and exact counts.
import { strict as assert } from 'node:assert'
import type { ExecutionContext, TestFn } from 'ava'
import { createSystem } from '../../src/index.ts'
import type { ActorOptions, DeadLetter, Ref, Stats, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { assertIdentity, within } from '../support.ts'
import { Keeper, Peer } from './fixtures/peer.ts'

export type Test = ExecutionContext<any>

export interface Town {
  readonly system: System
  /** On the first core, on the second, and on the isolate that made the system. */
  readonly a: Ref<Peer>
  readonly b: Ref<Peer>
  readonly m: Ref<Peer>
  /** They open the gates of their isolates. */
  readonly keepers: readonly [m: Ref<Keeper>, a: Ref<Keeper>, b: Ref<Keeper>]
  readonly dead: DeadLetter[]
  readonly events: SystemEvent[]
  /** Another one, named after nothing. */
  spawn(on: number, options?: ActorOptions): Ref<Peer>
}

/** A failure ends nothing here: most specs let handlers fail on purpose. */
export const quick = { supervision: { backoff: false, maxRestarts: Infinity } } as const

export function town(options: SystemOptions = {}): Town {
  const system = createSystem({ cores: 2, log: false, ...quick, ...options })
  const dead: DeadLetter[] = []
  const events: SystemEvent[] = []
  system.deadLetters.on((letter) => void dead.push(letter))
  system.events.on((event) => void events.push(event))
  const spawn = (on: number, more: ActorOptions = {}): Ref<Peer> => system.spawn(Peer, { on, ...more })
  const keepers = [0, 1, 2].map((on) => system.spawn(Keeper, { on })) as unknown as Town['keepers']
  const [m, a, b] = ['m', 'a', 'b'].map((name, on) => system.spawn(Peer, { on, name })) as [Ref<Peer>, Ref<Peer>, Ref<Peer>]
  return { system, a, b, m, keepers, dead, events, spawn }
}

/** One town for all tests of a file; the last one ends it, and every message is accounted for then. */
export function sharedTown(test: TestFn, options: SystemOptions = {}): Town {
  const all = town(options)
  test.before(async () => {
    await within(Promise.all([all.a.started, all.b.started, all.m.started]), 'the start of the cores')
  })
  test.after.always(async () => {
    for (const keeper of all.keepers) keeper.tell.openAll()
    await end(all.system)
  })
  return all
}

export async function end(system: System): Promise<void> {
  await within(system.shutdown(), 'shutdown')
  const stats = system.stats()
  assertIdentity(stats, 'after shutdown')
  assert.deepEqual({ waiting: stats.waiting, running: stats.running, actors: stats.actors }, { waiting: 0, running: 0, actors: 0 })
}

type Counted = Partial<Record<'sent' | 'handled' | 'failed' | 'deadLetters', number>>

/** What `run` adds to the counts, once all is quiet: these numbers and no others, and nothing is under way. */
export async function adds(t: Test, { system }: Town, expected: Counted, run: () => Promise<unknown>): Promise<void> {
  await within(system.idle(), 'idle')
  const before = system.stats()
  await within(run(), 'the scenario')
  await within(system.idle(), 'idle after the scenario')
  const now = system.stats()
  assertIdentity(now)
  const difference = (key: keyof Counted & keyof Stats): number => (now[key] as number) - (before[key] as number)
  t.deepEqual(
    { sent: difference('sent'), handled: difference('handled'), failed: difference('failed'), deadLetters: difference('deadLetters'), waiting: now.waiting, running: now.running },
    { sent: 0, handled: 0, failed: 0, deadLetters: 0, ...expected, waiting: 0, running: 0 },
  )
}

/** Every call that `run` made on this isolate must have given its slot back. */
export async function givesBack(t: Test, { system }: Town, run: () => Promise<unknown>): Promise<void> {
  const { calls } = laneOf(system)
  await system.idle()
  const before = calls.size
  for (let i = 0; i < 10; i++) await run()
  await system.idle()
  t.is(calls.size, before)
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<any> {
  try {
    const value = await within(promise, 'a rejection')
    throw new Error(`expected a rejection, got ${String(value)}`)
  } catch (error) {
    return error
  }
}

/** The code of the error that a promise rejects with, or what it came to. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await within(promise, 'an outcome')
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}

export const codeOf = async (promise: Promise<unknown>): Promise<string> => (await failure(promise)).code
