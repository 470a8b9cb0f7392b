import test from 'ava'
import { Actor } from 'buskin'
import type { CallOptions, DeadLetter, DeadLetterReason, Feed, Ref, System, SystemEvent } from 'buskin'
import { Puppet, deferred, inside, manualSystemFor, occupy, ofType, outcome, recordDeadLetters, recordEvents, systemFor, temporary, throwsWith, turns } from './support-b.ts'

const boom = new Error('boom')

/** Events in short: type, path, generation and the kind of the reason. */
function brief(events: readonly SystemEvent[]): unknown[] {
  return events.map(event => {
    if (event.type === 'started') return ['started', event.path, event.generation]
    if (event.type === 'stopped') return ['stopped', event.path, event.generation, event.reason?.kind]
    if (event.type === 'failed') return ['failed', event.path, event.generation, event.failure.phase]
    return [event.type]
  })
}

// -------------------------------------------------------------------------------------- events

test('every instance has one started and one stopped event', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  const a = system.spawn(Puppet, { name: 'a' })
  await a.started
  await a.stop()
  await system.idle()
  t.deepEqual(brief(events), [['started', '/a', 0], ['stopped', '/a', 0, 'normal']])
})

for (const [name, [end, kind]] of Object.entries<[(actor: Ref<Puppet>) => unknown, string]>({
  'ref.stop()': [actor => actor.stop(), 'normal'],
  'ctx.stop()': [actor => { actor.tell.run(me => { me.c.stop() }) }, 'normal'],
  'ref.kill()': [actor => actor.kill(), 'killed'],
  failure: [actor => { actor.tell.run(() => { throw boom }) }, 'failed']
})) {
  test(`the stopped event of an actor that ended by ${name} says ${kind}`, async t => {
    const system = systemFor(t)
    const events = recordEvents(system)
    const actor = system.spawn(Puppet, { ...temporary, name: 'a' })
    await actor.started
    end(actor)
    const reason = await actor.stopped
    await system.idle()
    const [stopped] = ofType(events, 'stopped')
    t.is(reason.kind, kind as typeof reason.kind)
    t.deepEqual(stopped?.reason, reason)
    if (kind === 'failed') t.is((stopped?.reason as { error: unknown }).error, boom)
    t.deepEqual(brief(events), [['started', '/a', 0], ...kind === 'failed' ? [['failed', '/a', 0, 'message']] : [], ['stopped', '/a', 0, kind]])
  })
}

test('a start that fails is a failed and a stopped event without a started one', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  class Stillborn extends Actor { override onStart() { throw boom } }
  await system.spawn(Stillborn, { ...temporary, name: 'x' }).stopped
  await system.idle()
  t.deepEqual(brief(events), [['failed', '/x', 0, 'start'], ['stopped', '/x', 0, 'failed']])
})

test('a failed event says who, what, under whom and what was decided', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  const parent = system.spawn(Puppet, { name: 'parent' })
  const child = await inside(parent, me => me.c.spawn(Puppet, { ...temporary, name: 'child' }))
  child.tell.run(() => { throw boom })
  await child.stopped
  await system.idle()
  const [failed] = ofType(events, 'failed')
  t.like(failed, { type: 'failed', path: '/parent/child', supervisor: '/parent', strategy: 'one-for-one', generation: 0, decision: 'stop', delay: 0 })
  t.like(failed!.failure, { phase: 'message', method: 'run', generation: 0, restarts: 0 })
  t.is(failed!.failure.error, boom)
  t.true(failed!.failure.child.equals(child))
})

test('a failed event of an actor that is restarted says so, and a restarted event follows', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  const parent = system.spawn(Puppet, { name: 'parent', supervision: { strategy: 'rest-for-one' } })
  const child = await inside(parent, me => me.c.spawn(Puppet, { name: 'child' }))
  child.tell.run(() => { throw boom })
  await system.idle()
  t.deepEqual(brief(events).slice(2), [['failed', '/parent/child', 0, 'message'], ['stopped', '/parent/child', 0, 'failed'], ['started', '/parent/child', 1], ['restarted']])
  t.like(ofType(events, 'failed')[0], { supervisor: '/parent', strategy: 'rest-for-one', generation: 0, decision: 'restart', delay: 0 })
  t.deepEqual(ofType(events, 'restarted'), [{ type: 'restarted', path: '/parent/child', generation: 1 }])
})

