import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Pool, type PoolOptions } from '../../src/cores/pool.ts'
import { systemOptions } from '../../src/options.ts'

const entry = new URL('../fixtures/core.mjs', import.meta.url)

type Told = readonly [what: string, core: number, detail?: string | undefined, error?: unknown]

interface Cores {
  readonly pool: Pool
  readonly told: Told[]
  /** The next thing of this kind that is told, also one that was told before and not taken. */
  next(what: string): Promise<Told>
}

/** A pool whose cores have plans by number, the same again after each death. */
function poolOf(t: ExecutionContext, plan: string | ((core: number) => string), core: object = {}, more: Partial<PoolOptions> = {}): Cores {
  const told: Told[] = []
  const taken = new Set<Told>()
  const wake: (() => void)[] = []
  const tell = (...what: Told) => {
    told.push(what)
    for (const go of wake.splice(0)) go()
  }
  const pool = new Pool({
    system: 'shop',
    cores: 4,
    entry,
    settings: systemOptions({ core: { execArgv: [], restarts: { max: 0 }, ...core } }, () => false).core,
    payload: (n) => ({ data: { plan: typeof plan === 'string' ? plan : plan(n), note: `for ${n}` } }),
    events: {
      onStarted: (n) => tell('started', n),
      onLost: (n, detail, error) => tell('lost', n, detail, error),
      onStopped: (n, detail) => tell('stopped', n, detail),
      onExceeded: (n) => tell('exceeded', n),
      onMessage: (n, message) => tell('message', n, undefined, message),
    },
    ...more,
  })
  t.teardown(() => pool.stopAll(0))
  return {
    pool,
    told,
    async next(what) {
      for (;;) {
        const found = told.find((entry) => entry[0] === what && !taken.has(entry))
        if (found !== undefined) return taken.add(found), found
        const held = setInterval(() => {}, 1_000) // a worker that is not referenced does not hold this process
        await new Promise<void>((resolve) => wake.push(resolve))
        clearInterval(held)
      }
    },
  }
}

/** Less those of one kind, and less their errors. */
const without = (told: readonly Told[], what: string) =>
  told.filter((entry) => entry[0] !== what).map((entry) => entry.slice(0, 3) as unknown as Told)

test('a core starts when it is first needed, once, and ends when it is asked to', async (t) => {
  const { pool, told, next } = poolOf(t, 'idle')
  t.is(pool.stateOf(1), 'none')
  t.is(pool.portOf(1), undefined)
  t.is(pool.ensure(1), 'starting')
  t.is(pool.ensure(1), 'starting')
  await next('started')
  t.is(pool.ensure(1), 'running')
  t.is(pool.stateOf(2), 'none')
  const ended = pool.stop(1, 60_000)
  t.is(pool.stateOf(1), 'stopping')
  t.is(pool.ensure(1), 'stopping')
  await Promise.all([ended, pool.stop(1, 60_000)])
  t.is(pool.stateOf(1), 'stopped')
  t.is(pool.portOf(1), undefined)
  t.deepEqual(told, [['started', 1], ['stopped', 1, undefined]])
})

test('a stopped core can be started again, until all are stopped', async (t) => {
  const { pool, told, next } = poolOf(t, 'idle')
  pool.ensure(1)
  await next('started')
  await pool.stop(1, 60_000)
  t.is(pool.ensure(1), 'starting')
  await next('started')
  await pool.stopAll(60_000)
  t.is(pool.ensure(1), 'stopped')
  t.is(pool.ensure(2), 'none')
  await pool.stopAll()
  t.is(told.length, 4)
})

test('a core that is stopped while it starts is not told as started', async (t) => {
  const { pool, told } = poolOf(t, 'idle')
  pool.ensure(1)
  await pool.stop(1, 60_000)
  t.deepEqual(told, [['stopped', 1, undefined]])
})

const deaths: readonly (readonly [plan: string, detail: string, message?: string])[] = [
  ['throw', 'uncaught exception: thrown in two lines', 'thrown\nin two lines'],
  ['throw undefined', 'uncaught exception: undefined'],
  ['reject', 'unhandled rejection: rejected', 'rejected'],
  ['exit', 'exit with code 3'],
  ['empty', 'exit with code 0'],
]
for (const [plan, detail, message] of deaths) {
  test(`a core that dies of '${plan}' is told as lost once, with what it died of`, async (t) => {
    const { pool, told, next } = poolOf(t, plan)
    pool.ensure(1)
    await next('exceeded')
    t.deepEqual(without(told, ''), [['started', 1], ['lost', 1, detail], ['exceeded', 1]])
    const error = told[1]?.[3]
    t.is((error as Error | undefined)?.message, message)
    t.is(pool.stateOf(1), 'lost')
  })
}

