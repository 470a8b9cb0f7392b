// Native actors as others see them live: failures, supervision by parents of JavaScript, watches, ends, dead letters.
import ava from 'ava'
import { native, Refusal, type Ref } from '../../src/index.ts'
import { rejectsWith, within } from '../support.ts'
import { Client, deciding, Judge, Probe, told } from './fixtures/native.ts'
import { deadBy, eventsOf, infoOf, lines, until, withThreads } from './support.ts'

const test = ava.serial

// -------------------------------------------------------------------------------------------------- failures

test('a failure rejects the asker with its error, and a new instance with the same arguments takes the place', async (t) => {
  const system = withThreads(t)
  const events = eventsOf(system)
  const a = system.spawn(Probe, { name: 'a', args: [10] })
  t.is(await a.ask.add(1), 11)
  const error = (await t.throwsAsync(a.ask.fail('boom'))) as Error & { actor?: string; method?: string }
  t.is(error.message, 'boom')
  t.true(error instanceof Error)
  t.is(error.actor, '/a')
  t.is(error.method, 'fail')
  t.regex(error.stack ?? '', /at \/a\.fail/)
  t.is(await a.ask.add(1), 11)
  await within(system.idle(), 'idle')
  t.deepEqual(lines(events), ['started /a', 'failed /a message boom restart', 'stopped /a', 'started /a', 'restarted /a'])
  const { failed, restarts } = system.stats()
  t.deepEqual({ failed, restarts, generation: infoOf(system, '/a')?.generation }, { failed: 1, restarts: 1, generation: 1 })
})

test('a failure of what was told is no less one', async (t) => {
  const system = withThreads(t)
  const events = eventsOf(system)
  const a = system.spawn(Probe, { name: 'a' })
  a.tell.add(5)
  a.tell.fail('told')
  a.tell.add(1)
  t.is(await a.ask.add(1), 2)
  await within(system.idle(), 'idle')
  t.true(lines(events).includes('failed /a message told restart'))
})

test('a send whose handler fails was accepted', async (t) => {
  const a = withThreads(t).spawn(Probe)
  t.is(await a.send.fail('boom'), undefined)
  t.is(await a.ask.add(1), 1)
})

test('a refusal is for the asker alone', async (t) => {
  const system = withThreads(t)
  const a = system.spawn(Probe)
  await a.ask.add(1)
  const error = await t.throwsAsync(a.ask.refuse('no'))
  t.true(error instanceof Refusal)
  t.is((error as Error).message, 'no')
  t.is(await a.ask.add(1), 2)
  t.is(system.stats().failed, 0)
})

test('a panic is a failure, and the process lives', async (t) => {
  const system = withThreads(t)
  const a = system.spawn(Probe, { name: 'a' })
  await a.ask.add(1)
  const error = await t.throwsAsync(a.ask.panic('oh no'))
  t.regex((error as Error).message, /oh no/)
  t.is(await a.ask.add(1), 1)
  t.is(system.stats().restarts, 1)
})

for (const how of ['fail', 'panic']) {
  test(`a start that is over by a ${how} is told to who waits for it`, async (t) => {
    const system = withThreads(t, { supervision: { backoff: false, maxRestarts: 1 }, onEscalate: 'report' })
    const a = system.spawn(Probe, { name: 'a', args: [null, how] })
    const error = await rejectsWith(t, a.started, 'ERR_BUSKIN_START')
    t.regex((error.cause as Error).message, /no start/)
    const reason = await within(a.stopped, 'the end')
    t.regex(told(reason), /^failed: .*no start/)
  })
}

test('what cannot be an argument of its kind is a failed start', async (t) => {
  const system = withThreads(t, { supervision: { maxRestarts: 0 }, onEscalate: 'report' })
  const a = system.spawn(Probe, { name: 'a', args: ['five' as never] })
  const error = await rejectsWith(t, a.started, 'ERR_BUSKIN_START')
  t.is((error.cause as Error).name, 'TypeError')
})

test('what comes later holds up the messages behind it, and its answer is that of its call', async (t) => {
  const a = withThreads(t).spawn(Probe)
  const order: string[] = []
  await Promise.all([
    a.ask.later(30, 7).then((value) => order.push(`later ${value}`)),
    a.ask.add(1).then((value) => order.push(`add ${value}`)),
  ])
  t.deepEqual(order, ['later 7', 'add 1'])
})

// ------------------------------------------------------------------------------------------ parents of JavaScript

