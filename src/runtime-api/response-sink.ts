// Where a streamed response goes while it comes, and the count that ends it when it is too large.

import type { KernelTimers } from '../clock/clock.js'
import type { PieceSink } from '../http/exchange.js'

/** Somebody who takes a response in pieces. */
export interface ResponseSink extends PieceSink {
  /** Once, before the first piece. */
  begin(contentType: string): void
}

/**
 * Passes pieces on up to the limit and the first byte over it, and drops what is left. Source of that one byte: the open agent,
 * and a stream of 201 MiB on AWS (2026-09-15) of which 209,715,201 bytes arrived.
 */
export class LimitedSink implements PieceSink {
  readonly #sink: PieceSink
  readonly #limitBytes: number
  #bytes = 0

  constructor(sink: PieceSink, limitBytes: number) {
    this.#sink = sink
    this.#limitBytes = limitBytes
  }

  /** How many have come, with those that were dropped. */
  get bytes(): number {
    return this.#bytes
  }

  get isOver(): boolean {
    return this.#bytes > this.#limitBytes
  }

  take(piece: Buffer): boolean {
    const leftBytes = this.#limitBytes + 1 - this.#bytes
    this.#bytes += piece.length
    if (leftBytes <= 0) return true
    return this.#sink.take(piece.length <= leftBytes ? piece : piece.subarray(0, leftBytes))
  }

  onRoom(listener: () => void): void {
    this.#sink.onRoom(listener)
  }
}

export interface PaceParts {
  /** So many bytes are free; after them, and whenever they come back, this rate holds. */
  readonly rate: { readonly freeBytes: number; readonly bytesPerSecond: number }
  readonly timers: KernelTimers
  readonly monotonicMs: () => number
}

/** Passes pieces on no faster than a rate, once what is free has gone. Source: the open agent, whose bucket refills meanwhile. */
export class PacedSink implements ResponseSink {
  readonly #sink: ResponseSink
  readonly #parts: PaceParts
  #leftBytes: number
  #countedAtMs: number
  #sinkHasRoom = true

  constructor(sink: ResponseSink, parts: PaceParts) {
    this.#sink = sink
    this.#parts = parts
    this.#leftBytes = parts.rate.freeBytes
    this.#countedAtMs = parts.monotonicMs()
  }

  begin(contentType: string): void {
    this.#sink.begin(contentType)
  }

  take(piece: Buffer): boolean {
    this.#sinkHasRoom = this.#sink.take(piece)
    this.#refill()
    this.#leftBytes -= piece.length
    return this.#sinkHasRoom && this.#leftBytes >= 0
  }

  onRoom(listener: () => void): void {
    this.#refill()
    if (this.#leftBytes >= 0) {
      if (this.#sinkHasRoom) listener()
      else this.#sink.onRoom(listener)
      return
    }
    // More may have come until then than was there now.
    const { rate, timers } = this.#parts
    const waitMs = Math.ceil((-this.#leftBytes / rate.bytesPerSecond) * 1000)
    timers.after(waitMs, () => this.onRoom(listener))
  }

  #refill(): void {
    const { rate, monotonicMs } = this.#parts
    const nowMs = monotonicMs()
    const moreBytes = ((nowMs - this.#countedAtMs) / 1000) * rate.bytesPerSecond
    this.#leftBytes = Math.min(rate.freeBytes, this.#leftBytes + moreBytes)
    this.#countedAtMs = nowMs
  }
}
