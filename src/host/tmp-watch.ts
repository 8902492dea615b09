// Finds out when a /tmp that nothing keeps to its size holds more than its function may have there, and tells it once.

import type { Clock, KernelTimers, Release } from '../clock/clock.js'
import type { EnvironmentId } from '../domain/brand.js'
import type { Journal } from '../journal/journal.js'
import type { Sandbox } from '../sandbox/sandbox.js'
import type { TmpStorage } from '../sandbox/storage.js'

const everyMs = 1_000
/** Counting many files takes long; it never takes more than this part of the time. */
const busyShareMax = 0.05

export interface TmpWatchOptions {
  readonly storage: Pick<TmpStorage, 'enforced' | 'sizeMb' | 'usedMb'>
  readonly timers: Pick<KernelTimers, 'after'>
  /** Time that never jumps; milliseconds. */
  readonly monotonicMs: () => number
  /** Whole megabytes. */
  readonly overfull: (usedMb: number) => void
}

/** Costs nothing where the kernel enforces the size, and once it has told. */
export class TmpWatch {
  readonly #options: TmpWatchOptions
  #done: boolean
  #mayLookAtMs = Number.NEGATIVE_INFINITY
  #planned: Release | undefined

  constructor(options: TmpWatchOptions) {
    this.#options = options
    this.#done = options.storage.enforced
  }

  /** After an invocation: looks now, or when it may again; off everybody's path. */
  written(): void {
    if (this.#done || this.#planned !== undefined) return
    const { timers, monotonicMs } = this.#options
    const delayMs = Math.max(0, Math.ceil(this.#mayLookAtMs - monotonicMs()))
    this.#planned = timers.after(delayMs, () => {
      this.#planned = undefined
      // Until it has ended, the next one is as far off as if it took a second.
      this.#mayLookAtMs = monotonicMs() + everyMs
      void this.#look()
    })
  }

  /** For good. */
  close(): void {
    this.#done = true
    this.#planned?.()
    this.#planned = undefined
  }

  async #look(): Promise<void> {
    const { storage, monotonicMs, overfull } = this.#options
    const fromMs = monotonicMs()
    // What cannot be counted (it may be on its way out) is worth no failed invocation.
    const usedMb = await storage.usedMb().catch(() => 0)
    const tookMs = monotonicMs() - fromMs
    this.#mayLookAtMs = fromMs + Math.max(everyMs, tookMs / busyShareMax)
    if (this.#done || usedMb <= storage.sizeMb) return
    this.close()
    overfull(Math.round(usedMb))
  }
}

/** What one environment has, and whose it is. */
export interface WatchedTmp {
  readonly env: EnvironmentId
  readonly functionName: string
  readonly sandbox: Pick<Sandbox, 'storage'>
}

/** Watches an environment's /tmp and tells the journal. */
export function tmpWatchOf(
  parts: { readonly clock: Clock; readonly timers: KernelTimers; readonly journal: Journal },
  { env, functionName, sandbox: { storage } }: WatchedTmp,
): TmpWatch {
  const { clock, timers, journal } = parts
  const { sizeMb } = storage
  return new TmpWatch({
    storage,
    timers,
    monotonicMs: () => clock.monotonicMs(),
    overfull: (usedMb) =>
      journal.append({ kind: 'environment.tmp-overfull', env, functionName, usedMb, sizeMb }),
  })
}
