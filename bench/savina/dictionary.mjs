// 9. Workers read and write one dictionary, each with one operation under way.
import { Actor } from 'buskin'
import { Random, exit, fact, fatal, share, tally } from './common.mjs'
import { Master, hire } from './master.mjs'

export class DictionaryMaster extends Master {
  static module = import.meta.url
  static options = fatal

  #sizes
  #layout

  constructor(sizes, layout) {
    super()
    this.#sizes = sizes
    this.#layout = layout
  }

  onStart() {
    const { workers, messages, writePercent } = this.#sizes
    const worker = { cls: DictionaryWorker, count: workers, args: [messages, writePercent] }
    this[hire](this.#layout, { cls: Dictionary, args: [this.#sizes] }, worker)
  }
}

export class DictionaryWorker extends Actor {
  static module = import.meta.url

  #self = this.ctx.self
  #master
  #dictionary
  #left
  #writePercent
  #random
  #reads = 0
  #writes = 0
  #written = null

  constructor(master, dictionary, id, messages, writePercent) {
    super()
    this.#master = master
    this.#dictionary = dictionary
    this.#left = messages
    this.#writePercent = writePercent
    this.#random = new Random(id + messages + writePercent)
  }

  work() {
    tally.messages++
    this.#next()
  }

  result(value) {
    tally.messages++
    if (!Number.isInteger(value)) throw new Error(`the dictionary answered ${value}`)
    if (this.#written !== null && value !== this.#written) throw new Error(`wrote ${this.#written} and was told ${value}`)
    this.#next()
  }

  #next() {
    if (this.#left-- === 0) return this.#end()
    if (this.#random.below(100) < this.#writePercent) {
      this.#writes++
      const key = this.#random.next()
      this.#written = this.#random.next()
      this.#dictionary.tell.write(this.#self, key, this.#written)
    } else {
      this.#reads++
      this.#written = null
      this.#dictionary.tell.read(this.#self, this.#random.next())
    }
  }

  #end() {
    fact('reads', this.#reads)
    fact('writes', this.#writes)
    this.#master.tell.ended()
    exit(this.ctx)
  }
}

export class Dictionary extends Actor {
  static module = import.meta.url

  #sizes
  #map = new Map()

  constructor(sizes) {
    super()
    this.#sizes = sizes
    for (let key = 0; key < sizes.keys; key++) this.#map.set(key, key)
  }

  read(sender, key) {
    tally.messages++
    sender.tell.result(this.#map.get(key % this.#sizes.keys))
  }

  write(sender, key, value) {
    tally.messages++
    this.#map.set(key % this.#sizes.keys, value)
    sender.tell.result(value)
  }

  end() {
    tally.messages++
    const [map, sizes] = [this.#map, this.#sizes]
    tally.later = () => ({ keys: map.size, wrong: wrongKeys(map, sizes) })
    exit(this.ctx)
  }
}

/**
 * How many keys hold what they cannot. Whose write came last is nobody's decision, but it was the last one that some
 * worker made to this key; and a key that nobody wrote holds itself.
 */
function wrongKeys(map, { workers, messages, writePercent, keys }) {
  const allowed = new Map()
  for (let id = 0; id < workers; id++) {
    const last = new Map()
    const random = new Random(id + messages + writePercent)
    for (let i = 0; i < messages; i++) {
      const write = random.below(100) < writePercent
      const key = random.next() % keys
      if (write) last.set(key, random.next())
    }
    for (const [key, value] of last) allowed.set(key, [...allowed.get(key) ?? [], value])
  }
  let wrong = 0
  for (const [key, value] of map) {
    if (!(allowed.get(key) ?? [key]).includes(value)) wrong++
  }
  return wrong
}

export function start(system, sizes, layout) {
  return system.spawn(DictionaryMaster, { args: [sizes, layout], on: share(layout, 0, sizes.workers) })
}
