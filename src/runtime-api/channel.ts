// One environment's Runtime API over HTTP: parks next, hands out events, takes answers, refuses misuse.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { KernelTimers, Release } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import type { InvocationId, RequestId } from '../domain/brand.js'
import { responseBytesMax } from '../domain/faults.js'
import type { PortRange } from '../http/port-range.js'
import {
  type ApiError,
  entityTooLarge,
  invalidInvocationId,
  invalidRequestId,
  invalidResponseMode,
  invalidTransition,
  loggedErrorType,
  mayMove,
  type RuntimeStateName,
} from './runtime-state.js'

/** An event on its way to the runtime. */
export interface Delivery {
  readonly invocationId: InvocationId
  readonly requestId: RequestId
  /** Epoch milliseconds as the function's own clock reads. */
  readonly deadlineEpochMs: number
  readonly invokedArn: string
  readonly traceHeader: string
  readonly clientContext?: string
  readonly contentType: string
  readonly body: Buffer
}

export type ChannelEvent =
  | { readonly is: 'asked-next' }
  | {
      readonly is: 'response'
      readonly invocationId: InvocationId
      readonly body: Buffer
      readonly contentType: string
    }
  | {
      readonly is: 'error'
      readonly invocationId: InvocationId
      readonly body: Buffer
      readonly errorType: string
    }
  | { readonly is: 'response-too-large'; readonly invocationId: InvocationId }
  | { readonly is: 'invalid-response-mode'; readonly invocationId: InvocationId }
  | { readonly is: 'init-error'; readonly body: Buffer; readonly errorType: string }

export interface ChannelOptions {
  /** Loopback address to listen on. */
  readonly host: string
  /** Where ports are taken from. */
  readonly ports: PortRange
  /** host:port by which the environment reaches it, where that is not the address itself. */
  readonly reachedAs?: ((port: number) => string) | undefined
  readonly timers: KernelTimers
  readonly onEvent: (event: ChannelEvent) => void
}

const versionPrefix = '/2018-06-01/runtime/'
// All official clients send a stack in a request header: a 300,000 character message makes a header as long.
const headerBytesMax = 2 * 1024 * 1024
// The newest Node client may ask for the next event up to a few milliseconds before its answer arrives.
const lateAnswerMs = 50
// A connection that somebody else in the environment keeps open must not hold back the news of an exit.
const drainMsMax = 50
// The agent does not limit /error; this only keeps a runaway from filling the daemon's memory.
const errorBytesMax = 32 * 1024 * 1024

export class RuntimeChannel {
  /** host:port, the value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  readonly port: number
  readonly #server: Server
  readonly #options: ChannelOptions
  #state: RuntimeStateName = 'Started'
  #current: Delivery | undefined
  #parked: ServerResponse[] = []
  /** A next that came before the answer to the event in hand. */
  #early: { readonly response: ServerResponse; readonly cancel: Release } | undefined
  readonly #sockets = new Set<Socket>()
  #closed = false

  private constructor(server: Server, options: ChannelOptions) {
    this.#server = server
    this.#options = options
    const { address, port } = server.address() as AddressInfo
    const own = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    this.port = port
    this.address = options.reachedAs?.(port) ?? own
  }

