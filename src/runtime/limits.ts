// Sizes of the rings and tables of an isolate.

export { CALL_BITS, CALL_MASK, FAR_CALL, INDEX_BITS } from '../native/layout.ts'

/** Words of a ring's entry. */
export const WORDS = 6
/** Entries of a ring: 256 would cost 6 ns a message in batches of 1,000, 4,096 gains nothing. */
export const RING = 1024
/** Entries of a ring at first: a system that does little stays small. */
export const FIRST_RING = 64
/** Indices asked for at a time, at most. */
export const GRANT = 512
/** How long a drain may hold its event loop, in ms, before the loop's other work has its turn. */
export const SLICE_MS = 0.5
/** Messages between two looks at the clock, at most; fewer when handlers are slow. */
export const CLOCK_EVERY = 64
/** Entries after which messages for other isolates go at once, so that one side reads while the other one writes. */
export const FAR_BATCH = 256
/** Items that a stream's producer may be ahead of its reader. */
export const AHEAD = 256
