// Semantics, sentences 4-6, 10, 11, 17, 24: time-outs, times to live, aborts, priorities and bounded mailboxes hold between isolates
// as they do within one.
import ava from 'ava'
import type { Ref } from '../../src/index.ts'
import type { Peer } from './fixtures/peer.ts'
import { adds, codeOf, failure, givesBack, outcome, sharedTown } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, m, spawn } = place
let gates = 0

test.beforeEach(() => {
  place.dead.length = 0
})

interface Busy {
  readonly ref: Ref<Peer>
  readonly gate: string
  release(): Promise<void>
}

/** A fresh actor on core 1 whose handler is in hand, so that every further message waits in its mailbox. */
async function busy(options: Parameters<typeof spawn>[1] = {}): Promise<Busy> {
  const ref = spawn(1, options)
  await ref.ask.nothing()
  const gate = `gate ${++gates}`
  ref.tell.hold(gate)
  await place.keepers[1].ask.entered(gate)
  const release = async (): Promise<void> => {
    await place.keepers[1].ask.open(gate)
    await system.idle()
  }
  return { ref, gate, release }
}

const dead = () => place.dead.map(({ reason, method, args }) => [reason, method, args?.[0]])
/** The messages of `busy` itself: nothing, hold, entered and open. */
const OWN = 4

// ------------------------------------------------------------------------------------------------------- time-outs

test('an ask that is late rejects TIMEOUT with actor, method and time; it is still handled, and its late reply is ignored', async (t) => {
  await adds(t, place, { sent: OWN + 2, handled: OWN + 2 }, async () => {
    const { ref, release } = await busy()
    const error = await failure(ref.with({ timeout: 10 }).ask.note('late'))
    t.is(error.code, 'ERR_BUSKIN_TIMEOUT')
    t.regex(error.message, new RegExp(`${ref.path} did not answer 'note' within 10 ms`))
    await release()
    t.deepEqual((await ref.ask.read()).slice(-1), ['late'])
  })
  await givesBack(t, place, () => outcome(a.with({ timeout: 0 }).ask.echo({})))
})

test('a time-out counts for asks between cores and to the main isolate', async (t) => {
  const { ref, release } = await busy()
  t.is(await codeOf(m.ask.askWith(ref, { timeout: 10 }, 'echo', 1)), 'ERR_BUSKIN_TIMEOUT')
  t.is(await codeOf(b.ask.askWith(ref, { timeout: 10 }, 'echo', {})), 'ERR_BUSKIN_TIMEOUT')
  const late = m.ask.hold('timeout of main')
  t.is(await codeOf(b.ask.askWith(m, { timeout: 10 }, 'echo', {})), 'ERR_BUSKIN_TIMEOUT')
  place.keepers[0].tell.open('timeout of main')
  await Promise.all([late, release()])
})

test('an ask with timeout Infinity waits as long as it takes', async (t) => {
  const { ref, release } = await busy()
  const asked = ref.with({ timeout: Infinity }).ask.echo('patient')
  await release()
  t.is(await asked, 'patient')
})

test('an ask of oneself through a far ref that came home is a cycle: DEADLOCK, and an event on the main isolate', async (t) => {
  place.events.length = 0
  const error = await failure(a.ask.askWith(a, { timeout: 20 }, 'echo', 1))
  t.is(error.code, 'ERR_BUSKIN_DEADLOCK')
  t.regex(error.message, /\/a -> \/a/)
  await system.idle()
  t.deepEqual(place.events.filter((event) => event.type === 'ask-cycle'), [{ type: 'ask-cycle', paths: ['/a'] }])
})

// -------------------------------------------------------------------------------------------------------------- ttl

test('a message is not handled after its ttl: dead letter expired, and a send or an ask rejects', async (t) => {
  await adds(t, place, { sent: OWN + 4, handled: OWN + 1, deadLetters: 3 }, async () => {
    const { ref, release } = await busy()
    const tuned = ref.with({ ttl: 5 })
    tuned.tell.note('tell')
    const asked = codeOf(tuned.ask.note({ ask: 1 }))
    const sent = tuned.send.note('send') // accepted long before
    ref.with({ ttl: 60_000 }).tell.note('in time')
    await new Promise((done) => setTimeout(done, 20))
    await release()
    t.is(await asked, 'ERR_BUSKIN_EXPIRED')
    await outcome(sent)
  })
  t.deepEqual(dead(), [['expired', 'note', 'tell'], ['expired', 'note', { ask: 1 }], ['expired', 'note', 'send']])
})

