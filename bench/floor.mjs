// The floor: the least a JavaScript actor can be. An array queue per actor, a list of ready actors, and one microtask
// that drains them. No bounds, no order between priorities, no failures, no counts: whatever Buskin costs above this
// is what its promises cost.

export class FloorActor {
  queue = []
  scheduled = false
  constructor(handle) { this.handle = handle }
}

let ready = []
let draining = false

export function tell(actor, message) {
  actor.queue.push(message)
  if (actor.scheduled) return
  actor.scheduled = true
  ready.push(actor)
  if (draining) return
  draining = true
  queueMicrotask(drain)
}

/** An ask of the floor: a promise, and the drain's microtask. The handler calls `message.resolve`. */
export function ask(actor, type) {
  return new Promise(resolve => { tell(actor, { type, resolve }) })
}

function drain() {
  while (ready.length > 0) {
    const actors = ready
    ready = []
    for (const actor of actors) {
      const messages = actor.queue
      actor.queue = []
      actor.scheduled = false
      for (let i = 0; i < messages.length; i++) actor.handle(messages[i])
    }
  }
  draining = false
}
