// What each program must have found, computed without actors. programs.json holds the results for three sizes, so that
// other languages can read them; a test holds the two together, and `node bench/savina/models.mjs` writes the file anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Random } from './common.mjs'

const REGISTRY = new URL('programs.json', import.meta.url)

/** By the names in programs.json. `messages` are all that were handled, those that start and end the run included. */
export const models = {
  'ping-pong': ({ rounds }) => ({ messages: 3 * rounds + 1, actors: 2, pongs: rounds }),

  counting: ({ messages }) => ({ messages: messages + 3, actors: 2, count: messages }),

  throughput: ({ actors, messages }) => ({ messages: actors * messages, actors, computed: actors * messages }),

  create: ({ actors }) => ({ messages: actors, actors, computed: actors }),

  ring: ({ actors, hops }) => ({ messages: actors + hops + 1 + actors, actors, tokens: hops + 1 }),

  chameneos({ creatures, meetings }) {
    const [red, yellow, blue] = [0, 1, 2].map(colour => Math.ceil((creatures - colour) / 3))
    return {
      messages: 4 * meetings + 3 * creatures,
      actors: creatures + 1,
      meetings: 2 * meetings,
      creatures,
      redLessYellow: (red - yellow) % 3,
      yellowLessBlue: (yellow - blue) % 3,
    }
  },

  big({ actors, rounds }) {
    let weighted = 0
    for (let id = 0; id < actors; id++) {
      const random = new Random(id)
      for (let i = 0; i < rounds; i++) weighted += random.below(actors) + 1
    }
    return { messages: 2 * actors * rounds + 4 * actors + 1, actors: actors + 1, pings: actors * rounds, weighted }
  },

  fibonacci({ n }) {
    const value = m => m <= 2 ? 1 : value(m - 1) + value(m - 2)
    const actors = 2 * value(n) - 1
    return { messages: 2 * actors - 1, actors, result: value(n) }
  },

  dictionary({ workers, messages, writePercent, keys }) {
    let writes = 0
    for (let id = 0; id < workers; id++) {
      const random = new Random(id + messages + writePercent)
      for (let i = 0; i < messages; i++) {
        const write = random.below(100) < writePercent
        random.next()
        if (!write) continue
        random.next()
        writes++
      }
    }
    return { ...served(workers, messages), reads: workers * messages - writes, writes, keys, wrong: 0 }
  },

  'sorted-list'({ workers, messages, writePercent, sizePercent }) {
    const found = { writes: 0, reads: 0, sizes: 0, items: 0, sum: 0, unsorted: 0 }
    for (let id = 0; id < workers; id++) {
      const random = new Random(id + messages + writePercent + sizePercent)
      for (let i = 0; i < messages; i++) {
        const dice = random.below(100)
        if (dice < sizePercent) found.sizes++
        else if (dice < sizePercent + writePercent) {
          found.writes++
          found.sum += random.next()
        } else {
          found.reads++
          random.next()
        }
      }
    }
    return { ...served(workers, messages), ...found, items: found.writes }
  },
}

/** A word to begin with, each operation and its result, each worker's end and the server's. */
const served = (workers, messages) => ({ messages: 2 * workers * messages + 2 * workers + 1, actors: workers + 2 })

export const readRegistry = () => JSON.parse(readFileSync(REGISTRY, 'utf8'))

/** The registry as it must be. */
export function modelled() {
  const registry = readRegistry()
  for (const program of registry.programs) {
    program.expected = Object.fromEntries(Object.entries(program.sizes).map(([name, sizes]) => [name, models[program.name](sizes)]))
  }
  return registry
}

/** One line for each set of numbers, the rest indented. */
function text(registry) {
  return `${JSON.stringify(registry, null, 2).replaceAll(/\{[^{}]*\}/g, numbers => numbers.replaceAll(/\s+/g, ' '))}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(REGISTRY, text(modelled()))
