// Semantics, sentences 1-4, 7-9, 22: messages between isolates arrive once, in order, at the handler that they name, and are
// answered as within one isolate.
import ava from 'ava'
import { AsyncLocalStorage } from 'node:async_hooks'
import { BuskinError, Refusal } from '../../src/index.ts'
import type { Ref } from '../../src/index.ts'
import { Catcher, Holder, type Peer } from './fixtures/peer.ts'
import { adds, codeOf, end, failure, givesBack, outcome, sharedTown, town } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m } = place
const loose = (ref: Ref<any>, verb: 'tell' | 'send' | 'ask' | 'stream') => ref[verb] as unknown as Record<string, (...args: unknown[]) => any>

test.beforeEach(async () => {
  for (const ref of [a, b, m]) await ref.ask.clear()
  place.dead.length = 0
})

// ------------------------------------------------------------------------------------------- every verb, every way

const ways: readonly (readonly [string, (method: string, ...args: unknown[]) => Promise<unknown>, Ref<Peer>])[] = [
  ['main to core', (method, ...args) => loose(a, 'ask')[method]!(...args), a],
  ['core to main', (method, ...args) => a.ask.ask(m, method, ...args), m],
  ['core to core', (method, ...args) => a.ask.ask(b, method, ...args), b],
  ['main to core, from an actor', (method, ...args) => m.ask.ask(b, method, ...args), b],
]

for (const [way, ask] of ways) {
  test(`${way}: an ask resolves with the handler's result, whatever the number of arguments`, async (t) => {
    t.deepEqual(await ask('all'), [])
    t.deepEqual(await ask('all', 1), [1])
    t.deepEqual(await ask('all', 'one'), ['one'])
    t.deepEqual(await ask('all', 1, { b: 2 }), [1, { b: 2 }])
    t.deepEqual(await ask('all', 1, 2, 3), [1, 2, 3])
    t.deepEqual(await ask('all', 1, 2, 3, 4, 5), [1, 2, 3, 4, 5])
    t.is(await ask('nothing'), undefined)
    t.is(await ask('echoLater', 'later'), 'later')
  })

  test(`${way}: numbers that travel in the entry itself arrive as they are`, async (t) => {
    for (const value of [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 1.5, Infinity, Number.MAX_SAFE_INTEGER]) t.is(await ask('echo', value), value)
    t.true(Object.is(await ask('echo', -0), -0))
    t.true(Number.isNaN(await ask('echo', Number.NaN)))
  })
}

test('main to core: a tell, a send and an ask are handled once each, and counted', async (t) => {
  await adds(t, place, { sent: 6, handled: 6 }, async () => {
    a.tell.note(1)
    a.tell.note({ two: 2 })
    t.is(await a.send.note(3), undefined)
    t.is(await a.send.note('four'), undefined)
    t.is(await a.ask.note(5), 5)
    t.deepEqual(await a.ask.read(), [1, { two: 2 }, 3, 'four', 5])
  })
})

test('core to main, and core to core: a tell, a send and an ask are handled once each, and counted', async (t) => {
  for (const to of [m, b]) {
    await adds(t, place, { sent: 7, handled: 7 }, async () => {
      await a.ask.tell(to, 'note', 1)
      t.is(await a.ask.send(to, 'two', 2, 'b'), undefined)
      await a.ask.ask(to, 'note', 3)
      t.deepEqual(await to.ask.read(), [1, [2, 'b'], 3])
    })
  }
})

test('an actor talks to itself through a ref that came in a message', async (t) => {
  await adds(t, place, { sent: 4, handled: 4 }, async () => {
    a.tell.tell(a, 'note', 'from me')
    await a.ask.nothing()
    t.deepEqual(await a.ask.read(), ['from me'])
  })
  t.is(await codeOf(a.ask.askWith(a, { timeout: 20 }, 'echo', 1)), 'ERR_BUSKIN_DEADLOCK', 'it waits for itself')
  t.is(await a.ask.echo('goes on'), 'goes on')
})

