// The ten Savina programs of bench/savina at small sizes: what they count and compute is right wherever their actors live.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { Actor, type System } from 'buskin'
// @ts-expect-error -- plain JavaScript
import { modelled, readRegistry } from '../../bench/savina/models.mjs'
// @ts-expect-error -- plain JavaScript
import * as stages from '../../bench/savina/stage.mjs'

interface Program {
  readonly name: string
  readonly sizes: { readonly small: Readonly<Record<string, number>> }
  readonly expected: { readonly small: Readonly<Record<string, number>> }
}
interface Stage {
  run(program: Program, module: { start(system: System): void }, size: 'small'): Promise<{ messages: number; actors: number }>
  close(): Promise<void>
}
const programs = stages.programs as readonly Program[]
const open = stages.Stage.open as (layout: number | 'any', cores?: number) => Promise<Stage>
const load = stages.load as (program: Program) => Promise<{ start(system: System): void }>

for (const [where, layout, cores] of [
  ['in one isolate', 0, 0],
  ['on two cores', 2, 2],
  ['on two cores, placed by the system', 'any', 2],
  ['on three cores', 3, 3],
] as const) {
  test.serial(`all ten programs count and compute what they must ${where}`, async (t) => {
    const stage = await open(layout, cores)
    t.is(programs.length, 10)
    for (const program of programs) {
      const module = await load(program)
      for (const time of ['first', 'second']) { // nothing is left over for the next run
        const { messages, actors } = await stage.run(program, module, 'small')
        t.deepEqual([messages, actors], [program.expected.small['messages'], program.expected.small['actors']], `${program.name}, the ${time} time`)
      }
    }
    await stage.close()
  })
}

test.serial('a result that is not what it must be fails the run, for every program', async (t) => {
  const stage = await open(0)
  for (const program of programs) {
    const module = await load(program)
    for (const [name, value] of Object.entries(program.expected.small)) {
      const expected = { small: { ...program.expected.small, [name]: value + 1 } }
      await t.throwsAsync(stage.run({ ...program, expected }, module, 'small'), { code: 'ERR_ASSERTION' }, `${program.name}: ${name}`)
    }
  }
  await stage.close()
})

class Faulty extends Actor {
  find() {
    throw new RangeError('something wrong')
  }
}
class Idler extends Actor {
  hear() {}
}

for (const [what, start, error] of [
  ['a handler that throws', (system) => system.spawn(Faulty).tell.find(), { name: 'RangeError', message: 'something wrong' }],
  ['an actor that does not end', (system) => void system.spawn(Idler), { message: /did not end/ }],
  ['a message that nobody handles', (system) => {
    const idler = system.spawn(Idler)
    void idler.stop()
    idler.tell.hear()
  }, { message: /nobody handled/ }],
] as [string, (system: System) => void, object][]) {
  test.serial(`${what} fails the run`, async (t) => {
    const stage = await open(0)
    const program = { name: 'faulty', sizes: { small: {} }, expected: { small: { messages: 1, actors: 1 } } }
    await t.throwsAsync(stage.run(program, { start }, 'small'), error)
    await stage.close()
  })
}

for (const [name, wrong, message] of [
  ['create', { theta: 0 }, 'sin² is 0'], // made by ordinary code
  ['dictionary', { keys: 0 }, 'the dictionary answered undefined'], // made by an actor
] as const) {
  for (const cores of [0, 2]) {
    test.serial(`what an actor of ${name} finds wrong fails the run ${cores === 0 ? 'in one isolate' : 'on two cores'}`, async (t) => {
      const stage = await open(cores)
      const program = programs.find((each) => each.name === name) as Program
      await t.throwsAsync(stage.run({ ...program, sizes: { small: { ...program.sizes.small, ...wrong } } }, await load(program), 'small'), { message })
      await stage.close()
    })
  }
}

test('programs.json holds what the models compute', (t) => {
  t.deepEqual(readRegistry(), modelled())
})

test.serial('the benchmark runs a program in a process for each mode and round, and writes what it found', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'buskin-savina-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'lines.jsonl')
  const args = ['bench/run.mjs', 'savina', '--quick', '--only=ping-pong', '--rounds=2', '--cores=1', '--js', `--json=${file}`]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  t.regex(stdout, /^PingPong .* message .* 12,001$/m)
  const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  t.deepEqual(lines.map(({ type, mode }) => mode ?? type), ['session', 'one', 'all', 'all', 'one', 'row'])
})
