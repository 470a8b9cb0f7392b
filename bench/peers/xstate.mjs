// XState 5.33.3 with `fromTransition`, its cheapest actor logic. It is synchronous: `send` on an idle actor runs the
// transition before it returns, so nothing waits in a mailbox, and a batch has no meaning for it.
import { createActor, fromTransition } from 'xstate'

/** Messages to one counter. */
export function flood() {
  const counter = createActor(fromTransition((state, event) => ({ count: state.count + event.by }), { count: 0 })).start()
  let before = 0
  return {
    run(n) { for (let i = 0; i < n; i++) counter.send({ type: 'inc', by: 1 }) },
    count() {
      const { count } = counter.getSnapshot().context
      const seen = count - before
      before = count
      return seen
    },
  }
}

/** Actors created, started and sent to once each. */
export function spawns() {
  let seen = 0
  let kept = []
  const logic = fromTransition((state, event) => {
    if (event.type === 'hit') seen++   // not the event with which it starts
    return state
  }, 0)
  return {
    run(n) {
      for (let i = 0; i < n; i++) {
        const actor = createActor(logic).start()
        actor.send({ type: 'hit' })
        kept.push(actor)
      }
    },
    count() {
      for (const actor of kept) actor.stop()
      kept = []
      const value = seen
      seen = 0
      return value
    },
  }
}

/** `refs` filled with idle actors that share one logic. */
export function fillIdle(refs) {
  const logic = fromTransition(state => state, 0)
  for (let i = 0; i < refs.length; i++) refs[i] = createActor(logic).start()
}
