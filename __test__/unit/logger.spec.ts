import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { childLogger, createDefaultLogger, guardLogger, silentLogger } from '../../src/logger.ts'
import type { Logger } from '../../src/logger.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const

function lines(env: Record<string, string>): { logger: Logger; written: string[] } {
  const written: string[] = []
  return { written, logger: createDefaultLogger({ name: 'shop', env, write: (line) => written.push(line) }) }
}

function sayAll(logger: Logger): void {
  for (const level of levels) logger[level](`at ${level}`)
}

/** A logger that keeps what it is told. */
function recorder(): { logger: Logger; told: unknown[][] } {
  const told: unknown[][] = []
  const at =
    (level: string) =>
    (...args: unknown[]) =>
      void told.push([level, ...args])
  return { told, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

// ------------------------------------------------------------------------------------------- the default

test('the default logger starts at warn', (t) => {
  const { logger, written } = lines({})
  sayAll(logger)
  t.deepEqual(written, ['buskin[shop] warn: at warn\n', 'buskin[shop] error: at error\n'])
})

for (const [index, level] of [...levels, 'silent'].entries()) {
  test(`BUSKIN_LOG=${level} says where the default logger starts, under a test runner too`, (t) => {
    const { logger, written } = lines({ BUSKIN_LOG: level, NODE_ENV: 'test' })
    sayAll(logger)
    t.is(written.length, levels.length - index)
  })
}

for (const env of [
  { NODE_ENV: 'test' },
  { NODE_TEST_CONTEXT: 'child-v8' },
  { VITEST: 'true' },
  { JEST_WORKER_ID: '1' },
]) {
  test(`the default logger is silent under a test runner that sets ${Object.keys(env)[0]}`, (t) => {
    const { logger, written } = lines(env)
    sayAll(logger)
    t.deepEqual(written, [])
  })
}

test('the default logger is silent in this very test', (t) => {
  t.is(createDefaultLogger({ name: 'shop' }), silentLogger)
})

test('a level that does not exist is reported with those that do', (t) => {
  const { written, logger } = lines({ BUSKIN_LOG: 'loud' })
  t.deepEqual(written, [
    'buskin[shop] warn: unknown level BUSKIN_LOG=loud; use one of debug, info, warn, error, silent\n',
  ])
  logger.info('no')
  t.is(written.length, 1)
  t.deepEqual(lines({ BUSKIN_LOG: '' }).written, [])
})

test('fields follow the message, quoted where they need it', (t) => {
  const { logger, written } = lines({})
  logger.warn('m', { path: '/a', text: 'two words', none: undefined, empty: '', n: 1, list: [1, { a: 2 }] })
  t.deepEqual(written, ['buskin[shop] warn: m path=/a text="two words" empty="" n=1 list=[ 1, { a: 2 } ]\n'])
})

test('an error among the fields says what and where', (t) => {
  const { logger, written } = lines({})
  logger.error('m', { error: new TypeError('boom') })
  t.regex(written[0] ?? '', /^buskin\[shop\] error: m error="TypeError: boom at .*logger\.spec.*"\n$/)
  logger.error('m', new TypeError('given as fields'))
  t.regex(written[1] ?? '', /error="TypeError: given as fields at /)
})

test('a message stays one line and cannot steer the terminal', (t) => {
  const { logger, written } = lines({})
  logger.warn('a\nb\u001b[2J\u009b2J', { 'k\n': 'v\nw', o: { 'x\u001b': 1 } })
  const [line] = written
  t.is(line?.match(/\p{Cc}/gu)?.length, 1)
  t.true(line?.endsWith('\n'))
})

test('long fields are cut', (t) => {
  const { logger, written } = lines({})
  logger.warn('m', { text: 'x'.repeat(10_000), list: Array.from({ length: 1_000 }, (_, i) => i) })
  t.true((written[0] ?? '').length < 1_000)
})

test('fields that cannot be read cost the fields, not the message', (t) => {
  const { logger, written } = lines({})
  logger.warn('m', {
    get a(): never {
      throw new Error('hands off')
    },
  })
  t.deepEqual(written, ['buskin[shop] warn: m …\n'])
})

/** Two warnings in a process of its own, the first when it is told to, and a sign of life after them. */
function warnInChild(): ChildProcessWithoutNullStreams {
  const script = `
    import { once } from 'node:events'
    import { setImmediate as turn } from 'node:timers/promises'
    import { createDefaultLogger } from ${JSON.stringify(new URL('../../src/logger.ts', import.meta.url).href)}
    const logger = createDefaultLogger({ name: 'shop' })
    await once(process.stdin.resume(), 'end')
    logger.warn('first')
    await turn()
    logger.warn('second')
    await turn()
    console.log('alive')
  `
  const env = { ...process.env, NODE_ENV: 'production', BUSKIN_LOG: 'warn' }
  return spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { env })
}

test('the default logger writes to stderr', async (t) => {
  const child = warnInChild()
  child.stdin.end()
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  t.is(out, 'alive\n')
  t.regex(err, /^buskin\[shop\] warn: first\nbuskin\[shop\] warn: second\n/m)
})

test('the default logger survives that nobody reads stderr any more', async (t) => {
  const child = warnInChild()
  const closed = once(child, 'close')
  child.stderr.destroy()
  await once(child.stderr, 'close')
  child.stdin.end()
  t.is(await text(child.stdout), 'alive\n')
  t.is((await closed)[0], 0)
})

// --------------------------------------------------------------------------------------------- guarding

for (const level of levels) {
  test(`a guarded logger hands ${level} on as it is`, (t) => {
    const { logger, told } = recorder()
    const fields = { a: 1 }
    guardLogger(logger)[level]('m', fields)
    guardLogger(logger)[level]('n')
    t.deepEqual(told, [
      [level, 'm', fields],
      [level, 'n'],
    ])
  })

  test(`a logger that throws at ${level} breaks nothing and is reported once`, (t) => {
    const { logger: fallback, told } = recorder()
    const error = new Error('disk full')
    const logger = guardLogger(
      {
        ...silentLogger,
        [level]: () => {
          throw error
        },
      },
      fallback,
    )
    logger[level]('m')
    logger[level]('m')
    t.deepEqual(told, [['error', "the logger given as option 'log' failed; what it is told is lost", { error }]])
  })
}

test('a guarded logger calls methods on the logger they belong to', (t) => {
  class Own {
    told: string[] = []
    debug() {}
    info() {}
    error() {}
    warn(message: string) {
      this.told.push(message)
    }
  }
  const own = new Own()
  guardLogger(own).warn('m')
  t.deepEqual(own.told, ['m'])
})

test('a logger that rejects leaves no rejection behind', async (t) => {
  const { logger: fallback, told } = recorder()
  guardLogger({ ...silentLogger, info: () => Promise.reject(new Error('offline')) as unknown as void }, fallback).info(
    'm',
  )
  await turn()
  t.is(told.length, 1)
})

test('a fallback that throws as well breaks nothing', (t) => {
  const bad = {
    ...silentLogger,
    error: () => {
      throw new Error('again')
    },
  }
  t.notThrows(() => guardLogger(bad, bad).error('m'))
})

test('a logger that loses a method breaks nothing', (t) => {
  const { logger } = recorder()
  const guarded = guardLogger(logger)
  delete (logger as Partial<Logger>).warn
  t.notThrows(() => guarded.warn('m'))
})

// ----------------------------------------------------------------------------------------------- children

for (const level of levels) {
  test(`a child adds its fields at ${level}, and those of the message win`, (t) => {
    const { logger, told } = recorder()
    const child = childLogger(logger, { path: '/a', n: 1 })
    child[level]('m')
    child[level]('m', { n: 2 })
    childLogger(child, { deeper: true })[level]('m')
    t.deepEqual(told, [
      [level, 'm', { path: '/a', n: 1 }],
      [level, 'm', { path: '/a', n: 2 }],
      [level, 'm', { path: '/a', n: 1, deeper: true }],
    ])
  })
}

test('a child loses no error, no primitive and no message by adding its fields', (t) => {
  const { logger, told } = recorder()
  const child = childLogger(logger, { path: '/a' })
  const error = new Error('boom')
  child.warn('m', error)
  child.warn('m', 'text' as unknown as object)
  child.warn('m', null as unknown as object)
  child.warn('m', {
    get a(): never {
      throw new Error('hands off')
    },
  })
  t.deepEqual(
    told.map(([, , fields]) => fields),
    [{ path: '/a', error }, { path: '/a', value: 'text' }, { path: '/a' }, { path: '/a' }],
  )
})

test('the silent logger says nothing and cannot be changed', (t) => {
  t.notThrows(() => sayAll(silentLogger))
  t.true(Object.isFrozen(silentLogger))
})
