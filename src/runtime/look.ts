// Looking at a system from outside.

import { option } from '../errors.ts'
import type { ActorInfo } from '../lifecycle.ts'
import type { Ref } from '../ref.ts'
import type { Lane } from './lane.ts'
import type { LocalRef } from './ref.ts'
import { STATES } from './words.ts'

export function lookup(lane: Lane, path: string): Ref<any> | null {
  if (typeof path !== 'string') throw option('path', path, "a path such as '/orders/42'")
  if (!path.startsWith('/') || path === '/') return null
  lane.flush()
  const found = new Int32Array(2)
  let index = 0
  for (const name of path.slice(1).split('/')) {
    if (!lane.native.find(index, name, found)) return null
    index = found[0] as number
  }
  const ref = lane.refs[index]
  return ref !== undefined && ref.age === found[1] ? (ref as unknown as Ref<any>) : null
}

type Node = { -readonly [K in keyof ActorInfo]: K extends 'children' ? Node[] : ActorInfo[K] }

export function inspect(lane: Lane): ActorInfo {
  lane.flush()
  const rows = lane.native.actors()
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
  const way: Node[] = [root]
  for (let at = 0; at < rows.length; at += 8) {
    const [index, , depth, state, generation, waiting, handled, failed] = rows.subarray(at, at + 8) as unknown as [
      number, number, number, number, number, number, number, number,
    ]
    const ref = lane.refs[index] as LocalRef
    const node: Node = {
      path: ref.path,
      className: ref.info.name,
      state: lane.dispatching && lane.current === index ? 'running' : (STATES[state] as ActorInfo['state']),
      on: 0,
      generation,
      waiting,
      handled,
      failed,
      children: [],
    }
    way.length = depth + 1
    ;(way[depth] as Node).children.push(node)
    way.push(node)
  }
  return root
}
