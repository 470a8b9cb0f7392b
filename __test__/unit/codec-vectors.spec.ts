import test from 'ava'
import { recorded, vectors } from './codec-vectors.ts'

test('crates/value is tested with what the codec writes today', (t) => {
  // not `is`: a difference of long lines is of no use
  t.true(vectors() === recorded(), 'run node --import ./scripts/ts.mjs __test__/unit/codec-vectors.ts')
})
