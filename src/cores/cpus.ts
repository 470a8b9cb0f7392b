// How many CPUs this process may use.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { MOST_CORES } from '../options.ts'
import { isCore } from './toplevel.ts'

const CGROUP_FILE = '/sys/fs/cgroup/cpu.max'

/** How many of the lanes 'auto' cores leave to core threads, where nothing is said of these. */
const LEFT_TO_THREADS = 16

/** How many worker isolates an option `cores` comes to. The CPUs are taken for a system that is made on a core. */
export function coresOf(cores: number | 'auto', threads?: number): number {
  if (cores !== 'auto') return cores
  return isCore() ? 0 : autoCores(availableCpus(), threads)
}

/** One CPU is left for the isolate that made the system. */
export function autoCores(cpus: number, threads = Math.min(cpus, LEFT_TO_THREADS)): number {
  return Math.min(Math.max(cpus - 1, 1), MOST_CORES - threads)
}

/** How many core threads an option `threads` comes to, beside so many cores. 0: one, should a native actor need it. */
export function threadsOf(threads: number | undefined, cores: number, cpus = availableCpus): number {
  const most = MOST_CORES - cores
  return threads === undefined ? Math.min(cpus(), most) : Math.min(threads === 0 ? 1 : threads, most)
}

/** Heeds the process's affinity and, in a container on Linux, its share of CPU time. */
export function availableCpus(): number {
  return Math.min(availableParallelism(), quota())
}

/** Reads one file of a few bytes, on Linux only. */
function quota(): number {
  if (process.platform !== 'linux') return Infinity
  try {
    return quotaOf(readFileSync(CGROUP_FILE, 'utf8'))
  } catch {
    return Infinity // the first version of cgroups, or not in a container
  }
}

/** What cpu.max allows, in CPUs: 'max 100000' is no limit, '150000 100000' one and a half, which two can use. */
export function quotaOf(text: string): number {
  const [time, period] = text.trim().split(/\s+/, 2).map(Number)
  if (time === undefined || period === undefined || !(time > 0 && period > 0)) return Infinity
  return Math.ceil(time / period)
}
