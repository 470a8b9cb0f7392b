// A benchmark with one actor class lets V8 specialise the runtime for that class, which no program does. So twelve
// other classes of different shapes go through tell and ask first; the floor gets twelve other handlers.
import { FloorActor, ask, tell } from './floor.mjs'

const CLASSES = 12
const TURNS = 20_000

export async function polluteBuskin({ Actor }, system) {
  const refs = Array.from({ length: CLASSES }, (_, i) => system.spawn(otherClass(Actor, i)))
  for (let turn = 0; turn < TURNS; turn++) {
    const payload = turn & 1 ? 1 : { x: 1 }
    for (let i = 0; i < CLASSES; i++) {
      refs[i].tell[`count${i}`](payload)
      if ((turn & 7) === 0) {
        refs[i].tell[`pair${i}`](1, 2)
        refs[i].ask[`which${i}`]()
      }
    }
    if ((turn & 15) === 0) await refs[0].ask.which0()
  }
  await system.idle()
}

export async function polluteFloor() {
  const actors = Array.from({ length: CLASSES }, (_, i) => otherFloorActor(i))
  for (let turn = 0; turn < TURNS; turn++) {
    const payload = turn & 1 ? { type: 'count', by: 1 } : { type: 'count', by: { x: 1 } }
    for (let i = 0; i < CLASSES; i++) tell(actors[i], payload)
    if ((turn & 15) === 0) await ask(actors[0], 'which')
  }
}

function otherClass(Actor, i) {
  return {
    [`Other${i}`]: class extends Actor {
      constructor() { super(); this[`field${i}`] = 0 }
      [`count${i}`](_payload) { this[`field${i}`] += 1 }
      [`pair${i}`](a, _b) { return a }
      [`which${i}`]() { return i }
    },
  }[`Other${i}`]
}

function otherFloorActor(i) {
  const state = { [`field${i}`]: 0 }
  // One function literal per actor would share its feedback; each gets its own through a distinct source text.
  const handle = new Function('state', `return message => {
    if (message.type === 'which') message.resolve(${i})
    else state.field${i} += 1
  }`)(state)
  return new FloorActor(handle)
}
