// A bad night at the theatre: what can fail fails, and the show goes on. It takes some three seconds:
//
//   node --import ./scripts/ts.mjs examples/supervision.ts
import { setTimeout as sleep } from 'node:timers/promises'
import { Actor, createSystem } from 'buskin'
import type { ActorOptions, Failure, Ref, SystemEvent } from 'buskin'

/** Counts its cues: what a restart forgets. */
class Player extends Actor {
  cues = 0

  cue() {
    this.cues += 1
    return this.cues
  }

  fail(what: string): never {
    throw new Error(what)
  }

  override onRestart(failure: Failure | null) {
    say(`${this.ctx.path} is new, because ${failure?.child.name} said "${messageOf(failure?.error)}"`)
  }
}

// ---------------------------------------------------------------------------------------------- the acts

/** A parent is the supervisor of its children. By default each child is restarted alone. */
class Lamps extends Actor {
  static readonly options = { supervision: { strategy: 'one-for-one' } } satisfies ActorOptions

  override onStart() {
    for (const name of ['left', 'middle', 'right']) this.ctx.spawn(Player, { name })
  }
}

async function oneForOne(): Promise<void> {
  act('One for one: three lamps have had two cues each. The middle one bursts.')
  const lamps = await childrenOf('lamps', Lamps)
  for (const lamp of lamps) for (const _ of 'ab') lamp.tell.cue()
  lamps[1]!.tell.fail('bulb burst')
  const cues = await Promise.all(lamps.map((lamp) => lamp.ask.cue()))
  say(`cues with the next one: ${cues.join(', ')}`)
}

/** What started after the one that failed depends on it, and restarts too. */
class Curtain extends Actor {
  static readonly options = { supervision: { strategy: 'rest-for-one' } } satisfies ActorOptions

  override onStart() {
    for (const name of ['winch', 'rope', 'cloth']) this.ctx.spawn(Player, { name })
  }
}

async function restForOne(): Promise<void> {
  act('Rest for one: the winch pulls the rope, the rope pulls the cloth. The rope snaps.')
  const [winch, rope, cloth] = await childrenOf('curtain', Curtain)
  await winch!.ask.cue()
  rope!.tell.fail('rope snapped')
  say(`cues of winch, rope and cloth: ${[await winch!.ask.cue(), await rope!.ask.cue(), await cloth!.ask.cue()].join(', ')}`)
}

class Soprano extends Actor {
  /** Arguments are the same objects for every instance. */
  constructor(readonly calls: { count: number }) {
    super()
  }

  /** A start that fails is tried again, after a while that grows. */
  override onStart() {
    if (++this.calls.count < 5) throw new Error(`call ${this.calls.count}: nobody answers`)
  }

  sing() {
    return 'La!'
  }
}

async function backoff(): Promise<void> {
  act('Backoff: the soprano is called until she answers. The aria waits in her mailbox.')
  const soprano = system.spawn(Soprano, { name: 'soprano', args: [{ count: 0 }] })
  say(await soprano.ask.sing())
}

/** A handler that hangs throws nothing. A health check that has to wait for it too long is a failure. */
class FogMachine extends Actor {
  static readonly options = { shutdown: 50, health: { every: 200, timeout: 300 } } satisfies ActorOptions

  async blow(minutes: number) {
    if (minutes > 10) await new Promise(() => {}) // the valve is stuck
    return `fog for ${minutes} min`
  }
}

async function health(): Promise<void> {
  act('Health: the fog machine hangs. A check finds it, and the next request is served.')
  const fog = system.spawn(FogMachine, { name: 'fog' })
  const stuck = fog.ask.blow(99).catch((error: unknown) => say(messageOf(error)))
  say(await fog.ask.blow(1))
  await stuck
}

class WrongNote extends Error {}

class Violin extends Player {
  play(note: string) {
    if (note === 'H') throw new WrongNote('that was no H')
    if (note === 'snap') throw new Error('string snapped')
    return this.cue()
  }
}

class Conductor extends Actor {
  static readonly options = {
    supervision: { decide: (failure) => (failure.error instanceof WrongNote ? 'resume' : undefined) },
  } satisfies ActorOptions

  hire() {
    return this.ctx.spawn(Violin, { name: 'violin' })
  }
}

async function decide(): Promise<void> {
  act('Decide: after a wrong note the violin plays on; with a snapped string it starts afresh.')
  const violin = await system.spawn(Conductor, { name: 'conductor' }).ask.hire()
  const played: unknown[] = []
  for (const note of ['A', 'C', 'H', 'E', 'snap', 'A']) played.push(await violin.ask.play(note).catch(() => '-'))
  say(`cues played: ${played.join(' ')}`)
}

/** Allows one restart. With the second failure it fails itself. */
class Effects extends Actor {
  static readonly options = { supervision: { maxRestarts: 1, backoff: false } } satisfies ActorOptions

  override onStart() {
    this.ctx.spawn(Player, { name: 'cannon' })
  }
}

async function escalation(): Promise<void> {
  act('Escalation: the cannon fails too often, then its supervisor, then nobody is left to decide.')
  const [cannon] = await childrenOf('effects', Effects)
  for (const shot of [1, 2]) cannon!.tell.fail(`shot ${shot} went off alone`)
  await cannon!.stopped
  await system.idle()
  say(`still here: ${system.inspect().children.map((actor) => actor.path).join(' ')}`)
}

// ------------------------------------------------------------------------------------------ the evening

const begin = performance.now()
const system = createSystem({
  name: 'theatre',
  log: false, // the events say it all
  onEscalate: 'report', // by default the system would end
  supervision: {
    backoff: { min: 100, factor: 2, jitter: 0.2 },
    decide: (failure) => (failure.child.name === 'effects' ? 'escalate' : undefined),
  },
})
system.events.on((event) => {
  const line = told(event)
  if (line !== undefined) say(line)
})

for (const next of [oneForOne, restForOne, backoff, health, decide, escalation]) {
  await next()
  await sleep(100)
}
await system.shutdown()
const { sent, handled, failed, deadLetters, restarts } = system.stats()
console.log(`\nclosed: ${restarts} restarts; ${sent} sent = ${handled} handled + ${failed} failed + ${deadLetters} dead letters`)

function told(event: SystemEvent): string | undefined {
  switch (event.type) {
    case 'failed':
      return `${event.path} failed (${event.failure.phase}): ${messageOf(event.failure.error)} -> ${event.decision}${event.delay > 0 ? ` in ${event.delay} ms` : ''}`
    case 'restarted':
      return `${event.path} is up again, generation ${event.generation}`
    case 'escalated':
      return `${event.failure.child.path} was too much for ${event.path}`
    default:
      return undefined
  }
}

function act(title: string): void {
  console.log(`\n${title}`)
}

function say(line: string): void {
  console.log(`${((performance.now() - begin) / 1_000).toFixed(2).padStart(6)} s  ${line}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Spawns a supervisor; its players. */
async function childrenOf(name: string, cls: new () => Actor): Promise<Ref<Player>[]> {
  await system.spawn(cls, { name }).started
  const [supervisor] = system.inspect().children.slice(-1)
  return supervisor!.children.map(({ path }) => system.lookup<Player>(path)!)
}
