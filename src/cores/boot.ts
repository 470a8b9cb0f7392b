// A worker isolate of a system: the module that Buskin is in runs there too, and finds what it is to join.

import { setImmediate } from 'node:timers'
import { isMainThread, type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { defaultSupervision, type SystemSettings } from '../options.ts'
import type { Lane } from '../runtime/lane.ts'
import { LaneSystem } from '../runtime/system.ts'
import { Cores, LOOK } from './cores.ts'
import { availableCpus } from './cpus.ts'
import { Crossing } from './crossing.ts'
import type { Joining } from './main.ts'
import { Moves } from './moves.ts'
import { forwarding } from './news.ts'
import type { CoreState } from './placement.ts'
import type { CoreData, FromCore, ToCore } from './pool.ts'
import { Spin } from './spin.ts'
import { evaluating } from './toplevel.ts'

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
  protected ensureCore(core: number): void {
    if (this.stateOfCore(core) === 'none') this.lane.native.look(this.look)
    if (this.stateOfCore(core) === 'none') this.#parent.postMessage({ ensure: core })
  }

  protected stateOfCore(core: number): CoreState {
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
      log: data.log === 'off' ? false : data.log === 'forward' ? forwarding(() => this.#lane.crossing?.news) : undefined,
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
    lane.crossing = crossing
    lane.placesAll = true
    lane.cores = new WorkerCores(lane, data.core, parent, crossing)
    // elsewhere the isolate that made the system has said that it is ignored
    if (settings.core.pin && process.platform === 'linux' && !lane.native.pin(data.core)) {
      lane.log.warn('core.pin: the system refused to keep the core on one CPU', { core: data.core })
    }
    if (settings.core.spin === 'adaptive') lane.spin = new Spin(lane, availableCpus())
    parent.on('message', (message: ToCore) => this.#told(message))
    process.on('uncaughtExceptionMonitor', (_error, origin) => {
      parent.postMessage({ type: 'failing', origin } satisfies FromCore)
    })
    parent.postMessage({ type: 'ready' } satisfies FromCore)
    lane.kick()
  }

  #told(message: ToCore): void {
    if (message.type === 'port') this.#adopt(message.of, message.port)
    else if (message.type === 'stop') this.#end()
  }

  /** The system has ended. What was told before is still heard. */
  #end(): void {
    this.#lane.enter()
    if (this.#lane.idle || this.#lane.broken !== undefined) process.exit(0)
    setImmediate(() => this.#end())
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
}
