import { runInNewContext } from 'node:vm'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { BuskinError } from '../../src/errors.ts'
import type { Supervision } from '../../src/lifecycle.ts'
import {
  actorOptions,
  actorStatics,
  callOptions,
  className,
  defaultActorSettings,
  defaultSupervision,
  delay,
  everyOptions,
  mergeActorOptions,
  noCallOptions,
  period,
  shutdownOptions,
  spawnOptions,
  stopOptions,
  systemOptions,
} from '../../src/options.ts'

const clock = { now: () => 0, advance: async () => {} }
const system = (input?: unknown) => systemOptions(input, (value) => value === clock)
const systemDefaults = system()
const base = defaultActorSettings(systemDefaults.mailbox)
const ref = { path: '/a' }
const placing = { cores: 4, isRef: (value: object) => value === ref }
const spawn = (input?: unknown) => spawnOptions(input, base, placing)
const statics = (members: object) =>
  actorStatics(
    Object.assign(
      class Counter {
        add() {}
      },
      members,
    ),
    placing,
  )

/** `run` throws ERR_BUSKIN_OPTION with a message that has all of `parts`. */
function refuses(t: ExecutionContext, run: () => unknown, ...parts: readonly string[]): void {
  let error: unknown
  try {
    run()
  } catch (thrown) {
    error = thrown
  }
  t.true(BuskinError.is(error, 'ERR_BUSKIN_OPTION'), `no option error, but ${String(error)}`)
  const { message } = error as BuskinError
  for (const part of parts) t.true(message.includes(part), `${part} in: ${message}`)
  t.regex(message, /; /)
}

const noBackoff = { min: 100, max: 30_000, factor: 2, jitter: 0.2, resetAfter: 10_000, firstAtOnce: true }
const noSupervision = {
  strategy: 'one-for-one',
  maxRestarts: 1_000,
  within: 60_000,
  backoff: noBackoff,
  decide: undefined,
}
const actorDefaults = {
  capacity: 1_048_576,
  overflow: 'reject',
  shutdown: 5_000,
  startTimeout: 30_000,
  restart: 'transient',
  mailboxOnRestart: 'keep',
  health: undefined,
  on: undefined,
  supervision: noSupervision,
}
const coreDefaults = {
  restarts: { max: 10, within: 60_000 },
  stallAfter: 10_000,
  spin: 'adaptive',
  pin: false,
  resourceLimits: undefined,
  env: undefined,
  execArgv: undefined,
}
const core = (said: object) => ({ core: { ...coreDefaults, ...said } })

// ------------------------------------------------------------------------------------------- defaults

test('a system without options has the documented defaults', (t) => {
  const defaults = {
    name: 'buskin',
    cores: 'auto',
    core: coreDefaults,
    threads: undefined,
    askTimeout: 5_000,
    shutdownTimeout: 10_000,
    mailbox: { capacity: 1_048_576, overflow: 'reject' },
    supervision: noSupervision,
    onEscalate: 'shutdown',
    log: undefined,
    clock: undefined,
    propagate: false,
    localMessages: 'share',
  }
  t.deepEqual(system() as unknown, defaults)
  t.deepEqual(system({}) as unknown, defaults)
  t.true(Object.isFrozen(system()))
  t.true(Object.isFrozen(system().mailbox))
  t.true(Object.isFrozen(system().core))
  t.true(Object.isFrozen(system().core.restarts))
})

test('cores and threads are numbered in one row, which has 62 places', (t) => {
  for (const [cores, threads] of [[0, 62], [62, 0], [2, 60], ['auto', 62]] as const) t.is(system({ cores, threads }).threads, threads)
  for (const [cores, threads, most] of [[62, 1, 0], [2, 61, 60], ['auto', 63, 62]] as const) refuses(t, () => system({ cores, threads }), 'threads', `from 0 to ${most}`)
})

test('an actor without options has the documented defaults', (t) => {
  t.deepEqual(base as unknown, actorDefaults)
  t.true(Object.isFrozen(base))
})

test('calls, stops, shutdowns and timers without options have the documented defaults', (t) => {
  t.is(callOptions(undefined), noCallOptions)
  t.true(Object.values(noCallOptions).every((value) => value === undefined))
  t.deepEqual(stopOptions(undefined), { drain: false, timeout: undefined })
  t.deepEqual(shutdownOptions(undefined, 10_000), { timeout: 10_000 })
  t.deepEqual(everyOptions(undefined), { from: 'start' })
})

// -------------------------------------------------------------------------------- one table of options

interface Door {
  readonly check: (input: unknown) => object
  /** option → value → what the result then has */
  readonly accepts: readonly (readonly [option: string, value: unknown, result: object])[]
  /** option → values that are refused by name */
  readonly refuses: Readonly<Record<string, readonly unknown[]>>
  /** misspelt → meant */
  readonly misspelt: Readonly<Record<string, string>>
}

