// Memory of environments while they run: measured everywhere, and limited where no control group does it.

import type { KernelTimers, Release } from '../clock/clock.js'
import { readMemory, readProportionalBytes } from '../procfs/memory.js'
import { currentMemory, type MemorySum } from './process-memory.js'

/** How often an environment is looked at that nothing else limits: memory grows by 50 to 150 MB in that time at most. */
export const limitedTickMs = 50
/** How often one is looked at whose control group limits it. */
export const measuredTickMs = 500
const CHANGE_BYTES = 1024 * 1024
/** The exact sum walks whole address spaces, so one that was well below the limit is taken again only after so many looks. */
const LOOKS_BETWEEN_EXACT_SUMS = 10
const WELL_BELOW = 0.9

export interface Exceeded {
  readonly privateBytes: number
  /** Whom the kernel would have killed. */
  readonly largestPid: number
}

export interface WatchedOptions {
  readonly pids: () => readonly number[]
  /** Undefined where a control group keeps the limit: then it is only measured. */
  readonly limitBytes: number | undefined
  /** Private memory, when it has changed by 1 MB or more since it was told last; forks count what they share twice. */
  readonly changed: (privateBytes: number) => void
  /**
   * Only for a limit. Told again when the process it named is gone and the others are still over the limit,
   * as the kernel would go on killing, and in a later run.
   */
  readonly exceeded: (what: Exceeded) => void
}

export interface WatchedMemory {
  /** At every thaw, and at the start. */
  run(): void
  /** At every freeze, and after a kill. It is looked at once more at the next tick, then costs nothing. */
  rest(): void
  /** For good: nothing is told any more. */
  close(): void
  /**
   * The most that was seen resident at once, files once, processes that have ended since included. What came and went
   * between two looks was not seen: it is to be taken together with `memoryOfProcesses`, which knows each live process's own peak.
   */
  readonly peakBytes: number
}

/** One ticker for all environments; it stands still when none runs. */
export class MemoryWatch {
  private readonly timers: KernelTimers
  private readonly active = new Set<Watched>()
  private tickMs = Number.POSITIVE_INFINITY
  private cancel: Release = () => {}

  constructor(timers: KernelTimers) {
    this.timers = timers
  }

  /** Nothing happens until `run`. */
  watch(options: WatchedOptions): WatchedMemory {
    const watched: Watched = new Watched(options, {
      start: () => {
        this.active.add(watched)
        this.arm(watched.everyMs)
      },
      stop: () => this.active.delete(watched),
    })
    return watched
  }

  private arm(wantedMs: number): void {
    if (wantedMs >= this.tickMs) return
    this.cancel()
    this.tickMs = wantedMs
    this.cancel = this.timers.after(wantedMs, () => this.tick(wantedMs))
  }

  private tick(passedMs: number): void {
    this.tickMs = Number.POSITIVE_INFINITY
    for (const watched of [...this.active]) watched.tick(passedMs)
    this.arm(Math.min(...[...this.active].map((watched) => watched.everyMs)))
  }
}

class Watched implements WatchedMemory {
  readonly everyMs: number
  peakBytes = 0
  private readonly options: WatchedOptions
  private readonly ticker: { readonly start: () => void; readonly stop: () => void }
  private running = false
  private sinceLookMs = 0
  private toldBytes = 0
  private toldPid: number | undefined
  private exactAfterLooks = 0

  constructor(options: WatchedOptions, ticker: Watched['ticker']) {
    this.options = options
    this.ticker = ticker
    this.everyMs = options.limitBytes === undefined ? measuredTickMs : limitedTickMs
  }

  run(): void {
    this.running = true
    this.toldPid = undefined
    this.ticker.start()
  }

  rest(): void {
    this.running = false
  }

  close(): void {
    this.running = false
    this.ticker.stop()
  }

  tick(passedMs: number): void {
    this.sinceLookMs += passedMs
    if (this.sinceLookMs < this.everyMs) return
    this.sinceLookMs = 0
    // A run shorter than a tick is looked at all the same, once, when it is over.
    if (!this.running) this.ticker.stop()
    this.look()
  }

  private look(): void {
    const pids = this.options.pids()
    const now = currentMemory(pids)
    this.peakBytes = Math.max(this.peakBytes, now.residentBytes)
    if (Math.abs(now.privateBytes - this.toldBytes) >= CHANGE_BYTES) {
      this.toldBytes = now.privateBytes
      this.options.changed(now.privateBytes)
    }
    const privateBytes = this.overLimit(pids, now)
    if (privateBytes === undefined || now.largest === undefined) return
    // Dying takes a moment, and nobody else must pay for it.
    if (this.toldPid !== undefined && readMemory(this.toldPid) !== undefined) return
    this.toldPid = now.largest.pid
    this.options.exceeded({ privateBytes, largestPid: now.largest.pid })
  }

  private overLimit(pids: readonly number[], now: MemorySum): number | undefined {
    const { limitBytes } = this.options
    if (limitBytes === undefined || now.privateBytes <= limitBytes) return undefined
    // One process alone has the memory that it says; several may share it.
    if ((now.largest?.privateBytes ?? 0) > limitBytes) return now.privateBytes
    if (this.exactAfterLooks > 0) {
      this.exactAfterLooks -= 1
      return undefined
    }
    const exactBytes = exactMemory(pids) ?? now.privateBytes
    if (exactBytes < limitBytes * WELL_BELOW) this.exactAfterLooks = LOOKS_BETWEEN_EXACT_SUMS
    return exactBytes > limitBytes ? exactBytes : undefined
  }
}

/** Every page once. Undefined where the kernel does not tell it of a process that is alive. */
function exactMemory(pids: readonly number[]): number | undefined {
  let sumBytes = 0
  for (const pid of pids) {
    const bytes = readProportionalBytes(pid)
    if (bytes === undefined && currentMemory([pid]).privateBytes > 0) return undefined
    sumBytes += bytes ?? 0
  }
  return sumBytes
}
