// `decide`: what it is asked, what its answers do, and that whatever is no answer counts as nothing.
import { inspect } from 'node:util'
import test from 'ava'
import { createManualClock } from 'buskin'
import type { ActorOptions, Directive, Failure, Supervision } from 'buskin'
import { collect, counts, deadBy, memoryLog, pending, rejectsWith, testGate, thrownBy, turns, withSystem } from '../support.ts'
import { Sub, boom, fail, family, inside, ofType, told } from './support.ts'

const answers: readonly Directive[] = ['restart', 'stop', 'resume', 'escalate']

for (const restart of ['permanent', 'transient', 'temporary'] as const) {
  for (const answer of [...answers, undefined]) {
    const decided = answer ?? (restart === 'temporary' ? 'stop' : 'restart')
    test(`decide answers ${answer ?? 'nothing'} about a ${restart} actor's message: ${decided}`, async (t) => {
      const system = withSystem(t, { supervision: { backoff: false } })
      const events = collect(system.events)
      const { refs: { a, b }, top, log } = await family(system, { decide: () => answer }, { a: { restart }, b: {} })
      await a.ask.note('before')
      log.length = 0
      const error = boom('it')
      t.is((await thrownBy(a.ask.fail(error))).error, error)
      await system.idle()
      t.deepEqual(ofType(events, 'failed').map((event) => [event.path, event.decision])[0], ['/top/a', decided])
      switch (decided) {
        case 'resume':
          t.deepEqual(log, [])
          t.deepEqual([await a.ask.generation(), await a.ask.read()], [0, ['before']])
          break
        case 'restart':
          t.deepEqual(log, ['a0 stop failed', 'a1 restart', 'a1 start'])
          t.deepEqual([await a.ask.generation(), await a.ask.read()], [1, []])
          break
        case 'stop':
          t.is(told(await a.stopped), 'failed it')
          t.deepEqual([await b.ask.generation(), await top.ask.generation()], [0, 0])
          break
        case 'escalate':
          t.deepEqual([told(await a.stopped), told(await b.stopped)], ['failed it', 'shutdown'])
          t.is(await top.ask.generation(), 1)
      }
      counts(t, system, { restarts: decided === 'restart' || decided === 'escalate' ? 1 : 0 })
    })
  }
}

test('decide is called once per failure, with the very failure that the event has, frozen', async (t) => {
  const asked: Failure[] = []
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs: { a } } = await family(system, { decide: (failure) => void asked.push(failure) }, { a: {} })
  const errors = [await fail(a), await fail(a)]
  await system.idle()
  const failed = ofType(events, 'failed').map((event) => event.failure)
  t.is(asked.length, 2)
  for (const [i, failure] of asked.entries()) {
    t.is(failure, failed[i])
    t.is(failure.error, errors[i])
    t.true(Object.isFrozen(failure))
    t.true(failure.child.equals(a))
    t.like(failure, { phase: 'message', method: 'fail', generation: i, restarts: i })
  }
})

test('decide is asked in system options, in static options and in those of a spawn, which win', async (t) => {
  const asked: string[] = []
  const by = (who: string): Supervision => ({ backoff: false, decide: () => void asked.push(who) })
  const system = withSystem(t, { supervision: by('system') })
  class Boss extends Sub {
    static readonly options: ActorOptions = { supervision: by('class') }
  }
  const [boss, other] = [system.spawn(Boss), system.spawn(Boss, { supervision: by('spawn') })]
  const kids = await Promise.all([boss, other].map((ref) => inside(ref, (ctx) => ({ kid: ctx.spawn(Sub) }))))
  await fail(boss)
  await fail(kids[1]!.kid)
  t.deepEqual(asked, ['system', 'spawn'])
  await system.idle()
  const { kid } = await inside(boss, (ctx) => ({ kid: ctx.spawn(Sub) }))
  await fail(kid)
  t.deepEqual(asked, ['system', 'spawn', 'class'])
})

test('the other options of decide hold: backoff, strategy, intensity', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock, onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const { refs, top, log } = await family(system, { strategy: 'one-for-all', backoff: { min: 100, jitter: 0 }, maxRestarts: 1, decide: () => 'restart' }, { a: { restart: 'temporary' }, b: {} })
  await fail(refs.a)
  await clock.advance(99)
  t.deepEqual(log, ['a0 stop failed', 'b0 stop shutdown'])
  await clock.advance(1)
  t.deepEqual(log.slice(2), ['a1 restart', 'a1 start', 'b1 restart', 'b1 start'])
  await fail(refs.b)
  t.is((await top.stopped).kind, 'failed')
})

