// Runs inside a network namespace of its own: one piece of the comparison of one tool; prints one JSON object.
import { execFileSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { tryLimits, tryTimeouts } from './facts.js'
import { efforts, measure } from './measure.js'
import { endAll, networkOf } from './processes.js'
import type { Folders } from './tool.js'
import { tools } from './tools/index.js'

const [piece, name, effortName, installed, project, machineNetwork] = process.argv.slice(2)
const network = networkOf('self') ?? ''
/** Far more than any piece takes: past it the tool hangs. */
const pieceTimeoutMs = 90_000

async function run(): Promise<object> {
  const tool = tools.find((one) => one.name === name)
  if (!tool || !installed || !project) throw new Error('inside.js is started by main.js')
  if (network === machineNetwork) throw new Error('this is the network of the machine itself')
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  const folders: Folders = { installed, project }
  const effort = effortName === 'smoke' ? efforts.smoke : efforts.full
  switch (piece) {
    case 'figures':
      return await measure(tool, folders, effort)
    case 'limits':
      return await tryLimits(tool, folders)
    case 'timeouts':
      return await tryTimeouts(tool, folders)
    default:
      throw new Error(`there is no piece ${piece}`)
  }
}

function answer(outcome: { result: object } | { error: string }): void {
  writeSync(1, `${JSON.stringify(outcome)}\n`)
}

async function endWith(error: string): Promise<never> {
  answer({ error })
  if (network !== machineNetwork) await endAll(network, [process.pid])
  process.exit(1)
}

writeSync(1, `${network}\n`)
setTimeout(() => endWith(`${piece} did not end within ${pieceTimeoutMs} ms`), pieceTimeoutMs)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endWith(signal))
try {
  answer({ result: await run() })
} catch (error) {
  await endWith(error instanceof Error ? error.message : `${error}`)
}
// Open sockets of a tool that does not let go are no reason to stay.
process.exit(0)
