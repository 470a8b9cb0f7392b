// Two isolates as far as the codec can tell: they share shapes by number, and what lies beside a letter.

import { Codec, type Outside } from '../../src/cores/codec/codec.ts'

export class FakeRef {
  readonly address: number
  readonly age: number
  readonly cls: number

  constructor(address: number, age: number, cls: number) {
    this.address = address
    this.age = age
    this.cls = cls
  }
}

export class World {
  readonly lists: string[][] = []
  readonly numbers = new Map<string, number>()
  attached: ArrayBuffer[] = []
  moves: (ArrayBuffer | SharedArrayBuffer)[] = []
  shapesLeft = Infinity
  asked = 0

  outside(): Outside {
    return {
      shape: (keys) => {
        this.asked++
        const name = JSON.stringify(keys)
        const known = this.numbers.get(name)
        if (known !== undefined) return known
        if (this.shapesLeft-- <= 0) return -1
        this.numbers.set(name, this.lists.length)
        return this.lists.push([...keys]) - 1
      },
      keys: (number) => {
        this.asked++
        return this.lists[number]
      },
      ref: (value) => (value instanceof FakeRef ? value : undefined),
      makeRef: (address, age, cls) => new FakeRef(address, age, cls),
      attach: (bytes) => this.attached.push(bytes.slice().buffer as ArrayBuffer) - 1,
      attachment: (place) => {
        const buffer = this.attached[place]
        if (buffer === undefined) throw new Error(`no attachment ${place}`)
        return buffer
      },
      move: (value) => this.moves.push(value) - 1,
      moved: (number) => {
        const buffer = this.moves[number]
        if (buffer === undefined) throw new Error(`nothing moved as ${number}`)
        return buffer
      },
    }
  }

  codec(): Codec {
    return new Codec(this.outside())
  }
}

export interface Trip {
  readonly world: World
  readonly there: Codec
  readonly here: Codec
  /** Values through both codecs. */
  send(values: readonly unknown[], transfer?: readonly ArrayBuffer[]): unknown[]
  /** One value. */
  one<T>(value: T, transfer?: readonly ArrayBuffer[]): T
  bytesOf(values: readonly unknown[]): Uint8Array
}

export function setUp(memory: Uint8Array = new Uint8Array(1 << 20)): Trip {
  const world = new World()
  const there = world.codec()
  const here = world.codec()
  const send = (values: readonly unknown[], transfer?: readonly ArrayBuffer[]): unknown[] => {
    world.attached = []
    world.moves = []
    const end = there.encode(values, memory, 40, transfer)
    if (end < 0) throw new Error('no room in the test')
    const got = here.decode(memory, 40, end)
    memory.fill(0xff, 40, end)
    return got
  }
  return {
    world,
    there,
    here,
    send,
    one: (value, transfer) => send([value], transfer)[0] as typeof value,
    bytesOf: (values) => memory.slice(0, there.encode(values, memory, 0)),
  }
}
