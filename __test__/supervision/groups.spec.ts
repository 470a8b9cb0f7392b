// Siblings that restart together: who, in which order, and what each is told.
import test from 'ava'
import { createManualClock } from 'buskin'
import type { Context, Failure } from 'buskin'
import { collect, counts, deadBy, settle, testGate, turns, withSystem, within } from '../support.ts'
import { Sub, boom, child, fail, family, find, inside, ofType } from './support.ts'

const down = (name: string, why = 'shutdown') => `${name}0 stop ${why}`
const up = (name: string) => [`${name}1 restart`, `${name}1 start`]

for (const [strategy, who, expected] of [
  ['one-for-one', 'b', [down('b', 'failed'), ...up('b')]],
  ['one-for-all', 'a', [down('a', 'failed'), down('d'), down('c'), down('b'), ...up('a'), ...up('b'), ...up('c'), ...up('d')]],
  ['one-for-all', 'b', [down('b', 'failed'), down('d'), down('c'), down('a'), ...up('a'), ...up('b'), ...up('c'), ...up('d')]],
  ['one-for-all', 'd', [down('d', 'failed'), down('c'), down('b'), down('a'), ...up('a'), ...up('b'), ...up('c'), ...up('d')]],
  ['rest-for-one', 'a', [down('a', 'failed'), down('d'), down('c'), down('b'), ...up('a'), ...up('b'), ...up('c'), ...up('d')]],
  ['rest-for-one', 'b', [down('b', 'failed'), down('d'), down('c'), ...up('b'), ...up('c'), ...up('d')]],
  ['rest-for-one', 'd', [down('d', 'failed'), ...up('d')]],
] as const) {
  test(`under ${strategy} the failure of ${who} of a, b, c, d restarts who it should, in order`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, { strategy }, { a: {}, b: {}, c: {}, d: {} })
    await fail(refs[who])
    await system.idle()
    t.deepEqual(log, expected)
    counts(t, system, { restarts: expected.filter((line) => line.endsWith('restart')).length, actors: 5 })
  })

  test(`under ${strategy} the failure of ${who} is followed step by step, however long the hooks take`, async (t) => {
    const system = withSystem(t)
    const log: string[] = []
    const later = (what: string) => async (generation: number, ...rest: readonly unknown[]) => {
      await turns(2)
      log.push(`${(rest.at(-1) as Context<any>).self.name}${generation} ${what}`)
    }
    const slow = { plan: { stop: later('stopped'), start: later('started') } }
    const { refs } = await family(system, { strategy }, { a: slow, b: slow, c: slow, d: slow }, log)
    await fail(refs[who])
    await system.idle()
    t.deepEqual(log, expected.flatMap((line) => {
      const name = line.split(' ')[0]!
      return line.includes(' stop ') ? [line, `${name} stopped`] : line.endsWith(' start') ? [line, `${name} started`] : [line]
    }))
  })
}

test('rest-for-one goes by the order of start, not by names or age of the instance', async (t) => {
  const system = withSystem(t)
  const { refs, log, top } = await family(system, { strategy: 'rest-for-one' }, { z: {}, m: {}, a: {} })
  await fail(refs.z)
  await system.idle()
  log.length = 0
  await fail(refs.m)
  await system.idle()
  t.deepEqual(log, ['m1 stop failed', 'a1 stop shutdown', 'm2 restart', 'm2 start', 'a2 restart', 'a2 start'])
  t.deepEqual(await inside(top, (ctx) => ctx.children.map((ref) => ref.name)), ['z', 'm', 'a'])
})

