// Builds the addon for this machine with cargo: dist/buskin.<tuple>.node. Other platforms are built by .github/workflows.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fail, has, root } from './run.mjs'
import { hashOf, once } from './stamp.mjs'
import { platformTuple } from './tuple.mjs'

export async function buildAddon() {
  if (process.env.BUSKIN_NATIVE_PATH) return // the one to use was named
  const tuple = platformTuple()
  const output = join(root, 'dist', `buskin.${tuple}.node`)
  await once({ output, hash: hashOf(root, sources()), make: () => build(tuple, output) })
}

/** What the addon is compiled from; tests and benches are not. */
function sources() {
  const crates = readdirSync(join(root, 'crates')).sort()
  const parts = crates.flatMap((name) => ['src', 'build.rs', 'Cargo.toml'].map((part) => `crates/${name}/${part}`))
  return ['Cargo.toml', 'Cargo.lock', 'scripts/addon.mjs', ...parts]
}

function build(tuple, output) {
  const cargo = findCargo()
  if (!cargo) {
    if (prebuilt(tuple)) return
    fail(`there is no cargo to build the addon with and no prebuilt addon for ${tuple}; install Rust from https://rustup.rs and run this again.`)
  }
  // Cargo says itself where the library went: target folder, triple and file name depend on the machine's settings.
  const args = ['build', '--release', '--package', 'buskin-node', '--message-format', 'json-render-diagnostics']
  const { status, stdout } = spawnSync(cargo, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) fail('the addon could not be built; see the compiler\'s message above.')
  const library = stdout
    .split('\n')
    .filter((line) => line.includes('"compiler-artifact"'))
    .map((line) => JSON.parse(line))
    .filter(({ target }) => target.name === 'buskin_node' && target.crate_types.includes('cdylib'))
    .flatMap(({ filenames }) => filenames)
    .find((name) => /\.(so|dylib|dll)$/.test(name))
  if (!library) fail('cargo built no library for buskin-node; its Cargo.toml must say crate-type = ["cdylib"].')

  mkdirSync(dirname(output), { recursive: true })
  const part = `${output}.${process.pid}`
  copyFileSync(library, part)
  renameSync(part, output) // a process that has the old one loaded keeps it
}

export function findCargo() {
  const home = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin', 'cargo')
  return ['cargo', home].find(has)
}

/** Whether the loader finds an addon that nobody had to build: a platform package or the offline tarball's. */
function prebuilt(tuple) {
  if (existsSync(join(root, 'prebuilds', `${process.platform}-${process.arch}`))) return true
  try {
    createRequire(import.meta.url).resolve(`@buskin/core-${tuple}`)
    return true
  } catch {
    return false
  }
}
