// What freezing an environment means to the rest of the emulator, whatever does it underneath.

export type FreezerBackend = 'v2' | 'v1' | 'signal' | 'none'

/**
 * Stops and continues every process of one environment. Both calls return at once and are never awaited:
 * waiting for the last thread to stop costs up to 20 ms on a busy machine. Source: measured.
 */
export interface Freezer {
  readonly backend: FreezerBackend
  /** What this backend cannot stop, one phrase each; empty when nothing gets away. */
  readonly escapes: readonly string[]
  freeze(): void
  thaw(): void
  /** Looked up when asked. `freezing`: asked for, and not every thread has stopped yet. */
  state(): 'running' | 'freezing' | 'frozen'
}

/** For people who want the behaviour of every other emulator: background work goes on between requests. */
export const noFreezer: Freezer = {
  backend: 'none',
  escapes: ['everything: nothing is frozen between requests'],
  freeze: () => {},
  thaw: () => {},
  state: () => 'running',
}