test('a rejection with what is no error is told, too', async (t) => {
  const { pool, next } = poolOf(t, 'reject 5')
  pool.ensure(1)
  t.regex(String((await next('lost'))[2]), /^unhandled rejection: .*"5"/)
})

test('a core that runs out of memory is told as lost, and the others go on', async (t) => {
  const limits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 }
  const { pool, next } = poolOf(t, (n) => (n === 1 ? 'fill' : 'idle'), { resourceLimits: limits })
  pool.ensure(2)
  pool.ensure(1)
  const [, core, detail, error] = await next('lost')
  t.deepEqual([core, detail, (error as NodeJS.ErrnoException).code], [1, 'out of memory', 'ERR_WORKER_OUT_OF_MEMORY'])
  t.is(pool.stateOf(2), 'running')
})

for (const plan of ['loop', 'silent loop']) {
  test(`a core in a '${plan}' is killed at once, and told with the reason given`, async (t) => {
    const { pool, told, next } = poolOf(t, plan)
    pool.ensure(1)
    await next(plan === 'loop' ? 'started' : 'message')
    await Promise.all([pool.kill(1, 'stalled for 10 ms'), pool.kill(1, 'another')])
    const ends = () => without(without(told, 'started'), 'message')
    t.deepEqual(ends(), [['lost', 1, 'stalled for 10 ms'], ['exceeded', 1]])
    await pool.kill(1, 'nothing is there')
    t.is(ends().length, 2)
  })
}

for (const plan of ['deaf', 'loop']) {
  test(`a ${plan} core is terminated after the grace`, async (t) => {
    const { pool, told, next } = poolOf(t, plan)
    pool.ensure(1)
    await next(plan === 'loop' ? 'message' : 'started')
    await pool.stop(1, 20)
    t.deepEqual(told.at(-1), ['stopped', 1, 'did not end within 20 ms'])
  })
}

test('a core that throws when it is asked to end is told as stopped, with what it threw', async (t) => {
  const { pool, told, next } = poolOf(t, 'throw at the end', { restarts: { max: 5 } })
  pool.ensure(1)
  await next('started')
  await pool.stop(1)
  t.deepEqual(told.at(-1), ['stopped', 1, 'uncaught exception: thrown in two lines'])
  t.is(told.length, 2)
})

// ------------------------------------------------------------------------------------------ starting again

test('a lost core is started again, until there were more restarts than the window allows', async (t) => {
  let now = 0
  const { pool, told, next } = poolOf(t, 'exit', { restarts: { max: 2, within: 100 } }, { now: () => now })
  pool.ensure(1)
  await next('exceeded')
  t.deepEqual(told.map(([what]) => what), ['started', 'lost', 'started', 'lost', 'started', 'lost', 'exceeded'])
  t.is(pool.ensure(1), 'lost')
  now = 99
  t.is(pool.ensure(1), 'lost')
  now = 100
  t.is(pool.ensure(1), 'starting')
})

test('the window is one for all cores of a system', async (t) => {
  const { pool, told, next } = poolOf(t, 'exit', { restarts: { max: 1, within: 60_000 } })
  pool.ensure(1)
  await next('exceeded')
  pool.ensure(2)
  t.deepEqual((await next('exceeded')).slice(0, 2), ['exceeded', 2])
  t.deepEqual(told.filter(([what]) => what === 'lost').map(([, core]) => core), [1, 1, 2])
})

for (const [name, plan, more, detail] of [
  ['throws before it is ready', 'early', {}, /^before it was ready: too early$/],
  ['cannot be found', 'idle', { entry: new URL('./no-such-module.mjs', import.meta.url) }, /^before it was ready: Cannot find module/],
  ['is given what cannot be copied', 'idle', { payload: () => ({ data: { plan() {} } }) }, /^could not be started: .*could not be cloned/],
] as const) {
  test(`an entry that ${name} is not tried for ever`, async (t) => {
    const { pool, told, next } = poolOf(t, plan, { restarts: { max: 3, within: 60_000 } }, more)
    t.is(pool.ensure(1), 'starting')
    await next('exceeded')
    t.deepEqual(told.map(([what]) => what), ['lost', 'lost', 'lost', 'lost', 'exceeded'])
    for (const [, , text] of told.slice(0, 4)) t.regex(String(text), detail)
  })
}

