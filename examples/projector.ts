// What the theatre computes, it computes on cores: pictures of the Mandelbrot set, for the screen above the stage.
//
// A core imports this module to find the class, and runs nothing else of the program.
import { isMainThread } from 'node:worker_threads'
import { Actor } from 'buskin'

const WIDTH = 160
const HEIGHT = 90
const MOST = 200

export class Projector extends Actor {
  static module = import.meta.url

  /** Some milliseconds of plain computing. On the main thread everybody else would wait for it. */
  frame(number: number): Uint8Array {
    const picture = new Uint8Array(WIDTH * HEIGHT)
    const zoom = 1.5 * 0.97 ** (number % 200)
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        picture[y * WIDTH + x] = steps(-0.7436 + (x / WIDTH - 0.5) * 2 * zoom, 0.1318 + (y / HEIGHT - 0.5) * zoom)
      }
    }
    return picture
  }

  /** Ends the core, not the process: the projector is started again on the one that takes its place. */
  burnThrough(): never {
    if (isMainThread) throw new Error('no core to burn')
    process.exit(1)
  }
}

/** How long a point stays near. */
function steps(re: number, im: number): number {
  let [x, y] = [0, 0]
  for (let n = 0; n < MOST; n++) {
    const [xx, yy] = [x * x, y * y]
    if (xx + yy > 4) return n
    y = 2 * x * y + im
    x = xx - yy + re
  }
  return MOST
}
