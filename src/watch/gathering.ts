// When a change is over: saves come as several events, checkouts and installations as thousands.

import type { KernelTimers, Release } from '../clock/clock.js'

export interface GatheringOptions {
  readonly timers: KernelTimers
  /** Milliseconds with fractions. */
  readonly monotonicMs: () => number
  /** The change is over. Not called again before something is noted. */
  readonly over: () => void
}

/**
 * How long nothing may have happened. An editor's events of one save are less than 1 ms apart (measured: vim, VS Code
 * and sed -i, by rename or in place), and somebody waits for the answer; a checkout pauses for longer, and so does a
 * package manager.
 */
export const quietMs = { hurried: 2, relaxed: 50, installing: 250 } as const
/** So many files are no save of an editor. */
const pathsOfSave = 8
/** A file that is written without end must not keep the rest from being served. */
export const gatheredMsMax = 2_000

export class Gathering {
  readonly #options: GatheringOptions
  readonly #paths = new Set<string>()
  #firstMs = 0
  #lastMs = 0
  #installing = false
  #hurried = false
  #pending = false
  #cancel: Release | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  /** When the change began that is not over yet; undefined when there is none. */
  get sinceMs(): number | undefined {
    return this.#pending ? this.#firstMs : undefined
  }

  /** @param installing dependencies are being installed. */
  note(path: string, installing: boolean): void {
    const nowMs = this.#options.monotonicMs()
    if (!this.#pending) this.#firstMs = nowMs
    this.#pending = true
    this.#lastMs = nowMs
    this.#installing ||= installing
    if (this.#paths.size <= pathsOfSave) this.#paths.add(path)
    // A timer that comes too early looks again; putting it off at each of thousands of events would cost more.
    if (this.#cancel === undefined) this.#arm(this.#due())
  }

  /** Somebody waits for the end of this change. */
  hurry(): void {
    if (!this.#pending || this.#hurried) return
    this.#hurried = true
    const dueMs = this.#due()
    if (dueMs < this.#dueMs) this.#arm(dueMs)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#pending = false
  }

  #due(): number {
    const isSave = this.#hurried && this.#paths.size <= pathsOfSave
    const waitMs = this.#installing
      ? quietMs.installing
      : isSave
        ? quietMs.hurried
        : quietMs.relaxed
    return Math.min(this.#lastMs + waitMs, this.#firstMs + gatheredMsMax)
  }

  #arm(dueMs: number): void {
    this.#cancel?.()
    this.#dueMs = dueMs
    const delayMs = Math.max(0, dueMs - this.#options.monotonicMs())
    this.#cancel = this.#options.timers.after(Math.ceil(delayMs), () => this.#look())
  }

  #look(): void {
    this.#cancel = undefined
    const dueMs = this.#due()
    // Timers may come a little early.
    if (dueMs > this.#options.monotonicMs() + 0.5) return this.#arm(dueMs)
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#pending = false
    this.#installing = false
    this.#hurried = false
    this.#paths.clear()
    this.#options.over()
  }
}
