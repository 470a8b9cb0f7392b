// Semantics, sentence 37, with actors on worker isolates: the process stays alive while any of them has something to do, and ends by
// itself, with code 0, when all are idle.
import { execFile } from 'node:child_process'
import ava from 'ava'

const test = ava.serial

const prelude = `
import { createSystem } from './src/index.ts'
import { Peer, Keeper } from './__test__/cores/fixtures/peer.ts'
const say = (text) => process.stdout.write(text + ';')
process.on('exit', () => say('exit'))
const system = createSystem({ cores: 2, log: false })
const a = system.spawn(Peer, { on: 1, name: 'a' })
const b = system.spawn(Peer, { on: 2, name: 'b' })
`

interface Ended {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

function run(code: string): Promise<Ended> {
  const args = ['--import', './scripts/ts.mjs', '--input-type=module', '-e', prelude + code]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: process.cwd(), timeout: 30_000, killSignal: 'SIGKILL' }, (error, out, err) => {
      resolve({ code: error?.code ?? error?.signal ?? 0, out, err })
    })
  })
}

for (const [name, code, out] of [
  ['actors on cores that have nothing to do do not hold the process', 'await Promise.all([a.started, b.started])', 'exit;'],
  ['a spawn alone does not hold it for ever', '', 'exit;'],
  ['an ask of a core holds it until the reply', "a.ask.echo('reply').then(say)", 'reply;exit;'],
  ['an ask between cores holds it until the reply', "a.ask.ask(b, 'echoLater', 'reply').then(say)", 'reply;exit;'],
  ['a tell holds it until the handler on the core has ended', "await a.ask.nothing(); a.tell.print('handled', 50)", 'handled;exit;'],
  ['what cores tell each other holds it', "await a.ask.nothing(); a.tell.tell(b, 'print', 'handled', 50)", 'handled;exit;'],
  ['a message behind the start of a core holds it', "a.tell.print('handled', 0)", 'handled;exit;'],
  ['a timer on a core holds it until it fires', "await a.ask.printAfter('tick', 50)", 'tick;exit;'],
  ['a stream without demand does not hold it', "const s = a.stream.endless('x'); say(String((await s.next()).value))", '0;exit;'],
  ["a generator's finally holds it", "const s = a.stream.closing(50); await s.next(); say(String((await s.return()).done))", 'closed;true;exit;'],
  ['what a reader waits for after it left holds it, every time', `
    for (let k = 0; k < 50; k++) {
      const s = b.stream.asyncEndless('x')
      for (let i = 0; i < 300; i++) await s.next()
      await s.return()
    }
    say('all')`, 'all;exit;'],
  ['idle() is waited for', "a.tell.print('handled', 20); await system.idle(); say('idle')", 'handled;idle;exit;'],
  ['the end of an actor is waited for', "await a.started; say((await a.stop()).kind); say((await b.kill()).kind)", 'normal;killed;exit;'],
  ['a shutdown is waited for', "await a.ask.nothing(); await system.shutdown(); say('down')", 'down;exit;'],
  ['a shutdown before any core was ready is waited for', "await system.shutdown(); say('down')", 'down;exit;'],
  ['an ask that times out holds it until then', "a.with({ timeout: 50 }).ask.hold('never').catch((e) => { say(e.code); process.exit(0) })", 'ERR_BUSKIN_TIMEOUT;exit;'],
  ['an outer timer goes on', "await a.ask.nothing(); setTimeout(() => say('later'), 20)", 'later;exit;'],
] as const) {
  test(name, async (t) => {
    t.timeout(60_000)
    t.deepEqual(await run(code), { code: 0, out, err: '' })
  })
}
