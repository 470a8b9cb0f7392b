// How napi names a platform: linux-x64-gnu, darwin-arm64, win32-x64-msvc. (src/native/load.ts says the same at run time.)
export function platformTuple() {
  const { platform, arch } = process
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  const musl = process.report.getReport().header.glibcVersionRuntime === undefined
  return `linux-${arch}-${musl ? 'musl' : 'gnu'}`
}
