// Watches, links, timers, names and another parent, across isolates.
import ava from 'ava'
import { within } from '../support.ts'
import { told } from './fixtures/life.ts'
import { coreEvents, deadBy, event, eventsOf, find, messageOf, stage } from './lives.ts'

const test = ava.serial

const PAIRS = [
  [0, 1],
  [1, 0],
  [1, 2],
  [1, 1],
] as const

for (const [home, away] of PAIRS) {
  test(`a watch from isolate ${home} to ${away} tells of each kind of end, once, and never of a restart`, async (t) => {
    const on = stage(t)
    const w = on.spawn('w', { on: home })
    const ends = { normal: 'stop', killed: 'kill', 'failed boom': 'fail' } as const
    const expected = ['w0 start']
    for (const [what, how] of Object.entries(ends)) {
      const a = on.spawn(how, { on: away, restart: how === 'fail' ? 'temporary' : 'transient' })
      await a.started
      await w.ask.watch(a)
      if (how === 'fail') a.tell.fail()
      else {
        await a.ask.fail().catch(() => {})
        await on.system.idle() // while its supervisor has yet to decide, its failure is what it ends by
        await within(a[how](), 'the end')
      }
      expected.push(`w0 saw /${how} ${what}`)
      await on.lines()
      // of a dead target at once
      await w.ask.watch(a)
      const again = (await on.lines()).filter((line) => line.startsWith('w')).slice(expected.length)
      t.is(again.length, 1)
      t.true([`w0 saw /${how} ${what}`, `w0 saw /${how} unknown`, `w0 saw /${how} failed undefined`, 'w0 saw (ended) failed undefined', 'w0 saw (ended) unknown', `w0 saw (ended) ${what}`].includes(again[0]!), again[0]!)
      expected.push(again[0]!)
    }
    t.deepEqual((await on.lines()).filter((line) => line.startsWith('w')), expected)
  })

  test(`a watch from isolate ${home} to ${away} that is taken back tells nothing`, async (t) => {
    const on = stage(t)
    const w = on.spawn('w', { on: home })
    const a = on.spawn('a', { on: away })
    await a.started
    await w.ask.watch(a)
    t.deepEqual(await w.ask.unbind(), [true])
    await within(a.stop(), 'stop')
    t.deepEqual((await on.lines()).filter((line) => line.startsWith('w')), ['w0 start'])
  })

  test(`a link from isolate ${home} to ${away} fails the other end, either way, unless that watches`, async (t) => {
    const on = stage(t)
    for (const turned of [false, true]) {
      const [x, y] = [on.spawn(`x${turned}`, { on: home }), on.spawn(`y${turned}`, { on: away, restart: 'temporary' })]
      await Promise.all([x.started, y.started])
      await (turned ? y.ask.link(x) : x.ask.link(y))
      await on.system.idle()
      y.tell.fail('linked')
      await within(y.stopped, 'the end')
      await on.lines()
      t.is(await x.ask.generation(), 1, `turned: ${turned}`)
      const failed = eventsOf(on.events, `/x${turned}`).filter((line) => line.startsWith('failed'))
      t.is(failed.length, 1)
      t.regex(failed[0]!, /watch restart$/)
    }
    const [x, y] = [on.spawn('x', { on: home }), on.spawn('y', { on: away, restart: 'temporary' })]
    await Promise.all([x.started, y.started])
    await x.ask.link(y)
    await x.ask.watch(y)
    await on.system.idle()
    y.tell.fail('seen')
    await on.lines()
    t.deepEqual((await on.lines()).filter((line) => line.startsWith('x0')), ['x0 start', 'x0 saw /y failed seen'])
    t.is(await x.ask.generation(), 0)
  })
}

test('a link is not broken by a normal end, nor when it was taken back', async (t) => {
  const on = stage(t)
  const [x, y, z] = [on.spawn('x', { on: 0 }), on.spawn('y', { on: 1 }), on.spawn('z', { on: 2, restart: 'temporary' })]
  await Promise.all([x.started, y.started, z.started])
  await x.ask.link(y)
  await y.stop()
  await x.ask.link(z)
  await x.ask.unbind()
  z.tell.fail()
  await on.lines()
  t.is(await x.ask.generation(), 0)
})

test('timers run on cores, end with their instance, and can be cancelled; what they throw is a failure', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  await a.ask.tick(2)
  await on.until(4)
  t.deepEqual(await a.ask.untick(), [true])
  const count = (await on.lines()).length
  await a.ask.later(5, 'once')
  await on.until(count + 1)
  await a.ask.tick(2)
  a.tell.fail()
  t.is(await a.ask.generation(), 1)
  const after = (await on.lines()).length
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.is((await on.lines()).length, after)
  await a.ask.laterFail(1)
  await event(on, (e) => e.type === 'started' && e.path === '/a' && e.generation === 2, 'the restart')
  t.true(eventsOf(on.events, '/a').includes('failed 1 late timer restart'))
})

