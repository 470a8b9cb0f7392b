// Peers have a manifest of their own and are installed the first time somebody measures.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../peers/', import.meta.url)

/** Installs what is missing; false when that failed, so that their rows will say so. */
export function installPeers() {
  if (existsSync(new URL('node_modules/nact', FOLDER)) && existsSync(new URL('node_modules/xstate', FOLDER))) return true
  const options = { cwd: fileURLToPath(FOLDER), stdio: ['ignore', 'ignore', 'ignore'], timeout: 120_000, shell: process.platform === 'win32' }
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], options)
  return status === 0
}
