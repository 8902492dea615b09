// The freezer of last resort: SIGSTOP to every process that can be found, SIGCONT in reverse.

import type { Freezer } from './freezer.js'
import type { Holds } from './holds.js'

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

/** The same for a tree below an anchor (`ProcessTree.addAnchor`): there a daemonised process is found by descent. */
export const anchoredSignalEscapes: readonly string[] = signalEscapes.slice(1)

/** The tree goes on when nobody holds it: what throttles it may do so too. */
export function holdFreezer(holds: Holds): Freezer {
  return {
    backend: 'signal',
    escapes: signalEscapes,
    freeze: () => holds.hold('frozen'),
    thaw: () => holds.release('frozen'),
    state: () => (holds.holds('frozen') ? (holds.isStill() ? 'frozen' : 'freezing') : 'running'),
  }
}
