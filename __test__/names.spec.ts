// Semantics, sentence 19, and what comes with it: names, paths, lookup, equals, inspect.
import test from 'ava'
import { Actor, BuskinError, createSystem } from 'buskin'
import type { ActorInfo, Context, Ref } from 'buskin'
import { Bench, busy, collect, counts, loose, pass, temporary, testGate, throwsWith, turns, withSystem } from './support.ts'
import type { Gate } from './support.ts'

class Counter extends Actor {
  count = 0
  add(by: number) {
    return (this.count += by)
  }
  run<T>(what: (ctx: Context<any>) => T): T {
    return what(this.ctx)
  }
}

class Gated extends Actor {
  readonly start: Gate | null
  readonly stop: Gate | null
  constructor(start: Gate | null, stop: Gate | null) {
    super()
    this.start = start
    this.stop = stop
  }
  override async onStart() {
    if (this.start) await pass(this.start)
  }
  override async onStop() {
    if (this.stop) await pass(this.stop)
  }
}

const inside = <T>(ref: Ref<Counter>, what: (ctx: Context<any>) => T) => ref.ask.run(what) as Promise<Awaited<T>>

// ------------------------------------------------------------------------------------- names

test("a named actor's path is its name under its parent's path", async (t) => {
  const system = withSystem(t)
  const orders = system.spawn(Counter, { name: 'orders' })
  const order = await inside(orders, (ctx) => ctx.spawn(Counter, { name: '42' }))
  const line = await inside(order, (ctx) => ctx.spawn(Counter, { name: 'line' }))
  t.deepEqual([orders, order, line].map(({ name, path }) => [name, path]), [['orders', '/orders'], ['42', '/orders/42'], ['line', '/orders/42/line']])
})

test('an unnamed actor is called after its class with a number', (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter)
  t.regex(ref.name, /^Counter-\d+$/)
  t.is(ref.path, `/${ref.name}`)
})

test("an unnamed actor of an anonymous class is called 'Actor' with a number", (t) => {
  const system = withSystem(t)
  const make = () => class extends Actor {}
  t.is(make().name, '')
  t.regex(system.spawn(make()).name, /^Actor-\d+$/)
})

test('unnamed actors never share a path', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Counter)
  const refs = Array.from({ length: 500 }, () => system.spawn(Counter))
  const children = await inside(parent, (ctx) => Array.from({ length: 500 }, () => ctx.spawn(Counter)))
  const all = [parent, ...refs, ...children].map((ref) => ref.path)
  t.is(new Set(all).size, 1_001)
  t.true(children.every((child) => child.path.startsWith(`${parent.path}/Counter-`)))
})

test('an unnamed actor avoids the names that users gave', (t) => {
  const system = withSystem(t)
  for (let i = 0; i < 200; i++) system.spawn(Counter, { name: `Counter-${i}` })
  for (let i = 0; i < 100; i++) t.regex(system.spawn(Counter).name, /^Counter-\d+$/)
  counts(t, system, { actors: 300 })
})

for (const name of ['a', '42', 'with space', 'ünï-çødé', '✓', 'a.b', 'a:b', 'a-b_c', '__proto__', 'constructor', 'toString', 'x'.repeat(200)]) {
  test(`a name may be '${name.length > 20 ? `${name.length} characters long` : name}'`, async (t) => {
    const system = withSystem(t)
    t.is(system.lookup(`/${name}`), null)
    const ref = system.spawn(Counter, { name })
    t.is(ref.path, `/${name}`)
    t.is(await system.lookup<Counter>(`/${name}`)!.ask.add(2), 2)
    throwsWith(t, () => system.spawn(Counter, { name }), 'ERR_BUSKIN_NAME_TAKEN')
  })
}

const malformed: readonly (readonly [string, unknown])[] = [
  ['the empty string', ''], ["a '/'", '/'], ["a name with '/' inside", 'a/b'], ["a leading '/'", '/a'], ["a trailing '/'", 'a/'], ['a number', 5], ['null', null], ['an object', {}], ['a symbol', Symbol('a')],
]
for (const [name, value] of malformed) {
  test(`${name} is no name: refused with ERR_BUSKIN_OPTION at the call, and nothing is left half done`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const parent = system.spawn(Counter, { name: 'parent' })
    await parent.started
    throwsWith(t, () => system.spawn(Counter, { name: value as string }), 'ERR_BUSKIN_OPTION')
    const code = await inside(parent, (ctx) => {
      try {
        ctx.spawn(Counter, { name: value as string })
        return 'spawned'
      } catch (error) {
        return BuskinError.is(error) && error.code
      }
    })
    t.is(code, 'ERR_BUSKIN_OPTION')
    await system.idle()
    counts(t, system, { actors: 1 })
    t.is(events.length, 1)
    t.is(system.inspect().children[0]!.children.length, 0)
  })
}

