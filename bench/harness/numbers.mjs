// Order statistics of small samples.

export const sorted = values => [...values].sort((a, b) => a - b)

export function median(values) {
  const v = sorted(values)
  const middle = v.length >> 1
  return v.length % 2 === 1 ? v[middle] : (v[middle - 1] + v[middle]) / 2
}

/** The nearest-rank quantile, `q` between 0 and 1. */
export function quantile(values, q) {
  const v = sorted(values)
  return v[Math.max(0, Math.min(v.length - 1, Math.ceil(q * v.length) - 1))]
}
