// What the specs on handlers, streams, timers, feeds and systems share: systems that end with their test, latches, child processes.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { Actor, BuskinError, createManualClock, createSystem } from 'buskin'
import type { BuskinErrorCode, Context, DeadLetter, ManualClock, Ref, Stats, System, SystemEvent, SystemOptions } from 'buskin'

export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
}

/** Turns of the event loop, without waiting for time: room for a wrong runtime to do what it must not do. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => { setImmediate(resolve) })
}

/** A system of this test alone; it ends with the test, also when the test failed and left a handler hanging. */
export function systemFor(t: ExecutionContext, options: SystemOptions = {}): System {
  t.timeout(30_000)
  const system = createSystem({ cores: 0, log: false, ...options })
  t.teardown(() => end(system, options.clock))
  return system
}

export function manualSystemFor(t: ExecutionContext, options: SystemOptions = {}): { system: System, clock: ManualClock } {
  const clock = createManualClock()
  return { system: systemFor(t, { ...options, clock }), clock }
}

async function end(system: System, clock: ManualClock | undefined): Promise<void> {
  const done = system.shutdown({ timeout: 1000 })
  if (clock !== undefined) clock.advance(20_000).catch(() => {})
  let guard: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise(resolve => { guard = setTimeout(resolve, 5000) })])
  clearTimeout(guard)
}

/** The options of an actor that a failure ends for good. */
export const temporary = { restart: 'temporary' } as const

/** An actor that does whatever a message says. */
export class Puppet extends Actor {
  run(action: (me: Puppet) => unknown): unknown { return action(this) }
  get c(): Context<this> { return this.ctx }
}

/** The result of `action`, run as a handler of `ref`. */
export function inside<T>(ref: Ref<Puppet>, action: (me: Puppet) => T): Promise<Awaited<T>> {
  return ref.ask.run(action) as Promise<Awaited<T>>
}

/** Makes `ref` busy with a message until `release` is called; resolves when it is. */
export async function occupy(ref: Ref<Puppet>): Promise<{ release: () => void }> {
  const entered = deferred()
  const gate = deferred()
  ref.tell.run(() => { entered.resolve(); return gate.promise })
  await entered.promise
  return { release: () => gate.resolve() }
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown }

export async function outcome(promise: PromiseLike<unknown>): Promise<Outcome> {
  try { return { value: await promise } } catch (error) { return { error } }
}

export async function rejectsWith(t: ExecutionContext, promise: PromiseLike<unknown>, code: BuskinErrorCode): Promise<BuskinError> {
  return isError(t, await outcome(promise), code)
}

export function throwsWith(t: ExecutionContext, run: () => unknown, code: BuskinErrorCode, note?: string): BuskinError {
  let result: Outcome
  try { result = { value: run() } } catch (error) { result = { error } }
  return isError(t, result, code, note)
}

function isError(t: ExecutionContext, result: Outcome, code: BuskinErrorCode, note = ''): BuskinError {
  if (!('error' in result)) throw new Error(`${note} should have failed with ${code}`)
  const error = result.error as BuskinError
  t.is(error?.code, code, `${note} ${String(error)}`)
  t.true(BuskinError.is(error, code), note)
  return error
}

export function recordEvents(system: System): SystemEvent[] {
  const seen: SystemEvent[] = []
  system.events.on(event => { seen.push(event) })
  return seen
}

export function recordDeadLetters(system: System): DeadLetter[] {
  const seen: DeadLetter[] = []
  system.deadLetters.on(letter => { seen.push(letter) })
  return seen
}

export function ofType<K extends SystemEvent['type']>(events: readonly SystemEvent[], type: K): (SystemEvent & { type: K })[] {
  return events.filter((event): event is SystemEvent & { type: K } => event.type === type)
}

/** The next event of this type. */
export function nextEvent<K extends SystemEvent['type']>(system: System, type: K): Promise<SystemEvent & { type: K }> {
  return new Promise(resolve => {
    const subscription = system.events.on(event => {
      if (event.type !== type) return
      subscription.cancel()
      resolve(event as SystemEvent & { type: K })
    })
  })
}

/** sent = handled + failed + deadLetters + waiting + running. */
export function balanced(t: ExecutionContext, stats: Stats): void {
  t.is(stats.sent, stats.handled + stats.failed + stats.deadLetters + stats.waiting + stats.running, JSON.stringify(stats))
}

export interface Ended { readonly code: number | null, readonly signal: string | null, readonly stdout: string, readonly stderr: string }

/** Runs a script of __test__/fixtures in a process of its own, killed when it does not end. */
export function runFixture(name: string, options: { args?: readonly string[], execArgv?: readonly string[], env?: NodeJS.ProcessEnv, limit?: number } = {}): Promise<Ended> {
  const file = fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...options.execArgv ?? [], file, ...options.args ?? []], { env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => { stdout += chunk })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => { stderr += chunk })
    const guard = setTimeout(() => { child.kill('SIGKILL') }, options.limit ?? 60_000)
    child.on('error', reject)
    child.on('close', (code, signal) => { clearTimeout(guard); resolve({ code, signal, stdout, stderr }) })
  })
}