// ---------------------------------------------------------------------------------------------------------- order

test('5,000 tells arrive in the order of their sending, words and letters mixed', async (t) => {
  for (let i = 0; i < 5000; i++) {
    if (i % 3 === 0) a.tell.note(i)
    else a.tell.note(i % 3 === 1 ? [i] : { i, text: 'x'.repeat(i % 97) })
  }
  const got = (await a.ask.read()) as any[]
  t.deepEqual(got.map((each) => (typeof each === 'number' ? each : (each.i ?? each[0]))), Array.from({ length: 5000 }, (_, i) => i))
})

test('what two cores send to one actor arrives in the order of each of them', async (t) => {
  await adds(t, place, { sent: 4003, handled: 4003 }, async () => {
    await Promise.all([a.ask.tellMany(m, 0, 2000), b.ask.tellMany(m, 10_000, 12_000)])
    await system.idle()
    const got = (await m.ask.read()) as number[]
    t.deepEqual(got.filter((i) => i < 10_000), Array.from({ length: 2000 }, (_, i) => i))
    t.deepEqual(got.filter((i) => i >= 10_000), Array.from({ length: 2000 }, (_, i) => 10_000 + i))
  })
})

test('an ask that follows tells sees what they did', async (t) => {
  for (let i = 0; i < 100; i++) a.tell.note(i)
  t.is(await a.ask.count(), 100)
})

test('1,000 asks at once are each answered with their own result', async (t) => {
  const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? a.ask.echo(i) : b.ask.echoLater({ i }))))
  t.deepEqual(all, Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? i : { i })))
})

// ------------------------------------------------------------------------------------------- methods that are none

const none = ['missing', '', 'getter', 'notCallable', 'onStart', 'onStop', 'onRestart', 'onUnhandled', 'constructor', '__proto__', 'ctx', 'then', 'toString', 'hasOwnProperty']

for (const method of none) {
  test(`'${method}' is no handler elsewhere either: a dead letter, and send, ask and stream reject`, async (t) => {
    await adds(t, place, { sent: 4, deadLetters: 4 }, async () => {
      loose(a, 'tell')[method]!('x')
      t.is(await codeOf(loose(a, 'send')[method]!('x')), 'ERR_BUSKIN_NO_HANDLER')
      t.is(await codeOf(loose(a, 'ask')[method]!()), 'ERR_BUSKIN_NO_HANDLER')
      t.is(await codeOf(loose(a, 'stream')[method]!(1).next()), 'ERR_BUSKIN_NO_HANDLER')
    })
    const told = place.dead.map(({ reason, target, method: name, args }) => [reason, target, name, args])
    t.deepEqual(told, [['x'], ['x'], [], [1]].map((args) => ['no-handler', '/a', method, args]))
    t.deepEqual(await a.ask.read(), [], 'no getter ran')
  })
}

test('a field that is a function is a handler for every verb', async (t) => {
  t.is(await a.ask.field('x'), 'field x')
  await a.send.field('x')
  a.tell.field('x')
  t.is(await a.ask.ask(b, 'field', 1), 'field 1')
})

test('onUnhandled takes what the class has no handler for, and its result is the reply', async (t) => {
  const catcher = system.spawn(Catcher, { on: 2 })
  await adds(t, place, { sent: 6, handled: 5, deadLetters: 1 }, async () => {
    t.deepEqual(await loose(catcher, 'ask')['']!(1, 'two'), { caught: '', args: [1, 'two'] })
    t.deepEqual(await loose(catcher, 'ask')['anything']!(1, { b: 2 }), { caught: 'anything', args: [1, { b: 2 }] })
    await loose(catcher, 'send')['another']!()
    loose(catcher, 'tell')['third']!('x')
    t.is(await codeOf(loose(catcher, 'stream')['fourth']!().next()), 'ERR_BUSKIN_NO_HANDLER')
    t.deepEqual(await catcher.ask.seen(), ['', 'anything', 'another', 'third'])
  })
  await catcher.stop()
})

