// The emulator's clock: one number that flows, stands still, or is moved, and the timers that hang on it.

import { assert } from '../domain/assert.js'
import type { EmulatorMs, TimerKey } from '../domain/brand.js'
import type { AdvanceReport, Clock, ClockControl, Release, TimerKind } from './clock.js'
import { type Kernel, systemKernel } from './kernel.js'

interface Timer {
  readonly key: TimerKey
  readonly dueMs: EmulatorMs
  readonly order: number
  readonly kind: TimerKind
  readonly fire: (dueMs: EmulatorMs) => void
}

export interface EmulatorClockOptions {
  /** `real` flows always; `virtual` flows only while something is held, and is moved by `advance`. */
  readonly mode: 'real' | 'virtual'
  /** Where emulator time starts; the host's time by default. */
  readonly startMs?: number
  readonly kernel?: Kernel
}

// A schedule that re-arms itself at the same instant would otherwise never let `advance` end.
const firedTimersMax = 1_000_000
// setTimeout takes at most a signed 32-bit number of milliseconds.
const kernelTimerMsMax = 2 ** 31 - 1

export class EmulatorClock implements Clock, ClockControl {
  readonly mode: 'real' | 'virtual'
  readonly #kernel: Kernel
  readonly #timers = new Map<TimerKey, Timer>()
  #baseMs: number
  #markMs: number
  #flowing: boolean
  #holds = 0
  #order = 0
  #cancelKernelTimer: Release | undefined
  #wakeMs = Number.POSITIVE_INFINITY
  #jumpQueued = false
  #advancing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: EmulatorClockOptions) {
    this.mode = options.mode
    this.#kernel = options.kernel ?? systemKernel
    this.#baseMs = options.startMs ?? this.#kernel.nowMs()
    this.#markMs = this.#kernel.monotonicMs()
    this.#flowing = options.mode === 'real'
  }

  nowMs(): EmulatorMs {
    const flowedMs = this.#flowing ? this.#kernel.monotonicMs() - this.#markMs : 0
    return (this.#baseMs + flowedMs) as EmulatorMs
  }

  kernelNowMs() {
    return this.#kernel.nowMs()
  }

  monotonicMs(): number {
    return this.#kernel.monotonicMs()
  }

  toFunctionEpochMs(at: EmulatorMs): number {
    // The function reads the kernel's clock: what is left on ours is left on its.
    return this.#kernel.nowMs() + (at - this.nowMs())
  }

  arm(key: TimerKey, atMs: EmulatorMs, kind: TimerKind, fire: (dueMs: EmulatorMs) => void): void {
    this.#order += 1
    this.#timers.set(key, { key, dueMs: atMs, order: this.#order, kind, fire })
    if (this.#flowing && atMs < this.#wakeMs) this.#wakeAt(atMs)
    if (kind === 'wait') this.#considerJump()
  }

  disarm(key: TimerKey): void {
    // The kernel timer is left: waking once for nothing is cheaper than looking for the next due time.
    this.#timers.delete(key)
  }

  hold(_reason: string): Release {
    this.#holds += 1
    this.#setFlowing(true)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds -= 1
      if (this.#holds > 0) return
      this.#setFlowing(this.mode === 'real')
      this.#considerJump()
    }
  }

  /** Moves the clock on by `byMs`, firing what falls due in order. A second call waits for the first. */
  advance(byMs: number): Promise<AdvanceReport> {
    const run = this.#advancing.then(() => this.#advanceNow(byMs))
    this.#advancing = run.catch(() => undefined)
    return run
  }

  /** Resolves when nothing has been held for two whole turns of the event loop. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await new Promise<void>((resolve) => this.#kernel.nextTurn(resolve))
      if (this.#holds === 0) quiet += 1
      else {
        quiet = 0
        await this.#kernel.sleep(1)
      }
    }
  }

  /** Forgets every timer: the emulator has stopped. */
  close(): void {
    this.#closed = true
    this.#timers.clear()
    this.#cancelKernelTimer?.()
  }

  #setFlowing(flowing: boolean): void {
    if (flowing === this.#flowing) return
    this.#baseMs = this.nowMs()
    this.#markMs = this.#kernel.monotonicMs()
    this.#flowing = flowing
    this.#scheduleWake()
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined
    for (const timer of this.#timers.values()) {
      if (
        earliest === undefined ||
        timer.dueMs < earliest.dueMs ||
        (timer.dueMs === earliest.dueMs && timer.order < earliest.order)
      )
        earliest = timer
    }
    return earliest
  }

  #scheduleWake(): void {
    this.#cancelKernelTimer?.()
    this.#cancelKernelTimer = undefined
    this.#wakeMs = Number.POSITIVE_INFINITY
    if (!this.#flowing || this.#closed) return
    const next = this.#earliest()
    if (next !== undefined) this.#wakeAt(next.dueMs)
  }

  #wakeAt(atMs: EmulatorMs): void {
    this.#cancelKernelTimer?.()
    this.#wakeMs = atMs
    const delayMs = Math.min(Math.max(atMs - this.nowMs(), 0), kernelTimerMsMax)
    this.#cancelKernelTimer = this.#kernel.after(Math.ceil(delayMs), () => this.#wake())
  }

  #wake(): void {
    this.#cancelKernelTimer = undefined
    for (let next = this.#earliest(); next !== undefined; next = this.#earliest()) {
      if (next.dueMs > this.nowMs() || !this.#flowing) break
      this.#fire(next)
    }
    this.#scheduleWake()
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer.key)
    timer.fire(timer.dueMs)
  }

  /** Idle with a simulated delay that a client waits for: go to the earliest timer, whatever its kind. */
  #considerJump(): void {
    if (this.mode !== 'virtual' || this.#jumpQueued || this.#holds > 0 || this.#closed) return
    if (![...this.#timers.values()].some((timer) => timer.kind === 'wait')) return
    this.#jumpQueued = true
    this.#kernel.nextTurn(() => {
      this.#jumpQueued = false
      if (this.#holds > 0 || this.#closed) return
      const next = this.#earliest()
      if (next === undefined) return
      this.#moveTo(next.dueMs)
      this.#fire(next)
      this.#considerJump()
    })
  }

  #moveTo(atMs: number): void {
    const now = this.nowMs()
    if (atMs <= now) return
    this.#baseMs = atMs
    this.#markMs = this.#kernel.monotonicMs()
  }

  async #advanceNow(byMs: number): Promise<AdvanceReport> {
    assert(byMs >= 0, 'time does not go back')
    const targetMs = this.nowMs() + byMs
    let timersFired = 0
    for (;;) {
      await this.settled()
      const next = this.#earliest()
      if (next === undefined || next.dueMs > targetMs) break
      this.#moveTo(next.dueMs)
      this.#fire(next)
      timersFired += 1
      assert(timersFired <= firedTimersMax, `timer ${next.key} re-arms itself without end`)
    }
    this.#moveTo(targetMs)
    return { nowMs: this.nowMs(), overrunMs: Math.max(0, this.nowMs() - targetMs), timersFired }
  }
}
