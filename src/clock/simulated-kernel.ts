// A kernel whose time moves only when it is told to: for simulation, where seconds must cost nothing.

import type { KernelMs } from '../domain/brand.js'
import type { Release } from './clock.js'
import type { Kernel } from './kernel.js'

interface Waiting {
  readonly dueMs: number
  readonly run: () => void
}

export class SimulatedKernel implements Kernel {
  #nowMs: number
  #waiting: Waiting[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): KernelMs {
    return this.#nowMs as KernelMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  nextTurn(run: () => void): void {
    this.after(0, run)
  }

  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(durationMs, resolve)
    })
  }

  after(durationMs: number, run: () => void): Release {
    const waiting = { dueMs: this.#nowMs + durationMs, run }
    this.#waiting.push(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting)
    }
  }

  /** Milliseconds to the next thing that waits; undefined when nothing does. */
  untilNextMs(): number | undefined {
    if (this.#waiting.length === 0) return undefined
    return Math.max(0, Math.min(...this.#waiting.map(({ dueMs }) => dueMs)) - this.#nowMs)
  }

  /** Moves time on, running what falls due in order. */
  elapse(durationMs: number): void {
    const targetMs = this.#nowMs + durationMs
    for (;;) {
      const next = this.#waiting
        .filter(({ dueMs }) => dueMs <= targetMs)
        .sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#waiting = this.#waiting.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.run()
    }
    this.#nowMs = targetMs
  }
}
