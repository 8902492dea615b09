// The Runtime API's HTTP server by node:http.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PortRange } from '../http/port-range.js'
import type { RuntimeExchange, RuntimeServer } from './exchange.js'

// All official clients send a stack in a request header: a 300,000 character message makes a header as long.
const headerBytesMax = 2 * 1024 * 1024

export class NodeExchange implements RuntimeExchange {
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

  get headers(): RuntimeExchange['headers'] {
    return this.#request.headers
  }

  trailers(): RuntimeExchange['headers'] {
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

/** Listens on a free port of the range. Nothing times out: a runtime may be frozen in the middle of anything. */
export async function listenByNode(
  { host, ports }: { readonly host: string; readonly ports: PortRange },
  onExchange: (exchange: RuntimeExchange) => void,
): Promise<RuntimeServer> {
  const server = createServer({ maxHeaderSize: headerBytesMax, keepAliveTimeout: 0 })
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.timeout = 0
  let connections = 0
  const closed: (() => void)[] = []
  server.on('request', (request, response) => onExchange(new NodeExchange(request, response)))
  server.on('connection', (socket) => {
    connections += 1
    socket.once('close', () => {
      connections -= 1
      for (const listener of closed) listener()
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await ports.listen((port) => bound(server, port, host))
  const { address, port } = server.address() as AddressInfo
  return {
    host: address,
    port,
    connections: () => connections,
    onConnectionClosed: (listener) => void closed.push(listener),
    closeAllConnections: () => server.closeAllConnections(),
    close: () => void server.close(),
  }
}

function bound(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
