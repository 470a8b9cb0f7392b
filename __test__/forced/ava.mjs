// ava, less the tests that cannot hold where every actor is on a core.
import { readFileSync } from 'node:fs'
import ava from 'ava'

const local = JSON.parse(readFileSync(new URL('local.json', import.meta.url), 'utf8'))
const spec = new URL(import.meta.url).searchParams.get('spec')?.replace(/^.*__test__\//, '') ?? ''
const skipped = local[spec] ?? {}

function wrap(test) {
  return new Proxy(test, {
    apply(target, self, [title, ...rest]) {
      if (typeof title === 'string' && (title in skipped || '*' in skipped)) return ava.skip(title, ...rest)
      return ava.serial(title, ...rest) // a file's tests one by one: two lanes a test are too many for hundreds at once
    },
    get(target, key) {
      return key === 'serial' ? wrap(target.serial) : target[key]
    },
  })
}

export default wrap(ava)