test('a name that is taken is refused at the call, naming it, and leaves nothing half done', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  let constructed = 0
  class Counted extends Counter {
    constructor() {
      super()
      constructed++
    }
  }
  const first = system.spawn(Counted, { name: 'taken' })
  const error = throwsWith(t, () => system.spawn(Counted, { name: 'taken' }), 'ERR_BUSKIN_NAME_TAKEN')
  t.regex(error.message, /\/taken/)
  await first.ask.add(1)
  throwsWith(t, () => system.spawn(Counted, { name: 'taken' }), 'ERR_BUSKIN_NAME_TAKEN')
  await system.idle()
  t.is(constructed, 1)
  t.is(events.length, 1)
  counts(t, system, { actors: 1, sent: 1, handled: 1 })
  t.deepEqual(system.inspect().children.map((child) => child.path), ['/taken'])
  t.true(system.lookup('/taken')!.equals(first))
  t.is(await system.spawn(Counted, { name: 'free' }).ask.add(5), 5)
  t.is(await first.ask.add(1), 2)
})

test('a name taken under ctx.spawn throws inside the handler, which may catch it and go on', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Counter, { name: 'p' })
  const codes = await inside(parent, (ctx) => {
    ctx.spawn(Counter, { name: 'c' })
    try {
      ctx.spawn(Counter, { name: 'c' })
      return 'spawned'
    } catch (error) {
      return BuskinError.is(error) && error.code
    }
  })
  t.is(codes, 'ERR_BUSKIN_NAME_TAKEN')
  t.deepEqual(await inside(parent, (ctx) => ctx.children.map((child) => child.path)), ['/p/c'])
  counts(t, system, { actors: 2 })
})

test('one name may be used under several parents', async (t) => {
  const system = withSystem(t)
  const parents = ['a', 'b'].map((name) => system.spawn(Counter, { name }))
  for (const parent of parents) await inside(parent, (ctx) => ctx.spawn(Counter, { name: 'same' }))
  system.spawn(Counter, { name: 'same' })
  t.deepEqual(['/a/same', '/b/same', '/same'].map((path) => system.lookup(path)?.path), ['/a/same', '/b/same', '/same'])
})

test('one name may be used in several systems', (t) => {
  const [one, two] = [withSystem(t), withSystem(t)]
  const refs = [one, two].map((system) => system.spawn(Counter, { name: 'same' })) as [Ref<Counter>, Ref<Counter>]
  t.false(refs[0].equals(refs[1]))
})

for (const end of ['stop', 'kill', 'fail'] as const) {
  test(`a name is free again when its actor has ended by ${end}`, async (t) => {
    const system = withSystem(t)
    for (let i = 0; i < 20; i++) {
      const ref = system.spawn(Bench, { ...temporary, name: 'again' })
      if (end === 'fail') ref.tell.fail(new Error('boom'))
      else void ref[end]()
      await ref.stopped
      t.is(system.lookup('/again'), null)
    }
    const last = system.spawn(Bench, { name: 'again' })
    t.is(await last.ask.note(1), 1)
  })
}

test('a name is free again after a start failure', async (t) => {
  const system = withSystem(t)
  class Fails extends Actor {
    override onStart() {
      throw new Error('boom')
    }
  }
  await system.spawn(Fails, { ...temporary, name: 'again' }).stopped
  t.is(await system.spawn(Counter, { name: 'again' }).ask.add(1), 1)
})

test('a name is not free while its actor stops: not while a handler is in hand, nor while onStop runs', async (t) => {
  const system = withSystem(t)
  const held = await busy(t, system, { name: 'held' })
  const stopped = held.ref.stop()
  throwsWith(t, () => system.spawn(Counter, { name: 'held' }), 'ERR_BUSKIN_NAME_TAKEN')
  await turns()
  throwsWith(t, () => system.spawn(Counter, { name: 'held' }), 'ERR_BUSKIN_NAME_TAKEN')
  held.release()
  await stopped
  system.spawn(Counter, { name: 'held' })

  const stop = testGate(t)
  const gated = system.spawn(Gated, { name: 'gated', args: [null, stop] })
  await gated.started
  const ended = gated.stop()
  await stop.entered.promise
  throwsWith(t, () => system.spawn(Counter, { name: 'gated' }), 'ERR_BUSKIN_NAME_TAKEN')
  stop.open.resolve()
  await ended
  system.spawn(Counter, { name: 'gated' })
  counts(t, system, { actors: 2 })
})

