// Actors that are spawned in one isolate and live in another: the letter that tells of them, and how they begin there.

import type { ActorClass } from '../actor.ts'
import { BuskinError, nameTaken, option } from '../errors.ts'
import {
  AGAIN_NORMAL,
  CARRY_BORN,
  CARRY_CLASS,
  CARRY_SPAWN,
  FLAG_EXT,
  NOTE_START,
  OP_CARRY,
  OP_SPAWN,
  SPAWN_AWAY,
  SPAWN_MORTAL,
  SPAWN_STOP_HOOK,
  TAG_SHIFT,
} from '../native/layout.ts'
import type { Directive, Failure } from '../lifecycle.ts'
import { type ActorSettings, type SpawnOptions, spawnOptions } from '../options.ts'
import { type ClassInfo, classInfo } from '../runtime/classes.ts'
import { failureBefore, reportFailure } from '../runtime/failures.ts'
import { promisedNote } from '../runtime/inbox.ts'
import { grant, settingWords } from '../runtime/life.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import { start, startLater } from '../runtime/notes.ts'
import { putExtra, putFrom, reservePair } from '../runtime/outbox.ts'
import { Boot, LocalRef, moreIf, moreOf, settingsOf } from '../runtime/ref.ts'
import { Run } from '../runtime/run.ts'
import { ARITY_N } from '../runtime/verbs.ts'
import type { Crossing } from './crossing.ts'
import { FarRef } from './far.ts'
import { Causes } from './causes.ts'
import { known, loadClass, whereIs } from './modules.ts'
import { infoOfWord, isNativeWord, profileOf, wordOf } from './natives.ts'

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

/** What an isolate writes of an actor that is to live elsewhere; `settings`: of one that was spawned before it had to be written. */
type Seed = [name: string, parent: LocalRef | null, options: object | null, args: readonly unknown[], settings?: ActorSettings | null]

/** Of an actor that was spawned here nothing has to be read. */
const NO_SEED: Seed = ['', null, null, []]

interface Sown {
  readonly words: Int32Array
  readonly cls: number
  readonly seed: Seed
}

export class Births {
  readonly #crossing: Crossing
  readonly #ids = new Map<ClassInfo, number>()
  readonly #infos = new Map<number, ClassInfo>()
  readonly #loading = new Map<number, Promise<ClassInfo>>()
  /** Who waits to be told what a class means. */
  readonly #waiting = new Map<number, (() => void)[]>()
  /** Classes of which nothing is known here, and that are not native. */
  readonly #notNative = new Set<number>()
  /** Actors of this isolate that were spawned elsewhere: their ages, by index. */
  readonly #fostered = new Map<number, number>()
  /** Actors of this isolate that it spawned itself, and whose parent is elsewhere: their arguments are here. */
  readonly #spawnedHere = new WeakSet<LocalRef>()
  /** Memory that actors of this isolate were spawned with and share with others, by index. */
  readonly #shared = new Map<number, { readonly age: number; readonly values: Map<number, ArrayBuffer | SharedArrayBuffer> }>()
  readonly #grants = new Map<number, { pairs: Int32Array; at: number; left: number }>()
  readonly causes: Causes
  #serial = 0

  constructor(crossing: Crossing) {
    this.#crossing = crossing
    this.causes = new Causes(crossing)
  }

  // ------------------------------------------------------------------------------------------------ classes

  /** The system's number of a class that other isolates may load; 0 for one that they may not. */
  classOf(info: ClassInfo): number {
    return this.#ids.get(info) ?? 0
  }

  /** What is known of a class's actors elsewhere goes by the number of the class. */
  standsFor(far: ClassInfo, info: ClassInfo): void {
    const id = this.#ids.get(info)
    if (id !== undefined) this.#ids.set(far, id)
  }

