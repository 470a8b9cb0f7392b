// Core threads: when they begin and end, what they cost, and the options that concern them.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import ava from 'ava'
import { type ActorOptions, createManualClock, createSystem, native, type SystemOptions } from '../../src/index.ts'
import { laneOf } from '../../src/system.ts'
import { memoryLog, within } from '../support.ts'
import { Client, Probe } from './fixtures/native.ts'
import { eventsOf, infoOf, lines, threadsCalled, ticksOf, until, withThreads } from './support.ts'

const test = ava.serial
const onLinux = process.platform === 'linux' ? test : test.skip
const kv = native('kv')

/** The name is in those of its threads. */
const named = (options: SystemOptions = {}): SystemOptions => ({ name: 'mine', ...options })
const running = (): number => threadsCalled(/^mine\//).length

// ------------------------------------------------------------------------------------------------- options

for (const [name, options, spawnOptions, expected] of [
  ['a manual clock', { clock: createManualClock() }, {}, /'threads'.*manual clock/],
  ['all lanes taken by cores', { cores: 62, threads: undefined as never }, {}, /'threads' = 0.*at most 61 cores/],
  ['on: local', {}, { on: 'local' }, /'on' = 'local'.*'any'/],
  ['on: a number', {}, { on: 0 }, /'on' = 0.*core threads/],
  ['a decide', {}, { supervision: { decide: () => 'stop' } }, /'supervision.decide'/],
  ['a misspelt option', {}, { nam: 'x' } as ActorOptions, /'nam'/],
] as const) {
  test(`a native actor is refused: ${name}`, (t) => {
    const system = withThreads(t, { ...options })
    t.throws(() => system.spawn(kv, spawnOptions as ActorOptions), { code: 'ERR_BUSKIN_OPTION', message: expected })
    t.is(system.stats().actors, 0)
  })
}

test('a name that the addon does not have is refused with those that it has', (t) => {
  t.throws(() => native('kw'), { code: 'ERR_BUSKIN_MODULE', message: /'kw'.*kv, probe/ })
  for (const name of ['', '@kv', 5, undefined, {}, 'constructor']) t.throws(() => native(name as string), { code: 'ERR_BUSKIN_MODULE' })
})

test('a name stands for one class, of which nothing is made with new', (t) => {
  t.is(native('kv') as unknown, kv as unknown)
  t.throws(() => Reflect.construct(kv, []) as unknown, { code: 'ERR_BUSKIN_NOT_AN_ACTOR' })
})

test('the system works on after a refusal', async (t) => {
  const system = withThreads(t, { threads: 1 })
  t.throws(() => system.spawn(kv, { on: 0 }))
  t.is(await system.spawn(kv, { name: 'a' }).ask.size(), 0)
})

// ----------------------------------------------------------------------------------------------- when they run

onLinux('no thread runs, and nothing is opened, before the first native actor; one runs for the first', async (t) => {
  const system = withThreads(t, named({ threads: 3 }))
  class Local extends Client {
    static override module = undefined as never
  }
  await system.spawn(Local).ask.reasons()
  t.is(laneOf(system).crossing, undefined)
  t.is(running(), 0)
  const a = system.spawn(Probe, { on: { key: 1 } })
  t.regex(await a.ask.thread(), /^mine\/thread-\d$/)
  t.is(running(), 1)
  await system.spawn(Probe, { on: { near: a } }).ask.add(1)
  t.is(running(), 1)
})

onLinux('threads: 0 is no thread until a native actor needs one, and then one for all', async (t) => {
  const system = withThreads(t, named({ threads: 0 }))
  t.is(running(), 0)
  const names = await Promise.all([1, 2, 3, 4].map((key) => system.spawn(Probe, { on: { key } }).ask.thread()))
  t.deepEqual([...new Set(names)], ['mine/thread-0'])
  t.is(running(), 1)
})

onLinux('threads are called after the system, and their number shows', async (t) => {
  const system = withThreads(t, { name: 'a long name', threads: 2 })
  const names = await Promise.all([1, 2, 3, 4].map((key) => system.spawn(Probe, { on: { key } }).ask.thread()))
  for (const name of names) t.regex(name, /^a long\/thread-[01]$/)
  t.is(threadsCalled(/^a long\/thread-[01]$/).length, new Set(names).size)
})

test('an actor whose spawn is on its way counts for its thread', async (t) => {
  for (let i = 0; i < 4; i++) {
    const system = withThreads(t, { threads: 2 })
    const a = system.spawn(Probe)
    const end = performance.now() + 3 // the thread runs by now, and what was seen of it is old
    while (performance.now() < end);
    const b = system.spawn(Probe)
    t.not(await a.ask.thread(), await b.ask.thread())
  }
})

test('threads: n is how many there are; actors are spread over them, keys and near are kept to one', async (t) => {
  const system = withThreads(t, { threads: 3 })
  const threads = async (spawn: (i: number) => ActorOptions): Promise<string[]> => {
    const all = Array.from({ length: 9 }, (_, i) => system.spawn(Probe, spawn(i)))
    return Promise.all(all.map((a) => a.ask.thread()))
  }
  t.is(new Set(await threads(() => ({}))).size, 3)
  t.is(new Set(await threads(() => ({ on: 'any' }))).size, 3)
  t.is(new Set(await threads(() => ({ on: { key: 'k' } }))).size, 1)
  t.is(new Set(await threads((i) => ({ on: { key: i } }))).size, 3)
  const first = system.spawn(Probe)
  t.deepEqual(new Set(await threads(() => ({ on: { near: first } }))), new Set([await first.ask.thread()]))
  const one = withThreads(t, { threads: 1 })
  t.is(new Set(await Promise.all([1, 2, 3].map((key) => one.spawn(Probe, { on: { key } }).ask.thread()))).size, 1)
})

test('near a native actor an actor of JavaScript is where it would be by default', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const a = system.spawn(kv)
  await system.spawn(Client, { on: { near: a }, name: 'client' }).ask.reasons()
  t.is(infoOf(system, '/client')?.on, 1)
  const local = system.spawn(Client, { on: 0, name: 'local' })
  t.is(await system.spawn(kv, { on: { near: local } }).ask.size(), 0)
})

