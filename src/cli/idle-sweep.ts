// Gives back the memory of a load that is over: V8 collects while something is made, and an idle daemon makes nothing.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { KernelTimers, Release } from '../clock/clock.js'

export interface IdleSweepParts {
  readonly timers: Pick<KernelTimers, 'after'>
  /** How many invocations have ended so far. */
  readonly invocations: () => number
  /** Collects garbage; V8's own unless given. */
  readonly collect?: () => void
}

const LOOK_EVERY_MS = 5_000
/**
 * One collection frees what is no longer used, the next one gives the emptied pages back. Source: measured, 113, 109 and
 * then 100 MB resident after 1,700 invocations; each took 20 to 40 ms. After many environments it takes more.
 */
const SWEEPS = 4

/** Looks again and again until released; once nobody has called for 5 s it sweeps, and then not before more calls have come. */
export function sweepWhenIdle(parts: IdleSweepParts): Release {
  const { timers, invocations } = parts
  let collect = parts.collect
  let seen = invocations()
  let sweeps = 0
  const look = () => {
    const total = invocations()
    if (total !== seen) sweeps = 0
    else if (sweeps < SWEEPS) {
      collect ??= ownCollector()
      collect()
      sweeps += 1
    }
    seen = total
    cancel = timers.after(LOOK_EVERY_MS, look)
  }
  let cancel = timers.after(LOOK_EVERY_MS, look)
  return () => cancel()
}

/** Contexts that are made from now on have the function; ours was made before. */
function ownCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return collect as () => void
}