  /** Listens on a free port of the range. */
  static async listen(options: ChannelOptions): Promise<RuntimeChannel> {
    const server = createServer({ maxHeaderSize: headerBytesMax, keepAliveTimeout: 0 })
    // A runtime may be frozen in the middle of anything: nothing here times out.
    server.requestTimeout = 0
    server.headersTimeout = 0
    server.timeout = 0
    await options.ports.listen((port) => bound(server, port, options.host))
    const channel = new RuntimeChannel(server, options)
    server.on('request', (request, response) => channel.#route(request, response))
    server.on('connection', (socket) => {
      channel.#sockets.add(socket)
      socket.once('close', () => channel.#sockets.delete(socket))
    })
    server.on('clientError', (_error, socket) => socket.destroy())
    return channel
  }

  /** Hands an event to the runtime that waits in next. Does not thaw it. */
  deliver(delivery: Delivery): void {
    assert(this.#state === 'Ready', `the runtime waits for an event, it is ${this.#state}`)
    this.#current = delivery
    this.#state = 'Running'
    const response = this.#parked.shift()
    // Without a connection the event waits for the next request, as it would for a client that reconnects.
    if (response !== undefined) this.#sendEvent(response, delivery)
  }

  /** The processes are gone: the next ones start from the beginning. */
  reset(): void {
    this.#early?.cancel()
    this.#early = undefined
    this.#parked = []
    this.#current = undefined
    this.#state = 'Started'
    this.#server.closeAllConnections()
  }

  /** Resolves when the processes' connections have closed and been read to their end; soon in any case. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(drainMsMax, resolve)
      const look = (): void => {
        this.#server.getConnections((_error, count) => {
          if (count > 0) return
          cancel()
          resolve()
        })
      }
      for (const socket of this.#sockets) socket.once('close', look)
      look()
    })
  }

  close(): void {
    this.#closed = true
    this.reset()
    this.#server.close()
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? ''
    if (!this.#isOurs(request)) return sendError(response, foreignCaller)
    if (request.method === 'GET' && url === '/ping') return send(response, 200, 'pong')
    const [what, id, then, ...rest] = url.startsWith(versionPrefix)
      ? url.slice(versionPrefix.length).split('/')
      : []
    const known = rest.length === 0 && `${what}/${then === undefined ? id : `:id/${then}`}`
    switch (known) {
      case 'invocation/next':
        return this.#only('GET', request, response, () => this.#next(response))
      case 'init/error':
        return this.#only('POST', request, response, () => this.#initError(request, response))
      case 'invocation/:id/response':
        return this.#only('POST', request, response, () =>
          this.#answer(request, response, id ?? '', 'InvocationResponse'),
        )
      case 'invocation/:id/error':
        return this.#only('POST', request, response, () =>
          this.#answer(request, response, id ?? '', 'InvocationErrorResponse'),
        )
      default:
        return send(response, 404, '404 page not found\n')
    }
  }

  #only(method: string, request: IncomingMessage, response: ServerResponse, run: () => void): void {
    if (request.method === method) return run()
    request.resume()
    send(response, 405, '')
  }

  /** A page in a browser may reach this port; the runtime never sends what a browser must. */
  #isOurs({ headers }: IncomingMessage): boolean {
    if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return false
    // Where a name of its own is what keeps others away, nobody may leave it out.
    if (headers.host === undefined) return this.#options.reachedAs === undefined
    return headers.host === this.address
  }

  #next(response: ServerResponse): void {
    switch (this.#state) {
      case 'InvocationResponse':
      case 'InvocationErrorResponse':
        // The answer is on its way on another connection, or ahead of this request on the same one.
        this.#early = { response, cancel: () => {} }
        return
      case 'Running':
        if (this.#current !== undefined && !this.#wasSent(this.#current))
          return this.#sendEvent(response, this.#current)
        return this.#nextBeforeAnswer(response)
      case 'Started':
      case 'RuntimeResponseSentState':
      case 'Ready':
        return this.#park(response)
      case 'InitError':
        return sendError(response, invalidTransition('InitError', 'Ready'))
    }
  }

  readonly #sent = new WeakSet<Delivery>()
  #wasSent(delivery: Delivery): boolean {
    return this.#sent.has(delivery)
  }

  #park(response: ServerResponse): void {
    const waitedBefore = this.#state === 'Ready'
    this.#state = 'Ready'
    this.#current = undefined
    this.#parked.push(response)
    response.once('close', () => {
      this.#parked = this.#parked.filter((other) => other !== response)
    })
    if (!waitedBefore) this.#options.onEvent({ is: 'asked-next' })
  }

