// Native classes among the classes of a system: all isolates know them by their names alone.

import { type ActorSettings, defaultSupervision } from '../options.ts'
import { type ClassInfo, classInfo } from '../runtime/classes.ts'
import type { Lane } from '../runtime/lane.ts'
import { nativeClass } from '../runtime/natives.ts'
import { numbersOf } from '../runtime/profiles.ts'

/** What a class's word begins with when it is native: its name follows. */
const MARK = '@'

export function wordOf(info: ClassInfo): string {
  return MARK + info.name
}

export function isNativeWord(word: string | undefined): word is string {
  return word?.startsWith(MARK) === true
}

/** What is known of the class of such a word. */
export function infoOfWord(lane: Lane, word: string): ClassInfo {
  return classInfo(lane, nativeClass(word.slice(MARK.length)))
}

/** How a native actor supervises and is checked, in the core's numbers; null: as one of which nothing was said. */
export function profileOf({ supervision, health }: ActorSettings): Float64Array | null {
  return supervision === defaultSupervision && health === undefined ? null : Float64Array.from(numbersOf(supervision, health))
}
