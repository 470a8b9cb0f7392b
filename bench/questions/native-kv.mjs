// What does a key-value store cost that lives elsewhere: the native one on a core thread, the same as an actor on another worker
// isolate, the same behind a raw MessagePort? Asked one at a time and 1,000 in flight, and told; from the main isolate and from a core.
import { openPort } from '../cores/port.mjs'

const KEYS = 1_000
const BATCH = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}`)
const valueOf = i => ({ id: i, name: `item ${i}`, price: i / 4 })

export const questions = [
  question('ask', 'a get, one at a time', 'native', 8_000, (store, n) => gets(store, n, 1)),
  question('ask-1k', 'a get, 1,000 in flight', 'native', 40_000, (store, n) => gets(store, n, 1_000)),
  question('tell', 'a set, told, steady stream', 'native', 100_000, sets),
  question('core-ask', 'a get from a core, one at a time', 'core', 8_000, (store, n) => gets(store, n, 1)),
  question('core-ask-1k', 'a get from a core, 1,000 in flight', 'core', 40_000, (store, n) => gets(store, n, 1_000)),
  question('core-tell', 'a set, told from a core, steady stream', 'core', 100_000, sets),
]

/** `from`: where the loop runs that calls the store. */
function question(name, title, from, n, work) {
  const isCore = from === 'core'
  return {
    name: `native-kv-${name}`,
    title: `key-value store elsewhere, ${title}`,
    unit: 'ns',
    contestants: {
      ...(isCore ? {} : { port: { n, make: () => portStore(work) } }),
      'js actor': { n, library: 'buskin', make: subject => store(subject, false, isCore, name, work) },
      native: { n, library: 'buskin', make: subject => store(subject, true, isCore, name, work) },
    },
    bars: [{ of: 'native', per: 'js actor', atMost: 1 }],
  }
}

async function gets(store, n, inFlight) {
  for (let rest = n; rest > 0; rest -= inFlight) {
    const count = Math.min(inFlight, rest)
    if (count === 1) {
      check(await store.get(keys[rest % KEYS]), rest % KEYS)
      continue
    }
    const replies = []
    for (let i = 0; i < count; i++) replies.push(store.get(keys[(rest + i) % KEYS]))
    const values = await Promise.all(replies)
    for (let i = 0; i < count; i++) check(values[i], (rest + i) % KEYS)
  }
}

function check(value, i) {
  if (value.id !== i) throw new Error(`the store gave ${JSON.stringify(value)} for key ${i}`)
}

async function sets(store, n) {
  for (let rest = n; rest > 0; rest -= BATCH) {
    for (let i = Math.min(BATCH, rest); i > 0; i--) store.set(keys[i % KEYS], valueOf(i % KEYS))
    await store.done()
  }
}

async function portStore(work) {
  const port = await openPort('store')
  const calls = { get: key => port.ask([key]), set: (key, value) => port.post([key, value]), done: () => port.ask('peek') }
  for (let i = 0; i < KEYS; i++) calls.set(keys[i], valueOf(i))
  await port.ask('take')
  return { run: n => work(calls, n), count: () => port.ask('take') }
}

async function store({ createSystem, native }, isNative, isCore, name, work) {
  const { Caller, Store } = await import('../cores/actors.mjs')
  const system = createSystem({ cores: isCore ? 2 : 1, threads: 1 })
  const ref = isNative ? system.spawn(native('kv'), { name: 'store' }) : system.spawn(Store, { on: isCore ? 2 : 1, name: 'store' })
  for (let i = 0; i < KEYS; i++) ref.tell.set(keys[i], valueOf(i))
  await ref.ask.size()
  const caller = isCore ? system.spawn(Caller, { on: 1 }) : undefined
  const calls = callsOf(ref)
  // what the store has handled, by the core's own count; less what only waits for that
  let seen = 0
  let waits = 0
  const handled = () => system.inspect().children.find(child => child.path === '/store').handled
  seen = handled()
  return {
    run: async n => {
      if (name.endsWith('tell')) waits += Math.ceil(n / BATCH)
      await (caller === undefined ? work(calls, n) : caller.with({ timeout: Infinity }).ask.call(import.meta.url, name, ref, n))
    },
    count: () => {
      const before = seen
      seen = handled()
      const count = seen - before - waits
      waits = 0
      return count
    },
  }
}

function callsOf(ref) {
  return { get: key => ref.ask.get(key), set: (key, value) => ref.tell.set(key, value), done: () => ref.ask.size() }
}

/** What the actor `Caller` does on a core. */
export function callFromCore(name, ref, n) {
  const calls = callsOf(ref)
  return name === 'core-tell' ? sets(calls, n) : gets(calls, n, name === 'core-ask' ? 1 : 1_000)
}
