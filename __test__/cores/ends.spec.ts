// Semantics, sentences 13, 18 and 20: what is known of an actor elsewhere when somebody asks only after its end.
import ava from 'ava'
import type { Ref } from '../../src/index.ts'
import { within } from '../support.ts'
import { Failing, Peer } from './fixtures/peer.ts'
import { code, stage } from './lives.ts'
import { failure, sharedTown } from './town.ts'

const test = ava.serial
const place = sharedTown(ava)
const { system, a, b, spawn } = place

for (const end of ['stop', 'kill'] as const) {
  test(`started resolves, first asked elsewhere after the actor had started and ended (${end})`, async (t) => {
    const ref = spawn(1)
    await ref.started
    await ref[end]()
    t.is(await b.ask.started(ref), undefined)
    t.is(((await b.ask.stopped(ref)) as { kind: string }).kind, end === 'stop' ? 'normal' : 'killed')
  })
}

test('started rejects with the error of the start, first asked elsewhere after the end', async (t) => {
  const ref = system.spawn(Failing, { on: 1, restart: 'temporary' })
  await within(ref.stopped, 'the end')
  for (const asks of [b, a]) {
    const error = await failure(asks.ask.started(ref))
    t.is(error.code, 'ERR_BUSKIN_START')
    t.is(error.cause?.message, 'never starts')
  }
})

test('stopped tells the error elsewhere, first asked after the end', async (t) => {
  const ref = spawn(1, { restart: 'temporary' })
  ref.tell.fail('on purpose')
  await ref.stopped
  const reason = (await b.ask.stopped(ref)) as { kind: string; error: Error }
  t.is(reason.kind, 'failed')
  t.is(reason.error.message, 'on purpose')
})

for (const name of ['named', undefined]) {
  const said = name ?? 'without a name'

  test(`a ref that waited elsewhere for an end tells its path, first looked at after that (${said})`, async (t) => {
    const ref = system.spawn(Peer, { on: 1, ...(name === undefined ? {} : { name }) })
    await ref.ask.nothing()
    const own = (await ref.ask.self()) as Ref<Peer>
    const { path } = ref
    const paths = [b.ask.pathAfterEnd(own), b.ask.pathAfterEnd(own)]
    await b.ask.echoLater()
    await ref.kill()
    t.deepEqual(await Promise.all(paths), [path, path])
  })

  test(`a ref that is asked for its end when that is over tells its path (${said})`, async (t) => {
    const parent = spawn(1)
    const ref = (await parent.ask.spawnPeer({ on: 1, ...(name === undefined ? {} : { name }) })) as Ref<Peer>
    const { path } = ref
    await b.ask.keep(ref)
    await parent.ask.kill(ref)
    t.regex(path, /^\/Peer-.*\/(named|Peer-.*)$/)
    t.is(await b.ask.keptPathAfterEnd(), path)
  })
}

test('a watch of one elsewhere that had failed and ended tells the error', async (t) => {
  const { spawn: set, lines, system: own } = stage(t)
  const watcher = set('watcher', { on: 2 })
  const gone = set('gone', { on: 1, restart: 'temporary' })
  await Promise.all([watcher.started, gone.started])
  await failure((gone as Ref<any>).ask.fail('on purpose'))
  await gone.stopped
  await own.idle()
  await watcher.ask.watch(gone)
  const seen = (await lines()).filter((line) => line.includes('saw'))
  t.is(seen.length, 1)
  t.regex(seen[0]!, /saw \/gone failed on purpose/)
})

test('who asks for starts and ends when the system has ended is told what is known', async (t) => {
  const on = stage(t)
  const top = on.spawn('top', { on: 1 })
  const [kid, early, bad, asked] = [await top.ask.raise('kid', { on: 1 }), await top.ask.raise('early', { on: 1 }), await top.ask.raise('bad', { on: 1, restart: 'temporary' }, { start: [-1] }), await top.ask.raise('asked', { on: 1 })]
  await early.stop()
  await on.lines()
  const before = asked.stopped
  await on.system.shutdown()
  const ends = await within(Promise.all([kid, bad, early].map((ref) => ref.stopped)), 'ends')
  t.deepEqual(ends.map(({ kind }) => kind), ['shutdown', 'failed', 'normal'])
  t.is((await within(before, 'the end asked for before')).kind, 'shutdown')
  t.is(await within(kid.started.then(() => 'started'), 'the start'), 'started')
  t.is(await within(code(bad.started), 'the start that failed'), 'ERR_BUSKIN_START')
})
