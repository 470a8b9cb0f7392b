// Another parent for an actor, wherever it, its parent and the next one live.
import ava from 'ava'
import type { ActorInfo, ActorOptions, Ref, System, SystemEvent, SystemOptions } from '../../src/index.ts'
import { within } from '../support.ts'
import { type Plan, Sub, told } from './fixtures/life.ts'
import { coreEvents, find, stage, type Stage, type Test } from './lives.ts'

const test = ava.serial

/** Isolates of the actor, of its parent and of the next one. */
type Places = readonly [kid: number, old: number, next: number]

const EVERYWHERE: readonly Places[] = [
  [0, 0, 1],
  [0, 1, 0],
  [0, 1, 2],
  [1, 0, 0],
  [1, 0, 1],
  [1, 0, 2],
  [1, 1, 0],
  [1, 1, 2],
  [1, 2, 1],
  [1, 1, 1],
]

interface Family extends Stage {
  readonly a: Ref<Sub>
  readonly b: Ref<Sub>
  raise(parent: Ref<Sub>, name: string, on: number, options?: ActorOptions, plan?: Plan): Promise<Ref<Sub>>
}

async function family(t: Test, [, old, next]: Places, options: SystemOptions = {}, a: ActorOptions = {}, b: ActorOptions = {}): Promise<Family> {
  const on = stage(t, options)
  const family = { ...on, a: on.spawn('a', { ...a, on: old }), b: on.spawn('b', { ...b, on: next }) }
  await within(Promise.all([family.a.started, family.b.started]), 'both parents')
  return {
    ...family,
    raise: async (parent, name, place, more = {}, plan = {}) => {
      const child = await parent.ask.raise(name, { ...more, on: place }, plan)
      await within(child.started, name)
      return child
    },
  }
}

const named = (places: Places) => `${places[0]}, of ${places[1]}, to ${places[2]}`
const adopt = (parent: Ref<Sub>, child: Ref<any>) => within(parent.ask.adopt(child), 'adopt')
const release = (parent: Ref<Sub>, child: Ref<any>) => within(parent.ask.release(child), 'release')
const children = async (parent: Ref<Sub>) => (await parent.ask.who()).children
const parentOf = async (child: Ref<Sub>) => (await child.ask.who()).parent

function paths(system: System): string[] {
  const all = (info: ActorInfo): string[] => [info.path, ...info.children.flatMap(all)]
  return all(system.inspect())
}

const ofType = <T extends SystemEvent['type']>(events: readonly SystemEvent[], type: T, path: string) =>
  events.filter((event): event is Extract<SystemEvent, { type: T }> => event.type === type && 'path' in event && event.path === path)

