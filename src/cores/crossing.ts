// What ties one isolate of a system to the others: letters out and in, names that all isolates number alike, refs that
// lead elsewhere, and calls that others wait for.

import { notSerializable, show } from '../errors.ts'
import {
  CARRY_ACCEPTED,
  CARRY_FAILED,
  CARRY_ITEM,
  CARRY_OVER,
  CARRY_QUERY,
  CARRY_REFUSED,
  CARRY_REPLY,
  DEAD_NO_HANDLER,
  FLAG_LETTER,
  OP_CARRY,
  OUTCOME_OK,
  OUTCOME_THREW,
  TAG_SHIFT,
  WORD_CURSOR,
} from '../native/layout.ts'
import { type FarCalls, isFarCall } from '../runtime/calls.ts'
import type { ClassInfo } from '../runtime/classes.ts'
import { type Contents, Parcel } from '../runtime/inbox.ts'
import type { Lane, Thrown } from '../runtime/lane.ts'
import { INDEX_BITS, RING, WORDS } from '../runtime/limits.ts'
import { newNumber, put, putFrom, reservePair } from '../runtime/outbox.ts'
import { Boot, Ended, hasEnded, LocalRef, localRef, moreIf } from '../runtime/ref.ts'
import type { Sink } from '../runtime/streams.ts'
import { ARITY_1, ARITY_N, isWord } from '../runtime/verbs.ts'
import { exitReason } from '../runtime/words.ts'
import { bare } from './bare.ts'
import { Births } from './births.ts'
import { carried, settleEnd } from './carried.ts'
import { Codec, type Outside, type RefWords, Unsendable } from './codec/codec.ts'
import { Fault, SHARED_MEMORY } from './codec/unsendable.ts'
import { FarRef, findPath } from './far.ts'
import type { Moves } from './moves.ts'
import { Newsroom } from './news.ts'
import { Satchel } from './satchel.ts'
import { Seats } from './seats.ts'
import { FarReader, type FarSource } from './streams.ts'
import { farInfo, unknownInfo } from './verbs.ts'

/** Kinds of words that the system numbers. */
const NAMES = 0
const SHAPES = 1
/** How many there may be of each. */
const MOST = 0xffff
/** Bytes of the bag. */
const BAG = 256 << 10
/** Bytes before a letter in the bag: length, method and form, the letter's number, a word. */
const BAG_HEAD = 16
const APART = -1
const FAR_ERROR = 1 << 30

const utf8 = new TextDecoder()
const UNKNOWN = exitReason(6, undefined)
const FORM_LETTER = 3

/** An isolate that does not come back from a handler. */
export interface Stall {
  readonly core: number
  /** Of the actor there; 0: not known. */
  readonly index: number
  readonly note: number
  /** Of the method. */
  readonly name: number
}

export interface ToldValue {
  readonly value: unknown
  /** The second value of a letter. */
  readonly beside?: unknown
  readonly isRead: boolean
}

export class Crossing implements Outside, FarCalls {
  readonly lane: Lane
  /** The number of this isolate: 0 made the system. */
  readonly place: number
  readonly codec: Codec
  readonly births: Births
  readonly seats: Seats
  readonly moves: Moves
  readonly satchel: Satchel
  readonly news: Newsroom
  /** Streams that are read elsewhere, by the number of the call; and those read here, by the same. */
  readonly sinks = new Map<number, FarReader>()
  readonly sources = new Map<number, FarSource>()
  /** Promises of refs to other isolates, by the number that the answer names. */
  readonly queries = new Map<number, FarRef>()
  readonly #bag = new Uint8Array(BAG)
  readonly #bagWords = new Int32Array(this.#bag.buffer)
  readonly #places = new Int32Array(RING)
  readonly #ids = new Map<string, number>()
  readonly #names: (string | undefined)[] = []
  readonly #infos = new Map<ClassInfo, ClassInfo>()
  readonly unknownInfo: ClassInfo
  readonly #unknown: Boot
  readonly #answered = new Set<number>()
  readonly #asking = new Map<number, LocalRef>()
  #isOver = false
  /** Refs to actors elsewhere whose parent is in this isolate, by address; each stays until that is used again. */
  readonly seated = new Map<number, FarRef>()
  /** While an actor's arguments are read. */
  #shared: Map<number, ArrayBuffer | SharedArrayBuffer> | undefined = undefined
  /** The letter that is being read, for its large pieces. */
  #reading = 0

