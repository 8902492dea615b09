// What /proc says of single processes: identity, parent, state, CPU time, children. A process that is gone reads as undefined.

import { readdirSync } from 'node:fs'
import { namesOrGone, readOrGone } from './read.js'

export interface ProcessStat {
  readonly pid: number
  /** R, S, D, T (stopped), t (traced), Z (zombie), X. */
  readonly state: string
  readonly parentPid: number
  readonly kernelThread: boolean
  readonly threads: number
  /** Ticks since boot, field 22: with the pid it names one process and no later one. */
  readonly startTime: number
  /** Its own and that of the children it has waited for. Microseconds. */
  readonly cpuUs: number
  /** The part of `cpuUs` that children used which it has waited for. Microseconds. */
  readonly reapedCpuUs: number
}

/** PF_KTHREAD in the kernel's include/linux/sched.h. */
const KERNEL_THREAD_FLAG = 0x0020_0000
/** /proc counts in USER_HZ, which is 100 on every architecture that Node runs on. */
const US_PER_TICK = 10_000

export function readProcess(pid: number): ProcessStat | undefined {
  return parseStat(pid, readOrGone(`/proc/${pid}/stat`))
}

/** The name (field 2) may hold spaces and parentheses, so fields are counted from its last `)`. */
function parseStat(pid: number, text: string | undefined): ProcessStat | undefined {
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (field: number) => Number(fields[field - 3])
  const reapedCpuUs = (number(16) + number(17)) * US_PER_TICK
  return {
    pid,
    state: fields[0] ?? 'X',
    parentPid: number(4),
    kernelThread: (number(9) & KERNEL_THREAD_FLAG) !== 0,
    threads: number(20),
    startTime: number(22),
    cpuUs: (number(14) + number(15)) * US_PER_TICK + reapedCpuUs,
    reapedCpuUs,
  }
}

/** Dead, though its parent may not have asked for its exit status yet. */
export function isDead(process: ProcessStat | undefined): boolean {
  if (process === undefined || process.state === 'X') return true
  // A zombie leader with threads left is a process whose main thread has ended; the others run on.
  return process.state === 'Z' && process.threads <= 1
}

/** True when every thread is stopped or dead. */
export function isStopped(process: ProcessStat): boolean {
  if (!/[TtZXD]/.test(process.state)) return false
  return threadsOf(process).every((thread) => {
    const text = readOrGone(`/proc/${process.pid}/task/${thread}/stat`)
    if (text === undefined) return true
    const state = text.charAt(text.lastIndexOf(')') + 2)
    return /[TtZX]/.test(state) || (state === 'D' && waitsForVfork(process.pid, thread))
  })
}

/**
 * A thread that has called vfork(2), as shells do for every command, waits beyond the reach of signals until its child has
 * called exec or ended: it stands still as long as the child does. Source: seen on Linux 6.18.
 */
function waitsForVfork(pid: number, thread: string | number): boolean {
  return readOrGone(`/proc/${pid}/task/${thread}/wchan`) === 'kernel_clone'
}

/** Children are listed under the thread that forked them. */
export function childrenOf(process: ProcessStat): number[] {
  return threadsOf(process).flatMap((thread) => {
    const text = readOrGone(`/proc/${process.pid}/task/${thread}/children`) ?? ''
    return text.split(' ').filter(Boolean).map(Number)
  })
}

/** Ids of its threads, the main one's being the pid itself. */
export function threadsOf(process: ProcessStat): readonly (string | number)[] {
  return process.threads <= 1 ? [process.pid] : namesOrGone(`/proc/${process.pid}/task`)
}

/** `NAME=value` strings joined by NUL, as at exec; '' while exec is under way, and for kernel threads and zombies. */
export function environmentBlockOf(pid: number): string | undefined {
  return readOrGone(`/proc/${pid}/environ`)
}

/** False for the id of a thread: /proc does not list those, and yet opens them by number like processes. */
export function isProcessId(id: number): boolean {
  const group = /^Tgid:\s+(\d+)$/m.exec(readOrGone(`/proc/${id}/status`) ?? '')
  return group !== null && Number(group[1]) === id
}

/** Every process that this pid namespace shows. */
export function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

export interface ForkCount {
  /** Processes and threads made since boot. */
  readonly forks: number
  /** The pid given out last; pids are given out in rising order until they wrap. */
  readonly lastPid: number
}

/** Cheap evidence that nothing new can exist: 20 µs, against 1.4 ms for looking at every process. Source: measured. */
export function readForkCount(): ForkCount | undefined {
  const forks = /^processes (\d+)$/m.exec(readOrGone('/proc/stat') ?? '')
  const lastPid = /(\d+)\s*$/.exec(readOrGone('/proc/loadavg') ?? '')
  if (forks === null || lastPid === null) return undefined
  return { forks: Number(forks[1]), lastPid: Number(lastPid[1]) }
}
