// A worker isolate of a system: the module that Buskin is in runs there too, and finds what it is to join.

import { isMainThread, type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Logger } from '../logger.ts'
import { CARRY_NEWS, MODE_DEAD, MODE_EVENTS } from '../native/layout.ts'
import { defaultSupervision, type SystemSettings } from '../options.ts'
import type { Lane } from '../runtime/lane.ts'
import { INDEX_BITS } from '../runtime/limits.ts'
import { LaneSystem } from '../runtime/system.ts'
import type { News } from './carried.ts'
import { Cores, LOOK } from './cores.ts'
import { availableCpus } from './cpus.ts'
import { Crossing } from './crossing.ts'
import type { Joining } from './main.ts'
import { Moves } from './moves.ts'
import type { CoreState } from './placement.ts'
import type { CoreData, FromCore, ToCore } from './pool.ts'
import { Spin } from './spin.ts'
import { evaluating } from './toplevel.ts'

/** The address of the isolate that made the system. */
const FIRST = 1 << INDEX_BITS

type Data = Joining & CoreData & { joined?: boolean }

/** Joins the system that started this isolate, if one did. */
export function joinSystem(entry: URL): void {
  const data = (workerData as { buskin?: Data } | null)?.buskin
  if (isMainThread || parentPort === null || data === undefined || data.joined === true) return
  data.joined = true // also for another copy of this module, which some loaders make
  // in a bundle the user's program is evaluated next
  evaluating(entry.href, import(/* @vite-ignore */ /* webpackIgnore: true */ entry.href)).catch(() => {})
  void new Member(data, parentPort)
}

class WorkerCores extends Cores {
  readonly #parent: MessagePort
  readonly #crossing: Crossing

  constructor(lane: Lane, here: number, parent: MessagePort, crossing: Crossing) {
    super(lane, here)
    this.#parent = parent
    this.#crossing = crossing
  }

  open(): Crossing {
    return this.#crossing
  }

  /** Only the isolate that made the system starts others. */
  ensure(core: number): void {
    if (this.stateOf(core) === 'none') this.lane.native.look(this.look)
    if (this.stateOf(core) === 'none') this.#parent.postMessage({ ensure: core })
  }

  stateOf(core: number): CoreState {
    return core === this.here || (this.look[core * LOOK] as number) > 0 ? 'running' : 'none'
  }
}

/** One isolate of a system that another one made. */
class Member {
  readonly #lane: Lane
  readonly #parent: MessagePort
  readonly #ports: Map<number, MessagePort>

  constructor(data: Data, parent: MessagePort) {
    this.#parent = parent
    this.#ports = new Map(data.ports)
    for (const port of this.#ports.values()) port.unref()
    const settings: SystemSettings = {
      ...data.settings,
      supervision: defaultSupervision,
      clock: undefined,
      log: data.log === 'off' ? false : data.log === 'forward' ? this.#forwarding() : undefined,
    }
    const system: LaneSystem = new LaneSystem(settings, {
      joins: { hub: data.hub, place: data.core },
      end: (timeout) => {
        parent.postMessage({ shutdown: timeout })
        return system.closed // the isolate ends with the system
      },
    })
    const lane = LaneSystem.lane(system)
    this.#lane = lane
    const moves = new Moves(data.core, (to) => this.#portTo(to), () => this.#allPorts())
    const crossing = new Crossing(lane, data.core, moves)
    crossing.hears = (news) => this.#hears(news)
    lane.crossing = crossing
    lane.placesAll = true
    lane.cores = new WorkerCores(lane, data.core, parent, crossing)
    // elsewhere the isolate that made the system has said that it is ignored
    if (settings.core.pin && process.platform === 'linux' && !lane.native.pin(data.core)) {
      lane.log.warn('core.pin: the system refused to keep the core on one CPU', { core: data.core })
    }
    if (settings.core.spin === 'adaptive') lane.spin = new Spin(lane, availableCpus())
    this.#listen(data.listening)
    parent.on('message', (message: ToCore) => this.#told(message))
    process.on('uncaughtExceptionMonitor', (_error, origin) => {
      parent.postMessage({ type: 'failing', origin } satisfies FromCore)
    })
    parent.postMessage({ type: 'ready' } satisfies FromCore)
    lane.kick()
  }

  #told(message: ToCore): void {
    if (message.type === 'port') this.#adopt(message.of, message.port)
    else if (message.type === 'stop') process.exit(0)
  }

  #adopt(of: number, port: MessagePort): void {
    port.unref()
    this.#ports.get(of)?.close()
    this.#ports.set(of, port)
  }

  #portTo(to: number): MessagePort | undefined {
    if (to === this.#lane.crossing?.place) return undefined
    if (!this.#ports.has(to)) this.#readControl()
    return this.#ports.get(to)
  }

  *#allPorts(): Generator<MessagePort> {
    this.#readControl() // a port may have come that nobody has read of yet
    yield* this.#ports.values()
  }

  #readControl(): void {
    for (let got = receiveMessageOnPort(this.#parent); got !== undefined; got = receiveMessageOnPort(this.#parent)) {
      this.#told(got.message as ToCore)
    }
  }

  // --------------------------------------------------------------------------------------------------- news

  #hears(news: News): void {
    if (news[0] === 'listen') this.#listen(news[2])
  }

  #events: { cancel(): boolean } | undefined
  #dead: { cancel(): boolean } | undefined

  /** What the isolate that made the system listens to is told there. */
  #listen(bits: number): void {
    const { events, deadLetters } = this.#lane
    if ((bits & MODE_EVENTS) === 0) this.#events = void this.#events?.cancel()
    else this.#events ??= events.feed.on((event) => this.#tell(['event', event]))
    if ((bits & MODE_DEAD) === 0) this.#dead = void this.#dead?.cancel()
    else this.#dead ??= deadLetters.feed.on((letter) => this.#tell(['dead', letter]))
  }

  #tell(news: News): void {
    const crossing = this.#lane.crossing as Crossing
    try {
      crossing.carry(CARRY_NEWS, FIRST, 0, 0, 0, news)
    } catch {
      crossing.carry(CARRY_NEWS, FIRST, 0, 0, 0, plain(news))
    }
  }

  #forwarding(): Logger {
    const at =
      (level: keyof Logger) =>
      (message: string, fields?: object): void =>
        this.#tell(['log', level, message, fields])
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
}

/** Without what cannot travel. */
function plain(news: News): News {
  if (news[0] === 'log') return ['log', news[1], news[2], undefined]
  if (news[0] === 'dead') return ['dead', { ...news[1], args: null }]
  if (news[0] === 'event' && 'failure' in news[1]) {
    return ['event', { ...news[1], failure: { ...news[1].failure, error: new Error(String(news[1].failure.error)) } }]
  }
  return news
}