const TOO_LONG = 2 ** 42 + 1
const notBoolean = [0, 1, 'true', null]
const notMs = [-1, NaN, -Infinity, TOO_LONG, '5', 5n, null, [], {}]
const names = [
  '',
  '.',
  '..',
  'a/b',
  '/',
  'a\nb',
  'a\u0000',
  '\u007f',
  '\u0085',
  'x'.repeat(201),
  '\ud800',
  'a\udc00b',
  5,
  null,
  [],
]
const buffers = [new ArrayBuffer(1)]
const controller = new AbortController()
const { signal } = controller
const log = { debug() {}, info() {}, warn() {}, error() {} }

const notHealthMs = [0, ...notMs]
const decide = () => 'stop' as const
/** What an option `supervision` says, and what holds then. */
const supervised = (said: object, holds: object = said) =>
  ['supervision', said, { supervision: { ...noSupervision, ...holds } }] as const
const backedOff = (said: object, holds: object = said) =>
  supervised({ backoff: said }, { backoff: { ...noBackoff, firstAtOnce: false, ...holds } })

const supervisionRows = {
  accepts: [
    supervised({}),
    supervised({ backoff: undefined, decide: undefined }, {}),
    ...['one-for-one', 'one-for-all', 'rest-for-one'].map((strategy) => supervised({ strategy })),
    ...[0, 0.5, 1, 2 ** 60, Infinity].map((maxRestarts) => supervised({ maxRestarts })),
    ...[0, 0.5, 2 ** 42, Infinity].map((within) => supervised({ within })),
    supervised({ decide }),
    supervised({ backoff: false }),
    supervised({ strategy: 'rest-for-one', maxRestarts: 1, within: 2, backoff: false, decide }),
    backedOff({}),
    backedOff({ min: undefined }, {}),
    backedOff({ min: 0 }),
    backedOff({ min: 30_000 }),
    backedOff({ min: 30_001 }, { min: 30_001, max: 30_001 }),
    backedOff({ max: 100 }),
    backedOff({ max: 99.5 }, { min: 99.5, max: 99.5 }),
    backedOff({ max: 0 }, { min: 0, max: 0 }),
    backedOff({ min: 7, max: 7 }),
    backedOff({ min: 50_000, max: 2 ** 42 }),
    ...[1, 1.5, 1e300].map((factor) => backedOff({ factor })),
    ...[0, 0.5, 1].map((jitter) => backedOff({ jitter })),
    ...[0, 1, Infinity].map((resetAfter) => backedOff({ resetAfter })),
  ],
  refuses: {
    supervision: [null, false, 5, 'one-for-one', [], () => {}, new Map()],
    'supervision.strategy': ['all-for-one', 'One-For-One', null, 0],
    'supervision.maxRestarts': [-1, NaN, -Infinity, '5', 5n, null, {}],
    'supervision.within': notMs,
    'supervision.backoff': [null, true, 0, 100, 'none', [], () => {}, new Map()],
    'supervision.backoff.min': [...notMs, Infinity],
    'supervision.backoff.max': [...notMs, Infinity],
    'supervision.backoff.factor': [0, 0.99, NaN, Infinity, '2', 2n, null],
    'supervision.backoff.jitter': [-0.1, 1.1, NaN, Infinity, '0', true, null],
    'supervision.backoff.resetAfter': notMs,
    'supervision.decide': [null, 'stop', {}, true],
  },
  misspelt: {
    'supervision.stategy': 'strategy',
    'supervision.maxRestart': 'maxRestarts',
    'supervision.backOff': 'backoff',
    'supervision.backoff.jiter': 'jitter',
    'supervision.backoff.resetafter': 'resetAfter',
  },
} satisfies Omit<Door, 'check'>

