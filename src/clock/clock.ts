// What the rest of the emulator may know of time and chance: interfaces only.

import type { EmulatorMs, KernelMs, TimerKey } from '../domain/brand.js'

/**
 * What kind of wait a timer is.
 * `wait`: a simulated delay that a client's accepted work depends on. `background`: expiry, retry, schedule.
 * `patience`: how long somebody waits for somebody else. `execution`: function timeout, init limit, shutdown budget.
 */
export type TimerKind = 'wait' | 'background' | 'patience' | 'execution'

/** Gives back what was held; calling it twice does nothing. */
export type Release = () => void

export interface Clock {
  /** Now, on the emulator's clock: logs, API timestamps, expiry, retries, billing. */
  nowMs(): EmulatorMs
  /** Now, as the host reads it: file times and TLS only. */
  kernelNowMs(): KernelMs
  /** For measured durations; unrelated to the epoch. Milliseconds with fractions. */
  monotonicMs(): number
  /** Runs `fire` once when the emulator's clock reaches `atMs`. Arming a key again replaces it. */
  arm(key: TimerKey, atMs: EmulatorMs, kind: TimerKind, fire: (dueMs: EmulatorMs) => void): void
  disarm(key: TimerKey): void
  /** Time flows at rate 1 until released: something is running. */
  hold(reason: string): Release
  /** The emulator's clock as the code inside a function sees it: deadlines. */
  toFunctionEpochMs(at: EmulatorMs): number
}

export interface AdvanceReport {
  readonly nowMs: EmulatorMs
  /** How far the work that fell due carried the clock past the target. */
  readonly overrunMs: number
  readonly timersFired: number
}

/** The handle of whoever may move time: tests, and later the clock verbs. */
export interface ClockControl {
  advance(byMs: number): Promise<AdvanceReport>
  /** Resolves when nothing runs and no timer is being fired. */
  settled(): Promise<void>
}

/** Waits on kernel time, for effects at the edge that AWS would not time: reaping a child, a late packet. */
export interface KernelTimers {
  sleep(durationMs: number): Promise<void>
  /** Runs `run` after about `durationMs` of kernel time; returns the way to cancel it. */
  after(durationMs: number, run: () => void): Release
}

export interface KernelTurns {
  /** Runs `run` in the next turn of the event loop. */
  nextTurn(run: () => void): void
}
