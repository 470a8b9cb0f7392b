// Semantics, sentence 37 (and 13, 23 as a process sees them): what keeps a process alive, and that it ends by itself otherwise.
import { execFile } from 'node:child_process'
import test from 'ava'

interface Ended {
  readonly code: number | string | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

const prelude = `
import { Actor, createSystem } from 'buskin'
const say = (text) => process.stdout.write(text + ';')
process.on('exit', () => say('exit'))
/** Resolves after some milliseconds without holding the process: only the runtime may. */
const unheld = (ms) => new Promise((done) => setTimeout(done, ms).unref())
class Worker extends Actor {
  note(text) { say(text); return text }
  async slow(text) { await unheld(50); say(text); return text }
  fail() { throw new Error('on purpose') }
  async failLater() { await unheld(5); throw new Error('on purpose') }
  hang() { return new Promise(() => {}) }
  after(ms, text) { this.timer = this.ctx.after(ms, () => say(text)) }
  every(ms, text, times) { const timer = this.ctx.every(ms, () => { say(text); if (--times === 0) timer.cancel() }) }
  *numbers() { for (let i = 0; ; i++) yield i }
  unref() { this.timer.unref() }
  ref() { this.timer.ref() }
  cancel() { this.timer.cancel() }
}
const system = createSystem({ cores: 0, log: false })
const temporary = { restart: 'temporary' }
`

/** Runs a script in a process of its own at the root of the repository, where 'buskin' is this package. */
function run(code: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', prelude + code], { cwd: process.cwd(), timeout: 30_000, killSignal: 'SIGKILL' }, (error, out, err) => {
      resolve({ code: error ? (error.code ?? null) : 0, signal: error?.signal ?? null, out, err })
    })
  })
}

