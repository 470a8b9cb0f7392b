// Where the runtime and `ctx.log` write: the interface a user may implement, and the default that writes to stderr.

import { inspect } from 'node:util'

/**
 * What Buskin logs to. Most logging libraries fit it, `console` does too. A logger that throws or rejects does no harm:
 * what it was told is lost, nothing else.
 */
export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

type Level = (typeof LEVELS)[number]

const DEFAULT_LEVEL: Level = 'warn'

/** The longest text of one field, so that a line stays one a person can read. */
const LONGEST_FIELD = 300

function ignore(): void {}

/** Says nothing. */
export const silentLogger: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore })

/** What the default logger takes from its surroundings; tests give their own. */
export interface DefaultLoggerOptions {
  /** The system's name, shown in each line. */
  readonly name: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly write?: (line: string) => void
}

/**
 * One line per message on stderr, from the level that the environment variable BUSKIN_LOG names (debug, info, warn,
 * error or silent). Without it: warn, and silent under a test runner.
 */
export function createDefaultLogger(options: DefaultLoggerOptions): Logger {
  const { name, env = process.env, write = writeToStderr } = options
  const wanted = env['BUSKIN_LOG']
  const known = LEVELS.includes(wanted as Level)
  const level = known ? (wanted as Level) : underTestRunner(env) ? 'silent' : DEFAULT_LEVEL
  if (level === 'silent') return silentLogger

  const at = (own: Level): Logger['warn'] =>
    LEVELS.indexOf(own) < LEVELS.indexOf(level)
      ? ignore
      : (message, fields) => write(`${escapeControls(`buskin[${name}] ${own}: ${message}${formatFields(fields)}`)}\n`)
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  if (wanted !== undefined && wanted !== '' && !known) {
    logger.warn(`unknown level BUSKIN_LOG=${wanted}; use one of ${LEVELS.join(', ')}`)
  }
  return logger
}

/** Vitest, Jest and node:test say so themselves; AVA and others set NODE_ENV. */
function underTestRunner(env: Readonly<Record<string, string | undefined>>): boolean {
  return (
    env['NODE_ENV'] === 'test' ||
    env['NODE_TEST_CONTEXT'] !== undefined ||
    env['VITEST'] !== undefined ||
    env['JEST_WORKER_ID'] !== undefined
  )
}

/**
 * A closed pipe at the other end of stderr must not end the process, so the error that follows has a listener; one of
 * its own, because those of a worker's piped stderr raise it again when they are the only ones.
 */
function writeToStderr(line: string): void {
  const { stderr } = process
  stderr.write(line, (error) => {
    if (error && !stderr.listeners('error').includes(ignore)) stderr.once('error', ignore)
  })
}

function formatFields(fields: object | undefined): string {
  if (fields === undefined) return ''
  let text = ''
  try {
    for (const [key, value] of Object.entries(asFields(fields))) {
      if (value !== undefined) text += ` ${key}=${formatValue(value)}`
    }
  } catch {
    text += ' …' // a getter among them threw; the message is worth more than they are
  }
  return text
}

function formatValue(value: unknown): string {
  let text: string
  if (typeof value === 'string') text = value
  else if (value instanceof Error) text = formatError(value)
  else text = inspect(value, { depth: 2, breakLength: Infinity, compact: true })
  if (text.length > LONGEST_FIELD) text = `${text.slice(0, LONGEST_FIELD)}…`
  return typeof value === 'string' || value instanceof Error ? quoteIfNeeded(text) : text
}

/** The error and where it came from: with the first frame a line suffices to find the place. */
function formatError(error: Error): string {
  const frame = error.stack?.split('\n').find((line) => /^\s+at /.test(line))
  return `${error.name}: ${error.message}${frame === undefined ? '' : ` ${frame.trim()}`}`
}

function quoteIfNeeded(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/** One message stays one line, and what it carries cannot steer the terminal. */
function escapeControls(line: string): string {
  return line.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** Errors and primitives given as fields become one field: spreading them would lose what matters. */
function asFields(fields: unknown): object {
  if (fields instanceof Error) return { error: fields }
  if (typeof fields === 'object' && fields !== null) return fields
  return fields === undefined || fields === null ? {} : { value: fields }
}

/**
 * A logger that never throws and leaves no rejection behind, whatever `logger` does. The first fault is told to
 * `fallback`, so that a log that stays empty has an explanation.
 */
export function guardLogger(logger: Logger, fallback: Logger = silentLogger): Logger {
  return new GuardedLogger(logger, fallback)
}

class GuardedLogger implements Logger {
  readonly #logger: Logger
  readonly #fallback: Logger
  #told = false

  constructor(logger: Logger, fallback: Logger) {
    this.#logger = logger
    this.#fallback = fallback
  }

  debug(message: string, fields?: object): void {
    this.#write('debug', message, fields)
  }

  info(message: string, fields?: object): void {
    this.#write('info', message, fields)
  }

  warn(message: string, fields?: object): void {
    this.#write('warn', message, fields)
  }

  error(message: string, fields?: object): void {
    this.#write('error', message, fields)
  }

  #write(level: keyof Logger, message: string, fields: object | undefined): void {
    try {
      const logger = this.#logger
      const result: unknown = fields === undefined ? logger[level](message) : logger[level](message, fields)
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#fault(error))
    } catch (error) {
      this.#fault(error)
    }
  }

  #fault(error: unknown): void {
    if (this.#told) return
    this.#told = true
    try {
      this.#fallback.error("the logger given as option 'log' failed; what it is told is lost", { error })
    } catch {
      // Nobody is left to tell.
    }
  }
}

/** Whether `value` has a `then`; whoever asks catches what a getter of that name throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** `logger` with `fields` added to every message; fields of the message win. */
export function childLogger(logger: Logger, fields: object): Logger {
  return new ChildLogger(logger, fields)
}

class ChildLogger implements Logger {
  readonly #logger: Logger
  readonly #fields: object

  constructor(logger: Logger, fields: object) {
    this.#logger = logger
    this.#fields = fields
  }

  debug(message: string, fields?: object): void {
    this.#logger.debug(message, this.#merge(fields))
  }

  info(message: string, fields?: object): void {
    this.#logger.info(message, this.#merge(fields))
  }

  warn(message: string, fields?: object): void {
    this.#logger.warn(message, this.#merge(fields))
  }

  error(message: string, fields?: object): void {
    this.#logger.error(message, this.#merge(fields))
  }

  /** A getter among the fields may throw; the message is worth more than they are. */
  #merge(fields: object | undefined): object {
    if (fields === undefined) return this.#fields
    try {
      return { ...this.#fields, ...asFields(fields) }
    } catch {
      return this.#fields
    }
  }
}
