import { existsSync, readFileSync } from 'node:fs'

// `npx ava` runs the specs in processes; with AVA_THREADS=1 in worker threads, less those that need a process of their own.
const threads = process.env.AVA_THREADS === '1'
// With AVA_FORCED=1 every actor lives on a core: see __test__/forced. With AVA_FORCED=listed only the tests run that cannot hold there.
const forced = ['1', 'listed'].includes(process.env.AVA_FORCED)
const folder = new URL('./', import.meta.url)
if (forced) {
  const listed = Object.keys(JSON.parse(readFileSync(new URL('__test__/forced/local.json', folder), 'utf8')))
  const missing = listed.filter((spec) => !existsSync(new URL(`__test__/${spec}`, folder)))
  if (missing.length > 0) throw new Error(`__test__/forced/local.json names specs that are not there: ${missing.join(', ')}`)
}
const elsewhere = ['!__test__/process/**', '!__test__/cores/**', '!__test__/native/**', '!__test__/unit/**']

export default {
  files: ['__test__/**/*.spec.ts', ...(threads ? ['!__test__/process/**', '!__test__/cores/chaos.spec.ts', '!__test__/cores/direct.spec.ts'] : []), ...(forced ? elsewhere : [])],
  extensions: { ts: 'module' },
  nodeArguments: ['--enable-source-maps', `--import=${new URL('scripts/ts.mjs', folder)}`, ...(forced ? [`--import=${new URL('__test__/forced/register.mjs', folder)}`] : [])],
  workerThreads: threads,
  timeout: '2m',
}
