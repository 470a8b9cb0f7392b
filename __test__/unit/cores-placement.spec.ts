import test from 'ava'
import type { ExecutionContext } from 'ava'
import { type CoreLoad, type CoreState, coreOfKey, leastLoaded, place, type Request, type Site } from '../../src/cores/placement.ts'
import { BuskinError } from '../../src/errors.ts'
import type { Ref } from '../../src/ref.ts'

const load = (state: CoreState, waiting = 0, actors = 0): CoreLoad => ({ state, waiting, actors })
const site = (here: number, loads: readonly CoreLoad[]): Site => ({
  here,
  cores: loads.length,
  coreOf: (ref) => Number(ref.path.slice(1)),
  loadOf: (core) => loads[core - 1] as CoreLoad,
})
const on = (value: Request['on'], hasModule = true): Request => ({ on: value, className: 'Counter', hasModule })
/** Its path is the number of its core. */
const at = (core: number) => ({ near: { path: `/${core}` } as Ref<any> })
const refuses = (t: ExecutionContext, run: () => unknown) => {
  const error = t.throws(run)
  t.true(BuskinError.is(error, 'ERR_BUSKIN_MODULE'))
  t.regex(String(error?.message), /Counter.*static module = import\.meta\.url.*export/)
}

const two = [load('running', 5, 5), load('running', 0, 1)]

for (const [name, request, here, core] of [
  ['local is where the spawner is', on('local'), 1, 1],
  ['local needs no module', on('local', false), 2, 2],
  ['a number is that isolate', on(1), 2, 1],
  ['0 is the isolate that made the system', on(0), 2, 0],
  ['its own number needs no module', on(0, false), 0, 0],
  ["'any' is the core with the least load, the spawner's or not", on('any'), 0, 2],
  ['without a place a class with a module is anywhere', on(undefined), 0, 2],
  ['without a place a class without a module is local', on(undefined, false), 1, 1],
  ['near an actor is its core', on(at(1)), 0, 1],
  ['near an actor of the first isolate is there', on(at(0)), 2, 0],
  ['near an actor beside it needs no module', on(at(2), false), 2, 2],
] as const) {
  test(`place: ${name}`, (t) => t.is(place(request, site(here, two)), core))
}

for (const [name, request] of [
  ['on another number', on(1, false)],
  ["on 'any'", on('any', false)],
  ['near an actor elsewhere', on(at(1), false)],
  ...['a', 'b', 'c', 'd', 1, 2].map((key) => [`by the key ${key}`, on({ key }, false)] as const),
] as const) {
  test(`place refuses a class without a module ${name}`, (t) => {
    for (const here of [0, 2]) refuses(t, () => place(request, site(here, two)))
  })
}

test('without cores everything is where it is spawned, module or not', (t) => {
  for (const value of [undefined, 'local', 'any', 0, at(0), { key: 'a' }] as const) {
    for (const hasModule of [true, false]) t.is(place(on(value, hasModule), site(0, [])), 0)
  }
})

test('a number is taken at its word, whatever is wrong with that core', (t) => {
  for (const state of ['none', 'starting', 'running', 'stopping', 'lost', 'stopped'] as const) {
    t.is(place(on(2), site(0, [load('running'), load(state, 99, 99)])), 2)
    t.is(place(on(at(2)), site(0, [load('running'), load(state, 99, 99)])), 2)
  }
})

for (const [name, loads, core] of [
  ['the first one, when nothing runs', [load('none'), load('none')], 1],
  ['one that runs and has nothing, before another is started', [load('none'), load('running')], 2],
  ['one that starts and has nothing, before another is started', [load('none'), load('none'), load('starting')], 3],
  ['one that runs before one that starts', [load('starting'), load('running')], 2],
  ['one that is not started, when the others have an actor', [load('running', 0, 1), load('none')], 2],
  ['the one with fewer messages', [load('running', 3, 1), load('running', 2, 1)], 2],
  ['the one with fewer actors', [load('running', 1, 3), load('running', 1, 2)], 2],
  ['many actors at rest before a few messages', [load('running', 10, 1), load('running', 0, 160)], 2],
  ['a few messages before very many actors at rest', [load('running', 10, 1), load('running', 0, 162)], 1],
  ['the lowest of equals', [load('running', 1, 1), load('running', 0, 17), load('running', 1, 1)], 1],
  ['none that is lost, however busy the others', [load('lost'), load('running', 1e6, 1e6)], 2],
  ['one that is lost rather than one that ends', [load('stopped'), load('lost', 9, 9), load('stopping')], 2],
] as const) {
  test(`'any' takes ${name}`, (t) => t.is(leastLoaded(site(0, loads)), core))
}

test('one actor starts one core, more actors use all of them evenly', (t) => {
  const loads = Array.from({ length: 4 }, () => load('none'))
  for (let i = 0; i < 100; i++) {
    const core = place(on('any'), site(0, loads))
    loads[core - 1] = load('starting', 0, (loads[core - 1] as CoreLoad).actors + 1)
    if (i === 0) t.deepEqual(loads.map(({ state }) => state), ['starting', 'none', 'none', 'none'])
  }
  t.deepEqual(loads.map(({ actors }) => actors), [25, 25, 25, 25])
})

test('a key is on the same core whatever the load, and from everywhere', (t) => {
  for (const key of ['a', '', 'ключ', 0, -1.5, 7e300]) {
    const core = coreOfKey(key, 3)
    for (const here of [0, 1, 2, 3]) {
      for (const busy of [0, 1_000]) {
        t.is(place(on({ key }), site(here, [load('running', busy), load('none'), load('lost')])), core)
      }
    }
  }
  t.is(coreOfKey(-0, 62), coreOfKey(0, 62))
})

for (const kind of ['numbers', 'strings'] as const) {
  test(`keys that are ${kind} spread over all cores, and one core more moves only what it takes`, (t) => {
    const keys = Array.from({ length: 6_200 }, (_, i) => (kind === 'numbers' ? i : `user-${i}`))
    for (const cores of [1, 2, 3, 7, 62]) {
      const counts = Array.from({ length: cores + 1 }, () => 0)
      for (const key of keys) {
        const core = coreOfKey(key, cores)
        counts[core]!++
        const next = coreOfKey(key, cores + 1)
        if (next !== core && next !== cores + 1) t.fail(`${key} moved from ${core} to ${next}`)
      }
      t.is(counts[0], 0)
      const even = keys.length / cores
      for (const count of counts.slice(1)) t.true(count > even * 0.6 && count < even * 1.4, `${count} of ${even}`)
    }
  })
}

test('a number and the string of its digits are different keys', (t) => {
  const same = Array.from({ length: 100 }, (_, i) => coreOfKey(i, 62) === coreOfKey(String(i), 62)).filter(Boolean)
  t.true(same.length < 10)
})
