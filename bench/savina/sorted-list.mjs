// 10. Workers read and write one sorted linked list, each with one operation under way.
import { Actor } from 'buskin'
import { Random, exit, fact, fatal, share, tally } from './common.mjs'
import { Master, hire } from './master.mjs'

export class ListMaster extends Master {
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
    const { workers, messages, writePercent, sizePercent } = this.#sizes
    const worker = { cls: ListWorker, count: workers, args: [messages, writePercent, sizePercent] }
    this[hire](this.#layout, { cls: SortedList, args: [] }, worker)
  }
}

export class ListWorker extends Actor {
  static module = import.meta.url

  #self = this.ctx.self
  #master
  #list
  #left
  #writePercent
  #sizePercent
  #random
  #asked = { writes: 0, reads: 0, sizes: 0 }
  #written = null

  constructor(master, list, id, messages, writePercent, sizePercent) {
    super()
    this.#master = master
    this.#list = list
    this.#left = messages
    this.#writePercent = writePercent
    this.#sizePercent = sizePercent
    this.#random = new Random(id + messages + writePercent + sizePercent)
  }

  work() {
    tally.messages++
    this.#next()
  }

  result(value) {
    tally.messages++
    if (!Number.isInteger(value)) throw new Error(`the list answered ${value}`)
    if (this.#written !== null && value !== this.#written) throw new Error(`wrote ${this.#written} and was told ${value}`)
    this.#next()
  }

  #next() {
    if (this.#left-- === 0) return this.#end()
    this.#written = null
    const dice = this.#random.below(100)
    if (dice < this.#sizePercent) {
      this.#asked.sizes++
      this.#list.tell.size(this.#self)
    } else if (dice < this.#sizePercent + this.#writePercent) {
      this.#asked.writes++
      this.#written = this.#random.next()
      this.#list.tell.write(this.#self, this.#written)
    } else {
      this.#asked.reads++
      this.#list.tell.contains(this.#self, this.#random.next())
    }
  }

  #end() {
    for (const [name, count] of Object.entries(this.#asked)) fact(name, count)
    this.#master.tell.ended()
    exit(this.ctx)
  }
}

export class SortedList extends Actor {
  static module = import.meta.url

  #head = null

  write(sender, value) {
    tally.messages++
    this.#add(value)
    sender.tell.result(value)
  }

  contains(sender, value) {
    tally.messages++
    let node = this.#head
    while (node !== null && node.value !== value) node = node.next // to the end, as the original does
    sender.tell.result(node === null ? 0 : 1)
  }

  size(sender) {
    tally.messages++
    let size = 0
    for (let node = this.#head; node !== null; node = node.next) size++
    sender.tell.result(size)
  }

  end() {
    tally.messages++
    const head = this.#head
    tally.later = () => contents(head)
    exit(this.ctx)
  }

  /** Behind those of the same value. */
  #add(value) {
    if (this.#head === null || value < this.#head.value) {
      this.#head = { value, next: this.#head }
      return
    }
    let before = this.#head
    while (before.next !== null && before.next.value <= value) before = before.next
    before.next = { value, next: before.next }
  }
}

function contents(head) {
  const found = { items: 0, sum: 0, unsorted: 0 }
  for (let node = head; node !== null; node = node.next) {
    found.items++
    found.sum += node.value
    if (node.next !== null && node.next.value < node.value) found.unsorted++
  }
  return found
}

export function start(system, sizes, layout) {
  return system.spawn(ListMaster, { args: [sizes, layout], on: share(layout, 0, sizes.workers) })
}
