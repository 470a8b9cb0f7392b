// Every question, in the order of the table.
import * as allocation from './allocation.mjs'
import * as ask from './ask.mjs'
import * as backlog from './backlog.mjs'
import * as coresAsk from './cores-ask.mjs'
import * as coresBytes from './cores-bytes.mjs'
import * as coresStart from './cores-start.mjs'
import * as coresTell from './cores-tell.mjs'
import * as coresThroughput from './cores-throughput.mjs'
import * as eventLoop from './event-loop.mjs'
import * as latency from './latency.mjs'
import * as memory from './memory.mjs'
import * as nativeKv from './native-kv.mjs'
import * as pingpong from './pingpong.mjs'
import * as restart from './restart.mjs'
import * as ring from './ring.mjs'
import * as runnable from './runnable.mjs'
import * as spawn from './spawn.mjs'
import * as startup from './startup.mjs'
import * as storm from './storm.mjs'
import * as tell from './tell.mjs'

export const questions = [
  tell, pingpong, ring, ask, latency, spawn, memory, backlog, runnable, allocation, eventLoop, restart, storm,
  coresTell, coresAsk, coresBytes, coresThroughput, coresStart, nativeKv, startup,
]
  .flatMap(file => file.questions)
