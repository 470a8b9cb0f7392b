// `npx ava` runs the specs in processes; with AVA_THREADS=1 in worker threads, less those that need a process of their own.
const threads = process.env.AVA_THREADS === '1'

export default {
  files: ['__test__/**/*.spec.ts', ...(threads ? ['!__test__/process/**'] : [])],
  extensions: { ts: 'module' },
  nodeArguments: ['--enable-source-maps', `--import=${new URL('scripts/ts.mjs', import.meta.url)}`],
  workerThreads: threads,
  timeout: '2m',
}