test("resumes, stops and escalations of decide do not count towards the intensity", async (t) => {
  const system = withSystem(t)
  const { refs: { a }, top } = await family(system, { maxRestarts: 0, decide: () => 'resume' }, { a: {} })
  for (let i = 0; i < 100; i++) await fail(a)
  t.deepEqual([await a.ask.generation(), await top.ask.generation()], [0, 0])
  counts(t, system, { failed: 100, restarts: 0 })
})

// --------------------------------------------------------------------------------- what is no answer

class Thenable {
  then(resolve: (value: string) => void) {
    resolve('stop')
  }
}
const nonsense: readonly (readonly [string, () => unknown])[] = [
  ['throws', () => { throw boom('decide itself') }],
  ['throws undefined', () => { throw undefined }],
  ['answers a promise', () => Promise.resolve('stop')],
  ['answers a promise that rejects', () => Promise.reject(boom('decide itself'))],
  ['is async', async () => 'stop'],
  ['answers a thenable', () => new Thenable()],
  ['answers a wrong string', () => 'retry'],
  ['answers an empty string', () => ''],
  ['answers null', () => null],
  ['answers true', () => true],
  ['answers a number', () => 1],
  ['answers an object', () => ({ toString: () => 'stop' })],
]

for (const [what, decide] of nonsense) {
  for (const restart of ['transient', 'temporary'] as const) {
    test(`a decide that ${what} is reported, and a ${restart} actor goes by its options`, async (t) => {
      const { log, lines } = memoryLog()
      const system = withSystem(t, { log })
      const events = collect(system.events)
      const { refs: { a } } = await family(system, { decide: decide as never }, { a: { restart } })
      await fail(a)
      await system.idle()
      await turns()
      t.is(ofType(events, 'failed')[0]!.decision, restart === 'transient' ? 'restart' : 'stop')
      const reports = lines.filter((line) => line.level === 'error' && /decide/.test(line.message))
      t.is(reports.length, 1)
      t.like(reports[0]!.fields, { actor: '/top/a', supervisor: '/top' })
      if (restart === 'transient') t.is(await a.ask.generation(), 1)
      else t.is((await a.stopped).kind, 'failed')
    })
  }
}

for (const [what, plan] of [
  ['constructor', { construct: (ctx: { generation: number }) => { if (ctx.generation === 0) throw boom('start') } }],
  ['onStart', { start: (generation: number) => { if (generation === 0) throw boom('start') } }],
  ['async onStart', { start: async (generation: number) => { await turns(1); if (generation === 0) throw boom('start') } }],
] as const) {
  test(`resume as an answer to a failed ${what} is reported, and the options hold`, async (t) => {
    const { log, lines } = memoryLog()
    const asked: Failure[] = []
    const system = withSystem(t, { log, supervision: { backoff: false, decide: (failure) => { asked.push(failure); return 'resume' } } })
    const events = collect(system.events)
    const a = system.spawn(Sub, { args: [[], plan] })
    await a.started
    t.is(await a.ask.generation(), 1)
    t.is(ofType(events, 'failed')[0]!.decision, 'restart')
    t.like(asked[0], { phase: 'start', method: null, generation: 0 })
    t.true(lines.some((line) => line.level === 'error' && /failed to start/.test(inspect(line, { depth: 5 }))))
  })
}

test('resume as an answer to a failed start of a temporary actor ends it', async (t) => {
  const system = withSystem(t, { supervision: { decide: () => 'resume' } })
  const a = system.spawn(Sub, { restart: 'temporary', args: [[], { start() { throw boom() } }] })
  await rejectsWith(t, a.started, 'ERR_BUSKIN_START')
})

// ------------------------------------------------------------------------------------------ resume

