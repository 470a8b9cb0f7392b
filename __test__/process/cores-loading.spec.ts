// How the class of an actor comes to a core: programs as users write, compile and bundle them, each run as a process.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { build, type BuildOptions } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const addonFolder = join(root, 'dist')
const addon = resolve(process.env['BUSKIN_NATIVE_PATH'] ?? join(addonFolder, readdirSync(addonFolder).find((name) => name.endsWith('.node')) ?? ''))
/** A folder with a node_modules in which tsx and vite may be: they are not among this package's own. */
const loaders = process.env['BUSKIN_LOADERS']
const tsx = optional('tsx/dist/loader.mjs')
const vite = optional('vite/dist/node/index.js')

function optional(path: string): string | undefined {
  const file = loaders === undefined ? '' : resolve(loaders, 'node_modules', path)
  return existsSync(file) ? pathToFileURL(file).href : undefined
}

/** With a reason, where this machine lacks what the test needs. */
function testIf(condition: unknown, reason: string): (title: string, run: (t: ExecutionContext) => Promise<void>) => void {
  return (title, run) => (condition ? test(title, run) : test.skip(`${title} (${reason})`, run))
}

// ---------------------------------------------------------------------------------------------- the programs

const actor = `
import { isMainThread } from 'node:worker_threads'
import { Actor } from 'buskin'
export class Work extends Actor {
  static module = import.meta.url
  where() { return isMainThread ? 'main' : 'core' }
}
`
/** Makes a system and prints where an actor lives. */
const evening = `
const system = createSystem({ cores: 2, log: false })
console.log(await system.spawn(Work).ask.where())
await system.shutdown()
`
/** The program is in one module with its actor, and the module's top level waits for it. */
const single = `
import { createSystem } from 'buskin'
${actor}
if (isMainThread) { ${evening} }
`
const importing = (from: string) => `
import { createSystem } from 'buskin'
import { Work } from '${from}'
${evening}
`
/** Prints why the actor could not start. */
const failing = `
const system = createSystem({ cores: 2, log: false })
system.closed.catch((error) => console.log('closed', error.code, error.message))
console.log(await system.spawn(Work).started.catch((error) => String(error.cause?.message ?? error.code)))
await system.shutdown()
`

interface Ended {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

interface Home {
  readonly folder: string
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended>
}

function node(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((done) => {
    const options = { cwd, timeout: 30_000, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '', ...env } } as const
    execFile(process.execPath, ['--no-warnings', ...args], options, (error, out, err) => {
      done({ code: error?.code ?? error?.signal ?? 0, out, err })
    })
  })
}

/** Two at a time: more only get in each other's way. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
let next = 0
function inTurn(work: () => Promise<Ended>): Promise<Ended> {
  const lane = next++ % lanes.length
  const result = (lanes[lane] as Promise<unknown>).then(work)
  lanes[lane] = result
  return result
}

/** A folder with the files, in which 'buskin' is this package. */
function home(t: ExecutionContext, files: Record<string, string>): Home {
  const folder = mkdtempSync(join(tmpdir(), 'buskin-cores-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules', 'buskin'), 'junction')
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) writeFileSync(join(folder, name), text)
  return {
    folder,
    run: (args, env = {}) => inTurn(() => node(folder, args, env)),
  }
}

const fine: Ended = { code: 0, out: 'core\n', err: '' }
const withAddon = { BUSKIN_NATIVE_PATH: addon }

// -------------------------------------------------------------------------------------------------- programs

test('a class in a module of its own is loaded on a core', async (t) => {
  const { run } = home(t, { 'work.js': actor, 'main.js': importing('./work.js') })
  t.deepEqual(await run(['main.js']), fine)
})

test('a class in the module of the program is loaded on a core, also when the top level of that awaits the actor', async (t) => {
  const { run } = home(t, { 'main.js': single })
  t.deepEqual(await run(['main.js']), fine)
})