const actorRows = {
  accepts: [
    ['mailbox', { capacity: 1 }, { capacity: 1 }],
    ['mailbox', { capacity: Infinity }, { capacity: Infinity }],
    ['mailbox', { capacity: 2 ** 40 }, { capacity: 2 ** 40 }],
    ...['wait', 'drop-newest', 'drop-oldest', 'reject'].map(
      (overflow) => ['mailbox', { overflow }, { overflow }] as const,
    ),
    ['shutdown', 0, { shutdown: 0 }],
    ['shutdown', 1.5, { shutdown: 1.5 }],
    ['shutdown', 'brutal', { shutdown: 'brutal' }],
    ['shutdown', 'infinity', { shutdown: Infinity }],
    ['shutdown', Infinity, { shutdown: Infinity }],
    ['startTimeout', 0, { startTimeout: 0 }],
    ['startTimeout', 7, { startTimeout: 7 }],
    ['startTimeout', Infinity, { startTimeout: Infinity }],
    ...['permanent', 'transient', 'temporary'].map((restart) => ['restart', restart, { restart }] as const),
    ['mailboxOnRestart', 'keep', { mailboxOnRestart: 'keep' }],
    ['mailboxOnRestart', 'clear', { mailboxOnRestart: 'clear' }],
    ['health', { every: 10 }, { health: { every: 10, timeout: 5_000, threshold: 1 } }],
    ['health', { every: 0.5, timeout: 0.5 }, { health: { every: 0.5, timeout: 0.5, threshold: 1 } }],
    [
      'health',
      { every: 2 ** 42, timeout: Infinity, threshold: 3 },
      { health: { every: 2 ** 42, timeout: Infinity, threshold: 3 } },
    ],
    ...supervisionRows.accepts,
    ['on', 'local', { on: 'local' }],
    ['on', 'any', { on: 'any' }],
    ...[0, 1, 4].map((on) => ['on', on, { on }] as const),
    ['on', { near: ref }, { on: { near: ref } }],
    ...['', 'a', 0, -1.5, Infinity].map((key) => ['on', { key }, { on: { key } }] as const),
    ['on', { near: undefined, key: 1 }, { on: { key: 1 } }],
  ],
  refuses: {
    mailbox: [null, 5, 'reject', [], () => {}, new Map()],
    'mailbox.capacity': [0, -1, 1.5, NaN, -Infinity, 2 ** 53, '10', 10n, null],
    'mailbox.overflow': ['explode', 'Reject', null, 0],
    shutdown: ['', 'Infinity', 'kill', ...notMs],
    startTimeout: ['infinity', ...notMs],
    restart: ['never', 'Permanent', null, true],
    mailboxOnRestart: ['drop', null, false],
    health: [null, false, 10, 'often', [], () => {}, new Map()],
    'health.every': [undefined, Infinity, ...notHealthMs],
    'health.timeout': notHealthMs,
    'health.threshold': [0, -1, 1.5, NaN, Infinity, 2 ** 53, '1', 1n, null],
    ...supervisionRows.refuses,
    on: [-1, 1.5, NaN, 5, Infinity, 1n, 'main', 'Local', null, true, [], {}, new Map(), () => {}, { near: ref, key: 'a' }],
    'on.near': [null, 1, 'a', {}, { ...ref }, []],
    'on.key': [null, NaN, true, 1n, {}, Symbol('a')],
  },
  misspelt: {
    mailbx: 'mailbox',
    Mailbox: 'mailbox',
    shutdwon: 'shutdown',
    starttimeout: 'startTimeout',
    'mailbox.capcity': 'capacity',
    'mailbox.overFlow': 'overflow',
    mailboxonrestart: 'mailboxOnRestart',
    supervison: 'supervision',
    'health.evry': 'every',
    'health.treshold': 'threshold',
    'on.nera': 'near',
    'on.keys': 'key',
    ...supervisionRows.misspelt,
  },
} satisfies Omit<Door, 'check'>

