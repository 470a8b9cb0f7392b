import { availableParallelism } from 'node:os'
import test from 'ava'
import { autoCores, availableCpus, coresOf, quotaOf, threadsOf } from '../../src/cores/cpus.ts'

test("'auto' leaves a CPU to the isolate that made the system, and is at least one core", (t) => {
  t.deepEqual([1, 2, 3, 8, 47, 63, 64, 256].map((cpus) => autoCores(cpus)), [1, 1, 2, 7, 46, 46, 46, 46])
})

test("'auto' leaves their lanes to the threads that are asked for, and to 16 when none are", (t) => {
  t.deepEqual([0, 1, 30, 61, 62].map((threads) => autoCores(256, threads)), [62, 61, 32, 1, 0])
  t.deepEqual([0, 1, 30].map((threads) => autoCores(4, threads)), [3, 3, 3])
})

test('there is a thread for each CPU, as far as the cores leave lanes to them', (t) => {
  t.deepEqual([1, 2, 8, 256].map((cpus) => threadsOf(undefined, autoCores(cpus), () => cpus)), [1, 2, 8, 16])
  t.is(threadsOf(undefined, 62, () => 4), 0)
  for (const threads of [1, 2, 62]) t.is(threadsOf(threads, 0), threads)
  t.deepEqual([0, 61, 62].map((cores) => threadsOf(0, cores)), [1, 1, 0])
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
