// What is known of an actor class in a system: its handlers, and the verbs that refs to its actors have.

import { inspect, types } from 'node:util'
import { Actor, type ActorClass } from '../actor.ts'
import { notAnActor } from '../errors.ts'
import { FLAG_ASYNC, FLAG_SHARED, OP_MSG, TAG_SHIFT } from '../native/layout.ts'
import { type ActorSettings, actorStatics, type CallSettings, className, mergeActorOptions } from '../options.ts'
import type { Lane } from './lane.ts'
import { findMethod, isHandlerName } from './lookup.ts'
import type { NativeKind } from '../native/addon.ts'
import { nativeKind } from './natives.ts'
import { Boot, type LocalRef, REF, SETTINGS } from './ref.ts'
import { ask, askTuned, namedVerbs, send, sendTuned, stream, streamTuned, tell, tellTuned, type View } from './verbs.ts'

/** A handler with generated verbs. */
export interface Method {
  readonly name: string
  readonly tag: number
  /** What its messages' heads begin with. Changes once: a plain method that returned a promise is asynchronous. */
  head: number
}

type ViewClass = new (ref: LocalRef, settings?: CallSettings) => View

interface Views {
  readonly Tell: ViewClass
  readonly Send: ViewClass
  readonly Ask: ViewClass
  readonly Stream: ViewClass
  readonly TunedTell: ViewClass
  readonly TunedSend: ViewClass
  readonly TunedAsk: ViewClass
  readonly TunedStream: ViewClass
}

export interface ClassInfo extends Views {
  readonly cls: ActorClass
  readonly name: string
  readonly id: number
  /** What holds for its actors when the spawn says nothing. */
  readonly settings: ActorSettings
  /** What plain spawns share. */
  plain: Boot
  readonly methods: ReadonlyMap<string, Method>
  /** Names of those that are read as streams. */
  readonly generators: ReadonlySet<string>
  /** Other isolates may load it. */
  readonly hasModule: boolean
  /** Its actors are Rust, and live on core threads. */
  readonly isNative: boolean
  /** An instance was made. */
  isSeen: boolean
  /** The enumerable keys of the last instance. */
  readonly keys: string[]
}

const NO_ARGS: readonly unknown[] = Object.freeze([])
/** Classes and methods have 16 bits in an entry; methods beyond that are looked up by name. */
const MOST = 0xffff

export function classInfo(lane: Lane, cls: unknown): ClassInfo {
  const last = lane.lastInfo
  if (last !== undefined && last.cls === cls) return last
  return (lane.lastInfo = lane.infos.get(cls as ActorClass) ?? register(lane, cls))
}

function register(lane: Lane, cls: unknown): ClassInfo {
  const kind = nativeKind(cls)
  if (kind !== undefined) return registerNative(lane, cls as ActorClass, kind)
  if (!isActorClass(cls)) throw notAnActor(cls)
  const statics = actorStatics(cls, lane.placing)
  const shared = new Set(statics.concurrent)
  const methods = new Map<string, Method>()
  const generators = new Set<string>()
  const id = Math.min(lane.infos.size + 1, MOST)
  for (const [name, fn] of handlersOf(cls)) {
    if (types.isGeneratorFunction(fn)) generators.add(name)
    if (lane.handlers.length > MOST) continue
    const tag = lane.handlers.length
    const flags = shared.has(name) ? FLAG_SHARED : types.isAsyncFunction(fn) ? FLAG_ASYNC : 0
    const method = { name, tag, head: OP_MSG | flags | (tag << TAG_SHIFT) }
    lane.handlers.push(fn)
    lane.methods.push(method)
    methods.set(name, method)
  }
  const callable = [...methods.values()].filter((method) => !generators.has(method.name))
  const all = [...methods.values()]
  const name = className(cls)
  // with messages that carry more than their arguments, every call takes the long way
  const long = lane.settings.propagate || lane.settings.localMessages !== 'share'
  const short = long ? LONG : { tell, send, ask, stream }
  const info: ClassInfo = {
    cls,
    name,
    id,
    settings: mergeActorOptions(lane.actorSettings, statics.options),
    plain: undefined as unknown as Boot, // it names the info, so it is made below
    methods,
    generators,
    hasModule: statics.module !== undefined,
    isNative: false,
    isSeen: false,
    keys: [],
    ...viewsOf(callable, all, short),
  }
  info.plain = new Boot(lane, info, NO_ARGS, undefined, null)
  lane.infos.set(cls, info)
  lane.native.className(id, name)
  lane.crossing?.register(info)
  return info
}

