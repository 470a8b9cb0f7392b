import test from 'ava'
import * as errors from '../../src/errors.ts'
import { BuskinError, isRefusal, Refusal } from '../../src/errors.ts'
import type { BuskinErrorCode } from '../../src/errors.ts'

const { href } = new URL('../../src/errors.ts', import.meta.url)
const secondCopy = (await import(`${href}?copy`)) as typeof errors

const hostile: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a string', 'ERR_BUSKIN_OPTION'],
  ['a function', () => {}],
  ['an object with only a code', { code: 'ERR_BUSKIN_OPTION', name: 'BuskinError' }],
  ['another error', Object.assign(new Error('x'), { code: 'ERR_BUSKIN_OPTION' })],
  [
    'an object whose every property throws',
    new Proxy(
      {},
      {
        get() {
          throw new Error('hands off')
        },
      },
    ),
  ],
  ['a revoked proxy', revoked()],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

test('an error of Buskin is an Error with code, name and stack', (t) => {
  const error = new BuskinError('ERR_BUSKIN_OPTION', 'what: the thing; remedy')
  t.true(error instanceof Error)
  t.is(error.code, 'ERR_BUSKIN_OPTION')
  t.is(error.name, 'BuskinError')
  t.is(String(error), 'BuskinError: what: the thing; remedy')
  t.regex(error.stack ?? '', /errors\.spec/)
  t.deepEqual(Object.keys(error), ['code'])
})

test('an error of Buskin has a cause only when one is given', (t) => {
  const cause = new Error('behind it')
  t.is(new BuskinError('ERR_BUSKIN_START', 'm', { cause }).cause, cause)
  t.false(Object.hasOwn(new BuskinError('ERR_BUSKIN_START', 'm'), 'cause'))
})

test('BuskinError.is tells by code when a code is given', (t) => {
  const error: unknown = new BuskinError('ERR_BUSKIN_STOPPED', 'm')
  t.true(BuskinError.is(error))
  t.true(BuskinError.is(error, 'ERR_BUSKIN_STOPPED'))
  t.false(BuskinError.is(error, 'ERR_BUSKIN_CLOSED'))
})

test('BuskinError.is and isRefusal know what a second copy of the package made', (t) => {
  t.not(secondCopy.BuskinError, BuskinError)
  const error: unknown = new secondCopy.BuskinError('ERR_BUSKIN_STOPPED', 'm')
  t.false(error instanceof BuskinError)
  t.true(BuskinError.is(error, 'ERR_BUSKIN_STOPPED'))
  t.true(isRefusal(new secondCopy.Refusal('no')))
  t.true(Refusal.is(new secondCopy.Refusal('no')))
})

test('a refusal is no BuskinError and a BuskinError is no refusal', (t) => {
  t.false(BuskinError.is(new Refusal('no')))
  t.false(isRefusal(new BuskinError('ERR_BUSKIN_OPTION', 'm')))
})

test('subclasses of both are known for what they are', (t) => {
  class TooPoor extends Refusal {}
  class Special extends BuskinError {}
  t.true(isRefusal(new TooPoor('no')))
  t.true(BuskinError.is(new Special('ERR_BUSKIN_OPTION', 'm')))
})

for (const [what, value] of hostile) {
  test(`${what} is neither a BuskinError nor a refusal, and asking never throws`, (t) => {
    t.false(BuskinError.is(value))
    t.false(Refusal.is(value))
    t.false(isRefusal(value))
  })
}

test('a refusal carries message, details and cause', (t) => {
  const details = { left: 3 }
  const cause = new Error('behind it')
  const refusal = new Refusal('no', { details, cause })
  t.true(refusal instanceof Error)
  t.is(refusal.name, 'Refusal')
  t.is(refusal.message, 'no')
  t.is(refusal.details, details)
  t.is(refusal.cause, cause)
  t.is(new Refusal('no').details, undefined)
  t.false(Object.hasOwn(new Refusal('no', { details }), 'cause'))
})

// ---------------------------------------------------------------------------------------- the messages

interface Made {
  readonly error: BuskinError
  readonly code: BuskinErrorCode
  /** What the message must name. */
  readonly names: readonly string[]
}

const cause = new Error('behind it')

