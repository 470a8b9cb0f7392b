// Starting other programs: the same few lines for every script here.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Ends the script with one line that says what is wrong and what to do. */
export function fail(message) {
  console.error(`buskin: ${message}`)
  process.exit(1)
}

/** Runs to the end with this terminal; true when it succeeded. */
export function run(command, args, options = {}) {
  const { error, status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  return error === undefined && status === 0
}

export function has(command) {
  const { error, status } = spawnSync(command, ['--version'], { stdio: 'ignore' })
  return error === undefined && status === 0
}

/**
 * Hands this terminal to another Node process and ends as it ends. The terminal sends Ctrl-C to both;
 * a signal that was sent to this process alone is passed on.
 */
export function become(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}

/** Runs to the end, shows what it prints and returns it. */
export function tee(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ['inherit', 'pipe', 'pipe'], ...options })
    let output = ''
    const show = (stream) => (chunk) => {
      stream.write(chunk)
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', show(process.stdout))
    child.stderr.setEncoding('utf8').on('data', show(process.stderr))
    child.on('error', (error) => done({ ok: false, output: `${output}${error.message}` }))
    child.on('close', (code) => done({ ok: code === 0, output }))
  })
}
