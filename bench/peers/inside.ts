// Runs inside a network namespace of its own: one piece of the comparison of one tool; prints one JSON object.
import { execFileSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { tryLimits, tryTimeouts } from './facts.js'
import { efforts, measure } from './measure.js'
import { killAll, networkOf, parentOf, processesIn } from './processes.js'
import type { Place } from './running.js'
import { tools } from './tools/index.js'

const [piece, name, effortName, installed, project, machineNetwork] = process.argv.slice(2)
const network = { own: networkOf('self') ?? '', machine: machineNetwork ?? '' }
const isOwn = network.own !== '' && network.machine !== '' && network.own !== network.machine
/** Far more than any piece takes: past it the tool hangs. */
const pieceTimeoutMs = 90_000

async function run(): Promise<object> {
  const tool = tools.find((one) => one.name === name)
  if (!tool || !installed || !project) throw new Error('inside.js is started by main.js')
  if (!isOwn) throw new Error('this is the network of the machine itself')
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  const place: Place = { tool, folders: { installed, project }, network }
  const effort = effortName === 'smoke' ? efforts.smoke : efforts.full
  switch (piece) {
    case 'figures':
      return await measure(place, effort)
    case 'limits':
      return await tryLimits(place)
    case 'timeouts':
      return await tryTimeouts(place)
    default:
      throw new Error(`there is no piece ${piece}`)
  }
}

function tell(line: string): void {
  try {
    writeSync(1, `${line}\n`)
  } catch {
    // The one who asked is gone; what was started here is ended all the same.
  }
}

/** Ends what runs in here and then itself, blocking, so that nothing is started meanwhile. */
function endWith(error: string): never {
  if (isOwn) {
    for (const pid of processesIn(network.own, [process.pid])) {
      if (parentOf(pid) === process.pid) process.kill(pid, 'SIGKILL')
    }
    // What a tool leaves to clean up after it, as lambda-emu does, gets its time.
    const end = performance.now() + 3_000
    const never = new Int32Array(new SharedArrayBuffer(4))
    while (processesIn(network.own, [process.pid]).length > 0 && performance.now() < end) {
      Atomics.wait(never, 0, 0, 20)
    }
    killAll(network, [process.pid])
  }
  tell(JSON.stringify({ error }))
  process.exit(1)
}

tell(network.own)
setTimeout(() => endWith(`${piece} did not end within ${pieceTimeoutMs} ms`), pieceTimeoutMs)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endWith(signal))
// Standard input is a pipe that ends when the program that started this one does.
process.stdin.on('end', () => endWith('the program that asked is gone')).resume()
try {
  tell(JSON.stringify({ result: await run() }))
} catch (error) {
  endWith(error instanceof Error ? error.message : `${error}`)
}
// Open sockets of a tool that does not let go are no reason to stay.
process.exit(0)
