// What every spec shares: a system that ends with its test, latches instead of sleeps, and exact outcomes.
import { strict as assert } from 'node:assert'
import type { ExecutionContext } from 'ava'
import { Actor, BuskinError, createSystem } from 'buskin'
import type { Feed, Logger, Ref, SpawnOptions, Stats, System, SystemOptions } from 'buskin'

type Test = ExecutionContext<any>

/** How long anything here may take in real time before its test fails instead of hanging. */
const PATIENCE = 20_000

// ------------------------------------------------------------------------------------- latches

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** A handler says that it is in hand (`entered`) and goes on when the test lets it (`open`). */
export interface Gate {
  readonly entered: Deferred<void>
  readonly open: Deferred<void>
}

export function gate(): Gate {
  return { entered: deferred(), open: deferred() }
}

/** A gate that the end of the test opens, so that a failing test does not hold its system's shutdown. */
export function testGate(t: Test): Gate {
  const made = gate()
  t.teardown(() => made.open.resolve())
  return made
}

/** Says so at the gate and waits there. */
export function pass(through: Gate): Promise<void> {
  through.entered.resolve()
  return through.open.promise
}

/** Fails after a while, in real time, instead of waiting for ever. */
export async function within<T>(promise: Promise<T>, what: string, ms = PATIENCE / 2): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Lets every microtask and a few turns of the event loop pass. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((done) => setImmediate(done))
}

/** Whether a promise has still not settled after everything that could run has run. */
export async function pending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const mark = () => {
    settled = true
  }
  promise.then(mark, mark)
  await turns()
  return !settled
}

// ------------------------------------------------------------------------------------- systems

export function identityOf(stats: Stats): number {
  return stats.handled + stats.failed + stats.deadLetters + stats.waiting + stats.running
}

/** The counting identity, thrown where it breaks (usable inside handlers and after a test's assertions). */
export function assertIdentity(stats: Stats, when = 'now'): void {
  assert.equal(identityOf(stats), stats.sent, `sent = handled + failed + deadLetters + waiting + running does not hold ${when}: ${JSON.stringify(stats)}`)
  const by = Object.values(stats.deadLettersBy).reduce((sum, n) => sum + n, 0)
  assert.equal(by, stats.deadLetters, `deadLettersBy does not add up ${when}: ${JSON.stringify(stats)}`)
}

/** A quiet system of one isolate that the end of the test shuts down; every message is accounted for then. */
export function withSystem(t: Test, options: SystemOptions = {}): System {
  t.timeout(PATIENCE)
  const system = createSystem({ cores: 0, log: false, ...options })
  t.teardown(async () => {
    assertIdentity(system.stats(), 'at the end of the test')
    await within(system.shutdown(), 'shutdown')
    const end = system.stats()
    assertIdentity(end, 'after shutdown')
    assert.deepEqual({ waiting: end.waiting, running: end.running, actors: end.actors }, { waiting: 0, running: 0, actors: 0 }, 'something is left after shutdown')
  })
  return system
}

/** The figures of `stats()` that a test names, exactly. */
export function counts(t: Test, system: System, expected: Partial<Omit<Stats, 'deadLettersBy'>>): void {
  const stats = system.stats()
  const actual: Record<string, unknown> = {}
  for (const key of Object.keys(expected)) actual[key] = stats[key as keyof Stats]
  t.deepEqual(actual, expected)
  assertIdentity(stats)
}

/** The reasons that occurred, with how often. */
export function deadBy(system: System): Record<string, number> {
  return Object.fromEntries(Object.entries(system.stats().deadLettersBy).filter(([, n]) => n > 0))
}

/** Everything a feed says from now on, in order. */
export function collect<T>(feed: Feed<T>): T[] {
  const all: T[] = []
  feed.on((value) => {
    all.push(value)
  })
  return all
}

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: object | undefined
}