test('the events of a tree that stops are in the order in which it stopped', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  class Tree extends Actor {
    override onStart() { for (const name of ['one', 'two']) this.ctx.spawn(Puppet, { name }) }
  }
  const tree = system.spawn(Tree, { name: 'tree' })
  await tree.started
  await system.idle()
  events.length = 0
  await tree.stop()
  await system.idle()
  t.deepEqual(brief(events), [
    ['stopped', '/tree/two', 0, 'shutdown'], ['stopped', '/tree/one', 0, 'shutdown'], ['stopped', '/tree', 0, 'normal']
  ])
})

test('a thousand actors are a thousand started and a thousand stopped events', async t => {
  const system = systemFor(t)
  const events = recordEvents(system)
  for (let i = 0; i < 1000; i++) system.spawn(Puppet, { name: `a${i}` })
  await system.idle()
  t.deepEqual(brief(events), Array.from({ length: 1000 }, (_, i) => ['started', `/a${i}`, 0]))
  events.length = 0
  await system.shutdown()
  t.deepEqual(brief(events), Array.from({ length: 1000 }, (_, i) => ['stopped', `/a${999 - i}`, 0, 'shutdown']))
})

// -------------------------------------------------------------------------------- dead letters

interface Cause {
  /** Makes the message `run(action, ...)` of `from` a dead letter. */
  (stage: { system: System, clock: { advance(ms: number): Promise<void> }, send: (ref: Ref<Target>) => Promise<void> }): Promise<Ref<Target>>
}

class Target extends Puppet {
  take(...args: unknown[]) { return args.length }
}

const narrow = (overflow: 'reject' | 'drop-newest' | 'drop-oldest') => ({ name: 'target', mailbox: { capacity: 1, overflow } })

const causes: Record<Exclude<DeadLetterReason, 'no-such-actor' | 'isolate-lost'>, Cause> = {
  async stopped({ system, send }) {
    const target = system.spawn(Target, { name: 'target' })
    await target.stop()
    await send(target)
    return target
  },
  async 'mailbox-full'({ system, send }) {
    const target = system.spawn(Target, narrow('reject'))
    const busy = await occupy(target as unknown as Ref<Puppet>)
    target.tell.run(() => {})
    await send(target)
    busy.release()
    return target
  },
  async dropped({ system, send }) {
    const target = system.spawn(Target, narrow('drop-newest'))
    const busy = await occupy(target as unknown as Ref<Puppet>)
    target.tell.run(() => {})
    await send(target)
    busy.release()
    return target
  },
  async expired({ system, clock, send }) {
    const target = system.spawn(Target, { name: 'target' })
    const busy = await occupy(target as unknown as Ref<Puppet>)
    await send(target.with({ ttl: 5 }) as Ref<Target>)
    await clock.advance(6)
    busy.release()
    return target
  },
  async 'no-handler'({ system, send }) {
    const target = system.spawn(Target, { name: 'target' })
    const misnamed = (verb: 'tell' | 'send' | 'ask') => ({ take: (...args: unknown[]) => (target[verb] as unknown as Record<string, (...all: unknown[]) => unknown>).takes!(...args) })
    await send({ tell: misnamed('tell'), send: misnamed('send'), ask: misnamed('ask') } as unknown as Ref<Target>)
    return target
  },
  async aborted({ system, send }) {
    const target = system.spawn(Target, { name: 'target' })
    await send(target.with({ signal: AbortSignal.abort() } satisfies CallOptions) as Ref<Target>)
    return target
  }
}

