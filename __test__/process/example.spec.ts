// The examples. The one that npm start runs ends by itself and on Ctrl-C, and what it prints suits where it prints to.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { createSystem } from 'buskin'
import { Report } from '../../examples/report.ts'
import { noTakings, Theatre } from '../../examples/theatre.ts'

const root = new URL('../../', import.meta.url)

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>
}

function start(seconds: number): Running {
  return run('examples/main.ts', `--seconds=${seconds}`)
}

function run(...program: readonly string[]): Running {
  const args = ['--import', new URL('scripts/ts.mjs', root).href, ...program]
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(root), stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }) as Awaited<Running['ended']>)
  return { child, ended }
}

/** 'closed: 10 sent = 7 handled + 1 failed + 2 dead letters' has to add up. */
function adds(out: string): boolean {
  const [, ...figures] = /^closed: (\S+) sent = (\S+) handled \+ (\S+) failed \+ (\S+) dead letters$/m.exec(out) ?? []
  const [sent, ...parts] = figures.map((figure) => Number(figure.replaceAll(',', '')))
  return sent !== undefined && sent > 1_000 && sent === parts.reduce((sum, part) => sum + part, 0)
}

test('in a pipe the example prints a line a second and one table, and ends by itself with code 0', async (t) => {
  t.timeout(90_000)
  const { code, signal, out, err } = await start(2.5).ended
  t.deepEqual({ code, signal, err }, { code: 0, signal: null, err: '' })
  t.false(out.includes('\x1b'))
  t.is(out.match(/^\d+\.\d s · .* messages\/s · asks p50 .* ms p99 .* ms · .* waiting · .* failures · .* restarts · .* dead letters$/gm)?.length, 2)
  t.is(out.match(/^role /gm)?.length, 1)
  for (const role of ['Hall', 'Desk', 'Ledger', 'Board', 'Projector']) t.regex(out, new RegExp(`^${role} +\\d+ +[\\d,]+ +[\\d,]+ +[\\d,]+`, 'm'))
  t.regex(out, /^failures +\d+ halls failed, \d+ actors restarted, \d+ of 12 closed now$/m)
  t.regex(out, /^cores +[1-4] running, [1-9]\d* lost, [1-9][\d,]* frames computed there, \d+ torn$/m)
  t.regex(out, /^dead letters .*\d (dropped|expired|mailbox-full)/m)
  t.true(adds(out))
})

// There is no SIGINT to send to another process on Windows.
const onPosix = process.platform === 'win32' ? test.skip : test

onPosix('Ctrl-C ends the example cleanly with code 0', async (t) => {
  t.timeout(90_000)
  const { child, ended } = start(60)
  await once(child.stdout!, 'data')
  child.kill('SIGINT')
  const { code, signal, out, err } = await ended
  t.deepEqual({ code, signal, err }, { code: 0, signal: null, err: '' })
  t.true(adds(out))
})

test('a duration that is none is refused with a hint and code 1', async (t) => {
  t.timeout(90_000)
  const { code, out, err } = await start(NaN).ended
  t.deepEqual({ code, out, err }, { code: 1, out: '', err: 'usage: npm start -- --seconds=8\n' })
})

test('on a terminal the table is drawn over the one before, and fits any size', async (t) => {
  t.timeout(90_000)
  const takings = noTakings()
  const system = createSystem({ cores: 1, log: false })
  t.teardown(() => system.shutdown())
  const report = new Report(system, takings)
  await system.spawn(Theatre, { args: [takings, 1], name: 'theatre' }).started
  report.sample()
  for (const columns of [1, 20, 50, 51, 52, 80, 300]) {
    t.true(report.table(columns).every((line) => line.length <= columns), `${columns} columns`)
  }
  const drawn: string[] = []
  const terminal = (rows: number) => ({ columns: 80, rows, write: (text: string) => drawn.push(text) }) as unknown as NodeJS.WriteStream
  report.draw(terminal(24))
  report.draw(terminal(10))
  report.draw(terminal(10))
  const up = (text: string) => Number(/^.\[(\d+)A/.exec(text)?.[1] ?? 0)
  const lines = (text: string) => text.split('\n').length - 1
  t.deepEqual(drawn.map(up), [0, lines(drawn[0]!), 9])
  t.deepEqual(drawn.slice(1).map(lines), [9, 9])
})

test('the supervision example shows each kind of restart, and ends by itself with code 0', async (t) => {
  t.timeout(90_000)
  const { code, signal, out, err } = await run('examples/supervision.ts').ended
  t.deepEqual({ code, signal, err }, { code: 0, signal: null, err: '' })
  const acts = new Map(out.trim().split('\n\n').map((act) => {
    const [title, ...lines] = act.split('\n')
    return [title!.split(':')[0]!, lines.map((line) => line.replace(/^ *\d+\.\d\d s  /, ''))]
  }))
  t.deepEqual([...acts.keys()], ['One for one', 'Rest for one', 'Backoff', 'Health', 'Decide', 'Escalation', 'closed'])
  t.is(acts.get('One for one')?.at(-1), 'cues with the next one: 3, 1, 3')
  t.is(acts.get('Rest for one')?.at(-1), 'cues of winch, rope and cloth: 2, 1, 1')
  t.is(acts.get('Backoff')?.filter((line) => / -> restart in \d+ ms$/.test(line)).length, 4)
  t.is(acts.get('Backoff')?.at(-1), 'La!')
  t.is(acts.get('Health')?.at(-1), 'fog for 1 min')
  t.is(acts.get('Decide')?.at(-1), 'cues played: 1 2 - 3 - 1')
  t.is(acts.get('Escalation')?.at(-1), 'still here: /lamps /curtain /soprano /fog /conductor')
  t.regex(out, /^closed: 10 restarts; 27 sent = 20 handled \+ 7 failed \+ 0 dead letters$/m)
})
