// The worker threads of one system, kept by the isolate that made it: started on demand, again after a death, and ended.

import { clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { MessageChannel, type MessagePort, type Transferable, Worker, type WorkerOptions } from 'node:worker_threads'
import { show } from '../errors.ts'
import type { CoreSettings } from '../options.ts'
import type { CoreState } from './placement.ts'
import { Window } from './window.ts'

/** What `workerData.buskin` has on a core, beside the payload. */
export interface CoreData {
  readonly core: number
  /**
   * One to each isolate that lives, by number: 0 is the isolate that made the system. Those of cores that start later
   * come as a message.
   */
  readonly ports: ReadonlyMap<number, MessagePort>
}

/** What a core reads on its parentPort. */
export type ToCore =
  /** The other end is with core `of`, which starts only now; it takes the place of an earlier one. */
  | { readonly type: 'port'; readonly of: number; readonly port: MessagePort }
  /** End: leave the event loop empty, or call process.exit(). */
  | { readonly type: 'stop' }

/** What a core posts on its parentPort. */
export type FromCore =
  | { readonly type: 'ready' }
  /** From its 'uncaughtExceptionMonitor': the thread is about to end, and an exception does not say why it was thrown. */
  | { readonly type: 'failing'; readonly origin: NodeJS.UncaughtExceptionOrigin }

/** What a core is given by whoever starts it. */
export interface Payload {
  readonly data: object
  readonly transfer?: readonly Transferable[]
}

/** Called on the isolate that made the system. Each start is followed by one `onLost` or one `onStopped`. */
export interface PoolEvents {
  onStarted(core: number): void
  /** The thread is gone, and was not asked to end. `error` is what it threw. */
  onLost(core: number, detail: string, error?: unknown): void
  /** The thread is gone, as it was asked to. `detail` says how when it did not end by itself. */
  onStopped(core: number, detail: string | undefined): void
  /** After `onLost`: it is not started again, as too many were; or as it could not fare better, because of `fault`. */
  onExceeded(core: number, fault?: Error): void
  /** Any other message from its parentPort. */
  onMessage?(core: number, message: unknown): void
}

export interface PoolOptions {
  /** The name of the system. */
  readonly system: string
  readonly cores: number
  /** The module to run on each core: the one that Buskin itself is in. */
  readonly entry: URL
  readonly settings: CoreSettings
  readonly payload: (core: number) => Payload
  readonly events: PoolEvents
  /** In ms, never going back; times the window of restarts. */
  readonly now?: () => number
}

/** How many ms a core may take to end by itself. */
const GRACE = 2_000

/** One life of a core. */
interface Thread {
  readonly worker: Worker
  /** This isolate's end of the port between the two. */
  readonly port: MessagePort
  readonly gone: Promise<void>
  isReady: boolean
  isStopping: boolean
  /** Why it was terminated. */
  verdict: string | undefined
  origin: NodeJS.UncaughtExceptionOrigin | undefined
  thrown: { readonly error: unknown } | undefined
}

interface Slot {
  state: CoreState
  thread: Thread | undefined
}

/** It holds no process: an idle core does not, and whoever waits for a busy one does so by other means. */
export class Pool {
  readonly #options: PoolOptions
  readonly #window: Window
  readonly #now: () => number
  /** By the number of the core; the first is not used. */
  readonly #slots: readonly Slot[]
  #isClosed = false

  constructor(options: PoolOptions) {
    const { max, within } = options.settings.restarts
    this.#options = options
    this.#window = new Window(max, within)
    this.#now = options.now ?? (() => performance.now())
    this.#slots = Array.from({ length: options.cores + 1 }, () => ({ state: 'none', thread: undefined }))
  }

  stateOf(core: number): CoreState {
    return this.#slot(core).state
  }

  /** This isolate's end of the port to a core that lives. It is not referenced; a listener would make it so. */
  portOf(core: number): MessagePort | undefined {
    return this.#slot(core).thread?.port
  }

  /** Posts to the parentPort of a core that lives, in order with 'port' and 'stop'. For what concerns no actor. */
  post(core: number, message: object, transfer?: readonly Transferable[]): void {
    const { thread } = this.#slot(core)
    thread?.worker.postMessage(message, transfer ?? [])
  }

  /**
   * Starts a core that does not live. One that was lost, and not started again as too many were, is started when the
   * window of restarts admits it by now.
   */
  ensure(core: number): CoreState {
    const slot = this.#slot(core)
    if (this.#isClosed) return slot.state
    if (slot.state === 'none' || slot.state === 'stopped') this.#start(core, slot)
    else if (slot.state === 'lost' && this.#window.admits(this.#now())) this.#start(core, slot)
    return slot.state
  }

  /** Ends a core at once, whatever it does; to be reported as lost, with this detail. Resolves when the thread is gone. */
  async kill(core: number, detail: string): Promise<void> {
    const { thread } = this.#slot(core)
    if (thread === undefined) return
    terminate(thread, detail)
    await thread.gone
  }

  /** Asks a core to end, and terminates it when it has not within `grace` ms. Resolves when the thread is gone. */
  async stop(core: number, grace = GRACE): Promise<void> {
    const slot = this.#slot(core)
    const { state, thread } = slot
    if (thread === undefined) {
      if (state !== 'none') slot.state = 'stopped'
      if (state === 'starting') this.#options.events.onStopped(core, undefined)
      return
    }
    if (!thread.isStopping) {
      thread.isStopping = true
      slot.state = 'stopping'
      thread.worker.ref() // whoever waits for its end is not left waiting by the end of the process
      post(thread, { type: 'stop' })
    }
    const timer = setTimeout(() => terminate(thread, `did not end within ${grace} ms`), grace)
    await thread.gone
    clearTimeout(timer)
  }

  /** Ends all of them for good. Resolves when all threads are gone. */
  async stopAll(grace = GRACE): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#slots.map((_, core) => (core === 0 ? undefined : this.stop(core, grace))))
  }

  #slot(core: number): Slot {
    const slot = core === 0 ? undefined : this.#slots[core]
    if (slot === undefined) throw new RangeError(`no core ${core}: this system has ${this.#slots.length - 1}`)
    return slot
  }

  #start(core: number, slot: Slot): void {
    slot.state = 'starting'
    const ports = new Map<number, MessagePort>()
    try {
      const thread = this.#make(core, ports)
      slot.thread = thread
      this.#listen(core, slot, thread)
    } catch (error) {
      for (const port of ports.values()) port.close()
      // never within the call that needed the core, and so no recursion when the next one fails as well
      setImmediate(() => {
        if (slot.state === 'starting' && slot.thread === undefined) {
          this.#lost(core, slot, `could not be started: ${brief(error)}`, error)
        }
      })
    }
  }

  /** `ports` is filled with what goes to the core. */
  #make(core: number, ports: Map<number, MessagePort>): Thread {
    const { system, entry, settings, payload } = this.#options
    const { data, transfer = [] } = payload(core)
    const own = new MessageChannel()
    own.port1.unref()
    ports.set(0, own.port2)
    for (const [other, { thread }] of this.#slots.entries()) {
      if (thread === undefined) continue
      const { port1, port2 } = new MessageChannel()
      ports.set(other, port2)
      // before the core starts: so the other one has it before anything that the core causes there
      post(thread, { type: 'port', of: core, port: port1 }, [port1])
    }
    const worker = new Worker(entry, {
      name: `${system}/core ${core}`,
      workerData: { buskin: { ...data, core, ports } satisfies CoreData },
      transferList: [...transfer, ...ports.values()],
      ...optionsOf(settings),
    })
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    return {
      worker,
      port: own.port1,
      gone,
      isReady: false,
      isStopping: false,
      verdict: undefined,
      origin: undefined,
      thrown: undefined,
    }
  }

  #listen(core: number, slot: Slot, thread: Thread): void {
    const { events } = this.#options
    thread.worker.on('message', (message: FromCore | undefined) => {
      if (message?.type === 'failing') {
        thread.origin = message.origin
      } else if (message?.type !== 'ready') {
        events.onMessage?.(core, message)
      } else if (!thread.isReady) {
        thread.isReady = true
        if (slot.state !== 'starting') return
        slot.state = 'running'
        events.onStarted(core)
      }
    })
    thread.worker.on('error', (error: unknown) => {
      thread.thrown ??= { error }
    })
    thread.worker.on('exit', (code) => {
      thread.port.close()
      slot.thread = undefined
      const detail = detailOf(thread, code)
      if (!thread.isStopping) return this.#lost(core, slot, detail, thread.thrown?.error)
      slot.state = 'stopped'
      const isClean = thread.verdict === undefined && thread.thrown === undefined && code === 0
      events.onStopped(core, isClean ? undefined : detail)
    })
    thread.worker.unref() // not before: a listener of messages makes it referenced
  }

  #lost(core: number, slot: Slot, detail: string, error: unknown): void {
    const { events } = this.#options
    slot.state = 'lost'
    events.onLost(core, detail, error)
    if (this.#isClosed || slot.state !== 'lost') return
    if (isFault(error)) events.onExceeded(core, error)
    else if (this.#window.admits(this.#now())) this.#start(core, slot)
    else events.onExceeded(core)
  }
}

