// What holds the processes of one environment together: a control group, or, without one, the process tree that /proc shows.

import type { Group, Wait } from '../cgroups/group.js'
import { groupStops, type Stoppable } from '../freezer/holds.js'
import type { ProcessTree } from '../freezer/process-tree.js'
import { readProcess } from '../procfs/process.js'

export interface Containment {
  /** Files into which a new process writes its own pid before it becomes the program. */
  readonly joinPaths: readonly string[]
  /** The v2 group's folder, in which a process can be born. */
  readonly v2Folder: string | undefined
  /** What has the kernel's limits; undefined without control groups. */
  readonly group: Group | undefined
  /** Its processes, for what stops them by signals. */
  readonly stops: Stoppable
  started(pid: number): void
  pids(): readonly number[]
  /** Microseconds. */
  cpuUs(): number
  /** Resolves when nothing in it is alive. @throws Error when something does not die in 30 s. */
  killAll(wait: Wait): Promise<void>
  remove(wait: Wait): Promise<void>
}

/** How a tree learns of a process: as its root, or as the supervisor above it. */
export type Rooted = (tree: ProcessTree, pid: number) => void

/** A tree is kept as well where the freezer stops processes by signals. */
export function groupContainment(
  group: Group,
  kept?: { readonly tree: ProcessTree; readonly rooted: Rooted },
): Containment {
  const stops = kept?.tree ?? groupStops(() => group.procs())
  return {
    group,
    stops,
    joinPaths: group.joinPaths,
    v2Folder: group.v2Folder,
    started: (pid) => kept?.rooted(kept.tree, pid),
    pids: () => group.procs(),
    cpuUs: () => group.cpuUs() ?? cpuOfProcesses(group.procs()),
    killAll: (wait) => group.killAll(wait),
    remove: (wait) => group.remove(wait),
  }
}

const KILL_WAIT_MS_MAX = 16
const DEAD_WITHIN_MS = 30_000

export function treeContainment(tree: ProcessTree, rooted: Rooted): Containment {
  return {
    group: undefined,
    stops: tree,
    joinPaths: [],
    v2Folder: undefined,
    started: (pid) => rooted(tree, pid),
    pids: () => tree.look().map((member) => member.pid),
    cpuUs: () => tree.cpuUs(),
    async killAll(wait) {
      tree.lookEverywhere()
      let waitedMs = 0
      for (let pauseMs = 1; !tree.killRound(); pauseMs = Math.min(pauseMs * 2, KILL_WAIT_MS_MAX)) {
        if (waitedMs > DEAD_WITHIN_MS) throw new Error('processes of an environment do not die')
        await wait(pauseMs)
        waitedMs += pauseMs
      }
    },
    remove: async () => {},
  }
}

function cpuOfProcesses(pids: readonly number[]): number {
  return pids.reduce((sumUs, pid) => sumUs + (readProcess(pid)?.cpuUs ?? 0), 0)
}