for (const [directive, after] of [['restart', '/a 1'], ['resume', '/a 6'], ['stop', 'gone'], ['escalate', 'gone']] as const) {
  test(`decide of a parent in the main isolate: ${directive}`, async (t) => {
    const system = withThreads(t, { onEscalate: 'report', supervision: { backoff: false, maxRestarts: 0 } })
    const parent = system.spawn(deciding(directive), { name: 'parent' })
    const a = await parent.ask.probe({ name: 'a' })
    await a.ask.add(5)
    await t.throwsAsync(a.ask.fail('boom'))
    if (after === 'gone') {
      t.is(told(await within(a.stopped, 'the end')), directive === 'stop' ? 'failed: boom' : told(await a.stopped))
      await within(system.idle(), 'idle')
      t.is(infoOf(system, '/parent/a'), undefined)
    } else {
      t.is(`/a ${await a.ask.add(1)}`, after)
    }
  })

  test(`decide of a parent on a core: ${directive}`, async (t) => {
    const system = withThreads(t, { cores: 1, onEscalate: 'report', supervision: { backoff: false, maxRestarts: 0 } })
    const parent = system.spawn(Judge, { on: 1, name: 'parent' })
    const a = await parent.ask.probe({ name: 'a' })
    await a.ask.add(5)
    await t.throwsAsync(a.ask.fail(directive))
    if (directive === 'escalate') {
      await within(a.stopped, 'the end')
      return
    }
    if (after === 'gone') t.is(told(await within(a.stopped, 'the end')), 'failed: stop')
    else t.is(`/a ${await a.ask.add(1)}`, after)
    t.deepEqual(await parent.ask.seen(), [`/parent/a message fail 0 ${directive}`])
  })
}

test('a native child is restarted with its siblings', async (t) => {
  const system = withThreads(t)
  const parent = system.spawn(Client, { name: 'parent', supervision: { strategy: 'one-for-all', backoff: false } })
  const [a, b] = [await parent.ask.probe({ name: 'a' }), await parent.ask.probe({ name: 'b' })]
  await Promise.all([a.ask.add(1), b.ask.add(2)])
  a.tell.fail('boom')
  await until('the restart of both', async () => (await b.ask.add(0)) === 0)
  t.is(await a.ask.add(1), 1)
})

test('one that fails too often ends its parent', async (t) => {
  const system = withThreads(t, { onEscalate: 'report' })
  const parent = system.spawn(Client, { name: 'parent', restart: 'temporary', supervision: { maxRestarts: 2, within: 60_000, backoff: false } })
  const a = await parent.ask.probe({ name: 'a' })
  for (let i = 0; i < 3; i++) a.tell.fail(`boom ${i}`)
  t.is((await within(parent.stopped, 'the end of the parent')).kind, 'failed')
  await within(a.stopped, 'the end of the child')
})

test('it can be adopted and released', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const [here, there] = [system.spawn(Client, { name: 'here' }), system.spawn(Client, { name: 'there', on: 1 })]
  const a = system.spawn(Probe, { name: 'a' })
  await a.ask.add(1)
  await here.ask.adopt(a)
  t.is(a.path, '/here/a')
  await there.ask.adopt(a)
  t.is(a.path, '/there/a')
  t.is(await a.ask.path(), '/there/a')
  t.is(await a.ask.add(1), 2)
  await t.throwsAsync(a.ask.fail('boom'))
  t.is(await a.ask.add(1), 1)
  await there.stop()
  t.is((await within(a.stopped, 'the end')).kind, 'shutdown')
})

test('onHealth of native actors: one that does not come back is late', async (t) => {
  const system = withThreads(t)
  const events = eventsOf(system)
  const a = system.spawn(Probe, { name: 'a', health: { every: 20, timeout: 50 } })
  await a.ask.add(1)
  a.tell.later(400)
  await until('the failure', () => lines(events).some((line) => line.startsWith('failed /a health')))
  t.is(await a.with({ timeout: 10_000 }).ask.add(1), 1)
})

// ----------------------------------------------------------------------------------------------- watches and ends

test('watches of all isolates are told the end, and why', async (t) => {
  const system = withThreads(t, { cores: 1, supervision: { backoff: false, maxRestarts: 0 }, onEscalate: 'report' })
  const [here, there] = [system.spawn(Client, { name: 'here' }), system.spawn(Client, { name: 'there', on: 1 })]
  const names = ['stopped', 'killed', 'failed'] as const
  const all = names.map((name) => system.spawn(Probe, { name, restart: 'temporary' }))
  for (const a of all) await Promise.all([here.ask.watch(a), there.ask.watch(a), a.ask.add(1)])
  const [stops, kills, fails] = all as [Ref<Probe>, Ref<Probe>, Ref<Probe>]
  t.is(told(await stops.stop()), 'normal')
  t.is(told(await kills.kill()), 'killed')
  await t.throwsAsync(fails.ask.fail('boom'))
  t.is(told(await within(fails.stopped, 'the end')), 'failed: boom')
  const expected = ['/failed failed: boom', '/killed killed', '/stopped normal']
  for (const client of [here, there]) {
    await until('three ends', async () => (await client.ask.reasons()).length === 3)
    t.deepEqual((await client.ask.reasons()).sort(), expected)
  }
  // and of one that had ended before
  const late = system.spawn(Client, { name: 'late', on: 1 })
  for (const a of all) await late.ask.watch(a)
  await until('three late ends', async () => (await late.ask.reasons()).length === 3)
  t.deepEqual((await late.ask.reasons()).sort(), expected)
  t.is(await late.ask.stoppedOf(fails), 'failed: boom')
})

