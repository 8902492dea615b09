// The processes of one environment where no control group holds them: found by descent and by a variable that they inherit.

import { assert } from '../domain/assert.js'
import {
  allPids,
  childrenOf,
  environmentBlockOf,
  type ForkCount,
  isDead,
  isStopped,
  type ProcessStat,
  readForkCount,
  readProcess,
} from '../procfs/process.js'

/** Above this many new pids since the last look, looking at every process is cheaper than at each number. */
const NEW_PIDS_MAX = 256
/** A fork takes its pid before it is counted: this many pids from before the last look are looked at again. */
const FORKS_UNDER_WAY = 32

/**
 * Membership is proved by descent from a known member or by the mark in a process's environment block,
 * and kept by pid and start time: a recycled pid is never signalled.
 */
export class ProcessTree {
  private readonly mark: string
  /** In the order found: parents before children. */
  private readonly members = new Map<number, ProcessStat>()
  private readonly stopped = new Set<number>()
  /** Seen without an environment block (exec under way, or started with none): looked at again each time. */
  private undetermined = new Set<number>()
  private lastLook: ForkCount | undefined
  private rootsAdded = false
  /** Between stop and continue. */
  private held = false

  /** `mark` is `NAME=value`, unique to this environment. Nothing that started earlier can carry it. */
  constructor(mark: string, options: { readonly unstarted: boolean } = { unstarted: true }) {
    assert(mark.indexOf('=') > 0, 'the mark is one NAME=value')
    this.mark = mark
    if (options.unstarted) this.lastLook = readForkCount()
  }

  /** Adds a process that was just started as a child of this one. */
  addRoot(pid: number): void {
    const found = readProcess(pid)
    if (found === undefined || found.parentPid !== process.pid) return
    this.members.set(pid, found)
    this.rootsAdded = true
  }

  /** Adds a process found on record, if it is still that one. Returns whether it is. */
  addRecorded(pid: number, startTime: number): boolean {
    const found = readProcess(pid)
    if (found === undefined || found.startTime !== startTime) return false
    this.members.set(pid, found)
    this.rootsAdded = true
    return true
  }

  /** Every live member, after one look for new ones. Parents before children. */
  look(): readonly ProcessStat[] {
    const members = this.find()
    // Whoever is found while the tree is held still is stopped there and then.
    if (this.held && members.some(({ pid }) => !this.stopped.has(pid))) this.stop()
    return members
  }

  private find(): readonly ProcessStat[] {
    this.forgetDead()
    if (this.findMarked()) this.descend()
    return [...this.members.values()]
  }

  /** SIGSTOP to everything, until one look finds nothing new. */
  stop(): void {
    this.held = true
    for (const member of this.members.values()) this.stopOne(member)
    for (let found = true; found; ) {
      found = false
      for (const member of this.find()) {
        if (this.stopped.has(member.pid)) continue
        this.stopOne(member)
        found = true
      }
    }
  }

  /** Whether everything stands still: a child may still appear from a fork that was under way at the signal. */
  isStill(): boolean {
    for (const member of this.members.values()) {
      const now = readProcess(member.pid)
      if (now !== undefined && !isStopped(now)) return false
    }
    return this.find().every((member) => this.stopped.has(member.pid))
  }

  /** Somebody was seen in the middle of exec, and may turn out to be a member. */
  isUncertain(): boolean {
    return this.undetermined.size > 0
  }

  /** SIGCONT in reverse order, so that no parent wakes before its children. */
  continue(): void {
    this.held = false
    for (const pid of [...this.stopped].reverse()) this.signal(pid, 'SIGCONT')
    this.stopped.clear()
  }

  /** SIGKILL to everything, which also ends stopped processes. True when nothing was left alive to kill. */
  killRound(): boolean {
    // Whoever is stopped cannot fork a child past the round.
    this.stop()
    const members = this.look()
    for (const member of members) this.signal(member.pid, 'SIGKILL')
    return members.length === 0
  }

  /** Looks at every process the next time, whatever the counters say. */
  lookEverywhere(): void {
    this.lastLook = undefined
  }

  private stopOne(member: ProcessStat): void {
    this.stopped.add(member.pid)
    this.signal(member.pid, 'SIGSTOP')
  }

  private signal(pid: number, signal: NodeJS.Signals): void {
    const known = this.members.get(pid)
    if (known === undefined || readProcess(pid)?.startTime !== known.startTime) return
    try {
      process.kill(pid, signal)
    } catch (error) {
      // EPERM: it runs a program of another user's (sudo, ping): it cannot be stopped, and is waited for when killed.
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code !== 'ESRCH' && code !== 'EPERM') throw error
    }
  }

  private forgetDead(): void {
    for (const [pid, known] of this.members) {
      const now = readProcess(pid)
      if (now?.startTime === known.startTime && !isDead(now)) {
        this.members.set(pid, now)
        continue
      }
      this.members.delete(pid)
      this.stopped.delete(pid)
    }
  }

  private descend(): void {
    // A Map's iteration also visits what is added on the way, so this goes all the way down.
    for (const member of this.members.values()) {
      for (const pid of childrenOf(member)) {
        if (this.members.has(pid)) continue
        const child = readProcess(pid)
        if (child !== undefined && !isDead(child) && this.members.has(child.parentPid)) {
          this.members.set(pid, child)
        }
      }
    }
  }

  /**
   * Finds members that were re-parented away from the tree, among the pids given out since the last look.
   * Returns false when the tree cannot have grown: nothing on the machine forked.
   */
  private findMarked(): boolean {
    const before = this.lastLook
    const now = readForkCount()
    this.lastLook = now
    const again = this.undetermined
    this.undetermined = new Set()
    for (const pid of again) this.examine(pid)
    const unchanged = before !== undefined && before.forks === now?.forks
    const grown = !unchanged || again.size > 0 || this.rootsAdded
    this.rootsAdded = false
    if (!unchanged) for (const pid of newPids(before, now)) this.examine(pid)
    return grown
  }

  private examine(pid: number): void {
    if (pid === process.pid || this.members.has(pid)) return
    const block = environmentBlockOf(pid)
    if (block === undefined) return
    if (block !== '' && !`\0${block}\0`.includes(`\0${this.mark}\0`)) return
    const found = readProcess(pid)
    if (found === undefined || isDead(found) || found.kernelThread) return
    if (block === '') this.undetermined.add(pid)
    else this.members.set(pid, found)
  }
}

/** The pids that may be new; every pid there is when the counters cannot tell. */
function newPids(before: ForkCount | undefined, now: ForkCount | undefined): number[] {
  if (before === undefined || now === undefined) return allPids()
  const forks = now.forks - before.forks
  const first = before.lastPid - FORKS_UNDER_WAY
  const span = now.lastPid - first
  // More forks than that, or pids that wrapped round: the numbers between prove nothing.
  if (forks > NEW_PIDS_MAX || span < 0 || span > 2 * NEW_PIDS_MAX) return allPids()
  return Array.from({ length: span }, (_, index) => first + 1 + index).filter((pid) => pid > 1)
}
