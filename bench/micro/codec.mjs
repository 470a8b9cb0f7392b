// What the codec costs per message, encoding and decoding together, beside msgpackr with shared structures and
// v8.serialize: node bench/micro/codec.mjs [path of msgpackr's package folder]
// Each line is the best of several rounds in one process that has run all of the messages before, so every call site is
// as polymorphic as in a program that sends all of them.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { deserialize, serialize } from 'node:v8'
import { build } from 'esbuild'

const ROUNDS = 7
const ROUND_MS = 40

/** The codec as it is shipped: bundled by the settings of scripts/bundle.mjs. */
async function load() {
  const { outputFiles } = await build({
    entryPoints: [new URL('../../src/cores/codec/codec.ts', import.meta.url).pathname],
    bundle: true, write: false, format: 'esm', platform: 'node', target: 'node20.19', minifySyntax: true,
  })
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
}

/** Two isolates, as far as the codec can tell. */
function pair(Codec) {
  const lists = []
  const numbers = new Map()
  const kept = []
  const outside = () => ({
    shape(keys) {
      const name = keys.join('\0')
      if (!numbers.has(name)) numbers.set(name, lists.push([...keys]) - 1)
      return numbers.get(name)
    },
    keys: number => lists[number],
    ref: () => undefined,
    makeRef: () => ({}),
    attach(bytes) { kept[0] = bytes.slice().buffer; return 0 },
    attachment: place => kept[place],
    move: () => 0,
    moved: () => new ArrayBuffer(0),
  })
  return { there: new Codec(outside()), here: new Codec(outside()) }
}

function buskin({ Codec }) {
  const { there, here } = pair(Codec)
  const memory = new Uint8Array(1 << 20)
  return values => here.decode(memory, 64, there.encode(values, memory, 64))
}

function msgpackr(folder) {
  if (!existsSync(folder)) return undefined
  const { Packr } = createRequire(import.meta.url)(folder)
  // As between two isolates: one learns the structures that the other one saves. int64 for the same bigints.
  let saved = []
  const options = { moreTypes: true, useRecords: true, getStructures: () => saved, saveStructures(all) { saved = all } }
  const there = new Packr(options)
  const here = new Packr(options)
  return values => here.unpack(there.pack(values))
}

const event = i => ({ type: 'moved', at: 1_700_000_000_000 + i, from: { x: i, y: 0.5 }, to: { x: i + 1, y: 1.5 }, by: 'player-17' })
const rotating = [
  i => [{ type: 'add', by: 5, id: i }],
  i => [{ type: 'add', to: 'x', amount: i }],
  () => [{ kind: 'get', key: 'k17', consistent: true }],
  i => [{ type: 'moved', x: i, y: 7 }],
  i => [{ id: i, name: 'Anna', age: 30, admin: false }],
  i => [{ a: i, b: null, c: 'text' }],
]
const record = { id: 7, name: 'Anna Example', email: 'anna@example.org', tags: ['a', 'b', 'c'], address: { street: 'Main Street 5', city: 'Springfield', zip: '12345' }, active: true, score: 4.75 }
const cases = {
  '1, "abcdef", true': i => [i & 63, 'abcdef', true],
  '3 primitives, strings vary': i => [i, `k${100_000 + (i % 50_000)}`.slice(0, 6), true],
  "{ type: 'add', by: 5, id: 12345 }": () => [{ type: 'add', by: 5, id: 12345 }],
  'one of six shapes in rotation': i => rotating[i % 6](i),
  'an event with two points': i => [event(i)],
  'a record with a list and an address': () => [record],
  '100 integers': () => [hundred],
  '100 objects': () => [objects],
  'a string of 200': () => [long],
  'a string of 200, not latin1': () => [wide],
  'a Map of 10, a Set of 10, a Date': () => [map, set, date],
  'a Uint8Array of 1,024': () => [bytes],
}
const hundred = Array.from({ length: 100 }, (_, i) => i * 37)
const objects = Array.from({ length: 100 }, (_, i) => ({ id: i, name: `n${i}`, ok: i % 2 === 0 }))
const long = 'The quick brown fox. '.repeat(10).slice(0, 200)
const wide = 'Съешь ещё этих булок '.repeat(10).slice(0, 200)
const map = new Map(Array.from({ length: 10 }, (_, i) => [`key${i}`, i]))
const set = new Set(Array.from({ length: 10 }, (_, i) => `item${i}`))
const date = new Date(1_700_000_000_000)
const bytes = new Uint8Array(1024).fill(7)

function once(trip, make, times) {
  let kept
  const start = process.hrtime.bigint()
  for (let i = 0; i < times; i++) kept = trip(make(i))
  const ns = Number(process.hrtime.bigint() - start) / times
  if (kept.length === 0) throw new Error('nothing arrived')
  return ns
}

function measure(trip, make) {
  let times = Math.max(50, Math.round((ROUND_MS * 1e6) / once(trip, make, 200)))
  times = Math.max(50, Math.round((ROUND_MS * 1e6) / once(trip, make, times)))
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, once(trip, make, times))
  return best
}

const peers = {
  buskin: buskin(await load()),
  msgpackr: process.argv[2] && msgpackr(process.argv[2]),
  'v8.serialize': values => deserialize(serialize(values)),
}
const names = Object.keys(peers).filter(name => peers[name] !== undefined)
for (const name of names) for (let i = 0; i < 300; i++) for (const make of Object.values(cases)) once(peers[name], make, 20)

console.log(`encode + decode, ns per message; Node ${process.version}, ${cpus()[0].model}, best of ${ROUNDS} rounds of ${ROUND_MS} ms`)
console.log(['', ...names].map((name, i) => (i === 0 ? name.padEnd(38) : name.padStart(14))).join(''))
for (const [title, make] of Object.entries(cases)) {
  const line = names.map(name => Math.round(measure(peers[name], make)).toString().padStart(14))
  console.log(title.padEnd(38) + line.join(''))
}
