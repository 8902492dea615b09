// From starting the daemon to its word that it is ready, with twenty functions; and what it keeps in memory then.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, type FunctionSource, startDaemon, timeStart } from '../daemon.js'
import { nodeEcho, pythonEcho } from '../functions.js'
import { event, type Group, type GroupParts, type Round } from '../group.js'
import { residentMbOf } from '../processes.js'
import { startReference } from '../references.js'
import { Scope } from '../scope.js'
import { median } from '../statistics.js'
import { bareNode } from './cold.js'

/** Half of them Node, half Python. */
const twenty: Readonly<Record<string, FunctionSource>> = Object.fromEntries(
  Array.from({ length: 20 }, (_, at) => [`function-${at}`, at % 2 === 0 ? nodeEcho : pythonEcho]),
)

export const start: Group = {
  rows: ['start'],
  async open({ scope, load, smoke, output }) {
    const once = async () => {
      const own = new Scope()
      scope.add(() => own.close())
      try {
        return await timeStart(own, { functions: twenty, output })
      } finally {
        await own.close()
      }
    }
    await once()
    return async () => {
      const subjects: number[] = []
      const references: number[] = []
      for (let time = 0; time < (smoke ? 1 : 3); time += 1) {
        subjects.push(await once())
        references.push(await load.bare(bareNode))
      }
      return { start: { subject: median(subjects), reference: median(references) } }
    }
  },
}

export const memory: Group = {
  rows: ['memory-idle', 'memory-after'],
  async open(parts) {
    const { scope, load, rounds, smoke, output } = parts
    const idle = await startReference(scope, 'idle')
    // One daemon for each round; they wait together.
    const daemons: Daemon[] = []
    for (let at = 0; at < rounds; at += 1)
      daemons.push(await startDaemon(scope, { functions: twenty, output }))
    await rest(parts)
    const atFirst = daemons.map(({ pid }) => residentMbOf(pid))
    for (const daemon of daemons) {
      const target = daemon.target('function-0', event, event)
      await load.calls({ target, connections: 1, calls: smoke ? 20 : 5_000 })
    }
    const atOnce = daemons.map(({ pid }) => residentMbOf(pid))
    await rest(parts)
    const after = daemons.map(({ pid }) => residentMbOf(pid))
    let round = 0
    return async (): Promise<Round> => {
      const at = round
      round += 1
      const reference = residentMbOf(idle.pid)
      return {
        'memory-idle': { subject: atFirst[at] as number, reference },
        'memory-after': {
          subject: after[at] as number,
          reference,
          seen: { 'at once, MB': atOnce[at] as number },
        },
      }
    }
  },
}

function rest({ smoke, tell }: GroupParts): Promise<void> {
  tell('waiting until the daemons have come to rest …')
  return sleep(smoke ? 500 : 10_000)
}
