// Another parent for an actor: adopt and release.
import test from 'ava'
import { createManualClock } from 'buskin'
import type { Ref } from 'buskin'
import { collect, counts, rejectsWith, settle, testGate, turns, withSystem, within } from '../support.ts'
import { Sub, child, fail, family, find, inside, ofType } from './support.ts'

// in boxes: a handler that returned a promise which rejects would fail
const adopt = (parent: Ref<Sub>, target: Ref<any>) => inside(parent, (ctx) => ({ done: ctx.adopt(target) })).then(({ done }) => done)
const release = (parent: Ref<Sub>, target: Ref<any>) => inside(parent, (ctx) => ({ done: ctx.release(target) })).then(({ done }) => done)
const names = (parent: Ref<Sub>) => inside(parent, (ctx) => ctx.children.map((ref) => ref.name))

test('adopt gives an actor another parent: path, lookup, ctx.parent, children and inspect say so', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const kid = await child(a, 'kid', log)
  const deep = await child(kid, 'deep', log)
  t.is(await adopt(b, kid), undefined)
  t.deepEqual([kid.path, deep.path], ['/top/b/kid', '/top/b/kid/deep'])
  t.is(system.lookup('/top/a/kid'), null)
  t.true(system.lookup('/top/b/kid')?.equals(kid))
  t.true(system.lookup('/top/b/kid/deep')?.equals(deep))
  t.true(await inside(kid, (ctx) => ctx.parent!.equals(b)))
  t.is(await inside(kid, (ctx) => ctx.path), '/top/b/kid')
  t.deepEqual([await names(a), await names(b)], [[], ['kid']])
  t.is(find(system, '/top/b/kid')!.children[0]!.path, '/top/b/kid/deep')
  t.is(await kid.ask.generation(), 0)
  counts(t, system, { actors: 5 })
})

test('the adopted is the youngest child', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const kid = await child(a, 'kid', log)
  await child(b, 'x', log)
  await adopt(b, kid)
  await child(b, 'y', log)
  t.deepEqual(await names(b), ['x', 'kid', 'y'])
  log.length = 0
  await b.stop()
  t.deepEqual(log, ['y0 stop shutdown', 'kid0 stop shutdown', 'x0 stop shutdown', 'b0 stop normal'])
})

test('release hands a child to the root', async (t) => {
  const system = withSystem(t)
  const { refs: { a }, top, log } = await family(system, {}, { a: {} })
  const kid = await child(a, 'kid', log)
  t.is(await release(a, kid), undefined)
  t.is(kid.path, '/kid')
  t.true(system.lookup('/kid')?.equals(kid))
  t.is(await inside(kid, (ctx) => ctx.parent), null)
  await top.stop()
  t.is(await kid.ask.note(1), 1)
})

test('an actor of the root can be adopted, also by its former parent', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const free = system.spawn(Sub, { name: 'free' })
  await adopt(a, free)
  await adopt(b, free)
  await release(b, free)
  await adopt(a, free)
  t.is(free.path, '/top/a/free')
  t.deepEqual([await names(a), await names(b)], [['free'], []])
})

test('an unnamed actor keeps its name', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const free = system.spawn(Sub)
  const { name } = free
  await adopt(a, free)
  t.is(free.path, `/top/a/${name}`)
  t.true(system.lookup(`/top/a/${name}`)?.equals(free))
})

test('a child that is adopted by its own parent stays where it is', async (t) => {
  const system = withSystem(t)
  const { refs: { a }, top, log } = await family(system, {}, { a: {} })
  await child(top, 'later', log)
  await adopt(top, a)
  t.deepEqual(await names(top), ['a', 'later'])
})

test('the adopted is supervised by the new parent, and no more by the old one', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs: { a, b }, log } = await family(system, {}, { a: { supervision: { decide: () => 'stop' } }, b: { supervision: { strategy: 'one-for-all', backoff: false } } })
  const kid = await child(a, 'kid', log)
  const other = await child(b, 'other', log)
  await adopt(b, kid)
  await fail(kid)
  await system.idle()
  t.like(ofType(events, 'failed')[0], { path: '/top/b/kid', supervisor: '/top/b', strategy: 'one-for-all', decision: 'restart' })
  t.deepEqual([await kid.ask.generation(), await other.ask.generation()], [1, 1])
  await a.stop()
  t.is(await kid.ask.note(1), 1)
  await b.stop()
  t.is((await kid.stopped).kind, 'shutdown')
})