const doors: Readonly<Record<string, Door>> = {
  createSystem: {
    check: system,
    accepts: [
      ['name', 'shop', { name: 'shop' }],
      ...[0, 1, 62, 'auto'].map((cores) => ['cores', cores, { cores }] as const),
      ['core', {}, {}],
      ['core', { restarts: { max: 0 } }, core({ restarts: { max: 0, within: 60_000 } })],
      ['core', { restarts: { max: Infinity, within: 5 } }, core({ restarts: { max: Infinity, within: 5 } })],
      ['core', { restarts: { within: Infinity } }, core({ restarts: { max: 10, within: Infinity } })],
      ['core', { stallAfter: 0.5 }, core({ stallAfter: 0.5 })],
      ['core', { stallAfter: false }, core({ stallAfter: false })],
      ['core', { spin: 'adaptive' }, core({ spin: 'adaptive' })],
      ['core', { spin: false }, core({ spin: false })],
      ['core', { pin: true }, core({ pin: true })],
      [
        'core',
        { resourceLimits: { maxOldGenerationSizeMb: 64, stackSizeMb: 0.5, codeRangeSizeMb: undefined } },
        core({ resourceLimits: { maxOldGenerationSizeMb: 64, stackSizeMb: 0.5 } }),
      ],
      ['core', { env: { A: 'a', B: '' } }, core({ env: { A: 'a', B: '' } })],
      ['core', { execArgv: ['--no-warnings'] }, core({ execArgv: ['--no-warnings'] })],
      ...[0, 1, 62].map((threads) => ['threads', threads, { threads }] as const),
      ['mailbox', { capacity: 3 }, { mailbox: { capacity: 3, overflow: 'reject' } }],
      ['mailbox', { overflow: 'wait' }, { mailbox: { capacity: 1_048_576, overflow: 'wait' } }],
      ['askTimeout', 0, { askTimeout: 0 }],
      ['askTimeout', Infinity, { askTimeout: Infinity }],
      ['shutdownTimeout', 1, { shutdownTimeout: 1 }],
      ['shutdownTimeout', Infinity, { shutdownTimeout: Infinity }],
      ...supervisionRows.accepts,
      ['onEscalate', 'shutdown', { onEscalate: 'shutdown' }],
      ['onEscalate', 'report', { onEscalate: 'report' }],
      ['log', false, { log: false }],
      ['log', log, { log }],
      ['log', console, { log: console }],
      ['clock', clock, { clock }],
      ['propagate', true, { propagate: true }],
      ['propagate', false, { propagate: false }],
      ...['share', 'freeze', 'copy'].map(
        (localMessages) => ['localMessages', localMessages, { localMessages }] as const,
      ),
    ],
    refuses: {
      name: names,
      cores: [-1, 1.5, NaN, 63, Infinity, '0', 'all', null, false],
      core: [null, 5, 'fast', [], () => {}, new Map()],
      'core.restarts': [null, 5, false, []],
      'core.restarts.max': [-1, NaN, '5', null],
      'core.restarts.within': notMs,
      'core.stallAfter': [0, true, Infinity, ...notMs],
      'core.spin': [true, 'always', null, 0],
      'core.pin': notBoolean,
      'core.resourceLimits': [null, 64, '64', []],
      'core.resourceLimits.maxOldGenerationSizeMb': [0, -1, NaN, Infinity, '64', null],
      'core.resourceLimits.stackSizeMb': [0, null],
      'core.env': [null, 5, 'A=a', ['A=a'], new Map([['A', 'a']])],
      'core.env.A': [1, undefined, null],
      'core.execArgv': [null, '--no-warnings', { 0: 'a' }],
      'core.execArgv[0]': [5, undefined, null],
      threads: [-1, 1.5, NaN, 63, Infinity, '2', 'auto', null, true],
      mailbox: actorRows.refuses.mailbox,
      'mailbox.capacity': actorRows.refuses['mailbox.capacity'],
      'mailbox.overflow': actorRows.refuses['mailbox.overflow'],
      askTimeout: notMs,
      shutdownTimeout: notMs,
      ...supervisionRows.refuses,
      onEscalate: ['ignore', null, false],
      log: [true, null, 'stderr'],
      'log.debug': [undefined, 1],
      'log.warn': [undefined, 1],
      clock: [null, 5, {}, { ...clock }],
      propagate: notBoolean,
      localMessages: ['clone', null, true],
    },
    misspelt: {
      coers: 'cores',
      'core.restart': 'restarts',
      'core.restarts.maximum': 'max',
      'core.resourceLimits.maxOldGenerationSizeMB': 'maxOldGenerationSizeMb',
      asktimeout: 'askTimeout',
      shutdownTimout: 'shutdownTimeout',
      mailbox_: 'mailbox',
      logger: 'log',
      ...supervisionRows.misspelt,
    },
  },
  spawn: {
    check: spawn,
    accepts: [
      ...actorRows.accepts,
      ['name', 'counter', {}],
      ['name', 'x'.repeat(200), {}],
      ['name', 'Zähler 7 — 🎭', {}],
      ['name', '...', {}],
      ['name', '__proto__', {}],
      ['args', [], {}],
      ['args', [1, undefined], {}],
    ],
    refuses: { ...actorRows.refuses, name: names, args: [null, 5, 'ab', {}, new Set([1])] },
    misspelt: { ...actorRows.misspelt, nmae: 'name', arg: 'args', argz: 'args' },
  },
  'static options': {
    check: (input) => {
      const { options } = statics({ options: prefixed(input, 'Counter.options') })
      return mergeActorOptions(base, options)
    },
    ...actorRows,
  },
  'ref.with': {
    check: (input) => callOptions(input),
    accepts: [
      ['timeout', 0, { timeout: 0 }],
      ['timeout', Infinity, { timeout: Infinity }],
      ['timeout', 1.5, { timeout: 1.5 }],
      ...['high', 'normal', 'low'].map((priority) => ['priority', priority, { priority }] as const),
      ['ttl', 0, { ttl: 0 }],
      ['ttl', 2 ** 42, { ttl: 2 ** 42 }],
      ['signal', signal, { signal }],
      ['transfer', buffers, { transfer: buffers }],
      ['transfer', [], { transfer: [] }],
    ],
    refuses: {
      timeout: notMs,
      priority: ['urgent', 'High', 0, null],
      ttl: [...notMs, Infinity],
      signal: [
        {},
        null,
        { aborted: false },
        { aborted: 0, addEventListener() {}, removeEventListener() {} },
        controller,
      ],
      transfer: [null, {}, new ArrayBuffer(1)],
      'transfer[0]': [new Uint8Array(1), new SharedArrayBuffer(1), null],
    },
    misspelt: { tll: 'ttl', timeOut: 'timeout', prio: 'priority', signals: 'signal' },
  },
  'ref.stop': {
    check: stopOptions,
    accepts: [
      ['drain', true, { drain: true }],
      ['drain', false, { drain: false }],
      ['timeout', 0, { timeout: 0 }],
      ['timeout', Infinity, { timeout: Infinity }],
    ],
    refuses: { drain: notBoolean, timeout: notMs },
    misspelt: { drian: 'drain', timeot: 'timeout' },
  },
  'system.shutdown': {
    check: (input) => shutdownOptions(input, 10_000),
    accepts: [
      ['timeout', 0, { timeout: 0 }],
      ['timeout', Infinity, { timeout: Infinity }],
    ],
    refuses: { timeout: notMs },
    misspelt: { timeot: 'timeout' },
  },
  'ctx.every': {
    check: everyOptions,
    accepts: [
      ['from', 'start', { from: 'start' }],
      ['from', 'end', { from: 'end' }],
    ],
    refuses: { from: ['middle', null, 0] },
    misspelt: { form: 'from' },
  },
}

