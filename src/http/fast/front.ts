// Stands before a node:http server and answers some of its requests: those whose head has one reading, and that come in one piece.

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Kernel, systemKernel } from '../../clock/kernel.js'
import type { HttpExchange } from '../exchange.js'
import { FastConnection } from './connection.js'
import type { OrdinaryHead } from './head.js'
import { dateHeader } from './reply.js'

export interface FrontOptions {
  /** Whether a request is answered here; every other one goes to the server, and its connection for good. */
  readonly isOurs: (head: OrdinaryHead) => boolean
  /** One at a time for each connection. */
  readonly onExchange: (exchange: HttpExchange) => void
}

export interface FrontParts {
  readonly keepAliveTimeoutMs: number
  /** Told while a connection's request is being answered; returns the way to say that it has its answer. */
  readonly busy: (socket: Socket) => () => void
  /** The host's own unless given. */
  readonly kernel?: Pick<Kernel, 'nowMs' | 'after'>
}

export interface Front {
  /** Ends idle connections now and each other one after its answer. What still comes goes to the server. */
  close(): void
}

/**
 * How often idle connections are looked at. Whoever has sent nothing by the second look is waited for by the server, which
 * has limits for that. A figure of ours.
 */
const lookEveryMs = 1_000

/** Call it before anybody else listens to the server's connections: whoever listens now gets those that are handed over. */
export function standBefore(server: Server, options: FrontOptions, parts: FrontParts): Front {
  const { keepAliveTimeoutMs, busy, kernel = systemKernel } = parts
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const shared: Shared = {
    onExchange: options.onExchange,
    isOurs: (head) => !closing && options.isOurs(head),
    busy,
    date: dateHeader(() => kernel.nowMs()),
    moreHeaders: `Keep-Alive: timeout=${keepAliveTimeoutMs / 1000}\r\n`,
    idleLooksMax: Math.ceil(keepAliveTimeoutMs / lookEveryMs),
    handOver(socket) {
      for (const listener of listeners) listener.call(server, socket)
    },
  }
  const open = new Set<FrontConnection>()
  let closing = false
  let cancel: (() => void) | undefined
  const look = (): void => {
    for (const connection of open) connection.look()
    cancel = open.size === 0 ? undefined : kernel.after(lookEveryMs, look)
  }
  server.on('connection', (socket: Socket) => {
    const connection = new FrontConnection(socket, shared, () => open.delete(connection))
    open.add(connection)
    cancel ??= kernel.after(lookEveryMs, look)
  })
  return {
    close() {
      closing = true
      cancel?.()
      for (const connection of open) connection.close()
    },
  }
}

interface Shared extends FrontOptions {
  readonly busy: FrontParts['busy']
  readonly date: () => string
  readonly moreHeaders: string
  /** Looks at an idle connection, until it is closed. */
  readonly idleLooksMax: number
  readonly handOver: (socket: Socket) => void
}

/** A life cycle of its own: waits for a first request, serves one after the other, and is closed or handed over. */
class FrontConnection {
  readonly #socket: Socket
  readonly #shared: Shared
  /** It has closed, or is not ours any more. */
  readonly #gone: () => void
  readonly #connection: FastConnection
  #answered: (() => void) | undefined
  #hasServed = false
  #idleLooks = 0
  #closing = false

  constructor(socket: Socket, shared: Shared, gone: () => void) {
    this.#socket = socket
    this.#shared = shared
    this.#gone = gone
    socket.once('close', gone)
    this.#connection = new FastConnection(socket, {
      onExchange: (exchange) => this.#begin(exchange),
      date: shared.date,
      handOver: () => this.#handOver(),
      isOurs: (head, bodyBytesThere) => bodyBytesThere >= head.bodyBytes && shared.isOurs(head),
      unansweredMax: 1,
      wholeHeadsOnly: true,
      moreHeaders: shared.moreHeaders,
      allAnswered: () => this.#end(),
    })
  }

  look(): void {
    if (this.#answered !== undefined) return
    this.#idleLooks += 1
    if (this.#hasServed) {
      if (this.#idleLooks > this.#shared.idleLooksMax) this.#socket.destroy()
    } else if (this.#idleLooks > 1) this.#connection.leave()
  }

  close(): void {
    this.#closing = true
    if (this.#answered === undefined) this.#socket.destroy()
  }

  #begin(exchange: HttpExchange): void {
    this.#answered = this.#shared.busy(this.#socket)
    this.#hasServed = true
    this.#shared.onExchange(exchange)
  }

  #end(): void {
    this.#answered?.()
    this.#answered = undefined
    this.#idleLooks = 0
    if (this.#closing) this.#socket.end()
  }

  #handOver(): void {
    this.#socket.off('close', this.#gone)
    this.#gone()
    this.#shared.handOver(this.#socket)
  }
}