test('who is linked to it fails with it', async (t) => {
  const system = withThreads(t, { onEscalate: 'report', supervision: { backoff: false } })
  const events = eventsOf(system)
  const client = system.spawn(Client, { name: 'client', restart: 'temporary' })
  const a = system.spawn(Probe, { name: 'a', restart: 'temporary' })
  await client.ask.link(a)
  a.tell.fail('boom')
  t.is((await within(client.stopped, 'the end of the linked one')).kind, 'failed')
  t.true(lines(events).some((line) => line.startsWith('failed /client')))
})

test('drain handles what waits; a plain stop turns it into dead letters', async (t) => {
  const system = withThreads(t)
  const [a, b] = [system.spawn(Probe, { name: 'a' }), system.spawn(Probe, { name: 'b' })]
  await Promise.all([a.ask.add(1), b.ask.add(1)])
  for (const ref of [a, b]) {
    ref.tell.block(30)
    for (let i = 0; i < 100; i++) ref.tell.add(1)
  }
  const last = a.ask.add(0)
  const ends = Promise.all([a.stop({ drain: true }), b.stop()])
  t.is(await last, 101)
  t.deepEqual((await ends).map(told), ['normal', 'normal'])
  await within(system.idle(), 'idle')
  t.true((deadBy(system)['stopped'] ?? 0) > 0)
})

test('what is sent to one that has ended is a dead letter with all that is known', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const letters: string[] = []
  system.deadLetters.on(({ reason, target, sender, method, args }) => void letters.push(`${reason} ${target} ${sender} ${method} ${JSON.stringify(args)}`))
  const store = system.spawn(native('kv'), { name: 'cache' })
  const client = system.spawn(Client, { on: 1, name: 'client' })
  await store.ask.set('a', 1)
  await store.stop()
  store.tell.set('key', { b: [1] })
  await rejectsWith(t, store.ask.get('key'), 'ERR_BUSKIN_STOPPED')
  await rejectsWith(t, client.ask.get(store, 'other'), 'ERR_BUSKIN_STOPPED')
  await within(system.idle(), 'idle')
  t.deepEqual(letters.sort(), ['stopped /cache /client get ["other"]', 'stopped /cache null get ["key"]', 'stopped /cache null set ["key",{"b":[1]}]'])
})

test('a full mailbox refuses, and a name is free again after the end', async (t) => {
  const system = withThreads(t)
  const a = system.spawn(Probe, { name: 'a', mailbox: { capacity: 2 } })
  await a.ask.add(1)
  a.tell.block(200)
  await until('the block', () => infoOf(system, '/a')?.waiting === 0)
  const calls = Array.from({ length: 6 }, () => a.ask.add(1).then(() => 'ok', (error: { code: string }) => error.code))
  t.true((await Promise.all(calls)).filter((code) => code === 'ERR_BUSKIN_MAILBOX_FULL').length >= 3)
  t.throws(() => system.spawn(Probe, { name: 'a' }), { code: 'ERR_BUSKIN_NAME_TAKEN' })
  await a.stop()
  t.is(await system.spawn(Probe, { name: 'a' }).ask.add(2), 2)
})

// --------------------------------------------------------------------------------------------------- streams

test('a stream comes in order, ahead of its reader by no more than it may, and ends', async (t) => {
  const a = withThreads(t).spawn(Probe)
  const read: number[] = []
  for await (const n of a.stream.numbers(1_000)) read.push(n)
  t.deepEqual(read, Array.from({ length: 1_000 }, (_, i) => i + 1))
})

test('one that fails rejects its reader', async (t) => {
  const a = withThreads(t).spawn(Probe)
  const read: number[] = []
  await t.throwsAsync(
    async () => {
      for await (const n of a.stream.failing(3)) read.push(n)
    },
    { message: 'no more numbers' },
  )
  t.deepEqual(read, [1, 2, 3])
})

test('an endless one is left, and holds up nobody', async (t) => {
  const system = withThreads(t)
  const a = system.spawn(Probe)
  let some = 0
  for await (const n of a.stream.numbers()) if (n > 0 && ++some === 5_000) break
  t.is(await a.ask.add(1), 1)
  await within(system.idle(), 'idle')
})

test('the end of the actor ends its streams', async (t) => {
  const system = withThreads(t)
  const a = system.spawn(Probe)
  const stream = a.stream.numbers()
  t.is((await stream.next()).value, 1)
  void a.kill()
  await t.throwsAsync(async () => {
    for await (const n of stream) if (n === 0) return
  })
})
