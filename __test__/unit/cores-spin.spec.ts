import test from 'ava'
import { Spin } from '../../src/cores/spin.ts'
import { MODE_AWAKE, MODE_EVENTS } from '../../src/native/layout.ts'
import type { Lane } from '../../src/runtime/lane.ts'

/** A lane to which mail comes as told: whether each next spin finds some; from the end of the list on none does. */
class Fake {
  listening = MODE_EVENTS
  mode = MODE_EVENTS
  settledOne = false
  filled = 0
  /** What a turn that may sleep finds. */
  late = 0
  crowd = 1
  spins = 0
  slept = 0
  mail: boolean[] = []
  readonly native = {
    crowd: () => this.crowd,
    spin: () => {
      this.spins++
      return this.mail.shift() ?? false
    },
  }
  turn(): void {
    if ((this.mode & MODE_AWAKE) === 0) this.slept++
    this.filled = this.late
    this.mode = this.listening
  }
}

function made(more: Partial<Fake> = {}): { lane: Fake; spin: Spin; idle(): boolean } {
  const lane = Object.assign(new Fake(), more)
  const spin = new Spin(lane as unknown as Lane, 2)
  /** A turn that gives nothing, and what comes of that. */
  const idle = (): boolean => {
    lane.turn()
    return spin.found()
  }
  return { lane, spin, idle }
}

test('what comes while it waits is found without a sleep', (t) => {
  const { lane, idle } = made({ mail: [true, true] })
  t.deepEqual([idle(), idle()], [true, true])
  t.deepEqual([lane.spins, lane.slept], [2, 0])
})

test('it sleeps when nothing comes', (t) => {
  const { lane, idle } = made()
  t.false(idle())
  t.deepEqual([lane.spins, lane.slept], [1, 1])
})

test('what comes when it falls asleep is found', (t) => {
  const { idle } = made({ late: 3 })
  t.true(idle())
})

test('it does not wait when promises were settled: their continuations come first', (t) => {
  const { lane, idle } = made({ settledOne: true, mail: [true] })
  t.false(idle())
  t.deepEqual([lane.spins, lane.slept], [0, 1])
})

test('it does not wait while there are fewer CPUs than isolates', (t) => {
  const { lane, idle } = made({ crowd: 3, mail: [true] })
  for (let i = 0; i < 1_000; i++) idle()
  t.is(lane.spins, 0)
  lane.crowd = 2
  for (let i = 0; i < 300; i++) idle()
  t.true(lane.spins > 0, 'it looks again, now and then')
})

test('an isolate that comes later is noticed', (t) => {
  const { lane, idle } = made({ mail: Array.from({ length: 1_000 }, () => true) })
  for (let i = 0; i < 10; i++) idle()
  lane.crowd = 3
  for (let i = 0; i < 100; i++) idle()
  const { spins } = lane
  for (let i = 0; i < 10; i++) idle()
  t.is(lane.spins, spins)
})

test('where nothing comes of it, it waits less and less often', (t) => {
  const { lane, idle } = made()
  const counts = [10, 100, 1_000, 10_000].map((sleeps) => {
    for (let i = 0; i < sleeps; i++) idle()
    return lane.spins
  })
  t.true((counts[0] as number) >= 8, 'it is patient at first')
  t.true((counts[3] as number) - (counts[2] as number) < 10_000 / 200, `${counts}`)
})

test('when mail comes soon after each sleep again, it waits again', (t) => {
  const { lane, idle } = made()
  for (let i = 0; i < 2_000; i++) idle()
  lane.mail = Array.from({ length: 5_000 }, () => true)
  let found = 0
  for (let i = 0; i < 1_000; i++) found += idle() ? 1 : 0
  t.true(found > 700, `${found}`)
  lane.mail = []
  const before = lane.spins
  for (let i = 0; i < 10; i++) idle()
  t.true(lane.spins - before >= 8, 'as patient as at first')
})

test('what the isolate listens to stays as it was', (t) => {
  const { lane, idle } = made()
  for (let i = 0; i < 1_000; i++) {
    idle()
    t.is(lane.listening & ~MODE_AWAKE, MODE_EVENTS)
  }
})
