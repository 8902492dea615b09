// One request that we have read ourselves: its body as it comes, and its answer when the turn is its.

import { assert } from '../../domain/assert.js'
import type { HttpExchange, PieceSink, StreamEnd } from '../exchange.js'
import type { OrdinaryHead } from './head.js'

type Body = Buffer | 'too-large' | 'cut-short'

/** What an exchange needs of the connection that it came on. */
export interface ExchangeConnection {
  /** Nothing can be written any more. */
  readonly gone: boolean
  /** Somebody has said what is to become of a body. */
  bodyWanted(): void
  /** An answer can be written, once those before it have been. */
  answered(): void
}

/** Status, headers and body of an answer, not yet written. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: Buffer | string
}

const noTrailers: HttpExchange['headers'] = {}
const nothing = Buffer.alloc(0)

export class FastExchange implements HttpExchange {
  readonly method: string
  readonly url: string
  readonly headers: HttpExchange['headers']
  reply: Reply | undefined
  readonly #connection: ExchangeConnection
  readonly #bodyBytes: number
  #leftBytes: number
  #wanted: 'undecided' | 'kept' | 'passed-on' | 'dropped' = 'undecided'
  #limitBytes = 0
  #kept: Buffer | undefined
  #sink: PieceSink | undefined
  /** The sink has no room. */
  #waits = false
  #done: ((body: Body) => void) | undefined
  #goneListeners: (() => void)[] | undefined

  constructor(connection: ExchangeConnection, head: OrdinaryHead) {
    this.#connection = connection
    this.method = head.method
    this.url = head.url
    this.headers = head.headers
    this.#bodyBytes = head.bodyBytes
    this.#leftBytes = head.bodyBytes
  }

  trailers(): HttpExchange['headers'] {
    return noTrailers
  }

  get gone(): boolean {
    return this.#connection.gone
  }

  onGone(listener: () => void): void {
    this.#goneListeners ??= []
    this.#goneListeners.push(listener)
  }

  readBody(limitBytes: number, done: (body: Body) => void): void {
    assert(this.#wanted === 'undecided', 'a body is read once')
    if (this.#connection.gone) return done('cut-short')
    this.#wanted = 'kept'
    this.#limitBytes = limitBytes
    this.#done = done
    if (this.#leftBytes === 0) this.#finish()
    else this.#connection.bodyWanted()
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    assert(this.#wanted === 'undecided', 'a body is read once')
    if (this.#connection.gone) return done('cut-short')
    this.#wanted = 'passed-on'
    this.#sink = sink
    this.#done = (body) => done(body === 'cut-short' ? body : 'whole')
    if (this.#leftBytes === 0) this.#finish()
    else this.#connection.bodyWanted()
  }

  discardBody(): void {
    if (this.#wanted !== 'undecided') return
    this.#wanted = 'dropped'
    this.#connection.bodyWanted()
  }

  answer(status: number, headers: Reply['headers'], body: Reply['body']): void {
    assert(this.reply === undefined, 'a request is answered once')
    this.reply = { status, headers, body }
    this.#connection.answered()
    // Nobody asks for it any more; the next request stands behind it.
    this.discardBody()
  }

  /** The body has been read to its end. */
  get isRead(): boolean {
    return this.#leftBytes === 0
  }

  /** Takes what is its own of `bytes` from `start` on, and returns where that ends: `start`, until the body is wanted. */
  take(bytes: Buffer, start: number): number {
    if (this.#wanted === 'undecided' || this.#waits) return start
    const end = Math.min(bytes.length, start + this.#leftBytes)
    if (this.#wanted === 'kept' && this.#bodyBytes <= this.#limitBytes)
      this.#keep(bytes, start, end)
    if (this.#wanted === 'passed-on') this.#passOn(bytes.subarray(start, end))
    this.#leftBytes -= end - start
    if (this.#leftBytes === 0) this.#finish()
    return end
  }

  /** No more of the body will come. True if it has been answered nevertheless. */
  cutShort(): boolean {
    const done = this.#done
    this.#done = undefined
    done?.('cut-short')
    return this.reply !== undefined
  }

  /** The connection has closed. */
  close(): void {
    for (const listener of this.#goneListeners ?? []) listener()
    const done = this.#done
    this.#done = undefined
    done?.('cut-short')
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    // Most bodies come whole: then nothing is copied.
    if (end - start === this.#bodyBytes) {
      this.#kept = bytes.subarray(start, end)
      return
    }
    this.#kept ??= Buffer.allocUnsafe(this.#bodyBytes)
    bytes.copy(this.#kept, this.#bodyBytes - this.#leftBytes, start, end)
  }

  #passOn(piece: Buffer): void {
    const sink = this.#sink
    if (sink === undefined || piece.length === 0 || sink.take(piece)) return
    this.#waits = true
    sink.onRoom(() => {
      this.#waits = false
      this.#connection.bodyWanted()
    })
  }

  #finish(): void {
    const done = this.#done
    this.#done = undefined
    done?.(this.#bodyBytes > this.#limitBytes ? 'too-large' : (this.#kept ?? nothing))
  }
}
