// CPU time of a whole process tree, finer than the 10 ms ticks of /proc/<pid>/stat, and never falling.

import { type ProcessStat, readProcess, threadsOf } from './process.js'
import { readOrGone } from './read.js'

/**
 * stat counts in ticks of 10 ms, which is more than a 128 MB function gets in a cycle of 50 ms; schedstat counts in
 * nanoseconds and is at most one scheduler tick (1 to 10 ms) late for a running thread. Source: measured, Linux 6.18.
 */
const NS_PER_US = 1000
/** User and system time of waited-for children are each rounded down to a tick. */
const REAPED_ROUNDING_US = 20_000
/** What an event loop that only waits uses between two looks. Source: measured. */
const QUIET_US = 200
/** Reading one thread takes about 12 µs. A process of more threads than that is counted in ticks. Source: measured. */
const THREADS_READ_MAX = 64

interface Seen {
  readonly startTime: number
  /** Live threads, as they were last. Microseconds. */
  threadsUs: Map<string, number>
  /** Threads that ended, as far as that is known. */
  endedThreadsUs: number
  ownUs: number
  /** As /proc/<pid>/stat had it, and the main thread's part of it. */
  statUs: number
  mainThreadUs: number
  /** Its own time and that of the children it waited for. */
  wholeUs: number
}

/**
 * Two sums, of which the larger is right. `seen`: every process ever read, at its last reading; it misses processes
 * that lived between two readings. `reaped`: live processes plus the children that they or the reapers waited for; it
 * misses those that nobody waits for (SIGCHLD ignored), unless they were seen to be gone.
 */
export class CpuCounter {
  /** Parents before children: a child that is waited for in between must not be counted in both. */
  private readonly processes = new Map<number, Seen>()
  private goneUs = 0
  private unreapedUs = 0
  private reapedBeforeUs = 0
  /** The last reading, when it was lower than what had been counted before. */
  private fallenToUs: number | undefined
  private countedUs = 0
  private quiet = false

  /**
   * Reads the tree. `members`: every live process of it, parents before children. `reapers`: processes that
   * are no members and wait for orphans; only the children they waited for count. Microseconds; about 25 µs a
   * process and 12 µs a thread.
   */
  read(members: readonly ProcessStat[], reapers: readonly number[] = []): number {
    let reapedUs = 0
    for (const pid of reapers) reapedUs += readProcess(pid)?.reapedCpuUs ?? 0
    for (const { pid, startTime } of members) this.meet(pid, startTime)
    let seenUs = 0
    for (const [pid, seen] of this.processes) {
      const now = readProcess(pid)
      if (now === undefined || now.startTime !== seen.startTime) {
        this.processes.delete(pid)
        this.goneUs += seen.ownUs
        continue
      }
      look(seen, now)
      seenUs += seen.ownUs
      reapedUs += seen.wholeUs
    }
    const highest = Math.max(seenUs + this.goneUs, this.withUnreaped(reapedUs))
    this.quiet = highest < this.countedUs + QUIET_US
    this.countedUs = Math.max(this.countedUs, highest)
    return this.countedUs
  }

  /**
   * The last reading, while every process of it does as little as it did then; otherwise undefined. Two files a process
   * instead of one a thread: what a waiting tree costs its watcher. It does not see processes that are new.
   */
  unchangedUs(): number | undefined {
    if (!this.quiet) return undefined
    for (const [pid, seen] of this.processes) {
      const now = readProcess(pid)
      if (now?.startTime !== seen.startTime || now.cpuUs !== seen.statUs) return undefined
      if ((threadUs(pid, pid) ?? 0) - seen.mainThreadUs > QUIET_US) return undefined
    }
    return this.countedUs
  }

  private meet(pid: number, startTime: number): void {
    const known = this.processes.get(pid)
    if (known?.startTime === startTime) return
    if (known !== undefined) this.goneUs += known.ownUs
    this.processes.delete(pid)
    const threadsUs = new Map<string, number>()
    this.processes.set(pid, {
      startTime,
      threadsUs,
      endedThreadsUs: 0,
      ownUs: 0,
      wholeUs: 0,
      statUs: 0,
      mainThreadUs: 0,
    })
  }

  /**
   * The sum falls when a process goes that nobody waited for, and also, for one reading, when it is being
   * waited for at that moment. What is still missing at the next reading is counted as used.
   */
  private withUnreaped(readUs: number): number {
    const nowUs = readUs + this.unreapedUs
    if (nowUs + REAPED_ROUNDING_US >= this.reapedBeforeUs) {
      this.fallenToUs = undefined
      this.reapedBeforeUs = Math.max(this.reapedBeforeUs, nowUs)
      return this.reapedBeforeUs
    }
    if (this.fallenToUs === undefined) {
      this.fallenToUs = nowUs
      return this.reapedBeforeUs
    }
    this.unreapedUs += this.reapedBeforeUs - this.fallenToUs
    this.reapedBeforeUs = Math.max(this.reapedBeforeUs, readUs + this.unreapedUs)
    this.fallenToUs = undefined
    return this.reapedBeforeUs
  }
}

function look(seen: Seen, now: ProcessStat): void {
  const ticksUs = now.cpuUs - now.reapedCpuUs
  const fineUs = now.threads <= THREADS_READ_MAX ? lookAtThreads(seen, now, ticksUs) : 0
  seen.ownUs = Math.max(seen.ownUs, ticksUs, fineUs)
  seen.wholeUs = seen.ownUs + now.reapedCpuUs
  seen.statUs = now.cpuUs
  seen.mainThreadUs = seen.threadsUs.get(`${now.pid}`) ?? 0
}

function lookAtThreads(seen: Seen, now: ProcessStat, ticksUs: number): number {
  const threadsUs = readThreads(now)
  for (const [thread, us] of seen.threadsUs) {
    if (!threadsUs.has(thread)) seen.endedThreadsUs += us
  }
  seen.threadsUs = threadsUs
  let liveUs = 0
  for (const us of threadsUs.values()) liveUs += us
  // Ticks also count threads that lived between two readings.
  seen.endedThreadsUs = Math.max(seen.endedThreadsUs, ticksUs - liveUs)
  return liveUs + seen.endedThreadsUs
}

/** Empty on kernels without scheduler statistics. */
function readThreads(process: ProcessStat): Map<string, number> {
  const found = new Map<string, number>()
  for (const thread of threadsOf(process)) {
    const us = threadUs(process.pid, thread)
    if (us !== undefined) found.set(`${thread}`, us)
  }
  return found
}

function threadUs(pid: number, thread: number | string): number | undefined {
  const text = readOrGone(`/proc/${pid}/task/${thread}/schedstat`)
  return text === undefined ? undefined : Number.parseInt(text, 10) / NS_PER_US
}
