// The documents keep their promises: their programs compile and print what they say, their links lead somewhere, and
// nothing that a user can set or meet is left out.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { fileOf, pages, programsOf, projectOf, root, textOf } from './documents.ts'

interface Ended {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

const cwd = fileURLToPath(root)
const programs = pages.flatMap(programsOf)

function node(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 60_000, killSignal: 'SIGKILL', env: { ...process.env, NODE_ENV: 'test', BUSKIN_LOG: '' } } as const
    execFile(process.execPath, args, options, (error, out, err) => resolve({ code: error === null ? 0 : (error.code ?? error.signal), out, err }))
  })
}

/** Two at a time: more only get in each other's way. */
const lanes = [Promise.resolve(), Promise.resolve()]
let next = 0
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const lane = next++ % lanes.length
  const result = lanes[lane]!.then(work)
  lanes[lane] = result.then(() => {}, () => {})
  return result
}

/** What node:test would print is not the program's. */
/** What node:test reports goes to a file; the null device will not do, as newer Nodes sync it. */
const report = fileURLToPath(new URL(`.build/docs-${process.pid}.tap`, root))
const quiet = ['--no-warnings', '--test-reporter=tap', `--test-reporter-destination=${report}`]
test.after.always(() => rmSync(report, { force: true }))

for (const program of programs) {
  test(`${program.page}: program ${program.number} runs and prints what its comments say`, async (t) => {
    t.timeout(120_000)
    const hook = new URL('scripts/ts.mjs', root).href
    const { code, out, err } = await inTurn(() => node([...quiet, '--import', hook, fileOf(program)]))
    t.deepEqual({ code, err, lines: out.split('\n').slice(0, -1) }, { code: 0, err: '', lines: [...program.prints] })
  })
}

test('every program of the documents type-checks under strict flags', async (t) => {
  t.timeout(120_000)
  const project = projectOf(programs.map(fileOf))
  const { code, out } = await node(['node_modules/typescript/bin/tsc', '-p', project])
  t.is(out, '')
  t.is(code, 0)
})

test('every link of the documents leads to a file and a heading that are there', (t) => {
  const broken: string[] = []
  for (const page of [...pages, 'CHANGELOG.md', 'CONTRIBUTING.md'].filter((each) => existsSync(new URL(each, root)))) {
    const prose = textOf(page).replace(/^```.*?^```$/gms, '')
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue
      const [path, anchor] = link!.split('#') as [string, string?]
      const target = path === '' ? new URL(page, root) : new URL(path, new URL(page, root))
      const exists = existsSync(target)
      if (!exists || (anchor !== undefined && !anchorsOf(target).has(anchor))) broken.push(`${page}: ${link}`)
    }
  }
  t.deepEqual(broken, [])
})

/** As the usual renderers make them. */
function anchorsOf(file: URL): Set<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)
  const slug = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').trim().replaceAll(' ', '-')
  return new Set([...headings].map(([, text]) => slug(text!)))
}

const guides = pages.filter((page) => page.startsWith('docs/guide/')).map(textOf).join('\n')
const types = readFileSync(new URL('index.d.ts', root), 'utf8')

test('the README has code within 80 words', (t) => {
  const [before] = textOf('README.md').split('```ts')
  const words = before!.replace(/\]\([^)]*\)/g, ']').match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu) ?? []
  t.true(words.length <= 80, `${words.length} words`)
})

test('every test that the README names exists', (t) => {
  const missing: string[] = []
  for (const [, file] of textOf('README.md').matchAll(/`((?:[\w/-]+)\.spec\.ts)`/g)) {
    if (!existsSync(new URL(`__test__/${file}`, root))) missing.push(file!)
  }
  t.deepEqual(missing, [])
})

test('the guide has a heading for every error code', (t) => {
  const [, union] = /type BuskinErrorCode =([^;]*);/.exec(types)!
  const codes = [...union!.matchAll(/'(\w+)'/g)].map(([, code]) => code!)
  const headings = [...textOf('docs/guide/errors.md').matchAll(/^### (ERR_\w+)/gm)].map(([, code]) => code!)
  t.deepEqual([...headings].sort(), [...codes].sort())
})

for (const name of ['SystemOptions', 'ActorOptions', 'ActorStatics', 'MailboxOptions', 'CallOptions', 'CoreOptions']) {
  test(`the guide shows every option of ${name}`, (t) => {
    const [, body] = new RegExp(`interface ${name} \\{(.*?)^\\}`, 'ms').exec(types)!
    const options = [...body!.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, option]) => option!)
    t.true(options.length > 1)
    t.deepEqual(options.filter((option) => !new RegExp(`\\b${option}\\b`).test(guides)), [])
  })
}

for (const name of ['Context', 'Ref', 'System', 'Timer', 'Stats', 'ManualClock']) {
  test(`the guide shows every member of ${name}`, (t) => {
    const [, body] = new RegExp(`interface ${name}(?:<[^{]*)? (?:extends [^{]+)?\\{(.*?)^\\}`, 'ms').exec(types)!
    const members = [...body!.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(([, member]) => member!)
    t.true(members.length > 1)
    t.deepEqual(members.filter((member) => !new RegExp(`\\b${member}\\b`).test(guides)), [])
  })
}
