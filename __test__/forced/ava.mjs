// ava, less the tests that cannot hold where every actor is on a core.
import { readFileSync } from 'node:fs'
import ava from 'ava'

const local = JSON.parse(readFileSync(new URL('local.json', import.meta.url), 'utf8'))
const spec = new URL(import.meta.url).searchParams.get('spec')?.replace(/^.*__test__\//, '') ?? ''
const skipped = local[spec] ?? {}
/** With AVA_FORCED=listed those that local.json names run, and no others: each must fail. */
const isListed = process.env.AVA_FORCED === 'listed'
/** How long, in ms, what is left may take when all tests of a file have run. */
const PATIENCE = 20_000

const seen = new Set(['*'])

/** Told of each test. The first makes the hook too: a file that awaits something before it has tests may have none then. */
function see(title) {
  if (seen.size === 1) ava.after.always('local.json names tests that there are', check)
  seen.add(title)
}

function check(t) {
  t.deepEqual(Object.keys(skipped).filter((title) => !seen.has(title)), [])
  setTimeout(() => process.exit(1), PATIENCE).unref() // a process that something holds ends too, and has failed
}

function wrap(test) {
  return new Proxy(test, {
    apply(target, self, [title, ...rest]) {
      if (typeof title !== 'string') return Reflect.apply(target, self, [title, ...rest])
      see(title)
      const isSkipped = title in skipped || '*' in skipped
      if (isListed && title in skipped) return ava.serial.failing(title, ...rest)
      if (isListed || isSkipped) return ava.skip(title, ...rest)
      return ava.serial(title, ...rest) // a file's tests one by one: two lanes a test are too many for hundreds at once
    },
    get(target, key) {
      return key === 'serial' ? wrap(target.serial) : target[key]
    },
  })
}

export default wrap(ava)
