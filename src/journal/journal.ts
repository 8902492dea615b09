// The append-only list of what happened. Everything that reports reads it; nothing decides by it.

import type { Clock } from '../clock/clock.js'
import type { EmulatorMs } from '../domain/brand.js'

export type JournalRecord = { readonly kind: string } & Readonly<Record<string, unknown>>

export type JournalEntry = JournalRecord & {
  /** 1, 2, 3 … in the order of happening. */
  readonly sequence: number
  readonly atMs: EmulatorMs
}

// Enough to explain what just happened; a durable journal comes with its own store.
const entriesKept = 20_000
const entriesDroppedAtOnce = 1_000

export class Journal {
  readonly #clock: Clock
  readonly #entries: JournalEntry[] = []
  readonly #listeners = new Set<(entry: JournalEntry) => void>()
  #sequence = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  append(record: JournalRecord): void {
    this.#sequence += 1
    const entry = { sequence: this.#sequence, atMs: this.#clock.nowMs(), ...record }
    this.#entries.push(entry)
    // Dropping many at once keeps the cost of an append constant.
    if (this.#entries.length === entriesKept + entriesDroppedAtOnce)
      this.#entries.splice(0, entriesDroppedAtOnce)
    for (const listener of this.#listeners) listener(entry)
  }

  /** The last `count` entries, oldest first. */
  tail(count: number): readonly JournalEntry[] {
    return this.#entries.slice(-count)
  }

  /** Calls `listener` for every entry from now on; returns the way to stop. */
  listen(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
