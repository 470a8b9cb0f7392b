// The options of a system.

import type { ManualClock } from '../clock.ts'
import { option } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { SystemOptions } from '../options.ts'
import { mailboxOptions, type MailboxSettings } from './actor.ts'
import { checkBoolean, checkMsOrInfinity, checkName, checkObject, checkOneOf } from './check.ts'
import { checkCores, checkThreads, coreOptions, type CoreSettings } from './core.ts'
import { defaultSupervision, mergeSupervision, supervisionOptions, type SupervisionSettings } from './supervision.ts'

export type OnEscalate = NonNullable<SystemOptions['onEscalate']>
export type LocalMessages = NonNullable<SystemOptions['localMessages']>

/** What holds for a system in the end. */
export interface SystemSettings {
  readonly name: string
  /** How many worker isolates it may use. */
  readonly cores: number | 'auto'
  readonly core: CoreSettings
  /** How many core threads it may use; undefined: one per CPU. */
  readonly threads: number | undefined
  /** In ms, as is `shutdownTimeout`; Infinity for no limit. */
  readonly askTimeout: number
  readonly shutdownTimeout: number
  readonly mailbox: MailboxSettings
  /** Of the actors at the root, and of no others. */
  readonly supervision: SupervisionSettings
  readonly onEscalate: OnEscalate
  /** False: none; undefined: the default one. */
  readonly log: Logger | false | undefined
  readonly clock: ManualClock | undefined
  readonly propagate: boolean
  readonly localMessages: LocalMessages
}

const DEFAULT_NAME = 'buskin'
const DEFAULT_CORES = 'auto'
const DEFAULT_ASK_TIMEOUT = 5_000
const DEFAULT_SHUTDOWN_TIMEOUT = 10_000

const ON_ESCALATE: readonly OnEscalate[] = ['shutdown', 'report']
const LOCAL_MESSAGES: readonly LocalMessages[] = ['share', 'freeze', 'copy']
const LOG_LEVELS: readonly (keyof Logger)[] = ['debug', 'info', 'warn', 'error']
const SYSTEM_KEYS: readonly (keyof SystemOptions)[] = [
  'name',
  'cores',
  'core',
  'threads',
  'mailbox',
  'askTimeout',
  'shutdownTimeout',
  'supervision',
  'onEscalate',
  'log',
  'clock',
  'propagate',
  'localMessages',
]

/** Checks the options of `createSystem`. `isManualClock` tells a clock that createManualClock made from others. */
export function systemOptions(input: unknown, isManualClock: (value: object) => boolean): SystemSettings {
  const given = checkObject(input, '', SYSTEM_KEYS) ?? {}
  const cores = checkCores(given['cores'], 'cores') ?? DEFAULT_CORES
  return Object.freeze({
    name: checkName(given['name'], 'name') ?? DEFAULT_NAME,
    cores,
    core: coreOptions(given['core'], 'core'),
    threads: checkThreads(given['threads'], 'threads', cores),
    askTimeout: checkMsOrInfinity(given['askTimeout'], 'askTimeout') ?? DEFAULT_ASK_TIMEOUT,
    shutdownTimeout: checkMsOrInfinity(given['shutdownTimeout'], 'shutdownTimeout') ?? DEFAULT_SHUTDOWN_TIMEOUT,
    mailbox: mailboxOptions(given['mailbox'], 'mailbox'),
    supervision: mergeSupervision(defaultSupervision, supervisionOptions(given['supervision'], 'supervision')),
    onEscalate: checkOneOf(given['onEscalate'], 'onEscalate', ON_ESCALATE) ?? 'shutdown',
    log: checkLog(given['log']),
    clock: checkClock(given['clock'], isManualClock),
    propagate: checkBoolean(given['propagate'], 'propagate') ?? false,
    localMessages: checkOneOf(given['localMessages'], 'localMessages', LOCAL_MESSAGES) ?? 'share',
  })
}

function checkLog(value: unknown): Logger | false | undefined {
  if (value === undefined || value === false) return value
  const needed = 'an object with the methods debug, info, warn and error, or false'
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) throw option('log', value, needed)
  for (const level of LOG_LEVELS) {
    const method: unknown = (value as Partial<Logger>)[level]
    if (typeof method !== 'function') throw option(`log.${level}`, method, `a function: log needs to be ${needed}`)
  }
  return value as Logger
}

function checkClock(value: unknown, isManualClock: (value: object) => boolean): ManualClock | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'object' && value !== null && isManualClock(value)) return value as ManualClock
  throw option('clock', value, 'what createManualClock() returns')
}