/** The statics' errors put the class in front of an option's name; here it is only checked that they do. */
function prefixed(input: unknown, prefix: string): unknown {
  let message = ''
  try {
    actorOptions(input, prefix, placing)
  } catch (error) {
    ;({ message } = error as Error)
  }
  if (message !== '' && !message.includes(`'${prefix}`)) throw new Error(`no ${prefix} in: ${message}`)
  return input
}

/** What an option must have beside the wrong thing in it. */
const complete: Readonly<Record<string, object>> = { log, health: { every: 1 } }

/** 'mailbox.capacity', 5 → { mailbox: { capacity: 5 } }; 'transfer[0]', 5 → { transfer: [5] } */
function withOption(name: string, value: unknown): object {
  const dot = name.indexOf('.')
  if (dot < 0) return name.endsWith('[0]') ? { [name.slice(0, -3)]: [value] } : { [name]: value }
  const outer = name.slice(0, dot)
  return { [outer]: { ...complete[outer], ...withOption(name.slice(dot + 1), value) } }
}

for (const [door, { check, accepts, refuses: refused, misspelt }] of Object.entries(doors)) {
  for (const [name, value, result] of accepts) {
    test(`${door} takes ${name} ${label(value)} at its word`, (t) => {
      const checked = check({ [name]: value })
      t.deepEqual(checked, { ...check(undefined), ...result })
      t.true(Object.isFrozen(checked))
    })
  }
  for (const [name, values] of Object.entries(refused)) {
    test(`${door} refuses a bad ${name} by name`, (t) => {
      for (const value of values) refuses(t, () => check(withOption(name, value)), name, 'use ')
    })
  }
  for (const [wrong, right] of Object.entries(misspelt)) {
    test(`${door} asks whether ${wrong} was to be ${right}`, (t) => {
      refuses(t, () => check(withOption(wrong, 1)), 'unknown option', wrong, `did you mean '${right}'?`)
    })
  }
  test(`${door} lists its options when none is near`, (t) => {
    refuses(t, () => check({ qqqqqqqq: 1 }), "qqqqqqqq'", 'the options here are')
  })
  test(`${door} takes an option that is undefined for absent`, (t) => {
    const all = new Set(accepts.map(([name]) => name))
    const absent = Object.fromEntries([...all].map((name) => [name, undefined]))
    t.deepEqual(check(absent), check(undefined))
  })
  test(`${door} refuses what is no object of options`, (t) => {
    const others = [null, 5, 'x', true, [], [1], () => {}, class {}, new Map(), new Date(), Promise.resolve({})]
    for (const input of others) refuses(t, () => check(input), 'use an object')
  })
  test(`${door} reads inherited options too, and misspelt ones among them are refused`, (t) => {
    const [name, value, result] = accepts[0] as Door['accepts'][number]
    t.deepEqual(check(Object.create({ [name]: value })), { ...check(undefined), ...result })
    refuses(t, () => check(Object.create({ qqqqqqqq: 1 })), 'qqqqqqqq')
    t.deepEqual(check(Object.create(null)), check(undefined))
  })
}

function label(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 20)}'${value.length > 20 ? '…' : ''}`
  if (value === console) return 'console'
  return typeof value === 'object' ? JSON.stringify(value, shown) : String(value)
}

/** What JSON leaves out, or takes for null. */
function shown(_key: string, value: unknown): unknown {
  return value === undefined || value === Infinity || typeof value === 'function' ? String(value) : value
}

// ------------------------------------------------------------------------------------ spawns and merging

test('a spawn without options, or with name and args only, returns what holds already', (t) => {
  t.is(spawn(), base)
  t.is(spawn({}), base)
  t.is(spawn({ args: [1] }), base)
  t.is(spawn({ name: 'a', args: [] }), base)
  t.is(spawn({ name: undefined, args: undefined }), base)
})

test('a spawn names the cores that there are', (t) => {
  refuses(t, () => spawn({ on: 5 }), "'on' = 5", "an integer from 0 to 4, this system's cores")
  refuses(t, () => statics({ options: { on: 5 } }), "'Counter.options.on' = 5", 'from 0 to 4')
  refuses(t, () => spawnOptions({ on: 1 }, base), "'on' = 1", 'use 0, as this system has no other cores')
  refuses(t, () => spawnOptions({ on: { near: ref } }, base), "'on.near'", 'a ref')
  t.deepEqual(spawnOptions({ on: { key: 1 } }, base).on, { key: 1 })
})

test("a spawn's place wins over its class's, and no said place is none", (t) => {
  const ofClass = mergeActorOptions(base, statics({ options: { on: 2 } }).options)
  t.is(ofClass.on, 2)
  t.is(spawnOptions({ shutdown: 1 }, ofClass, placing).on, 2)
  t.is(spawnOptions({ on: 'local' }, ofClass, placing).on, 'local')
  t.is(spawnOptions({ on: 0 }, ofClass, placing).on, 0)
  t.is(base.on, undefined)
})

