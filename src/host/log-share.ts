// How much of the daemon's time goes into what functions write: a part of it, so that a storm of output holds up its writer and nobody else.

import type { KernelTimers } from '../clock/clock.js'

/** Of the daemon's time, what output may take in the long run. */
const SHARE = 1 / 4
/** Saved up while little is written: what a function says at once, up to some 10,000 lines, is read at once. */
const SAVED_MS_MAX = 50
/** Who had to wait goes on when so much is saved up again; the pieces in between are short. */
const TURN_MS = 4

export interface Pausable {
  pause(): void
  resume(): void
}

export interface LogShareOptions {
  readonly timers: KernelTimers
  readonly monotonicMs: () => number
}

/** One for all environments: however many write, all others have the rest of the time. */
export class LogShare {
  readonly #options: LogShareOptions
  readonly #waiting = new Set<Pausable>()
  #savedMs = SAVED_MS_MAX
  #savedAtMs: number
  #armed = false

  constructor(options: LogShareOptions) {
    this.#options = options
    this.#savedAtMs = options.monotonicMs()
  }

  /** Does what is to be done with a piece of what was read; its reader then waits for as long as that took too much. */
  take(reader: Pausable, work: () => void): void {
    const startedAtMs = this.#options.monotonicMs()
    work()
    const nowMs = this.#save()
    this.#savedMs -= nowMs - startedAtMs
    if (this.#savedMs > 0) return
    reader.pause()
    this.#waiting.add(reader)
    this.#arm()
  }

  #save(): number {
    const nowMs = this.#options.monotonicMs()
    this.#savedMs = Math.min(SAVED_MS_MAX, this.#savedMs + (nowMs - this.#savedAtMs) * SHARE)
    this.#savedAtMs = nowMs
    return nowMs
  }

  #arm(): void {
    if (this.#armed || this.#waiting.size === 0) return
    this.#armed = true
    const waitMs = Math.max(1, (TURN_MS - this.#savedMs) / SHARE)
    this.#options.timers.after(waitMs, () => {
      this.#armed = false
      this.#next()
    })
  }

  /** One at a time, in the order in which they began to wait. */
  #next(): void {
    this.#save()
    const [reader] = this.#waiting
    if (reader !== undefined && this.#savedMs > 0) {
      this.#waiting.delete(reader)
      reader.resume()
    }
    this.#arm()
  }
}