for (const [reason, cause] of Object.entries(causes)) {
  for (const verb of ['tell', 'send', 'ask'] as const) {
    for (const from of [null, '/sender']) {
      test(`a dead letter '${reason}' of a ${verb} from ${from ?? 'plain code'} keeps target, sender, method and args`, async t => {
        const { system, clock } = manualSystemFor(t)
        const letters = recordDeadLetters(system)
        const sender = system.spawn(Puppet, { name: 'sender' })
        const payload = { deep: [1] }
        const sent = async (ref: Ref<Target>) => {
          const go = () => {
            if (verb === 'tell') ref.tell.take(1, payload, 'x')
            else void outcome(ref[verb].take(1, payload, 'x'))
          }
          if (from === null) go()
          else await inside(sender, go)
          await turns()
        }
        await cause({ system, clock, send: sent })
        await system.idle()
        t.is(letters.length, 1)
        t.deepEqual(letters[0], { reason, target: '/target', sender: from, method: reason === 'no-handler' ? 'takes' : 'take', args: [1, payload, 'x'] } as DeadLetter)
        t.is(letters[0]!.args![1], payload)
        const stats = system.stats()
        t.is(stats.deadLetters, 1)
        t.is(stats.deadLettersBy[reason as DeadLetterReason], 1)
      })
    }
  }
}

test('deadLettersBy has every reason, at 0 before there is any', t => {
  const system = systemFor(t)
  t.deepEqual(system.stats().deadLettersBy, {
    'no-such-actor': 0, stopped: 0, 'mailbox-full': 0, dropped: 0, expired: 0, 'no-handler': 0, 'isolate-lost': 0, aborted: 0
  })
})

test('the args of a dead letter are all of them, whatever they are', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const target = system.spawn(Target, { name: 'target' })
  await target.stop()
  const many = Array.from({ length: 20 }, (_, i) => i)
  const calls: unknown[][] = [[], [1], [-0], [1.5], [undefined], [null], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5], many, [2 ** 31], [10n], [() => 1], [target]]
  for (const args of calls) target.tell.take(...args)
  await system.idle()
  t.is(letters.length, calls.length)
  for (const [i, args] of calls.entries()) {
    t.is(letters[i]!.args!.length, args.length)
    for (const [j, value] of args.entries()) t.true(Object.is(letters[i]!.args![j], value), `call ${i}, argument ${j}`)
  }
})

test('dead letters of one sender to one target come in the order sent', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const target = system.spawn(Target)
  await target.stop()
  for (let i = 0; i < 5000; i++) target.tell.take(i)
  await system.idle()
  t.deepEqual(letters.map(letter => letter.args![0]), Array.from({ length: 5000 }, (_, i) => i))
})

// ----------------------------------------------------------------------------------- listeners

test('listeners have been called for everything before idle resolves', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const events = recordEvents(system)
  const target = system.spawn(Target, { ...temporary, name: 'target' })
  target.tell.run(() => { throw boom })
  for (let i = 0; i < 1000; i++) target.tell.take(i)
  await system.idle()
  t.is(letters.length, 1000)
  t.deepEqual(brief(events), [['started', '/target', 0], ['failed', '/target', 0, 'message'], ['stopped', '/target', 0, 'failed']])
})

test('listeners have been called for everything before shutdown resolves', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const events = recordEvents(system)
  const target = system.spawn(Target, { name: 'target' })
  const busy = await occupy(target as unknown as Ref<Puppet>)
  for (let i = 0; i < 100; i++) target.tell.take(i)
  const done = system.shutdown()
  busy.release()
  await done
  t.deepEqual(letters.map(letter => [letter.reason, letter.args![0]]), Array.from({ length: 100 }, (_, i) => ['stopped', i]))
  t.deepEqual(brief(events), [['started', '/target', 0], ['stopped', '/target', 0, 'shutdown']])
})

