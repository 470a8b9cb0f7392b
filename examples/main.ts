// npm start runs this file. A stand-in until the real example is here.
import { Actor, createSystem } from 'buskin'

class Counter extends Actor {
  count = 0
  add(by: number) {
    this.count += by
  }
  read() {
    return this.count
  }
}

await using system = createSystem()
const counter = system.spawn(Counter)
for (let i = 0; i < 1000; i++) counter.tell.add(1)
console.log(`counted to ${await counter.ask.read()}`)
