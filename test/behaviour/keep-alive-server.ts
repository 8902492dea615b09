// A server that keeps its connections until the test hangs up, and what the kernel tells of their other ends.

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { socketOf } from '../modes/outside.js'
import { until } from '../support/daemon.js'

export type Ending = 'FIN' | 'RST'

export interface KeepAliveServer {
  readonly port: number
  /** Ends all connections, and waits until the clients' kernel knows. Resolves with what it knew the other ends by. */
  hangUp(ending: Ending): Promise<readonly ClientEnd[]>
}

export interface ClientEnd {
  /** Of the client's socket: what a link in /proc/<pid>/fd names. */
  readonly inode: string
  /** What its kernel made of the end; undefined when it forgot the connection. */
  readonly state: string | undefined
}

/** Source: include/net/tcp_states.h of Linux. */
const established = '01'
export const closeWait = '08'

/** It answers each request with its number on its connection, and gives no hint how long it keeps one. */
export async function keepAliveServer(t: Test): Promise<KeepAliveServer> {
  const served = new Map<Socket, number>()
  const server = createServer((request, answer) => {
    const text = `${(served.get(request.socket) ?? 0) + 1}`
    served.set(request.socket, Number(text))
    request.resume().on('end', () => answer.setHeader('content-length', text.length).end(text))
  })
  server.keepAliveTimeout = 0
  server.on('connection', (socket) => {
    served.set(socket, 0)
    socket.on('error', () => {})
    socket.on('close', () => served.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    async hangUp(ending) {
      const open = [...served.keys()]
      const ends = open.map(({ remotePort = 0 }) => ({
        clientPort: remotePort,
        inode: endOf(remotePort, port)?.inode,
      }))
      for (const socket of open) {
        // Everything was read, so that this is a FIN.
        if (ending === 'FIN') socket.destroy()
        else socket.resetAndDestroy()
      }
      const stateOf = (clientPort: number) => endOf(clientPort, port)?.state
      await until('the clients know', () =>
        ends.every(({ clientPort }) => stateOf(clientPort) !== established),
      )
      return ends.map(({ clientPort, inode }) => {
        if (inode === undefined) throw new Error('the client was gone before')
        return { inode, state: stateOf(clientPort) }
      })
    },
  }
}

/** A client's end of a connection over loopback. Both ends name it: a port serves many. */
function endOf(
  clientPort: number,
  serverPort: number,
): { state: string; inode: string } | undefined {
  const [own, other] = [clientPort, serverPort].map(
    (port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`,
  )
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  const sockets = lines.map((line) => line.trim().split(/\s+/))
  const found = sockets.find(([, local, remote]) => local === own && remote === other)
  if (found === undefined) return undefined
  const [, , , state = '', , , , , , inode = ''] = found
  return { state, inode }
}

/** Whether one of those processes still has that socket open. */
export function holds(pids: readonly number[], { inode }: ClientEnd): boolean {
  return pids.some((pid) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => socketOf(pid, fd) === inode),
  )
}
