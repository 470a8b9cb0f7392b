// Generates src/native/layout.ts from crates/core/src/entry.rs, so that both sides of the rings agree.
// `--check` fails when the committed file is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const sources = ['entry.rs', 'limits.rs'].map((name) => fileURLToPath(new URL(`../crates/core/src/${name}`, import.meta.url)))
/** Of the core's limits, those that the isolate shares. */
const SHARED_LIMITS = new Set(['INDEX_BITS', 'CALL_BITS', 'CALL_MASK', 'FAR_CALL'])
const target = fileURLToPath(new URL('../src/native/layout.ts', import.meta.url))

/** Constants by module: `{ op: [['MSG', 1, 'A message.'], …], … }`; those outside a module under ''. */
function constants(rust, wanted) {
  const modules = new Map([['', []]])
  let current = ''
  let doc = []
  for (const line of rust.split('\n')) {
    const opened = /^pub mod (\w+) \{/.exec(line)
    const found = /^\s*pub const (\w+): (?:u8|u32|usize) = ([^;]+);/.exec(line)
    const comment = /^\s*\/\/\/ ?(.*)/.exec(line)
    if (comment) doc.push(comment[1])
    else if (opened) modules.set((current = opened[1]), [])
    else if (line === '}') current = ''
    else if (found && (!wanted || wanted.has(found[1]))) modules.get(current).push([found[1], value(found[2], modules), doc.join(' ')])
    if (!comment) doc = []
  }
  return modules
}

function value(expression, modules) {
  for (const [name, number] of modules.get('')) expression = expression.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), number)
  if (!/^[\d\s<|()+-]+$/.test(expression)) throw new Error(`not a plain constant: ${expression}`)
  return Number(new Function(`return ${expression}`)())
}

/** As in crates/core/src/lib.rs. */
function fnv(bytes) {
  let hash = 0x811c9dc5
  for (const byte of bytes) if (byte !== 13) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

function render(modules) {
  const lines = ['// Generated from crates/core/src/entry.rs by scripts/layout.mjs. Do not edit.', '']
  for (const [module, list] of modules) {
    const prefix = module === '' ? '' : `${module.toUpperCase()}_`
    for (const [name, number, doc] of list) {
      if (doc) lines.push(`/** ${doc.replaceAll(/\[`?(?:super::|Entry::)?([\w:]+)`?\]/g, '$1').replaceAll('`', '')} */`)
      lines.push(`export const ${prefix}${name} = ${number}`)
    }
    if (list.length > 0) lines.push('')
  }
  return lines.join('\n')
}

const [layout, limits] = sources.map((path, at) => constants(readFileSync(path, 'utf8'), at === 1 ? SHARED_LIMITS : undefined))
layout.get('').push(...limits.get('').filter(([name]) => SHARED_LIMITS.has(name)))
layout.get('').unshift(['LAYOUT', fnv(readFileSync(sources[0])), 'Which layout this is: the addon must have been built with the same.'])
const text = render(layout)
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/native/layout.ts is stale: run `node scripts/layout.mjs`')
    process.exit(1)
  }
} else {
  writeFileSync(target, text)
}
