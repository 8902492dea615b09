// Who a process is: pid and start time together, so that a recycled pid is never taken for the old process.

import { readFileSync } from 'node:fs'
import { namespaceMark } from '../cgroups/namespace-mark.js'
import { assert } from '../domain/assert.js'
import { readProcess } from '../procfs/process.js'

export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat: ticks since boot. */
  readonly startTime: number
}

/** The process that has this pid now; undefined when there is none. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const found = readProcess(pid)
  return found === undefined ? undefined : { pid, startTime: found.startTime }
}

export function ownIdentity(): ProcessIdentity {
  const own = identityOf(process.pid)
  assert(own !== undefined, 'a process finds itself in /proc')
  return own
}

/** Whether that very process still exists; a zombie does not count. */
export function isAlive(identity: ProcessIdentity): boolean {
  const found = readProcess(identity.pid)
  if (found === undefined || found.startTime !== identity.startTime) return false
  return !/[ZX]/.test(found.state)
}

/** Changes at each boot: start times of another boot mean nothing. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

const SUBTREE_NAME = /^lambda-emu-(\d+)-(\d+)(-\d+)?$/

/** Name of the group that holds all environments of one daemon. */
export function subtreeName(daemon: ProcessIdentity): string {
  return `lambda-emu-${daemon.pid}-${daemon.startTime}${namespaceMark()}`
}

/** The daemon that a group belongs to; undefined when it is not a group of ours, or one of another pid namespace. */
export function daemonOfSubtree(name: string): ProcessIdentity | undefined {
  const match = SUBTREE_NAME.exec(name)
  if (match === null || (match[3] ?? '') !== namespaceMark()) return undefined
  return { pid: Number(match[1]), startTime: Number(match[2]) }
}
