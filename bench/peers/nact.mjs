// nact 7.6.2, as its documentation writes it: functional actors, `dispatch` to tell, `query` to ask. Nothing here
// slows it down.
import { dispatch, query, spawn, start, stop } from 'nact'

const system = start()
let serial = 0
const unique = prefix => `${prefix}-${serial++}`

/** Batches of `batch` messages to one counter; the next batch starts when the counter has seen the last. */
export function flood(batch) {
  let seen = 0
  let left = 0
  let finished
  const counter = spawn(system, (total = 0, message) => {
    seen++
    if (--left === 0) finished()
    return total + message.by
  }, unique('counter'))
  return {
    async run(n) {
      for (let rest = n; rest > 0; rest -= batch) {
        left = Math.min(batch, rest)
        const done = new Promise(resolve => { finished = resolve })
        for (let i = left; i > 0; i--) dispatch(counter, { type: 'inc', by: 1 })
        await done
      }
    },
    count: () => taken(() => seen, () => { seen = 0 }),
  }
}

/** Two actors, one message in flight; `n` hops. */
export function pingPong() {
  let seen = 0
  let left = 0
  let finished
  const player = other => spawn(system, (state, message) => {
    seen++
    if (--left > 0) dispatch(other(), message)
    else finished()
    return state
  }, unique('player'))
  const ping = player(() => pong)
  const pong = player(() => ping)
  return {
    async run(n) {
      left = n
      const done = new Promise(resolve => { finished = resolve })
      dispatch(ping, { x: 1 })
      await done
    },
    count: () => taken(() => seen, () => { seen = 0 }),
  }
}

/** `query` awaited from ordinary code, `inFlight` at a time. */
export function asks(inFlight) {
  let seen = 0
  const answerer = spawn(system, (value = 0, message) => {
    seen++
    dispatch(message.from, value)
    return value + 1
  }, unique('answerer'))
  const one = () => query(answerer, from => ({ from }), 5_000)
  return {
    async run(n) {
      if (inFlight === 1) {
        for (let i = 0; i < n; i++) await one()
        return
      }
      for (let rest = n; rest > 0; rest -= inFlight) {
        const replies = []
        for (let i = Math.min(inFlight, rest); i > 0; i--) replies.push(one())
        await Promise.all(replies)
      }
    },
    count: () => taken(() => seen, () => { seen = 0 }),
  }
}

/** Actors spawned and told once each; done when the last has handled its message. */
export function spawns() {
  let seen = 0
  let left = 0
  let finished
  let kept = []
  return {
    async run(n) {
      left = n
      const done = new Promise(resolve => { finished = resolve })
      for (let i = 0; i < n; i++) {
        const actor = spawn(system, (state = 0, _message) => {
          seen++
          if (--left === 0) finished()
          return state
        })
        kept.push(actor)
        dispatch(actor, 1)
      }
      await done
    },
    async count() {
      for (const actor of kept) stop(actor)
      kept = []
      return taken(() => seen, () => { seen = 0 })
    },
  }
}

/** `refs` filled with idle actors that share one function. */
export async function fillIdle(refs) {
  const handle = (state = 0, _message) => state
  for (let i = 0; i < refs.length; i++) {
    refs[i] = spawn(system, handle)
    if (i % 10_000 === 0) await new Promise(setImmediate)
  }
}

function taken(read, reset) {
  const value = read()
  reset()
  return value
}
