// One listener a signal, however many calls share it.

const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `run` when the signal aborts, unless it was released before; the result releases. */
export function whenAborted(signal: AbortSignal, run: () => void): () => void {
  let runs = waiting.get(signal)
  if (runs === undefined) {
    const all = new Set<() => void>()
    runs = all
    waiting.set(signal, all)
    const onAbort = (): void => {
      waiting.delete(signal)
      for (const each of all) each()
    }
    signal.addEventListener('abort', onAbort, { once: true })
  }
  const mine = runs
  mine.add(run)
  return () => void mine.delete(run)
}
