// `npx ava` runs the specs in processes; with AVA_THREADS=1 in worker threads, less those that need a process of their own.
const threads = process.env.AVA_THREADS === '1'
// With AVA_FORCED=1 every actor lives on a core: see __test__/forced.
const forced = process.env.AVA_FORCED === '1'
const folder = new URL('./', import.meta.url)
const elsewhere = ['!__test__/process/**', '!__test__/cores/**', '!__test__/unit/**']

export default {
  files: ['__test__/**/*.spec.ts', ...(threads ? ['!__test__/process/**', '!__test__/cores/chaos.spec.ts', '!__test__/cores/direct.spec.ts'] : []), ...(forced ? elsewhere : [])],
  extensions: { ts: 'module' },
  nodeArguments: ['--enable-source-maps', `--import=${new URL('scripts/ts.mjs', folder)}`, ...(forced ? [`--import=${new URL('__test__/forced/register.mjs', folder)}`] : [])],
  workerThreads: threads,
  timeout: '2m',
}
