// npm run build: all that an import needs, and the check that the committed types match the source.
import { ensure } from './ensure.mjs'
import { fail } from './run.mjs'

await ensure()
const { isCurrent } = await import('./dts.mjs')
if (!(await isCurrent())) fail('index.d.ts does not match src; run `npm run dts` and commit it.')
