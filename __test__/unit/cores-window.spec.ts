import test from 'ava'
import { Window } from '../../src/cores/window.ts'

for (const [name, max, within, times, admitted] of [
  ['admits as many as it allows', 2, 100, [0, 0, 0], [true, true, false]],
  ['admits none when it allows none', 0, 100, [0, 1_000], [false, false]],
  ['forgets what is as old as its length', 1, 100, [0, 99, 100, 199, 200], [true, false, true, false, true]],
  ['does not count what it did not admit', 1, 100, [0, 50, 100], [true, false, true]],
  ['slides', 2, 100, [0, 60, 90, 100, 150, 160], [true, true, false, true, false, true]],
  ['admits any number when there is no limit', Infinity, Infinity, [0, 0, 0, 0], [true, true, true, true]],
  ['forgets nothing when it has no end', 1, Infinity, [0, 1e12], [true, false]],
  ['of no length admits everything but what it never allows', 1, 0, [0, 0, 0], [true, true, true]],
  ['rounds no part of a restart up', 1.5, 100, [0, 0], [true, false]],
] as const) {
  test(`a window ${name}`, (t) => {
    const window = new Window(max, within)
    t.deepEqual(times.map((time) => window.admits(time)), [...admitted])
  })
}