  #nextBeforeAnswer(response: ServerResponse): void {
    const cancel = this.#options.timers.after(lateAnswerMs, () => {
      this.#early = undefined
      // The same event once more, without a change of state.
      if (this.#current !== undefined) this.#sendEvent(response, this.#current)
    })
    this.#early = { response, cancel }
  }

  #sendEvent(response: ServerResponse, delivery: Delivery): void {
    this.#sent.add(delivery)
    const headers: Record<string, string | number> = {
      'Content-Type': delivery.contentType,
      'Lambda-Runtime-Aws-Request-Id': delivery.requestId,
      'Lambda-Runtime-Invocation-Id': delivery.invocationId,
      'Lambda-Runtime-Deadline-Ms': Math.round(delivery.deadlineEpochMs),
      'Lambda-Runtime-Invoked-Function-Arn': delivery.invokedArn,
      'Lambda-Runtime-Trace-Id': delivery.traceHeader,
      'Content-Length': delivery.body.length,
    }
    if (delivery.clientContext !== undefined)
      headers['Lambda-Runtime-Client-Context'] = headerBytes(delivery.clientContext)
    response.writeHead(200, headers)
    response.end(delivery.body)
  }

  /** What is wrong with an answer for `requestId`, or nothing. The id is checked before the state. */
  #refusal(
    request: IncomingMessage,
    requestId: string,
    to: RuntimeStateName,
  ): ApiError | undefined {
    if (this.#state === 'Started') return invalidTransition(this.#state, to)
    if (this.#current === undefined || this.#current.requestId !== requestId)
      return invalidRequestId
    const invocationId = request.headers['lambda-runtime-invocation-id']
    if (invocationId !== undefined && invocationId !== this.#current.invocationId)
      return invalidInvocationId
    if (!mayMove(this.#state, to)) return invalidTransition(this.#state, to)
    return undefined
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    to: 'InvocationResponse' | 'InvocationErrorResponse',
  ): void {
    const refusal = this.#refusal(request, requestId, to)
    if (refusal !== undefined) return refuse(request, response, refusal)
    const { invocationId } = this.#current as Delivery
    this.#state = to
    // Who asked early waits for this answer now, however long its body takes.
    this.#early?.cancel()
    const mode = request.headers['lambda-runtime-function-response-mode']
    if (to === 'InvocationResponse' && mode !== undefined && mode !== 'streaming') {
      refuse(request, response, invalidResponseMode)
      return this.#answered({ is: 'invalid-response-mode', invocationId })
    }
    const limitBytes = to === 'InvocationResponse' ? responseBytesMax : errorBytesMax
    readBody(request, limitBytes, (body) => {
      // Reset or closed in the meantime: nobody waits for this answer any more.
      if (this.#closed || this.#current?.invocationId !== invocationId) return
      if (body === 'cut-short') return this.#answerCutShort()
      if (body === 'too-large') {
        sendError(response, entityTooLarge(limitBytes))
        return this.#answered({ is: 'response-too-large', invocationId })
      }
      send(response, 202, accepted)
      this.#answered(answerEvent(request, to, invocationId, body))
    })
  }

  /** The event is in the runtime's hands again. */
  #answerCutShort(): void {
    this.#state = 'Running'
    const early = this.#early
    this.#early = undefined
    if (early !== undefined && !early.response.destroyed) this.#nextBeforeAnswer(early.response)
  }

  #answered(event: ChannelEvent): void {
    this.#state = 'RuntimeResponseSentState'
    const early = this.#early
    this.#early = undefined
    early?.cancel()
    this.#options.onEvent(event)
    if (early !== undefined && !early.response.destroyed && !this.#closed)
      this.#next(early.response)
  }

  #initError(request: IncomingMessage, response: ServerResponse): void {
    if (!mayMove(this.#state, 'InitError'))
      return refuse(request, response, invalidTransition(this.#state, 'InitError'))
    this.#state = 'InitError'
    readBody(request, errorBytesMax, (body) => {
      if (this.#closed || this.#state !== 'InitError') return
      if (body === 'cut-short') {
        this.#state = 'Started'
        return
      }
      const errorType = errorTypeOf(request)
      if (body === 'too-large') {
        sendError(response, entityTooLarge(errorBytesMax))
        return this.#options.onEvent({ is: 'init-error', body: Buffer.alloc(0), errorType })
      }
      send(response, 202, accepted)
      this.#options.onEvent({ is: 'init-error', body, errorType })
    })
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

const accepted = '{"status":"OK"}\n'
const foreignCaller: ApiError = {
  status: 403,
  errorMessage: 'Only the runtime of this environment may call here',
  errorType: 'Forbidden',
}

function errorTypeOf({ headers }: IncomingMessage): string {
  return loggedErrorType(headers['lambda-runtime-function-error-type'] as string | undefined)
}

function answerEvent(
  request: IncomingMessage,
  to: 'InvocationResponse' | 'InvocationErrorResponse',
  invocationId: InvocationId,
  body: Buffer,
): ChannelEvent {
  if (to === 'InvocationErrorResponse')
    return { is: 'error', invocationId, body, errorType: errorTypeOf(request) }
  const late = request.trailers['lambda-runtime-function-error-type']
  if (late !== undefined) {
    // A streaming handler that failed after it had begun: for a buffered caller that is an error.
    const lateBody = request.trailers['lambda-runtime-function-error-body'] ?? ''
    return {
      is: 'error',
      invocationId,
      body: Buffer.from(lateBody, 'base64'),
      errorType: loggedErrorType(late),
    }
  }
  return {
    is: 'response',
    invocationId,
    body,
    contentType: request.headers['content-type'] ?? 'application/json',
  }
}

/** Header values go out as UTF-8 bytes, as Lambda sends them. */
function headerBytes(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  // DEL can stand in a JSON string and in no header: it goes out as the same JSON, escaped.
  return bytes.replaceAll('\x7f', '\\u007f').replace(/[\r\n]/g, ' ')
}

function readBody(
  request: IncomingMessage,
  limitBytes: number,
  done: (body: Buffer | 'too-large' | 'cut-short') => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // What is over the limit is read and dropped, so that the client gets its answer and can go on.
    if (bytes <= limitBytes) chunks.push(chunk)
    else chunks.length = 0
  })
  let ended = false
  request.on('end', () => {
    ended = true
    done(bytes > limitBytes ? 'too-large' : Buffer.concat(chunks, bytes))
  })
  request.on('close', () => {
    if (!ended) done('cut-short')
  })
}

/** Answers a request whose body nobody wants; the body is read and dropped. */
function refuse(request: IncomingMessage, response: ServerResponse, error: ApiError): void {
  request.resume()
  sendError(response, error)
}

function sendError(response: ServerResponse, error: ApiError): void {
  const { status, ...body } = error
  send(response, status, `${JSON.stringify(body)}\n`)
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}