/** What each script must have said when it ended by itself, with exit code 0. */
const scripts: readonly (readonly [string, string, string])[] = [
  ['a system without actors does not hold the process', '', 'exit;'],
  ['an idle actor does not hold the process', "await system.spawn(Worker).ask.note('handled')", 'handled;exit;'],
  ['an actor that was only spawned starts before the process ends', `
    class Starts extends Worker { onStart() { say('started') } }
    system.spawn(Starts)`, 'started;exit;'],
  ['waiting messages hold the process until they are handled', "const w = system.spawn(Worker); w.tell.note('one'); w.tell.slow('two'); w.tell.note('three')", 'one;two;three;exit;'],
  ['a running handler holds the process until it ends', "system.spawn(Worker).tell.slow('handled')", 'handled;exit;'],
  ['a message behind a start holds the process', `
    class Slow extends Worker { async onStart() { await unheld(50) } }
    system.spawn(Slow).tell.note('handled')`, 'handled;exit;'],
  ['an open ask holds the process until its reply', "system.spawn(Worker).ask.slow('handled').then((text) => say('reply ' + text))", 'handled;reply handled;exit;'],
  ['an open ask holds the process until it times out', `
    system.spawn(Worker).with({ timeout: 50 }).ask.hang().catch((error) => { say(error.code); process.exit() })`, 'ERR_BUSKIN_TIMEOUT;exit;'],
  ['a top-level await of an ask is never left unsettled', "say(await system.spawn(Worker).ask.slow('handled'))", 'handled;handled;exit;'],
  ['a pending timer holds the process until it fires', "await system.spawn(Worker).ask.after(50, 'tick')", 'tick;exit;'],
  ['a repeating timer holds the process until it is cancelled', "await system.spawn(Worker).ask.every(5, 'tick', 3)", 'tick;tick;tick;exit;'],
  ['an unrefed timer does not hold the process', "const w = system.spawn(Worker); await w.ask.after(60_000, 'tick'); await w.ask.unref()", 'exit;'],
  ['a timer that is unrefed and refed again holds the process', "const w = system.spawn(Worker); await w.ask.after(50, 'tick'); await w.ask.unref(); await w.ask.ref()", 'tick;exit;'],
  ['a cancelled timer does not hold the process', "const w = system.spawn(Worker); await w.ask.after(60_000, 'tick'); await w.ask.cancel()", 'exit;'],
  ['an unrefed timer still fires while something else holds the process', "const w = system.spawn(Worker); await w.ask.after(10, 'tick'); await w.ask.unref(); setTimeout(() => {}, 200)", 'tick;exit;'],
  ['the timers of a stopped actor do not hold the process', "const w = system.spawn(Worker); await w.ask.after(60_000, 'tick'); await w.stop()", 'exit;'],
  ["a generator's finally holds it, whether its reader waits for that", `
    class Closes extends Worker { async *items() { try { for (;;) yield 1 } finally { await unheld(50); say('closed') } } }
    const stream = system.spawn(Closes).stream.items()
    await stream.next()
    say(String((await stream.return()).done))`, 'closed;true;exit;'],
  ["a generator's finally holds it, when its reader went by an abort", `
    class Closes extends Worker { async *items() { try { for (;;) yield 1 } finally { await unheld(50); say('closed') } } }
    const abort = new AbortController()
    const stream = system.spawn(Closes).with({ signal: abort.signal }).stream.items()
    await stream.next()
    abort.abort()
    await stream.next().catch((error) => say(error.code))`, 'ERR_BUSKIN_ABORTED;closed;exit;'],
  ['a stream without demand does not hold the process', "const s = system.spawn(Worker).stream.numbers(); say(String((await s.next()).value))", '0;exit;'],
  ['a watch does not hold the process', `
    class Watches extends Worker { watch(target) { this.ctx.watch(target, () => say('told')) } }
    await system.spawn(Watches).ask.watch(system.spawn(Worker))`, 'exit;'],
  ['an actor that is stopping holds the process until its onStop ended', `
    class Slow extends Worker { async onStop() { await unheld(50); say('stopped') } }
    const w = system.spawn(Slow); await w.started; w.stop()`, 'stopped;exit;'],
  ['shutdown ends with everything stopped, and the process ends', "const w = system.spawn(Worker); await w.ask.note('handled'); await w.ask.after(60_000, 'tick'); await system.shutdown(); say('down')", 'handled;down;exit;'],
  ['await using is a shutdown', `
    { const s = createSystem({ cores: 0, log: false })
      try { const w = s.spawn(Worker); await w.ask.after(60_000, 'tick') } finally { await s[Symbol.asyncDispose]() } }`, 'exit;'],
  ['an outer timer goes on while an actor is idle', "await system.spawn(Worker).ask.note('handled'); setTimeout(() => say('later'), 20)", 'handled;later;exit;'],
  ['messages that are sent while the process is about to end are handled', "const w = system.spawn(Worker); process.once('beforeExit', () => w.tell.note('late'))", 'late;exit;'],
  ['a failing tell is no unhandled rejection, sync or async', "const a = system.spawn(Worker, temporary), b = system.spawn(Worker, temporary); a.tell.fail(); b.tell.failLater(); await a.stopped; await b.stopped; say('on')", 'on;exit;'],
  ['a restarted actor handles what waits, and does not hold the process afterwards', "const w = system.spawn(Worker); w.tell.failLater(); w.tell.note('handled'); await system.idle(); say(String(system.stats().restarts))", 'handled;1;exit;'],
  ['a message behind the backoff of a restart holds the process until it is handled', `
    const s = createSystem({ cores: 0, log: false, supervision: { backoff: { min: 50 } } })
    const w = s.spawn(Worker); w.tell.fail(); w.tell.note('handled')`, 'handled;exit;'],
  ['a failed start whose started nobody handles is no unhandled rejection', `
    class Fails extends Worker { onStart() { throw new Error('on purpose') } }
    const w = system.spawn(Fails, temporary); void w.started; await w.stopped; setTimeout(() => say('on'), 20)`, 'on;exit;'],
  ['a killed handler that rejects later is no unhandled rejection', "const w = system.spawn(Worker); w.tell.failLater(); setImmediate(async () => { await w.kill(); setTimeout(() => say('on'), 50) })", 'on;exit;'],
  ['ten systems at once do not hold the process', "for (let i = 0; i < 10; i++) { const s = createSystem({ cores: 0, log: false }); await s.spawn(Worker).ask.note(String(i)) }", '0;1;2;3;4;5;6;7;8;9;exit;'],
]

for (const [name, code, said] of scripts) {
  test(name, async (t) => {
    t.timeout(60_000)
    const ended = await run(code)
    t.deepEqual(ended, { code: 0, signal: null, out: said, err: '' })
  })
}

test('process.exit() in the middle of work ends the process with its code', async (t) => {
  t.timeout(60_000)
  const ended = await run("const w = system.spawn(Worker); for (let i = 0; i < 1000; i++) w.tell.slow('x'); w.tell.hang(); setImmediate(() => process.exit(7))")
  t.is(ended.code, 7)
  t.is(ended.signal, null)
})

test('Buskin installs no handler of the process: an uncaught exception of the user ends it as ever', async (t) => {
  t.timeout(60_000)
  const ended = await run("await system.spawn(Worker).ask.note('x'); for (const name of ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection']) say(name + process.listenerCount(name)); setTimeout(() => { throw new Error('of the user') })")
  t.is(ended.code, 1)
  t.regex(ended.out, /SIGINT0;SIGTERM0;uncaughtException0;unhandledRejection0;/)
  t.regex(ended.err, /of the user/)
})
