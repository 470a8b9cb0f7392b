// Native actors of a library of one's own, which is loaded at run time.
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import ava from 'ava'
import { type Actor, loadNative, native } from '../../src/index.ts'
// @ts-expect-error it is JavaScript
import { findCargo } from '../../scripts/addon.mjs'
import { withThreads } from './support.ts'

const cargo = (findCargo as () => string | undefined)()
const test = cargo === undefined ? ava.skip : ava.serial

/** The example's library, built as its author would. */
function built(): string {
  const args = ['build', '--release', '--package', 'plugin-rate-limiter', '--message-format', 'json']
  const { stdout } = spawnSync(cargo as string, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  const files = stdout.split('\n').flatMap((line) => (line.includes('"plugin_rate_limiter"') ? ((JSON.parse(line) as { filenames?: string[] }).filenames ?? []) : []))
  const library = files.find((name) => /\.(so|dylib|dll)$/.test(name))
  if (library === undefined) throw new Error('cargo built no library for plugin-rate-limiter')
  return library
}

interface Limiter extends Actor {
  take(key: string, permits?: number): boolean
}

test('the kinds of a library are native actors like any', async (t) => {
  t.timeout(300_000)
  const library = built()
  t.throws(() => native('rate-limiter'), { code: 'ERR_BUSKIN_MODULE', message: /loadNative/ })
  t.deepEqual(loadNative(library), ['rate-limiter'])
  t.deepEqual(loadNative(pathToFileURL(library)), ['rate-limiter'], 'a library is loaded once')
  const limiter = withThreads(t).spawn(native<Limiter>('rate-limiter'), { args: [{ perSecond: 1, burst: 2 }] })
  t.deepEqual(await Promise.all([limiter.ask.take('a'), limiter.ask.take('a'), limiter.ask.take('a'), limiter.ask.take('b')]), [true, true, false, true])
})

for (const [name, library, code, message] of [
  ['that is not there', './none.so', 'ERR_BUSKIN_MODULE', /'.\/none.so'/],
  ['that is none', './package.json', 'ERR_BUSKIN_MODULE', /package.json/],
  ['that is an address elsewhere', new URL('https://example.org/a.so'), 'ERR_BUSKIN_OPTION', /library/],
  ['that is no path', 5, 'ERR_BUSKIN_OPTION', /library/],
] as const) {
  ava(`a library is refused ${name}`, (t) => {
    t.throws(() => loadNative(library as string), { code, message })
  })
}
