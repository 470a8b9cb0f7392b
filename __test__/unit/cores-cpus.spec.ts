import { availableParallelism } from 'node:os'
import test from 'ava'
import { autoCores, availableCpus, coresOf, quotaOf } from '../../src/cores/cpus.ts'

test("'auto' leaves a CPU to the isolate that made the system, and is at least one core", (t) => {
  t.deepEqual([1, 2, 3, 8, 63, 64, 256].map(autoCores), [1, 1, 2, 7, 62, 62, 62])
})

test('a number of cores is that number', (t) => {
  for (const cores of [0, 1, 62]) t.is(coresOf(cores), cores)
})

test("'auto' counts the CPUs that the process may use", (t) => {
  t.true(availableCpus() >= 1 && availableCpus() <= availableParallelism())
  t.is(coresOf('auto'), autoCores(availableCpus()))
})

for (const [text, cpus] of [
  ['max 100000\n', Infinity],
  ['100000 100000\n', 1],
  ['150000 100000\n', 2],
  ['20000 100000\n', 1],
  ['800000 100000', 8],
  ['', Infinity],
  ['0 100000', Infinity],
  ['100000', Infinity],
  ['nonsense 5', Infinity],
] as const) {
  test(`a quota of '${text.trim()}' is ${cpus} CPUs`, (t) => t.is(quotaOf(text), cpus))
}
