// Where a streamed response goes while it comes, and the count that ends it when it is too large.

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
