import { createSystem } from '../../src/index.ts'
import { Sub, Recorder } from './fixtures/life.ts'
const system = createSystem({ cores: 2, log: false, onEscalate: 'report' , core: { stallAfter: 200, resourceLimits: { maxOldGenerationSizeMb: 32 } , restarts: {max: 100, within: 1000}}})
system.events.on((e) => console.log(JSON.stringify(e, (k, v) => k === 'failure' ? `${v.error?.code ?? v.error}` : v)))
system.deadLetters.on((e) => console.log('dead', e))
const rec = system.spawn(Recorder, { on: 0, name: 'rec' })
const a = system.spawn(Sub, { name: 'a', on: 1, args: [rec] , restart: 'permanent'})
const b = system.spawn(Sub, { name: 'b', on: 2, args: [rec] , restart: 'permanent'})
await a.started
for (const how of ['exit', 'stray', 'reject', 'eat', 'loop'] as const) {
  console.log('---', how, performance.now())
  const x = (a.ask[how] as any)(undefined).then(() => 'ok', (e: any) => e.code ?? e.message)
  a.tell.note(1); a.tell.note(2)
  console.log(await x)
  console.log(await a.ask.read(), await a.ask.generation(), performance.now())
  await new Promise(r => setTimeout(r, 50))
}
console.log(await rec.ask.read())
console.log(system.stats())
await system.shutdown()
console.log(system.stats())
