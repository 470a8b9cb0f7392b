import { createSystem } from '../../src/index.ts'
import { Node, type Plan } from './fixtures/storm.ts'
let seed = Number(process.env['BUSKIN_SEED'] ?? 1)
function dice(below: number): number {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % below
}
function planOf(cores: number, depth: number): Plan {
  const children: Record<string, Plan> = {}
  if (depth > 0) for (let i = 1 + dice(2); i > 0; i--) children[`n${i}`] = planOf(cores, depth - 1)
  return { on: dice(cores + 1), ticks: dice(3) === 0, children }
}
for (let k = 0; k < 10; k++) {
const system = createSystem({ cores: 2 , core: { stallAfter: 150, resourceLimits: { maxOldGenerationSizeMb: 32 }}})
system.events.on((e) => e.type==='core' && console.log(JSON.stringify(e, (k, v) => k === 'failure' ? `${v.error?.stack ?? v.error}` : v)))
  const roots = Array.from({ length: 4 }, (_, i) => [`r${i}`, planOf(2, 2)] as const)
  const refs = []
  for (const [name, plan] of roots) refs.push(system.spawn(Node, { name, on: plan.on, args: [plan] }))
for (const r of refs) console.log(await r.ask.hello().catch((e) => { console.log(e.code); console.log(JSON.stringify(plan), JSON.stringify(system.inspect(), null, 0)); return e.code }))
await system.idle()
await system.shutdown()
}
