// One process of one question. The parent decides whose round it is; this process makes the contestants once, runs
// one when told to, times it, and compares the receiver's count with what was sent.
// Run as: child.mjs <question> <plain|busy> <contestant…>, by fork.
import { questions } from '../questions/index.mjs'
import { polluteFloor } from '../pollute.mjs'

const [questionName, mode, ...names] = process.argv.slice(2)
const question = questions.find(({ name }) => name === questionName)
const pollute = question.pollute ?? !question.fresh

const libraries = {
  buskin: async () => (await import('../subject.mjs')).subject({ mode, pollute }),
  nact: () => import('../peers/nact.mjs'),
  xstate: () => import('../peers/xstate.mjs'),
}

const made = new Map()

async function prepare() {
  const missing = {}
  if (pollute) await polluteFloor()
  for (const name of names) {
    const { library, make } = question.contestants[name]
    const loaded = library === undefined ? null : await load(library)
    if (loaded?.missing) missing[name] = loaded.missing
    else made.set(name, await make(loaded?.api))
  }
  return { missing }
}

const loads = new Map()
function load(library) {
  if (!loads.has(library)) {
    loads.set(library, libraries[library]().then(
      api => ({ api }),
      error => {
        if (!NOT_THERE.has(error?.code)) throw error
        return { missing: error.code }
      },
    ))
  }
  return loads.get(library)
}
const NOT_THERE = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_BUSKIN_ADDON'])

async function round({ name, n }) {
  const contestant = made.get(name)
  // Nobody pays for another's garbage. The collection also shrinks the young generation, and what was compiled for the
  // last contestant is in the way of this one, hence the short run before the one that counts.
  globalThis.gc()
  const warmUp = question.fresh ? 0 : n >> 3
  if (warmUp > 0) {
    await contestant.run(warmUp)
    await counted(contestant, warmUp)
  }
  await new Promise(resolve => setTimeout(resolve, 5))
  const start = process.hrtime.bigint()
  const result = await contestant.run(n)
  const ns = Number(process.hrtime.bigint() - start)
  await counted(contestant, n)
  return question.timed === 'inside' ? result : { value: ns / n }
}

async function counted(contestant, n) {
  const count = await contestant.count()
  if (count !== n) throw new Error(`the receiver counted ${count} of ${n}`)
}

async function reply(work) {
  try {
    process.send(await work)
  } catch (error) {
    process.send({ error: String(error?.message ?? error) })
  }
}

process.on('message', message => { void reply(round(message)) })
await reply(prepare())
