import module from 'node:module'

if (module.registerHooks) module.registerHooks({ resolve: (await import('./hooks.mjs')).resolve })
else module.register('./hooks.mjs', import.meta.url) // before Node 22.15
