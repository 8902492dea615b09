// What processes use: CPU time and resident memory, as /proc has it.

import { readdirSync, readFileSync } from 'node:fs'

const nsPerMs = 1e6

/** Of all its threads that live now, to a tick of the scheduler. Milliseconds. @throws Error when it is gone. */
export function cpuMsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'))
    .reduce((sum, text) => sum + Number(text.split(' ', 1)[0]) / nsPerMs, 0)
}

/** VmRSS. @throws Error when it is gone. */
export function residentMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status)
  if (found === null) throw new Error(`/proc/${pid}/status has no VmRSS`)
  return Number(found[1]) / 1024
}

/** The folder of its v2 group; undefined where there is no v2. */
export function v2GroupOf(pid: number): string | undefined {
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  const group = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
  return mount === undefined || group === undefined ? undefined : `${mount}${group}`
}
