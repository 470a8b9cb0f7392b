// docs/semantics.md keeps its promise: every sentence names tests, and every test it names is there.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const run = promisify(execFile)
const root = new URL('../', import.meta.url)
const page = await readFile(new URL('docs/semantics.md', root), 'utf8')

interface Named {
  readonly line: number
  /** 'life.spec.ts', or 'crates/core/src/replay.rs'. */
  readonly file: string
  readonly title: string
}

const NAMED = /^- `([^`]+)` — “(.*)”$/

/** Every test that the page names. */
const named: Named[] = []
page.split('\n').forEach((text, at) => {
  const found = NAMED.exec(text)
  if (found !== null) named.push({ line: at + 1, file: found[1]!, title: found[2]! })
})

/** A title of the page as a pattern: what stands in ‹…› may be anything. */
function pattern(title: string): RegExp {
  const literal = title.split(/‹[^›]*›/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${literal.join('.+')}$`, 's')
}

/** The titles of all specs, found by importing them with a recorder in the place of ava. */
async function titlesOfSpecs(): Promise<Record<string, string[]>> {
  const hook = new URL('scripts/ts.mjs', root).href
  const script = fileURLToPath(new URL('__test__/fixtures/titles.mjs', root))
  const { stdout } = await run(process.execPath, ['--import', hook, script], { cwd: fileURLToPath(root), maxBuffer: 1 << 26 })
  return JSON.parse(stdout) as Record<string, string[]>
}

/** The names of the tests in a Rust file. */
async function namesOfRust(file: string): Promise<string[]> {
  const source = await readFile(new URL(file, root), 'utf8').catch(() => '')
  return [...source.matchAll(/#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)/g)].map(([, name]) => name!)
}

test('every test that docs/semantics.md names exists', async (t) => {
  t.timeout(60_000)
  const titles = await titlesOfSpecs()
  t.true(named.length > 300)
  const missing: string[] = []
  for (const { line, file, title } of named) {
    const known = file.endsWith('.rs') ? await namesOfRust(file) : (titles[file] ?? [])
    if (!known.some((each) => pattern(title).test(each))) missing.push(`line ${line}: ${file} has no “${title}”`)
  }
  t.deepEqual(missing, [])
})

test('every sentence of docs/semantics.md names a test', (t) => {
  const [, guaranteed] = /^## Messages$(.*)^## Not yet$/ms.exec(page) ?? []
  t.truthy(guaranteed)
  const untested: string[] = []
  let sentences = 0
  // A sentence is a paragraph and the table below it, if there is one; then comes its list of tests.
  for (const part of guaranteed!.split(/^(?=\*\*\d)/m).slice(1)) {
    sentences += 1
    const blocks = part.replace(/^## .*$/gm, '').trim().split(/\n\n+/)
    const tests = blocks.pop()!.split('\n')
    const isTable = (block: string) => block.split('\n').every((line) => line.startsWith('|'))
    const prose = blocks.filter((block) => !isTable(block))
    if (prose.length !== 1 || !tests.every((line) => NAMED.test(line))) untested.push(part.split('\n', 1)[0]!)
  }
  t.deepEqual(untested, [])
  t.true(sentences > 100)
})

test('the sentences of docs/semantics.md are numbered in order', (t) => {
  const numbers = [...page.matchAll(/^\*\*(\d+)\.(\d+)\*\* /gm)].map(([, n, part]) => Number(n) * 1000 + Number(part))
  // Timers and the clock (38) stand behind counting and quiet; within a chapter nothing is out of order.
  t.deepEqual(numbers, [...numbers].sort((a, b) => a - b))
  t.is(new Set(numbers).size, numbers.length)
})