for (const strategy of ['one-for-all', 'rest-for-one'] as const) {
  test(`under ${strategy} onRestart of all gets the failure of the one that failed`, async (t) => {
    const system = withSystem(t)
    const got: [string, Failure | null][] = []
    const plan = (name: string) => ({ plan: { restart: (_generation: number, failure: Failure | null) => void got.push([name, failure]) } })
    const { refs } = await family(system, { strategy }, { a: plan('a'), b: plan('b'), c: plan('c') })
    const error = await fail(refs.a)
    await system.idle()
    t.deepEqual(got.map(([name]) => name), ['a', 'b', 'c'])
    for (const [, failure] of got) {
      t.is(failure, got[0]![1])
      t.is(failure!.error, error)
      t.true(failure!.child.equals(refs.a))
    }
  })

  test(`under ${strategy} onRestart of all gets null when a permanent one stopped itself`, async (t) => {
    const system = withSystem(t)
    const got: (Failure | null)[] = []
    const plan = { restart: (_generation: number, failure: Failure | null) => void got.push(failure) }
    const { refs, log } = await family(system, { strategy }, { a: { plan, restart: 'permanent' }, b: { plan } })
    await fail(refs.b)
    await fail(refs.a)
    await system.idle()
    got.length = log.length = 0
    const [a, b] = [await refs.a.ask.generation(), await refs.b.ask.generation()]
    await inside(refs.a, (ctx) => ctx.stop())
    await system.idle()
    t.deepEqual(got, [null, null])
    t.deepEqual(log, [`a${a} stop normal`, `b${b} stop shutdown`, `a${a + 1} restart`, `a${a + 1} start`, `b${b + 1} restart`, `b${b + 1} start`])
  })

  test(`under ${strategy} a transient one that stops itself restarts nobody`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, { strategy }, { a: {}, b: {} })
    await inside(refs.a, (ctx) => ctx.stop())
    await system.idle()
    t.deepEqual(log, ['a0 stop normal'])
    counts(t, system, { restarts: 0, actors: 2 })
  })

  test(`under ${strategy} a temporary sibling ends with its group and does not come back`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, { strategy }, { a: {}, b: { restart: 'temporary' }, c: {} })
    await fail(refs.a)
    await system.idle()
    t.deepEqual(log, ['a0 stop failed', 'c0 stop shutdown', 'b0 stop shutdown', 'a1 restart', 'a1 start', 'c1 restart', 'c1 start'])
    t.is((await refs.b.stopped).kind, 'shutdown')
  })

  test(`under ${strategy} a temporary one that fails restarts nobody`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, { strategy }, { a: { restart: 'temporary' }, b: {} })
    await fail(refs.a)
    await system.idle()
    t.deepEqual(log, ['a0 stop failed'])
    t.is(await refs.b.ask.generation(), 0)
  })

  test(`under ${strategy} the members keep what waits, and their senders notice nothing`, async (t) => {
    const system = withSystem(t)
    const { refs } = await family(system, { strategy }, { a: {}, b: {} })
    const at = testGate(t)
    refs.b.tell.block(at)
    await at.entered.promise
    const outcomes = Array.from({ length: 50 }, (_, i) => settle(refs.b.ask.note(i)))
    await fail(refs.a)
    for (let i = 50; i < 100; i++) outcomes.push(settle(refs.b.ask.note(i)))
    at.open.resolve()
    t.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']))
    t.deepEqual(await refs.b.ask.read(), Array.from({ length: 100 }, (_, i) => i))
    t.is(await refs.b.ask.generation(), 1)
    t.deepEqual(deadBy(system), {})
  })

  test(`under ${strategy} the handler in hand of a sibling is waited for, and counts as handled`, async (t) => {
    const system = withSystem(t)
    const { refs, log } = await family(system, { strategy }, { a: {}, b: {} })
    const at = testGate(t)
    const asked = refs.b.ask.block(at)
    await at.entered.promise
    await fail(refs.a)
    await turns()
    t.deepEqual(log, ['a0 stop failed'])
    at.open.resolve()
    t.is(await asked, 'unblocked')
    await system.idle()
    t.deepEqual(log, ['a0 stop failed', 'b0 stop shutdown', ...up('a'), ...up('b')])
  })

  test(`under ${strategy} a member that fails to start again begins the group anew`, async (t) => {
    const system = withSystem(t)
    let bad = 1
    const got: string[] = []
    const { refs, log } = await family(system, { strategy }, {
      a: { plan: { restart: (generation, failure) => void got.push(`a${generation} ${(failure!.error as Error).message}`) } },
      b: { plan: { start: (generation) => { if (generation > 0 && bad-- > 0) throw boom('start of b') } } },
      c: {},
    })
    await fail(refs.a, boom('message of a'))
    await system.idle()
    if (strategy === 'one-for-all') {
      t.deepEqual(log, [
        'a0 stop failed', 'c0 stop shutdown', 'b0 stop shutdown', 'a1 restart', 'a1 start', 'b1 restart', 'b1 start',
        'b1 stop failed', 'a1 stop shutdown', 'a2 restart', 'a2 start', 'b2 restart', 'b2 start', 'c1 restart', 'c1 start',
      ])
      t.deepEqual(got, ['a1 message of a', 'a2 start of b'])
    } else {
      t.deepEqual(log, [
        'a0 stop failed', 'c0 stop shutdown', 'b0 stop shutdown', 'a1 restart', 'a1 start', 'b1 restart', 'b1 start',
        'b1 stop failed', 'b2 restart', 'b2 start', 'c1 restart', 'c1 start',
      ])
    }
  })

  test(`under ${strategy} a member that is stopped for good while the group stops does not come back, and the group does not wait`, async (t) => {
    const system = withSystem(t)
    const at = testGate(t)
    const { refs, log } = await family(system, { strategy }, { a: {}, b: {}, c: { plan: { stop: () => (at.entered.resolve(), at.open.promise) } } })
    await fail(refs.a)
    await at.entered.promise
    const [b, c] = [refs.b.stop(), refs.c.stop()]
    at.open.resolve()
    t.deepEqual((await Promise.all([b, c])).map((reason) => reason.kind), ['normal', 'normal'])
    await within(system.idle(), 'the group')
    t.is(await refs.a.ask.generation(), 1)
    t.deepEqual(log.filter((line) => /^[bc]1/.test(line)), [])
    counts(t, system, { restarts: 1, actors: 2 })
  })

  test(`under ${strategy} a member that is killed while the group starts does not hold it up`, async (t) => {
    const system = withSystem(t)
    const at = testGate(t)
    const { refs } = await family(system, { strategy }, { a: {}, b: { plan: { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) } }, c: {} })
    await fail(refs.a)
    await at.entered.promise
    await turns()
    t.is(find(system, '/top/c')?.state, 'restarting')
    t.is((await refs.b.kill()).kind, 'killed')
    t.is(await within(refs.c.ask.generation(), 'c'), 1)
  })

  test(`under ${strategy} the supervisor's stop during its group's restart ends all of them`, async (t) => {
    const system = withSystem(t)
    const at = testGate(t)
    const { refs, top } = await family(system, { strategy }, { a: { plan: { start: (generation) => generation === 1 && (at.entered.resolve(), at.open.promise) } }, b: {} })
    await fail(refs.a)
    await at.entered.promise
    refs.b.tell.note('never')
    const ended = top.stop()
    at.open.resolve()
    t.is((await ended).kind, 'normal')
    t.deepEqual((await Promise.all([refs.a.stopped, refs.b.stopped])).map((reason) => reason.kind), ['shutdown', 'shutdown'])
    t.deepEqual(deadBy(system), { stopped: 1 })
  })
}

