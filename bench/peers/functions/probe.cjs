// Looks from inside a function at what the tool around it does; one `op` for each question.
const { existsSync, writeFileSync } = require('node:fs')
const { request } = require('node:http')

let calls = 0
// Of the process or thread, not of the module: a tool that loads the file anew keeps them.
globalThis.peers ??= { ticks: 0, inFlight: 0, timer: undefined }
const kept = globalThis.peers

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Tells the one who asked, over the network, that this code still runs. */
const tell = (port, what) =>
  new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: `/${what}`, method: 'POST' }, resolve)
    call.on('error', resolve)
    call.end()
  })

function spin(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const ops = {
  count() {
    calls += 1
    kept.timer ??= setInterval(() => {
      kept.ticks += 1
    }, 20)
    kept.timer.unref()
    return { calls, ticks: kept.ticks, pid: process.pid }
  },
  burn({ ms }) {
    const before = process.cpuUsage()
    const started = performance.now()
    spin(ms)
    const { user, system } = process.cpuUsage(before)
    return { cpuShare: (user + system) / 1_000 / (performance.now() - started) }
  },
  hoard({ mb }) {
    const held = []
    for (let at = 0; at < mb; at += 16) held.push(Buffer.alloc(16 * 1_048_576, 1))
    return { heldMb: held.length * 16 }
  },
  async nap({ ms }) {
    kept.inFlight += 1
    let most = kept.inFlight
    const end = performance.now() + ms
    while (performance.now() < end) {
      await later(10)
      most = Math.max(most, kept.inFlight)
    }
    kept.inFlight -= 1
    return { most }
  },
  async sleepThenTell({ ms, port }) {
    await later(ms)
    await tell(port, 'slept')
    return { told: true }
  },
  async spinThenTell({ ms, port }) {
    spin(ms)
    await tell(port, 'spun')
    return { told: true }
  },
  look({ file, secretFile }) {
    writeFileSync(file, 'from inside the function')
    return { variable: process.env.PEERS_SECRET ?? null, file: existsSync(secretFile) }
  },
}

exports.handler = async (event) => {
  const input = typeof event.body === 'string' ? JSON.parse(event.body) : event
  return ops[input.op](input)
}
