// Watches tell of the final end; links share failures.
import test from 'ava'
import { BuskinError, createManualClock } from 'buskin'
import type { ExitReason, Failure, Ref, Subscription } from 'buskin'
import { collect, counts, pass, rejectsWith, testGate, throwsWith, turns, withSystem } from '../support.ts'
import { Sub, child, fail, family, inside, ofType, told } from './support.ts'

/** `from` watches `target`; what it is told. */
function watch(from: Ref<Sub>, target: Ref<any>, into: string[]): Promise<Subscription> {
  return inside(from, (ctx) => ctx.watch(target, (reason, ref) => into.push(`${ref.name} ${told(reason)}`)))
}
const link = (from: Ref<Sub>, target: Ref<any>): Promise<Subscription> => inside(from, (ctx) => ctx.link(target))

// --------------------------------------------------------------------------------------------- watch

test('a watch is not told of restarts, but once of the final end, with its reason', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const seen: string[] = []
  const subscription = await watch(b, a, seen)
  for (let i = 0; i < 5; i++) await fail(a)
  await system.idle()
  t.deepEqual(seen, [])
  t.true(subscription.active)
  await a.stop()
  await system.idle()
  t.deepEqual(seen, ['a normal'])
  t.false(subscription.active)
})

test('a watch is told of a failure that ends the actor, with the very error', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, { decide: ({ restarts }) => (restarts === 1 ? 'stop' : undefined) }, { a: {}, b: {} })
  const reasons: ExitReason[] = []
  await inside(b, (ctx) => void ctx.watch(a, (reason) => reasons.push(reason)))
  await fail(a)
  const error = await fail(a)
  await system.idle()
  t.is(reasons.length, 1)
  t.is(reasons[0]!.kind === 'failed' && reasons[0]!.error, error)
})

test('a watch is told when a stop ends a backoff', async (t) => {
  const system = withSystem(t, { clock: createManualClock() })
  const { refs: { a, b } } = await family(system, { backoff: { min: 100 } }, { a: {}, b: {} })
  const seen: string[] = []
  await watch(b, a, seen)
  await fail(a)
  await system.idle()
  t.deepEqual(seen, [])
  await a.stop()
  await system.idle()
  t.deepEqual(seen, ['a normal'])
})

test('a watch of an actor that is down, made then, is told of its final end', async (t) => {
  const clock = createManualClock()
  const system = withSystem(t, { clock })
  const { refs: { a, b } } = await family(system, { backoff: { min: 100, jitter: 0 } }, { a: {}, b: {} })
  const seen: string[] = []
  await fail(a)
  await watch(b, a, seen)
  await clock.advance(100)
  t.deepEqual(seen, [])
  await a.kill()
  await system.idle()
  t.deepEqual(seen, ['a killed'])
})

for (const [how, kind, end] of [
  ['stopped', 'normal', (a: Ref<Sub>) => a.stop()],
  ['was killed', 'killed', (a: Ref<Sub>) => a.kill()],
  ['failed', 'failed boom', (a: Ref<Sub>) => fail(a)],
] as const) {
  test(`a watch of an actor that ${how} before is told at once, with the kept reason`, async (t) => {
    const system = withSystem(t)
    const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary' }, b: {} })
    await end(a)
    await a.stopped
    const seen: string[] = []
    await watch(b, a, seen)
    await system.idle()
    t.deepEqual(seen, [`a ${kind}`])
  })
}

test('the watches of an instance end with it: the next one is not told', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const seen: string[] = []
  const subscription = await watch(b, a, seen)
  await fail(b)
  await b.ask.generation()
  t.false(subscription.active)
  t.false(subscription.cancel())
  await a.stop()
  await system.idle()
  t.deepEqual(seen, [])
})

// ---------------------------------------------------------------------------------------------- link

for (const first of ['the one that linked', 'the linked one'] as const) {
  test(`when ${first} fails, the other fails with the very error, and each is restarted by its own supervisor`, async (t) => {
    const system = withSystem(t)
    const events = collect(system.events)
    const got: (Failure | null)[] = []
    const plan = { restart: (_generation: number, failure: Failure | null) => void got.push(failure) }
    const { refs: { a, b, c }, log } = await family(system, {}, { a: { plan }, b: { plan }, c: {} })
    const subscription = await link(a, b)
    t.true(subscription.active)
    const error = await fail(first === 'the one that linked' ? a : b)
    await system.idle()
    t.deepEqual(await Promise.all([a, b, c].map((ref) => ref.ask.generation())), [1, 1, 0])
    t.deepEqual(log.filter((line) => line.includes('stop')).sort(), ['a0 stop failed', 'b0 stop failed'])
    t.deepEqual(got.map((failure) => failure!.error), [error, error])
    const other = ofType(events, 'failed')[1]!
    t.is(other.path, first === 'the one that linked' ? '/top/b' : '/top/a')
    t.is(other.failure.phase, 'watch')
    t.is(other.failure.method, null)
    t.false(subscription.active)
    counts(t, system, { restarts: 2 })
  })
}

