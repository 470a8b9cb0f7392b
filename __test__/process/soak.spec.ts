import test from 'ava'
// the long version is `node --expose-gc bench/soak.mjs --ops=10000000`
// @ts-expect-error -- plain JavaScript
import { soak } from '../../bench/soak.mjs'

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: after 60,000 operations of every kind the counts are those that the test kept itself`, async (t) => {
    t.timeout(120_000)
    const { problems } = (await soak({ ops: 60_000, seed })) as { problems: unknown[] }
    t.deepEqual(problems, [])
  })
}
