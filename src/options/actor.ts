// The options of an actor: those of a spawn over those of its class over those of its system.

import { option } from '../errors.ts'
import type { ActorOptions, MailboxOptions } from '../options.ts'
import {
  checkEmpty,
  checkMsOrInfinity,
  checkName,
  checkObject,
  checkOneOf,
  type Given,
  inside,
  isMs,
  isObject,
  LONGEST_MS,
  notOptions,
  unknownKey,
} from './check.ts'
import { checkOn, ONE_ISOLATE, type Placement, type Placing } from './placement.ts'
import {
  defaultSupervision,
  type GivenSupervision,
  mergeSupervision,
  supervisionOptions,
  type SupervisionSettings,
} from './supervision.ts'

export type { BackoffSettings, Strategy, SupervisionSettings } from './supervision.ts'

export type Overflow = NonNullable<MailboxOptions['overflow']>
export type Restart = NonNullable<ActorOptions['restart']>
export type MailboxOnRestart = NonNullable<ActorOptions['mailboxOnRestart']>

/** What a mailbox does in the end, nothing left open. */
export interface MailboxSettings {
  /** How many messages may wait; Infinity for no bound. */
  readonly capacity: number
  readonly overflow: Overflow
}

/** How an actor's health is looked after in the end, nothing left open. */
export interface HealthSettings {
  /** In ms. */
  readonly every: number
  /** In ms; Infinity for as long as it takes. */
  readonly timeout: number
  /** How many failed ones in a row are a failure of the actor. */
  readonly threshold: number
}

/** What holds for an actor in the end, nothing left open. */
export interface ActorSettings extends MailboxSettings {
  /** In ms; Infinity for as long as it takes. 'brutal': killed at once. */
  readonly shutdown: number | 'brutal'
  /** In ms; Infinity for as long as it takes. */
  readonly startTimeout: number
  readonly restart: Restart
  readonly mailboxOnRestart: MailboxOnRestart
  /** Undefined: `onHealth` never runs. */
  readonly health: HealthSettings | undefined
  /** Undefined: where its class says by default. */
  readonly on: Placement | undefined
  /** Of its children. */
  readonly supervision: SupervisionSettings
}

/** All that one place says as a whole or not at all: supervision alone is merged key by key. */
type Wholes = Omit<ActorSettings, 'supervision'>

/** What one place says about an actor; undefined where it says nothing. */
export type GivenActorOptions = { readonly [K in keyof Wholes]: Wholes[K] | undefined } & {
  readonly supervision: GivenSupervision | undefined
}

/** High enough that a plain loop of tells does not reach it by accident. */
const DEFAULT_CAPACITY = 1_048_576
const DEFAULT_SHUTDOWN = 5_000
const DEFAULT_START_TIMEOUT = 30_000
const DEFAULT_HEALTH_TIMEOUT = 5_000

const OVERFLOWS: readonly Overflow[] = ['reject', 'wait', 'drop-newest', 'drop-oldest']
const RESTARTS: readonly Restart[] = ['permanent', 'transient', 'temporary']
const ON_RESTART: readonly MailboxOnRestart[] = ['keep', 'clear']
const MAILBOX_KEYS: readonly (keyof MailboxOptions)[] = ['capacity', 'overflow']
const HEALTH_KEYS: readonly (keyof HealthSettings)[] = ['every', 'timeout', 'threshold']
const ACTOR_KEYS: readonly (keyof ActorOptions)[] = [
  'mailbox',
  'supervision',
  'restart',
  'shutdown',
  'startTimeout',
  'mailboxOnRestart',
  'health',
  'on',
]
const SPAWN_KEYS: readonly string[] = ['args', 'name', ...ACTOR_KEYS]

const NOTHING: GivenActorOptions = Object.freeze({
  capacity: undefined,
  overflow: undefined,
  shutdown: undefined,
  startTimeout: undefined,
  restart: undefined,
  mailboxOnRestart: undefined,
  health: undefined,
  on: undefined,
  supervision: undefined,
})

/** The mailbox of a system's actors that say nothing about theirs. */
export function mailboxOptions(input: unknown, name: string): MailboxSettings {
  const given = checkObject(input, name, MAILBOX_KEYS)
  return Object.freeze({
    capacity: checkCapacity(given?.['capacity'], inside(name, 'capacity')) ?? DEFAULT_CAPACITY,
    overflow: checkOneOf(given?.['overflow'], inside(name, 'overflow'), OVERFLOWS) ?? 'reject',
  })
}

/** What holds in a system with this mailbox when neither class nor spawn says anything. */
export function defaultActorSettings(mailbox: MailboxSettings): ActorSettings {
  return Object.freeze({
    capacity: mailbox.capacity,
    overflow: mailbox.overflow,
    shutdown: DEFAULT_SHUTDOWN,
    startTimeout: DEFAULT_START_TIMEOUT,
    restart: 'transient',
    mailboxOnRestart: 'keep',
    health: undefined,
    on: undefined,
    supervision: defaultSupervision,
  })
}

