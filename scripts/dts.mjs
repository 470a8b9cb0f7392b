// Rolls the public types up from src/index.ts into index.d.ts; with --check it only says whether that file is current.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { fail, root } from './run.mjs'

const file = join(root, 'index.d.ts')

/** What index.d.ts should say. */
export async function rollUp() {
  const warnings = []
  const bundle = await rollup({
    input: join(root, 'src/index.ts'),
    external: /^(?![./]|[A-Za-z]:)/,
    plugins: [dts({ tsconfig: join(root, 'tsconfig.json') })],
    onwarn: (warning) => warnings.push(warning.message),
  })
  const { output } = await bundle.generate({ format: 'es' })
  if (warnings.length > 0) throw new Error(warnings.join('\n'))
  return tidy(output[0].code)
}

export async function isCurrent() {
  return readFileSync(file, 'utf8') === (await rollUp())
}

/** Two spaces instead of four, and `export` at each declaration instead of lists at the end. */
function tidy(code) {
  const exported = new Set()
  const body = code.replace(/^export (?:type )?\{([^}]*)\};\n?/gm, (_, names) => {
    for (const name of names.split(',').filter((part) => part.trim() !== '')) exported.add(name.trim())
    return ''
  })
  const renamed = [...exported].find((name) => / as /.test(name))
  if (renamed) throw new Error(`two declarations share a name: rename one, so that "${renamed}" is not needed`)
  const left = new Set(exported)
  const declaration = /^(?:declare )?(?:abstract )?(?:const|function|class|interface|type|enum|namespace) (\w+)/gm
  const inlined = body.replace(declaration, (text, name) => {
    if (!exported.has(name)) return text
    left.delete(name)
    return `export ${text}`
  })
  if (left.size > 0) throw new Error(`exported, but declared in no way this script knows: ${[...left].join(', ')}`)
  const indented = inlined.replace(/^(?: {4})+/gm, (spaces) => ' '.repeat(spaces.length / 2))
  const wrapped = indented.replace(/^((?:export )?type \w+ =) ('[^']*'(?: \| '[^']*')*;)$/gm, (line, head, union) =>
    line.length > 120 ? `${head}\n  | ${union.replaceAll(' | ', '\n  | ')}` : line,
  )
  return `// Generated from src by \`npm run dts\`; edit there.\n\n${wrapped.replace(/\n{3,}/g, '\n\n').trim()}\n\nexport {}\n`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!process.argv.includes('--check')) writeFileSync(file, await rollUp())
  else if (!(await isCurrent().catch(() => false))) fail('index.d.ts does not match src; run `npm run dts` and commit it.')
}