test('several listeners are each called for everything, in the order they were added', async t => {
  const system = systemFor(t)
  const log: string[] = []
  for (const name of ['a', 'b', 'c']) system.deadLetters.on(letter => { log.push(`${name} ${letter.args![0]}`) })
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take(1)
  target.tell.take(2)
  await system.idle()
  t.deepEqual(log, ['a 1', 'b 1', 'c 1', 'a 2', 'b 2', 'c 2'])
})

test('the same listener added twice is called twice', async t => {
  const system = systemFor(t)
  let calls = 0
  const listener = () => { calls++ }
  const first = system.deadLetters.on(listener)
  system.deadLetters.on(listener)
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take()
  await system.idle()
  t.is(calls, 2)
  first.cancel()
  target.tell.take()
  await system.idle()
  t.is(calls, 3)
})

test('a listener that throws is logged, and the others are called', async t => {
  const lines: unknown[][] = []
  const at = (level: string) => (message: string, fields?: object) => { lines.push([level, message, fields]) }
  const system = systemFor(t, { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } })
  const seen: unknown[] = []
  system.deadLetters.on(() => { throw new Error('bad listener') })
  system.deadLetters.on(letter => { seen.push(letter.args![0]) })
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take(1)
  target.tell.take(2)
  await system.idle()
  t.deepEqual(seen, [1, 2])
  const logged = lines.filter(([level, message, fields]) => {
    const errors = Object.values((fields ?? {}) as object)
    return level !== 'debug' && (String(message).includes('bad listener') || errors.some(value => value instanceof Error && value.message === 'bad listener'))
  })
  t.is(logged.length, 2)
})

test('a cancelled listener is called no more, and cancel says whether it did something', async t => {
  const system = systemFor(t)
  const seen: unknown[] = []
  const subscription = system.deadLetters.on(letter => { seen.push(letter.args![0]) })
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take(1)
  await system.idle()
  t.true(subscription.active)
  t.true(subscription.cancel())
  t.false(subscription.active)
  t.false(subscription.cancel())
  target.tell.take(2)
  await system.idle()
  t.deepEqual(seen, [1])
})

test('disposing of a subscription cancels it', async t => {
  const system = systemFor(t)
  const seen: unknown[] = []
  const subscription = system.deadLetters.on(letter => { seen.push(letter) })
  subscription[Symbol.dispose]()
  t.false(subscription.active)
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take()
  await system.idle()
  t.deepEqual(seen, [])
})

test('a listener may cancel itself and others while it is called', async t => {
  const system = systemFor(t)
  const log: string[] = []
  const a = system.deadLetters.on(() => { log.push('a'); a.cancel(); c.cancel() })
  system.deadLetters.on(() => { log.push('b') })
  const c = system.deadLetters.on(() => { log.push('c') })
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take()
  target.tell.take()
  await system.idle()
  t.deepEqual(log, ['a', 'b', 'b'])
})

test('what a listener sends is handled before idle resolves, and is sent by nobody', async t => {
  const system = systemFor(t)
  const senders: unknown[] = []
  const keeper = system.spawn(class Keeper extends Actor { keep() { senders.push(this.ctx.sender) } })
  system.deadLetters.on(() => { keeper.tell.keep() })
  const target = system.spawn(Target)
  const sender = system.spawn(Puppet)
  await target.stop()
  await inside(sender, () => { for (let i = 0; i < 10; i++) target.tell.take(i) })
  await system.idle()
  t.deepEqual(senders, Array.from({ length: 10 }, () => null))
})

test('a listener that makes a dead letter of every dead letter does not block the process', async t => {
  const system = systemFor(t)
  const target = system.spawn(Target)
  await target.stop()
  let count = 0
  const enough = deferred()
  system.deadLetters.on(() => { if (++count < 10_000) target.tell.take(count); else enough.resolve() })
  target.tell.take(0)
  await turns(1)
  await enough.promise
  await system.idle()
  t.is(system.stats().deadLetters, 10_000)
})

test('a listener that is no function is refused', t => {
  const system = systemFor(t)
  for (const feed of [system.events, system.deadLetters] as Feed<unknown>[]) throwsWith(t, () => feed.on('x' as never), 'ERR_BUSKIN_OPTION')
})