export function memoryLog(): { readonly log: Logger; readonly lines: Line[] } {
  const lines: Line[] = []
  const at = (level: Line['level']) => (message: string, fields?: object) => {
    lines.push({ level, message, fields })
  }
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

// -------------------------------------------------------------------------------------- verbs

export const verbs = ['tell', 'send', 'ask'] as const
export type Verb = (typeof verbs)[number]
export const allVerbs = ['tell', 'send', 'ask', 'stream'] as const
export type AnyVerb = (typeof allVerbs)[number]

type Loose = Record<string, (...args: readonly unknown[]) => any>

/** The same view without its types: any method name may be called. */
export function loose(ref: Ref<any>, verb: AnyVerb): Loose {
  return ref[verb] as unknown as Loose
}

/** Calls a method by name with any verb; a stream is asked for its first item. Rejects as the call does. */
export function call(ref: Ref<any>, verb: AnyVerb, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const view = loose(ref, verb)
  const result: unknown = view[method]!(...args)
  if (verb === 'tell') {
    assert.equal(result, undefined, 'a tell returns nothing')
    return Promise.resolve()
  }
  if (verb === 'stream') return (result as AsyncIterator<unknown>).next()
  assert.ok(result instanceof Promise, `${verb} returns a promise`)
  return result
}

/** 'ok', or the code of the BuskinError, or what else it was. Never rejects. */
export async function settle(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'ok'
  } catch (error) {
    return BuskinError.is(error) ? error.code : `not a BuskinError: ${String(error)}`
  }
}

/** `call`, told by its outcome; a tell is always 'ok'. */
export function fire(ref: Ref<any>, verb: AnyVerb, method: string, ...args: readonly unknown[]): Promise<string> {
  return settle(call(ref, verb, method, ...args))
}

export async function rejectsWith(t: Test, promise: Promise<unknown>, code: string): Promise<BuskinError> {
  try {
    await within(promise, `a rejection with ${code}`)
  } catch (error) {
    if (!BuskinError.is(error)) {
      t.fail(`expected ${code}, got ${String(error)}`)
      throw error
    }
    t.is(error.code, code as BuskinError['code'])
    return error
  }
  t.fail(`expected ${code}, but it resolved`)
  throw new Error(`expected ${code}`)
}

export function throwsWith(t: Test, run: () => unknown, code: string): BuskinError {
  try {
    run()
  } catch (error) {
    if (!BuskinError.is(error)) {
      t.fail(`expected ${code}, got ${String(error)}`)
      throw error
    }
    t.is(error.code, code as BuskinError['code'])
    return error
  }
  t.fail(`expected ${code}, but nothing was thrown`)
  throw new Error(`expected ${code}`)
}

/** The very value a promise rejects with, in a box: it may be a thenable, or fit to be looked at only by identity. */
export async function thrownBy(promise: Promise<unknown>): Promise<{ readonly error: unknown }> {
  try {
    await within(promise, 'a rejection')
  } catch (error) {
    return { error }
  }
  throw new Error('expected a rejection, but it resolved')
}

// -------------------------------------------------------------------------------------- actors

/** The options of an actor that a failure ends for good. */
export const temporary = { restart: 'temporary' } as const

/** Keeps what it is told, and can be held busy at a gate. */
export class Bench extends Actor {
  readonly log: unknown[]
  constructor(log: unknown[] = []) {
    super()
    this.log = log
  }
  note(value: unknown) {
    this.log.push(value)
    return value
  }
  async noteLater(value: unknown) {
    await Promise.resolve()
    this.log.push(value)
    return value
  }
  async block(at: Gate) {
    await pass(at)
  }
  fail(error: unknown) {
    throw error
  }
  /** Runs test code as this actor. */
  run<T>(what: (self: Ref<any>) => T): T {
    return what(this.ctx.self)
  }
  read() {
    return [...this.log]
  }
}

export interface Busy {
  readonly ref: Ref<Bench>
  readonly log: unknown[]
  /** The handler in hand ends. */
  release(): void
}

/** A Bench whose handler is in hand, so that every further message waits in its mailbox. */
export async function busy(t: Test, system: System, options: Omit<SpawnOptions<[unknown[]?]>, 'args'> = {}): Promise<Busy> {
  const log: unknown[] = []
  const at = testGate(t)
  const ref = system.spawn(Bench, { ...options, args: [log] })
  ref.tell.block(at)
  await within(at.entered.promise, 'entering the handler')
  return { ref, log, release: () => at.open.resolve() }
}