test('what a place and the options of cores hold is their own', (t) => {
  const on = { key: 'a' }
  const checked = spawn({ on })
  on.key = 'b'
  t.deepEqual(checked.on, { key: 'a' })
  const env: Record<string, string> = { A: 'a' }
  const execArgv = ['--no-warnings']
  const { core: cores } = system({ core: { env, execArgv } })
  env['A'] = 'b'
  execArgv.push('--trace-gc')
  t.deepEqual(cores.env, { A: 'a' })
  t.deepEqual(cores.execArgv, ['--no-warnings'])
  t.deepEqual(system({ core: { env: process.env } }).core.env, { ...process.env } as Record<string, string>)
})

test('a spawn that gives its arguments instead of options is told how to give them', (t) => {
  refuses(t, () => spawn([10]), 'args')
})

test('static options have no name and no args', (t) => {
  refuses(t, () => actorOptions({ name: 'a' }, 'Counter.options'), "'Counter.options.name'")
  refuses(t, () => actorOptions({ args: [] }, 'Counter.options'), "'Counter.options.args'")
})

test('a spawn wins over its class, a class over its system, a system over what is built in', (t) => {
  const ofSystem = defaultActorSettings(system({ mailbox: { capacity: 1, overflow: 'wait' } }).mailbox)
  t.deepEqual(ofSystem as unknown, { ...actorDefaults, capacity: 1, overflow: 'wait' })
  const { options } = statics({
    options: { mailbox: { capacity: 2 }, shutdown: 'infinity', startTimeout: 2, restart: 'permanent' },
  })
  const ofClass = mergeActorOptions(ofSystem, options)
  const classSays = { capacity: 2, shutdown: Infinity, startTimeout: 2, restart: 'permanent' }
  t.deepEqual(ofClass as unknown, { ...actorDefaults, overflow: 'wait', ...classSays })
  const ofSpawn = spawnOptions(
    { mailbox: { overflow: 'drop-oldest' }, shutdown: 0, restart: 'temporary', mailboxOnRestart: 'clear' },
    ofClass,
  )
  const spawnSays = { overflow: 'drop-oldest', shutdown: 0, restart: 'temporary', mailboxOnRestart: 'clear' }
  t.deepEqual(ofSpawn as unknown, { ...actorDefaults, ...classSays, ...spawnSays })
  t.deepEqual(ofClass.shutdown, Infinity)
  t.true([ofSystem, ofClass, ofSpawn].every((settings) => Object.isFrozen(settings)))
})

test('a class without options costs no settings of its own', (t) => {
  t.is(mergeActorOptions(base, statics({}).options), base)
})

test('health at the spawn replaces that of the class as a whole', (t) => {
  const ofClass = mergeActorOptions(base, actorOptions({ health: { every: 1, timeout: 2, threshold: 3 } }, 'C.options'))
  t.deepEqual(ofClass.health, { every: 1, timeout: 2, threshold: 3 })
  t.true(Object.isFrozen(ofClass.health))
  t.deepEqual(spawnOptions({ health: { every: 9 } }, ofClass).health, { every: 9, timeout: 5_000, threshold: 1 })
  t.is(spawnOptions({ health: undefined, shutdown: 0 }, ofClass).health, ofClass.health)
  refuses(t, () => spawnOptions({ health: { timeout: 9 } }, ofClass), "'health.every' = undefined", 'ms above 0')
})

// ----------------------------------------------------------------------------------------- supervision

/** What holds when the class says the first and the spawn the second. */
function ofBoth(ofClass?: Supervision, ofSpawn?: Supervision) {
  const { options } = statics({ options: { supervision: ofClass } })
  return spawnOptions({ supervision: ofSpawn }, mergeActorOptions(base, options)).supervision
}

test('the default supervision is one frozen object wherever nothing was said', (t) => {
  t.deepEqual(defaultSupervision as unknown, noSupervision)
  t.true(Object.isFrozen(defaultSupervision) && Object.isFrozen(defaultSupervision.backoff))
  const nothing: readonly (Supervision | undefined)[] = [undefined, {}, Object.create({ strategy: undefined })]
  t.is(base.supervision, defaultSupervision)
  t.is(spawn({ shutdown: 1 }).supervision, defaultSupervision)
  for (const said of nothing) {
    t.is(system({ supervision: said }).supervision, defaultSupervision)
    for (const other of nothing) t.is(ofBoth(said, other), defaultSupervision)
  }
})

test('what is said of supervision is frozen, and another object even if it is as the default', (t) => {
  for (const said of [{ strategy: 'one-for-one' }, { backoff: {} }] satisfies Supervision[]) {
    for (const settings of [ofBoth(said), ofBoth(undefined, said), system({ supervision: said }).supervision]) {
      t.not(settings, defaultSupervision)
      t.true(Object.isFrozen(settings) && Object.isFrozen(settings.backoff))
    }
  }
})

test('the supervision of a spawn wins over that of its class key by key', (t) => {
  const ofClass: Supervision = { strategy: 'one-for-all', maxRestarts: 3, decide }
  const merged = ofBoth(ofClass, { maxRestarts: 0, within: Infinity })
  t.deepEqual(merged as unknown, {
    ...noSupervision,
    strategy: 'one-for-all',
    maxRestarts: 0,
    within: Infinity,
    decide,
  })
  t.not(ofBoth(ofClass, { decide: () => {} }).decide, decide)
  const { options } = statics({ options: { supervision: ofClass } })
  const settings = mergeActorOptions(base, options)
  t.is(spawnOptions({ shutdown: 1, supervision: {} }, settings).supervision, settings.supervision)
})

