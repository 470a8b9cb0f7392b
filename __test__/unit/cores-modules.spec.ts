import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Actor, type ActorClass } from '../../src/actor.ts'
import { exportOf, hasModule, known, loadClass, whereIs } from '../../src/cores/modules.ts'
import { BuskinError } from '../../src/errors.ts'
import Main, { 'another name' as Renamed, hidden, impostor, Inherits, Named, Undefined, zz as Twice } from '../fixtures/exporting.ts'

const url = new URL('../fixtures/exporting.ts', import.meta.url).href

/** `run` rejects with ERR_BUSKIN_MODULE and a message that has all of `parts`. */
async function refuses(t: ExecutionContext, run: () => Promise<unknown>, ...parts: readonly string[]) {
  const error = await run().then(
    () => undefined,
    (reason: unknown) => reason as BuskinError,
  )
  t.true(BuskinError.is(error, 'ERR_BUSKIN_MODULE'), String(error))
  for (const part of parts) t.true(error?.message.includes(part), `${part} in: ${error?.message}`)
  return error as BuskinError
}

const classWith = (module: unknown) => {
  class Counter extends Actor {}
  return Object.assign(Counter, { module }) as unknown as ActorClass
}

for (const [cls, name] of [
  [Named, 'Named'],
  [Renamed, 'another name'],
  [Main, 'default'],
  [Twice, 'yy'],
] as const) {
  test(`a class is found as the export '${name}', and loaded by that name`, async (t) => {
    t.is(known(cls), undefined)
    const finding = exportOf(cls)
    t.is(exportOf(cls), finding)
    const found = await finding
    t.deepEqual(found, { module: url, name })
    t.is(known(cls), found)
    t.is(await exportOf(cls), found)
    t.is(await loadClass(found.module, found.name), cls)
  })
}

test('a default export has its other name first', async (t) => {
  const module = `data:text/javascript,${encodeURIComponent(`
    const Actor = globalThis.ActorForTest
    export default class Both extends Actor {}
    export { Both }`)}`
  Object.assign(globalThis, { ActorForTest: Actor })
  const { Both } = (await import(module)) as { Both: ActorClass }
  Object.assign(Both, { module })
  t.deepEqual(await exportOf(Both), { module, name: 'Both' })
  t.is(await loadClass(module, 'Both'), Both)
})

test('a class that its module does not export is refused, by name and module', async (t) => {
  await refuses(t, () => exportOf(hidden[0]), 'Hidden', url, 'export it')
  t.is(known(hidden[0]), undefined)
})

test('a class is found by what it is, not by its name', async (t) => {
  await refuses(t, () => exportOf(impostor[0]), 'Named', url, 'export it')
})

test("only a class's own module that is defined counts", async (t) => {
  const classes = [Named, Inherits, Undefined, class extends Actor {}] as ActorClass[]
  t.deepEqual(classes.map(hasModule), [true, false, false, false])
  await refuses(t, () => exportOf(Inherits), 'Inherits', 'static module = import.meta.url')
  await refuses(t, () => exportOf(Undefined as unknown as ActorClass), 'Undefined', 'static module = import.meta.url')
})

for (const module of ['/srv/counter.js', './counter.js', '../counter.js', '.', 'C:\\srv\\counter.js', 'c:/srv/counter.js', '\\\\host\\counter.js', '', 5, null, new URL(url)]) {
  test(`the module ${JSON.stringify(module)} is refused: it is no URL`, async (t) => {
    await refuses(t, () => exportOf(classWith(module)), 'Counter.module', 'import.meta.url', 'pathToFileURL')
  })
}

test('a module that does not load is told with its cause, and tried again the next time', async (t) => {
  const cls = classWith(new URL('./none.js', import.meta.url).href)
  const first = await refuses(t, () => exportOf(cls), 'none.js', 'Counter')
  t.is((first.cause as NodeJS.ErrnoException).code, 'ERR_MODULE_NOT_FOUND')
  t.not(await refuses(t, () => exportOf(cls)), first)
  Object.assign(cls, { module: `data:text/javascript,export const it = globalThis.counterForTest` })
  Object.assign(globalThis, { counterForTest: cls })
  t.is((await exportOf(cls)).name, 'it')
})

test('a name of a package is a module', async (t) => {
  await refuses(t, () => exportOf(classWith('esbuild')), "'esbuild'", 'export it')
  await refuses(t, () => exportOf(classWith('node:fs')), "'node:fs'", 'export it')
})

test('a module that waits for its own actor at its top level gets an error in the end', async (t) => {
  const { answer } = await import('../fixtures/stuck.ts')
  t.true(BuskinError.is(answer, 'ERR_BUSKIN_MODULE'))
  t.regex((answer as Error).message, /stuck\.ts.*Stuck.*top-level await/)
})

test('of a module that awaits its own actor the class is found by its name', async (t) => {
  const module = `data:text/javascript,${encodeURIComponent(`
    export class Waits extends globalThis.ActorForTest { static module = import.meta.url }
    await globalThis.waitForTest(Waits)`)}`
  let guess: unknown
  const waitForTest = async (cls: ActorClass) => (guess = await whereIs(cls, 1))
  Object.assign(globalThis, { ActorForTest: Actor, waitForTest })
  const { Waits } = (await import(module)) as { Waits: ActorClass }
  t.deepEqual(guess, { module, name: 'Waits', isGuess: true })
  t.is(await loadClass(module, 'Waits', true), Waits)
  t.deepEqual(await whereIs(Waits), { module, name: 'Waits' })
})

test('no class is guessed but one that is exported, of that name and module', async (t) => {
  for (const name of ['None', 'Inherits', 'NoActor', 'Undefined']) await refuses(t, () => loadClass(url, name, true), url, name, 'export it')
  t.is(await loadClass(url, 'Named', true), Named)
})

// --------------------------------------------------------------------------------- where the actor is to live

for (const name of ['none', 'number', 'NoActor', 'Actor', 'toString', '__proto__']) {
  test(`the export '${name}' is no class of actors`, async (t) => {
    const error = await refuses(t, () => loadClass(url, name), `'${name}'`, url, 'same copy')
    t.true(error.cause instanceof TypeError)
  })
}

test('a module that throws is told with what it threw', async (t) => {
  const module = 'data:text/javascript,throw new Error("at its top level")'
  const error = await refuses(t, () => loadClass(module, 'Counter'), module, "'Counter'")
  t.is((error.cause as Error).message, 'at its top level')
})

test('a module that does not come to its end is told, and what it could be', async (t) => {
  // as the program itself, which awaits actors at its top level that are to begin where it is evaluated
  const module = 'data:text/javascript,export const it = 1; await new Promise(() => {})'
  await refuses(t, () => loadClass(module, 'Counter', false, 20), module, 'Counter', '20 ms', 'top-level await')
})

test('a module that is not there is told with the reason', async (t) => {
  const error = await refuses(t, () => loadClass('file:///no/such/module.js', 'Counter'), 'file:///no/such/module.js', "'Counter'")
  t.is((error.cause as NodeJS.ErrnoException).code, 'ERR_MODULE_NOT_FOUND')
})
