// From samples to rows: medians, ratios round by round, and whether a bar holds.
import { median } from './numbers.mjs'

const BUSY_AT_MOST = 1.15

/** Rows `{ question, contestant, value, spread, unit, ratio, bar, verdict }` of one question. */
export function judge(question, { samples, missing }) {
  const rows = []
  for (const contestant of Object.keys(question.contestants)) {
    if (contestant in missing) {
      rows.push(row(question, contestant, { verdict: `missing: ${missing[contestant]}` }))
      continue
    }
    const bars = question.bars.filter(({ of }) => of === contestant)
    rows.push(...described(question, contestant, 'plain', select(samples, contestant, 'plain'),
      bars.length === 0 ? [null] : bars, bar => results(samples, bar, 'plain')))
    const busy = select(samples, contestant, 'busy')
    if (busy.length === 0) continue
    const busyBars = question.contestants[contestant].library !== 'buskin' ? [null]
      : question.busy === 'bar' ? bars
      : [{ of: contestant, per: 'plain', atMost: BUSY_AT_MOST }]
    rows.push(...described(question, contestant, 'busy', busy, busyBars,
      bar => bar.per === 'plain' ? againstPlain(samples, contestant) : results(samples, bar, 'busy')))
  }
  return rows
}

function described(question, contestant, mode, samples, bars, resultsOf) {
  const name = mode === 'busy' ? `${contestant}, busy` : contestant
  if (samples.length === 0) return [row(question, name, { verdict: 'no result' })]
  const values = samples.map(({ value }) => value)
  const context = { value: median(values), low: Math.min(...values), high: Math.max(...values) }
  return bars.map(bar => {
    if (bar === null) return row(question, name, context)
    return row(question, name, { ...context, bar, ...verdict(bar, resultsOf(bar)) })
  })
}

/** Per process the results a bar is held against: the values themselves or ratios of one round's values. */
function results(samples, { of, per }, mode) {
  const own = select(samples, of, mode)
  if (per === undefined) return byProcess(own, ({ value }) => value)
  const other = index(select(samples, per, mode))
  return byProcess(own.filter(sample => other.has(key(sample))), sample => sample.value / other.get(key(sample)).value)
}

function againstPlain(samples, contestant) {
  const plain = index(select(samples, contestant, 'plain'))
  return byProcess(select(samples, contestant, 'busy').filter(sample => plain.has(key(sample))),
    sample => sample.value / plain.get(key(sample)).value)
}

/** A bar is held against the median of the processes' medians; the verdict says how many processes hold it alone. */
function verdict(bar, processes) {
  if (processes.length === 0) return { verdict: 'no result' }
  const medians = processes.map(median)
  const result = median(medians)
  const holding = medians.filter(value => holds(bar, value)).length
  return {
    ratio: result,
    processMedians: medians,
    holds: holds(bar, result),
    verdict: `${holds(bar, result) ? 'holds' : 'FAILS'} ${holding}/${medians.length}`,
  }
}

export const holds = ({ atMost = Infinity, atLeast = 0, exclusive = false }, value) =>
  (exclusive ? value < atMost : value <= atMost) && value >= atLeast

const row = (question, contestant, rest) => ({ question: question.name, title: question.title, unit: question.unit, contestant, ...rest })
const select = (samples, contestant, mode) => samples.filter(s => s.contestant === contestant && s.mode === mode)
const key = ({ process, round }) => `${process}/${round}`
const index = samples => new Map(samples.map(sample => [key(sample), sample]))

function byProcess(samples, result) {
  const groups = new Map()
  for (const sample of samples) {
    if (!groups.has(sample.process)) groups.set(sample.process, [])
    groups.get(sample.process).push(result(sample))
  }
  return [...groups.values()]
}
