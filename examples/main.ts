// npm start runs this: a theatre under load for 8 seconds, or as many as `--seconds=20` says. Ctrl-C ends it earlier.
import { availableParallelism } from 'node:os'
import { createSystem } from 'buskin'
import { Report } from './report.ts'
import { noTakings, Theatre } from './theatre.ts'

const given = process.argv.find((argument) => argument.startsWith('--seconds='))
const seconds = given === undefined ? 8 : Number(given.slice('--seconds='.length))
if (!(seconds > 0 && seconds <= 86_400)) {
  console.error('usage: npm start -- --seconds=8')
  process.exit(1)
}

const takings = noTakings()
const cores = Math.max(1, Math.min(4, availableParallelism() - 1))
const system = createSystem({
  name: 'example',
  cores,
  core: { restarts: { max: 100, within: 60_000 } }, // lamps burn through all the time here
  log: false, // failures are shown in the table
})
const report = new Report(system, takings)
system.spawn(Theatre, { name: 'theatre', args: [takings, cores] })

const onTerminal = process.stdout.isTTY === true
const timer = setInterval(() => {
  report.sample()
  if (onTerminal) report.draw(process.stdout)
  else console.log(report.line())
}, onTerminal ? 250 : 1_000)

await new Promise<void>((resolve) => {
  const end = setTimeout(resolve, seconds * 1_000)
  process.once('SIGINT', () => {
    clearTimeout(end)
    resolve()
  })
})

clearInterval(timer)
report.sample() // the last look at the evening
if (onTerminal) report.draw(process.stdout)
else console.log(['', ...report.table(process.stdout.columns ?? 100)].join('\n'))
await system.shutdown()

const { sent, handled, failed, deadLetters } = system.stats()
const number = (value: number) => value.toLocaleString('en')
console.log(`\nclosed: ${number(sent)} sent = ${number(handled)} handled + ${number(failed)} failed + ${number(deadLetters)} dead letters`)
