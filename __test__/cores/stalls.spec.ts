// Handlers that block their isolate: they are noticed by the core, whatever the main isolate does, and told of by name.
import ava from 'ava'
import type { Ref, SystemEvent, SystemOptions } from '../../src/index.ts'
import { within } from '../support.ts'
import type { Sub } from './fixtures/life.ts'
import { code, coreEvents, coreLost, event, stage, type Stage, type Test } from './lives.ts'

const test = ava.serial

/** More than a busy machine takes to give a thread its turn. */
const STALL = 300
const stalling: SystemOptions = { core: { stallAfter: STALL, restarts: { max: Infinity, within: 1_000 } } }

const stalled = (on: Stage, core: number): Promise<string> =>
  event(on, (e) => e.type === 'core' && e.core === core && e.state === 'stalled', `the stall of core ${core}`).then((e) => (e as { detail: string }).detail)

const line = (text: string): string => text.split('\n', 1)[0] as string

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const told = async (t: Test, what: string, run: (a: Ref<Sub>, on: Stage) => void): Promise<void> => {
  const on = stage(t, stalling)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  await a.started
  run(a, on)
  t.is(line(await stalled(on, 1)), `stalled: ${what} has blocked it for more than ${STALL} ms`)
  const lost = (await coreLost(on, 1)) as SystemEvent & { detail: string }
  t.is(line(lost.detail), `stalled: ${what} has blocked it for more than ${STALL} ms`)
  t.is(await a.with({ timeout: 20_000 }).ask.note(1), 1)
  t.deepEqual(coreEvents(on.events, 1), ['1 started', '1 stalled', '1 lost', '1 started'])
}

test('the event names the method and the actor: of a message', (t) => told(t, "'loop' of /a", (a) => a.tell.loop()))
test('the event names the method and the actor: of a message by a ref that knows no class', (t) =>
  told(t, "'loop' of /a", (_, on) => (on.system.lookup('/a') as Ref<any>).tell.loop()))
test('the event names the method and the actor: after an await, once another one sends to it', (t) =>
  told(t, "'loopLater' of /a", (a) => {
    a.tell.loopLater()
    setTimeout(() => a.tell.note(0), 50)
  }))
test('the event names the actor: of a timer', (t) => told(t, '/a', (a) => a.tell.loopSoon()))
test('the event names the hook', async (t) => {
  const on = stage(t, stalling)
  const a = on.spawn('a', { on: 1, restart: 'temporary' }, { blocks: 'stop' })
  await a.started
  a.tell.stopSelf()
  t.is(line(await stalled(on, 1)), `stalled: 'onStop' of /a has blocked it for more than ${STALL} ms`)
  await within(a.stopped, 'the end')
})

test('a stall in native code is one like any other', async (t) => {
  const on = stage(t, stalling)
  const a = on.spawn('a', { on: 1, restart: 'temporary' })
  await a.started
  a.tell.freeze()
  t.is(await stalled(on, 1), `stalled: 'freeze' of /a has blocked it for more than ${STALL} ms`)
  await within(a.stopped, 'the end')
})

test('what stalls while the main isolate is blocked is noticed all the same', async (t) => {
  const on = stage(t, stalling)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  await a.started
  const asked = code(a.ask.block(STALL * 3))
  await new Promise((resolve) => setTimeout(resolve, 20))
  block(STALL * 5) // by then the handler is over
  t.regex(await stalled(on, 1), /'block' of \/a/)
  await within(asked, 'who asked')
  await coreLost(on, 1)
})

test('a handler that blocks the main isolate is reported when it is over, and nothing is ended', async (t) => {
  const on = stage(t, stalling)
  const far = on.spawn('far', { on: 1 })
  const main = on.spawn('main', { on: 0 })
  await Promise.all([far.started, main.started, event(on, (e) => e.type === 'core' && e.state === 'started', 'the start of the core')])
  t.is(await main.ask.block(STALL * 3), STALL * 3)
  t.is(await stalled(on, 0), `stalled: 'block' of /main has blocked it for more than ${STALL} ms`)
  t.is(await main.ask.note(1), 1)
  await on.lines()
  t.deepEqual(coreEvents(on.events), ['1 started', '0 stalled'])
})

test('handlers that await, and many that are short, are no stall; nor is plain code of the main isolate', async (t) => {
  const on = stage(t, stalling)
  const a = on.spawn('a', { on: 1 })
  await a.started
  const nap = a.ask.nap(STALL * 3)
  for (let i = 0; i < 60; i++) a.tell.block(10)
  await nap
  block(STALL * 2)
  await on.lines()
  t.deepEqual(coreEvents(on.events), ['1 started'])
})

test('a stall is told of once for each core, also when all of them stall', async (t) => {
  const on = stage(t, stalling)
  const actors = [1, 2].map((core) => on.spawn(`a${core}`, { on: core, restart: 'permanent' }))
  await Promise.all(actors.map((ref) => ref.started))
  for (const ref of actors) ref.tell.loop()
  await Promise.all([1, 2].map((core) => coreLost(on, core)))
  for (const ref of actors) t.is(await ref.with({ timeout: 20_000 }).ask.note(1), 1)
  for (const core of [1, 2]) t.deepEqual(coreEvents(on.events, core), ['started', 'stalled', 'lost', 'started'].map((state) => `${core} ${state}`))
})
