// What holds the processes of one environment together: a control group, or, without one, the process tree that /proc shows.

import type { Group, Wait } from '../cgroups/group.js'
import type { Freezer } from '../freezer/freezer.js'
import { groupFreezer } from '../freezer/group-freezer.js'
import type { ProcessTree } from '../freezer/process-tree.js'
import { readProcess } from '../procfs/process.js'

export interface Containment {
  readonly freezer: Freezer
  /** Files into which a new process writes its own pid before it becomes the program. */
  readonly joinPaths: readonly string[]
  started(pid: number): void
  pids(): readonly number[]
  /** Microseconds. */
  cpuUs(): number
  /** Resolves when nothing in it is alive. @throws Error when something does not die in 30 s. */
  killAll(wait: Wait): Promise<void>
  remove(wait: Wait): Promise<void>
}

export function groupContainment(group: Group, backend: 'v2' | 'v1'): Containment {
  return {
    freezer: groupFreezer(group, backend),
    joinPaths: group.joinPaths,
    started: () => {},
    pids: () => group.procs(),
    cpuUs: () => group.cpuUs() ?? cpuOfProcesses(group.procs()),
    killAll: (wait) => group.killAll(wait),
    remove: (wait) => group.remove(wait),
  }
}

const KILL_WAIT_MS_MAX = 16
const DEAD_WITHIN_MS = 30_000

export function treeContainment(tree: ProcessTree, freezer: Freezer): Containment {
  let cpuUsSeen = 0
  return {
    freezer,
    joinPaths: [],
    started: (pid) => tree.addRoot(pid),
    pids: () => tree.look().map((member) => member.pid),
    cpuUs() {
      // A child that was never waited for takes its time with it; the sum must not fall for that.
      const nowUs = cpuOfProcesses(tree.look().map((member) => member.pid))
      cpuUsSeen = Math.max(cpuUsSeen, nowUs)
      return cpuUsSeen
    },
    async killAll(wait) {
      tree.lookEverywhere()
      let waitedMs = 0
      for (let pauseMs = 1; !tree.killRound(); pauseMs = Math.min(pauseMs * 2, KILL_WAIT_MS_MAX)) {
        if (waitedMs > DEAD_WITHIN_MS) throw new Error('processes of an environment do not die')
        await wait(pauseMs)
        waitedMs += pauseMs
      }
      cpuUsSeen = 0
    },
    remove: async () => {},
  }
}

function cpuOfProcesses(pids: readonly number[]): number {
  return pids.reduce((sumUs, pid) => sumUs + (readProcess(pid)?.cpuUs ?? 0), 0)
}
