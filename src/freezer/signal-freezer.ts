// The freezer of last resort: SIGSTOP to every process that can be found, SIGCONT in reverse.

import type { Freezer } from './freezer.js'
import type { ProcessTree } from './process-tree.js'

/** Runs once after about that long; returns the way to cancel it. */
export type After = (durationMs: number, run: () => void) => () => void

const RECHECK_MS = 1
const RECHECK_MS_MAX = 64

/**
 * Differences that a function can notice, unlike a cgroup freezer: its SIGCONT handler runs at the thaw,
 * and a parent that waits with WUNTRACED hears of the stop. Source: measured on Linux.
 */
export const signalEscapes = [
  'a daemonised process (its parent has exited) whose environment block no longer holds AWS_LAMBDA_LOG_STREAM_NAME',
  'for about a millisecond, the child of a fork that was under way when the freeze began',
  'a process that something outside the environment continues with SIGCONT',
  'a program that runs as another user (set-uid), unless the daemon is root',
] as const

export function signalFreezer(tree: ProcessTree, after: After): Freezer {
  let wanted = false
  let still = false
  let cancelRecheck = () => {}

  /** A fork that was under way shows its child only afterwards: look again until all stands still. */
  function recheckIn(durationMs: number): void {
    cancelRecheck = after(durationMs, () => {
      // An exec under way ends soon; a foreign process without variables stays uncertain for ever.
      const uncertain = tree.isUncertain() && durationMs < RECHECK_MS_MAX
      if (settled() && !uncertain) return
      still = false
      recheckIn(Math.min(durationMs * 2, RECHECK_MS_MAX))
    })
  }

  function settled(): boolean {
    if (still) return true
    still = tree.isStill()
    if (!still) tree.stop()
    return still
  }

  return {
    backend: 'signal',
    escapes: signalEscapes,
    freeze() {
      if (wanted) return
      wanted = true
      still = false
      tree.stop()
      recheckIn(RECHECK_MS)
    },
    thaw() {
      if (!wanted) return
      wanted = false
      cancelRecheck()
      tree.continue()
    },
    state: () => (wanted ? (settled() ? 'frozen' : 'freezing') : 'running'),
  }
}