function post(thread: Thread, message: ToCore, transfer: readonly Transferable[] = []): void {
  thread.worker.postMessage(message, transfer)
}

/** The first reason is the one that counts. */
function terminate(thread: Thread, detail: string): void {
  thread.verdict ??= detail
  void thread.worker.terminate()
}

/** The program cannot be run on a core as it is. */
function isFault(error: unknown): error is Error {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_BUSKIN_MODULE'
}

const OF_INPUT = /^(?:-e|-p|-pe|--eval|--print|--input-type)$/

/** The process's own flags without those on a program that is no file: no worker with an entry starts with them. */
function inherited(flags: readonly string[] = process.execArgv): readonly string[] | undefined {
  if (!flags.some((flag) => flag.startsWith('--input-type'))) return undefined // Node hands the others on itself
  return flags.filter((flag, at) => !OF_INPUT.test(flag) && !OF_INPUT.test(flags[at - 1] ?? '') && !flag.startsWith('--input-type='))
}

/** Node tells an option that is undefined from one that is absent. */
function optionsOf({ env, execArgv = inherited(), resourceLimits }: CoreSettings): WorkerOptions {
  const native = process.env['BUSKIN_NATIVE_PATH'] // a core loads the addon that this isolate did
  return {
    ...(env && { env: { ...(native && { BUSKIN_NATIVE_PATH: native }), ...env } }),
    ...(execArgv && { execArgv: [...execArgv] }),
    ...(resourceLimits && { resourceLimits }),
  }
}

function detailOf(thread: Thread, code: number): string {
  return thread.verdict ?? (thread.isReady ? causeOf(thread, code) : `before it was ready: ${causeOf(thread, code)}`)
}

function causeOf({ thrown, origin, isReady }: Thread, code: number): string {
  if (thrown === undefined) return `exit with code ${code}`
  const { error } = thrown
  if ((error as NodeJS.ErrnoException | null | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory'
  if (!isReady) return brief(error) // a module that throws is a rejection to Node, which would tell nobody anything
  return `${origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception'}: ${brief(error)}`
}

const LONGEST_BRIEF = 200

/** One line. */
function brief(error: unknown): string {
  const text = error instanceof Error ? String(error.message).replace(/\s+/g, ' ') : show(error)
  return text.length > LONGEST_BRIEF ? `${text.slice(0, LONGEST_BRIEF)}…` : text
}