test('an ask within its ttl is answered', async (t) => {
  t.is(await a.with({ ttl: 60_000 }).ask.echo('in time'), 'in time')
  t.deepEqual(await b.ask.askWith(a, { ttl: 60_000 }, 'echo', { also: 'from a core' }), { also: 'from a core' })
})

// ----------------------------------------------------------------------------------------------------------- aborts

test('a signal that has aborted: the message is a dead letter, and the caller gets ABORTED with the reason', async (t) => {
  await adds(t, place, { sent: 4, deadLetters: 4 }, async () => {
    const tuned = a.with({ signal: AbortSignal.abort('before') })
    tuned.tell.note('tell')
    const asked = await failure(tuned.ask.note({ ask: 1 }))
    t.deepEqual([asked.code, asked.cause], ['ERR_BUSKIN_ABORTED', 'before'])
    t.is(await codeOf(tuned.send.note('send')), 'ERR_BUSKIN_ABORTED')
    t.is(await codeOf(tuned.stream.range(0, 1).next()), 'ERR_BUSKIN_ABORTED')
  })
  t.deepEqual(dead(), [['aborted', 'note', 'tell'], ['aborted', 'note', { ask: 1 }], ['aborted', 'note', 'send'], ['aborted', 'range', 0]])
})

test('a message that waits when its signal aborts is never handled', async (t) => {
  await adds(t, place, { sent: OWN + 5, handled: OWN + 2, deadLetters: 3 }, async () => {
    const { ref, release } = await busy()
    const controller = new AbortController()
    const tuned = ref.with({ signal: controller.signal })
    tuned.tell.note('tell')
    const asked = failure(tuned.ask.note({ ask: 1 }))
    const streamed = failure(tuned.stream.range(0, 1).next())
    await place.keepers[1].ask.entered(`gate ${gates}`) // the core has them
    controller.abort(new Error('not any more'))
    t.deepEqual([(await asked).code, (await asked).cause.message], ['ERR_BUSKIN_ABORTED', 'not any more'])
    t.is((await streamed).code, 'ERR_BUSKIN_ABORTED')
    await release()
    t.deepEqual((await ref.ask.read()).length, 1)
  })
  t.deepEqual(dead(), [['aborted', 'note', 'tell'], ['aborted', 'note', { ask: 1 }], ['aborted', 'range', 0]])
})

test('a message that runs when its signal aborts goes on and counts as handled; the caller is told at once', async (t) => {
  await adds(t, place, { sent: 4, handled: 4 }, async () => {
    const ref = spawn(1)
    const controller = new AbortController()
    const asked = failure(ref.with({ signal: controller.signal }).ask.hold('running'))
    await place.keepers[1].ask.entered('running')
    controller.abort('enough')
    t.is((await asked).code, 'ERR_BUSKIN_ABORTED')
    place.keepers[1].tell.open('running')
    t.deepEqual(await ref.ask.read(), ['hold running'])
  })
  t.deepEqual(dead(), [])
})

test('a send that was let in and waits when its signal aborts is never handled, and no error', async (t) => {
  await adds(t, place, { sent: OWN + 6, handled: OWN + 3, deadLetters: 3 }, async () => {
    const { ref, release } = await busy()
    const controller = new AbortController()
    const tuned = ref.with({ signal: controller.signal })
    await ref.send.note('before')
    t.is(await tuned.send.note('word'), undefined)
    t.is(await tuned.send.note({ letter: 1 }), undefined)
    t.is(await ref.with({ signal: controller.signal, priority: 'high', ttl: 60_000 }).send.note('tuned'), undefined)
    await ref.send.note('after')
    controller.abort()
    await release()
    t.deepEqual((await ref.ask.read()).slice(1), ['before', 'after'])
  })
  t.deepEqual(dead(), [['aborted', 'note', 'word'], ['aborted', 'note', { letter: 1 }], ['aborted', 'note', 'tuned']])
})

