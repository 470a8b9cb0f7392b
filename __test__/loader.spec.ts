import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import type { ExecutionContext } from 'ava'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

const program = `
  import('buskin')
    .then(({ createSystem }) => createSystem().shutdown())
    .then(() => console.log('"loaded"'), ({ name, code, message }) => console.log(JSON.stringify({ name, code, message })))
`

/** What a fresh Node in `cwd` says when it imports Buskin and makes a system. */
async function start(cwd: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const clean = { ...process.env, ...env }
  if (!('BUSKIN_NATIVE_PATH' in env)) delete clean['BUSKIN_NATIVE_PATH']
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd, env: clean })
  return JSON.parse(stdout)
}

/** The package as it is installed, without an addon. */
async function installed(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'buskin-'))
  t.teardown(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const folder = join(home, 'node_modules', 'buskin')
  await mkdir(join(folder, 'dist'), { recursive: true })
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'))
  await copyFile(join(root, 'dist', 'index.js'), join(folder, 'dist', 'index.js'))
  return home
}

/** The addon these tests run with, and how this platform is called in file names. */
async function addon(): Promise<{ file: string; tuple: string }> {
  const named = process.env['BUSKIN_NATIVE_PATH']
  const file = named ?? join(root, 'dist', (await readdir(join(root, 'dist'))).find((name) => name.endsWith('.node')) ?? '')
  return { file, tuple: /buskin\.(.+)\.node$/.exec(file)?.[1] ?? '' }
}

test('BUSKIN_NATIVE_PATH is the only place looked at when it is set', async (t) => {
  const error = (await start(root, { BUSKIN_NATIVE_PATH: '/nowhere/buskin.node' })) as Record<string, string>
  t.is(error['code'], 'ERR_BUSKIN_ADDON')
  t.is(error['name'], 'BuskinError')
  t.regex(error['message'] ?? '', /^BUSKIN_NATIVE_PATH names \/nowhere\/buskin\.node, which does not load .*; .*unset it\.$/)
})

test('without any addon the error is one line that names the platform and ends in the remedy', async (t) => {
  const error = (await start(await installed(t))) as Record<string, string>
  const { tuple } = await addon()
  t.is(error['code'], 'ERR_BUSKIN_ADDON')
  t.is(error['message'], `there is no Buskin addon for ${tuple} here; reinstall with optional dependencies (npm install --include=optional), or run \`npm run build\` in a checkout, which needs cargo (https://rustup.rs).`)
})

test('an addon that is there but broken is reported as such', async (t) => {
  const home = await installed(t)
  const { tuple } = await addon()
  await writeFile(join(home, 'node_modules/buskin/dist', `buskin.${tuple}.node`), 'not a library')
  const error = (await start(home)) as Record<string, string>
  t.is(error['code'], 'ERR_BUSKIN_ADDON')
  t.regex(error['message'] ?? '', /^the Buskin addon for \S+ does not load \(.+\); .+\.$/)
  t.false(error['message']?.includes('\n'))
})

test('the addon is found beside the bundle', async (t) => {
  const home = await installed(t)
  const { file, tuple } = await addon()
  await cp(file, join(home, 'node_modules/buskin/dist', `buskin.${tuple}.node`))
  t.is(await start(home), 'loaded')
})

test('the addon is found in the platform package', async (t) => {
  const home = await installed(t)
  const { file, tuple } = await addon()
  const folder = join(home, 'node_modules/@buskin', `core-${tuple}`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: `@buskin/core-${tuple}`, main: 'buskin.node' }))
  await cp(file, join(folder, 'buskin.node'))
  t.is(await start(home), 'loaded')
})

test('the addon is found in the prebuilds of the offline tarball', async (t) => {
  const home = await installed(t)
  const { file, tuple } = await addon()
  const folder = join(home, 'node_modules/buskin/prebuilds', `${process.platform}-${process.arch}`)
  await mkdir(folder, { recursive: true })
  const tag = tuple.endsWith('-gnu') ? '.glibc' : tuple.endsWith('-musl') ? '.musl' : ''
  await cp(file, join(folder, `buskin${tag}.node`))
  t.is(await start(home), 'loaded')
})
