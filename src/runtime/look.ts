// Looking at a system from outside.

import { option } from '../errors.ts'
import type { ActorInfo } from '../lifecycle.ts'
import type { Ref } from '../ref.ts'
import type { Lane } from './lane.ts'
import { INDEX_BITS } from './limits.ts'
import type { LocalRef } from './ref.ts'
import { STATES } from './words.ts'

export function lookup(lane: Lane, path: string): Ref<any> | null {
  if (typeof path !== 'string') throw option('path', path, "a path such as '/orders/42'")
  if (!path.startsWith('/') || path === '/') return null
  lane.flush()
  const names = path.slice(1).split('/')
  return (lane.crossing === undefined ? find(lane, names) : findFar(lane, names)) as unknown as Ref<any> | null
}

function find(lane: Lane, names: readonly string[]): LocalRef | null {
  const found = new Int32Array(2)
  let index = 0
  for (const name of names) {
    if (!lane.native.find(index, name, found)) return null
    index = found[0] as number
  }
  const ref = lane.refs[index]
  return ref !== undefined && ref.seatAge === found[1] ? ref : null
}

/** From the root, which is in the isolate that made the system, from isolate to isolate. */
function findFar(lane: Lane, names: readonly string[]): LocalRef | null {
  const found = new Int32Array(4)
  let place = 0
  let index = 0
  let age = 0
  for (const name of names) {
    if (!lane.native.findOn(place, index, name, found)) return null
    ;[index, age] = found as unknown as [number, number]
    const home = found[2] as number
    if (home === 0) continue
    place = (home >>> INDEX_BITS) - 1
    index = home & ((1 << INDEX_BITS) - 1)
    age = found[3] as number
    if (lane.native.ageOn(place, index) !== age) return null // its parent's isolate has yet to hear that it has ended
  }
  return lane.crossing?.refTo(((place + 1) << INDEX_BITS) | index, age) ?? null
}

type Node = { -readonly [K in keyof ActorInfo]: K extends 'children' ? Node[] : ActorInfo[K] }

export function inspect(lane: Lane): ActorInfo {
  lane.flush()
  const root: Node = {
    path: '/',
    className: '',
    state: lane.closing ? 'stopping' : 'idle',
    on: 0,
    generation: 0,
    waiting: 0,
    handled: 0,
    failed: 0,
    children: [],
  }
  if (lane.crossing === undefined) addActors(lane, root)
  else addFar(lane, root, 0, 0, 0)
  return root
}

function addActors(lane: Lane, root: Node): void {
  const rows = lane.native.actors()
  const way: Node[] = [root]
  for (let at = 0; at < rows.length; at += 8) {
    const [index, , depth] = rows.subarray(at, at + 3) as unknown as [number, number, number]
    const { path, info } = lane.refs[index] as LocalRef
    const node = { path, className: info.name, on: 0, children: [], ...seen(lane, rows, at, 0) }
    way.length = depth + 1
    ;(way[depth] as Node).children.push(node)
    way.push(node)
  }
}

/** What one row says of an actor itself. */
function seen(lane: Lane, rows: Float64Array, at: number, on: number): Pick<Node, 'state' | 'generation' | 'waiting' | 'handled' | 'failed'> {
  const [index, , , state, generation, waiting, handled, failed] = rows.subarray(at, at + 8) as unknown as [
    number, number, number, number, number, number, number, number,
  ]
  const isRunning = on === (lane.crossing?.place ?? 0) && lane.dispatching && lane.current === index
  return { state: isRunning ? 'running' : (STATES[state] as ActorInfo['state']), generation, waiting, handled, failed }
}

/** What the isolate that an actor lives in calls its class, should it know that yet. */
function classOf(lane: Lane, home: number): string {
  return home === 0 ? '' : lane.native.classOn((home >>> INDEX_BITS) - 1, home & ((1 << INDEX_BITS) - 1))
}

/** Adds what is below an actor of some isolate; where another one's stands in, what that isolate says of it. */
function addFar(lane: Lane, top: Node, place: number, index: number, age: number): void {
  const rows = lane.native.actorsOn(place, index, age)
  const way: Node[] = []
  const parent = new Int32Array(3)
  for (let at = 0; at < rows.length; at += 10) {
    const [cell, cellAge, depth] = rows.subarray(at, at + 3) as unknown as [number, number, number]
    if (at === 0) {
      if (index !== 0) Object.assign(top, seen(lane, rows, at, place))
      way.push(top)
      continue
    }
    const above = way[depth - 1] as Node
    const name = lane.native.nameOn(place, cell, cellAge, parent)
    const path = `${above.path === '/' ? '' : above.path}/${name === false || name === undefined ? '(ended)' : name}`
    const home = rows[at + 8] as number
    const className = classOf(lane, home) || lane.native.classOn(place, cell) || 'Actor'
    const node: Node = { path, className, on: place, children: [], ...seen(lane, rows, at, place) }
    if (home !== 0) {
      node.on = (home >>> INDEX_BITS) - 1
      addFar(lane, node, node.on, home & ((1 << INDEX_BITS) - 1), rows[at + 9] as number)
    }
    above.children.push(node)
    way.length = depth
    way.push(node)
  }
}