test('an ask and a send between cores can be aborted as long as they wait', async (t) => {
  const { ref, release } = await busy()
  t.is(await b.ask.abortOf(ref, 'ask', 'note', 'asked'), 'ERR_BUSKIN_ABORTED')
  t.is(await b.ask.abortOf(ref, 'send', 'note', 'sent'), undefined)
  await b.ask.echo() // by now its aborts are on their way
  await release()
  t.is((await ref.ask.read()).length, 1)
  t.deepEqual(dead(), [['aborted', 'note', 'asked'], ['aborted', 'note', 'sent']])
})

for (const method of ['hold', 'field'] as const) {
  test(`an abort of a send to '${method}' that runs, or is over, changes nothing`, async (t) => {
    await givesBack(t, place, async () => {
      const ref = spawn(1)
      const gate = `sent ${++gates}`
      const [running, over] = [new AbortController(), new AbortController()]
      t.is(await ref.with({ signal: over.signal }).send[method](gate), undefined)
      if (method === 'hold') {
        await place.keepers[1].ask.entered(gate)
        over.abort('it runs')
        await place.keepers[1].ask.open(gate)
      }
      await system.idle()
      over.abort('it is over')
      t.is(await ref.with({ signal: running.signal }).send.echoLater({ nobody: 'reads it' }), undefined)
      await system.idle()
      running.abort('as well')
      await ref.stop()
    })
    t.deepEqual(dead(), [])
  })
}

test('a send whose handler fails, or whose actor stops or is killed, is over: its signal aborts nothing', async (t) => {
  await givesBack(t, place, async () => {
    const ref = spawn(1)
    const controller = new AbortController()
    const tuned = ref.with({ signal: controller.signal })
    const gate = `killed send ${++gates}`
    const sent = [tuned.send.fail('now'), tuned.send.failLater('later'), tuned.send.giveFunctionLater(), tuned.send.hold(gate), tuned.send.note('stopped')]
    t.deepEqual(await Promise.all(sent), Array(5).fill(undefined))
    await place.keepers[1].ask.entered(gate)
    await ref.kill()
    await place.keepers[1].ask.open(gate)
    await system.idle()
    controller.abort()
    await system.idle()
  })
  t.deepEqual(new Set(dead().map(([reason]) => reason)), new Set(['stopped']))
})

test('a send by name to an asynchronous handler is over once, and disturbs no later call', async (t) => {
  const [ref, other] = [spawn(1), spawn(1)]
  const [first, second] = [`named ${++gates}`, `asked ${++gates}`]
  t.is(await (ref as any).send.heldField(first), undefined)
  const asked = other.ask.hold(second, 'asked')
  await place.keepers[1].ask.entered(second)
  await place.keepers[1].ask.open(first)
  await ref.ask.nothing() // the handler of the send is over
  await place.keepers[1].ask.open(second)
  t.is(await asked, 'asked')
})

test('an abort gives everything back that the call held', async (t) => {
  await givesBack(t, place, async () => {
    const controller = new AbortController()
    const tuned = a.with({ signal: controller.signal })
    const all = [tuned.ask.echo({}), tuned.send.echo({}), tuned.ask.echoLater(1), tuned.stream.endless('x').next()].map(outcome)
    tuned.tell.echo({})
    controller.abort()
    await Promise.all(all)
  })
})

// ------------------------------------------------------------------------------------------------------- priorities

test('higher priorities are handled first, each in order', async (t) => {
  const { ref, release } = await busy()
  for (const priority of ['low', 'normal', 'high'] as const) {
    for (let i = 0; i < 3; i++) ref.with({ priority }).tell.note(`${priority} ${i}`)
  }
  ref.with({ priority: 'high' }).tell.note({ last: 'high' })
  await release()
  const read = (await ref.with({ priority: 'low' }).ask.read()).slice(1)
  t.deepEqual(read, ['high 0', 'high 1', 'high 2', { last: 'high' }, 'normal 0', 'normal 1', 'normal 2', 'low 0', 'low 1', 'low 2'])
})

