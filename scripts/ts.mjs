// Lets Node run TypeScript, in worker threads too: node --import ./scripts/ts.mjs file.ts
// Node 20 has no type stripping and no Node before 24 knows `await using`; ts-hooks.mjs compiles both away.
import module from 'node:module'

if (module.registerHooks) module.registerHooks({ load: (await import('./ts-hooks.mjs')).load })
else module.register('./ts-hooks.mjs', import.meta.url) // before Node 22.15