for (const places of EVERYWHERE) {
  const [kidOn, , nextOn] = places
  const title = (what: string) => `${named(places)}: ${what}`

  test(title('adopt gives an actor another parent: path, lookup, ctx.parent, children and inspect say so everywhere'), async (t) => {
    const on = await family(t, places)
    const { system, a, b } = on
    const kid = await on.raise(a, 'kid', kidOn)
    const deep = await on.raise(kid, 'deep', nextOn)
    t.is(await adopt(b, kid), 'ok')
    t.deepEqual([kid.path, deep.path], ['/b/kid', '/b/kid/deep'])
    t.is(system.lookup('/a/kid'), null)
    t.true(system.lookup('/b/kid')?.equals(kid))
    t.true(system.lookup('/b/kid/deep')?.equals(deep))
    for (const ref of [a, b, kid, deep]) {
      t.true((await ref.ask.find('/b/kid'))?.equals(kid))
      t.is(await ref.ask.find('/a/kid'), null)
    }
    t.deepEqual([await parentOf(kid), (await kid.ask.who()).path, (await deep.ask.who()).path], ['/b', '/b/kid', '/b/kid/deep'])
    t.deepEqual([await children(a), await children(b)], [[], ['/b/kid']])
    const seen = find(system, '/b/kid')
    t.like(seen, { className: 'Sub', on: kidOn, state: 'idle', generation: 0 })
    t.is(seen?.children[0]?.path, '/b/kid/deep')
    t.is(find(system, '/a/kid'), undefined)
    t.is(await kid.ask.generation(), 0)
    t.is(system.stats().actors, 5)
  })

  test(title('the adopted is the youngest child'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    await on.raise(on.b, 'x', kidOn)
    await adopt(on.b, kid)
    await on.raise(on.b, 'y', nextOn)
    t.deepEqual(await children(on.b), ['/b/x', '/b/kid', '/b/y'])
    await on.lines()
    await on.recorder.ask.clear()
    await on.b.stop()
    t.deepEqual(await on.until(4), ['y0 stop shutdown', 'kid0 stop shutdown', 'x0 stop shutdown', 'b0 stop normal'])
  })

  test(title('release hands a child to the root, and it can be adopted again'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    t.is(await release(on.a, kid), 'ok')
    t.is(kid.path, '/kid')
    t.true(on.system.lookup('/kid')?.equals(kid))
    t.is(await parentOf(kid), null)
    await on.a.stop()
    t.is(await kid.ask.note(1), 1)
    t.is(await adopt(on.b, kid), 'ok')
    t.deepEqual([kid.path, await children(on.b)], ['/b/kid', ['/b/kid']])
    t.is(await release(on.b, kid), 'ok')
    t.deepEqual([kid.path, await children(on.b)], ['/kid', []])
  })

  test(title('an unnamed actor keeps its name'), async (t) => {
    const on = await family(t, places)
    const kid = on.system.spawn(Sub, { on: kidOn })
    await kid.started
    const { name } = kid
    t.is(await adopt(on.b, kid), 'ok')
    t.is(kid.path, `/b/${name}`)
    t.true(on.system.lookup(`/b/${name}`)?.equals(kid))
    t.is((await kid.ask.who()).name, name)
  })

  test(title('the adopted is supervised by the new parent, and no more by the old one'), async (t) => {
    const on = await family(t, places, {}, { supervision: { maxRestarts: 0 } }, { supervision: { strategy: 'one-for-all', backoff: false } })
    const kid = await on.raise(on.a, 'kid', kidOn)
    const other = await on.raise(on.b, 'other', nextOn)
    await adopt(on.b, kid)
    kid.tell.fail('once')
    await on.until(10)
    await on.system.idle()
    t.deepEqual([await kid.ask.generation(), await other.ask.generation(), await on.a.ask.generation()], [1, 1, 0])
    const failed = ofType(on.events, 'failed', '/b/kid')
    t.is(failed.length, 1)
    t.like(failed[0], { supervisor: '/b', strategy: 'one-for-all', decision: 'restart' })
    t.is((failed[0]?.failure.error as Error).message, 'once')
    t.true((await on.lines()).includes('kid1 restart once'))
    await on.a.stop()
    t.is(await kid.ask.note(1), 1)
    await on.b.stop()
    t.is(told(await within(kid.stopped, 'the end')), 'shutdown')
  })

  test(title('messages, timers, watches and children are not touched'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    const deep = await on.raise(kid, 'deep', nextOn)
    await kid.ask.watch(on.a)
    await kid.ask.later(50, 'timer')
    const { stopped } = kid
    kid.tell.sleepAlone(20)
    for (let i = 0; i < 10; i++) kid.tell.note(i)
    t.is(await adopt(on.b, kid), 'ok')
    for (let i = 10; i < 20; i++) kid.tell.note(i)
    t.deepEqual(await kid.ask.read(), Array.from({ length: 20 }, (_, i) => i))
    await on.a.stop()
    const lines = await on.until(7)
    t.true(lines.includes('kid0 timer') && lines.includes('kid0 saw /a normal'), lines.join())
    t.is(await deep.ask.note(1), 1)
    await kid.stop()
    t.is(told(await within(stopped, 'a promise from before the move')), 'normal')
  })

  test(title('a name that the new parent has already is refused, and nothing moves; the name that was left is free'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    const twin = await on.raise(on.b, 'kid', nextOn)
    t.is(await adopt(on.b, kid), 'ERR_BUSKIN_NAME_TAKEN')
    t.deepEqual([kid.path, twin.path], ['/a/kid', '/b/kid'])
    t.deepEqual([await children(on.a), await children(on.b)], [['/a/kid'], ['/b/kid']])
    on.spawn('kid', { on: 2 })
    t.is(await release(on.a, kid), 'ERR_BUSKIN_NAME_TAKEN')
    await twin.stop()
    t.is(await adopt(on.b, kid), 'ok')
    t.is(await on.b.ask.tryRaise('kid', { on: kidOn }), 'ERR_BUSKIN_NAME_TAKEN')
    t.is((await on.raise(on.a, 'kid', kidOn)).path, '/a/kid')
  })

  test(title('nobody is adopted by itself or by one below it'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    const deep = await on.raise(kid, 'deep', nextOn)
    t.is(await adopt(kid, kid), 'ERR_BUSKIN_OPTION')
    t.is(await adopt(kid, on.a), 'ERR_BUSKIN_OPTION')
    t.is(await adopt(deep, kid), 'ERR_BUSKIN_OPTION')
    t.is(await adopt(deep, on.a), 'ERR_BUSKIN_OPTION')
    t.deepEqual([kid.path, deep.path], ['/a/kid', '/a/kid/deep'])
  })

  test(title('one that has ended, or ends, is not adopted'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    const slow = await on.raise(on.a, 'slow', kidOn, { shutdown: 300 }, { hangs: ['stop'] })
    await kid.stop()
    t.is(await adopt(on.b, kid), 'ERR_BUSKIN_STOPPED')
    const end = slow.stop()
    await on.until(6)
    t.is(await adopt(on.b, slow), 'ERR_BUSKIN_STOPPED')
    await within(end, 'the end')
  })

  test(title('only a child can be released'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.b, 'kid', kidOn)
    t.is(await release(on.a, kid), 'ERR_BUSKIN_OPTION')
    t.is(await release(on.a, on.a), 'ERR_BUSKIN_OPTION')
    t.is(await release(on.a, on.b), 'ERR_BUSKIN_OPTION')
    t.is(kid.path, '/b/kid')
  })

  test(title('one behind its backoff can be adopted: its next instance comes below the new parent'), async (t) => {
    const on = await family(t, places, {}, { supervision: { backoff: { min: 300, jitter: 0 } } })
    const kid = await on.raise(on.a, 'kid', kidOn)
    kid.tell.fail('down')
    await on.until(4)
    t.is(await adopt(on.b, kid), 'ok')
    t.is(find(on.system, '/b/kid')?.state, 'restarting')
    t.is(await within(kid.ask.generation(), 'the next instance'), 1)
    t.true((await on.lines()).includes('kid1 restart down'), (await on.lines()).join())
    t.is(kid.path, '/b/kid')
  })

  test(title('one that is adopted by an actor which then restarts ends with its other children'), async (t) => {
    const on = await family(t, places)
    const kid = await on.raise(on.a, 'kid', kidOn)
    await adopt(on.b, kid)
    on.b.tell.fail()
    t.is(told(await within(kid.stopped, 'the end')), 'shutdown')
  })

  test(title('the promise settles whatever happens meanwhile, and nobody is left without a parent'), async (t) => {
    for (const meanwhile of ['target stops', 'target is killed', 'target fails', 'old stops', 'old fails', 'parent stops', 'parent is killed', 'parent fails', 'system shuts down'] as const) {
      const on = await family(t, places)
      const kid = await on.raise(on.a, 'kid', kidOn)
      const answer = on.b.ask.adopt(kid).catch((error: { code?: string }) => error.code)
      if (meanwhile === 'target stops') void kid.stop()
      if (meanwhile === 'target is killed') void kid.kill()
      if (meanwhile === 'target fails') kid.tell.fail()
      if (meanwhile === 'old stops') void on.a.stop()
      if (meanwhile === 'old fails') on.a.tell.fail()
      if (meanwhile === 'parent stops') void on.b.stop()
      if (meanwhile === 'parent is killed') void on.b.kill()
      if (meanwhile === 'parent fails') on.b.tell.fail()
      if (meanwhile === 'system shuts down') void on.system.shutdown()
      const outcome = await within(answer, meanwhile)
      t.true(['ok', 'ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_CLOSED'].includes(outcome as string), `${meanwhile}: ${outcome}`)
      if (meanwhile === 'system shuts down') continue // it is over, and every actor with it: see withCores
      await within(on.system.idle(), meanwhile)
      const [, ...all] = paths(on.system)
      t.is(all.length, on.system.stats().actors, `${meanwhile}: ${all.join()}`)
      await within(on.system.shutdown(), meanwhile)
    }
  })
}

