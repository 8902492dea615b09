// Serves the pipelined requests of a connection one after the other, as a client that has not read an answer means them.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { systemKernel } from '../clock/kernel.js'

type Exchange = readonly [request: IncomingMessage, response: ServerResponse]

/** A figure of ours: what one read from a socket can hold of the shortest requests. Past it the connection ends. */
const waitingMax = 4_096

/**
 * Takes the place of the server's request handler. Node would begin with all the requests of one read at once: in no
 * order, and with nothing else served until each has been begun.
 */
export function serveInTurn(server: Server): void {
  const handlers = server.listeners('request') as ((...exchange: Exchange) => void)[]
  server.removeAllListeners('request')
  const lines = new WeakMap<Socket, Exchange[]>()
  const serve = (exchange: Exchange) => {
    const [{ socket }, response] = exchange
    response.once('close', () => systemKernel.nextTurn(() => serveNext(socket)))
    for (const handler of handlers) handler.apply(server, [...exchange])
  }
  const serveNext = (socket: Socket) => {
    const next = socket.destroyed ? undefined : lines.get(socket)?.shift()
    if (next === undefined) lines.delete(socket)
    else serve(next)
  }
  server.on('request', (...exchange: Exchange) => {
    const [{ socket }] = exchange
    const line = lines.get(socket)
    if (line === undefined) {
      lines.set(socket, [])
      serve(exchange)
    } else if (line.length < waitingMax) {
      line.push(exchange)
    } else {
      socket.destroy()
    }
  })
}
