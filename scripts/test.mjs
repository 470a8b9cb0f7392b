// npm test: makes the clone ready, then runs everything that can fail and adds up the counts.
//   --js      leaves the Rust tests out (for machines that only have a built addon)
//   --forced  runs only the suite in which every actor lives on a core, see __test__/forced
//   --listed  runs only what __test__/forced/local.json leaves out of that, and fails for each test that passes
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findCargo } from './addon.mjs'
import { ensure } from './ensure.mjs'
import { root, tee } from './run.mjs'

const total = { passed: 0, failed: 0 }

/** Runs one suite. `count` reads its output; a suite that fails without a failed test counts as one. */
async function suite(title, command, args, count, env = {}) {
  console.log(`\n--- ${title}`)
  const { ok, output } = await tee(command, args, { env: { ...process.env, ...env } })
  const { passed, failed } = count(output, ok)
  total.passed += passed
  total.failed += ok ? failed : Math.max(failed, 1)
}

const node = (title, args, count = single, env) => suite(title, process.execPath, args, count, env)
const single = (_output, ok) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 })
const sum = (output, pattern) => [...output.matchAll(pattern)].reduce((n, [, found]) => n + Number(found), 0)

const cargoCounts = (output) => ({
  passed: sum(output, /^test result: .*?(\d+) passed/gm),
  failed: sum(output, /^test result: .*?(\d+) failed/gm),
})

// ava leaves its count of passed tests out when one failed, so its ticks are counted.
const avaCounts = (output) => ({
  passed: output.match(/^\s+[✔√] /gm)?.length ?? 0,
  failed: sum(output, /^ {2}(\d+) (?:tests? failed|hooks? failed|unhandled rejections?|uncaught exceptions?|tests? remained pending)/gm),
})

const ava = ['node_modules/ava/entrypoints/cli.mjs']
const specs = (title, env) => node(`ava, ${title}`, ava, avaCounts, { NO_COLOR: '1', AVA_THREADS: '0', AVA_FORCED: '0', ...env })

async function all() {
  if (!process.argv.includes('--js')) {
    await suite('cargo test', findCargo() ?? 'cargo', ['test', '--workspace', '--features', 'buskin-core/tokio', '--no-fail-fast', '--color', 'never'], cargoCounts)
  }
  await node('index.d.ts is current', ['scripts/dts.mjs', '--check'])
  if (existsSync(join(root, 'scripts/layout.mjs'))) await node('src/native/layout.ts is current', ['scripts/layout.mjs', '--check'])
  for (const resolution of ['nodenext', 'bundler']) {
    await node(`types under ${resolution} resolution`, ['node_modules/typescript/bin/tsc', '-p', `__test__/types/tsconfig.${resolution}.json`])
  }
  await specs('in processes')
  await specs('in worker threads', { AVA_THREADS: '1' })
  await forced()
}

const forced = () => specs('every actor forced onto a core', { AVA_FORCED: '1' })

await ensure()

if (process.argv.includes('--listed')) await specs('what cannot be forced onto a core', { AVA_FORCED: 'listed' })
else if (process.argv.includes('--forced')) await forced()
else await all()

console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed > 0 ? 1 : 0
