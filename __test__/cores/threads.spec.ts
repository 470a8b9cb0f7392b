// The options of a core that concern its thread: on which CPU it runs, and how it waits.
import ava from 'ava'
import { createSystem } from '../../src/index.ts'
import type { CoreOptions } from '../../src/index.ts'
import { within } from '../support.ts'
import { cpusOfThread, Inhabitant } from './fixtures/threads.ts'

const test = ava.serial
const onLinux = process.platform === 'linux' ? test : test.skip
const elsewhere = process.platform === 'linux' ? test.skip : test

async function onCores<T>(count: number, core: CoreOptions, look: (core: Inhabitant) => T, warnings: string[] = []): Promise<T[]> {
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, error: quiet, warn: (message: string) => void warnings.push(message) }
  const system = createSystem({ cores: count, core, log })
  try {
    const all = Array.from({ length: count }, (_, i) => system.spawn(Inhabitant, { on: i + 1 }))
    return (await within(Promise.all(all.map((actor) => look(actor.ask as never) as Promise<T>)), 'the replies')) as T[]
  } finally {
    await system.shutdown()
  }
}

/** What the kernel calls a list: '0-2,5'. */
function listed(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number) as [number, number?]
    return Array.from({ length: (to as number) - from + 1 }, (_, i) => from + i)
  })
}

onLinux('with `pin` each core keeps to one of the CPUs of the process, one after the other', async (t) => {
  const all = listed(cpusOfThread() as string)
  const warnings: string[] = []
  const pinned = await onCores(3, { pin: true }, (core) => core.cpus(), warnings)
  t.deepEqual(pinned, [1, 2, 3].map((core) => String(all[core % all.length])))
  t.deepEqual(warnings, [])
  t.deepEqual(listed(cpusOfThread() as string), all, 'the isolate that made the system is left alone')
})

onLinux('without `pin` a core runs wherever the process may', async (t) => {
  t.deepEqual(await onCores(1, {}, (core) => core.cpus()), [cpusOfThread()])
})

elsewhere('`pin` is ignored with one warning', async (t) => {
  const warnings: string[] = []
  await onCores(2, { pin: true }, (core) => core.spins(), warnings)
  t.is(warnings.filter((message) => message.startsWith('core.pin')).length, 1)
})

for (const [spin, spins] of [['adaptive', true], [false, false], [undefined, true]] as const) {
  test(`a core ${spins ? 'waits' : 'does not wait'} for mail before it sleeps when \`spin\` is ${spin}`, async (t) => {
    t.deepEqual(await onCores(1, spin === undefined ? {} : { spin }, (core) => core.spins()), [spins])
  })
}
