// What a result was measured on. No host name and no path.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

const ROOT = new URL('../../', import.meta.url)

export function machine() {
  const status = output('git', ['status', '--porcelain', '--untracked-files=no'])
  return {
    date: new Date().toISOString(),
    commit: output('git', ['rev-parse', '--short=12', 'HEAD']),
    changed: status !== null && status !== '',
    buskin: version(new URL('package.json', ROOT)),
    nact: version(new URL('bench/peers/node_modules/nact/package.json', ROOT)),
    xstate: version(new URL('bench/peers/node_modules/xstate/package.json', ROOT)),
    node: process.versions.node,
    v8: process.versions.v8,
    rustc: output('rustc', ['--version'])?.split(' ')[1] ?? null,
    os: `${platform()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: availableParallelism(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0],
  }
}

export const load = () => loadavg()[0]

function output(command, args) {
  try {
    return execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null
  }
}

function version(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).version ?? null
  } catch {
    return null
  }
}
