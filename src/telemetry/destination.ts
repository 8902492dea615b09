// How a batch of telemetry reaches an extension: over HTTP or TCP, on loopback and nowhere else.

import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { DestinationWish } from './subscription.js'

export interface Destination {
  /** Without an answer after this time an attempt has failed; missing: it may take as long as it likes. */
  readonly attemptMsMax?: number
  /** One attempt, one at a time. `done` is called once: whether the batch has been taken. */
  send(records: readonly string[], done: (taken: boolean) => void): void
  /** Gives up the attempt that is under way; its `done` is told false. */
  abort(): void
  close(): void
}

/** A figure of ours: extensions that pass on what they get before they answer need time. */
const attemptMsMax = 30_000
/** Nobody reads what an extension answers. */
const answerBytesMax = 64 * 1024

/** @param addresses of loopback, where an extension may listen: the first at which somebody does is taken */
export function destinationOf(wish: DestinationWish, addresses: readonly string[]): Destination {
  if (wish.protocol === 'HTTP') return new HttpDestination(wish, addresses)
  return new TcpDestination(wish.port, addresses)
}

/** A JSON array a request, a connection a request: none goes stale while the environment is frozen. */
class HttpDestination implements Destination {
  readonly attemptMsMax = attemptMsMax
  readonly #wish: DestinationWish & { readonly protocol: 'HTTP' }
  readonly #addresses: readonly string[]
  #connection: Connection | undefined

  constructor(wish: DestinationWish & { readonly protocol: 'HTTP' }, addresses: readonly string[]) {
    this.#wish = wish
    this.#addresses = addresses
  }

  send(records: readonly string[], done: (taken: boolean) => void): void {
    const once = onlyOnce((taken) => {
      this.#connection?.close()
      this.#connection = undefined
      done(taken)
    })
    const { port } = this.#wish
    this.#connection = new Connection(this.#addresses, port, {
      connected: (socket) => this.#request(socket, records, once),
      closed: () => once(false),
    })
  }

  #request(socket: Socket, records: readonly string[], once: (taken: boolean) => void): void {
    const { host, path, method } = this.#wish
    const body = Buffer.from(`[${records.join(',')}]`)
    const outgoing = request({
      // No agent, and so neither proxies nor connections that are kept.
      createConnection: () => socket,
      method,
      path,
      headers: {
        Host: host,
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      },
    })
    outgoing.on('response', (answer) => {
      // A redirect is not followed: it would lead elsewhere.
      const taken = (answer.statusCode ?? 0) < 300
      let bytes = 0
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes > answerBytesMax) once(taken)
      })
      answer.on('error', () => once(taken))
      answer.on('close', () => once(taken))
    })
    outgoing.on('error', () => once(false))
    outgoing.on('close', () => once(false))
    outgoing.end(body)
  }

  abort(): void {
    this.#connection?.close()
  }

  close(): void {
    this.abort()
  }
}

/** One JSON text a line, over one connection for as long as it lasts. What the kernel has taken counts as received. */
class TcpDestination implements Destination {
  readonly #port: number
  readonly #addresses: readonly string[]
  #connection: Connection | undefined
  #socket: Socket | undefined
  /** What is to be done when there is a connection, or none any more. */
  #connected: (socket: Socket) => void = () => {}
  #closed: () => void = () => {}

  constructor(port: number, addresses: readonly string[]) {
    this.#port = port
    this.#addresses = addresses
  }

  send(records: readonly string[], done: (taken: boolean) => void): void {
    const once = onlyOnce(done)
    this.#closed = () => once(false)
    this.#connected = (socket) => {
      socket.write(`${records.join('\n')}\n`, (error) => {
        // Of a write that a destroyed socket cut off, no error is told.
        if ((error === undefined || error === null) && !socket.destroyed) once(true)
      })
    }
    if (this.#socket !== undefined) return this.#connected(this.#socket)
    this.#connection ??= new Connection(this.#addresses, this.#port, {
      connected: (socket) => {
        // What an extension says is for nobody; unread it would hold up the news of the end.
        socket.resume()
        this.#socket = socket
        this.#connected(socket)
      },
      closed: () => {
        this.#connection = undefined
        this.#socket = undefined
        this.#closed()
      },
    })
  }

  abort(): void {
    this.#connection?.close()
  }

  close(): void {
    this.abort()
  }
}

interface ConnectionEvents {
  /** Called once at most. */
  readonly connected: (socket: Socket) => void
  /** Called once: it could not be made, or it is over. */
  readonly closed: () => void
}

/** A connection to a port, at the first of some addresses where somebody listens. */
class Connection {
  #socket: Socket
  #given = false

  constructor(addresses: readonly string[], port: number, events: ConnectionEvents) {
    const [address, ...others] = addresses
    this.#socket = this.#connect(address ?? '', others, port, events)
  }

  #connect(
    address: string,
    others: readonly string[],
    port: number,
    events: ConnectionEvents,
  ): Socket {
    const socket = connect({ host: address, port, noDelay: true })
    let connected = false
    socket.on('connect', () => {
      connected = true
      if (!this.#given) events.connected(socket)
    })
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      const [next, ...rest] = others
      if (connected || this.#given || next === undefined) return events.closed()
      this.#socket = this.#connect(next, rest, port, events)
    })
    return socket
  }

  close(): void {
    this.#given = true
    this.#socket.destroy()
  }
}

function onlyOnce(done: (taken: boolean) => void): (taken: boolean) => void {
  let told = false
  return (taken) => {
    if (told) return
    told = true
    done(taken)
  }
}
