// The isolate that made the system: it starts the others, watches over them, and says what becomes of them.

import { channel } from 'node:diagnostics_channel'
import { clearInterval, setInterval, setTimeout } from 'node:timers'
import type { MessagePort } from 'node:worker_threads'
import { BuskinError } from '../errors.ts'
import { NOTE_HEALTH, NOTE_START, NOTE_STOP } from '../native/layout.ts'
import type { SystemSettings } from '../options.ts'
import type { Lane } from '../runtime/lane.ts'
import { Cores } from './cores.ts'
import { Crossing, type Stall } from './crossing.ts'
import { ENDED } from './far.ts'
import { Moves } from './moves.ts'
import type { CoreState } from './placement.ts'
import { Pool } from './pool.ts'

/** What a core is given of the system, beside its ports. */
export interface Joining {
  readonly hub: number
  readonly settings: Omit<SystemSettings, 'log' | 'clock' | 'supervision'>
  readonly log: 'default' | 'forward' | 'off'
}

const cores = channel('buskin:core')
/** What runs for a note that is no message. */
const HOOKS: Readonly<Record<number, string>> = { [NOTE_START]: 'onStart', [NOTE_STOP]: 'onStop', [NOTE_HEALTH]: 'onHealth' }
/** Letters of a system's name in that of a thread: Linux shows 15 in all. */
const SHOWN = 6
/** What becomes of core threads that are to end; and how often, in ms, that is looked at. */
const ENDING = 1
const LEFT = 2
const LOOK_AGAIN = 1
/** How often, in ms, a core is looked after that will not be started again. */
const CARE = 10

export class MainCores extends Cores {
  readonly #entry: URL
  #hub = 0
  #pool: Pool | undefined
  #care: NodeJS.Timeout | undefined
  readonly #gone = new Set<number>()

  constructor(lane: Lane, entry: URL) {
    super(lane, 0)
    this.#entry = entry
  }

  open(): Crossing {
    const { lane } = this
    if (lane.crossing !== undefined) return lane.crossing
    const { core, name } = lane.settings
    const stack = Math.round((core.resourceLimits?.stackSizeMb ?? 0) * 2 ** 20)
    this.#hub = lane.native.open(this.cores, this.threads, lane.numbers, `${name.slice(0, SHOWN)}/thread`, core.pin ? 1 : 0, stack)
    if (lane.settings.core.pin && process.platform !== 'linux') {
      lane.log.warn('core.pin is ignored: only on Linux can a thread be kept on one CPU', { platform: process.platform })
    }
    const pool = this.#makePool()
    const ports = (): Iterable<MessagePort> => this.#ports(pool)
    const crossing = new Crossing(lane, 0, new Moves(0, (to) => (to === 0 || to > this.cores ? undefined : pool.portOf(to)), ports))
    crossing.stalls = (stall) => this.#stalled(stall)
    lane.crossing = crossing
    this.#pool = pool
    return crossing
  }

