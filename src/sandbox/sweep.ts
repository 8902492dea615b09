// What the next start does after a daemon died in any way: kills and removes the environments that it left behind.

import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CgroupSupport } from '../cgroups/detect.js'
import { reasonOf } from '../cgroups/folders.js'
import { Group, type GroupParents, type Wait } from '../cgroups/group.js'
import type { KernelTimers } from '../clock/clock.js'
import { ProcessTree } from '../freezer/process-tree.js'
import { bootId, daemonOfSubtree, isAlive, ownIdentity, type ProcessIdentity } from './identity.js'
import { pipesFolder } from './log-pipe.js'
import { type EnvironmentRecord, readRecords, removeEnvironment } from './records.js'
import { sweepStorage } from './storage-sweep.js'

export interface SweepOptions {
  readonly stateDirectory: string
  readonly support: CgroupSupport
  readonly timers: KernelTimers
  /** Path of the native helper, for what is mounted. */
  readonly helper?: string | undefined
}

export interface SweepReport {
  /** Groups of dead daemons that were removed, by path below the hierarchy's root. */
  readonly groups: readonly string[]
  /** Environments of the state directory whose record and folder were removed. */
  readonly environments: readonly string[]
  /** Processes that were killed. */
  readonly killed: readonly number[]
  /** What could not be cleaned, one sentence each. */
  readonly problems: readonly string[]
}

interface Findings {
  readonly groups: string[]
  readonly environments: string[]
  readonly killed: Set<number>
  readonly problems: string[]
}

/** How long one environment may take to die and go before it is reported instead. */
const PATIENCE_MS = 5_000

/**
 * Idempotent. Touches only groups named after a daemon that is dead, and only environments recorded for such a
 * one; a process is killed for its group, for its pid and start time, or for its log stream name: never for its pid alone.
 */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const found: Findings = { groups: [], environments: [], killed: new Set(), problems: [] }
  await sweepGroups(options, found)
  await sweepRecords(options, found)
  // The pipes of a pool are named only until they are opened: whatever lies there belongs to nobody.
  sweepNamed(pipesFolder(options.stateDirectory), found)
  sweepNamed(snapshotsFolder(options.stateDirectory), found)
  found.problems.push(...(await sweepStorage(options.stateDirectory, options.helper)))
  return { ...found, killed: [...found.killed] }
}

async function sweepGroups(options: SweepOptions, found: Findings): Promise<void> {
  const roots = new Map<string, string>()
  for (const [controller, { root }] of Object.entries(options.support.v1)) {
    if (root !== undefined) roots.set(controller, root)
  }
  const v2 = options.support.v2?.root
  const all = v2 === undefined ? [...roots.values()] : [v2, ...roots.values()]
  const subtrees = new Set(all.flatMap(foldersIn).filter(isOfDeadDaemon))
  for (const subtree of subtrees) {
    const places: Places = { v2, v1: roots }
    const names = new Set(all.flatMap((root) => foldersIn(join(root, subtree))))
    for (const name of names) await sweepGroup(join(subtree, name), places, options, found)
    await sweepGroup(subtree, places, options, found)
  }
}

/** A probe group is named after its daemon as well. */
function isOfDeadDaemon(name: string): boolean {
  const daemon = daemonOfSubtree(name.replace(/^lambda-emu-probe-/, 'lambda-emu-'))
  return daemon !== undefined && !isAlive(daemon)
}

interface Places {
  readonly v2: string | undefined
  readonly v1: ReadonlyMap<string, string>
}

async function sweepGroup(
  name: string,
  places: Places,
  options: SweepOptions,
  found: Findings,
): Promise<void> {
  const there = (root: string) =>
    statSync(join(root, name), { throwIfNoEntry: false }) !== undefined
  // v2 and the v1 freezer are two ways to hold processes: each is swept by its own means.
  const v1 = Object.fromEntries([...places.v1].filter(([, root]) => there(root)))
  const parents: GroupParents[] = []
  if (places.v2 !== undefined && there(places.v2)) parents.push({ v2: places.v2 })
  if (Object.keys(v1).length > 0) parents.push({ v1 })
  for (const parent of parents) {
    let group: Group | undefined
    try {
      group = Group.existing(name, parent)
      const pids = group.procs()
      if (pids.includes(0)) {
        found.problems.push(`group ${name} holds processes of another pid namespace: left alone`)
        continue
      }
      const wait = patientWait(options.timers)
      await group.killAll(wait)
      for (const pid of pids) found.killed.add(pid)
      await group.remove(wait)
      found.groups.push(name)
    } catch (error) {
      group?.close()
      found.problems.push(`group ${name} cannot be removed: ${reasonOf(error)}`)
    }
  }
}

async function sweepRecords(options: SweepOptions, found: Findings): Promise<void> {
  const { stateDirectory } = options
  const boot = bootId()
  for (const { id, record } of readRecords(stateDirectory)) {
    if (record !== undefined && record.bootId === boot && isAlive(record.daemon)) continue
    try {
      if (record !== undefined) await killRecorded(record, boot, options, found)
      removeEnvironment(stateDirectory, id)
      found.environments.push(id)
    } catch (error) {
      found.problems.push(`environment ${id} cannot be removed: ${reasonOf(error)}`)
    }
  }
}

/** Descends from the recorded process if it is still that one, and finds the rest by the log stream name that they inherit. */
async function killRecorded(
  record: EnvironmentRecord,
  boot: string,
  options: SweepOptions,
  found: Findings,
): Promise<void> {
  const tree = new ProcessTree(`AWS_LAMBDA_LOG_STREAM_NAME=${record.logStreamName}`, {
    unstarted: false,
  })
  if (record.bootId === boot && record.pid !== null && record.startTime !== null) {
    tree.addRecorded(record.pid, record.startTime)
  }
  for (const member of tree.look()) found.killed.add(member.pid)
  const wait = patientWait(options.timers)
  while (!tree.killRound()) await wait(1)
}

/** Copies of code that a daemon's functions run. */
export function snapshotsFolder(stateDirectory: string): string {
  return join(stateDirectory, 'snapshots')
}

/** What lies in the folder under the name of a daemon that is dead, or of none. */
function sweepNamed(folder: string, found: Findings): void {
  for (const name of namesIn(folder)) {
    const owner = /^(\d+)-(\d+)-\d+$/.exec(name)
    const daemon: ProcessIdentity | undefined =
      owner === null ? undefined : { pid: Number(owner[1]), startTime: Number(owner[2]) }
    if (daemon !== undefined && (isAlive(daemon) || daemon.pid === ownIdentity().pid)) continue
    try {
      rmSync(join(folder, name), { recursive: true, force: true })
    } catch (error) {
      found.problems.push(`${join(folder, name)} cannot be removed: ${reasonOf(error)}`)
    }
  }
}

/** A wait that gives up: one stuck environment must not hold up the start. */
function patientWait(timers: KernelTimers): Wait {
  let waitedMs = 0
  return async (durationMs) => {
    if (waitedMs >= PATIENCE_MS) throw new Error(`not done in ${PATIENCE_MS} ms`)
    waitedMs += durationMs
    await timers.sleep(durationMs)
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    // ENODEV: a group that another start is removing at this moment.
    if (/^(ENOENT|ENODEV)$/.test(reasonOf(error))) return []
    throw error
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return []
    throw error
  }
}