test('two that adopt each other at once make no loop: one of them is refused', async (t) => {
  for (let round = 0; round < 10; round++) {
    const on = await family(t, [0, 1, 2])
    const outcomes = await Promise.all([adopt(on.a, on.b), adopt(on.b, on.a)])
    t.deepEqual(outcomes.sort(), ['ERR_BUSKIN_OPTION', 'ok'])
    t.is(paths(on.system).length, 4)
    await on.system.shutdown()
  }
})

test('an actor that adopts many from everywhere has them all, and is adopted with them', async (t) => {
  const on = await family(t, [0, 1, 2])
  const many = Array.from({ length: 60 }, (_, i) => on.spawn(`n${i}`, { on: i % 3 }))
  await Promise.all(many.map((ref) => ref.started))
  t.deepEqual(new Set(await Promise.all(many.map((ref) => adopt(on.a, ref)))), new Set(['ok']))
  t.deepEqual([...(await children(on.a))].sort(), many.map((ref) => ref.path).sort())
  t.is(await adopt(on.b, on.a), 'ok')
  t.is(many[59]?.path, '/b/a/n59')
  t.is(on.system.stats().actors, 63)
})

test('an actor of a core that was adopted from elsewhere comes back after the loss of its core, with what it was spawned with', async (t) => {
  const on = await family(t, [1, 1, 2])
  const kid = await on.raise(on.a, 'kid', 1, { supervision: { strategy: 'one-for-all' } }, { takes: { start: 1 } })
  t.is(await adopt(on.b, kid), 'ok')
  on.a.tell.exit()
  const lines = await on.until(7)
  t.is(await within(kid.ask.generation(), 'the next instance'), 1)
  t.like(await kid.ask.who(), { path: '/b/kid', parent: '/b' })
  t.true(lines.includes('kid1 restart ERR_BUSKIN_CORE_LOST') && lines.includes('kid1 start'), lines.join())
  t.true(coreEvents(on.events).includes('1 lost'))
  t.is(ofType(on.events, 'failed', '/b/kid').length, 1)
})

test('when the core of the new parent dies what it adopted ends, and what it had not yet adopted stays', async (t) => {
  const on = await family(t, [0, 0, 1])
  const kid = await on.raise(on.a, 'kid', 0)
  const answer = on.b.ask.adopt(kid).catch((error: { code?: string }) => error.code)
  on.b.tell.exit()
  t.true(['ok', 'ERR_BUSKIN_CORE_LOST'].includes((await within(answer, 'the answer')) as string))
  await within(on.b.ask.generation(), 'the next instance')
  await within(on.system.idle(), 'idle')
  const [, ...all] = paths(on.system)
  t.is(all.length, on.system.stats().actors, all.join())
  t.true(all.includes('/a/kid') || told(await kid.stopped) === 'shutdown')
})

test('only a ref can be adopted', async (t) => {
  const on = await family(t, [0, 1, 2])
  for (const wrong of [undefined, null, {}, 'kid']) {
    t.is(await adopt(on.a, wrong as never), 'ERR_BUSKIN_OPTION')
    t.is(await release(on.a, wrong as never), 'ERR_BUSKIN_OPTION')
  }
})