/** No instance of it is ever in this isolate: its methods are known by their names alone. */
function registerNative(lane: Lane, cls: ActorClass, kind: NativeKind): ClassInfo {
  const id = Math.min(lane.infos.size + 1, MOST)
  const names = [...kind.methods, ...kind.streams]
  const info: ClassInfo = {
    cls,
    name: cls.name,
    id,
    settings: lane.actorSettings,
    plain: undefined as unknown as Boot,
    methods: new Map(names.map((name) => [name, { name, tag: 0, head: OP_MSG }])),
    generators: new Set(kind.streams),
    hasModule: true,
    isNative: true,
    isSeen: true,
    keys: [],
    ...viewsOf([], [], LONG),
  }
  info.plain = new Boot(lane, info, NO_ARGS, undefined, null)
  lane.infos.set(cls, info)
  lane.native.className(id, info.name)
  return info
}

/** What the verbs of a class's methods are. */
export interface Verbs {
  readonly tell: (method: Method) => Function
  readonly send: (method: Method) => Function
  readonly ask: (method: Method) => Function
  readonly stream: (method: Method) => Function
}

/** For messages that carry more than their arguments. */
export const LONG: Verbs = { tell: tellTuned, send: sendTuned, ask: askTuned, stream: streamTuned }

/** `callable` are told and asked, `all` are read. */
export function viewsOf(callable: readonly Method[], all: readonly Method[], verbs: Verbs): Views {
  return {
    Tell: view(callable, verbs.tell, namedVerbs.tell),
    Send: view(callable, verbs.send, namedVerbs.send),
    Ask: view(callable, verbs.ask, namedVerbs.ask),
    Stream: view(all, verbs.stream, namedVerbs.stream),
    TunedTell: tunedView(callable, tellTuned, namedVerbs.tell),
    TunedSend: tunedView(callable, sendTuned, namedVerbs.send),
    TunedAsk: tunedView(callable, askTuned, namedVerbs.ask),
    TunedStream: tunedView(all, streamTuned, namedVerbs.stream),
  }
}

function isActorClass(value: unknown): value is ActorClass {
  if (typeof value !== 'function' || (value as unknown) === Actor) return false
  const prototype: unknown = value.prototype
  return typeof prototype === 'object' && prototype !== null && prototype instanceof Actor
}

/** The methods of the class and of what it extends, nearest first; getters hide what they override. */
function handlersOf(cls: ActorClass): Map<string, Function> {
  const found = new Map<string, Function>()
  const seen = new Set<string>()
  let owner: object | null = cls.prototype as object
  while (owner !== null && owner !== Actor.prototype) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (seen.has(name)) continue
      seen.add(name)
      const fn = isHandlerName(name) ? findMethod(owner, name) : undefined
      if (fn !== undefined) found.set(name, fn)
    }
    owner = Object.getPrototypeOf(owner) as object | null
  }
  return found
}

/** A class of plain objects with one function a method; any other name goes to the fallback at the chain's end. */
function view(methods: readonly Method[], verb: (method: Method) => Function, fallback: object): ViewClass {
  // oxlint-disable-next-line typescript/no-extraneous-class -- its methods are put on its prototype below
  class VerbView {
    constructor(ref: LocalRef) {
      ;(this as { [REF]?: LocalRef })[REF] = ref
    }
  }
  shape(VerbView.prototype, methods, verb, fallback)
  return VerbView as unknown as ViewClass
}

/** The same for refs with call options. */
function tunedView(methods: readonly Method[], verb: (method: Method) => Function, fallback: object): ViewClass {
  // oxlint-disable-next-line typescript/no-extraneous-class -- its methods are put on its prototype below
  class TunedVerbView {
    constructor(ref: LocalRef, settings: CallSettings | undefined) {
      ;(this as { [REF]?: LocalRef })[REF] = ref
      ;(this as { [SETTINGS]?: CallSettings | undefined })[SETTINGS] = settings
    }
  }
  shape(TunedVerbView.prototype, methods, verb, fallback)
  return TunedVerbView as unknown as ViewClass
}

function inspectView(this: { [REF]?: LocalRef }): string {
  return `Verbs(${this[REF]?.path ?? ''})`
}

function shape(prototype: object, methods: readonly Method[], verb: (method: Method) => Function, fallback: object): void {
  delete (prototype as { constructor?: unknown }).constructor
  Object.setPrototypeOf(prototype, fallback)
  // found here, before the fallback refuses to have them set
  Object.defineProperty(prototype, inspect.custom, { value: inspectView })
  for (const own of [REF, SETTINGS]) Object.defineProperty(prototype, own, { value: undefined, writable: true })
  for (const method of methods) {
    Object.defineProperty(prototype, method.name, { value: verb(method), enumerable: true })
  }
}