test('a link is of two instances: after they failed together the next ones are not linked', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  await link(a, b)
  await fail(a)
  await system.idle()
  await fail(a)
  await system.idle()
  t.deepEqual([await a.ask.generation(), await b.ask.generation()], [2, 1])
})

for (const [how, end, kind] of [
  ['stops', (a: Ref<Sub>) => a.stop(), undefined],
  ['stops itself', (a: Ref<Sub>) => inside(a, (ctx) => ctx.stop()), undefined],
  ['is killed', (a: Ref<Sub>) => a.kill(), 'killed'],
] as const) {
  for (const side of ['owner', 'target'] as const) {
    test(`when the ${side} of a link ${how}, the other ${kind === undefined ? 'lives on' : 'fails with a BuskinError'}`, async (t) => {
      const system = withSystem(t)
      const events = collect(system.events)
      const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
      const subscription = side === 'owner' ? await link(a, b) : await link(b, a)
      await end(a)
      await a.stopped
      await system.idle()
      t.false(subscription.active)
      const failed = ofType(events, 'failed')
      if (kind === undefined) {
        t.deepEqual(failed, [])
        t.is(await b.ask.generation(), 0)
      } else {
        t.is(failed.length, 1)
        const { error } = failed[0]!.failure
        t.true(BuskinError.is(error, 'ERR_BUSKIN_STOPPED'))
        t.regex(String(error), /linked actor ended: \/top\/a \(killed\)/)
        t.is(await b.ask.generation(), 1)
      }
    })
  }
}

test("the end of a parent is no failure of what its children are linked to", async (t) => {
  const system = withSystem(t)
  const { refs: { a, b }, log } = await family(system, {}, { a: {}, b: {} })
  const kid = await child(a, 'kid', log)
  await link(b, kid)
  await a.stop()
  await system.idle()
  t.is(await b.ask.generation(), 0)
})

for (const who of ['the failing one is watched by the other', 'the failing one watches the other'] as const) {
  const traps = who === 'the failing one is watched by the other'
  test(`a link is ${traps ? '' : 'not '}trapped when ${who}`, async (t) => {
    const system = withSystem(t)
    const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary' }, b: {} })
    await link(a, b)
    const seen: string[] = []
    await (traps ? watch(b, a, seen) : watch(a, b, seen))
    await fail(a)
    await system.idle()
    t.is(await b.ask.generation(), traps ? 0 : 1)
    t.deepEqual(seen, traps ? ['a failed boom'] : [])
  })
}

test('a watch that was cancelled traps nothing', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  await link(a, b)
  const subscription = await watch(b, a, [])
  await inside(b, () => subscription.cancel())
  await fail(a)
  await system.idle()
  t.is(await b.ask.generation(), 1)
})

for (const how of ['cancel()', 'dispose'] as const) {
  test(`${how} ends a link, from both sides`, async (t) => {
    const system = withSystem(t)
    const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
    const subscription = await link(a, b)
    if (how === 'cancel()') {
      t.true(subscription.cancel())
      t.false(subscription.cancel())
    } else {
      subscription[Symbol.dispose]()
    }
    t.false(subscription.active)
    await fail(a)
    await system.idle()
    t.is(await b.ask.generation(), 0)
    await fail(b)
    await system.idle()
    t.is(await a.ask.generation(), 1)
  })
}

test('two links of the same two are two: one that is left is enough', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  const first = await link(a, b)
  await link(b, a)
  first.cancel()
  await fail(a)
  await system.idle()
  t.is(await b.ask.generation(), 1)
  counts(t, system, { restarts: 2 })
})

for (const [how, end, expected] of [
  ['failed', (a: Ref<Sub>) => fail(a), 1],
  ['was killed', (a: Ref<Sub>) => a.kill(), 1],
  ['stopped', (a: Ref<Sub>) => a.stop(), 0],
] as const) {
  test(`a link to an actor that ${how} before ${expected === 1 ? 'fails the one that links' : 'is none'}`, async (t) => {
    const system = withSystem(t)
    const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary' }, b: {} })
    await end(a)
    await a.stopped
    const subscription = await link(b, a)
    await system.idle()
    t.is(await b.ask.generation(), expected)
    t.false(subscription.active)
  })
}

test('a link to an actor that failed before fails the one that links with that very error', async (t) => {
  const system = withSystem(t)
  const events = collect(system.events)
  const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary' }, b: {} })
  const error = await fail(a)
  await a.stopped
  await link(b, a)
  await system.idle()
  t.is(ofType(events, 'failed')[1]!.failure.error, error)
})

