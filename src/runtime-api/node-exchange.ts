// Requests to a Runtime API as node:http reads them: those that are not ordinary.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { HttpExchange, PieceSink, StreamEnd } from '../http/exchange.js'

// All official clients send a stack in a request header: a 300,000 character message makes a header as long.
const headerBytesMax = 2 * 1024 * 1024

export class NodeExchange implements HttpExchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

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
    let ended = false
    this.#request.on('end', () => {
      ended = true
      done(bytes > limitBytes ? 'too-large' : Buffer.concat(chunks, bytes))
    })
    this.#request.on('close', () => {
      if (!ended) done('cut-short')
    })
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    const request = this.#request
    request.on('data', (chunk: Buffer) => {
      if (sink.take(chunk)) return
      request.pause()
      sink.onRoom(() => request.resume())
    })
    let ended = false
    request.on('end', () => {
      ended = true
      done('whole')
    })
    request.on('close', () => {
      if (!ended) done('cut-short')
    })
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
  server.on('request', (request, response) => onExchange(new NodeExchange(request, response)))
  server.on('clientError', (_error, socket) => socket.destroy())
  return server
}
