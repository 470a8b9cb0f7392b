// npm run bench: makes the clone ready, then runs what is under bench/ with the given arguments.
import { ensure } from './ensure.mjs'
import { become } from './run.mjs'

await ensure()
become(['bench/run.mjs', ...process.argv.slice(2)])
