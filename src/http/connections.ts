// Keeps room for new connections: past a number of them, whoever has waited longest without a complete request goes.

import type { Server, Socket } from 'node:net'

export interface Connections {
  /** The connection's request is being answered: it stays. Returns the way to say that it has its answer. */
  busy(socket: Socket): () => void
}

/** Idle connections, half a head and half a body are all the same: ten thousand of them must not stop one request. */
export function keepRoom(server: Server, connectionsKept: number): Connections {
  const waiting = new Set<Socket>()
  const answering = new Map<Socket, number>()
  server.on('connection', (socket: Socket) => {
    waiting.add(socket)
    socket.once('close', () => {
      waiting.delete(socket)
      answering.delete(socket)
    })
    if (waiting.size + answering.size <= connectionsKept) return
    const [longest] = waiting
    if (longest === undefined) return
    waiting.delete(longest)
    longest.destroy()
  })
  const answered = (socket: Socket) => {
    const left = (answering.get(socket) ?? 0) - 1
    if (left > 0) return void answering.set(socket, left)
    if (answering.delete(socket) && !socket.destroyed) waiting.add(socket)
  }
  return {
    busy(socket) {
      if (socket.destroyed) return () => {}
      waiting.delete(socket)
      answering.set(socket, (answering.get(socket) ?? 0) + 1)
      return () => answered(socket)
    },
  }
}
