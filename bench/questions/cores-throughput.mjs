// Do actors that compute get as much done on n cores as n times one core does? `--cores=n`, 2 when it is not given. The
// isolate that made the system rests meanwhile: it waits for the replies.

/** Set from the command line, after this was loaded. */
const chosen = () => Number(process.env.BUSKIN_BENCH_CORES ?? 2)
const ACTORS_A_CORE = 4
/** In flight for each actor, so that none waits for its next message. */
const IN_FLIGHT = 4
/** Of the ideal: for two cores that is 1.85. */
const SHARE = 0.925

export const questions = [{
  name: 'cores-throughput',
  get title() { return `a millisecond of arithmetic, ${ACTORS_A_CORE * chosen()} actors, on one core or on ${chosen()}` },
  unit: 'ns',
  rounds: 9,
  contestants: {
    'buskin, one core': { n: 600, library: 'buskin', make: subject => crunching(subject, 1) },
    'buskin, all cores': { n: 600, library: 'buskin', make: subject => crunching(subject, chosen()) },
  },
  get bars() { return [{ of: 'buskin, one core', per: 'buskin, all cores', atLeast: SHARE * chosen() }] },
}]

async function crunching({ createSystem }, used) {
  const { Cruncher } = await import('../cores/actors.mjs')
  const system = createSystem({ cores: used, askTimeout: Infinity })
  const actors = Array.from({ length: ACTORS_A_CORE * chosen() }, (_, i) => system.spawn(Cruncher, { on: 1 + i % used }))
  await Promise.all(actors.map(actor => actor.ask.take()))
  return {
    async run(n) {
      let left = n
      const work = async actor => { while (left-- > 0) await actor.ask.crunch() }
      await Promise.all(actors.flatMap(actor => Array.from({ length: IN_FLIGHT }, () => work(actor))))
    },
    async count() {
      const counts = await Promise.all(actors.map(actor => actor.ask.take()))
      return counts.reduce((a, b) => a + b)
    },
  }
}
