// The public API, and nothing else.

export { Actor, type ActorClass } from './actor.ts'
export { registerClass } from './cores/codec/codec.ts'
export { createManualClock, type ManualClock } from './clock.ts'
export type { Context, Timer } from './context.ts'
export { BuskinError, type BuskinErrorCode, Refusal } from './errors.ts'
export type { Feed, FeedIterator, Subscription } from './feed.ts'
export type { Ask, HandlerName, HookName, Send, Streams, Tell } from './handlers.ts'
export type {
  ActorInfo,
  DeadLetter,
  DeadLetterReason,
  Directive,
  ExitReason,
  Failure,
  Stats,
  Supervision,
  SystemEvent,
} from './lifecycle.ts'
export type { Logger } from './logger.ts'
export type {
  ActorOptions,
  ActorStatics,
  CallOptions,
  CoreOptions,
  MailboxOptions,
  SpawnOptions,
  SystemOptions,
} from './options.ts'
export { type KvChange, type KvStore, loadNative, native, type NativeActors } from './natives.ts'
export type { Ref } from './ref.ts'
export { createSystem, type System } from './system.ts'