test('a backoff of the spawn replaces that of its class as a whole', (t) => {
  const given = { ...noBackoff, firstAtOnce: false }
  const both = ofBoth({ backoff: { min: 5, factor: 3 } }, { backoff: { max: 50 } })
  t.deepEqual(both.backoff, { ...given, min: 50, max: 50 })
  t.deepEqual(ofBoth({ backoff: { min: 5 } }, { backoff: {} }).backoff, given)
  t.is(ofBoth({ backoff: { min: 5 } }, { backoff: false }).backoff, false)
  t.deepEqual(ofBoth({ backoff: false }, { backoff: { min: 5 } }).backoff, { ...given, min: 5 })
  t.is(ofBoth({ backoff: false }, { maxRestarts: 1 }).backoff, false)
  t.deepEqual(ofBoth({ backoff: { min: 5 } }, { maxRestarts: 1 }).backoff, { ...given, min: 5 })
})

test('the first restart in a row is at once only where no backoff was given at any level', (t) => {
  const firstAtOnce = ({ backoff }: { backoff: unknown }) => (backoff as { firstAtOnce: boolean }).firstAtOnce
  t.true(firstAtOnce(defaultSupervision))
  t.true(firstAtOnce(ofBoth({ maxRestarts: 1 }, { within: 1 })))
  t.false(firstAtOnce(ofBoth({ backoff: {} }, { within: 1 })))
  t.false(firstAtOnce(ofBoth({ within: 1 }, { backoff: {} })))
  t.false(firstAtOnce(system({ supervision: { backoff: { min: 100 } } }).supervision))
})

test('a backoff whose min is above its max is refused by both names', (t) => {
  const supervision = { backoff: { min: 501, max: 500 } }
  const text = "'supervision.backoff.min' = 501: not accepted; use at most 'supervision.backoff.max', which is 500"
  refuses(t, () => spawn({ supervision }), text)
  refuses(t, () => system({ supervision }), text)
  const named = ["'Counter.options.supervision.backoff.min' = 501", "'Counter.options.supervision.backoff.max'"]
  refuses(t, () => statics({ options: { supervision } }), ...named)
})

test('bad supervision and health are told what is good', (t) => {
  const needed: readonly (readonly [string, unknown, string])[] = [
    ['restart', 'never', "use 'permanent' or 'transient' or 'temporary'"],
    ['mailboxOnRestart', 'drop', "use 'keep' or 'clear'"],
    ['health', 5, 'use an object, with any of every, timeout, threshold'],
    ['health.every', 0, 'use a number of ms above 0, at most 4398046511104'],
    ['health.timeout', 0, 'use a number of ms above 0, at most 4398046511104, or Infinity'],
    ['health.threshold', 0, 'use an integer of at least 1'],
    ['supervision', 5, 'use an object, with any of strategy, maxRestarts, within, backoff, decide'],
    ['supervision.strategy', 'x', "use 'one-for-one' or 'one-for-all' or 'rest-for-one'"],
    ['supervision.maxRestarts', -1, 'use a number of at least 0, or Infinity'],
    ['supervision.within', -1, 'use a number of ms from 0 to 4398046511104, or Infinity'],
    ['supervision.backoff', true, 'use false, or an object with any of min, max, factor, jitter, resetAfter'],
    ['supervision.backoff.min', -1, 'use a number of ms from 0 to 4398046511104'],
    ['supervision.backoff.max', Infinity, 'use a number of ms from 0 to 4398046511104'],
    ['supervision.backoff.factor', 0.5, 'use a finite number of at least 1'],
    ['supervision.backoff.jitter', 2, 'use a number from 0 to 1'],
    ['supervision.backoff.resetAfter', -1, 'use a number of ms from 0 to 4398046511104, or Infinity'],
    ['supervision.decide', 5, "use a function that returns 'restart', 'stop', 'resume', 'escalate' or nothing"],
  ]
  for (const [name, value, use] of needed) {
    refuses(t, () => spawn(withOption(name, value)), `option '${name}' = `, use)
    refuses(t, () => statics({ options: withOption(name, value) }), `option 'Counter.options.${name}' = `, use)
  }
})

test("a system's supervision is that of its root, and no default for its actors", (t) => {
  const settings = system({ supervision: { strategy: 'one-for-all' } })
  t.is(settings.supervision.strategy, 'one-for-all')
  t.is(defaultActorSettings(settings.mailbox).supervision, defaultSupervision)
})

test('options that change after the call change no settings', (t) => {
  const backoff = { min: 1 }
  const supervision = { maxRestarts: 1, backoff }
  const health = { every: 1 }
  const settings = spawn({ supervision, health })
  Object.assign(backoff, { min: 2 })
  Object.assign(supervision, { maxRestarts: 2 })
  Object.assign(health, { every: 2 })
  t.is(settings.supervision.maxRestarts, 1)
  t.like(settings.supervision.backoff, { min: 1 })
  t.is(settings.health?.every, 1)
})