test('an ask, a send or a tell of a generator is no handler, and the error says what to use', async (t) => {
  await adds(t, place, { sent: 3, deadLetters: 3 }, async () => {
    t.regex((await failure(loose(a, 'ask')['range']!(1, 2))).message, /ref\.stream\.range\(\)/)
    t.is(await codeOf(loose(a, 'send')['range']!(1, 2)), 'ERR_BUSKIN_NO_HANDLER')
    loose(a, 'tell')['range']!(1, 2)
  })
  const error = await failure(loose(a, 'stream')['echo']!(1).next())
  t.is(error.code, 'ERR_BUSKIN_NO_HANDLER')
  t.regex(error.message, /ref\.ask\.echo\(\)/)
})

test('more method names than the system numbers still reach whom they name', async (t) => {
  const own = town()
  const catcher = own.system.spawn(Catcher, { on: 1 })
  for (let i = 0; i < 66_000; i++) loose(catcher, 'tell')[`name${i}`]!(i)
  await own.system.idle()
  t.deepEqual(await loose(catcher, 'ask')['beyond']!('x'), { caught: 'beyond', args: ['x'] })
  const fresh = own.system.spawn(Holder, { on: 1, args: [{ list: [1] }] }) // of a class that comes after them
  t.is(await codeOf(loose(fresh, 'ask')['none']!('y')), 'ERR_BUSKIN_NO_HANDLER')
  t.is(await codeOf(fresh.ask.spoil()), 'E_SPOILT')
  await own.system.idle()
  t.deepEqual(own.dead.map(({ method, args }) => [method, args]), [['none', ['y']]])
  await end(own.system)
})

// --------------------------------------------------------------------------------------------------------- failures

for (const method of ['fail', 'failLater'] as const) {
  test(`${method}: the asker gets the error with its class, fields, cause and stack, and the actor fails`, async (t) => {
    for (const asked of [() => b.ask[method]('boiling'), () => a.ask.ask(b, method, 'boiling')]) {
      const error = await failure(asked())
      t.true(error instanceof TypeError)
      t.is(error.name, 'TeapotError')
      t.is(error.message, 'boiling')
      t.is(error.status, 418)
      t.deepEqual(error.details, { pot: 'small', sizes: new Set([1, 2]) })
      t.true(error.cause instanceof RangeError)
      t.is(error.cause.message, 'inner')
      t.regex(error.stack, /peer\.ts/)
    }
    await system.idle()
    const failed = place.events.filter((event) => event.type === 'failed' && event.failure.method === method)
    t.is(failed.length, 2)
    t.like(failed[0], { path: '/b', failure: { phase: 'message', method } })
  })
}

for (const name of ['RangeError', 'SyntaxError', 'TypeError', 'EvalError', 'URIError', 'ReferenceError', 'AggregateError'] as const) {
  test(`${name}: an asker elsewhere finds instanceof right`, async (t) => {
    const error = await failure(a.ask.throwBuiltin(name))
    t.true(error instanceof globalThis[name])
    t.is(error.constructor, globalThis[name])
    if (name === 'AggregateError') t.deepEqual(error.errors.map((each: Error) => each.constructor), [Error, TypeError])
  })
}

test('a BuskinError that a handler throws is one for its asker', async (t) => {
  const error = await failure(a.ask.throwBuskin())
  t.true(error instanceof BuskinError)
  t.true(BuskinError.is(error, 'ERR_BUSKIN_OPTION'))
})

test('what is thrown and no error arrives as it is', async (t) => {
  for (const value of ['text', 7, { plain: true }, null]) t.deepEqual(await failure(a.ask.throwThis(value)), value)
  t.is(await failure(a.ask.throwThis(undefined)), undefined)
})

