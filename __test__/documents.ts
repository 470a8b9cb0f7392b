// What the documents hold: their pages, the programs in their code blocks, and the lines those say they print.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = new URL('../', import.meta.url)

/** Blocks of code that make one program: one that begins with its imports, and those behind it that have none. */
export interface Program {
  /** 'docs/guide/timers.md'. */
  readonly page: string
  /** Counted within its page, from 1. */
  readonly number: number
  readonly language: 'ts' | 'js'
  /** As many lines in front as keep every line where it is in the page. */
  readonly source: string
  /** What it prints: the comments `// → …`, in their order. */
  readonly prints: readonly string[]
}

/** README.md and everything under docs. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.md'))
    .sort(),
]

export function textOf(page: string): string {
  return readFileSync(new URL(page, root), 'utf8').replaceAll('\r\n', '\n')
}

interface Draft {
  readonly language: 'ts' | 'js'
  readonly lines: string[]
}

export function programsOf(page: string): Program[] {
  const drafts: Draft[] = []
  let block: { language: string; from: number; lines: string[] } | undefined
  textOf(page)
    .split('\n')
    .forEach((line, at) => {
      const fence = /^```(\w*)/.exec(line)
      if (block === undefined) {
        if (fence !== null) block = { language: fence[1]!, from: at + 1, lines: [] }
      } else if (fence === null) {
        block.lines.push(line)
      } else {
        if (block.language === 'ts' || block.language === 'js') add(drafts, block.language, block.from, block.lines, page)
        block = undefined
      }
    })
  return drafts.map(({ language, lines }, at) => ({
    page,
    number: at + 1,
    language,
    source: lines.join('\n'),
    prints: lines.flatMap((line) => /\/\/ → (.*)$/.exec(line)?.[1] ?? []),
  }))
}

function add(drafts: Draft[], language: 'ts' | 'js', from: number, lines: readonly string[], page: string): void {
  const begins = /^(import |const .* = require\()/.test(lines[0] ?? '')
  let draft = drafts.at(-1)
  if (begins) drafts.push((draft = { language, lines: [] }))
  if (draft === undefined || draft.language !== language) throw new Error(`${page}:${from}: this block continues none; let it begin with its imports`)
  while (draft.lines.length < from) draft.lines.push('')
  draft.lines.push(...lines)
}

/** Where a program lies as a file that Node and TypeScript can take; inside the checkout, where 'buskin' is this package. */
export function fileOf({ page, number, language, source }: Program): string {
  const folder = new URL('.build/docs/', root)
  const extension = /^const .* = require\(/m.test(source) ? 'cjs' : language === 'ts' ? 'ts' : 'mjs'
  const file = new URL(`${page.replaceAll('/', '-').replace('.md', '')}-${number}.${extension}`, folder)
  mkdirSync(folder, { recursive: true })
  write(file, `${source}\n`)
  return fileURLToPath(file)
}

/** Under the flags that the public types are held to, with every file given by name. */
export function projectOf(files: readonly string[]): string {
  const file = new URL('.build/docs/tsconfig.json', root)
  const project = {
    extends: '../../__test__/types/tsconfig.nodenext.json',
    compilerOptions: { allowJs: true, checkJs: true, noImplicitAny: true },
    files,
  }
  write(file, `${JSON.stringify(project, null, 2)}\n`)
  return fileURLToPath(file)
}

/** Only when it says something else, so that two runs at once do not disturb each other. */
function write(file: URL, text: string): void {
  try {
    if (readFileSync(file, 'utf8') === text) return
  } catch {
    // not there yet
  }
  writeFileSync(file, text)
}
