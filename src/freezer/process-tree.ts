// The processes of one environment where no control group holds them: found by descent and by a variable that they inherit.

import { assert } from '../domain/assert.js'
import { CpuCounter } from '../procfs/cpu-counter.js'
import {
  allPids,
  childrenOf,
  environmentBlockOf,
  type ForkCount,
  isDead,
  isProcessId,
  isStopped,
  type ProcessStat,
  readForkCount,
  readProcess,
} from '../procfs/process.js'
import { type Stoppable, sendSignal } from './holds.js'

/** Above this many new pids since the last look, looking at every process is cheaper than at each number. */
const NEW_PIDS_MAX = 256
/** A fork takes its pid before it is counted: this many pids from before the last look are looked at again. */
const FORKS_UNDER_WAY = 32
/** A tree that waits is read whole only every fourth time: 1 ms against .2 ms from a cold start. Source: measured. */
const READINGS_SPARED_MAX = 3

/**
 * A process outside the tree that everything inside descends from, and to which orphans are re-parented.
 * Depth 1: its children are members. Depth 2: its children are inits of pid namespaces, and theirs are members.
 */
interface Anchor {
  readonly pid: number
  readonly startTime: number
  readonly depth: 1 | 2
}

function isStartedHere({ parentPid }: ProcessStat): boolean {
  return parentPid === process.pid || readProcess(parentPid)?.parentPid === process.pid
}

/**
 * Membership is proved by descent from an anchor or a known member, or, where no anchor is, by the mark in a
 * process's environment block, and kept by pid and start time: a recycled pid is never signalled.
 */
export class ProcessTree implements Stoppable {
  private readonly mark: string
  private readonly childrenOf: (parent: ProcessStat) => readonly number[]
  private anchors: Anchor[] = []
  /** As seen at the last look: the processes whose children are members though they are none. */
  private reapers: readonly ProcessStat[] = []
  /** An anchor died with the tree alive: what it held together is told by the mark alone. */
  private anchorLost = false
  /** In the order found: parents before children. */
  private readonly members = new Map<number, ProcessStat>()
  /** True for those that were stopped here; false for those that had stopped by themselves. */
  private readonly stopped = new Map<number, boolean>()
  private readonly cpuCounter = new CpuCounter()
  private readingsSpared = 0
  /** Seen without an environment block (exec under way, or started with none): looked at again each time. */
  private undetermined = new Set<number>()
  private lastLook: ForkCount | undefined
  private rootsAdded = false
  /** Between stop and continue. */
  private held = false

  /** `mark` is `NAME=value`, unique to this environment. Unless `unstarted` is false nothing can carry it yet. */
  constructor(
    mark: string,
    options: {
      readonly unstarted?: boolean
      /** The kernel's list unless given. */
      readonly childrenOf?: (parent: ProcessStat) => readonly number[]
    } = {},
  ) {
    assert(mark.indexOf('=') > 0, 'the mark is one NAME=value')
    this.mark = mark
    this.childrenOf = options.childrenOf ?? childrenOf
    if (options.unstarted !== false) this.lastLook = readForkCount()
  }

  /** Adds a process that was just started as a child of this one. */
  addRoot(pid: number): void {
    const found = readProcess(pid)
    if (found === undefined || found.parentPid !== process.pid) return
    this.members.set(pid, found)
    this.rootsAdded = true
  }