test('an error with a field that cannot travel arrives without it', async (t) => {
  const error = await failure(a.ask.failWithFunction('kept'))
  t.true(error instanceof RangeError)
  t.is(error.message, 'kept')
  t.is(error.code, 'E_KEPT')
  t.false('retry' in error)
  t.true(error.cause instanceof TypeError)
  t.regex(error.stack, /peer\.ts/)
  await system.idle()
  t.true(place.events.some((event) => event.type === 'failed' && event.failure.error instanceof RangeError))
})

test('what is thrown, cannot travel and is no error is told as NOT_SERIALIZABLE', async (t) => {
  await adds(t, place, { sent: 1, failed: 1 }, async () => {
    const error = await failure(a.ask.throwFunction())
    t.is(error.code, 'ERR_BUSKIN_NOT_SERIALIZABLE')
    t.regex(error.message, /'throwFunction' for \/a/)
  })
})

for (const method of ['refuse', 'refuseLater'] as const) {
  test(`${method}: a refusal rejects the asker, counts as handled and fails nobody`, async (t) => {
    const before = place.events.length
    await adds(t, place, { sent: 2, handled: 2 }, async () => {
      const error = await failure(a.ask[method]({ why: [1] }))
      t.true(error instanceof Refusal)
      t.deepEqual([error.message, error.details], ['no', { why: [1] }])
      a.tell[method]({})
    })
    t.is(place.events.length, before)
  })
}

test('a send whose handler throws resolves: it was accepted', async (t) => {
  await adds(t, place, { sent: 2, failed: 2 }, async () => {
    t.is(await a.send.fail('x'), undefined)
    t.is(await a.send.failLater('x'), undefined)
  })
})

test('every way a call can end gives its slot back', async (t) => {
  await givesBack(t, place, () => outcome(a.ask.echo({})))
  await givesBack(t, place, () => outcome(a.send.echo({})))
  await givesBack(t, place, () => outcome(a.ask.refuse({})))
  await givesBack(t, place, () => outcome(loose(a, 'ask')['missing']!()))
  await givesBack(t, place, () => outcome(loose(a, 'send')['missing']!({})))
  await givesBack(t, place, () => outcome(a.ask.giveFunction()))
  await givesBack(t, place, async () => { try { await a.ask.echo(() => 1) } catch { /* cannot travel */ } })
  await givesBack(t, place, () => outcome(a.with({ signal: AbortSignal.abort() }).ask.echo({})))
  await givesBack(t, place, async () => a.with({ signal: new AbortController().signal }).tell.echo({}))
  await givesBack(t, place, () => outcome(loose(a, 'stream')['missing']!().next()))
  await givesBack(t, place, async () => { for await (const item of a.stream.range(0, 3)) if (item === 1) break })
})

// ------------------------------------------------------------------------------------------------ sender and context

test('the sender is the actor whose handler made the call, as a ref that works', async (t) => {
  for (const to of [b, m]) {
    t.is(await a.ask.ask(to, 'sender'), '/a')
    t.is(await a.ask.ask(to, 'senderLater'), '/a', 'also after an await of an exclusive handler')
    const sender = (await a.ask.ask(to, 'senderRef')) as Ref<Peer>
    t.true(sender.equals(a))
    t.is(await sender.ask.where(), '/a')
  }
})

test('plain code is no sender, and neither is a handler after its first await', async (t) => {
  t.is(await a.ask.sender(), null)
  t.is(await a.ask.askAfter(b, 'sender'), null)
})

test('a caller keeps its AsyncLocalStorage context across an ask; it does not cross to the other isolate', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  await storage.run('caller', async () => {
    t.is(await a.ask.echo(1), 1)
    t.is(storage.getStore(), 'caller')
    await a.send.echo({})
    t.is(storage.getStore(), 'caller')
  })
})
