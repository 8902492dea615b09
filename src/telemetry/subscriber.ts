// One subscription at work: gathers records into batches and sends one after the other, in bounded memory, never while the environment is frozen.

import type { KernelTimers, Release } from '../clock/clock.js'
import type { Destination } from './destination.js'
import type { Buffering } from './subscription.js'

export interface Dropped {
  readonly droppedBytes: number
  readonly droppedRecords: number
}

export interface SubscriberOptions {
  readonly buffering: Buffering
  readonly destination: Destination
  readonly timers: KernelTimers
  readonly monotonicMs: () => number
  /** What has been dropped since it was last told; called when there is room again. */
  readonly dropped: (dropped: Dropped) => void
}

interface Batch {
  readonly records: readonly string[]
  readonly bytes: number
  attempts: number
}

// UNRECORDED: telemetry-retries — that a batch is sent again, with back-off, is documented; how often and how soon is not.
const attemptsMax = 16
const firstBackoffMs = 20
const backoffMsMax = 1_000

export class Subscriber {
  readonly #options: SubscriberOptions
  /** What is gathered: two batches at most are in memory, this one and the one on its way. */
  #records: string[] = []
  #bytes = 0
  #sinceMs = 0
  #cancelTimer: Release | undefined
  #due = false
  #sending: Batch | undefined
  /** Of the attempt: its limit, or the wait before the next one. */
  #cancelAttempt: Release | undefined
  #waitsToRetry = false
  #droppedBytes = 0
  #droppedRecords = 0
  #paused = false
  #closed = false

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** There is no room: a record need not even be made. */
  get isFull(): boolean {
    const { maxItems, maxBytes } = this.#options.buffering
    return this.#records.length >= maxItems || this.#bytes >= maxBytes
  }

  /** Takes one record, as JSON, or drops it. */
  add(record: string): void {
    const bytes = Buffer.byteLength(record)
    if (this.isFull) return this.drop(bytes)
    this.#records.push(record)
    this.#bytes += bytes
    if (this.isFull) return this.flush()
    if (this.#records.length > 1) return
    this.#sinceMs = this.#options.monotonicMs()
    this.#armTimer(this.#options.buffering.timeoutMs)
  }

  /** A record of so many bytes is lost. */
  drop(bytes: number): void {
    if (this.#closed) return
    this.#droppedBytes += bytes
    this.#droppedRecords += 1
  }

  /** What is gathered is sent without further waiting. */
  flush(): void {
    this.#due = true
    this.#sendNext()
  }

  /** The environment is frozen: nobody there could take anything. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#cancelAttempt?.()
    this.#cancelAttempt = undefined
  }

  /** Goes on where it was; what has been due meanwhile is sent at once, as timers are when a machine goes on. */
  resume(): void {
    if (!this.#paused || this.#closed) return
    this.#paused = false
    if (this.#waitsToRetry) this.#attempt()
    else if (this.#sending !== undefined) this.#armAttempt()
    if (this.#records.length === 0) return
    const { timeoutMs } = this.#options.buffering
    const leftMs = this.#sinceMs + timeoutMs - this.#options.monotonicMs()
    if (leftMs > 0 && !this.#due) this.#armTimer(leftMs)
    else this.flush()
  }

  /** Nothing is sent or taken any more. */
  close(): void {
    this.#closed = true
    this.pause()
    this.#records = []
    this.#bytes = 0
    this.#sending = undefined
    this.#options.destination.close()
  }

  #armTimer(afterMs: number): void {
    if (this.#paused || this.#closed) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.timers.after(afterMs, () => this.flush())
  }

  #sendNext(): void {
    if (!this.#due || this.#paused || this.#closed || this.#sending !== undefined) return
    this.#due = false
    if (this.#records.length === 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#sending = { records: this.#records, bytes: this.#bytes, attempts: 0 }
    this.#records = []
    this.#bytes = 0
    this.#attempt()
    this.#tellDropped()
  }

  /** There is room now, for this news too. */
  #tellDropped(): void {
    if (this.#droppedRecords === 0) return
    const dropped = { droppedBytes: this.#droppedBytes, droppedRecords: this.#droppedRecords }
    this.#droppedBytes = 0
    this.#droppedRecords = 0
    this.#options.dropped(dropped)
  }

  #attempt(): void {
    const batch = this.#sending
    if (batch === undefined) return
    this.#waitsToRetry = false
    batch.attempts += 1
    this.#options.destination.send(batch.records, (taken) => {
      if (this.#sending === batch) this.#attempted(batch, taken)
    })
    this.#armAttempt()
  }

  #armAttempt(): void {
    const { destination, timers } = this.#options
    const { attemptMsMax } = destination
    if (attemptMsMax === undefined || this.#sending === undefined) return
    this.#cancelAttempt = timers.after(attemptMsMax, () => destination.abort())
  }

  #attempted(batch: Batch, taken: boolean): void {
    this.#cancelAttempt?.()
    this.#cancelAttempt = undefined
    if (!taken && batch.attempts < attemptsMax) return this.#retryLater(batch)
    this.#sending = undefined
    if (!taken) {
      this.#droppedBytes += batch.bytes
      this.#droppedRecords += batch.records.length
      this.#tellDropped()
    }
    this.#sendNext()
  }

  #retryLater({ attempts }: Batch): void {
    this.#waitsToRetry = true
    if (this.#paused) return
    const waitMs = Math.min(backoffMsMax, firstBackoffMs * 2 ** (attempts - 1))
    this.#cancelAttempt = this.#options.timers.after(waitMs, () => this.#attempt())
  }
}
