// The floor of the questions about cores: a worker thread behind a MessagePort, and nothing else. Its own side of the
// protocol is as short as it can be: what is no string is counted, or sent back.
import { MessageChannel, Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

if (!isMainThread && workerData?.floor !== undefined) {
  let seen = 0
  const { port, floor } = workerData
  const values = new Map()
  const keep = message => {
    if (message === 'peek') port.postMessage(seen)
    else if (message === 'take') { port.postMessage(seen); seen = 0 }
    else {
      seen++
      if (message.length === 1) port.postMessage(values.get(message[0]))
      else values.set(message[0], message[1])
    }
  }
  port.on('message', floor === 'store' ? keep : floor === 'echo'
    ? message => {
        if (message === 'take') { port.postMessage(seen); seen = 0 }
        else if (message === 'collect') { globalThis.gc(); port.postMessage(seen) }
        else { seen++; port.postMessage(message instanceof ArrayBuffer ? message.byteLength : message) }
      }
    : message => {
        if (message === 'peek') port.postMessage(seen)
        else if (message === 'take') { port.postMessage(seen); seen = 0 }
        else seen++
      })
  parentPort.postMessage('ready')
}

/**
 * A worker that counts ('count'), sends back ('echo') or keeps values by keys ('store'). `post` tells it something, `ask` waits for what comes back: in
 * the order of the questions, without numbers.
 */
export async function openPort(floor) {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL(import.meta.url), { workerData: { floor, port: port2 }, transferList: [port2] })
  await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
  let waiting = []
  let at = 0
  port1.on('message', message => {
    const resolve = waiting[at++]
    if (at === waiting.length) { waiting = []; at = 0 }
    resolve(message)
  })
  return {
    post: (message, transfer) => port1.postMessage(message, transfer),
    ask: (message, transfer) => new Promise(resolve => { waiting.push(resolve); port1.postMessage(message, transfer) }),
    end: () => worker.terminate(),
  }
}
