// Runs a program in a system, times it, and compares what its receivers have counted with what there must be.
import { strict as assert } from 'node:assert'
import { createSystem } from 'buskin'
import { Auditor, fatal } from './common.mjs'
import { readRegistry } from './models.mjs'

export const { programs } = readRegistry()

/** The module of a program in the registry. */
export const load = ({ name }) => import(`./${name}.mjs`)

export class Stage {
  #system
  #layout
  #auditors

  /** `layout`: see common.mjs. With 'any' as many cores are used as `cores` says. */
  static async open(layout, cores = layout) {
    const stage = new Stage(createSystem({ cores, ...fatal, log: false }), layout, cores)
    await Promise.all(stage.#auditors.map(auditor => auditor.started))
    return stage
  }

  constructor(system, layout, cores) {
    this.#system = system
    this.#layout = layout
    system.closed.catch(() => {}) // `run` asks for it
    this.#auditors = Array.from({ length: cores + 1 }, (_, on) => system.spawn(Auditor, { on }))
  }

  /** From the first spawn until every actor has ended. `start` returns one that is among the last. Throws for a wrong result. */
  async run(program, module, size) {
    const before = this.#system.stats()
    const from = process.hrtime.bigint()
    const last = module.start(this.#system, program.sizes[size], this.#layout)
    await last?.stopped // before all is idle: whoever waits for that is woken whenever a core has nothing to do
    await this.#system.idle()
    const ms = Number(process.hrtime.bigint() - from) / 1e6
    const after = this.#system.stats()
    if (after.actors < before.actors) await this.#system.closed // the auditors only end with it: it rejects with what was found
    assert.equal(after.actors, before.actors, `${program.name}: actors that did not end`)
    assert.equal(after.deadLetters, before.deadLetters, `${program.name}: messages that nobody handled`)
    const found = await this.#audit(module)
    assert.deepEqual(found, program.expected[size], `${program.name}: not what it must be`)
    assert.equal(after.handled - before.handled, found.messages, `${program.name}: the system has counted otherwise`)
    return { ms, messages: found.messages, actors: found.actors }
  }

  close() {
    return this.#system.shutdown().catch(() => {})
  }

  async #audit({ settle }) {
    const books = await Promise.all(this.#auditors.map(auditor => auditor.ask.take()))
    const sum = { messages: 0, actors: 0 }
    const facts = {}
    for (const book of books) {
      sum.messages += book.messages
      sum.actors += book.actors
      for (const [name, value] of Object.entries(book.facts)) facts[name] = (facts[name] ?? 0) + value
    }
    return { ...sum, ...settle === undefined ? facts : settle(facts) }
  }
}
