import { createSystem } from '../../src/index.ts'
import { Node } from './fixtures/storm.ts'
const system = createSystem({ cores: 2, core: { stallAfter: 150 } })
system.events.on((e) => console.log(JSON.stringify(e, (k, v) => k === 'failure' ? `${v.error?.stack ?? v.error}` : v)))
const plan = { on: 1, ticks: true, children: { n1: { on: 2, children: { n1: { on: 0, children: {} } } }, n2: { on: 0, children: {n1: {on: 1, children: {}}} } } }
const r = system.spawn(Node, { name: 'r0', on: 1, args: [plan] })
console.log(await r.ask.hello().catch(e => e.code))
console.log(JSON.stringify(system.inspect(), null, 1))
await system.shutdown()