onLinux('with core.pin each thread keeps to one CPU, without it to none', async (t) => {
  const cpus = (id: string): string => /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/self/task/${id}/status`, 'utf8'))?.[1] ?? ''
  const all = cpus(String(process.pid))
  for (const pin of [true, false]) {
    const system = withThreads(t, { name: pin ? 'pinned' : 'free', threads: 2, core: { pin } })
    await Promise.all([1, 2, 3, 4].map((key) => system.spawn(Probe, { on: { key } }).ask.add(1)))
    const seen = threadsCalled(pin ? /^pinned\/t/ : /^free\/t/).map(cpus)
    t.true(seen.length > 0)
    for (const list of seen) t.true(pin ? /^\d+$/.test(list) : list === all, list)
    if (pin && all !== '0' && seen.length === 2) t.not(seen[0], seen[1])
  }
})

for (const [mb, code] of [[16, 0], [undefined, 'SIGABRT or SIGSEGV']] as const) {
  onLinux(`the stack of threads is core.resourceLimits.stackSizeMb: ${mb}`, async (t) => {
    t.timeout(60_000)
    const ended = await run(`
      const system = createSystem({ cores: 0, threads: 1, log: false, core: { resourceLimits: { ${mb === undefined ? '' : `stackSizeMb: ${mb}`} } } })
      process.stdout.write(String(await system.spawn(Probe).ask.deep(8_000)))
      await system.shutdown()`)
    if (code === 0) t.deepEqual(ended, { code: 0, out: '8000' })
    else t.true(['SIGABRT', 'SIGSEGV'].includes(ended.code as string), String(ended.code))
  })
}

function run(code: string): Promise<{ code: unknown; out: string }> {
  const prelude = `import { createSystem, native } from './src/index.ts'\nimport { Client, Probe } from './__test__/native/fixtures/native.ts'\n`
  const args = ['--import', './scripts/ts.mjs', '--input-type=module', '-e', prelude + code]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: process.cwd(), timeout: 30_000, killSignal: 'SIGKILL' }, (error, out) => {
      resolve({ code: error?.code ?? error?.signal ?? 0, out })
    })
  })
}

// ----------------------------------------------------------------------------------------------------- the end

onLinux('50 systems leave no thread behind', async (t) => {
  t.timeout(60_000)
  for (let i = 0; i < 50; i++) {
    const system = createSystem(named({ cores: 0, threads: 2, log: false }))
    const all = [1, 2, 3].map((key) => system.spawn(Probe, { on: { key } }))
    for (const a of all) a.tell.add(1)
    if (i % 2 === 0) t.deepEqual(await Promise.all(all.map((a) => a.ask.add(1))), [2, 2, 2])
    await within(system.shutdown(), 'shutdown')
    await until('the end of the threads', () => running() === 0)
  }
})

test('a shutdown under load counts every message', async (t) => {
  const system = withThreads(t, { threads: 2, cores: 1 })
  const stores = [1, 2, 3, 4].map((i) => system.spawn(kv, { name: `store ${i}` }))
  const clients = [0, 1].map((on) => system.spawn(Client, { on }))
  const ends = clients.flatMap((client, at) => stores.map((store) => client.ask.hammer(store, `${at}`, 3_000).then(String, (error: { code: string }) => error.code)))
  for (let i = 0; i < 20_000; i++) stores[i % 4]!.tell.set(`key ${i}`, i)
  await within(system.shutdown(), 'shutdown')
  t.is((await within(Promise.all(ends), 'the ends')).length, 8)
})

test('a handler that does not come back delays the end by no more than the times allowed, and is told of', async (t) => {
  t.timeout(60_000)
  const { log, lines: said } = memoryLog()
  const system = createSystem({ cores: 0, threads: 1, log })
  const a = system.spawn(Probe, { name: 'a', shutdown: 50 })
  await a.ask.add(1)
  a.tell.block(6_000)
  await until('the block', () => infoOf(system, '/a')?.state !== 'idle')
  const since = performance.now()
  await within(system.shutdown({ timeout: 200 }), 'shutdown', 10_000)
  t.true(performance.now() - since < 5_500, 'it did not wait for the handler')
  t.true(said.some(({ level, message }) => level === 'error' && message.startsWith('core threads did not end')))
})

test('a thread that is blocked is told of, by actor and method, and goes on', async (t) => {
  const { log, lines: said } = memoryLog()
  const system = withThreads(t, { log, core: { stallAfter: 100 } })
  const events = eventsOf(system)
  const a = system.spawn(Probe, { name: 'a' })
  t.is(await a.ask.add(1), 1)
  a.tell.block(2_500)
  await until('the event', () => lines(events).includes('core 1 stalled') || lines(events).includes('core 2 stalled'))
  t.regex((events.find((event) => event.type === 'core') as { detail: string }).detail, /'block' of \/a/)
  t.is(await a.ask.add(1), 2)
  t.true(said.some(({ level, message }) => level === 'warn' && message === 'a core thread is stalled'))
})

onLinux('threads that have nothing to do take no CPU time', async (t) => {
  t.timeout(60_000)
  const system = withThreads(t, named({ threads: 2 }))
  const all = [1, 2, 3, 4].map((key) => system.spawn(kv, { on: { key } }))
  for (let i = 0; i < 1_000; i++) await all[i % 4]!.ask.set('key', i)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.is(running(), 2)
  const before = ticksOf(/^mine\//)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  t.true(ticksOf(/^mine\//) - before <= 2, 'they sleep')
})

test('a core that is lost takes no native actor with it', async (t) => {
  const system = withThreads(t, { cores: 1 })
  const store = system.spawn(kv, { name: 'cache' })
  const client = system.spawn(Client, { on: 1, name: 'client', restart: 'permanent' })
  const child = await client.ask.childStore('child')
  await Promise.all([store.ask.set('key', 1), child.ask.set('key', 2)])
  t.is(await client.ask.get(store, 'key'), 1)
  client.tell.exit()
  await within(child.stopped, 'the end of the child')
  t.is(await client.with({ timeout: 20_000 }).ask.get(store, 'key'), 1)
  t.is(await (await client.ask.childStore('child')).ask.size(), 0)
})

// -------------------------------------------------------------------------------------------------- the process

for (const [name, code, out] of [
  ['idle native actors do not hold the process', "await store.ask.set('a', 1)", 'exit;'],
  ['a spawn alone does not', '', 'exit;'],
  ['an ask holds it until the reply', "store.ask.size().then(say)", '0;exit;'],
  ['a tell holds it until it was handled, and a thread ends with it', "probe.tell.block(100)", 'exit;'],
  ['what comes later holds it', "probe.ask.later(50, 3).then(say)", '3;exit;'],
  ['a stream without demand does not', "const s = probe.stream.numbers(); say((await s.next()).value)", '1;exit;'],
  ['idle() is waited for', "probe.tell.block(50); await system.idle(); say('idle')", 'idle;exit;'],
  ['process.exit() in the midst of work ends it', "probe.tell.block(5_000); await store.ask.size(); process.exit(0)", 'exit;'],
] as const) {
  test(name, async (t) => {
    t.timeout(60_000)
    const prelude = `
      const say = (text) => process.stdout.write(text + ';')
      process.on('exit', () => say('exit'))
      const system = createSystem({ cores: 0, threads: 2, log: false })
      const store = system.spawn(native('kv'))
      const probe = system.spawn(Probe)
      `
    const since = performance.now()
    t.deepEqual(await run(prelude + code), { code: 0, out })
    t.true(performance.now() - since < 20_000)
  })
}

test('a system in a worker thread that is terminated ends its threads', async (t) => {
  t.timeout(60_000)
  const { code, out } = await run(`
    import { Worker } from 'node:worker_threads'
    import { readdirSync, readFileSync } from 'node:fs'
    const names = () => readdirSync('/proc/self/task').map((id) => { try { return readFileSync('/proc/self/task/' + id + '/comm', 'utf8') } catch { return '' } })
    const count = () => names().filter((name) => name.startsWith('inner/')).length
    const worker = new Worker(new URL('./__test__/native/fixtures/inner.mjs', 'file://' + process.cwd() + '/'), { execArgv: ['--import', './scripts/ts.mjs'] })
    await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
    const before = count()
    await worker.terminate()
    const end = Date.now() + 5_000
    while (count() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
    process.stdout.write(before + ' ' + count())`)
  t.deepEqual({ code, out }, { code: 0, out: '1 0' })
})
