// The moment between the last request for the next event and the freeze: a call that comes meanwhile costs neither.

import type { KernelTimers, KernelTurns } from '../clock/clock.js'

interface Waiting {
  readonly freeze: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * A request that has come by the time the grace is over may still lie in its socket: read in the first of these turns
 * of the event loop, placed in the last. Under load this spares most environments a freeze and a thaw.
 */
const turnsUntilPlaced = 3

/**
 * One timer for all environments: a timer each would cost as much as the freeze. Whoever has waited for a whole round
 * of it is frozen, so the grace lasts for one to two rounds: in back-to-back calls nobody is frozen.
 */
export class FreezeGrace {
  readonly #graceMs: number
  readonly #timers: KernelTimers & KernelTurns
  #older = new Map<string, Waiting>()
  #younger = new Map<string, Waiting>()
  #armed = false

  constructor(graceMs: number, timers: KernelTimers & KernelTurns) {
    this.#graceMs = graceMs
    this.#timers = timers
  }

  /** Freezes at once when there is no grace; else after it, unless cancelled. */
  freeze(id: string, freeze: () => void): undefined | Promise<void> {
    if (this.#graceMs === 0) {
      freeze()
      return undefined
    }
    return new Promise((done, failed) => {
      this.#younger.set(id, { freeze, done, failed })
      this.#arm()
    })
  }

  /** True when the freeze had not been carried out: it will not be. */
  cancel(id: string): boolean {
    const waiting = this.#younger.get(id) ?? this.#older.get(id)
    if (waiting === undefined) return false
    if (!this.#younger.delete(id)) this.#older.delete(id)
    waiting.done()
    return true
  }

  #arm(): void {
    if (this.#armed || this.#younger.size + this.#older.size === 0) return
    this.#armed = true
    this.#timers.after(this.#graceMs, () => this.#sweep(turnsUntilPlaced))
  }

  #sweep(turns: number): void {
    if (turns > 0) return this.#timers.nextTurn(() => this.#sweep(turns - 1))
    const due = this.#older
    this.#older = this.#younger
    this.#younger = new Map()
    for (const { freeze, done, failed } of due.values()) {
      try {
        freeze()
        done()
      } catch (error) {
        failed(error)
      }
    }
    this.#armed = false
    this.#arm()
  }
}
