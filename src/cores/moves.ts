// Buffers that are handed over rather than copied. They do not fit into the core's letters, so they go by a port between
// the two isolates, and are taken out of it when the letter is read that names them.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

type Movable = ArrayBuffer | SharedArrayBuffer

interface Moved {
  readonly number: number
  readonly value: Movable
}

export class Moves {
  readonly #place: number
  readonly #portTo: (place: number) => MessagePort | undefined
  readonly #all: () => Iterable<MessagePort>
  #noted: Moved[] = []
  readonly #come = new Map<number, Movable>()
  #next = 1

  constructor(place: number, portTo: (place: number) => MessagePort | undefined, all: () => Iterable<MessagePort>) {
    this.#place = place
    this.#portTo = portTo
    this.#all = all
  }

  /** The letter that is being written names it. */
  note(value: Movable): number {
    const number = this.#place * 2 ** 32 + this.#next++
    this.#noted.push({ number, value })
    return number
  }

  /** Another letter is written in the midst of one, or was: what the one names is put aside, and taken up again. */
  swap(noted: Moved[]): Moved[] {
    const before = this.#noted
    this.#noted = noted
    return before
  }

  /** The letter was not written. */
  drop(): void {
    if (this.#noted.length > 0) this.#noted = []
  }

  /** The letter was written. */
  send(to: number): void {
    if (this.#noted.length === 0) return
    const port = this.#portTo(to)
    for (const moved of this.#noted.splice(0)) {
      if (port === undefined) this.#come.set(moved.number, moved.value) // to the own isolate
      else port.postMessage(moved, moved.value instanceof ArrayBuffer ? [moved.value] : [])
    }
  }

  take(number: number): Movable {
    let value = this.#come.get(number)
    if (value === undefined) {
      this.#read()
      value = this.#come.get(number)
    }
    if (value === undefined) throw new Error('malformed message: a buffer that was handed over is missing')
    this.#come.delete(number)
    return value
  }

  #read(): void {
    for (const port of this.#all()) {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        const { number, value } = got.message as Moved
        this.#come.set(number, value)
      }
    }
  }
}
