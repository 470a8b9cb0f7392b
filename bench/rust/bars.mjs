// What is asked of Buskin's native actors: the nanoseconds (bytes) on the reference machine, and how much faster than
// the best peer. Without a `faster` it must be ahead of it.

/** They promise nothing and are no peers. */
export const FLOORS = new Set(['crossbeam', 'queue'])

/** How much slower all threads may be than one, on anything. */
export const OVER_ONE = 1.3

export const BARS = {
  one: {
    'flood': { atMost: 35, faster: 1.5 },
    'ping-pong': { atMost: 60 },
    'ring': { atMost: 70 },
    'ask': { atMost: 180 },
    'ask-1000': { atMost: 110 },
    'spawn': { atMost: 400 },
    'fan-out': { atMost: 50 },
    'restart': { atMost: 2_000 },
    'idle': { atMost: 320 },
    'create': { atMost: 450 },
    'fibonacci': { atMost: 700 },
    'big': { atMost: 60 },
    'chameneos': { atMost: 300 },
  },
  all: {
    'flood': {},
    'ping-pong': {},
    'ring': {},
    'ask': {},
    'ask-1000': {},
    'spawn': {},
    'fan-out': {},
    'restart': {},
    'create': {},
    'fibonacci': {},
    'big': {},
    'chameneos': {},
    'busy-ping-pong': { atMost: 250 },
    'fan-in': { atMost: 60 },
  },
}
