// What a lane does to hand entries of its inbox back, and what contexts are made of.
import test from 'ava'
import { Actor } from '../../src/actor.ts'
import { createSystem, laneOf } from '../../src/system.ts'

class Leaves extends Actor {
  seen: unknown
  run() {
    this.seen = this.ctx
    this.ctx.stop()
  }
  look() {
    return [this.ctx, Reflect.get(this.ctx, 'timers'), Reflect.get(this.ctx, 'watches')]
  }
}

/** How often the inbox was read while so many actors ended in one batch. */
async function readsOf(count: number): Promise<number> {
  const system = createSystem({ cores: 0, log: false })
  const lane = laneOf(system)
  const refs = Array.from({ length: count }, () => system.spawn(Leaves))
  await system.idle()
  const { inbox } = lane
  let reads = 0
  lane.inbox = new Proxy(inbox, {
    get(target, key) {
      reads++
      return Reflect.get(target, key) as unknown
    },
    set(target, key, value) {
      return Reflect.set(target, key, value)
    },
  })
  for (const ref of refs) ref.tell.run()
  await Promise.all(refs.map((ref) => ref.stopped))
  lane.inbox = inbox
  await system.shutdown()
  return reads
}

test('the end of an actor looks at no entries of others', async (t) => {
  const [few, many] = [await readsOf(6), await readsOf(48)]
  t.true(few > 0)
  t.true(many / 48 < 1.5 * (few / 6), `${many} reads for 48 ends, ${few} for 6`)
})

test('a context makes sets of timers and watches for those that have some', async (t) => {
  const system = createSystem({ cores: 0, log: false })
  const [, timers, watches] = await system.spawn(Leaves).ask.look()
  t.deepEqual([timers, watches], [undefined, undefined])
  await system.shutdown()
})