  constructor(lane: Lane, place: number, moves: Moves) {
    this.lane = lane
    this.place = place
    this.moves = moves
    this.codec = new Codec(this)
    this.births = new Births(this)
    this.seats = new Seats(this)
    if (place > 0) {
      lane.firstNumber = place << 24
      lane.nextNumber = lane.firstNumber + 1
    }
    lane.calls.far = this
    this.satchel = new Satchel(lane, this.codec, moves, (bytes) => lane.native.bags(this.#bag, this.#places, bytes))
    this.unknownInfo = unknownInfo(lane)
    this.#unknown = new Boot(lane, this.unknownInfo, [], undefined, null)
    this.news = new Newsroom(this)
    for (const known of lane.infos.values()) this.register(known)
  }

  // ------------------------------------------------------------------------------------------------- names

  nameId(name: string): number {
    let id = this.#ids.get(name)
    if (id === undefined) {
      // 0 means none, so that the first name has 1. Beyond the last one a name travels as the first argument
      id = this.lane.native.word(NAMES, name, MOST) + 1
      this.#ids.set(name, id)
      if (id !== 0) this.#names[id] = name
    }
    return id
  }

  nameAt(id: number): string {
    return (this.#names[id] ??= id === 0 ? '' : (this.lane.native.wordAt(NAMES, id - 1) ?? ''))
  }

  /** The core is told how messages of a class's methods begin, under the class's number here. */
  register(info: ClassInfo, id = info.id): void {
    if (info.isNative) return // what a message of it begins with is for its own thread to say
    for (const method of info.methods.values()) {
      const name = this.nameId(method.name)
      if (name !== 0 && !info.generators.has(method.name)) this.lane.native.head(id, name, method.head)
    }
  }

  shape(keys: readonly string[]): number {
    return this.lane.native.word(SHAPES, JSON.stringify(keys), MOST)
  }

  keys(shape: number): readonly string[] | undefined {
    const text = this.lane.native.wordAt(SHAPES, shape)
    return text === undefined ? undefined : (JSON.parse(text) as string[])
  }

  // -------------------------------------------------------------------------------------------- letters out

  /** Writes arguments; where they lie. Throws NOT_SERIALIZABLE. Room for the entry was reserved before. */
  write(args: readonly unknown[], ref: LocalRef, method: string, transfer?: readonly ArrayBuffer[]): number {
    try {
      return this.satchel.write((ref.index >>> INDEX_BITS) - 1, args, undefined, transfer)
    } catch (thrown) {
      throw explained(thrown, ref.path, method)
    }
  }

  /** The same for what is no message, after words of the core's; what cannot travel is the runtime's to know. */
  writeTo(to: number, values: readonly unknown[], before?: readonly number[]): number {
    return this.satchel.write(to, values, before)
  }

  get isWhole(): boolean {
    return this.satchel.isWhole
  }

  attach(bytes: Uint8Array): number {
    return this.satchel.attach(bytes)
  }

  move(value: ArrayBuffer | SharedArrayBuffer): number {
    if (this.satchel.isForThread) throw new Fault(value, SHARED_MEMORY)
    return this.moves.note(value)
  }

  copies(buffer: ArrayBuffer): boolean {
    return this.satchel.copies(buffer)
  }

  // --------------------------------------------------------------------------------------------- letters in

  /** What the entry at `o` carries, after `lead` bytes that are the core's. */
  read(o: number, lead = 0): unknown[] {
    const at = this.#places[o / WORDS] as number
    return at === APART ? this.readApart(this.lane.inbox[o + 3] as number, lead) : this.#decode(this.#bag, this.#bagWords, at, lead)
  }

  /** What a letter carries that does not lie in the bag. */
  readApart(letter: number, lead = 0): unknown[] {
    const bytes = this.lane.native.letter(letter)
    if (bytes === undefined) return []
    return this.#decode(new Uint8Array(bytes), new Int32Array(bytes, 0, BAG_HEAD / 4), 0, lead)
  }

  #decode(bytes: Uint8Array, words: Int32Array, at: number, lead: number): unknown[] {
    const w = at >> 2
    const form = ((words[w + 1] as number) >>> 16) & 3
    if (form !== FORM_LETTER) return form === 0 ? [] : [words[w + 3] as number]
    this.#reading = words[w + 2] as number
    const start = at + BAG_HEAD
    return this.codec.decode(bytes, start + lead, start + (words[w] as number))
  }

  /** The method's name, when the core did not know it; undefined when it has no number, and is the first argument. */
  #nameOf(o: number): string | undefined {
    const at = this.#places[o / WORDS] as number
    let words: Int32Array | undefined = this.#bagWords
    if (at === APART) {
      const bytes = this.lane.native.letter(this.lane.inbox[o + 3] as number)
      words = bytes === undefined ? undefined : new Int32Array(bytes, 0, BAG_HEAD / 4)
    }
    const id = words === undefined ? 0 : (words[(at === APART ? 0 : at >> 2) + 1] as number) & 0xffff
    return id === 0 ? undefined : this.nameAt(id)
  }

  /** The word beside a letter that is in the inbox. */
  wordBeside(o: number): number {
    const at = this.#places[o / WORDS] as number
    return at === APART ? 0 : (this.#bagWords[(at >> 2) + 3] as number)
  }

  /** What stands in a letter of a core that has no isolate: `count` words, text, and what `args` reads. */
  remains(o: number, count: number): { readonly words: Int32Array; readonly text: string; readonly args: () => unknown[] } {
    const place = this.#places[o / WORDS] as number
    const apart = place === APART ? this.lane.native.letter(this.lane.inbox[o + 3] as number) : undefined
    const bytes = apart === undefined ? this.#bag : new Uint8Array(apart)
    const at = apart === undefined ? place : 0
    const head = new Int32Array(bytes.buffer, at, BAG_HEAD / 4 + count)
    const words = head.slice(BAG_HEAD / 4)
    const from = at + BAG_HEAD + 4 * count
    const length = count === 0 ? (head[0] as number) : (words[count - 1] as number)
    const text = utf8.decode(bytes.slice(from, from + length))
    const lead = Math.ceil((4 * count + length) / 8) * 8
    return { words, text, args: () => this.#decode(bytes, new Int32Array(bytes.buffer, 0, bytes.byteLength >> 2), at, lead) }
  }

  /** A message as the loop over the inbox takes it. */
  parcel(head: number, o: number): unknown {
    const args = this.read(o)
    if (head >>> TAG_SHIFT !== 0) return args
    const name = this.#nameOf(o) ?? String(args.shift())
    return new Parcel(name, args, this.lane.propagated === undefined ? undefined : (fn) => fn(), false)
  }

  /** A message that will not run. */
  contents(head: number, o: number): Contents {
    const { methods, inbox } = this.lane
    const tag = head >>> TAG_SHIFT
    // of a message that did not even leave, the tag is what it would be elsewhere
    const isOut = ((inbox[o + 1] as number) >>> INDEX_BITS) !== 0
    const name = tag === 0 || isOut ? this.#nameOf(o) : (methods[tag]?.name ?? '')
    try {
      const args = this.read(o)
      return { name: name ?? String(args.shift()), args }
    } catch {
      return { name: name ?? '', args: null }
    }
  }

  attachment(place: number): ArrayBuffer {
    const bytes = this.lane.native.detach(this.#reading, place)
    if (bytes === undefined) throw new Error('malformed message: large bytes are missing')
    return bytes
  }

  moved(number: number): ArrayBuffer | SharedArrayBuffer {
    const kept = this.#shared?.get(number)
    if (kept !== undefined) return kept
    const value = this.moves.take(number)
    this.#shared?.set(number, value)
    return value
  }

  /** What is read of the runtime's own; when it cannot be, what it threw. */
  #told(read: () => unknown[]): unknown[] {
    try {
      return read()
    } catch (error) {
      return [error]
    }
  }

  /** What an actor of another isolate ended by, by the number of the letter. Read once. */
  toldOf(number: number): unknown {
    return (number & FAR_ERROR) === 0 ? undefined : this.readApart(number & ~FAR_ERROR)[0]
  }

  /** An error that came from another isolate, by its number in the core. */
  thrown(number: number): Thrown | undefined {
    if ((number & FAR_ERROR) === 0) return undefined
    const values = this.#told(() => this.readApart(number & ~FAR_ERROR))
    if (values.length === 0) return undefined
    const thrown = { error: values[0], method: (values[1] ?? null) as string | null, generation: (values[2] ?? 0) as number }
    this.lane.thrown.set(number, thrown)
    return thrown
  }

  // ---------------------------------------------------------------------------------------------------- refs

  /** The address of one of this isolate's indices. */
  address(index: number): number {
    return ((this.place + 1) << INDEX_BITS) | index
  }

  ref(value: object): RefWords | undefined {
    const ref = localRef(value)
    if (ref === undefined || ref.lane !== this.lane) return undefined
    const cls = this.births.classOf(ref.info)
    if (ref instanceof FarRef) return { address: ref.index, age: ref.age, cls, path: ref.told }
    // of one that has ended, or is about to, nobody could find it out
    const isOver = hasEnded(ref) || moreIf(ref)?.failed !== undefined
    return { address: this.address(ref.index), age: ref.age, cls, path: isOver ? ref.path : undefined }
  }

  makeRef(address: number, age: number, cls: number, path?: string): LocalRef {
    return this.refTo(address, age, cls, path)
  }

  /** What this isolate has of an actor, when that lives here. */
  known(ref: LocalRef): LocalRef {
    return (ref.index >>> INDEX_BITS) - 1 === this.place ? this.refTo(ref.index, ref.age) : ref
  }

  /** The ref of an address; the isolate's own one when it leads home. */
  refTo(address: number, age: number, cls = 0, path?: string): LocalRef {
    const place = (address >>> INDEX_BITS) - 1
    if (place !== this.place) {
      const seated = this.seated.get(address | 0)
      if (seated?.age === age) return seated
      const info = this.births.infoOf(cls)
      const boot = info === undefined ? this.#unknown : new Boot(this.lane, this.farInfo(info), [], undefined, null)
      return new FarRef(address, age, boot, 0, 0, path)
    }
    const index = address & ((1 << INDEX_BITS) - 1)
    const known = this.lane.refs[index]
    if (known?.seatAge === age) return known
    if (this.lane.native.ageOn(place, index) === age) return this.births.expected(index, age)
    const gone = new LocalRef(index, age, this.#unknown)
    gone.state = new Ended(UNKNOWN, true, undefined)
    return gone
  }

  farInfo(info: ClassInfo): ClassInfo {
    let far = this.#infos.get(info)
    if (far === undefined) {
      far = farInfo(this, info)
      this.#infos.set(info, far)
      this.births.standsFor(far, info)
    }
    return far
  }

  /** The one ref of an actor elsewhere that its start and its end are told to. */
  asking(ref: LocalRef): LocalRef {
    const known = this.#asking.get(ref.index)
    if (known?.age === ref.age) {
      if (known !== ref) (ref as FarRef).was(known.path)
      return known
    }
    this.#asking.set(ref.index, ref)
    return ref
  }

  /** Its end was told. */
  answered(ref: LocalRef): void {
    if (this.#asking.get(ref.index) === ref) this.#asking.delete(ref.index)
  }

  /** The system has ended: there is no isolate that could answer. What the core knows of ends is all that is known. */
  over(): void {
    this.#isOver = true
    for (const ref of this.queries.values()) this.#look(ref)
    this.queries.clear()
    this.#asking.clear()
  }

  #look(ref: LocalRef): void {
    const { place, index, age } = ref as FarRef
    const end = this.lane.native.endOn(place, index & ((1 << INDEX_BITS) - 1), age)
    settleEnd(this.lane, ref, exitReason(end & 0xff, undefined), end >>> 8)
  }

  /** Somebody waits for the start or the end of an actor elsewhere. */
  query(ref: LocalRef): void {
    if (this.#isOver) return this.#look(ref)
    const number = newNumber(this.lane)
    void ref.path // it is to be known at the end, when nobody else knows
    this.queries.set(number, ref as FarRef)
    putFrom(this.lane, OP_CARRY | (CARRY_QUERY << TAG_SHIFT) | ARITY_1, ref.index, ref.age, number, 1, 0)
  }

  isForeign(index: number, age: number): boolean {
    return this.births.isForeign(index, age)
  }

  /** What an actor was spawned with; read again at every restart, so memory that it shares is kept in `shared`. */
  decodeSeed(bytes: ArrayBuffer, from: number, shared: Map<number, ArrayBuffer | SharedArrayBuffer>): unknown[] {
    const before = this.#shared // an actor may be read of in a message while its arguments are not
    this.#shared = shared
    try {
      return this.codec.decode(new Uint8Array(bytes), from, bytes.byteLength)
    } finally {
      this.#shared = before
    }
  }

  /** The path of an actor of another isolate. */
  pathOf(place: number, index: number): string | undefined {
    const age = this.lane.native.ageOn(place, index)
    return age < 0 ? undefined : findPath(this.lane, place, index, age)
  }

  birth(index: number, age: number, generation: number, cause: number, i: number): void {
    this.births.birth(index, age, generation, cause, i)
  }

  note(head: number, o: number, i: number): void {
    carried(this, head, o, i)
  }

  // --------------------------------------------------------------------------------------------------- calls

  reply(corr: number, value: unknown): void {
    this.#answer(corr, OUTCOME_OK, value)
  }

  refuse(corr: number, error: unknown): void {
    this.#answered.add(corr)
    this.#answer(corr, OUTCOME_THREW, error)
  }

  accept(corr: number): void {
    putFrom(this.lane, OP_CARRY | (CARRY_ACCEPTED << TAG_SHIFT), 0, 0, 0, 0, corr)
  }

  miss(corr: number): void {
    this.#answered.add(corr)
    putFrom(this.lane, OP_CARRY | (CARRY_REFUSED << TAG_SHIFT) | ARITY_1, 0, 0, DEAD_NO_HANDLER, 0, corr)
  }

  close(corr: number): void {
    if (this.sinks.has(corr)) return // the stream says itself what it comes to
    if (!this.#answered.delete(corr)) putFrom(this.lane, OP_CARRY | (CARRY_OVER << TAG_SHIFT), 0, 0, 0, 0, corr)
  }

  #answer(corr: number, outcome: number, value: unknown): void {
    this.say(CARRY_REPLY, corr, outcome, value)
  }

  /** What the supervisor of an actor of this isolate is told, which is in another one. */
  tellFailure(index: number, age: number, generation: number, word: number, error: unknown, method: string | null, number: number): void {
    const { lane } = this
    reservePair(lane)
    const parent = lane.refs[index]?.boot.parent
    const to = parent?.isFar === true ? (parent.index >>> INDEX_BITS) - 1 : 0
    const place = this.#writeError(error, (told) => this.writeTo(to, [told, method, generation]))
    putFrom(lane, OP_CARRY | (CARRY_FAILED << TAG_SHIFT) | ARITY_N, index, age, place, word, 0)
    if (number !== 0) this.keepError(number, error)
  }

  /** Whoever asked late for the end of an actor of this isolate is told it; `how`: the reason, above it what the core adds. */
  tellEnd(kind: number, address: number, age: number, how: number, number: number, error: unknown, path: string | undefined): void {
    const { lane } = this
    reservePair(lane)
    const to = (address >>> INDEX_BITS) - 1
    const place = this.#writeError(error, (told) => this.writeTo(to, [told, path]))
    putFrom(lane, OP_CARRY | (kind << TAG_SHIFT) | ARITY_N, address, age, place, how, number)
  }

  /** Whoever watches from elsewhere is told of it with the end. */
  keepError(number: number, error: unknown): void {
    this.lane.native.keepError(number, this.#writeError(error, (told) => this.satchel.bytesOf([told])))
  }

  stalls: (stall: Stall) => void = () => {}

  /** What the caller is told of a value that cannot travel; the first step of the way there has a name. */
  explain(thrown: unknown, path: string, method: string, parts: readonly string[]): unknown {
    if (!(thrown instanceof Unsendable)) return thrown
    const where = thrown.where.replace(/^\[(\d+)\]/, (_, at: string) => parts[Number(at)] ?? 'args')
    return notSerializable(path, method, where, thrown.value)
  }

  /**
   * Something about a call of another isolate. An error loses what cannot travel; any other value that cannot becomes
   * the error that says so.
   */
  say(kind: number, corr: number, outcome: number, value: unknown, ref?: LocalRef, method?: string): void {
    const { lane } = this
    const head = OP_CARRY | (kind << TAG_SHIFT)
    if (value === undefined) {
      putFrom(lane, head, 0, 0, 0, outcome, corr)
    } else if (isWord(value)) {
      putFrom(lane, head | ARITY_1, 0, 0, value, outcome, corr)
    } else {
      reservePair(lane)
      const to = (corr >>> 20) & 63
      let what = outcome
      let place: number
      try {
        place = this.writeTo(to, [value])
      } catch (thrown) {
        what = OUTCOME_THREW
        const told = outcome === OUTCOME_THREW ? this.#bare(value) : undefined
        place = this.writeTo(to, [told ?? this.#unsendable(thrown, kind === CARRY_ITEM ? 'item' : 'reply', ref, method)])
      }
      putFrom(lane, head | ARITY_N, 0, 0, place, what, corr)
    }
  }

  /** Writes an error as it is or, when it cannot travel so, what is left of it. */
  #writeError<R>(error: unknown, write: (told: unknown) => R): R {
    try {
      return write(error)
    } catch {
      return write(this.bare(error))
    }
  }

  /** An error less what cannot travel, or one that shows it. */
  bare(error: unknown): Error {
    return this.#bare(error) ?? new Error(show(error))
  }

  #bare(error: unknown): Error | undefined {
    return bare(error, (value) => this.#canTravel(value))
  }

  #canTravel(value: unknown): boolean {
    try {
      this.satchel.bytesOf([value])
      return true
    } catch {
      return false
    }
  }

  /** What a caller elsewhere is told of a reply or an item that cannot travel. */
  #unsendable(thrown: unknown, what: string, ref?: LocalRef, method?: string): unknown {
    const { lane } = this
    const { current, replier, inbox } = lane
    const by = ref ?? replier?.ref ?? lane.refs[current]
    const tag = (inbox[(lane.header[WORD_CURSOR] as number) * WORDS] as number) >>> TAG_SHIFT
    const name = method ?? replier?.method ?? lane.methods[tag]?.name ?? lane.label
    const error = explained(thrown, by?.path ?? '', name, what)
    return this.#canTravel(error) ? error : this.bare(error)
  }

  /** The reader of a stream call that another isolate made. */
  sink(corr: number, ref: LocalRef): Sink | undefined {
    if (!isFarCall(corr)) return undefined
    const reader = new FarReader(this, corr, ref, this.lane.label)
    this.sinks.set(corr, reader)
    return reader
  }

  /** An entry for another isolate, with a letter. */
  carry(kind: number, address: number, age: number, from: number, corr: number, values: readonly unknown[], before?: readonly number[]): void {
    const { lane } = this
    reservePair(lane)
    const place = this.writeTo((address >>> INDEX_BITS) - 1, values, before)
    putFrom(lane, OP_CARRY | (kind << TAG_SHIFT) | ARITY_N, address, age, place, from, corr)
  }

  /** An entry for another isolate, with a word. */
  carryWord(kind: number, address: number, word: number, corr: number): void {
    put(this.lane, OP_CARRY | (kind << TAG_SHIFT) | ARITY_1, address, 0, word, corr)
  }

  /** What a note carries: nothing, a word, or a letter's first value; and whether that could be read. */
  told(head: number, o: number): ToldValue {
    if ((head & FLAG_LETTER) === 0) {
      return { value: ((head >> 10) & 3) === 0 ? undefined : (this.lane.inbox[o + 3] as number), isRead: true }
    }
    try {
      const [value, beside] = this.read(o)
      return { value, beside, isRead: true }
    } catch (error) {
      return { value: error, isRead: false } // a registered class did not take what it gave
    }
  }
}

/** What the sender of a value that cannot travel is told. */
function explained(thrown: unknown, path: string, method: string, what = 'args'): unknown {
  if (!(thrown instanceof Unsendable)) return thrown
  const where = what === 'args' ? thrown.where : thrown.where.replace(/^\[0\]/, '')
  return notSerializable(path, method, what + where, thrown.value)
}

