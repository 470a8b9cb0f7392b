// Bundles src/index.ts into dist/index.js.
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './run.mjs'

export async function bundle() {
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'src/index.ts')],
    outfile: join(root, 'dist/index.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    minifySyntax: true, // puts the constants of native/layout.ts into the code that uses them
    sourcemap: 'linked',
    charset: 'utf8',
    logLevel: 'warning',
  })
}