// ---------------------------------------------------------------------------------------------- statics

class Parent {
  read() {}
  async later() {}
  *digits() {}
  async *watch() {}
  get computed(): () => void {
    throw new Error('a getter ran')
  }
  onStart() {}
  toString() {
    return 'parent'
  }
}

test('a class without statics has no module and nothing concurrent', (t) => {
  const checked = actorStatics(Parent)
  t.is(checked.module, undefined)
  t.deepEqual(checked.concurrent, [])
  t.true(Object.isFrozen(checked) && Object.isFrozen(checked.concurrent))
})

test('only an own and defined module counts', (t) => {
  class Own extends Parent {
    static module = 'file:///own.js'
  }
  class Inherits extends Own {}
  class Undefined extends Own {
    static override module = undefined as unknown as string
  }
  t.is(actorStatics(Own).module, 'file:///own.js')
  t.is(actorStatics(Inherits).module, undefined)
  t.is(actorStatics(Undefined).module, undefined)
})

test('a module that is no string is refused', (t) => {
  for (const module of [null, 5, '', import.meta, new URL('file:///a.js')]) {
    refuses(t, () => statics({ module }), 'Counter.module', 'import.meta.url')
  }
})

test('concurrent takes methods, inherited ones too, and keeps its own list', (t) => {
  class Child extends Parent {
    static concurrent = ['read', 'later', 'own']
    own() {}
  }
  const { concurrent } = actorStatics(Child)
  t.deepEqual(concurrent, ['read', 'later', 'own'])
  t.deepEqual(actorStatics(class Grandchild extends Child {}).concurrent, concurrent)
  Child.concurrent.length = 0
  t.is(concurrent.length, 3)
})

test('concurrent refuses what is no method, a hook, a getter and a generator', (t) => {
  const bad = [
    'raed',
    'onStart',
    'constructor',
    'computed',
    'digits',
    'watch',
    'hasOwnProperty',
    '__proto__',
    '',
    5,
    null,
  ]
  for (const name of bad) {
    const cls = Object.assign(class Child extends Parent {}, { concurrent: ['read', name] })
    refuses(t, () => actorStatics(cls), 'Child.concurrent[1]', 'method')
  }
  for (const concurrent of [null, 'read', { 0: 'read' }, new Set(['read'])]) {
    refuses(t, () => statics({ concurrent }), 'Counter.concurrent', 'an array')
  }
})

test('options of a class are named after it', (t) => {
  refuses(t, () => statics({ options: { mailbox: { capacity: 0 } } }), "'Counter.options.mailbox.capacity' = 0")
  refuses(t, () => statics({ options: { mailbx: 1 } }), "'Counter.options.mailbx'", "'mailbox'")
  refuses(t, () => statics({ options: null }), "'Counter.options' = null")
})

test('a class is called by its name, and Actor when that is none', (t) => {
  t.is(className(Parent), 'Parent')
  t.is(className(class Größe {}), 'Größe')
  t.is(className(class {}), 'Actor')
  for (const name of ['a/b', '', 'a b', 5, () => {}]) {
    const cls = class {}
    Object.defineProperty(cls, 'name', { value: name })
    t.is(className(cls), 'Actor')
  }
})

// ------------------------------------------------------------------------------------------ single calls

test('options of a call leave out nothing that a ref has already', (t) => {
  const first = callOptions({ timeout: 5, priority: 'high' })
  const second = callOptions({ timeout: 0, ttl: 7 }, first)
  t.deepEqual(second, { timeout: 0, priority: 'high', ttl: 7, signal: undefined, transfer: undefined })
  t.is(callOptions(undefined, first), first)
})

test('a list of buffers to transfer that changes later changes no call', (t) => {
  const transfer = [new ArrayBuffer(1)]
  const checked = callOptions({ transfer })
  transfer.length = 0
  t.is(checked.transfer?.length, 1)
})

test('a buffer of another realm is a buffer', (t) => {
  const transfer = [runInNewContext('new ArrayBuffer(1)') as ArrayBuffer]
  t.is(callOptions({ transfer }).transfer?.[0], transfer[0])
})

test('a signal of another realm or of a polyfill is a signal', (t) => {
  const foreign = { aborted: false, addEventListener() {}, removeEventListener() {} }
  t.is(callOptions({ signal: foreign }).signal as unknown, foreign)
})

test('the time of a shutdown wins over that of the system', (t) => {
  t.is(shutdownOptions({ timeout: 0 }, 7).timeout, 0)
  t.is(shutdownOptions({}, 7).timeout, 7)
})

test('a delay is a finite time from 0, a period one from 1', (t) => {
  for (const ms of [0, 0.5, 1, 2 ** 42]) t.is(delay(ms), ms)
  for (const ms of [1, 1.5, 2 ** 42]) t.is(period(ms), ms)
  for (const ms of [-1, NaN, Infinity, TOO_LONG, '5', null, undefined, 5n]) {
    refuses(t, () => delay(ms), "'ms'", 'from 0')
    refuses(t, () => period(ms), "'ms'", 'from 1')
  }
  for (const ms of [0, 0.5]) refuses(t, () => period(ms), 'from 1')
})