const made: Readonly<Record<string, Made>> = {
  stopped: { error: errors.stopped('/a/b', 'add'), code: 'ERR_BUSKIN_STOPPED', names: ['/a/b', "'add'"] },
  closed: {
    error: errors.closed('shop', 'spawn Counter'),
    code: 'ERR_BUSKIN_CLOSED',
    names: ["'shop'", 'spawn Counter'],
  },
  timeout: { error: errors.timeout('/a', 'read', 50), code: 'ERR_BUSKIN_TIMEOUT', names: ['/a', "'read'", '50 ms'] },
  mailboxFull: {
    error: errors.mailboxFull('/a', 'add', 10),
    code: 'ERR_BUSKIN_MAILBOX_FULL',
    names: ['/a', "'add'", '10'],
  },
  expired: { error: errors.expired('/a', 'add', 7), code: 'ERR_BUSKIN_EXPIRED', names: ['/a', "'add'", '7 ms'] },
  aborted: { error: errors.aborted('/a', 'add', cause), code: 'ERR_BUSKIN_ABORTED', names: ['/a', "'add'"] },
  noHandler: {
    error: errors.noHandler('/a', 'ad'),
    code: 'ERR_BUSKIN_NO_HANDLER',
    names: ['/a', "'ad'", 'onUnhandled'],
  },
  coreLost: {
    error: errors.coreLost('/a', 'add'),
    code: 'ERR_BUSKIN_CORE_LOST',
    names: ['/a', "'add'", "'core' events"],
  },
  deadlock: {
    error: errors.deadlock(['/a', '/b'], 'x', 50),
    code: 'ERR_BUSKIN_DEADLOCK',
    names: ['/a -> /b -> /a', "'x'", '50 ms'],
  },
  notSerializable: {
    error: errors.notSerializable('/a', 'keep', 'args[0].save', () => 1),
    code: 'ERR_BUSKIN_NOT_SERIALIZABLE',
    names: ['args[0].save', '/a', "'keep'", '[Function'],
  },
  nameTaken: { error: errors.nameTaken('n', '/a'), code: 'ERR_BUSKIN_NAME_TAKEN', names: ["'n'", '/a'] },
  notAnActor: {
    error: errors.notAnActor(class Foo {}),
    code: 'ERR_BUSKIN_NOT_AN_ACTOR',
    names: ['class Foo', 'extends Actor'],
  },
  startFailed: { error: errors.startFailed('/a', cause), code: 'ERR_BUSKIN_START', names: ['/a'] },
  noModule: { error: errors.noModule('Foo'), code: 'ERR_BUSKIN_MODULE', names: ['Foo', 'import.meta.url', 'export'] },
  badModule: {
    error: errors.badModule('Foo', '/a.js'),
    code: 'ERR_BUSKIN_MODULE',
    names: ['Foo.module', "'/a.js'", 'import.meta.url'],
  },
  notExported: {
    error: errors.notExported('file:///a.js', 'Foo'),
    code: 'ERR_BUSKIN_MODULE',
    names: ["'file:///a.js'", 'Foo', 'export'],
  },
  moduleStuck: {
    error: errors.moduleStuck('file:///a.js', 'Foo', 10),
    code: 'ERR_BUSKIN_MODULE',
    names: ["'file:///a.js'", 'Foo', '10 ms', 'top-level await'],
  },
  systemOnCore: {
    error: errors.systemOnCore('file:///a.js'),
    code: 'ERR_BUSKIN_MODULE',
    names: ["'file:///a.js'", 'createSystem', 'isMainThread'],
  },
  moduleFailed: {
    error: errors.moduleFailed('file:///a.js', 'Foo', cause),
    code: 'ERR_BUSKIN_MODULE',
    names: ["'file:///a.js'", "'Foo'", 'cause'],
  },
  noSuchExport: {
    error: errors.noSuchExport('file:///a.js', 'Foo', undefined),
    code: 'ERR_BUSKIN_MODULE',
    names: ["'file:///a.js'", "'Foo'", 'undefined', 'Actor'],
  },
  option: {
    error: errors.option('mailbox.capacity', -1, 'an integer'),
    code: 'ERR_BUSKIN_OPTION',
    names: ["'mailbox.capacity'", '-1', 'use an integer'],
  },
  unknownOption: {
    error: errors.unknownOption('mailbx', 'mailbox', ['mailbox', 'on']),
    code: 'ERR_BUSKIN_OPTION',
    names: ["unknown option 'mailbx'; did you mean 'mailbox'?"],
  },
  timedOut: {
    error: errors.timedOut('health check', 'onHealth', '/a', 50, 'health.timeout'),
    code: 'ERR_BUSKIN_TIMEOUT',
    names: ['health check', 'onHealth', '/a', '50 ms', 'health.timeout'],
  },
  linkBroken: { error: errors.linkBroken('/a', 'killed'), code: 'ERR_BUSKIN_STOPPED', names: ['/a', 'killed', 'watch'] },
  startedTooOften: {
    error: errors.startedTooOften('/a', 3, 500),
    code: 'ERR_BUSKIN_STOPPED',
    names: ['/a', '3 restarts', '500 ms', 'supervision.maxRestarts'],
  },
  noThreads: { error: errors.noThreads(false), code: 'ERR_BUSKIN_OPTION', names: ["'threads' = 0", 'at most 61 cores', 'native'] },
  libraryFailed: { error: errors.libraryFailed('/a/b.so', 'no such file.'), code: 'ERR_BUSKIN_MODULE', names: ["'/a/b.so'", 'no such file', 'buskin-plugin'] },
  noSuchNative: { error: errors.noSuchNative('kw', ['kv', 'queue']), code: 'ERR_BUSKIN_MODULE', names: ["'kw'", 'kv, queue'] },
}

