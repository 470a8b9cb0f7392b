// A module hook that compiles .ts with esbuild and keeps the result in .build/ts, so that a second run compiles nothing.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { threadId } from 'node:worker_threads'

const require = createRequire(import.meta.url)
const cache = new URL('../.build/ts/', import.meta.url)
const own = readFileSync(new URL(import.meta.url)) // new settings, new cache

export function load(url, context, next) {
  if (!url.startsWith('file:') || !/\.ts(\?|$)/.test(url) || url.includes('/node_modules/')) return next(url, context)
  return { format: 'module', source: compile(url), shortCircuit: true }
}

function compile(url) {
  const path = fileURLToPath(url)
  const source = readFileSync(path)
  const key = createHash('sha256').update(own).update(path).update('\0').update(source).digest('hex').slice(0, 32)
  const kept = new URL(`${key}.js`, cache)
  try {
    return readFileSync(kept, 'utf8')
  } catch {
    // not compiled yet
  }
  const { code } = require('esbuild').transformSync(source.toString(), {
    loader: 'ts',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'inline',
    sourcefile: path,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: 'es2022' } },
  })
  mkdirSync(cache, { recursive: true })
  const part = new URL(`${key}.${process.pid}.${threadId}`, cache)
  writeFileSync(part, code)
  renameSync(part, kept) // others may be reading
  return code
}