/**
 * Checks `static options`. `where` is what errors put before an option's name: 'Counter.options'. `placing` is what
 * the system has for `on`.
 */
export function actorOptions(input: unknown, where: string, placing: Placing = ONE_ISOLATE): GivenActorOptions {
  const given = checkObject(input, where, ACTOR_KEYS)
  return given === undefined ? NOTHING : readActorOptions(given, where, placing)
}

/** `base` with what `given` says instead; `base` itself when it says nothing. */
export function mergeActorOptions(base: ActorSettings, given: GivenActorOptions): ActorSettings {
  if (given === NOTHING) return base
  return Object.freeze({
    capacity: given.capacity ?? base.capacity,
    overflow: given.overflow ?? base.overflow,
    shutdown: given.shutdown ?? base.shutdown,
    startTimeout: given.startTimeout ?? base.startTimeout,
    restart: given.restart ?? base.restart,
    mailboxOnRestart: given.mailboxOnRestart ?? base.mailboxOnRestart,
    health: given.health ?? base.health,
    on: given.on ?? base.on,
    supervision: mergeSupervision(base.supervision, given.supervision),
  })
}

/**
 * Checks the options of a spawn, `name` and `args` included, and returns what holds for the actor. `base` is what holds
 * by its class and system, and the very object returned when the spawn gives no more than `name` and `args`. `placing`
 * is what the system has for `on`.
 */
export function spawnOptions(input: unknown, base: ActorSettings, placing: Placing = ONE_ISOLATE): ActorSettings {
  if (input === undefined) return base
  if (!isObject(input)) throw notOptions(input, '', SPAWN_KEYS)
  let keys = 0
  let others = 0
  for (const key in input) {
    keys += 1
    if (key === 'args') checkArgs(input['args'])
    else if (key === 'name') checkName(input['name'], 'name')
    else if (SPAWN_KEYS.includes(key)) others += 1
    else throw unknownKey(key, '', SPAWN_KEYS)
  }
  if (others > 0) return mergeActorOptions(base, readActorOptions(input, '', placing))
  if (keys === 0) checkEmpty(input, '', SPAWN_KEYS)
  return base
}

/** The keys are known to be right. */
function readActorOptions(given: Given, where: string, placing: Placing): GivenActorOptions {
  const name = (key: keyof ActorOptions): string => inside(where, key)
  const mailbox = checkObject(given['mailbox'], name('mailbox'), MAILBOX_KEYS)
  return Object.freeze({
    capacity: checkCapacity(mailbox?.['capacity'], inside(name('mailbox'), 'capacity')),
    overflow: checkOneOf(mailbox?.['overflow'], inside(name('mailbox'), 'overflow'), OVERFLOWS),
    shutdown: checkShutdown(given['shutdown'], name('shutdown')),
    startTimeout: checkMsOrInfinity(given['startTimeout'], name('startTimeout')),
    restart: checkOneOf(given['restart'], name('restart'), RESTARTS),
    mailboxOnRestart: checkOneOf(given['mailboxOnRestart'], name('mailboxOnRestart'), ON_RESTART),
    health: checkHealth(given['health'], name('health')),
    on: checkOn(given['on'], name('on'), placing),
    supervision: supervisionOptions(given['supervision'], name('supervision')),
  })
}

function checkArgs(value: unknown): void {
  if (value !== undefined && !Array.isArray(value)) throw option('args', value, 'an array of constructor arguments')
}

function checkCapacity(value: unknown, name: string): number | undefined {
  if (value === undefined || value === Infinity) return value
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw option(name, value, 'an integer of at least 1, or Infinity')
}

function checkShutdown(value: unknown, name: string): number | 'brutal' | undefined {
  if (value === undefined || value === 'brutal' || value === Infinity || isMs(value)) return value
  if (value === 'infinity') return Infinity
  throw option(name, value, `a number of ms from 0 to ${LONGEST_MS}, 'brutal' or 'infinity'`)
}

function checkHealth(value: unknown, name: string): HealthSettings | undefined {
  const given = checkObject(value, name, HEALTH_KEYS)
  if (given === undefined) return undefined
  return Object.freeze({
    every: checkEvery(given['every'], inside(name, 'every')),
    timeout: checkHealthTimeout(given['timeout'], inside(name, 'timeout')) ?? DEFAULT_HEALTH_TIMEOUT,
    threshold: checkThreshold(given['threshold'], inside(name, 'threshold')) ?? 1,
  })
}

/** The one option that may not be left out where it belongs. */
function checkEvery(value: unknown, name: string): number {
  if (isMs(value) && value > 0) return value
  throw option(name, value, `a number of ms above 0, at most ${LONGEST_MS}`)
}

function checkHealthTimeout(value: unknown, name: string): number | undefined {
  if (value === undefined || value === Infinity || (isMs(value) && value > 0)) return value
  throw option(name, value, `a number of ms above 0, at most ${LONGEST_MS}, or Infinity`)
}

function checkThreshold(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1)) return value
  throw option(name, value, 'an integer of at least 1')
}
