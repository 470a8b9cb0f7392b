// The one table at the end.

const HEAD = ['question', 'contestant', 'median', 'min … max', 'ratio', 'bar', 'verdict']
const RIGHT = new Set([2, 3, 4])

export function table(rows) {
  let last = null
  const cells = rows.map(row => {
    const title = row.title === last ? '' : row.title
    last = row.title
    return [title, row.contestant, ...figures(row), row.verdict ?? '']
  })
  const widths = HEAD.map((head, i) => Math.max(head.length, ...cells.map(line => line[i].length)))
  const line = values => values.map((value, i) => RIGHT.has(i) ? value.padStart(widths[i]) : value.padEnd(widths[i])).join('  ').trimEnd()
  return [line(HEAD), line(widths.map(width => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

function figures({ value, low, high, unit, ratio, bar }) {
  if (value === undefined) return ['', '', '', '']
  const relative = bar?.per !== undefined
  return [
    `${short(value)} ${unit}`,
    `${short(low)} … ${short(high)}`,
    relative && ratio !== undefined ? `${short(ratio)} × ${bar.per}` : '',
    bar === undefined ? '' : limit(bar, relative ? '' : ` ${unit}`),
  ]
}

function limit({ atLeast, atMost, exclusive }, unit) {
  if (atLeast !== undefined && atMost !== undefined) return `${atLeast} … ${atMost}${unit}`
  return atMost === undefined ? `≥ ${atLeast}${unit}` : `${exclusive ? '<' : '≤'} ${atMost}${unit}`
}

function short(value) {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
