// Actors that are spawned in one isolate and live in another: the letter that tells of them, and how they begin there.

import type { ActorClass } from '../actor.ts'
import { BuskinError, nameTaken, option } from '../errors.ts'
import { CARRY_BORN, CARRY_CLASS, CARRY_SPAWN, FLAG_EXT, OP_SPAWN, SPAWN_AWAY, SPAWN_STOP_HOOK, NOTE_START, TAG_SHIFT } from '../native/layout.ts'
import { type ActorSettings, type SpawnOptions, spawnOptions } from '../options.ts'
import { type ClassInfo, classInfo } from '../runtime/classes.ts'
import { promisedNote } from '../runtime/inbox.ts'
import { grant, settingWords } from '../runtime/life.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import { start, startLater } from '../runtime/notes.ts'
import { putExtra, putFrom, reservePair } from '../runtime/outbox.ts'
import { Boot, LocalRef, moreOf } from '../runtime/ref.ts'
import { Run } from '../runtime/run.ts'
import type { Crossing } from './crossing.ts'
import { FarRef } from './far.ts'
import { exportOf, known, loadClass } from './modules.ts'

const CLASSES = 2
const MOST = 0x7fff
/** Of the number of a class in the core: it is one of the system, not of the isolate. */
const SHARED = 0x8000
/** Bytes of the core's words before the isolates' own. */
const LEAD = 32
const BAG_HEAD = 16
/** Indices of another lane that are granted at a time. */
const BLOCK = 16

type Options = SpawnOptions<readonly unknown[]>

/** What an isolate writes of an actor that is to live elsewhere. */
type Seed = [name: string, parent: LocalRef | null, options: object | null, args: readonly unknown[]]

export class Births {
  readonly #crossing: Crossing
  readonly #ids = new Map<ClassInfo, number>()
  readonly #infos = new Map<number, ClassInfo>()
  readonly #loading = new Map<number, Promise<ClassInfo>>()
  /** Who waits to be told what a class means. */
  readonly #waiting = new Map<number, (() => void)[]>()
  /** Actors of this isolate that were spawned elsewhere: their ages, by index. */
  readonly #fostered = new Map<number, number>()
  readonly #grants = new Map<number, { pairs: Int32Array; at: number; left: number }>()
  #serial = 0

  constructor(crossing: Crossing) {
    this.#crossing = crossing
  }

  // ------------------------------------------------------------------------------------------------ classes

  /** The system's number of a class that other isolates may load; 0 for one that they may not. */
  classOf(info: ClassInfo): number {
    return this.#ids.get(info) ?? 0
  }

  infoOf(id: number): ClassInfo | undefined {
    return this.#infos.get(id)
  }