test('a chain of links fails as a whole', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const refs = Array.from({ length: 20 }, (_, i) => system.spawn(Sub, { name: `n${i}` }))
  for (let i = 1; i < refs.length; i++) await link(refs[i]!, refs[i - 1]!)
  const events = collect(system.events)
  const error = await fail(refs[10]!)
  await system.idle()
  t.deepEqual(new Set(await Promise.all(refs.map((ref) => ref.ask.generation()))), new Set([1]))
  t.true(ofType(events, 'failed').every((event) => event.failure.error === error))
  t.is(ofType(events, 'failed').length, 20)
})

test('a circle of links fails each of it once', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const refs = Array.from({ length: 5 }, (_, i) => system.spawn(Sub, { name: `n${i}` }))
  for (let i = 0; i < refs.length; i++) await link(refs[i]!, refs[(i + 1) % 5]!)
  await fail(refs[0]!)
  await system.idle()
  t.deepEqual(await Promise.all(refs.map((ref) => ref.ask.generation())), [1, 1, 1, 1, 1])
  counts(t, system, { restarts: 5 })
})

test('two linked temporary actors end together, with the same error', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: { restart: 'temporary' }, b: { restart: 'temporary' } })
  await link(a, b)
  const error = await fail(a)
  const reasons = await Promise.all([a.stopped, b.stopped])
  for (const reason of reasons) t.is(reason.kind === 'failed' && reason.error, error)
})

test('the handler in hand of a linked actor is waited for, its message counts as handled', async (t) => {
  const system = withSystem(t)
  const { refs: { a, b } } = await family(system, {}, { a: {}, b: {} })
  await link(a, b)
  const at = testGate(t)
  const asked = b.ask.block(at)
  await at.entered.promise
  await fail(a)
  await turns()
  at.open.resolve()
  t.is(await asked, 'unblocked')
  t.is(await b.ask.generation(), 1)
  counts(t, system, { failed: 1 })
})

test('a link made in the constructor holds from the start', async (t) => {
  const system = withSystem(t, { supervision: { backoff: false } })
  const b = system.spawn(Sub, { name: 'b' })
  const at = testGate(t)
  const a = system.spawn(Sub, { name: 'a', args: [[], { construct: (ctx) => void ctx.link(b), start: (generation) => (generation === 0 ? pass(at) : undefined) }] })
  await at.entered.promise
  await fail(b)
  await turns()
  at.open.resolve()
  t.is(await a.ask.generation(), 1)
})

test('only a ref of another actor of the same system can be linked', async (t) => {
  const [system, other] = [withSystem(t), withSystem(t)]
  const { refs: { a } } = await family(system, {}, { a: {} })
  const foreign = other.spawn(Sub)
  await inside(a, (ctx) => {
    throwsWith(t, () => ctx.link(ctx.self), 'ERR_BUSKIN_OPTION')
    throwsWith(t, () => ctx.link(foreign), 'ERR_BUSKIN_OPTION')
    throwsWith(t, () => ctx.link({} as never), 'ERR_BUSKIN_OPTION')
    throwsWith(t, () => ctx.link(undefined as never), 'ERR_BUSKIN_OPTION')
  })
  t.is(await a.ask.generation(), 0)
})

test('strategy and intensity hold for failures by a link', async (t) => {
  const system = withSystem(t, { onEscalate: 'report', supervision: { maxRestarts: 0 } })
  const { refs: { a, b }, top } = await family(system, { maxRestarts: 1 }, { a: {}, b: {} })
  await link(a, b)
  await fail(a)
  t.is((await top.stopped).kind, 'failed')
  await rejectsWith(t, a.ask.note(1), 'ERR_BUSKIN_STOPPED')
  t.is((await b.stopped).kind === 'unknown', false)
})

test('members of a group that link to one another in their starts, earlier to later, come to rest', async (t) => {
  const system = withSystem(t, { supervision: { strategy: 'one-for-all', backoff: false } })
  const late: { ref?: Ref<Sub> } = {}
  const a = system.spawn(Sub, { args: [[], { start: (_, ctx) => void (late.ref !== undefined && ctx.link(late.ref)) }] })
  const b = (late.ref = system.spawn(Sub))
  await system.idle()
  await fail(a)
  await system.idle()
  t.deepEqual([await a.ask.generation(), await b.ask.generation()], [1, 1])
  await fail(b)
  await system.idle()
  t.deepEqual([await a.ask.generation(), await b.ask.generation()], [2, 2])
})

test('an error about a ref calls it by its path', async (t) => {
  const system = withSystem(t)
  class Self extends Sub {
    bind() {
      this.ctx.link(this.ctx.self)
    }
  }
  const self = system.spawn(Self, { name: 'me' })
  const wrong = await self.ask.bind().then(undefined, (thrown: Error) => thrown)
  t.regex((wrong as Error).message, /'target' = Ref\(\/me\)/)
})
