// One start of an environment in a turn of the event loop, so that a burst of them leaves turns for what is warm.

import type { KernelTurns } from '../clock/clock.js'

export class StartTurns {
  readonly #turns: KernelTurns
  readonly #waiting: (() => void)[] = []
  #turnTaken = false

  constructor(turns: KernelTurns) {
    this.#turns = turns
  }

  /** Resolves when it is this start's turn, in the order of coming. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#goOn()
    })
  }

  #goOn(): void {
    if (this.#turnTaken) return
    const begin = this.#waiting.shift()
    if (begin === undefined) return
    this.#turnTaken = true
    this.#turns.nextTurn(() => {
      this.#turnTaken = false
      this.#goOn()
    })
    begin()
  }
}
