// The Runtime API's HTTP server: ordinary requests are read here, everything else by node:http on the same socket.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { HttpExchange } from '../http/exchange.js'
import { FastConnection } from '../http/fast/connection.js'
import { dateHeader } from '../http/fast/reply.js'
import type { PortRange } from '../http/port-range.js'
import { nodeHttp } from './node-exchange.js'

export interface FastHttpOptions {
  /** Loopback address to listen on. */
  readonly host: string
  /** Where the port is taken from. */
  readonly ports: PortRange
  /** The host's time, for the Date header. */
  readonly nowMs: () => number
}

/** A server for one environment's Runtime API. */
export interface RuntimeServer {
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** Open connections. */
  connections(): number
  /** Each time one has been closed and read to its end. */
  onConnectionClosed(listener: () => void): void
  closeAllConnections(): void
  /** Stops listening. */
  close(): void
}

/** Listens on a free port of the range. Nothing times out: a runtime may be frozen in the middle of anything. */
export async function listenFast(
  { host, ports, nowMs }: FastHttpOptions,
  onExchange: (exchange: HttpExchange) => void,
): Promise<RuntimeServer> {
  const sockets = new Set<Socket>()
  const closed: (() => void)[] = []
  let fallback: ReturnType<typeof nodeHttp> | undefined
  const date = dateHeader(nowMs)
  const handOver = (socket: Socket): void => {
    fallback ??= nodeHttp(onExchange)
    fallback.emit('connection', socket)
  }
  // As node:http opens them: an answer may follow the end of what the client sends.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    new FastConnection(socket, { onExchange, date, handOver })
    socket.once('close', () => {
      sockets.delete(socket)
      for (const listener of closed) listener()
    })
  })
  await ports.listen((port) => bound(server, port, host))
  const { address, port } = server.address() as AddressInfo
  return {
    host: address,
    port,
    connections: () => sockets.size,
    onConnectionClosed: (listener) => void closed.push(listener),
    closeAllConnections: () => {
      for (const socket of sockets) socket.destroy()
    },
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
