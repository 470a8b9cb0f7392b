// Builds the programs with native actors: savina/native, a cargo workspace of its own.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findCargo } from '../../scripts/addon.mjs'

const MANIFEST = fileURLToPath(new URL('native/Cargo.toml', import.meta.url))

/** The program's path. Cargo says itself where it went: target folder, triple and file name depend on the machine's settings. */
export function buildNative() {
  const args = ['build', '--release', '--locked', '--manifest-path', MANIFEST, '--message-format', 'json-render-diagnostics']
  const { error, status, stdout } = spawnSync(findCargo() ?? 'cargo', args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28 })
  if (error !== undefined || status !== 0) throw new Error('the native programs could not be built; --js leaves them out')
  const made = stdout.split('\n').filter(line => line.includes('"compiler-artifact"')).map(line => JSON.parse(line))
  const program = made.find(({ target, executable }) => target.name === 'buskin-savina' && executable !== null)
  if (program === undefined) throw new Error('cargo built no program called buskin-savina')
  return program.executable
}
