import test from 'ava'
import { Actor } from '../../src/actor.ts'
import { FLAG_ASYNC, OP_MSG } from '../../src/native/layout.ts'
import type { LocalRef } from '../../src/runtime/ref.ts'
import { createSystem, laneOf } from '../../src/system.ts'

class Counter extends Actor {
  readonly #seen: number[] = []
  #wanted = 0
  #done = (): void => {}
  take(n: number) {
    this.#seen.push(n)
    if (this.#seen.length === this.#wanted) this.#done()
  }
  want(count: number) {
    this.#wanted = count
    return new Promise<readonly number[]>((resolve) => {
      this.#done = () => resolve(this.#seen)
      if (this.#seen.length >= count) resolve(this.#seen)
    })
  }
  static readonly concurrent = ['take', 'want']
}

/** Tells from a Rust thread, as other isolates will. */
function push(ref: LocalRef, count: number): void {
  const head = ref.info.methods.get('take')?.head ?? 0
  ref.lane.native.pushFromThread(ref.index, ref.age, (head & ~FLAG_ASYNC) | OP_MSG | (1 << 10), count)
}

test('messages of another thread wake a sleeping isolate, all of them, in order', async (t) => {
  const system = createSystem({ log: false })
  const ref = system.spawn(Counter)
  await system.idle()
  for (let round = 1; round <= 20; round++) {
    const seen = ref.with({ timeout: 20_000 }).ask.want(round * 500)
    push(ref as unknown as LocalRef, 500)
    t.is((await seen).length, round * 500)
  }
  const seen = await ref.ask.want(10_000)
  t.deepEqual(seen.slice(-500), Array.from({ length: 500 }, (_, n) => n))
  await system.idle()
  const stats = system.stats()
  t.is(stats.sent, 10_000 + 21)
  t.is(stats.handled, stats.sent)
  t.is(laneOf(system).native.audit(), '')
  await system.shutdown()
})

test('messages of another thread to a system that has ended are lost without harm', async (t) => {
  const system = createSystem({ log: false })
  const ref = system.spawn(Counter)
  await system.idle()
  push(ref as unknown as LocalRef, 10_000)
  await system.shutdown()
  push(ref as unknown as LocalRef, 10_000)
  const { sent, handled, failed, deadLetters, waiting, running } = system.stats()
  t.is(sent, handled + failed + deadLetters + waiting + running)
})
