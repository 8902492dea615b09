// Two hundred frozen environments: what they cost while nothing happens, and how soon they are frozen.

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environmentsAtRest, startDaemon } from '../daemon.js'
import { sleeper } from '../functions.js'
import type { Group } from '../group.js'
import { cpuMsOf, v2GroupOf } from '../processes.js'

/** More than two hundred environments are charged while they all run. */
const budget = ['--memory-budget', '32768']
/** So long that all answer within it: then one sweep freezes them all, at a moment that can be seen coming. */
const grace = ['--freeze-grace', '1000']

export const frozen: Group = {
  rows: ['frozen-cpu', 'frozen-in'],
  async open({ scope, load, smoke, output, tell }) {
    const daemon = await startDaemon(scope, {
      functions: { sleeper },
      words: [...budget, ...grace],
      output,
    })
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
    const groups = watch(pids)
    scope.add(() => {
      for (const { freeze, events } of groups) for (const file of [freeze, events]) closeSync(file)
    })
    const freezeMs = async () => {
      // Long enough that each has its own environment.
      const short = daemon.target('sleeper', { sleepMs: smoke ? 200 : 1_000 })
      await load.calls({ target: short, connections: wanted, calls: 1 })
      if (groups.some(isFrozen)) throw new Error('some were frozen before all had answered')
      return frozenWithinMs(groups)
    }
    const watchMs = smoke ? 500 : 5_000
    return async () => {
      const cpuBeforeMs = sumOfCpu(pids)
      const daemonBeforeMs = cpuMsOf(daemon.pid)
      const startedMs = performance.now()
      await sleep(watchMs)
      const percent = 100 / (performance.now() - startedMs)
      const daemonPercent = (cpuMsOf(daemon.pid) - daemonBeforeMs) * percent
      const cpuPercent = (sumOfCpu(pids) - cpuBeforeMs) * percent
      const reference = bareFreezeMs(groups)
      return {
        'frozen-cpu': {
          subject: cpuPercent,
          seen: { environments: wanted, 'daemon meanwhile, % CPU': daemonPercent },
        },
        'frozen-in': {
          subject: await freezeMs(),
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

/** The files of a group, kept open: all of them are looked at hundreds of times a second. */
interface Watched {
  readonly freeze: number
  readonly events: number
}

/** @throws Error where there is no v2 freezer. */
function watch(pids: readonly number[]): readonly Watched[] {
  return [...new Set(pids.map(v2GroupOf))].map((group) => {
    if (group === undefined) throw new Error('there is no cgroup v2 to look at')
    return {
      freeze: openSync(join(group, 'cgroup.freeze'), 'w'),
      events: openSync(join(group, 'cgroup.events'), 'r'),
    }
  })
}

const text = Buffer.alloc(128)

function isFrozen({ events }: Watched): boolean {
  const length = readSync(events, text, 0, text.length, 0)
  return text.toString('latin1', 0, length).includes('frozen 1')
}

/** From the last look at which none was frozen until the kernel says so of all. Milliseconds. @throws Error after 10 s. */
function frozenWithinMs(groups: readonly Watched[]): number {
  const lookedMs = performance.now()
  let startedMs = lookedMs
  let left = groups
  while (left.length > 0) {
    const beforeMs = performance.now()
    if (beforeMs - lookedMs > 10_000) throw new Error(`${left.length} groups do not freeze`)
    if (left.length === groups.length) startedMs = beforeMs
    left = left.filter((group) => !isFrozen(group))
  }
  return performance.now() - startedMs
}

/** The same by nobody's rules: a write into each group, and nothing else. */
function bareFreezeMs(groups: readonly Watched[]): number {
  for (const { freeze } of groups) writeSync(freeze, '0', 0)
  const startedMs = performance.now()
  for (const { freeze } of groups) writeSync(freeze, '1', 0)
  frozenWithinMs(groups)
  return performance.now() - startedMs
}
