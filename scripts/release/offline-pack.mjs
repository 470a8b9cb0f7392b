// Packs one tarball that installs without a network: the package with the addons of all platforms under prebuilds/.
//   node scripts/release/offline-pack.mjs <folder with buskin.<tuple>.node files> [folder for the tarball]
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import prebuildify from 'prebuildify'

const root = fileURLToPath(new URL('../..', import.meta.url))
const stage = join(root, 'build', 'offline')
const [artifacts = 'artifacts', destination = '.'] = process.argv.slice(2)

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { targets } = manifest.napi
for (const field of ['scripts', 'devDependencies', 'optionalDependencies', 'allowScripts', 'napi']) delete manifest[field]
const files = [...manifest.files, 'README.md', 'LICENSE']
manifest.files = [...manifest.files, 'prebuilds']

rmSync(stage, { recursive: true, force: true })
for (const file of files) {
  if (!existsSync(join(root, file))) throw new Error(`${file} is missing; run \`npm run build\` first.`)
  mkdirSync(dirname(join(stage, file)), { recursive: true })
  cpSync(join(root, file), join(stage, file))
}
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)

process.env.NAPI_ARTIFACTS = resolve(artifacts)
for (const triple of targets) {
  const [machine, , system, abi] = triple.split('-')
  const platform = { linux: 'linux', darwin: 'darwin', windows: 'win32' }[system]
  await promisify(prebuildify)({
    cwd: stage,
    name: 'buskin',
    platform,
    arch: { x86_64: 'x64', aarch64: 'arm64' }[machine],
    libc: abi === 'musl' ? 'musl' : 'glibc',
    tagLibc: platform === 'linux',
    armv: '8',
    napi: true,
    strip: false,
    targets: [{ runtime: 'node', target: process.versions.node }],
    nodeGyp: fileURLToPath(new URL('gyp-shim.cjs', import.meta.url)),
  })
}
rmSync(join(stage, 'build'), { recursive: true, force: true })

const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', stage], { cwd: stage, encoding: 'utf8' }).trim()
const tarball = join(resolve(destination), packed.replace('.tgz', '-offline.tgz'))
mkdirSync(dirname(tarball), { recursive: true })
cpSync(join(stage, packed), tarball)
console.log(tarball)