test('a released actor is supervised by the root', async (t) => {
  const system = withSystem(t, { supervision: { decide: () => 'stop' } })
  const { refs: { a }, log } = await family(system, {}, { a: {} })
  const kid = await child(a, 'kid', log)
  await release(a, kid)
  await fail(kid)
  t.is((await kid.stopped).kind, 'failed')
})

test('the group of the old parent restarts without it, that of the new one with it as the last', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: { supervision: { strategy: 'one-for-all', backoff: false } }, b: { supervision: { strategy: 'rest-for-one', backoff: false } } })
  const [x, kid, y, z] = [await child(a, 'x', log), await child(a, 'kid', log), await child(b, 'y', log), await child(b, 'z', log)]
  await adopt(b, kid)
  log.length = 0
  await fail(x)
  await system.idle()
  t.is(await kid.ask.generation(), 0)
  await fail(z)
  await system.idle()
  t.deepEqual(await Promise.all([x, y, z, kid].map((ref) => ref.ask.generation())), [1, 0, 1, 1])
  t.deepEqual(log.slice(-6), ['z0 stop failed', 'kid0 stop shutdown', 'z1 restart', 'z1 start', 'kid1 restart', 'kid1 start'])
})

test('messages, timers, watches and children are not touched', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const kid = await child(a, 'kid', log)
  const deep = await child(kid, 'deep', log)
  const ran: string[] = []
  await inside(kid, (ctx) => { ctx.after(5, () => ran.push('timer')); ctx.watch(a, () => ran.push('watch')) })
  const at = testGate(t)
  kid.tell.block(at)
  await at.entered.promise
  for (let i = 0; i < 10; i++) kid.tell.note(i)
  await adopt(b, kid)
  for (let i = 10; i < 20; i++) kid.tell.note(i)
  at.open.resolve()
  t.deepEqual(await kid.ask.read(), Array.from({ length: 20 }, (_, i) => i))
  await clock.advance(5)
  await a.stop()
  await system.idle()
  t.deepEqual(ran, ['timer', 'watch'])
  t.is(await deep.ask.note(1), 1)
})

// ------------------------------------------------------------------------------------------- refused

test('a name that the new parent has already is refused, and nothing moves', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const [kid, twin] = [await child(a, 'kid', log), await child(b, 'kid', log)]
  await rejectsWith(t, adopt(b, kid), 'ERR_BUSKIN_NAME_TAKEN')
  t.deepEqual([kid.path, twin.path], ['/top/a/kid', '/top/b/kid'])
  t.true(system.lookup('/top/a/kid')?.equals(kid))
  t.true(system.lookup('/top/b/kid')?.equals(twin))
  system.spawn(Sub, { name: 'kid' })
  await rejectsWith(t, release(a, kid), 'ERR_BUSKIN_NAME_TAKEN')
  await twin.stop()
  await adopt(b, kid)
  t.is(kid.path, '/top/b/kid')
})

test('the name that was left is free, the one that was taken is not', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  await adopt(b, await child(a, 'kid', log))
  await rejectsWith(t, child(b, 'kid', log), 'ERR_BUSKIN_NAME_TAKEN')
  t.is((await child(a, 'kid', log)).path, '/top/a/kid')
})

test('nobody is adopted by itself or by one below it', async (t) => {
  const system = withSystem(t)
  const { refs: { a }, top, log } = await family(system, {}, { a: {} })
  const kid = await child(a, 'kid', log)
  await rejectsWith(t, adopt(a, a), 'ERR_BUSKIN_OPTION')
  await rejectsWith(t, adopt(kid, a), 'ERR_BUSKIN_OPTION')
  await rejectsWith(t, adopt(kid, top), 'ERR_BUSKIN_OPTION')
  t.is(kid.path, '/top/a/kid')
})

test('one that has ended, or ends, is not adopted', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, top } = await family(system, {}, { a: {}, b: { plan: { stop: () => at.open.promise } } })
  const at = testGate(t)
  await a.stop()
  await rejectsWith(t, adopt(top, a), 'ERR_BUSKIN_STOPPED')
  const free = system.spawn(Sub, { args: [[], { stop: () => (at.entered.resolve(), at.open.promise) }] })
  await free.started
  void free.stop()
  await at.entered.promise
  await rejectsWith(t, adopt(b, free), 'ERR_BUSKIN_STOPPED')
})

