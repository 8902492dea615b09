// Two hundred frozen environments: what they cost while nothing happens, and how soon they are frozen.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JournalRecord } from '../../src/admin/contract.js'
import { type Daemon, environmentsAtRest, environmentsOnce, startDaemon } from '../daemon.js'
import { sleeper } from '../functions.js'
import type { Group } from '../group.js'
import { cpuMsOf, v2GroupOf } from '../processes.js'

/** More than two hundred environments are charged while they all run. */
const budget = ['--memory-budget', '32768']

export const frozen: Group = {
  rows: ['frozen-cpu', 'frozen-in'],
  async open({ scope, load, smoke, output, tell }) {
    const daemon = await startDaemon(scope, { functions: { sleeper }, words: budget, output })
    const wanted = smoke ? 5 : 200
    const target = daemon.target('sleeper', { sleepMs: smoke ? 500 : 8_000 })
    let environments: Environments = []
    // The first may be free again before the last has come: then the same calls once more need only what was missing.
    for (let time = 0; time < 5 && environments.length < wanted; time += 1) {
      tell(`starting ${wanted} environments …`)
      await load.calls({ target, connections: wanted, calls: 1 })
      environments = await environmentsAtRest(daemon)
    }
    const pids = pidsOf(environments, wanted)
    const watchMs = smoke ? 500 : 5_000
    return async () => {
      const cpuBeforeMs = sumOfCpu(pids)
      const daemonBeforeMs = cpuMsOf(daemon.pid)
      const startedMs = performance.now()
      await sleep(watchMs)
      const percent = 100 / (performance.now() - startedMs)
      const daemonPercent = (cpuMsOf(daemon.pid) - daemonBeforeMs) * percent
      const cpuPercent = (sumOfCpu(pids) - cpuBeforeMs) * percent
      const reference = bareFreezeMs(pids)
      return {
        'frozen-cpu': {
          subject: cpuPercent,
          seen: { environments: wanted, 'daemon meanwhile, % CPU': daemonPercent },
        },
        'frozen-in': {
          subject: await freezeByHandMs(daemon, wanted),
          reference,
          seen: { environments: wanted },
        },
      }
    }
  },
}

type Environments = Awaited<ReturnType<typeof environmentsAtRest>>

/** @throws Error when there are not so many environments. */
function pidsOf(environments: Environments, wanted: number): readonly number[] {
  if (environments.length !== wanted)
    throw new Error(`${environments.length} environments, not ${wanted}`)
  return environments.flatMap(({ pids }) => pids)
}

function sumOfCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)
}

/** Thaws all, then asks for the freeze of all at once; from the first to the last word of it in the journal. Milliseconds. */
async function freezeByHandMs(daemon: Daemon, wanted: number): Promise<number> {
  const { admin } = daemon
  const all = await admin.environments()
  await Promise.all(all.map(({ id }) => admin.act('thaw', id)))
  await environmentsOnce(daemon, 'all environments run', (found) =>
    found.every(({ suspension }) => suspension === 'running'),
  )
  await Promise.all(all.map(({ id }) => admin.act('freeze', id)))
  await environmentsAtRest(daemon)
  const suspensions: JournalRecord[] = []
  for await (const record of admin.journal(false, undefined, wanted * 10))
    if (record.kind === 'environment.suspension') suspensions.push(record)
  // Of every environment its last two words.
  const times = suspensions.slice(-2 * wanted).map(({ atMs }) => atMs)
  return Math.max(...times) - Math.min(...times)
}

/**
 * The same by nobody's rules: thaws the groups, writes the freeze into each and waits until the kernel says so of all.
 * Milliseconds. @throws Error where there is no v2 freezer.
 */
function bareFreezeMs(pids: readonly number[]): number {
  const groups = [...new Set(pids.map(v2GroupOf))]
  const files = groups.map((group) => {
    if (group === undefined) throw new Error('there is no cgroup v2 to compare with')
    return { freeze: openSync(join(group, 'cgroup.freeze'), 'w'), events: eventsOf(group) }
  })
  try {
    for (const { freeze } of files) writeSync(freeze, '0', 0)
    const startedMs = performance.now()
    for (const { freeze } of files) writeSync(freeze, '1', 0)
    for (const { events } of files)
      while (!isFrozen(events))
        if (performance.now() - startedMs > 10_000) throw new Error(`${events} does not freeze`)
    return performance.now() - startedMs
  } finally {
    for (const { freeze } of files) closeSync(freeze)
  }
}

function eventsOf(group: string): string {
  return join(group, 'cgroup.events')
}

function isFrozen(events: string): boolean {
  return /^frozen 1$/m.test(readFileSync(events, 'latin1'))
}