test('a name is taken from the spawn on, while its actor starts', async (t) => {
  const system = withSystem(t)
  const start = testGate(t)
  system.spawn(Gated, { name: 'slow', args: [start, null] })
  throwsWith(t, () => system.spawn(Counter, { name: 'slow' }), 'ERR_BUSKIN_NAME_TAKEN')
  await start.entered.promise
  throwsWith(t, () => system.spawn(Counter, { name: 'slow' }), 'ERR_BUSKIN_NAME_TAKEN')
})

test("the name of an actor that ended is free for the code that its end resumes", async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter, { name: 'relay' })
  const next = ref.stop().then(() => system.spawn(Counter, { name: 'relay' }))
  t.is(await (await next).ask.add(1), 1)
})

// ------------------------------------------------------------------------------------- lookup

test('lookup finds an actor by its path from its spawn on, and null is what it says otherwise', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter, { name: 'a' })
  t.true(system.lookup('/a')!.equals(ref))
  const child = await inside(ref, (ctx) => ctx.spawn(Counter, { name: 'b' }))
  t.true(system.lookup('/a/b')!.equals(child))
  for (const path of ['/b', '/a/c', '/a/b/c', '/a/', 'a', '/A', '//a', '/a//b', '']) t.is(system.lookup(path), null, path)
  await ref.stop()
  t.is(system.lookup('/a'), null)
  t.is(system.lookup('/a/b'), null)
})

test('a ref from lookup has the name, the path and all four verbs of its actor', async (t) => {
  const system = withSystem(t)
  class Streams extends Counter {
    *digits() {
      yield 1
      yield 2
    }
  }
  const ref = system.spawn(Streams, { name: 'a' })
  const found = system.lookup<Streams>('/a')!
  t.deepEqual([found.name, found.path], ['a', '/a'])
  found.tell.add(1)
  await found.send.add(2)
  t.is(await found.ask.add(3), 6)
  const items: number[] = []
  for await (const item of found.stream.digits()) items.push(item)
  t.deepEqual(items, [1, 2])
  await found.started
  t.deepEqual(await found.stop(), { kind: 'normal' })
  t.deepEqual(await ref.stopped, { kind: 'normal' })
})

test('lookup finds unnamed actors by the name they were given', (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter)
  t.true(system.lookup(ref.path)!.equals(ref))
})

test('lookup finds an actor that is starting or stopping, and its successor after it', async (t) => {
  const system = withSystem(t)
  const [start, stop] = [testGate(t), testGate(t)]
  const ref = system.spawn(Gated, { name: 'a', args: [start, stop] })
  await start.entered.promise
  t.true(system.lookup('/a')!.equals(ref))
  start.open.resolve()
  await ref.started
  const ended = ref.stop()
  await stop.entered.promise
  t.true(system.lookup('/a')!.equals(ref))
  stop.open.resolve()
  await ended
  const next = system.spawn(Counter, { name: 'a' })
  t.true(system.lookup('/a')!.equals(next))
  t.false(system.lookup('/a')!.equals(ref))
})

test('lookup works inside handlers, also for what that very handler spawned', async (t) => {
  const system = withSystem(t)
  const parent = system.spawn(Counter, { name: 'p' })
  t.is(await inside(parent, (ctx) => {
    ctx.spawn(Counter, { name: 'c' })
    return ctx.system.lookup('/p/c')?.path
  }), '/p/c')
})

test('lookup after shutdown finds nothing', async (t) => {
  const system = withSystem(t)
  await system.spawn(Counter, { name: 'a' }).started
  await system.shutdown()
  t.is(system.lookup('/a'), null)
})

// ------------------------------------------------------------------------------------- equals

test('equals compares actors: every ref of one actor, and none of another', async (t) => {
  const system = withSystem(t)
  const a = system.spawn(Counter, { name: 'a' })
  const b = system.spawn(Counter, { name: 'b' })
  const self = await inside(a, (ctx) => ctx.self)
  for (const same of [a, system.lookup('/a')!, a.with({ ttl: 5 }), self]) {
    t.true(a.equals(same))
    t.true(same.equals(a))
  }
  for (const other of [b, null, undefined, '/a', 5, {}, { path: '/a' }, a.path, a.tell, Counter]) t.false(a.equals(other))
})

test('refs know no message that is no string, and their own members stay what they are', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter, { name: 'a' })
  for (const verb of ['tell', 'send', 'ask', 'stream'] as const) {
    t.is(ref[verb], ref[verb])
    t.is(typeof loose(ref, verb).add, 'function')
  }
  await system.idle()
  counts(t, system, { sent: 0 })
})

// ------------------------------------------------------------------------------------- inspect