test('every factory of an error is in the table', (t) => {
  const others = ['BuskinError', 'Refusal', 'SHOWN', 'isRefusal', 'show']
  t.deepEqual(
    Object.keys(made).sort(),
    Object.keys(errors)
      .filter((name) => !others.includes(name))
      .sort(),
  )
})

for (const [name, { error, code, names }] of Object.entries(made)) {
  test(`${name} has its code and a message that names the thing and ends in a remedy`, (t) => {
    t.true(BuskinError.is(error, code))
    for (const part of names) t.true(error.message.includes(part), `${part} in: ${error.message}`)
    const [what, remedy] = error.message.split('; ')
    t.truthy(what)
    t.truthy(remedy)
    t.notRegex(error.message, /\n/)
  })
}

test('the URL of a module is told whole, one that holds its code in part', (t) => {
  const long = `file:///${'x'.repeat(200)}.js`
  t.true(errors.notExported(long, 'Foo').message.includes(`'${long}'`))
  t.true(errors.notExported(`data:text/javascript,${'x'.repeat(1_000)}`, 'Foo').message.length < 600)
})

test('aborted, startFailed and moduleFailed have the cause they are given', (t) => {
  t.is(made['moduleFailed']?.error.cause, cause)
  t.is(made['aborted']?.error.cause, cause)
  t.is(made['startFailed']?.error.cause, cause)
})

test('a hint takes the place of the remedy of noHandler', (t) => {
  const { message } = errors.noHandler('/a', 'watch', 'it is a generator: read it with ref.stream')
  t.true(message.endsWith('; it is a generator: read it with ref.stream'))
  t.notRegex(message, /onUnhandled/)
})

test('a circle of asks that is given closed is not closed twice', (t) => {
  t.true(errors.deadlock(['/a', '/b', '/a'], 'x', 1).message.startsWith('deadlock: /a -> /b -> /a wait'))
})

test('without a near key all known ones are listed', (t) => {
  t.is(errors.unknownOption('zzz', undefined, ['a', 'b']).message, "unknown option 'zzz'; the options here are a, b")
})

test('a value in a message is short, on one line, and runs no code of the user', (t) => {
  const long = errors.show('x'.repeat(1_000))
  t.true(long.length < 120)
  t.is(errors.show({ a: 1, b: { c: 2 } }), '{ a: 1, b: [Object] }')
  t.is(errors.show(-0), '-0')
  t.is(errors.show('a\nb'), "'a\\nb'")
  t.notRegex(errors.show(Array.from({ length: 100 }, (_, i) => ({ i }))), /\n/)
  const trap = {
    get a(): never {
      throw new Error('ran')
    },
    get [Symbol.toStringTag](): never {
      throw new Error('ran')
    },
  }
  t.is(typeof errors.show(trap), 'string')
  t.is(typeof errors.show(revoked()), 'string')
})
