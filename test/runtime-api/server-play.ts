// Plays the same bytes, in the same pieces, to our server and to node:http, and tells what came of them on both.

import diagnostics from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import type { HttpExchange } from '../../src/http/exchange.js'
import { portRange } from '../../src/http/port-range.js'
import { nodeHttp } from '../../src/runtime-api/node-exchange.js'
import { listenFast } from '../../src/runtime-api/server.js'

export interface SeenExchange {
  readonly method: string
  readonly url: string
  readonly headers: HttpExchange['headers']
  body: string | undefined
  trailers: HttpExchange['headers']
}

export interface Played {
  readonly exchanges: readonly SeenExchange[]
  /** All bytes that the client got; the same Date everywhere. */
  readonly answers: string
  /** The server closed the connection before the client ended its side. */
  readonly closedFirst: boolean
}

export interface Stage {
  play(pieces: readonly Buffer[]): Promise<Played>
}

const bodyBytesMax = 1_000

/**
 * Answers in a way that the URL chooses: `/later` in a later turn, `/unread` without its body, anything else when it has
 * its body. Bodies over 1,000 bytes are too large.
 */
function answering(pending: { count: number }) {
  return (exchange: HttpExchange): SeenExchange => {
    const { method, url, headers } = exchange
    const seen: SeenExchange = { method, url, headers, body: undefined, trailers: {} }
    const answer = (body: string): void => {
      const type = { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) }
      exchange.answer(200, type, body)
    }
    if (url === '/unread') {
      answer(`unread by ${method}`)
      return seen
    }
    exchange.readBody(bodyBytesMax, (body) => {
      seen.body = body.toString()
      seen.trailers = { ...exchange.trailers() }
      if (body === 'cut-short') return
      const text = `${url} had ${body.length} ü`
      if (url !== '/later') return answer(text)
      pending.count += 1
      setImmediate().then(() => {
        pending.count -= 1
        answer(text)
      })
    })
    return seen
  }
}

async function open(t: Test, kind: 'ours' | 'node', onExchange: (e: HttpExchange) => void) {
  if (kind === 'ours') {
    const nowMs = () => 0
    const ours = await listenFast({ host: '127.0.0.1', ports: portRange(0.25), nowMs }, onExchange)
    t.teardown(() => {
      ours.closeAllConnections()
      ours.close()
    })
    return ours.port
  }
  const server = nodeHttp(onExchange)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** The server's end of the connection that `client` is. */
function serverEnd(client: Socket): Promise<Socket> {
  return new Promise((resolve) => {
    const look = (message: unknown): void => {
      const { socket } = message as { readonly socket: Socket }
      if (socket.remotePort !== client.localPort || client.localPort === undefined) return
      diagnostics.unsubscribe('net.server.socket', look)
      resolve(socket)
    }
    diagnostics.subscribe('net.server.socket', look)
  })
}

/** A server of one kind, and the way to play bytes to it. */
export async function stage(t: Test, kind: 'ours' | 'node'): Promise<Stage> {
  let exchanges: SeenExchange[] = []
  const pending = { count: 0 }
  const answer = answering(pending)
  const port = await open(t, kind, (exchange) => void exchanges.push(answer(exchange)))
  return {
    async play(pieces) {
      exchanges = []
      const client = connect({ port, host: '127.0.0.1', noDelay: true })
      const received: Buffer[] = []
      client.on('data', (bytes) => received.push(bytes))
      client.on('error', () => {})
      const closed = once(client, 'close')
      const socket = await serverEnd(client)
      let sentBytes = 0
      const settled = async (): Promise<void> => {
        for (let quiet = 0; quiet < 2; ) {
          await setImmediate()
          const isRead = socket.destroyed || socket.bytesRead === sentBytes
          quiet = isRead && pending.count === 0 ? quiet + 1 : 0
        }
      }
      for (const piece of pieces) {
        if (socket.destroyed) break
        client.write(piece)
        sentBytes += piece.length
        await settled()
      }
      const closedFirst = socket.destroyed || socket.writableEnded
      client.end()
      await closed
      const text = Buffer.concat(received).toString()
      const answers = text.replace(/\r\nDate: [^\r]+ GMT\r\n/g, '\r\nDate: now\r\n')
      return { exchanges, answers, closedFirst }
    },
  }
}

/** `bytes` cut before each of the places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places)].filter((at) => at > 0 && at < bytes.length)
  sorted.sort((one, other) => one - other)
  const starts = [0, ...sorted]
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length))
}