const shape = (info: ActorInfo): unknown => [info.path, info.className, info.children.map(shape)]

test('inspect shows the tree of actors with path and class, in the order of their start', async (t) => {
  const system = withSystem(t)
  const a = system.spawn(Counter, { name: 'a' })
  system.spawn(Bench, { name: 'b' })
  await inside(a, (ctx) => {
    ctx.spawn(Bench, { name: 'z' })
    ctx.spawn(Counter, { name: 'y' })
  })
  await system.idle()
  const root = system.inspect()
  t.is(root.path, '/')
  t.deepEqual(root.children.map(shape), [
    ['/a', 'Counter', [['/a/z', 'Bench', []], ['/a/y', 'Counter', []]]],
    ['/b', 'Bench', []],
  ])
  await a.stop()
  t.deepEqual(system.inspect().children.map(shape), [['/b', 'Bench', []]])
})

test('inspect counts what waits, was handled and failed, per actor', async (t) => {
  const system = withSystem(t)
  const { ref, release } = await busy(t, system, { name: 'busy' })
  const other = system.spawn(Counter, { name: 'other' })
  for (let i = 0; i < 3; i++) await other.ask.add(1)
  ref.tell.note(1)
  ref.tell.note(2)
  const find = (path: string) => system.inspect().children.find((child) => child.path === path)!
  t.like(find('/busy'), { waiting: 2, handled: 0, failed: 0, on: 0, generation: 0, state: 'suspended' })
  t.like(find('/other'), { waiting: 0, handled: 3, failed: 0, on: 0, generation: 0, state: 'idle' })
  release()
  await system.idle()
  t.like(find('/busy'), { waiting: 0, handled: 3, failed: 0, state: 'idle' })
})

test('inspect names the states starting, running and stopping', async (t) => {
  const system = withSystem(t)
  const [start, stop] = [testGate(t), testGate(t)]
  const ref = system.spawn(Gated, { name: 'a', args: [start, stop] })
  const state = () => system.inspect().children[0]!.state
  t.is(state(), 'starting')
  await start.entered.promise
  t.is(state(), 'starting')
  start.open.resolve()
  await ref.started
  await system.idle()
  t.is(state(), 'idle')
  const ended = ref.stop()
  await stop.entered.promise
  t.is(state(), 'stopping')
  stop.open.resolve()
  await ended
  const runs = system.spawn(Counter, { name: 'b' })
  t.is(await inside(runs, (ctx) => ctx.system.inspect().children[0]!.state), 'running')
})

test('inspect gives plain data, which later events do not change', async (t) => {
  const system = withSystem(t)
  const ref = system.spawn(Counter, { name: 'a' })
  await ref.ask.add(1)
  const info = system.inspect()
  const text = JSON.stringify(info)
  t.deepEqual(structuredClone(info), info)
  await ref.ask.add(1)
  await ref.stop()
  t.is(JSON.stringify(info), text)
})

test('inspect works on a system without actors and after shutdown', async (t) => {
  const system = withSystem(t)
  t.deepEqual(system.inspect().children, [])
  system.spawn(Counter)
  await system.shutdown()
  t.deepEqual(system.inspect().children, [])
})

// ------------------------------------------------------------------------- refused at the spawn

class NoActor {
  hello() {}
}
for (const [name, cls] of [['a class that is no actor', NoActor], ['an instance', {}], ['null', null], ['undefined', undefined], ['a string', 'Counter'], ['an arrow function', () => {}]] as const) {
  test(`spawn refuses ${name} with ERR_BUSKIN_NOT_AN_ACTOR and counts nothing`, (t) => {
    const system = withSystem(t)
    throwsWith(t, () => system.spawn(cls as unknown as typeof Counter), 'ERR_BUSKIN_NOT_AN_ACTOR')
    counts(t, system, { actors: 0, sent: 0 })
    t.deepEqual(system.inspect().children, [])
  })
}

test('spawn on a system that was shut down throws ERR_BUSKIN_CLOSED', async (t) => {
  const system = withSystem(t)
  await system.shutdown()
  throwsWith(t, () => system.spawn(Counter), 'ERR_BUSKIN_CLOSED')
  counts(t, system, { actors: 0 })
})

test('spawn on a system that is shutting down throws ERR_BUSKIN_CLOSED', async (t) => {
  const system = withSystem(t)
  const { release } = await busy(t, system)
  const down = system.shutdown()
  throwsWith(t, () => system.spawn(Counter), 'ERR_BUSKIN_CLOSED')
  release()
  await down
})

test('a system has the name it was given', (t) => {
  const system = createSystem({ name: 'shop', cores: 0, log: false })
  t.teardown(() => system.shutdown())
  t.is(system.name, 'shop')
})
