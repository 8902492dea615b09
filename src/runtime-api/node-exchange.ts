// Requests to a Runtime API as node:http reads them: those that are not ordinary.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpExchange, PieceSink, StreamEnd } from '../http/exchange.js'

// All official clients send a stack in a request header: a 300,000 character message makes a header as long.
const headerBytesMax = 2 * 1024 * 1024

export class NodeExchange implements HttpExchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  /** Hears of a body that will not come to its end. */
  #cut: (() => void) | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  get method(): string {
    return this.#request.method ?? ''
  }

  get url(): string {
    return this.#request.url ?? ''
  }

  get headers(): HttpExchange['headers'] {
    return this.#request.headers
  }

  trailers(): HttpExchange['headers'] {
    return this.#request.trailers
  }

  get gone(): boolean {
    return this.#response.destroyed
  }

  onGone(listener: () => void): void {
    this.#response.once('close', listener)
  }

  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void {
    const chunks: Buffer[] = []
    let bytes = 0
    this.#request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= limitBytes) chunks.push(chunk)
      else chunks.length = 0
    })
    this.#onEnd((whole) => {
      if (!whole) return done('cut-short')
      done(bytes > limitBytes ? 'too-large' : Buffer.concat(chunks, bytes))
    })
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    const request = this.#request
    request.on('data', (chunk: Buffer) => {
      if (sink.take(chunk)) return
      request.pause()
      sink.onRoom(() => request.resume())
    })
    this.#onEnd((whole) => done(whole ? 'whole' : 'cut-short'))
  }

  /** Calls `done` once. */
  #onEnd(done: (whole: boolean) => void): void {
    let ended = false
    const end = (whole: boolean) => (): void => {
      if (ended) return
      ended = true
      this.#cut = undefined
      done(whole)
    }
    this.#cut = end(false)
    this.#request.on('end', end(true))
    this.#request.on('close', end(false))
  }

  /** What follows on the connection is no part of the body. True if the request gets an answer nevertheless. */
  cutShort(): boolean {
    // An answer that waits for others has no socket yet.
    if (this.#cut === undefined || this.#response.socket === null) return false
    this.#response.shouldKeepAlive = false
    this.#cut()
    return this.#response.writableEnded
  }

  discardBody(): void {
    this.#request.resume()
  }

  answer(
    status: number,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer | string,
  ): void {
    this.#response.writeHead(status, headers)
    this.#response.end(body)
  }
}

/** A server that need not listen: what it is given by its event `connection` it serves. Nothing in it times out. */
export function nodeHttp(onExchange: (exchange: HttpExchange) => void): Server {
  const server = createServer({ maxHeaderSize: headerBytesMax, keepAliveTimeout: 0 })
  // A runtime may be frozen in the middle of anything.
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.timeout = 0
  const last = new WeakMap<Duplex, NodeExchange>()
  server.on('request', (request, response) => {
    const exchange = new NodeExchange(request, response)
    last.set(request.socket, exchange)
    onExchange(exchange)
  })
  server.on('clientError', (_error, socket) => {
    if (!socket.writable || last.get(socket)?.cutShort() !== true) socket.destroy()
  })
  return server
}
