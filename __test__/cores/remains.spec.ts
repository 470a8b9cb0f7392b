// What is told of an isolate that died: its messages on the feed of dead letters, and the ends of its instances.
import ava from 'ava'
import type { DeadLetter, Ref } from '../../src/index.ts'
import { within } from '../support.ts'
import type { Sub } from './fixtures/life.ts'
import { code, coreLost, event, eventsOf, stage, type Stage } from './lives.ts'

const test = ava.serial

const heard = (on: Stage): DeadLetter[] => {
  const letters: DeadLetter[] = []
  on.system.deadLetters.on((letter) => void letters.push(letter))
  return letters
}

const lines = (letters: readonly DeadLetter[]) =>
  letters.map(({ reason, target, sender, method, args }) => `${reason} ${target} ${sender} ${method} ${JSON.stringify(args)}`).sort()

/** Lets the core of `ref` die in a handler that nobody waits for, and waits until all that follows has happened. */
async function die(on: Stage, ref: Ref<Sub>, core = 1) {
  const killed = code(ref.ask.exit(7))
  await coreLost(on, core)
  await within(killed, 'who asked')
  await on.lines()
}

/** As many letters as were counted, for each reason. */
function agree(on: Stage, letters: readonly DeadLetter[]): Record<string, number> {
  const by: Record<string, number> = Object.fromEntries(Object.keys(on.system.stats().deadLettersBy).map((reason) => [reason, 0]))
  for (const { reason } of letters) by[reason] = (by[reason] ?? 0) + 1
  return by
}

test('each message that a core took with it is one letter: who it was for, what it asked, and what of its arguments is left', async (t) => {
  const on = stage(t)
  const letters = heard(on)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 1, restart: 'permanent' })
  const c = on.spawn('c', { on: 1, restart: 'temporary' })
  const far = on.spawn('far', { on: 2 })
  await Promise.all([a, b, c, far].map((ref) => ref.started))
  await on.lines()
  a.tell.sleepAlone(60_000) // in hand: its arguments are gone
  c.tell.sleepAlone(60_001)
  await far.ask.tellOther(a, 'kept') // waits, and is kept for the next instance
  await far.ask.tellOther(c, { from: 'afar' }) // waits for one that does not come back
  c.tell.note(3)
  c.tell.read()
  await b.ask.tellOther(a, 'own') // waits too, and was never encoded
  await b.ask.tellOther(a, 4) // fits into a word
  await die(on, b)
  t.deepEqual(await a.ask.read(), ['kept', 4])
  await on.lines()
  t.deepEqual(lines(letters), [
    'isolate-lost /a /b note null',
    'isolate-lost /a null sleepAlone null',
    'isolate-lost /b null exit [7]',
    'isolate-lost /c null sleepAlone null',
    'stopped /c /far note [{"from":"afar"}]',
    'stopped /c null note [3]',
    'stopped /c null read []',
  ])
  t.deepEqual(agree(on, letters), on.system.stats().deadLettersBy as Record<string, number>)
})

test('concurrent handlers and streams in hand are letters, too', async (t) => {
  const on = stage(t)
  const letters = heard(on)
  const a = on.spawn('a', { on: 1, restart: 'permanent' })
  const b = on.spawn('b', { on: 1, restart: 'permanent' })
  const c = on.spawn('c', { on: 1, restart: 'permanent' })
  const d = on.spawn('d', { on: 1, restart: 'permanent' })
  await Promise.all([a, b, c, d].map((ref) => ref.started))
  const asked = [code(a.with({ timeout: 20_000 }).ask.sleep(60_000)), code(a.with({ timeout: 20_000 }).ask.sleep(60_001))]
  const items = d.stream.items(10_000)[Symbol.asyncIterator]()
  t.is((await items.next()).value, 0)
  b.tell.sleep(60_002) // nobody asked: that there was one is all that is known
  for (const ref of [a, b]) t.is(await ref.ask.startOf(ref), 'started') // overlaps them
  await die(on, c)
  t.deepEqual(await within(Promise.all(asked), 'those who asked'), ['ERR_BUSKIN_CORE_LOST', 'ERR_BUSKIN_CORE_LOST'])
  let end: string
  do end = await code(items.next())
  while (end === 'ok') // what had come is read first
  t.is(end, 'ERR_BUSKIN_CORE_LOST')
  t.deepEqual(lines(letters), [
    'isolate-lost /a null sleep null',
    'isolate-lost /a null sleep null',
    'isolate-lost /b null  null',
    'isolate-lost /c null exit [7]',
    'isolate-lost /d null items null',
  ])
  t.deepEqual(agree(on, letters), on.system.stats().deadLettersBy as Record<string, number>)
})

for (const [where, home] of [['main', 0], ['another core', 2]] as const) {
  test(`what is below an actor that dies with its core is told of once, when its parent is on ${where}`, async (t) => {
    const on = stage(t)
    const letters = heard(on)
    const top = on.spawn('top', { on: home })
    const mid = await top.ask.raise('mid', { on: 1, restart: 'temporary' })
    const kid = await mid.ask.raise('kid', { on: 1 })
    const low = await kid.ask.raise('low', { on: 1 })
    const away = await mid.ask.raise('away', { on: 2 })
    await Promise.all([mid, kid, low, away].map((ref) => ref.started))
    low.tell.sleepAlone(60_000)
    low.tell.note('waits')
    await away.ask.read()
    low.tell.sleep(0)
    const exit = await mid.ask.raise('exit', { on: 1 })
    await exit.started
    await die(on, exit)
    await event(on, (e) => e.type === 'stopped' && e.path === '/top/mid', 'the end of mid')
    await on.lines()
    for (const path of ['/top/mid/kid', '/top/mid/kid/low', '/top/mid/exit']) t.deepEqual(eventsOf(on.events, path), ['started 0', 'stopped 0 lost'])
    t.deepEqual(eventsOf(on.events, '/top/mid/away'), ['started 0', 'stopped 0 shutdown'])
    t.deepEqual(eventsOf(on.events, '/top/mid').at(-1), 'stopped 0 lost')
    t.deepEqual(lines(letters), ['isolate-lost /top/mid/exit null exit [7]', 'isolate-lost /top/mid/kid/low null sleepAlone null', 'stopped /top/mid/kid/low null note ["waits"]', 'stopped /top/mid/kid/low null sleep [0]'])
    t.deepEqual(agree(on, letters), on.system.stats().deadLettersBy as Record<string, number>)
  })
}