// ---------------------------------------------------------------------------------------------------------- names

test('a name is taken wherever its actor lives and free after the end, and paths are found from every isolate', async (t) => {
  const on = stage(t)
  const a = on.spawn('a', { on: 1 })
  const b = on.spawn('b', { on: 2 })
  await Promise.all([a.started, b.started])
  for (const core of [0, 1, 2]) t.is(messageOf(t.throws(() => on.spawn('a', { on: core }))), 'ERR_BUSKIN_NAME_TAKEN')
  for (const core of [0, 1, 2]) t.is(await b.ask.tryRaiseOnSystem('a', { on: core }), 'ERR_BUSKIN_NAME_TAKEN')
  const child = await b.ask.raise('kid', { on: 1 })
  await child.started
  t.is(await b.ask.tryRaise('kid', { on: 2 }), 'ERR_BUSKIN_NAME_TAKEN')
  for (const path of ['/a', '/b', '/b/kid']) {
    t.is(on.system.lookup(path)?.path, path)
    for (const ref of [a, b]) t.is((await ref.ask.find(path))?.path, path)
  }
  t.true(on.system.lookup('/b/kid')!.equals(child))
  t.is(on.system.lookup('/b/none'), null)
  a.tell.fail() // not while it restarts
  t.is(messageOf(t.throws(() => on.spawn('a', { on: 2 }))), 'ERR_BUSKIN_NAME_TAKEN')
  await within(a.stop(), 'stop')
  t.is(on.system.lookup('/a'), null)
  const other = on.spawn('a', { on: 2 })
  t.is((await other.ask.who()).path, '/a')
  t.false(other.equals(a))
})

test('ctx.spawn from a core goes wherever it is told, and the child knows its parent', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 1 })
  const ons = { main: 0, own: 1, other: 2, near: { near: top }, local: 'local', key: { key: 7 } } as const
  for (const [name, where] of Object.entries(ons)) {
    const child = await top.ask.raise(name, { on: where })
    t.deepEqual([(await child.ask.who()).path, (await child.ask.who()).parent], [`/top/${name}`, '/top'])
    const expected = typeof where === 'number' ? where : name === 'key' ? find(on.system, child.path)!.on : 1
    t.is(find(on.system, child.path)?.on, expected)
  }
  t.deepEqual((await top.ask.who()).children, Object.keys(ons).map((name) => `/top/${name}`))
})

test('system.spawn from a core makes a child of the root, which supervises it', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 1 })
  for (const core of [0, 1, 2]) {
    const name = `made${core}`
    const ref = await top.ask.raiseOnSystem(name, { on: core })
    await within(ref.started, 'started')
    t.deepEqual([(await ref.ask.who()).path, (await ref.ask.who()).parent, find(on.system, `/${name}`)?.on], [`/${name}`, null, core])
    await ref.ask.fail().catch(() => {})
    t.is(await ref.ask.generation(), 1)
    await on.lines()
    t.deepEqual(eventsOf(on.events, `/${name}`), ['started 0', 'failed 0 boom message restart', 'stopped 0 failed', 'started 1', 'restarted 1'])
  }
  await within(top.stop(), 'stop')
  t.is(on.system.lookup('/made1')?.path, '/made1')
})

test('a parent on a core whose children fail too often fails itself; at the root that ends the system', async (t) => {
  const on = stage(t, { supervision: { maxRestarts: 0, backoff: false } })
  const top = on.spawn('top', { on: 1, supervision: { maxRestarts: 0, backoff: false } })
  const kid = await top.ask.raise('kid', { on: 2 })
  await kid.started
  kid.tell.fail('too much')
  const error = await within(on.system.closed.then(() => undefined, (thrown: unknown) => thrown), 'closed')
  t.is(messageOf(error), 'too much')
  t.deepEqual(coreEvents(on.events).filter((line) => line.includes('lost')), [])
})

test('onEscalate report: the system goes on without the one that could not be kept', async (t) => {
  const on = stage(t, { onEscalate: 'report', supervision: { maxRestarts: 0, backoff: false } })
  const a = on.spawn('a', { on: 1 })
  const b = on.spawn('b', { on: 1 })
  await Promise.all([a.started, b.started])
  a.tell.fail()
  t.is(told(await within(a.stopped, 'the end')), 'failed boom')
  t.is(await b.ask.note(1), 1)
  t.deepEqual(deadBy(on.system), {})
})
