// Runs one question: for each process a fresh pair of children, plain and busy, that take turns round by round, so
// that drift of the machine falls on both sides of every ratio. Only one child works at a time.
import { fork } from 'node:child_process'

const CHILD = new URL('child.mjs', import.meta.url)
const LIMIT_MS = 180_000

/**
 * @returns samples `{ process, round, mode, contestant, n, value, … }`, the contestants that are missing with the
 *   reason, and the errors of runs thrown away.
 */
export async function askQuestion(question, options, onSample) {
  const session = new Session(question, options, onSample)
  const processes = question.processes ?? options.processes
  for (let i = 0; i < processes; i++) {
    await (question.fresh ? session.freshProcesses(i) : session.process(i))
  }
  return session
}

class Session {
  samples = []
  missing = {}
  errors = []

  constructor(question, options, onSample) {
    this.question = question
    this.options = options
    this.onSample = onSample
    this.rounds = question.rounds ?? options.rounds
    this.names = Object.keys(question.contestants)
  }

  /** One process for all contestants and rounds of each mode. */
  async process(index) {
    const plain = this.#start('plain', this.names)
    const busy = this.question.busy && this.options.busy ? this.#start('busy', this.#busyNames()) : null
    const children = [plain, busy].filter(child => child !== null)
    try {
      await Promise.all(children.map(child => this.#prepared(child)))
      for (let round = 0; round < this.rounds; round++) {
        for (const [child, name] of turns(children, round)) await this.#sample(child, name, index, round)
      }
    } finally {
      for (const child of children) child.end()
    }
  }

  /** A process for each contestant, mode and round. */
  async freshProcesses(index) {
    for (let round = 0; round < this.rounds; round++) {
      const runs = this.names.map(name => ['plain', name])
      if (this.question.busy && this.options.busy) runs.push(...this.#busyNames().map(name => ['busy', name]))
      for (const [mode, name] of runs) {
        if (name in this.missing) continue
        const child = this.#start(mode, [name])
        try {
          await this.#prepared(child)
          await this.#sample(child, name, index, round)
        } finally {
          child.end()
        }
      }
    }
  }

  /** Busy children run Buskin, and the floor as a control of the machine. */
  #busyNames() {
    return this.names.filter(name => {
      const { library } = this.question.contestants[name]
      return library === 'buskin' || (library === undefined && name === 'floor')
    })
  }

  #start(mode, names) {
    return new Child(this.question, mode, names.filter(name => !(name in this.missing)))
  }

  async #prepared(child) {
    const { missing, error } = await child.reply()
    if (error !== undefined) {
      this.errors.push(`${this.question.name} (${child.mode}): ${error}`)
      child.names = []
      return
    }
    Object.assign(this.missing, missing)
    child.names = child.names.filter(name => !(name in missing))
    // A busy child without Buskin has nothing to say.
    if (child.mode === 'busy' && !child.names.some(name => this.question.contestants[name].library === 'buskin')) child.names = []
  }

  async #sample(child, name, index, round) {
    if (!child.names.includes(name)) return
    const n = Math.max(1, Math.round(this.question.contestants[name].n * this.options.scale))
    const { error, ...result } = await child.run(name, n)
    if (error !== undefined) {
      this.errors.push(`${this.question.name}, ${name} (${child.mode}), process ${index + 1}, round ${round + 1}: ${error}`)
      return
    }
    const sample = { question: this.question.name, contestant: name, mode: child.mode, process: index, round, n, unit: this.question.unit, ...result }
    this.samples.push(sample)
    this.onSample(sample)
  }
}

/** Every contestant of every child once, in an order that rotates with the round so that nobody has a fixed neighbour. */
function turns(children, round) {
  const all = children.flatMap(child => child.names.map(name => [child, name]))
  if (all.length === 0) return all
  const shift = round % all.length
  return [...all.slice(shift), ...all.slice(0, shift)]
}

class Child {
  #process
  #waiting = null
  #ended = null

  constructor(question, mode, names) {
    this.mode = mode
    this.names = names
    this.#process = fork(CHILD, [question.name, mode, ...names], { execArgv: ['--expose-gc', ...question.execArgv ?? []] })
    this.#process.on('message', message => { this.#settle(message) })
    this.#process.on('exit', (code, signal) => {
      this.#ended = `the process ended (${signal ?? `code ${code}`})`
      this.#settle({ error: this.#ended })
    })
  }

  run(name, n) {
    if (this.#ended !== null) return Promise.resolve({ error: this.#ended })
    this.#process.send({ name, n })
    return this.reply()
  }

  reply() {
    if (this.#ended !== null) return Promise.resolve({ error: this.#ended })
    return new Promise(resolve => {
      const limit = setTimeout(() => {
        this.#settle({ error: `no result within ${LIMIT_MS / 1_000} s` })
        this.end()
      }, LIMIT_MS)
      this.#waiting = result => { clearTimeout(limit); resolve(result) }
    })
  }

  end() {
    this.#process.kill('SIGKILL')
  }

  #settle(result) {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.(result)
  }
}
