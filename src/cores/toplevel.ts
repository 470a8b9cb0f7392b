// What is evaluated on a core: the module of a class, and in a bundle the user's program. Its top level runs there once
// more, and what that makes is made on every core.

import { isMainThread, workerData } from 'node:worker_threads'

/** Whether this isolate is a core: one that Buskin started. */
export function isCore(): boolean {
  return !isMainThread && (workerData as { buskin?: unknown } | null)?.buskin !== undefined
}

/** The modules that are being evaluated; on a core only. */
const modules: string[] = []

/** `loading`, which resolves when `module` is evaluated: until then its top level runs. */
export async function evaluating<T>(module: string, loading: Promise<T>): Promise<T> {
  if (!isCore()) return loading
  modules.push(module)
  try {
    return await loading
  } finally {
    modules.splice(modules.indexOf(module), 1)
  }
}

/** The module whose top level runs on this core now, if one does. */
export function evaluatedNow(): string | undefined {
  return modules.at(-1)
}
