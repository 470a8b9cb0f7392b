// The only door to the addon: finds the file made for this platform and loads it, or says what to do.

import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { BuskinError } from '../errors.ts'

/** The module that this is in: dist/index.js, this file in a checkout, a user's bundle. One in CommonJS has no `import.meta`. */
const here = (import.meta.url as string | undefined) ?? pathToFileURL(__filename).href
const require = createRequire(here)
/** The package's own folder, seen from dist/index.js and, in a checkout, from this file. */
const root = new URL(here.endsWith('/src/native/load.ts') ? '../../' : '../', here)

/**
 * Loads the addon, from the first of these that is there: the file that `BUSKIN_NATIVE_PATH` names (then no other is
 * tried), the folder of a bundle or the one above, dist/, the platform package, prebuilds/ of the offline tarball. Throws ERR_BUSKIN_ADDON when none loads.
 */
export function loadAddon(): unknown {
  const named = process.env['BUSKIN_NATIVE_PATH']
  if (named) {
    try {
      return require(resolve(named))
    } catch (cause) {
      const message = `BUSKIN_NATIVE_PATH names ${named}, which does not load (${firstLine(cause)}); let it name a Buskin addon for ${platformTuple()}, or unset it.`
      throw new BuskinError('ERR_BUSKIN_ADDON', message, { cause })
    }
  }

  const tuple = platformTuple()
  let failure: unknown
  for (const place of places(tuple)) {
    try {
      return require(place)
    } catch (error) {
      failure ??= error // the first place is the likeliest: what broke there is what to report
    }
  }
  const found = failure === undefined ? `there is no Buskin addon for ${tuple} here` : `the Buskin addon for ${tuple} does not load (${firstLine(failure)})`
  const message = `${found}; reinstall with optional dependencies (npm install --include=optional), or run \`npm run build\` in a checkout, which needs cargo (https://rustup.rs).`
  throw new BuskinError('ERR_BUSKIN_ADDON', message, failure === undefined ? undefined : { cause: failure })
}

/** Where an addon for `tuple` is, likeliest first. */
function* places(tuple: string): Generator<string> {
  // of a bundle, which may keep its chunks in a folder of their own
  for (const folder of [here, root]) {
    const beside = fileURLToPath(new URL(`buskin.${tuple}.node`, folder))
    if (existsSync(beside)) yield beside
  }

  const built = fileURLToPath(new URL(`dist/buskin.${tuple}.node`, root))
  if (existsSync(built)) yield built

  const platformPackage = `@buskin/core-${tuple}`
  if (resolves(platformPackage)) yield platformPackage

  // prebuildify's layout: prebuilds/<platform>-<arch>/<name>[.<libc>].node
  const tag = process.platform === 'linux' ? (isMusl() ? '.musl' : '.glibc') : ''
  const prebuilt = fileURLToPath(new URL(`prebuilds/${process.platform}-${process.arch}/buskin${tag}.node`, root))
  if (existsSync(prebuilt)) yield prebuilt
}

function resolves(specifier: string): boolean {
  try {
    require.resolve(specifier)
    return true
  } catch {
    return false
  }
}

/** How napi names a platform: linux-x64-gnu, darwin-arm64, win32-x64-msvc. */
function platformTuple(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

/**
 * Whether this Node is linked with musl: its ELF header names the dynamic linker. The usual way, process.report,
 * costs 1.5-4 ms of the start, so it is left for a Node whose file cannot be read.
 */
function isMusl(): boolean {
  const head = Buffer.alloc(4096)
  try {
    const file = openSync(process.execPath, 'r')
    try {
      readSync(file, head, 0, head.length, 0)
    } finally {
      closeSync(file)
    }
    if (head.includes('/ld-musl-')) return true
    if (head.includes('/ld-linux')) return false
  } catch {
    // not readable: ask Node
  }
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime === undefined
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
