import { createRequire } from 'node:module'
import test from 'ava'
import * as imported from 'buskin'

const require = createRequire(import.meta.url)

test('require and import yield the same package', (t) => {
  const required = require('buskin') as typeof imported
  t.is(required.Actor, imported.Actor)
  t.is(required.createSystem, imported.createSystem)
  t.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort())
})

test('package.json can be read through the package name', (t) => {
  t.is((require('buskin/package.json') as { name: string }).name, 'buskin')
})

test('nothing else of the package can be reached', (t) => {
  t.throws(() => require('buskin/dist/index.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
})