test('only a child can be released, only a ref of this system adopted', async (t) => {
  const [system, other] = [withSystem(t), withSystem(t)]
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const kid = await child(b, 'kid', log)
  await rejectsWith(t, release(a, kid), 'ERR_BUSKIN_OPTION')
  await rejectsWith(t, release(a, a), 'ERR_BUSKIN_OPTION')
  await rejectsWith(t, adopt(a, other.spawn(Sub)), 'ERR_BUSKIN_OPTION')
  for (const wrong of [undefined, null, {}, 'kid']) {
    await rejectsWith(t, adopt(a, wrong as never), 'ERR_BUSKIN_OPTION')
    await rejectsWith(t, release(a, wrong as never), 'ERR_BUSKIN_OPTION')
  }
})

test('the promise settles whatever happens meanwhile', async (t) => {
  for (const meanwhile of ['target stops', 'target is killed', 'parent stops', 'parent is killed', 'parent fails', 'system shuts down'] as const) {
    const system = withSystem(t)
    const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
    const kid = await child(a, 'kid', log)
    const { promise } = await inside(b, (ctx) => {
      const made = ctx.adopt(kid)
      made.catch(() => {})
      if (meanwhile === 'target stops') void kid.stop()
      if (meanwhile === 'target is killed') void kid.kill()
      if (meanwhile === 'parent stops') void b.stop()
      if (meanwhile === 'parent is killed') void b.kill()
      if (meanwhile === 'parent fails') b.tell.fail(new Error('boom'))
      if (meanwhile === 'system shuts down') void system.shutdown()
      return { promise: made }
    }).catch(() => ({ promise: Promise.resolve() }))
    t.true(['ok', 'ERR_BUSKIN_STOPPED'].includes(await within(settle(promise), meanwhile)), meanwhile)
    await turns()
  }
})

// -------------------------------------------------------------------------------- during restarts

test('one behind its backoff can be adopted: its next instance comes at its time, below the new parent', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a, b }, top } = await family(system, { backoff: { min: 100, jitter: 0 } }, { a: {}, b: {} })
  await fail(a)
  await clock.advance(50)
  await adopt(b, a)
  t.is(a.path, '/top/b/a')
  t.is(find(system, '/top/b/a')?.state, 'restarting')
  await clock.advance(50)
  t.is(await a.ask.generation(), 1)
  t.deepEqual(await names(top), ['b'])
})

test('a member that leaves while its group is down is not waited for', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a, b }, top } = await family(system, { strategy: 'one-for-all', backoff: { min: 100, jitter: 0 } }, { a: {}, b: {} })
  const free = system.spawn(Sub, { name: 'free' })
  await fail(a)
  await system.idle()
  await release(top, b)
  t.is(await within(b.ask.generation(), 'the one that left'), 1)
  await clock.advance(100)
  t.is(await within(a.ask.generation(), 'the one that stayed'), 1)
  await adopt(top, free)
  await fail(a)
  await clock.advance(200)
  t.deepEqual(await Promise.all([a, b, free].map((ref) => ref.ask.generation())), [2, 1, 1])
})

test('one that is adopted by an actor which then restarts ends with its other children', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, {}, { a: {} })
  const free = system.spawn(Sub, { name: 'free' })
  await adopt(a, free)
  await fail(a)
  t.is((await free.stopped).kind, 'shutdown')
})

test('an actor that adopts many, and is adopted with them, keeps the order', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const many = Array.from({ length: 200 }, (_, i) => system.spawn(Sub, { name: `n${i}` }))
  await inside(a, (ctx) => Promise.all(many.map((ref) => ctx.adopt(ref))))
  await adopt(b, a)
  t.deepEqual(await names(a), many.map((_, i) => `n${i}`))
  t.is(many[199]!.path, '/top/b/a/n199')
  counts(t, system, { actors: 203 })
})

test('what an actor logs after a move names its new path', async (t) => {
  const paths: unknown[] = []
  const log = { debug() {}, info: (_: string, fields?: object) => void paths.push((fields as { actor: string }).actor), warn() {}, error() {} }
  const system = withSystem(t, { log })
  const { refs: { a } } = await family(system, {}, { a: {} })
  const free = system.spawn(Sub, { name: 'free' })
  const say = () => inside(free, (ctx) => ctx.log.info('here'))
  await say()
  await adopt(a, free)
  await say()
  t.deepEqual(paths, ['/free', '/top/a/free'])
})
