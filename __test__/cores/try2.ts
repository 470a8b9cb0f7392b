import { createSystem } from '../../src/index.ts'
import { Sub, Recorder } from './fixtures/life.ts'
const system = createSystem({ cores: 2, log: false, onEscalate: 'report' })
const rec = system.spawn(Recorder, { on: 0, name: 'rec' })
const top = system.spawn(Sub, { name: 'top', on: 0, args: [rec], supervision: { strategy: 'one-for-all', backoff: false } })
const a = await top.ask.raise('a', { on: 1 })
const b = await top.ask.raise('b', { on: 1 })
const c = await top.ask.raise('c', { on: 1 })
await Promise.all([a.started, b.started, c.started])
let bad = 0
for (let i = 1; i <= 200; i++) {
  await a.ask.fail('x').catch(() => {})
  await system.idle()
  const l = system.inspect().children[1]!.children.map((x) => `${x.path} ${x.state} ${x.generation}`)
  if (!l.every((x) => x.endsWith(`idle ${i}`))) { if (bad++ < 3) console.log(i, l)
   await new Promise(r => setTimeout(r, 20)) }
}
console.log('bad', bad)
await system.shutdown()
