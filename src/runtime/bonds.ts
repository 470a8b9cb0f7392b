// What ties actors to each other beside messages: watches, links, and another parent.

import type { Subscription } from '../feed.ts'
import { nameTaken, option, stopped } from '../errors.ts'
import type { ExitReason } from '../lifecycle.ts'
import { ADOPTED_ABOVE, ADOPTED_DONE, ADOPTED_NAME_TAKEN, OP_UNLINK, OP_UNWATCH } from '../native/layout.ts'
import type { LocalContext } from './context.ts'
import type { Lane } from './lane.ts'
import { isReportedElsewhere } from './failures.ts'
import { refAt } from './inbox.ts'
import { putFrom } from './outbox.ts'
import { Boot, type LocalRef, moreOf } from './ref.ts'

export class Watch implements Subscription {
  readonly #owner: LocalRef
  readonly #context: LocalContext
  readonly target: LocalRef
  readonly run: (reason: ExitReason, target: unknown) => unknown
  id = 0

  constructor(owner: LocalRef, context: LocalContext, target: LocalRef, run: (reason: ExitReason, target: unknown) => unknown) {
    this.#owner = owner
    this.#context = context
    this.target = target
    this.run = run
  }

  get active(): boolean {
    return this.id !== 0
  }

  cancel(): boolean {
    if (this.id === 0) return false
    putFrom(this.#owner.lane, OP_UNWATCH, 0, 0, this.id, this.#owner.index, 0)
    this.done()
    return true
  }

  /** It is told now, or not at all. */
  done(): void {
    this.drop()
    this.#context.watches?.delete(this)
  }

  drop(): void {
    this.#owner.lane.watches.delete(this.id)
    this.id = 0
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}

/** Two actors that fail together. */
export class Link implements Subscription {
  readonly owner: LocalRef
  readonly target: LocalRef
  /** Its number in the core, which tells when it is no more. */
  id = 0
  active = false

  constructor(owner: LocalRef, target: LocalRef) {
    this.owner = owner
    this.target = target
  }

  cancel(): boolean {
    if (!this.active) return false
    putFrom(this.owner.lane, OP_UNLINK, 0, 0, this.id, this.owner.index, 0)
    this.active = false
    return true
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}

/** One side of a link has ended: the other one may fail by it. */
export function unlinked(lane: Lane, ended: number, endedAge: number, other: number, id: number): void {
  const link = lane.links.get(id)
  if (link === undefined) {
    // it was made in another isolate
    const [gone, stays] = [refAt(lane, ended, endedAge), lane.refs[other]]
    if (gone !== undefined && stays !== undefined && other !== 0) moreOf(stays).brokenBy = gone
    return
  }
  lane.links.delete(id)
  link.active = false
  const { owner, target } = link
  if (ended === owner.index) moreOf(target).brokenBy = owner
  else moreOf(owner).brokenBy = target
}

/** A request for another parent, until the core answers. */
export interface Adoption {
  readonly target: LocalRef
  /** Null: the root. */
  readonly parent: LocalRef | null
  readonly verb: 'adopt' | 'release'
  resolve(): void
  reject(error: unknown): void
}

export function adopted(lane: Lane, number: number, result: number): void {
  const adoption = lane.adoptions.get(number)
  lane.adoptions.delete(number)
  if (adoption === undefined) return
  const { target, parent, verb } = adoption
  lane.settledOne = true
  if (result === ADOPTED_DONE) {
    if (!target.isFar && !isReportedElsewhere(lane, target)) {
      const { info, args, given } = target.boot
      target.boot = new Boot(lane, info, args, given, parent)
    }
    adoption.resolve()
  } else if (result === ADOPTED_NAME_TAKEN) {
    adoption.reject(nameTaken(target.name, parent?.path ?? '/'))
  } else if (result === ADOPTED_ABOVE) {
    adoption.reject(option('target', target, 'an actor that is neither this one nor above it'))
  } else {
    adoption.reject(stopped(target.path, verb))
  }
}
