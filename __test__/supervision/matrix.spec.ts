// Every strategy × policy × cause × position × depth, against a model of a few lines.
import test from 'ava'
import type { ActorOptions, Ref, Supervision } from 'buskin'
import { counts, deadBy, withSystem } from '../support.ts'
import { boom, child, fail, family, inside } from './support.ts'
import type { Plan, Sub, Test } from './support.ts'

type Strategy = NonNullable<Supervision['strategy']>
type Restart = NonNullable<ActorOptions['restart']>
const strategies: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one']
const policies: readonly Restart[] = ['permanent', 'transient', 'temporary']
const names = ['a', 'b', 'c', 'd'] as const
type Name = (typeof names)[number]

/** How one member comes to an end, and what that is. */
const causes = {
  throw: { kind: 'failed', end: (ref: Ref<Sub>) => fail(ref) },
  reject: { kind: 'failed', end: (ref: Ref<Sub>) => ref.ask.failLater(boom()).catch(() => {}) },
  timer: { kind: 'failed', end: (ref: Ref<Sub>) => new Promise<void>((ran) => ref.tell.run((ctx) => void ctx.after(0, () => { ran(); throw boom() }))) },
  'ctx.stop': { kind: 'normal', end: (ref: Ref<Sub>) => inside(ref, (ctx) => ctx.stop()) },
  'ref.stop': { kind: 'normal', end: (ref: Ref<Sub>) => ref.stop() },
  kill: { kind: 'killed', end: (ref: Ref<Sub>) => ref.kill() },
} as const
type Cause = keyof typeof causes

interface Model {
  /** Hooks in their order. */
  readonly log: readonly string[]
  readonly generations: Readonly<Record<Name, number | 'ended'>>
  readonly restarts: number
}

/** What should follow when `who` of four siblings ends by `cause`. */
function model(strategy: Strategy, policy: Readonly<Record<Name, Restart>>, cause: Cause, who: Name): Model {
  const { kind } = causes[cause]
  const comesBack = kind === 'failed' ? policy[who] !== 'temporary' : cause === 'ctx.stop' && policy[who] === 'permanent'
  const generations: Record<Name, number | 'ended'> = { a: 0, b: 0, c: 0, d: 0 }
  const log = kind === 'killed' ? [] : [`${who}0 stop ${kind}`]
  if (!comesBack) {
    generations[who] = 'ended'
    return { log, generations, restarts: 0 }
  }
  const from = names.indexOf(who)
  const group = strategy === 'one-for-one' ? [who] : strategy === 'one-for-all' ? names : names.slice(from)
  for (const name of [...group].reverse()) if (name !== who) log.push(`${name}0 stop shutdown`)
  let restarts = 0
  for (const name of group) {
    if (name !== who && policy[name] === 'temporary') {
      generations[name] = 'ended'
      continue
    }
    generations[name] = 1
    restarts++
    log.push(`${name}1 restart`, `${name}1 start`)
  }
  return { log, generations, restarts }
}

async function check(t: Test, strategy: Strategy, policy: Readonly<Record<Name, Restart>>, cause: Cause, who: Name, depth: number, title: string) {
  const system = withSystem(t)
  const made = await family(system, depth === 0 ? { strategy } : {}, depth === 0 ? Object.fromEntries(names.map((name) => [name, { restart: policy[name] }])) : {})
  let parent = made.top
  for (let level = 0; level < depth; level++) parent = await child(parent, `level${level}`, made.log, { supervision: { strategy, backoff: false } })
  const refs = {} as Record<Name, Ref<Sub>>
  for (const name of names) refs[name] = depth === 0 ? (made.refs as Record<string, Ref<Sub>>)[name]! : await child(parent, name, made.log, { restart: policy[name] })
  await refs.d.started
  made.log.length = 0
  const expected = model(strategy, policy, cause, who)
  await causes[cause].end(refs[who])
  await system.idle()
  t.deepEqual(made.log, [...expected.log], title)
  for (const name of names) {
    const is = expected.generations[name]
    if (is === 'ended') t.is((await refs[name].stopped).kind, name === who ? causes[cause].kind : 'shutdown', title)
    else t.is(await refs[name].ask.generation(), is, `${title}: ${name}`)
  }
  t.is(await parent.ask.generation(), 0, title)
  t.deepEqual(await inside(parent, (ctx) => ctx.children.map((ref) => ref.name)), names.filter((name) => expected.generations[name] !== 'ended'), title)
  t.is(system.stats().restarts, expected.restarts, title)
  t.deepEqual(deadBy(system), {}, title)
  await system.shutdown()
}

for (const strategy of strategies) {
  for (const cause of Object.keys(causes) as Cause[]) {
    test(`${strategy}, ${cause}: every policy, position and depth is as the model says`, async (t) => {
      for (const own of policies) {
        for (const others of policies) {
          for (const who of names) {
            for (const depth of own === others ? [0, 1, 3] : [0]) {
              const policy = Object.fromEntries(names.map((name) => [name, name === who ? own : others])) as Record<Name, Restart>
              await check(t, strategy, policy, cause, who, depth, `${own} among ${others}, ${who}, depth ${depth}`)
            }
          }
        }
      }
    })
  }
}

for (const strategy of strategies) {
  test(`${strategy}: a start that fails again is tried again, whoever it is`, async (t) => {
    for (const [i, who] of names.entries()) {
      for (const how of ['constructor', 'onStart', 'onRestart'] as const) {
        const system = withSystem(t)
        let bad = 1
        const breaks = (generation: number) => { if (generation > 0 && bad-- > 0) throw boom() }
        const plan: Plan = how === 'constructor' ? { construct: (ctx) => breaks(ctx.generation) } : how === 'onStart' ? { start: breaks } : { restart: breaks }
        const { refs } = await family(system, { strategy }, Object.fromEntries(names.map((name) => [name, name === who ? { plan } : {}])) as Record<Name, object>)
        await fail(refs[who])
        await system.idle()
        const generations = await Promise.all(names.map((name) => refs[name].ask.generation()))
        // those before it in the group had started again; those after it had stopped and not yet started
        const expected = names.map((_, at) => {
          if (strategy === 'one-for-one') return at === i ? 2 : 0
          if (strategy === 'one-for-all') return at <= i ? 2 : 1
          return at < i ? 0 : at === i ? 2 : 1
        })
        t.deepEqual(generations, expected, `${who} ${how}`)
        await system.shutdown()
      }
    }
  })
}

test('failures one after another in every pair of positions leave everybody running, counted once each', async (t) => {
  for (const strategy of strategies) {
    for (const first of names) {
      for (const second of names) {
        const system = withSystem(t)
        const { refs } = await family(system, { strategy }, { a: {}, b: {}, c: {}, d: {} })
        refs[first].tell.fail(boom('first'))
        refs[second].tell.fail(boom('second'))
        for (const name of names) refs[name].tell.note(name)
        await system.idle()
        for (const name of names) t.deepEqual(await inside(refs[name], (ctx, me) => [ctx.self.name, me.seen.filter((value) => value === name).length <= 1]), [name, true])
        counts(t, system, { failed: 2, deadLetters: 0, waiting: 0, actors: 5 })
        await system.shutdown()
      }
    }
  }
})
