// One HTTP request and its answer, whichever server has read it.

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** How a body that is passed on in pieces ended. */
export type StreamEnd = 'whole' | 'cut-short'

/** Who takes a body in pieces. */
export interface PieceSink {
  /** Returns false when no more is wanted until the listener of `onRoom` is called. */
  take(piece: Buffer): boolean
  /** Calls the listener once, when there is room again. */
  onRoom(listener: () => void): void
}

export interface HttpExchange {
  readonly method: string
  readonly url: string
  /** Names are in lower case. */
  readonly headers: Headers
  /** Those after the body; known when the body has been read. */
  trailers(): Headers
  /** Nobody would get an answer any more. */
  readonly gone: boolean
  /** When that happens; it may be called after an answer too. */
  onGone(listener: () => void): void
  /**
   * Calls `done` once. What is over the limit is read and dropped, so that the client gets its answer and can go on. What is
   * cut short may still be answered at once, unless the client is gone.
   */
  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void
  /** Instead of `readBody`: passes the body on as it comes, no faster than it is taken. Calls `done` once. */
  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void
  /** Instead of both. */
  discardBody(): void
  answer(
    status: number,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer | string,
  ): void
}