test('a class that the waiting module of the program does not export is refused', async (t) => {
  const source = `import { createSystem } from 'buskin'\n${actor.replace('export ', '')}\nif (isMainThread) { ${failing} }`
  const { out } = await home(t, { 'main.js': source }).run(['main.js'])
  t.regex(out, /^not exported: '.*main\.js' has no export that is the class Work; export it/)
})

test('a program without a guard is told of it, by an error that names the module', async (t) => {
  const { code, out, err } = await home(t, { 'main.js': `import { createSystem } from 'buskin'\n${actor}\n${failing}` }).run(['main.js'])
  t.deepEqual({ code, err }, { code: 0, err: '' })
  t.regex(out, /^system made on a core: the top level of '.*main\.js' runs on every core .* 'if \(isMainThread\)/)
})

test('a module that throws on a core fails the start, with what it threw', async (t) => {
  const source = actor.replace('export', "if (!isMainThread) throw new Error('not here')\nexport")
  const program = failing.replace('error.cause?.message', 'error.cause?.message + " | " + error.cause?.cause?.message')
  const { out } = await home(t, { 'work.js': source, 'main.js': `import { createSystem } from 'buskin'\nimport { Work } from './work.js'\n${program}` }).run(['main.js'])
  t.regex(out, /^module not loaded: '.*work\.js', for its export 'Work', failed; .* \| not here\n$/)
})

test("on a core, a system made by a handler has no cores of its own with 'auto'", async (t) => {
  const source = actor.replace('where() {', "where() { return createSystem({ cores: 'auto', log: false }).spawn(Inner).ask.where() }\n}\nexport class Inner extends Actor {\n  static module = import.meta.url\n  where() { return `${threadId} ${isMainThread}` }\n  unused() {")
    .replace('isMainThread }', 'isMainThread, threadId }')
    .replace('{ Actor }', '{ Actor, createSystem }')
  const { code, out, err } = await home(t, { 'work.js': source, 'main.js': importing('./work.js') }).run(['main.js'])
  t.deepEqual({ code, out, err }, { code: 0, out: '1 false\n', err: '' })
})

test('a burst of spawns spreads over all cores, those that start included', async (t) => {
  const spread = `
    const system = createSystem({ cores: 4, log: false })
    const all = Array.from({ length: 8 }, () => system.spawn(Work))
    await Promise.all(all.map((each) => each.started))
    console.log(system.inspect().children.map((each) => each.on).sort().join(' '))
    await system.shutdown()`
  const { run } = home(t, { 'work.js': actor, 'main.js': `import { createSystem } from 'buskin'\nimport { Work } from './work.js'\n${spread}` })
  t.deepEqual(await run(['main.js']), { ...fine, out: '1 1 2 2 3 3 4 4\n' })
})

test('with core.env a core still finds the addon', async (t) => {
  const program = importing('./work.js').replace('cores: 2', "cores: 2, core: { env: { SEEN: 'yes' } }")
  const { run } = home(t, { 'work.js': actor.replace("'core'", 'process.env.SEEN'), 'main.js': program })
  t.deepEqual(await run(['main.js'], withAddon), { ...fine, out: 'yes\n' })
})

// -------------------------------------------------------------------------------------------------- CommonJS

const common = `
const { isMainThread } = require('node:worker_threads')
const { pathToFileURL } = require('node:url')
const { Actor, createSystem } = require('buskin')
class Work extends Actor {
  static module = pathToFileURL(__filename).href
  where() { return isMainThread ? 'main' : 'core' }
}
module.exports = { Work }
`
const commonEvening = `if (isMainThread) void (async () => { ${evening} })()`

test('a CommonJS program has its classes loaded on cores', async (t) => {
  const { run } = home(t, { 'main.cjs': common + commonEvening })
  t.deepEqual(await run(['main.cjs']), fine)
})

test('a class of a CommonJS module can be spawned from an ES module: there is one Actor', async (t) => {
  const { run } = home(t, { 'work.cjs': common, 'main.js': importing('./work.cjs') })
  t.deepEqual(await run(['main.js']), fine)
})

// ------------------------------------------------------------------------------------------------ TypeScript

const typed = actor.replace('where() {', "readonly #note: string = ''\n  where(this: Work): string {\n    void (this.#note satisfies string)\n")

testIf((process.features as { typescript?: unknown }).typescript, 'this Node strips no types')('TypeScript that Node itself strips is loaded on a core', async (t) => {
  const { run } = home(t, { 'work.ts': typed, 'main.ts': importing('./work.ts') })
  t.deepEqual(await run(['main.ts']), fine)
})

test('what tsc makes of TypeScript is loaded on a core', async (t) => {
  const { folder, run } = home(t, { 'work.ts': typed, 'main.ts': importing('./work.js') })
  const flags = ['--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', '--outDir', 'out']
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
  const compiled = await run([join(root, 'node_modules/typescript/bin/tsc'), ...flags, ...types, 'main.ts', 'work.ts'])
  t.deepEqual({ code: compiled.code, out: compiled.out }, { code: 0, out: '' })
  t.deepEqual(await run([join(folder, 'out', 'main.js')]), fine)
})

testIf(tsx, 'BUSKIN_LOADERS has no tsx')('TypeScript that tsx compiles is loaded on a core; before Node 22 core.execArgv says how', async (t) => {
  const isOld = Number(process.versions.node.split('.')[0]) < 22
  const program = importing('./work.ts')
  const { run } = home(t, {
    'work.ts': typed,
    'main.ts': isOld ? program.replace('cores: 2', "cores: 2, core: { execArgv: ['--import', new URL('./tsx.mjs', import.meta.url).href] }") : program,
    'tsx.mjs': `import { register } from '${new URL('esm/api/index.mjs', tsx)}'\nregister()`,
  })
  t.deepEqual(await run(['--import', tsx as string, 'main.ts']), fine)
})

// --------------------------------------------------------------------------------------------------- bundles

const sources = {
  'work.ts': typed,
  'plain.ts': importing('./work.ts'),
  'guarded.ts': `import { isMainThread } from 'node:worker_threads'\nimport { createSystem } from 'buskin'\nimport { Work } from './work.ts'\nexport { Work }\nif (isMainThread) { ${evening} }`,
  'unguarded.ts': `import { createSystem } from 'buskin'\nimport { Work } from './work.ts'\nexport { Work }\n${failing}`,
  'unexported.ts': `import { isMainThread } from 'node:worker_threads'\nimport { createSystem } from 'buskin'\nimport { Work } from './work.ts'\nif (isMainThread) { ${failing} }`,
}

async function bundle(folder: string, options: BuildOptions): Promise<void> {
  await build({ absWorkingDir: folder, bundle: true, platform: 'node', format: 'esm', outdir: 'out', logLevel: 'silent', ...options })
}

for (const [kind, external] of [
  ['with Buskin outside', ['buskin']],
  ['with Buskin inside', []],
] as const) {
  test(`an esbuild bundle ${kind} works when it exports its actors and guards its program`, async (t) => {
    const { folder, run } = home(t, sources)
    await bundle(folder, { entryPoints: ['guarded.ts'], external: [...external] })
    t.deepEqual(await run(['out/guarded.js'], withAddon), fine)
  })

  test(`a minified esbuild bundle ${kind} works as well`, async (t) => {
    const { folder, run } = home(t, sources)
    await bundle(folder, { entryPoints: ['guarded.ts'], external: [...external], minify: true })
    t.deepEqual(await run(['out/guarded.js'], withAddon), fine)
  })

  test(`an esbuild bundle ${kind}, split with an entry for the actors, needs no guard`, async (t) => {
    const { folder, run } = home(t, sources)
    await bundle(folder, { entryPoints: ['plain.ts', 'work.ts'], external: [...external], splitting: true })
    t.deepEqual(await run(['out/plain.js'], withAddon), fine)
  })

  test(`an esbuild bundle ${kind} that exports no actor is refused, by an error that says what to export`, async (t) => {
    const { folder, run } = home(t, sources)
    await bundle(folder, { entryPoints: ['unexported.ts'], external: [...external] })
    const { code, out } = await run(['out/unexported.js'], withAddon)
    t.is(code, 0)
    t.regex(out, /^not exported: '.*unexported\.js' has no export that is the class Work; export it/)
  })

  test(`an esbuild bundle ${kind} that guards nothing is told so, and starts no further systems`, async (t) => {
    const { folder, run } = home(t, sources)
    await bundle(folder, { entryPoints: ['unguarded.ts'], external: [...external] })
    const { code, out } = await run(['out/unguarded.js'], withAddon)
    t.is(code, 0)
    t.regex(out, /system made on a core: the top level of '.*unguarded\.js' runs on every core .* 'if \(isMainThread\)/)
  })

  test(`an esbuild bundle in CommonJS ${kind} works`, async (t) => {
    const { folder, run } = home(t, { 'main.cts': common.replace('module.exports', 'exports') + commonEvening })
    const source = common.replace(/const (\{.*\}) = require\((.*)\)/g, 'import $1 from $2').replace('class', 'export class').replace(/module\.exports.*/, '')
    writeFileSync(join(folder, 'main.ts'), source + commonEvening)
    await bundle(folder, { entryPoints: ['main.ts'], external: [...external], format: 'cjs', outExtension: { '.js': '.cjs' } })
    t.deepEqual(await run(['out/main.cjs'], withAddon), fine)
  })
}

test('a bundle finds the addon beside it, and above the folder of its chunks', async (t) => {
  const { folder, run } = home(t, sources)
  await bundle(folder, { entryPoints: ['guarded.ts'] })
  await bundle(folder, { entryPoints: ['plain.ts', 'work.ts'], splitting: true, chunkNames: 'chunks/[name]' })
  rmSync(join(folder, 'node_modules'), { recursive: true })
  const { code, err } = await run(['out/guarded.js'], { BUSKIN_NATIVE_PATH: '' })
  t.is(code, 1)
  t.regex(err, /there is no Buskin addon/)
  const name = `buskin.${/for (\S+) here/.exec(err)?.[1]}.node`
  cpSync(addon, join(folder, 'out', name))
  t.deepEqual(await run(['out/guarded.js'], { BUSKIN_NATIVE_PATH: '' }), fine)
  t.deepEqual(await run(['out/plain.js'], { BUSKIN_NATIVE_PATH: '' }), fine)
})

for (const [kind, ssr] of [
  ['ssr.external', { external: ['buskin'] }],
  ['ssr.noExternal', { noExternal: true }],
] as const) {
  testIf(vite, 'BUSKIN_LOADERS has no vite')(`a build of Vite SSR with ${kind} works, in one file with a guard or with an entry for the actors`, async (t) => {
    const { run } = home(t, {
      ...sources,
      'build.mjs': `
        import { build } from '${vite}'
        const common = { root: import.meta.dirname, configFile: false, logLevel: 'error', ssr: ${JSON.stringify(ssr)} }
        await build({ ...common, build: { ssr: 'guarded.ts', outDir: 'one' } })
        await build({ ...common, build: { ssr: true, outDir: 'two', rollupOptions: { input: ['plain.ts', 'work.ts'] } } })`,
    })
    t.deepEqual(await run(['build.mjs']), { code: 0, out: '', err: '' })
    t.deepEqual(await run(['one/guarded.js'], withAddon), fine)
    t.deepEqual(await run(['two/plain.js'], withAddon), fine)
  })
}
