#!/usr/bin/env node
// What prebuildify takes for node-gyp: instead of compiling, it hands over the addon that CI has built for that platform.
const { copyFileSync, mkdirSync } = require('node:fs')
const { join } = require('node:path')

const { PREBUILD_PLATFORM: platform, PREBUILD_ARCH: arch, PREBUILD_LIBC: libc, NAPI_ARTIFACTS: artifacts } = process.env
const abi = { linux: libc === 'musl' ? '-musl' : '-gnu', win32: '-msvc' }[platform] ?? ''
const target = join(process.cwd(), 'build', 'Release')
mkdirSync(target, { recursive: true })
copyFileSync(join(artifacts, `buskin.${platform}-${arch}${abi}.node`), join(target, 'buskin.node'))
