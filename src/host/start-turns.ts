// Few starts of environments at a time, so that a burst of them leaves time for what is warm.

import type { KernelTimers, KernelTurns, Release } from '../clock/clock.js'

/**
 * How long a start counts at most. A figure of ours: what starts a process takes less, and an init that waits for something else
 * must not hold up others.
 */
const countsForMs = 100

/**
 * A start takes both this process and the processors. Without an end to how many there are, what is warm gets so little that
 * what comes meanwhile finds every environment busy: that would be started as well, and a burst would feed itself.
 */
export class StartTurns {
  readonly #most: number
  readonly #timers: KernelTimers & KernelTurns
  readonly #waiting: (() => void)[] = []
  #counted = 0
  #turnTaken = false

  /** @param most how many count at once; in one turn of the event loop no more than one begins */
  constructor(most: number, timers: KernelTimers & KernelTurns) {
    this.#most = most
    this.#timers = timers
  }

  /** Resolves when it is this start's turn, in the order of coming, with the way to say that it is over. */
  next(): Promise<Release> {
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(this.#count()))
      this.#goOn()
    })
  }

  #goOn(): void {
    if (this.#turnTaken || this.#counted >= this.#most) return
    const begin = this.#waiting.shift()
    if (begin === undefined) return
    this.#turnTaken = true
    this.#timers.nextTurn(() => {
      this.#turnTaken = false
      this.#goOn()
    })
    begin()
  }

  #count(): Release {
    this.#counted += 1
    let counts = true
    const over = () => {
      if (!counts) return
      counts = false
      cancel()
      this.#counted -= 1
      this.#goOn()
    }
    const cancel = this.#timers.after(countsForMs, over)
    return over
  }
}
