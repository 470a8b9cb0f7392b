import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

test('a CommonJS program runs actors', async (t) => {
  const program = `
    const { Actor, createSystem } = require('buskin')
    class Greeter extends Actor { hello(name) { return 'hello ' + name } }
    const system = createSystem()
    system.spawn(Greeter).ask.hello('you').then((text) => { console.log(text); return system.shutdown() })
  `
  const { stdout, stderr } = await run(process.execPath, ['--no-warnings', '--input-type=commonjs', '-e', program], { cwd: root })
  t.is(stderr, '')
  t.is(stdout, 'hello you\n')
})