test('resume keeps the instance, its timers, watches, streams, children and waiting messages', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a, b }, log } = await family(system, { decide: () => 'resume' }, { a: {}, b: {} })
  const ran: string[] = []
  const { ctx, kid, signal } = await inside(a, (own) => {
    own.every(10, () => ran.push('every'))
    own.after(25, () => ran.push('after'))
    own.watch(b, (reason) => ran.push(`watch ${reason.kind}`))
    return { ctx: own, kid: own.spawn(Sub, { name: 'kid' }), signal: own.signal }
  })
  const stream = a.stream.count(400)
  t.deepEqual(await stream.next(), { done: false, value: 0 })
  const at = testGate(t)
  a.tell.block(at)
  await at.entered.promise
  a.tell.fail(boom())
  for (let i = 0; i < 10; i++) a.tell.note(i)
  at.open.resolve()
  await system.idle()
  t.deepEqual(await a.ask.read(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.is((await inside(a, (own) => ({ own }))).own, ctx)
  t.false(signal.aborted)
  t.deepEqual(await inside(a, (own) => own.children.map((ref) => ref.equals(kid))), [true])
  await clock.advance(30)
  await b.stop()
  await system.idle()
  t.deepEqual(ran, ['every', 'every', 'after', 'every', 'watch normal'])
  let last = 0
  for await (const value of stream) last = value
  t.is(last, 399)
  t.deepEqual(log.filter((line) => line.startsWith('a') && !line.includes('note')), [])
  t.deepEqual(deadBy(system), {})
})

test('an every whose callback fails goes on after a resume', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const events = collect(system.events)
  const { refs: { a } } = await family(system, { decide: () => 'resume' }, { a: {} })
  let ticks = 0
  await inside(a, (ctx) => void ctx.every(10, () => { ticks++; throw boom() }))
  await clock.advance(50)
  t.is(ticks, 5)
  t.is(ofType(events, 'failed').length, 5)
})

test('concurrent handlers go on after one of them failed and was resumed', async (t) => {
  class Wide extends Sub {
    static readonly concurrent = ['block', 'failLater']
  }
  const system = withSystem(t)
  const { refs: { a } } = await family(system, { decide: () => 'resume' }, { a: { cls: Wide } })
  const at = testGate(t)
  const asked = a.ask.block(at)
  await at.entered.promise
  const error = boom()
  t.is((await thrownBy(a.ask.failLater(error))).error, error)
  t.true(await pending(asked))
  at.open.resolve()
  t.is(await asked, 'unblocked')
  t.is(await a.ask.generation(), 0)
  counts(t, system, { failed: 1 })
})

test('a stream that throws ends, and its actor goes on after a resume', async (t) => {
  const system = withSystem(t)
  const { refs: { a } } = await family(system, { decide: () => 'resume' }, { a: {} })
  const at = testGate(t)
  const stream = a.stream.items(at)
  t.is((await stream.next()).value, 1)
  at.open.resolve()
  t.is((await stream.next()).value, 2)
  await t.throwsAsync(stream.next(), { message: 'items end badly' })
  t.is((await stream.next()).done, true)
  t.is(await a.ask.generation(), 0)
})

test('decide runs outside any actor: what it sends has no sender, and may be sent to the one that failed', async (t) => {
  const system = withSystem(t)
  const senders: unknown[] = []
  class Hears extends Sub {
    hear() {
      senders.push(this.ctx.sender)
    }
  }
  const { refs: { a } } = await family(system, { decide: ({ child }) => { child.tell.hear() } }, { a: { cls: Hears } })
  await fail(a)
  await system.idle()
  t.deepEqual(senders, [null])
  t.is(await a.ask.generation(), 1)
})

for (const [how, kind] of [['stop', 'failed'], ['kill', 'killed']] as const) {
  test(`a ${how} from within decide is final, whatever it answers`, async (t) => {
    for (const answer of answers.filter((each) => each !== 'escalate')) {
      const system = withSystem(t)
      const { refs: { a }, top } = await family(system, { decide: ({ child }) => { void child[how](); return answer } }, { a: {} })
      await fail(a)
      const reason = await a.stopped
      t.true(reason.kind === kind || (how === 'stop' && reason.kind === 'normal'), `${answer}: ${reason.kind}`)
      t.is(await top.ask.generation(), 0)
      counts(t, system, { restarts: 0 })
    }
  })
}

test('decide may stop its own supervisor, and shut the system down', async (t) => {
  const system = withSystem(t)
  const made = await family(system, { decide: () => { void made.top.stop() } }, { a: {} })
  await fail(made.refs.a)
  await made.top.stopped
  t.true(['failed', 'shutdown'].includes((await made.refs.a.stopped).kind))
  const other = withSystem(t, { supervision: { decide: () => { void other.shutdown() } } })
  const b = other.spawn(Sub)
  await fail(b)
  await other.closed
  t.is(other.stats().actors, 0)
})
