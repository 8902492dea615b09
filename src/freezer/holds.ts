// Why a set of processes is stopped: it stands still while any reason holds, and goes on when the last one is gone.

import { assert } from '../domain/assert.js'
import { isStopped, readProcess } from '../procfs/process.js'

/** `frozen`: between requests. `throttled`: its share of CPU time is used up. */
export type HoldReason = 'frozen' | 'throttled'

/** Runs once after about that long; returns the way to cancel it. */
export type After = (durationMs: number, run: () => void) => () => void

export interface Stoppable {
  /** Stops everything, and whatever is found while it is held. Calling it again stops newcomers. */
  stop(): void
  continue(): void
  isStill(): boolean
  /** Somebody was seen who may turn out to belong to it. */
  isUncertain(): boolean
}

const RECHECK_MS = 1
const RECHECK_MS_MAX = 64
/** The child of a fork that was under way is found after this long; while throttled it takes no more than its share anyway. */
const THROTTLED_RECHECK_MS = 4

export class Holds {
  private readonly stoppable: Stoppable
  private readonly after: After
  private readonly reasons = new Set<HoldReason>()
  private still = false
  private cancelRecheck = () => {}

  constructor(stoppable: Stoppable, after: After) {
    this.stoppable = stoppable
    this.after = after
  }

  hold(reason: HoldReason): void {
    if (this.reasons.has(reason)) return
    this.reasons.add(reason)
    this.still = false
    this.stoppable.stop()
    this.cancelRecheck()
    if (this.reasons.has('frozen')) this.recheckIn(RECHECK_MS)
    else this.lookAgain()
  }

  /** Continues everything when no other reason is left. */
  release(reason: HoldReason): void {
    if (!this.reasons.delete(reason) || this.reasons.size > 0) return
    this.cancelRecheck()
    this.stoppable.continue()
  }

  holds(reason: HoldReason): boolean {
    return this.reasons.has(reason)
  }

  /** Looked up when asked: whether everything that is held stands still. */
  isStill(): boolean {
    assert(this.reasons.size > 0, 'only what is held can stand still')
    if (this.still) return true
    this.still = this.stoppable.isStill()
    if (!this.still) this.stoppable.stop()
    return this.still
  }

  /** A fork that was under way shows its child only afterwards: look again until all stands still. */
  private recheckIn(durationMs: number): void {
    this.cancelRecheck = this.after(durationMs, () => {
      // An exec under way ends soon; a foreign process without variables stays uncertain for ever.
      const uncertain = this.stoppable.isUncertain() && durationMs < RECHECK_MS_MAX
      if (this.isStill() && !uncertain) return
      this.still = false
      this.recheckIn(Math.min(durationMs * 2, RECHECK_MS_MAX))
    })
  }

  /** Without asking every thread: a throttled environment is stopped twenty times a second. */
  private lookAgain(): void {
    this.cancelRecheck = this.after(THROTTLED_RECHECK_MS, () => this.stoppable.stop())
  }
}

/**
 * The processes of a control group, stopped by signals: for a group that cannot limit CPU time. They are
 * continued only while they are still in the group, so that no recycled pid is signalled.
 */
export function groupStops(pids: () => readonly number[]): Stoppable {
  const stopped = new Set<number>()
  return {
    stop() {
      for (let found = true; found; ) {
        found = false
        for (const pid of pids()) {
          if (stopped.has(pid)) continue
          const process = readProcess(pid)
          // Whoever stopped itself is not ours to continue.
          if (process === undefined || process.state === 'T') continue
          stopped.add(pid)
          sendSignal(pid, 'SIGSTOP')
          found = true
        }
      }
    },
    continue() {
      const inside = new Set(pids())
      for (const pid of [...stopped].reverse()) if (inside.has(pid)) sendSignal(pid, 'SIGCONT')
      stopped.clear()
    },
    isStill() {
      return pids().every((pid) => {
        const process = readProcess(pid)
        return process === undefined || isStopped(process)
      })
    },
    isUncertain: () => false,
  }
}

/** Whoever is gone, or runs a program of another user's (sudo, ping), is left alone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  // 0 and below would address whole groups of processes.
  assert(pid > 0, 'a signal goes to one process')
  try {
    process.kill(pid, signal)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}
