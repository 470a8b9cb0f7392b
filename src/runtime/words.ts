// Words of the public API in the order of the core's numbers.

import type { DeadLetterReason, Directive, ExitReason, Failure } from '../lifecycle.ts'
import type { ActorInfo } from '../lifecycle.ts'
import { REASON_LOST } from '../native/layout.ts'
import type { MailboxOptions, Strategy } from '../options.ts'

export const POLICIES: readonly NonNullable<MailboxOptions['overflow']>[] = ['reject', 'wait', 'drop-newest', 'drop-oldest']

export const REASONS: readonly DeadLetterReason[] = [
  'no-such-actor',
  'stopped',
  'mailbox-full',
  'dropped',
  'expired',
  'no-handler',
  'isolate-lost',
  'aborted',
]

export const PRIORITIES = { normal: 0, high: 1, low: 2 } as const

/** The seventh, of an actor that is linked to one that ended, is known as that of a watch. */
export const PHASES: readonly Failure['phase'][] = ['message', 'start', 'message', 'timer', 'watch', 'stop', 'health', 'watch', 'message', 'isolate']

export const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one']

/** The first is no answer. */
export const DIRECTIVES: readonly (Directive | undefined)[] = [undefined, 'restart', 'stop', 'resume', 'escalate']

export const STATES: readonly ActorInfo['state'][] = [
  'starting',
  'idle',
  'ready',
  'running',
  'suspended',
  'restarting',
  'stopping',
]

const plain = (['normal', 'shutdown', 'killed', 'lost', 'unknown'] as const).map((kind) => Object.freeze({ kind }))

/** Why an actor ended, from the core's number. */
export function exitReason(number: number, error: unknown): ExitReason {
  switch (number) {
    case 1:
      return plain[0] as ExitReason
    case 2:
      return plain[1] as ExitReason
    case 3:
      return plain[2] as ExitReason
    case 4:
      return Object.freeze({ kind: 'failed', error })
    case REASON_LOST:
      return plain[3] as ExitReason
    default:
      return plain[4] as ExitReason
  }
}