test('two members that fail at once are one restart of the group each, and all come back', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs, log } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: {}, c: {} })
  refs.a.tell.fail(boom('a'))
  refs.b.tell.fail(boom('b'))
  await system.idle()
  t.deepEqual(log.slice(-6), [...up('a'), ...up('b'), ...up('c')])
  t.deepEqual(await Promise.all(Object.values(refs).map((ref) => ref.ask.generation())), [1, 1, 1])
  t.deepEqual(ofType(events, 'failed').map(({ path, decision }) => [path, decision]), [['/top/a', 'restart'], ['/top/b', 'restart']])
})

test('a child spawned while the group restarts is none of it', async (t) => {
  const system = withSystem(t)
  const at = testGate(t)
  const { refs, log, top } = await family(system, { strategy: 'one-for-all' }, { a: {}, b: { plan: { stop: () => (at.entered.resolve(), at.open.promise) } } })
  await fail(refs.a)
  await at.entered.promise
  const late = await child(top, 'late', log)
  await late.started
  at.open.resolve()
  await system.idle()
  t.is(await late.ask.generation(), 0)
  t.deepEqual(log, ['a0 stop failed', 'b0 stop shutdown', 'late0 start', ...up('a'), ...up('b')])
})

test('the root restarts its children as a group when the system says so', async (t) => {
  const system = withSystem(t, { supervision: { strategy: 'rest-for-one', backoff: false } })
  const log: string[] = []
  const refs = ['a', 'b', 'c'].map((name) => system.spawn(Sub, { name, args: [log] }))
  await Promise.all(refs.map((ref) => ref.started))
  log.length = 0
  await fail(refs[1]!)
  await system.idle()
  t.deepEqual(log, ['b0 stop failed', 'c0 stop shutdown', ...up('b'), ...up('c')])
})

test('the supervision of a system is none of its actors', async (t) => {
  const system = withSystem(t, { supervision: { strategy: 'one-for-all', backoff: false } })
  const log: string[] = []
  const top = system.spawn(Sub, { name: 'top', args: [log] })
  const a = await child(top, 'a', log)
  const b = await child(top, 'b', log)
  await b.started
  log.length = 0
  await fail(a)
  await system.idle()
  t.deepEqual(log, ['a0 stop failed', ...up('a')])
})

test('idle() waits for a group that stops and starts, and a group behind its backoff does not hold it', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs, log } = await family(system, { strategy: 'one-for-all', backoff: { min: 50, jitter: 0 } }, { a: {}, b: {} })
  await fail(refs.a)
  await within(system.idle(), 'idle')
  t.deepEqual(log, ['a0 stop failed', 'b0 stop shutdown'])
  await clock.advance(49)
  t.is(log.length, 2)
  await clock.advance(1)
  t.deepEqual(log.slice(2), [...up('a'), ...up('b')])
})