// -------------------------------------------------------------------------------------------------- bounded mailboxes

const bounded = (overflow: 'reject' | 'wait' | 'drop-newest' | 'drop-oldest') => ({ mailbox: { capacity: 2, overflow } }) as const

/** Two messages wait; whoever asks on core 1 next knows that they do. */
async function full(overflow: Parameters<typeof bounded>[0]): Promise<Busy> {
  const one = await busy(bounded(overflow))
  one.ref.tell.note('first')
  one.ref.tell.note('second')
  return one
}

for (const [policy, reason] of [['reject', 'mailbox-full'], ['drop-newest', 'dropped']] as const) {
  test(`${policy}: with a full mailbox a tell is a dead letter '${reason}', and send and ask reject MAILBOX_FULL`, async (t) => {
    await adds(t, place, { sent: OWN + 6, handled: OWN + 3, deadLetters: 3 }, async () => {
      const { ref, release } = await full(policy)
      ref.tell.note('tell')
      const error = await failure(ref.send.note('send'))
      t.is(error.code, 'ERR_BUSKIN_MAILBOX_FULL')
      t.regex(error.message, new RegExp(`${ref.path} has no room for 'note' among its 2 waiting`))
      t.is(await codeOf(ref.ask.note({ ask: 1 })), 'ERR_BUSKIN_MAILBOX_FULL')
      await release()
      t.deepEqual((await ref.ask.read()).slice(1), ['first', 'second'])
    })
    t.deepEqual(dead(), [[reason, 'note', 'tell'], [reason, 'note', 'send'], [reason, 'note', { ask: 1 }]])
  })
}

test('drop-oldest: the oldest makes room, and its ask rejects MAILBOX_FULL', async (t) => {
  await adds(t, place, { sent: OWN + 5, handled: OWN + 3, deadLetters: 2 }, async () => {
    const { ref, release } = await busy(bounded('drop-oldest'))
    const oldest = codeOf(ref.ask.note({ oldest: true }))
    ref.tell.note('second')
    await ref.send.note('third')
    t.is(await oldest, 'ERR_BUSKIN_MAILBOX_FULL')
    await ref.send.note('fourth')
    await release()
    t.deepEqual((await ref.ask.read()).slice(1), ['third', 'fourth'])
  })
  t.deepEqual(dead(), [['dropped', 'note', { oldest: true }], ['dropped', 'note', 'second']])
})

test('drop-oldest: of sends that come together the oldest reject, one let in before has been accepted', async (t) => {
  for (const signal of [undefined, new AbortController().signal]) {
    place.dead.length = 0
    await adds(t, place, { sent: OWN + 7, handled: OWN + 3, deadLetters: 4 }, async () => {
      const { ref, release } = await busy(bounded('drop-oldest'))
      const tuned = ref.with(signal === undefined ? {} : { signal })
      t.is(await tuned.send.note('let in'), undefined)
      const burst = [1, 2, { three: 3 }, 4, { five: 5 }].map((value) => outcome(tuned.send.note(value)))
      const full = 'ERR_BUSKIN_MAILBOX_FULL'
      t.deepEqual(await Promise.all(burst), [full, full, full, undefined, undefined])
      await release()
      t.deepEqual((await ref.ask.read()).slice(1), [4, { five: 5 }])
    })
    t.deepEqual(dead(), [['dropped', 'note', 'let in'], ['dropped', 'note', 1], ['dropped', 'note', 2], ['dropped', 'note', { three: 3 }]])
  }
  await givesBack(t, place, () => outcome(a.with({ signal: new AbortController().signal }).send.note(1)))
})

test('wait: a send parks until there is room, in order, and an ask likewise; a tell is a dead letter', async (t) => {
  const { ref, release } = await full('wait')
  ref.tell.note('tell')
  let accepted = 0
  const sends = ['third', 'fourth', { fifth: 5 }].map((value) => ref.send.note(value).then(() => { accepted++ }))
  const asked = ref.ask.note('sixth')
  await place.keepers[1].ask.entered(`gate ${gates}`)
  t.is(accepted, 0)
  t.like(system.stats(), { running: 1, waiting: 6 })
  await release()
  await Promise.all(sends)
  t.is(await asked, 'sixth')
  t.deepEqual((await ref.ask.read()).slice(1), ['first', 'second', 'third', 'fourth', { fifth: 5 }, 'sixth'])
  t.deepEqual(dead(), [['mailbox-full', 'note', 'tell']])
})

