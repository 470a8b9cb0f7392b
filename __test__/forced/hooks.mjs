// Puts the forced Buskin in the place of the real one, and skips the tests that local.json names.

const forced = new URL('index.ts', import.meta.url).href
const wrapped = new URL('ava.mjs', import.meta.url).href
const own = new URL('./', import.meta.url).href

export function resolve(specifier, context, next) {
  const from = context.parentURL ?? ''
  if (!from.includes('/__test__/') || from.startsWith(own)) return next(specifier, context)
  if (specifier === 'buskin' || specifier.endsWith('/src/system.ts')) return { url: forced, shortCircuit: true }
  if (specifier === 'ava' && from.endsWith('.spec.ts')) return { url: `${wrapped}?spec=${encodeURIComponent(from)}`, shortCircuit: true }
  return next(specifier, context)
}

