// One table per mode: a row per question, a column per contestant.

const TITLES = { one: 'On one thread', all: 'On all threads' }

export function tables(rows, contestants) {
  return Object.keys(TITLES).filter(threads => rows.some(row => row.threads === threads))
    .map(threads => table(TITLES[threads], rows.filter(row => row.threads === threads), contestants)).join('\n')
}

function table(title, rows, contestants) {
  const head = ['question', 'unit', ...contestants, 'best peer', 'ratio', 'over one', 'bar', 'verdict']
  const notes = new Map()
  const cells = rows.map(row => [
    row.question,
    row.unit,
    ...contestants.map(contestant => figure(row.figures[contestant], notes)),
    row.best ?? '',
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
    row.overOne === undefined ? '' : row.overOne.toFixed(2),
    bar(row.bar, row.unit),
    row.holds === undefined ? '' : row.holds ? 'holds' : 'FAILS',
  ])
  const widths = head.map((text, i) => Math.max(text.length, ...cells.map(line => line[i].length)))
  const line = values => values.map((value, i) => i < 2 || i >= contestants.length + 2 ? value.padEnd(widths[i]) : value.padStart(widths[i])).join('  ').trimEnd()
  const spread = rows.flatMap(row => contestants.filter(name => row.figures[name].value !== undefined).map(name => (row.figures[name].high - row.figures[name].low) / row.figures[name].value))
  return [
    `\n${title}`,
    line(head),
    line(widths.map(width => '-'.repeat(width))),
    ...cells.map(line),
    ...[...notes].map(([reason, mark]) => `${mark} ${reason}`),
    `spread (max - min over the median): ${percent(spread, 0.5)} in half of the cells, ${percent(spread, 1)} at worst`,
  ].join('\n')
}

/** A reason is a letter, explained below. */
function figure({ value, reason }, notes) {
  if (value !== undefined) return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 })
  if (!notes.has(reason)) notes.set(reason, `(${String.fromCodePoint(97 + notes.size)})`)
  return notes.get(reason)
}

function bar(limits, unit) {
  if (limits === undefined) return ''
  const absolute = limits.atMost === undefined ? '' : `≤ ${limits.atMost.toLocaleString('en')} ${unit.split('/')[0]}, `
  return `${absolute}${limits.faster === undefined ? 'ahead' : `${limits.faster} × faster`}`
}

function percent(values, q) {
  if (values.length === 0) return 'nothing'
  const sorted = values.toSorted((a, b) => a - b)
  return `${Math.round(100 * sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))])} %`
}
