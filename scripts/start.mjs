// npm start: makes the clone ready, then runs the example.
import { ensure } from './ensure.mjs'
import { become } from './run.mjs'

await ensure()
const typescript = new URL('ts.mjs', import.meta.url).href
become(['--enable-source-maps', '--import', typescript, 'examples/main.ts', ...process.argv.slice(2)])