test('a core that could not be started and is stopped before that is told is stopped', async (t) => {
  const { pool, told } = poolOf(t, 'idle', {}, { payload: () => ({ data: { plan() {} } }) })
  pool.ensure(1)
  await pool.stopAll()
  await setImmediate()
  t.deepEqual(told, [['stopped', 1, undefined]])
})

test('a core that is stopped when it is told as lost is not started again', async (t) => {
  let stop = () => {}
  const events = { onStarted() {}, onLost: () => stop(), onStopped: () => t.fail(), onExceeded: () => t.fail() }
  const { pool } = poolOf(t, 'idle', { restarts: { max: 5 } }, { events })
  stop = () => void pool.stop(1)
  pool.ensure(1)
  await pool.kill(1, 'for the test')
  t.is(pool.stateOf(1), 'stopped')
})

// ----------------------------------------------------------------------------------------- what a core gets

test('a core has its number, its payload, its ports, and the environment and arguments that were given', async (t) => {
  const { pool, next } = poolOf(t, 'report', { env: { ONLY: 'this' }, execArgv: ['--no-warnings'] })
  pool.ensure(2)
  const [, from, , report] = await next('message')
  t.is(from, 2)
  t.like(report as object, { core: 2, note: 'for 2', ports: [0], env: { ONLY: 'this' }, execArgv: ['--no-warnings'] })
})

test('each two isolates have a port of their own, and a restarted core gets new ones', async (t) => {
  const { pool, next } = poolOf(t, 'idle', { restarts: { max: 5 } })
  for (const core of [1, 2]) {
    pool.ensure(core)
    await next('started')
  }
  const worker = (core: number, message: object) => pool.post(core, message as never)
  worker(1, { type: 'say', to: 0, text: 'main from 1' })
  await heard(t, pool, 1, 'main from 1')
  const hears = async (at: number, from: number, text: string) => {
    worker(from, { type: 'say', to: at, text })
    for (;;) {
      worker(at, { type: 'hear', from })
      const [, , , message] = await next('message')
      if ((message as { text?: string }).text === undefined) continue
      t.deepEqual(message, { type: 'heard', text })
      return
    }
  }
  await hears(1, 2, '1 from 2')
  await hears(2, 1, '2 from 1')
  const old = pool.portOf(2)
  await pool.kill(2, 'for the test')
  await next('started')
  t.not(pool.portOf(2), old)
  await hears(1, 2, '1 from the second 2')
  await hears(2, 1, 'the second 2 from 1')
})

async function heard(t: ExecutionContext, pool: Pool, core: number, text: string) {
  const port = pool.portOf(core)!
  t.deepEqual(await once(port, 'message'), [text])
  port.unref()
}

// serial: before the others, as what they leave for a moment would be counted
test.serial('starts and stops leave no threads and no ports', async (t) => {
  await stat('.') // starts the threads of the file system, which the loader of a core uses
  await cycles(2)
  const before = await atRest()
  await cycles(50)
  const after = await atRest()
  t.true(after.ports <= before.ports && after.threads <= before.threads, JSON.stringify({ before, after }))

  async function cycles(many: number) {
    for (let i = 0; i < many; i++) await cycle(i)
  }

  async function cycle(i: number) {
    const { pool, next } = poolOf(t, 'idle')
    pool.ensure(1)
    pool.ensure(2)
    if (i % 2 === 0) await Promise.all([next('started'), next('started')])
    if (i % 5 === 0) await pool.kill(1, 'for the test')
    await pool.stopAll(60_000)
  }
})

/** A port is gone a few turns of the event loop after it was closed. */
async function atRest() {
  for (let turns = 0; turns < 200; turns++) await setImmediate()
  return handles()
}

/** Referenced or not: a port is an 'async'. */
function handles() {
  const { libuv } = process.report.getReport() as unknown as { libuv: readonly { type: string }[] }
  const alone = process.platform === 'linux' && isMainThread // else other specs have threads, too
  const threads = alone ? readdirSync('/proc/self/task').length : 0
  return { ports: libuv.filter(({ type }) => type === 'async').length, threads }
}

test('there is no core beyond those of the system', (t) => {
  const { pool } = poolOf(t, 'idle')
  for (const core of [0, 5, -1]) t.throws(() => pool.ensure(core), { instanceOf: RangeError })
})
