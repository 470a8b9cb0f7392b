// What the specs on supervision share: an actor that does as its plan says, families of it, and what they wrote down.
import type { ExecutionContext } from 'ava'
import { Actor } from 'buskin'
import type { ActorInfo, ActorOptions, Context, ExitReason, Failure, Ref, Supervision, System, SystemEvent } from 'buskin'
import { pass } from '../support.ts'
import type { Gate } from '../support.ts'

export type Test = ExecutionContext<any>

/** What an actor does in its hooks; `generation` is that of the instance. */
export interface Plan {
  readonly construct?: (ctx: Context<any>) => void
  readonly start?: (generation: number, ctx: Context<any>) => unknown
  readonly stop?: (generation: number, reason: ExitReason, ctx: Context<any>) => unknown
  readonly restart?: (generation: number, failure: Failure | null, ctx: Context<any>) => unknown
  readonly health?: (generation: number) => unknown
}

/** Writes down its life: `a0 start`, `a0 stop failed`, `a1 restart`, `a1 start`. */
export class Sub extends Actor {
  readonly log: string[]
  readonly plan: Plan
  /** Lost by a restart. */
  readonly seen: unknown[] = []
  constructor(log: string[] = [], plan: Plan = {}) {
    super()
    this.log = log
    this.plan = plan
    plan.construct?.(this.ctx)
  }
  protected say(what: string) {
    this.log.push(`${this.ctx.self.name}${this.ctx.generation} ${what}`)
  }
  override onStart(): any {
    this.say('start')
    return this.plan.start?.(this.ctx.generation, this.ctx)
  }
  override onStop(reason: ExitReason): any {
    this.say(`stop ${reason.kind}`)
    return this.plan.stop?.(this.ctx.generation, reason, this.ctx)
  }
  override onRestart(failure: Failure | null): any {
    this.say('restart')
    return this.plan.restart?.(this.ctx.generation, failure, this.ctx)
  }
  note(value: unknown) {
    this.seen.push(value)
    this.say(`note ${String(value)}`)
    return value
  }
  read() {
    return [...this.seen]
  }
  generation() {
    return this.ctx.generation
  }
  fail(error: unknown) {
    throw error
  }
  async failLater(error: unknown) {
    await Promise.resolve()
    throw error
  }
  async block(at: Gate) {
    await pass(at)
    return 'unblocked'
  }
  run<T>(what: (ctx: Context<any>, me: this) => T): T {
    return what(this.ctx, this)
  }
  async *items(at: Gate) {
    yield 1
    await at.open.promise
    yield 2
    throw new Error('items end badly')
  }
  *count(to: number) {
    for (let i = 0; i < to; i++) yield i
  }
}

/** A Sub that is asked for its health. */
export class Checked extends Sub {
  override onHealth(): any {
    this.say('health')
    return this.plan.health?.(this.ctx.generation)
  }
}

export const boom = (message = 'boom') => new Error(message)

/** Runs test code inside an actor, with its ctx. */
export const inside = <T>(ref: Ref<Sub>, what: (ctx: Context<any>, me: Sub) => T) => ref.ask.run(what) as Promise<Awaited<T>>

export interface Member extends ActorOptions {
  readonly plan?: Plan
  readonly cls?: typeof Sub
}

export interface Family<K extends string> {
  readonly system: System
  readonly log: string[]
  readonly top: Ref<Sub>
  readonly refs: Readonly<Record<K, Ref<Sub>>>
}

/** A supervisor `top` with children of these names, started in this order; nothing is written down of their first start. */
export async function family<K extends string>(system: System, supervision: Supervision, members: Readonly<Record<K, Member>>, log: string[] = [], topOptions: ActorOptions = {}): Promise<Family<K>> {
  const top = system.spawn(Sub, { ...topOptions, name: 'top', supervision: { backoff: false, ...supervision }, args: [log, {}] })
  const refs = {} as Record<K, Ref<Sub>>
  for (const [name, member] of Object.entries<Member>(members)) refs[name as K] = await child(top, name, log, member)
  await Promise.all(Object.values<Ref<Sub>>(refs).map((ref) => ref.started))
  log.length = 0
  return { system, log, top, refs }
}

/** One more child of `parent`. */
export function child(parent: Ref<Sub>, name: string, log: string[], { plan = {}, cls = Sub, ...options }: Member = {}): Promise<Ref<Sub>> {
  return inside(parent, (ctx) => ({ ref: ctx.spawn(cls, { ...options, name, args: [log, plan] }) })).then(({ ref }) => ref)
}

/** Lets the actor fail by a message. */
export async function fail(ref: Ref<Sub>, error: unknown = boom()): Promise<unknown> {
  await ref.ask.fail(error).catch(() => {})
  return error
}

export type EventOf<T, E = SystemEvent> = E extends { readonly type: infer K } ? (T extends K ? E : never) : never
export const ofType = <T extends SystemEvent['type']>(events: readonly SystemEvent[], type: T) => events.filter((event) => event.type === type) as unknown as EventOf<T>[]

/** The tree's entry for a path. */
export function find(system: System, path: string): ActorInfo | undefined {
  const look = (info: ActorInfo): ActorInfo | undefined => {
    if (info.path === path) return info
    for (const each of info.children) {
      const found = look(each)
      if (found !== undefined) return found
    }
    return undefined
  }
  return look(system.inspect())
}

/** What an exit reason says, on one line. */
export const told = (reason: ExitReason) => (reason.kind === 'failed' ? `failed ${String((reason.error as Error)?.message ?? reason.error)}` : reason.kind)
