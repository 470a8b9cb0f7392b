// What the specs on native actors share.
import { strict as assert } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { createSystem } from '../../src/index.ts'
import type { ActorInfo, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { assertIdentity, within } from '../support.ts'

export type Test = ExecutionContext<any>

/** A quiet system with two core threads that the end of the test shuts down; every message is accounted for then. */
export function withThreads(t: Test, options: SystemOptions = {}): System {
  t.timeout(60_000)
  const system = createSystem({ cores: 0, threads: 2, log: false, supervision: { backoff: false }, ...options })
  system.closed.catch(() => {})
  t.teardown(async () => {
    await within(system.shutdown(), 'shutdown')
    const end = system.stats()
    assertIdentity(end, 'after shutdown')
    assert.deepEqual({ waiting: end.waiting, running: end.running, actors: end.actors }, { waiting: 0, running: 0, actors: 0 }, 'something is left after shutdown')
  })
  return system
}

export function eventsOf(system: System): SystemEvent[] {
  const all: SystemEvent[] = []
  system.events.on((event) => void all.push(event))
  return all
}

/** One line each: 'failed /a message boom restart'. */
export function lines(events: readonly SystemEvent[]): string[] {
  return events.map((event) => {
    if (event.type === 'failed') return `failed ${event.path} ${event.failure.phase} ${(event.failure.error as Error).message} ${event.decision}`
    if (event.type === 'core') return `core ${event.core} ${event.state}`
    if (event.type === 'ask-cycle') return `ask-cycle ${event.paths.join(' ')}`
    return `${event.type} ${event.path}`
  })
}

export function infoOf(system: System, path: string): ActorInfo | undefined {
  const find = (info: ActorInfo): ActorInfo | undefined => (info.path === path ? info : info.children.map(find).find((found) => found !== undefined))
  return find(system.inspect())
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** The ids of this process's threads that are called so, on Linux. */
export function threadsCalled(name: RegExp): string[] {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      return name.test(readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim())
    } catch {
      return false // it has just ended
    }
  })
}

/** The CPU time that threads with such a name have used so far, in ticks of 10 ms. In a process with other work its own says nothing. */
export function ticksOf(name: RegExp): number {
  const ticks = threadsCalled(name).map((id) => {
    const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, each) => sum + each, 0)
}

/** The reasons of dead letters that occurred, with how often. */
export function deadBy(system: System): Record<string, number> {
  return Object.fromEntries(Object.entries(system.stats().deadLettersBy).filter(([, n]) => n > 0))
}