  *#ports(pool: Pool): Generator<MessagePort> {
    for (let core = 1; core <= this.cores; core++) {
      const port = pool.portOf(core)
      if (port !== undefined) yield port
    }
  }

  #makePool(): Pool {
    const { lane } = this
    const { settings } = lane
    const { log, clock: _clock, supervision: _supervision, ...rest } = settings
    return new Pool({
      system: settings.name,
      cores: this.cores,
      entry: this.#entry,
      settings: settings.core,
      payload: () => ({
        data: {
          hub: this.#hub,
          settings: { ...rest, cores: this.cores, threads: this.threads },
          log: log === false ? 'off' : log === undefined ? 'default' : 'forward',
        } satisfies Joining,
      }),
      events: {
        onStarted: (core) => this.#say(core, 'started'),
        onLost: (core, detail, error) => this.#lost(core, detail, error),
        onStopped: (core, detail) => this.#say(core, 'stopped', detail),
        onExceeded: (core, fault) => this.#exceeded(core, fault),
        onMessage: (_core, message) => this.#asked(message),
      },
    })
  }

  protected ensureCore(core: number): void {
    const pool = this.#pool as Pool
    const before = pool.stateOf(core)
    if (before === 'running' || before === 'starting') return
    this.#gone.delete(core)
    pool.ensure(core)
    const { stallAfter } = this.lane.settings.core
    if (stallAfter !== false) this.lane.native.watch(stallAfter)
  }

  protected stateOfCore(core: number): CoreState {
    return this.#pool?.stateOf(core) ?? 'none'
  }

  #asked(message: unknown): void {
    const { ensure, shutdown } = (message ?? {}) as { ensure?: unknown; shutdown?: unknown }
    if (typeof shutdown === 'number') void this.lane.shutdown(shutdown)
    if (typeof ensure === 'number' && ensure >= 1 && ensure <= this.cores && !this.lane.isClosed) this.ensure(ensure)
  }

  // -------------------------------------------------------------------------------------- what becomes of cores

  #say(core: number, state: 'started' | 'stalled' | 'lost' | 'stopped', detail?: string): void {
    const { lane } = this
    const event = Object.freeze({ type: 'core' as const, core, state, ...(detail === undefined ? {} : { detail }) })
    lane.flush() // no turn need have told yet who listens
    if (lane.events.active) lane.events.publish(event)
    if (cores.hasSubscribers) cores.publish({ system: lane.settings.name, event })
  }

  #lost(core: number, detail: string, error: unknown): void {
    const { lane } = this
    lane.log.error('a core was lost: its actors are started again by their supervisors', { core, detail, error })
    lane.native.lost(core)
    this.#gone.add(core)
    this.#say(core, 'lost', detail)
    if (this.#care === undefined) this.#care = setInterval(() => this.#lookAfter(), CARE).unref()
  }

  /** Lanes without an isolate: ends and stops go on there. */
  #lookAfter(): void {
    const pool = this.#pool as Pool
    for (const core of this.#gone) {
      if (pool.stateOf(core) === 'running') this.#gone.delete(core)
      else this.lane.native.care(core)
    }
    if (this.#gone.size > 0) return
    clearInterval(this.#care)
    this.#care = undefined
  }

  #exceeded(core: number, fault: Error | undefined): void {
    const { lane } = this
    const { max, within } = lane.settings.core.restarts
    const error =
      fault === undefined
        ? new BuskinError(
            'ERR_BUSKIN_CORE_LOST',
            `cores lost too often: more than ${max} in ${within} ms, the last was core ${core}; look at the 'core' events for why, or allow more with core.restarts`,
          )
        : new BuskinError('ERR_BUSKIN_MODULE', fault.message, { cause: fault }) // it has lost its class on the way here
    lane.log.error(fault === undefined ? 'cores were lost too often' : 'the program cannot run on cores', { core, error })
    if (lane.settings.onEscalate === 'report') return
    lane.endBy(error)
    void lane.shutdown(lane.settings.shutdownTimeout)
  }

  // ------------------------------------------------------------------------------------------------- stalls

  /** The core's watchdog has noticed it. This isolate hears of its own when it is over. */
  #stalled({ core, index, note, name }: Stall): void {
    const { lane } = this
    const ms = Math.round(Number(lane.settings.core.stallAfter))
    if (core !== 0 && this.stateOf(core) !== 'running') return // it is ended already
    const path = index === 0 ? '(unknown)' : (lane.crossing?.pathOf(core, index) ?? ENDED)
    const method = lane.crossing?.nameAt(name) || (HOOKS[note] ?? '')
    const what = method === '' ? path : `'${method}' of ${path}`
    const detail = `stalled: ${what} has blocked it for more than ${ms} ms`
    if (core === 0) {
      lane.log.warn('the isolate that made the system was stalled', { actor: path, method, ms })
      this.#say(core, 'stalled', detail)
      return
    }
    if (core > this.cores) {
      lane.log.warn('a core thread is stalled', { core, actor: path, method, ms }) // no thread can be ended from outside
      this.#say(core, 'stalled', detail)
      return
    }
    lane.log.error('a core is stalled: it is ended', { core, actor: path, method, ms })
    this.#say(core, 'stalled', detail)
    void this.#pool?.kill(core, detail)
  }

  // -------------------------------------------------------------------------------------------------- the end

  override async end(): Promise<void> {
    this.lane.flush() // what the cores are told of the end comes before they are to end
    await this.#pool?.stopAll()
    clearInterval(this.#care)
    await this.#endThreads()
    // whom the deadline killed may have been told of it when the isolate was about to go
    for (let core = 1; core <= this.cores; core++) this.lane.native.care(core)
  }

  /** No isolate sends to them any more. One that does not come back from a handler is left to itself. */
  async #endThreads(): Promise<void> {
    const { native, log } = this.lane
    if (this.lane.crossing === undefined) return
    let end = native.stopThreads()
    while (end === ENDING) {
      await new Promise<void>((resolve) => setTimeout(resolve, LOOK_AGAIN))
      end = native.stopThreads()
    }
    if (end === LEFT) log.error('core threads did not end: a native actor does not come back from a handler')
  }
}