  /** What is known of a class by its number here; all there is of a native one can be had from its name. */
  infoOf(id: number): ClassInfo | undefined {
    const known = this.#infos.get(id)
    if (known !== undefined || id === 0 || this.#notNative.has(id)) return known
    const { lane } = this.#crossing
    const word = lane.native.wordAt(CLASSES, id - 1)
    const info = isNativeWord(word) ? infoOfWord(lane, word) : undefined
    if (info === undefined) this.#notNative.add(id)
    else this.#keep(id, info)
    return info
  }

  /** The number of a class in the system. */
  share(info: ClassInfo): number {
    return this.#classId(info)
  }

  /** The class of a number need not be loaded: here it is. */
  know(id: number, cls: ActorClass): void {
    if (!this.#infos.has(id)) this.#keep(id, classInfo(this.#crossing.lane, cls))
  }

  #classId(info: ClassInfo): number {
    const before = this.#ids.get(info)
    if (before !== undefined) return before
    const { place, lane } = this.#crossing
    const at = info.isNative ? undefined : known(info.cls)
    const word = info.isNative ? wordOf(info) : at === undefined ? `?${place}.${this.#serial++}` : `${at.module}\n${at.name}`
    const id = lane.native.word(CLASSES, word, MOST) + 1
    if (id === 0) throw option('classes', MOST, 'fewer classes with a static module in one system')
    this.#keep(id, info)
    if (at === undefined && info.hasModule && !info.isNative) void this.#find(id, info.cls)
    return id
  }

  #keep(id: number, info: ClassInfo): void {
    this.#ids.set(info, id)
    this.#infos.set(id, info)
    this.#crossing.register(info, id | SHARED)
    this.#crossing.lane.native.className(id | SHARED, info.name)
  }

