// The actors that the questions about cores run on worker isolates, which load them from here.
import { Actor } from 'buskin'

/** Counts what it is told. */
export class Sink extends Actor {
  static module = import.meta.url
  static mailbox = { capacity: Infinity }

  #seen = 0

  object(message) { this.#seen += message.by }
  number(by) { this.#seen += by }
  three(by, _text, _flag) { this.#seen += by }
  bytes(buffer) { this.#seen += buffer[0] }
  echo(value) { this.#seen++; return value }
  moved(buffer) {
    this.#seen++
    const bytes = new Uint8Array(buffer)
    return bytes[0] + bytes[bytes.length - 1]
  }
  peek() { return this.#seen }
  collect() { globalThis.gc() }
  take() {
    const seen = this.#seen
    this.#seen = 0
    return seen
  }
}

/** Computes without a pause. */
export class Cruncher extends Actor {
  static module = import.meta.url

  #done = 0

  /** About a millisecond of integer arithmetic. */
  crunch() {
    let v = 74_755
    for (let i = 0; i < 300_000; i++) v = (v * 1_309 + 13_849) & 65_535
    this.#done++
    return v
  }
  take() {
    const done = this.#done
    this.#done = 0
    return done
  }
}

/** What the native actor 'kv' is, in JavaScript. */
export class Store extends Actor {
  static module = import.meta.url

  #values = new Map()

  get(key) { return this.#values.get(key) }
  set(key, value) { this.#values.set(key, value) }
  size() { return this.#values.size }
}

/** Runs the loop of a question on its core. */
export class Caller extends Actor {
  static module = import.meta.url

  async call(module, name, ref, n) {
    const { callFromCore } = await import(module)
    await callFromCore(name, ref, n)
  }
}