test('wait: senders on cores are held back, and nothing is lost', async (t) => {
  const { ref, release } = await full('wait')
  const sender = spawn(2)
  const sending = (async () => { for (let i = 0; i < 20; i++) await sender.ask.send(ref, 'note', i) })()
  await release()
  await sending
  t.deepEqual((await ref.ask.read()).slice(1), ['first', 'second', ...Array.from({ length: 20 }, (_, i) => i)])
})

test('wait: what is parked when the actor stops rejects STOPPED; what is parked and aborted rejects ABORTED', async (t) => {
  await adds(t, place, { sent: OWN + 5, handled: OWN, deadLetters: 5 }, async () => {
    const { ref, release } = await full('wait')
    const controller = new AbortController()
    const parked = codeOf(ref.send.note('parked'))
    const asked = codeOf(ref.ask.note({ parked: 2 }))
    const aborted = codeOf(ref.with({ signal: controller.signal }).send.note('aborted'))
    controller.abort()
    t.is(await aborted, 'ERR_BUSKIN_ABORTED')
    const ended = ref.stop()
    t.is(await parked, 'ERR_BUSKIN_STOPPED')
    t.is(await asked, 'ERR_BUSKIN_STOPPED')
    await release()
    await ended
  })
})

test('wait: a parked ask times out in its time, and is handled later all the same', async (t) => {
  const { ref, release } = await full('wait')
  t.is(await codeOf(ref.with({ timeout: 10 }).ask.note('parked')), 'ERR_BUSKIN_TIMEOUT')
  await release()
  t.deepEqual((await ref.ask.read()).slice(-1), ['parked'])
})

// -------------------------------------------------------------------------------------------- in hand, and at an end

test('concurrent handlers overlap each other and nobody else', async (t) => {
  const ref = spawn(2)
  const both = [ref.ask.overlap('both'), ref.ask.overlap('both')]
  const after = ref.ask.howMany()
  await place.keepers[2].ask.entered('both')
  place.keepers[2].tell.open('both')
  t.deepEqual(await Promise.all(both), [2, 2])
  t.is(await after, 2)
})

test('the message in hand of an actor that is killed counts as failed, and its asker gets STOPPED', async (t) => {
  await adds(t, place, { sent: 6, handled: 2, failed: 1, deadLetters: 3 }, async () => {
    const ref = spawn(1)
    const asked = failure(ref.ask.hold('killed'))
    await place.keepers[1].ask.entered('killed')
    const waits = [codeOf(ref.ask.note(1)), codeOf(ref.ask.note({ two: 2 }))]
    ref.tell.note('third')
    t.deepEqual(await ref.kill(), { kind: 'killed' })
    const error = await asked
    t.is(error.code, 'ERR_BUSKIN_STOPPED')
    t.regex(error.message, /'hold'/)
    t.deepEqual(await Promise.all(waits), ['ERR_BUSKIN_STOPPED', 'ERR_BUSKIN_STOPPED'])
    await place.keepers[1].ask.open('killed')
  })
  t.deepEqual(dead(), [['stopped', 'note', 1], ['stopped', 'note', { two: 2 }], ['stopped', 'note', 'third']])
})

test('waiting messages are kept over a restart, and their asks answered by the next instance', async (t) => {
  const ref = spawn(1)
  await ref.ask.nothing()
  await adds(t, place, { sent: 6, handled: 5, failed: 1 }, async () => {
    const failed = failure(ref.ask.holdThenFail('restart'))
    await place.keepers[1].ask.entered('restart')
    const asks = [ref.ask.note({ one: 1 }), ref.ask.read(), ref.ask.echo('three')]
    place.keepers[1].tell.open('restart')
    t.is((await failed).message, 'late failure')
    t.deepEqual(await Promise.all(asks), [{ one: 1 }, [{ one: 1 }], 'three'])
  })
})