  /**
   * Everything below this process is found by descent from now on, which makes looking at other processes
   * needless until it dies. It is no member itself, nor, at depth 2, are its children: they are never
   * listed, measured, stopped or killed here. Returns false when it is gone already, or another
   * process has its pid by now. Without a recorded `startTime` it must be a child of this process, or of one that is: of the
   * spawner.
   */
  addAnchor(pid: number, depth: 1 | 2, startTime?: number): boolean {
    const found = readProcess(pid)
    if (found === undefined || isDead(found)) return false
    const same = startTime === undefined && isStartedHere(found)
    if (!same && found.startTime !== startTime) return false
    this.anchors.push({ pid, startTime: found.startTime, depth })
    // It carries the mark until it becomes the program, so a look may have taken it for a member.
    if (this.stopped.get(pid)) this.signal(pid, 'SIGCONT')
    this.stopped.delete(pid)
    this.members.delete(pid)
    this.rootsAdded = true
    return true
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
    const orphaned = this.forgetDead()
    this.lookAtAnchors()
    if (this.mayHaveGrown() || orphaned) this.descend()
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

  /**
   * CPU time of everything that ran in the tree, a moment ago at most. It never falls, kills included.
   * Missed is what lived between two calls and was waited for by nobody (SIGCHLD ignored). Microseconds.
   */
  cpuUs(): number {
    const unchangedUs = this.cpuCounter.unchangedUs()
    // Somebody new may work while those that are known wait.
    if (unchangedUs !== undefined && this.readingsSpared < READINGS_SPARED_MAX) {
      this.readingsSpared += 1
      return unchangedUs
    }
    this.readingsSpared = 0
    const members = this.look()
    const outside = new Set([...this.anchors, ...this.reapers].map(({ pid }) => pid))
    return this.cpuCounter.read(members, [...outside])
  }

  /** Somebody was seen in the middle of exec, and may turn out to be a member. */
  isUncertain(): boolean {
    return this.undetermined.size > 0
  }

  /** SIGCONT in reverse order, so that no parent wakes before its children; whoever had stopped by itself stays so. */
  continue(): void {
    this.held = false
    for (const [pid, byUs] of [...this.stopped].reverse()) if (byUs) this.signal(pid, 'SIGCONT')
    this.stopped.clear()
  }

  /** SIGKILL to everything, which also ends stopped processes. True when nothing was left alive to kill. */
  killRound(): boolean {
    // Whoever is stopped cannot fork a child past the round.
    this.stop()
    const members = this.look()
    for (const member of members) this.signal(member.pid, 'SIGKILL')
    // What is started afterwards is another life of the environment, and nobody holds it.
    if (members.length === 0) {
      this.held = false
      this.anchorLost = false
    }
    return members.length === 0
  }

  /** Looks at every process the next time, whatever the counters say. */
  lookEverywhere(): void {
    this.lastLook = undefined
  }

  private stopOne({ pid, startTime }: ProcessStat): void {
    const now = readProcess(pid)
    if (now?.startTime !== startTime) return
    // Unless it had stopped before the first signal: then it is not ours to continue.
    const byUs = now.state !== 'T' || this.stopped.get(pid) === true
    this.stopped.set(pid, byUs)
    if (byUs) sendSignal(pid, 'SIGSTOP')
  }

  private signal(pid: number, signal: NodeJS.Signals): void {
    const known = this.members.get(pid)
    if (known === undefined || readProcess(pid)?.startTime !== known.startTime) return
    sendSignal(pid, signal)
  }

  /** True when somebody died, whose children have another parent now without a fork. */
  private forgetDead(): boolean {
    let died = false
    for (const [pid, known] of this.members) {
      const now = readProcess(pid)
      if (now?.startTime === known.startTime && !isDead(now)) {
        this.members.set(pid, now)
        continue
      }
      this.members.delete(pid)
      this.stopped.delete(pid)
      died = true
    }
    return died
  }

  private lookAtAnchors(): void {
    const reapers: ProcessStat[] = []
    for (const anchor of this.anchors) {
      const now = readProcess(anchor.pid)
      if (now === undefined || now.startTime !== anchor.startTime || isDead(now)) {
        this.anchors = this.anchors.filter((other) => other !== anchor)
        this.anchorLost = true
        this.lastLook = undefined
      } else if (anchor.depth === 1) reapers.push(now)
      else reapers.push(...this.liveChildrenOf(now))
    }
    this.reapers = reapers
  }

  private descend(): void {
    const parents = new Set(this.reapers.map(({ pid }) => pid))
    const adoptOrphans = () => {
      for (const reaper of this.reapers) this.adoptChildren(reaper, parents)
    }
    adoptOrphans()
    for (let before = -1; before !== this.members.size; ) {
      before = this.members.size
      // A Map's iteration also visits what is added on the way, so this goes all the way down.
      for (const member of this.members.values()) this.adoptChildren(member, parents)
      // Whose parent ended on the way is listed where it was not yet when that list was read.
      adoptOrphans()
    }
  }

  private liveChildrenOf(parent: ProcessStat): ProcessStat[] {
    return this.childrenOf(parent).flatMap((pid) => {
      const child = readProcess(pid)
      return child === undefined || isDead(child) ? [] : [child]
    })
  }

  private adoptChildren(parent: ProcessStat, reapers: ReadonlySet<number>): void {
    for (const child of this.liveChildrenOf(parent)) {
      if (this.members.has(child.pid)) continue
      // It may have been re-parented since it was listed.
      if (this.members.has(child.parentPid) || reapers.has(child.parentPid)) {
        this.members.set(child.pid, child)
      }
    }
  }

  /** False when the tree cannot have grown since the last look: nothing on the machine forked. */
  private mayHaveGrown(): boolean {
    const before = this.lastLook
    const now = readForkCount()
    this.lastLook = now
    const unchanged = before !== undefined && before.forks === now?.forks
    const grown = !unchanged || this.undetermined.size > 0 || this.rootsAdded
    this.rootsAdded = false
    if (this.anchors.length > 0 && !this.anchorLost) this.undetermined.clear()
    else this.findMarked(unchanged ? [] : newPids(before, now))
    return grown
  }

  /** Finds members that were re-parented away from the tree, among the pids that may be new. */
  private findMarked(pids: readonly number[]): void {
    const again = this.undetermined
    this.undetermined = new Set()
    for (const pid of again) this.examine(pid)
    for (const pid of pids) this.examine(pid)
  }

  private examine(pid: number): void {
    if (pid === process.pid || this.members.has(pid)) return
    if ([...this.anchors, ...this.reapers].some((outside) => outside.pid === pid)) return
    const block = environmentBlockOf(pid)
    if (block === undefined) return
    if (block !== '' && !`\0${block}\0`.includes(`\0${this.mark}\0`)) return
    const found = readProcess(pid)
    if (found === undefined || isDead(found) || found.kernelThread || !isProcessId(pid)) return
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