  /** Under which name its module exports the class: other isolates wait for this. */
  async #find(id: number, cls: ActorClass): Promise<void> {
    let meaning: string
    try {
      const { module, name, isGuess } = await whereIs(cls)
      meaning = `${isGuess === true ? '~' : ''}${module}\n${name}`
    } catch (error) {
      meaning = `!${(error as Error).message}`
    }
    const { lane } = this.#crossing
    lane.native.define(CLASSES, id - 1, meaning)
    this.#tellAll(id)
  }

  /** All other isolates. */
  #tellAll(id: number): void {
    const { lane, place } = this.#crossing
    reservePair(lane)
    const at = this.#crossing.writeTo(place, [id])
    putFrom(lane, OP_CARRY | (CARRY_CLASS << TAG_SHIFT) | ARITY_N, 0, 0, at, 0, 0)
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
    const isGuess = meaning.startsWith('~')
    const [module, name] = meaning.slice(isGuess ? 1 : 0).split('\n') as [string, string]
    const info = classInfo(lane, await loadClass(module, name, isGuess))
    this.#keep(id, info)
    return info
  }

  // ------------------------------------------------------------------------------------- the spawner's side

  /** Spawns an actor that lives in the isolate `target`, or whose parent does not live in this one. */
  spawn(info: ClassInfo, settings: ActorSettings, options: Options | undefined, parent: LocalRef | null, target: number): LocalRef {
    const crossing = this.#crossing
    const { lane, place } = crossing
    const { name: given, args = [], on: _, ...rest } = options ?? ({} as Options)
    const more = info.isNative ? profileOf(settings) : Object.keys(rest).length === 0 ? null : rest
    const isHere = parent !== null || place === 0
    if (target !== place && (given !== undefined || !isHere)) this.#check(`${parent?.path ?? ''}/${given ?? info.name}`, [more, args]) // before the name is taken
    const [index, age] = this.#granted(target)
    const address = ((target + 1) << INDEX_BITS) | index
    const [seat, seatAge] = isHere ? this.#seat() : this.#granted(0)
    const above = parent === null ? 0 : parent.index
    if (given !== undefined) {
      lane.flush()
      const isFree = isHere ? lane.native.reserve(above, given, seat) : lane.native.reserveOn(0, 0, given, seat)
      if (!isFree) {
        this.#giveBack(target)
        if (!isHere) this.#giveBack(0)
        throw nameTaken(given, parent === null ? '/' : parent.path)
      }
    }
    const name = given ?? `${info.name}-${isHere ? seatAge * 2 ** INDEX_BITS + seat : `${place}.${++this.#serial}`}`
    if (!isHere && given === undefined) lane.native.reserveOn(0, 0, name, seat)
    const cls = this.#classId(info)
    const [capacity, policy, shutdown, startTimeout] = settingWords(settings)
    const seatAddress = ((isHere ? place : 0) + 1) << INDEX_BITS | seat
    // what stays in this isolate need not travel; the next one starts it with a copy, if there can be one
    const isMortal = target === place && !this.#travels(info, [more, args])
    const seed: Seed = isMortal ? [name, parent, null, []] : [name, parent, more, args]
    const bits = isMortal ? SPAWN_STOP_HOOK | SPAWN_MORTAL : SPAWN_STOP_HOOK
    const words = [cls | SHARED, bits, capacity, policy, shutdown, startTimeout, seatAddress, seatAge]
    if (!isHere) {
      crossing.carry(CARRY_BORN, (1 << INDEX_BITS) | seat, seatAge, 0, 0, [name, address, age, info.name, cls], [0, policy, shutdown, address, age])
    }
    // the stand-in must be known before anything is heard of its actor: the entries go together
    if (lane.written + 3 > lane.ring) lane.overflow()
    let letter: number
    try {
      crossing.satchel.isWhole = true
      letter = crossing.writeTo(target, seed, words)
    } catch (thrown) {
      this.#giveBack(target)
      throw crossing.explain(thrown, `${parent?.path ?? ''}/${name}`, 'spawn', ['', 'parent', 'options', 'args'])
    } finally {
      crossing.satchel.isWhole = false
    }
    const boot = target === place ? new Boot(lane, info, [...args], name, parent) : new Boot(lane, crossing.farInfo(info), [], name, parent)
    if (isHere) {
      this.#taken()
      putFrom(lane, OP_SPAWN | FLAG_EXT | (info.id << TAG_SHIFT), seat, seatAge, SPAWN_AWAY, above, 0)
      putExtra(lane, address, policy, shutdown, age, 0)
    }
    putFrom(lane, OP_CARRY | (CARRY_SPAWN << TAG_SHIFT) | ARITY_N, address, age, letter, 0, 0)
    const ref = target === place ? this.#ownWith(index, age, boot, settings) : this.#farRef(address, age, boot, isHere ? [seat, seatAge] : undefined)
    if (!isHere) return ref
    this.#put(seat, ref)
    if (settings !== info.settings) moreOf(ref).settings = settings
    return ref
  }

  #farRef(address: number, age: number, boot: Boot, seat: readonly [number, number] | undefined): FarRef {
    return seat === undefined ? new FarRef(address, age, boot, 0, 0, `/${boot.given}`) : new FarRef(address, age, boot, ...seat)
  }

  #check(path: string, values: readonly unknown[]): void {
    try {
      this.#crossing.satchel.bytesOf(values)
    } catch (thrown) {
      throw this.#crossing.explain(thrown, path, 'spawn', ['options', 'args'])
    }
  }

  /** Whether another isolate could spawn it. */
  #travels(info: ClassInfo, values: readonly unknown[]): boolean {
    if (!info.hasModule && known(info.cls) === undefined) return false
    try {
      this.#crossing.satchel.bytesOf(values)
      return true
    } catch {
      return false
    }
  }

  /** An actor of this isolate whose parent is elsewhere. */
  #own(index: number, age: number, boot: Boot): LocalRef {
    const ref = new LocalRef(index, age, boot)
    this.#put(index, ref)
    this.#fostered.set(index, age)
    return ref
  }

  /** The same, spawned in this isolate: with the very arguments. */
  #ownWith(index: number, age: number, boot: Boot, settings: ActorSettings): LocalRef {
    const ref = this.#own(index, age, boot)
    this.#spawnedHere.add(ref)
    if (settings !== boot.info.settings) moreOf(ref).settings = settings
    return ref
  }

  /** A ref to an actor elsewhere whose parent is here. */
  seat(index: number, ref: FarRef): void {
    this.#put(index, ref)
  }

  #put(index: number, ref: LocalRef): void {
    const { lane } = this.#crossing
    while (lane.refs.length <= index) {
      lane.refs.push(undefined)
      lane.instances.push(undefined)
    }
    lane.refs[index] = ref
    if (ref instanceof FarRef) this.#crossing.seated.set(ref.index, ref)
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

  /** The index that was taken last was not used. */
  #giveBack(place: number): void {
    const block = this.#grants.get(place)
    if (block === undefined || block.at === 0) return
    block.at--
    block.left++
  }

  /** Another isolate spawned an actor on the system: its parent, the root, is in this one. */
  born(seat: number, seatAge: number, values: readonly unknown[]): void {
    const { lane } = this.#crossing
    const [name, address, age, , cls] = values as [string, number, number, string, number]
    const info = this.infoOf(cls)
    const like = info === undefined ? this.#crossing.unknownInfo : this.#crossing.farInfo(info)
    const boot = new Boot(lane, like, [], name, null)
    // also when it lives in this isolate: its stand-in is another cell, about which the core speaks apart
    this.#put(seat, new FarRef(address, age, boot, seat, seatAge))
  }

  // ----------------------------------------------------------------------------------------- the other side

  /** An actor of this isolate failed whose parent is elsewhere. */
  reportHome(ref: LocalRef, failure: Failure, decision: Directive): void {
    const standIn = this.#crossing.seats.of(ref.index, ref.age)?.standIn
    if (standIn !== undefined) this.causes.report(failure, ...standIn, decision)
    else reportFailure(this.#crossing.lane, ref, 0, failure, decision, 0)
  }

  /** Whether the actor's parent is in another isolate. */
  isFostered(index: number, age: number): boolean {
    return this.#fostered.get(index) === age
  }

  /** Whether the actor's start is this file's to see to. */
  isForeign(index: number, age: number): boolean {
    const ref = this.#crossing.lane.refs[index]
    return this.#fostered.get(index) === age || ref?.seatAge !== age || ref.info === this.#crossing.unknownInfo
  }

  /** Whether the parent of an actor of this isolate is elsewhere, from now on. */
  fostered(ref: LocalRef, isFostered: boolean): void {
    const { index, age, info } = ref
    if (isFostered === this.isFostered(index, age)) return
    if (!isFostered) {
      this.#fostered.delete(index)
      return
    }
    this.#fostered.set(index, age)
    if (info === this.#crossing.unknownInfo) return
    this.#spawnedHere.add(ref)
    this.#plant(ref)
  }

  /** Should this isolate die, the next one is to know how to start the actor; if that cannot be told, it ends with this one. */
  #plant(ref: LocalRef): void {
    const { index, age, info, name } = ref
    const { lane, place, satchel } = this.#crossing
    if (place === 0 || lane.native.seed(index) !== undefined || !this.#travels(info, [])) return
    const seed: Seed = [name, null, null, ref.boot.args, moreIf(ref)?.settings ?? null]
    try {
      const told = satchel.bytesOf(seed)
      const bytes = new Uint8Array(LEAD + told.length)
      new Int32Array(bytes.buffer, 0, 1)[0] = this.#classId(info) | SHARED
      bytes.set(told, LEAD)
      lane.native.plant(index, age, bytes)
    } catch (error) {
      lane.log.debug('an actor that was adopted ends with its core: it cannot be spawned anew', { actor: ref.path, error })
    }
  }

  /** An actor of this isolate was spawned elsewhere. It is known from here on, should it end before it starts. */
  expect(index: number, age: number, letter: number): void {
    const { lane } = this.#crossing
    if (lane.refs[index]?.seatAge === age) return
    const sown = this.#read(lane.native.letter(letter), index, age)
    if (sown !== undefined) this.#foster(index, age, sown.seed)
  }

  /** An actor that was spawned elsewhere starts, for the first time or again: its arguments are read afresh. */
  birth(index: number, age: number, generation: number, cause: number, i: number): void {
    const { lane } = this.#crossing
    const ref = lane.refs[index]
    const isOwn = ref?.seatAge === age && this.#spawnedHere.has(ref)
    const { cls, seed } = isOwn ? { cls: 0, seed: NO_SEED } : (this.#seedOf(index, age) as Sown)
    const made = ref?.seatAge === age ? ref : this.#foster(index, age, seed)
    const info = isOwn ? made.info : this.#infos.get(cls)
    if (info !== undefined && generation === 0) {
      this.#settle(made, info, seed)
      start(lane, index, generation, cause, i)
      return
    }
    const run = new Run(made, NOTE_START, 0, false, null, 0, 0)
    const why = (): Promise<Failure | null> => this.#why(made, generation, cause)
    const begin = (loaded: ClassInfo): Promise<void> | undefined => {
      if (run.fenced) return undefined
      this.#settle(made, loaded, seed)
      return startLater(lane, made, generation, why)
    }
    const starting = info === undefined ? this.#load(cls).then(begin) : begin(info)
    promisedNote(lane, i, run, starting as Promise<void>)
  }

  /** Why there is another instance: its supervisor knows, or did when it was another one. */
  async #why(ref: LocalRef, generation: number, cause: number): Promise<Failure | null> {
    if (cause === AGAIN_NORMAL) return null
    const standIn = this.#crossing.seats.of(ref.index, ref.age)?.standIn
    const told = standIn === undefined ? null : await this.causes.ask(ref, ...standIn, generation, cause)
    return told ?? failureBefore(this.#crossing.lane, ref, cause)
  }

  /** The ref of an actor of this isolate that was spawned elsewhere, and may have yet to start. */
  expected(index: number, age: number): LocalRef {
    const known = this.#crossing.lane.refs[index]
    if (known?.seatAge === age) return known
    const sown = this.#seedOf(index, age)
    return this.#foster(index, age, sown?.seed ?? ['', null, null, []])
  }

  #foster(index: number, age: number, [given, above]: Seed): LocalRef {
    const { name, parent } = this.#crossing.seats.of(index, age) ?? { name: given, parent: above }
    return this.#own(index, age, new Boot(this.#crossing.lane, this.#crossing.unknownInfo, [], name, parent))
  }

  /** The letter that an actor was spawned with, read afresh. */
  #seedOf(index: number, age: number): Sown | undefined {
    return this.#read(this.#crossing.lane.native.seed(index), index, age)
  }

  #read(bytes: ArrayBuffer | undefined, index: number, age: number): Sown | undefined {
    if (bytes === undefined) return undefined
    const words = new Int32Array(bytes, BAG_HEAD, LEAD / 4)
    const before = this.#shared.get(index)
    const shared = before?.age === age ? before.values : new Map<number, ArrayBuffer | SharedArrayBuffer>()
    const seed = this.#crossing.decodeSeed(bytes, BAG_HEAD + LEAD, shared) as Seed
    if (shared.size > 0) this.#shared.set(index, { age, values: shared })
    else this.#shared.delete(index)
    return { words, cls: (words[0] as number) & ~SHARED, seed }
  }

  #settle(ref: LocalRef, info: ClassInfo, [, , options, args, whole]: Seed): void {
    const { lane } = this.#crossing
    if (!this.#spawnedHere.has(ref)) {
      const { given, parent } = ref.boot
      forgetViews(ref)
      ref.boot = new Boot(lane, info, args, given, parent)
      const settings = whole ?? (options === null ? info.settings : spawnOptions(options, info.settings, lane.placing))
      if (settings !== info.settings) moreOf(ref).settings = settings
    }
    const profile = lane.profiles.of(lane, settingsOf(ref))
    if (profile !== 0) lane.native.profileOf(ref.index, profile)
  }
}

/** They may have been made before the class was known. */
function forgetViews(ref: LocalRef): void {
  ref.tellView = undefined
  const more = moreIf(ref)
  if (more !== undefined) more.ask = more.send = more.stream = undefined
}
