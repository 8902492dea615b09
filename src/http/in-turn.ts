// Serves the pipelined requests of a connection one after the other, as a client that has not read an answer means them.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { systemKernel } from '../clock/kernel.js'

type Exchange = readonly [request: IncomingMessage, response: ServerResponse]

/** A figure of ours: what one read from a socket can hold of the shortest requests. Past it the connection ends. */
const waitingMax = 4_096

/** A request is served and none waits behind it: as nearly always, and no line is made for it. */
const nobody: unique symbol = Symbol('nobody')

/**
 * Takes the place of the server's request handler. Node would begin with all the requests of one read at once: in no
 * order, and with nothing else served until each has been begun.
 */
export function serveInTurn(server: Server): void {
  const handlers = server.listeners('request') as ((...exchange: Exchange) => void)[]
  server.removeAllListeners('request')
  const lines = new WeakMap<Socket, Exchange[] | typeof nobody>()
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    response.once('close', () => {
      if (lines.get(socket) === nobody) lines.delete(socket)
      else systemKernel.nextTurn(() => serveNext(socket))
    })
    for (const handler of handlers) handler.call(server, request, response)
  }
  const serveNext = (socket: Socket) => {
    const line = socket.destroyed ? undefined : lines.get(socket)
    const next = line === nobody ? undefined : line?.shift()
    if (next === undefined) lines.delete(socket)
    else serve(...next)
  }
  server.on('request', (request, response) => {
    const { socket } = request
    const line = lines.get(socket)
    if (line === undefined) {
      lines.set(socket, nobody)
      serve(request, response)
    } else if (line === nobody) {
      lines.set(socket, [[request, response]])
    } else if (line.length < waitingMax) {
      line.push([request, response])
    } else {
      socket.destroy()
    }
  })
}
