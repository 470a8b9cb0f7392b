// What the specs on life, supervision and loss across isolates share.
import { strict as assert } from 'node:assert'
import type { ExecutionContext } from 'ava'
import { createSystem } from '../../src/index.ts'
import type { ActorInfo, ActorOptions, Ref, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { assertIdentity, within } from '../support.ts'
import { type Plan, Recorder, Sub } from './fixtures/life.ts'

export type Test = ExecutionContext<any>

/** A quiet system with two cores that the end of the test shuts down; every message is accounted for then. */
export function withCores(t: Test, options: SystemOptions = {}): System {
  t.timeout(60_000)
  const system = createSystem({ cores: 2, log: false, ...options })
  system.closed.catch(() => {})
  t.teardown(async () => {
    await within(system.shutdown(), 'shutdown')
    const end = system.stats()
    assertIdentity(end, 'after shutdown')
    assert.deepEqual({ waiting: end.waiting, running: end.running, actors: end.actors }, { waiting: 0, running: 0, actors: 0 }, 'something is left after shutdown')
  })
  return system
}

export interface Stage {
  readonly system: System
  readonly recorder: Ref<Recorder>
  readonly events: SystemEvent[]
  spawn(name: string, options?: ActorOptions, plan?: Plan): Ref<Sub>
  /** What the recorder was told, once all is quiet. */
  lines(): Promise<string[]>
  /** The same, as soon as there are so many. */
  until(count: number): Promise<string[]>
}

export function stage(t: Test, options: SystemOptions = {}): Stage {
  const system = withCores(t, { supervision: { backoff: false }, ...options })
  const events: SystemEvent[] = []
  system.events.on((event) => void events.push(event))
  const recorder = system.spawn(Recorder, { name: 'recorder', on: 0 })
  return {
    system,
    recorder,
    events,
    spawn: (name, rest = {}, plan = {}) => system.spawn(Sub, { ...rest, name, args: [recorder, plan] }),
    lines: async () => {
      await within(system.idle(), 'idle')
      return recorder.ask.read()
    },
    until: async (count) => {
      const end = performance.now() + 10_000
      for (;;) {
        const lines = await recorder.ask.read()
        if (lines.length >= count) return lines
        if (performance.now() > end) throw new Error(`only ${lines.length} of ${count} lines: ${lines.join(', ')}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
  }
}

/** The events about a path, each on one line. */
export function eventsOf(events: readonly SystemEvent[], path: string): string[] {
  const lines: string[] = []
  for (const event of events) {
    if (!('path' in event) || event.path !== path) continue
    if (event.type === 'failed') lines.push(`failed ${event.generation} ${messageOf(event.failure.error)} ${event.failure.phase} ${event.decision}`)
    else if (event.type === 'escalated') lines.push(`escalated ${messageOf(event.failure.error)}`)
    else if (event.type === 'stopped') lines.push(`stopped ${event.generation} ${event.reason?.kind}`)
    else lines.push(`${event.type} ${event.generation}`)
  }
  return lines
}

export const messageOf = (error: unknown) => (error as { code?: string })?.code ?? (error as Error)?.message ?? String(error)

/** What became of a core, each on one line. */
export function coreEvents(events: readonly SystemEvent[], core?: number): string[] {
  return events.flatMap((event) => (event.type === 'core' && (core === undefined || event.core === core) ? [`${event.core} ${event.state}`] : []))
}

/** Resolves with the first event that fits, now or later. */
export function event(stage: Stage, fits: (event: SystemEvent) => boolean, what: string): Promise<SystemEvent> {
  const before = stage.events.find(fits)
  if (before !== undefined) return Promise.resolve(before)
  const come = new Promise<SystemEvent>((resolve) => {
    const subscription = stage.system.events.on((each) => {
      if (!fits(each)) return
      subscription.cancel()
      resolve(each)
    })
  })
  return within(come, what)
}

/** An actor has a message in hand. */
export async function inHand(stage: Stage, path: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!['running', 'suspended'].includes(find(stage.system, path)?.state ?? '')) {
    if (performance.now() > end) throw new Error(`${path} has nothing in hand`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export function coreLost(stage: Stage, core: number, detail?: RegExp): Promise<SystemEvent> {
  return event(stage, (e) => e.type === 'core' && e.core === core && e.state === 'lost' && (detail === undefined || detail.test(e.detail ?? '')), `the loss of core ${core}`)
}

/** The tree's entry for a path. */
export function find(system: System, path: string): ActorInfo | undefined {
  const look = (info: ActorInfo): ActorInfo | undefined => (info.path === path ? info : info.children.map(look).find((found) => found !== undefined))
  return look(system.inspect())
}

/** The reasons of dead letters that occurred, with how often. */
export function deadBy(system: System): Record<string, number> {
  return Object.fromEntries(Object.entries(system.stats().deadLettersBy).filter(([, n]) => n > 0))
}

export const code = (promise: Promise<unknown>) => promise.then(() => 'ok', (error: unknown) => messageOf(error))
