// One connection of a client: reads ordinary requests itself, and hands the socket over at the first other one.

import type { Socket } from 'node:net'
import type { HttpExchange } from '../exchange.js'
import { type ExchangeConnection, FastExchange, type Reply } from './fast-exchange.js'
import { type KnownHeaders, type OrdinaryHead, readHead } from './head.js'
import { writeReply } from './reply.js'

export interface FastConnectionOptions {
  readonly onExchange: (exchange: HttpExchange) => void
  /** The Date header's value. */
  readonly date: () => string
  /** Takes the socket, unread bytes and all; nothing of ours listens to it any more. */
  readonly handOver: (socket: Socket) => void
  /** Whether a request is read here, of whose body so many bytes are there already; every one unless given. */
  readonly isOurs?: (head: OrdinaryHead, bodyBytesThere: number) => boolean
  /** So many requests of one client may wait for their answers before no more are read. */
  readonly unansweredMax?: number
  /** Leaves the socket to `handOver` when what has come is not yet a whole head. */
  readonly wholeHeadsOnly?: boolean
  /** Each time when nobody waits for an answer any more. */
  readonly allAnswered?: () => void
  /** Header lines of every answer, with their ends. */
  readonly moreHeaders?: string
}

// Figures of ours. A head that takes more is looked at too often here: node:http reads each byte once.
const headBytesMax = 256 * 1024
const headPiecesMax = 64
const unansweredMax = 16

const nothing = Buffer.alloc(0)
const ignore = (): void => {}

export class FastConnection implements ExchangeConnection {
  readonly #socket: Socket
  readonly #options: FastConnectionOptions
  /** Read and not yet understood. */
  #held: Buffer = nothing
  /** In how many pieces it has come. */
  #heldPieces = 0
  readonly #known: KnownHeaders = {}
  /** In the order of their requests. */
  readonly #unanswered: FastExchange[] = []
  /** Whose body comes next. */
  #receiving: FastExchange | undefined
  /** The next request is not ours to read: the socket goes when all before it have their answers. */
  #doubtful = false
  #parsing = false
  #paused = false
  /** The next answer is the last. */
  #ending = false
  readonly #unansweredMax: number

  constructor(socket: Socket, options: FastConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#unansweredMax = options.unansweredMax ?? unansweredMax
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#proceed)
    socket.on('close', this.#onClose)
    // What is to be done about an error is done when it has closed.
    socket.on('error', ignore)
  }

  get gone(): boolean {
    return !this.#socket.writable
  }

  bodyWanted(): void {
    this.#proceed()
  }

  answered(): void {
    for (let first = this.#unanswered[0]; first?.reply !== undefined; first = this.#unanswered[0]) {
      this.#unanswered.shift()
      if (!this.gone) this.#write(first.reply)
    }
    if (this.#unanswered.length === 0) this.#options.allAnswered?.()
    this.#proceed()
  }

  /** Leaves the socket to node:http, once all requests so far have their answers. */
  leave(): void {
    this.#doubtful = true
    this.#steer()
  }

  #write(reply: Reply): void {
    const { date, moreHeaders = '' } = this.#options
    const connection = this.#ending ? 'close' : 'keep-alive'
    writeReply(
      this.#socket,
      reply,
      `Date: ${date()}\r\n${moreHeaders}Connection: ${connection}\r\n`,
    )
  }

  readonly #onData = (piece: Buffer): void => {
    this.#heldPieces = this.#held.length === 0 ? 1 : this.#heldPieces + 1
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    this.#go(bytes)
  }

  /** What kept bytes waiting may be over. */
  readonly #proceed = (): void => {
    if (!this.#parsing && this.#held.length > 0) this.#go(this.#held)
  }

  /** The client sends no more. But for what is cut short and answered it is what node:http does. */
  readonly #onEnd = (): void => {
    const cut = this.#receiving
    // An answer to it would have to wait for those before it.
    this.#ending = cut !== undefined && cut === this.#unanswered[0]
    if (this.#ending && cut?.cutShort()) this.#socket.end()
    else if (cut !== undefined || this.#held.length > 0) this.#socket.destroy()
    else this.#socket.end()
  }

  readonly #onClose = (): void => {
    const cutShort = new Set(this.#unanswered.splice(0))
    if (this.#receiving !== undefined) cutShort.add(this.#receiving)
    for (const exchange of cutShort) exchange.close()
  }

  #go(bytes: Buffer): void {
    this.#held = this.#doubtful ? bytes : this.#parse(bytes)
    this.#steer()
  }

  /** Presents what is there of ordinary requests; returns what is left. */
  #parse(bytes: Buffer): Buffer {
    this.#parsing = true
    let at = 0
    for (;;) {
      if (this.#receiving !== undefined) {
        at = this.#receiving.take(bytes, at)
        if (!this.#receiving.isRead) break
        this.#receiving = undefined
      }
      if (at === bytes.length || this.#isFull() || this.#socket.destroyed) break
      const end = this.#parseHead(bytes, at)
      if (end === undefined) break
      at = end
      this.#heldPieces = 1
    }
    this.#parsing = false
    return at === bytes.length ? nothing : bytes.subarray(at)
  }

  /** Presents the request whose head begins at `start`; returns where its body begins, or nothing when no head was read. */
  #parseHead(bytes: Buffer, start: number): number | undefined {
    const head = readHead(bytes, start, this.#known)
    if (head === 'incomplete' || head === 'doubtful') {
      this.#doubtful =
        head === 'doubtful' || this.#options.wholeHeadsOnly || this.#holdsMuch(bytes.length - start)
      return undefined
    }
    if (this.#options.isOurs?.(head, bytes.length - head.end) === false) {
      this.#doubtful = true
      return undefined
    }
    const exchange = new FastExchange(this, head)
    this.#unanswered.push(exchange)
    if (head.bodyBytes > 0) this.#receiving = exchange
    this.#options.onExchange(exchange)
    return head.end
  }

  #holdsMuch(heldBytes: number): boolean {
    return heldBytes > headBytesMax || this.#heldPieces > headPiecesMax
  }

  #isFull(): boolean {
    return this.#unanswered.length >= this.#unansweredMax || this.#socket.writableNeedDrain
  }

  /** Reads on, or not yet, or leaves the socket to node:http. */
  #steer(): void {
    if (this.#socket.destroyed) return
    if (this.#doubtful && this.#unanswered.length === 0) return this.#handOver()
    // A doubtful request is read on for a while: only so it is noticed when the client goes.
    const waits = this.#doubtful
      ? this.#holdsMuch(this.#held.length)
      : this.#receiving !== undefined || this.#isFull()
    const pause = waits && this.#held.length > 0
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#socket.pause()
    else this.#socket.resume()
  }

  #handOver(): void {
    const socket = this.#socket
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('drain', this.#proceed)
    socket.off('close', this.#onClose)
    socket.off('error', ignore)
    // Paused, it keeps what is put back until somebody listens.
    socket.pause()
    socket.unshift(this.#held)
    this.#held = nothing
    this.#options.handOver(socket)
    socket.resume()
  }
}
