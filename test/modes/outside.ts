// What the kernel tells of an environment to somebody outside it, whatever the emulator says: its groups, its processes, its ports.

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { detect } from '../../src/cgroups/detect.js'
import { isDead, isStopped, readProcess } from '../../src/procfs/process.js'
import { type ProcessIdentity, subtreeName } from '../../src/sandbox/identity.js'
import type { Freezer } from '../support/modes.js'

type Environment = Pick<EnvironmentSummary, 'id' | 'pids'>

const support = detect()

/** Text of a file of the environment's own group; undefined when it has none in that hierarchy, or no such file. */
function groupFile({ id, pids }: Environment, hierarchy: string, name: string): string | undefined {
  const mount = hierarchy === 'v2' ? support.v2 : support.v1[hierarchy]
  const text = readFileSync(`/proc/${pids[0]}/cgroup`, 'latin1')
  const line = text.split('\n').find((each) => {
    const [, controllers = ''] = each.split(':')
    return hierarchy === 'v2' ? each.startsWith('0::') : controllers.split(',').includes(hierarchy)
  })
  const path = line?.split(':').slice(2).join(':')
  if (mount === undefined || path === undefined || !basename(path).endsWith(`-${id}`))
    return undefined
  const file = join(mount.mountPoint, path, name)
  return existsSync(file) ? readFileSync(file, 'latin1').trim() : undefined
}

/** How it is held still now; undefined when it is not. */
export function frozenBy(environment: Environment): Freezer | undefined {
  if (/^frozen 1$/m.test(groupFile(environment, 'v2', 'cgroup.events') ?? '')) return 'v2'
  if (groupFile(environment, 'freezer', 'freezer.state') === 'FROZEN') return 'v1'
  const processes = environment.pids.map(readProcess).filter((each) => each !== undefined)
  return processes.length > 0 && processes.every(isStopped) ? 'signal' : undefined
}

/** Whether the kernel keeps it to a share of the CPU. */
export function hasQuota(environment: Environment): boolean {
  const v1 = groupFile(environment, 'cpu', 'cpu.cfs_quota_us')
  const v2 = groupFile(environment, 'v2', 'cpu.max')
  return Number(v1 ?? '-1') > 0 || /^\d/.test(v2 ?? '')
}

/** What the kernel keeps its memory to; undefined where it does not. Megabytes. */
export function memoryLimitMb(environment: Environment): number | undefined {
  const v1 = groupFile(environment, 'memory', 'memory.limit_in_bytes')
  const limit = v1 ?? groupFile(environment, 'v2', 'memory.max')
  return limit === undefined ? undefined : Number(limit) / 1_048_576
}

export function tasksMax(environment: Environment): string | undefined {
  return groupFile(environment, 'pids', 'pids.max') ?? groupFile(environment, 'v2', 'pids.max')
}

/** Loopback ports on which that process listens. */
export function listeningPorts(pid: number): readonly number[] {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => socketOf(pid, fd)))
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode))
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16))
}

/** Inode of the socket that a descriptor is; undefined when it is another thing. */
export function socketOf(pid: number, fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
  } catch {
    // Closed since it was listed.
    return undefined
  }
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  const now = readProcess(pid)
  return now !== undefined && now.startTime === startTime && !isDead(now)
}

/** Groups that a daemon made and left. */
export function groupsOf(daemon: ProcessIdentity): readonly string[] {
  const roots = [support.v2?.root, ...Object.values(support.v1).map(({ root }) => root)]
  const folders = roots.flatMap((root) =>
    root === undefined ? [] : join(root, subtreeName(daemon)),
  )
  return [...new Set(folders)].filter((folder) => existsSync(folder))
}
