// Makes a clone ready to run: dependencies, addon, dist/index.js; each only when what it is made from has changed.
// Until the dependencies are in, nothing but Node's own modules may be used.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildAddon } from './addon.mjs'
import { fail, root, run } from './run.mjs'
import { hashOf, once } from './stamp.mjs'

export async function ensure() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) fail(`this is Node ${process.versions.node}; install Node 20.19 or newer.`)
  install()
  await buildAddon()
  await bundle()
}

function install() {
  if (installed()) return
  // The npm that runs this script, if one does: on Windows npm itself is no program that can be spawned.
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const ok = npm ? run(process.execPath, [npm, ...args]) : run('npm', args, { shell: process.platform === 'win32' })
  if (!ok) fail('the dependencies could not be installed; see above, then run `npm ci`.')
}

/** Whether node_modules holds what package-lock.json asks for; optional packages are those of other platforms. */
function installed() {
  const packagesIn = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false
  const there = packagesIn('node_modules/.package-lock.json')
  return Object.entries(packagesIn('package-lock.json')).every(([path, { version, optional }]) => {
    if (path === '') return true
    const found = there[path]
    return found ? found.version === version : optional === true
  })
}

function bundle() {
  return once({
    output: join(root, 'dist/index.js'),
    hash: hashOf(root, ['src', 'scripts/bundle.mjs', 'tsconfig.json', 'package-lock.json']),
    make: async () => (await import('./bundle.mjs')).bundle(),
  })
}
