// What the methods of a ref to another isolate do: the arguments are written into the satchel, and an entry names their
// place. A single small integer travels in the entry itself.

import { FLAG_ASK, FLAG_SEND, OP_MSG, TAG_SHIFT } from '../native/layout.ts'
import type { Calls } from '../runtime/calls.ts'
import type { ClassInfo, Method, Verbs } from '../runtime/classes.ts'
import { LONG, viewsOf } from '../runtime/classes.ts'
import type { Lane } from '../runtime/lane.ts'
import { FAR_BATCH } from '../runtime/limits.ts'
import { put, reservePair } from '../runtime/outbox.ts'
import { type LocalRef, refOf } from '../runtime/ref.ts'
import { ARITY_1, ARITY_N, isWord, streamTuned, type View } from '../runtime/verbs.ts'
import type { Crossing } from './crossing.ts'

function post(ref: LocalRef, head: number, args: readonly unknown[], method: string, corr: number): void {
  const { lane } = ref
  reservePair(lane)
  const crossing = lane.crossing as Crossing
  const place = crossing.write(args, ref, method)
  put(lane, head | ARITY_N, ref.index, ref.age, place, corr)
  if (crossing.satchel.isLarge || lane.written >= FAR_BATCH) lane.flush()
}

function putFar(ref: LocalRef, head: number, payload: number, corr: number): void {
  const { lane } = ref
  put(lane, head, ref.index, ref.age, payload, corr)
  if (lane.written >= FAR_BATCH) lane.flush()
}

function tell(method: Method): Function {
  return function (this: View, a: unknown, b: unknown, c: unknown) {
    const ref = refOf(this)
    const n = arguments.length
    if (n === 1 && isWord(a)) putFar(ref, method.head | ARITY_1, a, 0)
    else if (n === 1) post(ref, method.head, [a], method.name, 0)
    else if (n === 0) putFar(ref, method.head, 0, 0)
    else post(ref, method.head, n === 2 ? [a, b] : n === 3 ? [a, b, c] : Array.prototype.slice.call(arguments), method.name, 0)
  }
}

/** A call that is kept with whom it was for: the core does not know that of a send, nor the path of one that has ended. */
function open(calls: Calls, ref: LocalRef, method: Method): Promise<unknown> {
  const promise = calls.open()
  calls.extend({ ref, method: method.name })
  return promise
}

function calling(flag: number): (method: Method) => Function {
  return (method) =>
    function (this: View, a: unknown, b: unknown, c: unknown): Promise<unknown> {
      const ref = refOf(this)
      const { lane } = ref
      const { calls } = lane
      const n = arguments.length
      const head = method.head | flag
      if (n === 0 || (n === 1 && isWord(a))) {
        const promise = open(calls, ref, method)
        putFar(ref, n === 0 ? head : head | ARITY_1, n === 0 ? 0 : (a as number), calls.last)
        return promise
      }
      const args = n === 1 ? [a] : n === 2 ? [a, b] : n === 3 ? [a, b, c] : Array.prototype.slice.call(arguments)
      reservePair(lane)
      const crossing = lane.crossing as Crossing
      const place = crossing.write(args, ref, method.name) // before a call is opened: it may throw
      const promise = open(calls, ref, method)
      put(lane, head | ARITY_N, ref.index, ref.age, place, calls.last)
      if (crossing.satchel.isLarge || lane.written >= FAR_BATCH) lane.flush()
      return promise
    }
}

const VERBS: Verbs = { tell, send: calling(FLAG_SEND), ask: calling(FLAG_ASK), stream: streamTuned }

/** What is known of a class, for refs to its actors in other isolates: their methods go by the numbers of their names. */
export function farInfo(crossing: Crossing, info: ClassInfo): ClassInfo {
  const methods = new Map<string, Method>()
  for (const { name, tag } of info.methods.values()) {
    const id = crossing.nameId(name)
    if (id !== 0) methods.set(name, { name, tag, head: OP_MSG | (id << TAG_SHIFT) })
  }
  const all = [...methods.values()]
  const callable = all.filter((method) => !info.generators.has(method.name))
  return { ...info, methods, ...viewsOf(callable, all, crossing.lane.settings.propagate ? LONG : VERBS) }
}

/** Of a class of which this isolate knows nothing: every method goes by its name. */
export function unknownInfo(lane: Lane): ClassInfo {
  return {
    cls: undefined as never,
    name: 'Actor',
    id: 0,
    settings: lane.actorSettings,
    plain: undefined as never,
    methods: new Map(),
    generators: new Set(),
    hasModule: false,
    isNative: false,
    isSeen: true,
    keys: [],
    ...viewsOf([], [], VERBS),
  }
}