  #classId(info: ClassInfo): number {
    const before = this.#ids.get(info)
    if (before !== undefined) return before
    const { place, lane } = this.#crossing
    const at = known(info.cls)
    const word = at === undefined ? `?${place}.${this.#serial++}` : `${at.module}\n${at.name}`
    const id = lane.native.word(CLASSES, word, MOST) + 1
    if (id === 0) throw option('classes', MOST, 'fewer classes with a static module in one system')
    this.#keep(id, info)
    if (at === undefined) void this.#find(id, info.cls)
    return id
  }

  #keep(id: number, info: ClassInfo): void {
    this.#ids.set(info, id)
    this.#infos.set(id, info)
    this.#crossing.register(info, id | SHARED)
  }

  /** Under which name its module exports the class: other isolates wait for this. */
  async #find(id: number, cls: ActorClass): Promise<void> {
    let meaning: string
    try {
      const { module, name } = await exportOf(cls)
      meaning = `${module}\n${name}`
    } catch (error) {
      meaning = `!${(error as Error).message}`
    }
    const { lane } = this.#crossing
    lane.native.define(CLASSES, id - 1, meaning)
    this.#crossing.tellAll(CARRY_CLASS, [id])
  }

  /** It is known what the class means. */
  defined(id: number): void {
    for (const run of this.#waiting.get(id)?.splice(0) ?? []) run()
    this.#waiting.delete(id)
  }

  #load(id: number): Promise<ClassInfo> {
    let loading = this.#loading.get(id)
    if (loading === undefined) {
      loading = this.#loadClass(id)
      this.#loading.set(id, loading)
      loading.catch(() => this.#loading.delete(id))
    }
    return loading
  }

  async #loadClass(id: number): Promise<ClassInfo> {
    const { lane } = this.#crossing
    let meaning = lane.native.wordAt(CLASSES, id - 1) ?? ''
    while (meaning.startsWith('?')) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting.get(id)
        if (waiting === undefined) this.#waiting.set(id, [resolve])
        else waiting.push(resolve)
      })
      meaning = lane.native.wordAt(CLASSES, id - 1) ?? ''
    }
    if (meaning.startsWith('!')) throw new BuskinError('ERR_BUSKIN_MODULE', meaning.slice(1))
    const [module, name] = meaning.split('\n') as [string, string]
    const info = classInfo(lane, await loadClass(module, name))
    this.#keep(id, info)
    return info
  }

  // ------------------------------------------------------------------------------------- the spawner's side

  /** Spawns an actor that lives in the isolate `target`, or whose parent does not live in this one. */
  spawn(info: ClassInfo, settings: ActorSettings, options: Options | undefined, parent: LocalRef | null, target: number): LocalRef {
    const crossing = this.#crossing
    const { lane, place } = crossing
    const { name: given, args = [], on: _, ...rest } = options ?? ({} as Options)
    const more = Object.keys(rest).length === 0 ? null : rest
    if (given !== undefined) this.#check(info, [more, args]) // before the name is taken
    const [index, age] = this.#granted(target)
    const address = ((target + 1) << INDEX_BITS) | index
    const isHere = parent !== null || place === 0
    const [seat, seatAge] = isHere ? this.#seat() : this.#granted(0)
    const above = parent === null ? 0 : parent.index
    if (given !== undefined) {
      lane.flush()
      const isFree = isHere ? lane.native.reserve(above, given, seat) : lane.native.reserveOn(0, 0, given, seat)
      if (!isFree) throw nameTaken(given, parent === null ? '/' : parent.path)
    }
    const name = given ?? `${info.name}-${isHere ? seatAge * 2 ** INDEX_BITS + seat : `${place}.${++this.#serial}`}`
    if (!isHere && given === undefined) lane.native.reserveOn(0, 0, name, seat)
    const cls = this.#classId(info)
    const [capacity, policy, shutdown, startTimeout] = settingWords(settings)
    const seatAddress = ((isHere ? place : 0) + 1) << INDEX_BITS | seat
    const words = [cls | SHARED, SPAWN_STOP_HOOK, capacity, policy, shutdown, startTimeout, seatAddress, seatAge]
    const seed: Seed = [name, parent, more, args]
    try {
      crossing.carry(CARRY_SPAWN, address, age, 0, 0, seed, words)
    } catch (thrown) {
      throw crossing.explain(thrown, `/${name}`, 'spawn', ['', 'parent', 'options', 'args'])
    }
    const boot = new Boot(lane, target === place ? info : crossing.farInfo(info), args, name, parent)
    if (!isHere) {
      crossing.carry(CARRY_BORN, (1 << INDEX_BITS) | seat, seatAge, 0, 0, [name, address, age, info.name, cls], [0, policy, shutdown, address, age])
      if (target === place) return this.#own(index, age, boot)
      return new FarRef(address, age, boot, 0, 0)
    }
    this.#taken()
    const ref = target === place ? this.#own(index, age, boot) : new FarRef(address, age, boot, seat, seatAge)
    reservePair(lane)
    putFrom(lane, OP_SPAWN | FLAG_EXT | (info.id << TAG_SHIFT), seat, seatAge, SPAWN_AWAY, above, 0)
    putExtra(lane, address, policy, shutdown, age, 0)
    this.#put(seat, ref)
    if (settings !== info.settings) moreOf(ref).settings = settings
    return ref
  }

  #check(info: ClassInfo, values: readonly unknown[]): void {
    try {
      this.#crossing.bytesOf(values)
    } catch (thrown) {
      throw this.#crossing.explain(thrown, `/${info.name}`, 'spawn', ['options', 'args'])
    }
  }

  /** An actor of this isolate whose parent is elsewhere. */
  #own(index: number, age: number, boot: Boot): LocalRef {
    const ref = new LocalRef(index, age, boot)
    this.#put(index, ref)
    this.#fostered.set(index, age)
    return ref
  }

  #put(index: number, ref: LocalRef): void {
    const { lane } = this.#crossing
    while (lane.refs.length <= index) {
      lane.refs.push(undefined)
      lane.instances.push(undefined)
    }
    lane.refs[index] = ref
  }

  /** The next index of the own lane; it counts as used only when `#taken` was called. */
  #seat(): readonly [number, number] {
    const { lane } = this.#crossing
    if (lane.grantsLeft === 0) grant(lane)
    const at = 2 * lane.granted
    return [lane.grants[at] as number, lane.grants[at + 1] as number]
  }

  #taken(): void {
    const { lane } = this.#crossing
    lane.granted++
    lane.grantsLeft--
  }

  #granted(place: number): readonly [number, number] {
    let block = this.#grants.get(place)
    if (block === undefined || block.left === 0) {
      const pairs = block?.pairs ?? new Int32Array(2 * BLOCK)
      block = { pairs, at: 0, left: this.#crossing.lane.native.grantOn(place, pairs) }
      if (block.left === 0) throw option('actors', 2 ** INDEX_BITS, 'fewer actors at a time: this core has no room for more')
      this.#grants.set(place, block)
    }
    const at = 2 * block.at++
    block.left--
    return [block.pairs[at] as number, block.pairs[at + 1] as number]
  }

  /** Another isolate spawned an actor on the system: its parent, the root, is in this one. */
  born(seat: number, seatAge: number, values: readonly unknown[]): void {
    const { lane } = this.#crossing
    const [name, address, age, , cls] = values as [string, number, number, string, number]
    const info = this.#infos.get(cls)
    const like = info === undefined ? this.#crossing.unknownInfo : this.#crossing.farInfo(info)
    const boot = new Boot(lane, like, [], name, null)
    const index = address & ((1 << INDEX_BITS) - 1)
    const isOwn = (address >>> INDEX_BITS) - 1 === this.#crossing.place
    this.#put(seat, isOwn ? (lane.refs[index] as LocalRef) : new FarRef(address, age, boot, seat, seatAge))
  }

  // ----------------------------------------------------------------------------------------- the other side

  /** Whether the actor's parent is in another isolate. */
  isFostered(index: number, age: number): boolean {
    return this.#fostered.get(index) === age
  }

  /** Whether the actor's start is this file's to see to. */
  isForeign(index: number, age: number): boolean {
    return this.#fostered.get(index) === age || this.#crossing.lane.refs[index]?.age !== age
  }

  /** An actor that was spawned elsewhere starts, for the first time or again: its arguments are read afresh. */
  birth(index: number, age: number, generation: number, cause: number, i: number): void {
    const { lane } = this.#crossing
    const bytes = lane.native.seed(index) as ArrayBuffer
    const words = new Int32Array(bytes, BAG_HEAD, LEAD / 4)
    const cls = (words[0] as number) & ~SHARED
    const seed = this.#crossing.decodeSeed(bytes, BAG_HEAD + LEAD) as Seed
    const [name, parent] = seed
    let ref = lane.refs[index]
    if (ref === undefined || ref.age !== age) {
      ref = this.#own(index, age, new Boot(lane, this.#crossing.unknownInfo, [], name, parent))
    }
    const made = ref
    const info = this.#infos.get(cls)
    if (info !== undefined) {
      this.#settle(made, info, seed)
      start(lane, index, generation, cause, i)
      return
    }
    const run = new Run(made, NOTE_START, 0, false, null, 0, 0)
    const starting = this.#load(cls).then((loaded) => {
      if (run.fenced) return undefined
      this.#settle(made, loaded, seed)
      return startLater(lane, made, generation, cause)
    })
    promisedNote(lane, i, run, starting)
  }

  #settle(ref: LocalRef, info: ClassInfo, [name, parent, options, args]: Seed): void {
    const { lane } = this.#crossing
    ref.boot = new Boot(lane, info, args, name, parent)
    const settings = options === null ? info.settings : spawnOptions(options, info.settings, lane.placing)
    if (settings !== info.settings) moreOf(ref).settings = settings
    const profile = lane.profiles.of(lane, settings)
    if (profile !== 0) lane.native.profileOf(ref.index, profile)
  }
}