// ----------------------------------------------------------------------------------- iterators

test('a feed can be iterated, in order, from where the iteration began', async t => {
  const system = systemFor(t)
  const target = system.spawn(Target)
  await target.stop()
  target.tell.take('before')
  await system.idle()
  const iterator = system.deadLetters[Symbol.asyncIterator]()
  target.tell.take(0)
  target.tell.take(1)
  const next = [iterator.next(), iterator.next(), iterator.next()]
  target.tell.take(2)
  t.deepEqual((await Promise.all(next)).map(result => (result.value as DeadLetter).args![0]), [0, 1, 2])
})

test('break ends an iteration, and the feed goes on for others', async t => {
  const system = systemFor(t)
  const letters = recordDeadLetters(system)
  const target = system.spawn(Target)
  await target.stop()
  const seen = (async () => { for await (const letter of system.deadLetters) return letter.args![0] })()
  await turns()
  for (let i = 0; i < 3; i++) target.tell.take(i)
  t.is(await seen, 0)
  await system.idle()
  t.is(letters.length, 3)
})

test('two iterations each see everything', async t => {
  const system = systemFor(t)
  const target = system.spawn(Target)
  await target.stop()
  const read = async () => {
    const seen: unknown[] = []
    for await (const letter of system.deadLetters) if (seen.push(letter.args![0]) === 5) return seen
    return seen
  }
  const both = Promise.all([read(), read()])
  await turns()
  for (let i = 0; i < 5; i++) target.tell.take(i)
  t.deepEqual(await both, [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])
})

test('an iteration ends when the system has shut down, after its last event', async t => {
  const system = systemFor(t)
  system.spawn(Puppet, { name: 'a' })
  await system.idle()
  const seen = (async () => {
    const events: SystemEvent[] = []
    for await (const event of system.events) events.push(event)
    return events
  })()
  await turns()
  await system.shutdown()
  t.deepEqual(brief(await seen), [['stopped', '/a', 0, 'shutdown']])
})

test('an iterator that is not read keeps a bounded number and counts what it missed', async t => {
  t.timeout(60_000)
  const system = systemFor(t)
  const target = system.spawn(Target)
  await target.stop()
  const total = 200_000
  const iterator = system.deadLetters[Symbol.asyncIterator]() as AsyncIterator<DeadLetter> & { readonly missed: number }
  t.is(iterator.missed, 0)
  for (let i = 0; i < total; i++) target.tell.take(i)
  await system.idle()
  t.true(iterator.missed > 0)
  await system.shutdown()
  const seen: number[] = []
  for (;;) {
    const result = await iterator.next()
    if (result.done) break
    seen.push(result.value.args![0] as number)
  }
  t.true(seen.length > 0 && seen.length < total, `${seen.length} kept`)
  t.is(seen.length + iterator.missed, total)
  t.true(seen.every((value, i) => i === 0 || value > seen[i - 1]!))
})

test('an iterator that keeps up misses nothing', async t => {
  const system = systemFor(t)
  const target = system.spawn(Target)
  await target.stop()
  const iterator = system.deadLetters[Symbol.asyncIterator]() as AsyncIterator<DeadLetter> & { readonly missed: number }
  for (let i = 0; i < 2000; i++) {
    target.tell.take(i)
    t.is(((await iterator.next()).value as DeadLetter).args![0], i)
  }
  t.is(iterator.missed, 0)
})

test('an unread iteration holds neither idle nor shutdown', async t => {
  const system = systemFor(t)
  const iterator = system.events[Symbol.asyncIterator]()
  const first = iterator.next()
  system.spawn(Puppet, { name: 'a' })
  t.like(await first, { done: false, value: { type: 'started', path: '/a' } })
  system.spawn(Puppet, { name: 'b' })
  await system.idle()
  await system.shutdown()
  t.like(await iterator.next(), { done: false, value: { type: 'started', path: '/b' } })
})
