// Spawning and ending actors.

import type { ActorClass } from '../actor.ts'
import { closed, nameTaken, option } from '../errors.ts'
import type { ExitReason } from '../lifecycle.ts'
import { FLAG_EXT, MODE_ORDERED, OP_SPAWN, OP_STOP, RESTART_CLEAR, RESTART_PERMANENT, RESTART_TEMPORARY, RESTART_TRANSIENT, SPAWN_NAMED, SPAWN_STOP_HOOK, STOP_DRAIN, STOP_KILL, STOP_NORMAL, TAG_SHIFT, WORD_CURSOR } from '../native/layout.ts'
import { type ActorSettings, type SpawnOptions, spawnOptions, type StopSettings } from '../options.ts'
import { classInfo } from './classes.ts'
import { holdBack, NO_CALL } from './inbox.ts'
import type { Lane } from './lane.ts'
import { put, putExtra, putFrom, reservePair, word } from './outbox.ts'
import { GRANT, WORDS } from './limits.ts'
import { Boot, hasEnded, LocalRef, moreOf, settingsOf } from './ref.ts'
import { POLICIES } from './words.ts'

const NEVER = 0xffff_ffff
const BRUTAL = 0xffff_fffe

export function spawn(
  lane: Lane,
  cls: ActorClass,
  options: SpawnOptions<readonly unknown[]> | undefined,
  parent: LocalRef | null,
): LocalRef {
  const info = classInfo(lane, cls)
  if (lane.closing) throw closed(lane.settings.name, `spawn ${info.name}`)
  const settings = options === undefined ? info.settings : spawnOptions(options, info.settings, lane.placing)
  if (info.isNative) lane.cores ??= lane.makeCores?.()
  if (lane.cores !== undefined && (info.hasModule || settings.on !== undefined || lane.placesAll)) {
    const elsewhere = lane.cores.spawn(info, settings, options, parent)
    if (elsewhere !== undefined) return elsewhere
  }
  const name = options?.name
  const args = options?.args
  if (lane.grantsLeft === 0) grant(lane)
  const at = 2 * lane.granted
  const index = lane.grants[at] as number
  const age = lane.grants[at + 1] as number
  const above = parent === null ? 0 : parent.index
  if (name !== undefined) {
    lane.flush() // whoever ended or was spawned before is known to the core then
    if (!lane.native.reserve(above, name, index)) throw nameTaken(name, parent === null ? '/' : parent.path)
  }
  lane.granted++
  lane.grantsLeft--
  const plain = name === undefined && args === undefined && parent === null
  const boot = plain ? info.plain : new Boot(lane, info, args === undefined ? info.plain.args : [...args], name, parent)
  const ref = new LocalRef(index, age, boot)
  while (lane.refs.length <= index) {
    lane.refs.push(undefined)
    lane.instances.push(undefined)
  }
  lane.refs[index] = ref
  const bits = SPAWN_STOP_HOOK | (name === undefined ? 0 : SPAWN_NAMED)
  const head = OP_SPAWN | (info.id << TAG_SHIFT)
  if (settings === lane.actorSettings) {
    putFrom(lane, head, index, age, bits, above, 0)
  } else {
    if (settings !== info.settings) moreOf(ref).settings = settings
    reservePair(lane)
    putFrom(lane, head | FLAG_EXT, index, age, bits, above, 0)
    putSettings(lane, settings)
  }
  return ref
}

function putSettings(lane: Lane, settings: ActorSettings): void {
  putExtra(lane, ...settingWords(settings), lane.profiles.of(lane, settings))
}

/** Capacity, policy and what belongs to it, and the times for the end and for the start. */
export function settingWords(settings: ActorSettings): [number, number, number, number] {
  const shutdown = settings.shutdown === 'brutal' ? BRUTAL : word(Math.ceil(settings.shutdown))
  const start = word(Math.ceil(settings.startTimeout))
  const policy =
    POLICIES.indexOf(settings.overflow) | RESTARTS[settings.restart] | (settings.mailboxOnRestart === 'clear' ? RESTART_CLEAR : 0)
  return [word(settings.capacity), policy, shutdown, start]
}

const RESTARTS = { permanent: RESTART_PERMANENT, transient: RESTART_TRANSIENT, temporary: RESTART_TEMPORARY } as const

/** More indices: few at first, so that a small system stays small. */
export function grant(lane: Lane): void {
  if (lane.grants.length < 2 * lane.grantNext) lane.grants = new Int32Array(2 * lane.grantNext)
  lane.grantNext = Math.min(lane.grantNext * 2, GRANT)
  lane.granted = 0
  lane.grantsLeft = lane.native.grant(lane.grants)
  if (lane.grantsLeft === 0) throw option('actors', 2 ** 26, 'fewer actors at a time: this system has no room for more')
}

export function stop(ref: LocalRef, settings: StopSettings): Promise<ExitReason> {
  const { lane } = ref
  const ended = lane.whenStopped(ref)
  if (hasEnded(ref)) return ended
  if (!settings.drain && !ref.isFar) holdBack(lane, ref.index)
  lane.mode |= MODE_ORDERED
  if (!settings.drain && !ref.isFar && settingsOf(ref).shutdown === 'brutal') lane.kills()
  const timeout = settings.timeout === undefined ? NEVER : word(Math.ceil(settings.timeout))
  put(lane, OP_STOP, ref.index, ref.age, settings.drain ? STOP_DRAIN : STOP_NORMAL, timeout)
  return ended
}

export function kill(ref: LocalRef): Promise<ExitReason> {
  const { lane } = ref
  const ended = lane.whenStopped(ref)
  if (hasEnded(ref)) return ended
  if (ref.isFar) {
    put(lane, OP_STOP, ref.index, ref.age, STOP_KILL, NEVER)
    return ended
  }
  holdBack(lane, ref.index)
  if (lane.dispatching && lane.current === ref.index) {
    lane.killed = ref.index
    const o = (lane.header[WORD_CURSOR] as number) * WORDS
    if (lane.inbox[o + 5] === 0) lane.inbox[o + 5] = NO_CALL // so that the loop looks when the handler returns
  }
  lane.mode |= MODE_ORDERED
  lane.kills()
  put(lane, OP_STOP, ref.index, ref.age, STOP_KILL, NEVER)
  return ended
}
