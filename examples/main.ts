// npm start runs this: a theatre under load for 8 seconds, or as many as `--seconds=20` says. Ctrl-C ends it earlier.
import { createSystem } from 'buskin'
import { Report } from './report.ts'
import { type Takings, Theatre } from './theatre.ts'

const given = process.argv.find((argument) => argument.startsWith('--seconds='))
const seconds = given === undefined ? 8 : Number(given.slice('--seconds='.length))
if (!(seconds > 0 && seconds <= 86_400)) {
  console.error('usage: npm start -- --seconds=8')
  process.exit(1)
}

const takings: Takings = { outcomes: { sold: 0, refused: 0, 'turned away': 0, 'gave up': 0, 'broken off': 0 }, latencies: [] }
const system = createSystem({ name: 'example', log: false }) // failures are shown in the table
const report = new Report(system, takings)
system.spawn(Theatre, { name: 'theatre', args: [takings] })

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
