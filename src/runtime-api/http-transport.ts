// The Runtime API over HTTP: every request is an exchange, and becomes a question or an answer for the state machine.

import type { HttpExchange, PieceSink, StreamEnd } from '../http/exchange.js'
import { extensionsPrefix, type FunctionMetadata, serveExtensions } from './extension-routes.js'
import type { Extensions } from './extensions.js'
import { headerBytes } from './header-bytes.js'
import { accepted, answerError, answerText, only, refuse } from './http-answers.js'
import type { Answer, Asker, Delivery, Post, RuntimeMachine } from './machine.js'
import { answerMetadata, type Metadata, metadataPath } from './metadata.js'
import type { ApiError } from './runtime-state.js'

/** Answers a subscription: to the Telemetry API or to the Logs API. */
export type Subscribe = (exchange: HttpExchange, api: 'telemetry' | 'logs') => void

export interface HttpTransportOptions {
  readonly machine: RuntimeMachine
  readonly extensions: Extensions
  readonly ofFunction: FunctionMetadata
  readonly metadata: Metadata
  /** Not found without it. */
  readonly subscribe?: Subscribe | undefined
  /** host:port by which the environment reaches it. */
  readonly address: string
  /** The address has a name that only this environment knows. */
  readonly secret: boolean
}

const versionPrefix = '/2018-06-01/runtime/'
const plainText = { 'Content-Type': 'text/plain; charset=utf-8' }
/** Source of the slash at the end: AWS Lambda guide, Telemetry API reference. */
const subscriptionPaths: Readonly<Record<string, 'telemetry' | 'logs'>> = {
  '/2022-07-01/telemetry': 'telemetry',
  '/2022-07-01/telemetry/': 'telemetry',
  '/2020-08-15/logs': 'logs',
  '/2020-08-15/logs/': 'logs',
}
const foreignCaller: ApiError = {
  status: 403,
  errorMessage: 'Only the runtime of this environment may call here',
  errorType: 'Forbidden',
}

/** What is done with each request. */
export function httpTransport(options: HttpTransportOptions): (exchange: HttpExchange) => void {
  const { machine, extensions, ofFunction, metadata, subscribe } = options
  function serve(exchange: HttpExchange, url: string): void {
    if (exchange.method === 'GET' && url === '/ping')
      return answerText(exchange, 200, 'pong', plainText)
    const [what, id, then, ...rest] = url.startsWith(versionPrefix)
      ? url.slice(versionPrefix.length).split('/')
      : []
    const known = rest.length === 0 && `${what}/${then === undefined ? id : `:id/${then}`}`
    switch (known) {
      case 'invocation/next':
        return only('GET', exchange, () => machine.next(new HttpAsker(exchange)))
      case 'init/error':
        return only('POST', exchange, () => machine.initError(new HttpPost(exchange)))
      case 'invocation/:id/response':
        return only('POST', exchange, () =>
          machine.answer('InvocationResponse', new HttpAnswer(exchange, id ?? '')),
        )
      case 'invocation/:id/error':
        return only('POST', exchange, () =>
          machine.answer('InvocationErrorResponse', new HttpAnswer(exchange, id ?? '')),
        )
      default:
        return other(exchange, url)
    }
  }
  function other(exchange: HttpExchange, url: string): void {
    const query = url.indexOf('?')
    if (query !== -1) return serve(exchange, url.slice(0, query))
    if (url === metadataPath) return answerMetadata(exchange, metadata)
    if (url.startsWith(extensionsPrefix)) {
      const path = url.slice(extensionsPrefix.length)
      return serveExtensions(path, exchange, extensions, ofFunction)
    }
    const api = subscriptionPaths[url]
    if (api !== undefined && subscribe !== undefined)
      return only('PUT', exchange, () => subscribe(exchange, api))
    exchange.discardBody()
    return answerText(exchange, 404, '404 page not found\n', plainText)
  }
  return (exchange) => {
    if (!isOurs(options, exchange)) return refuse(exchange, foreignCaller)
    serve(exchange, exchange.url)
  }
}

/** A page in a browser may reach this port; the runtime never sends what a browser must. */
function isOurs({ address, secret }: HttpTransportOptions, { headers }: HttpExchange): boolean {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return false
  // Where a name of its own is what keeps others away, nobody may leave it out.
  if (headers.host === undefined) return !secret
  return headers.host === address
}

class HttpAsker implements Asker {
  readonly #exchange: HttpExchange

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange
  }

  get gone(): boolean {
    return this.#exchange.gone
  }

  onGone(listener: () => void): void {
    this.#exchange.onGone(listener)
  }

  give(delivery: Delivery): void {
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
    this.#exchange.answer(200, headers, delivery.body)
  }

  refuse(error: ApiError): void {
    answerError(this.#exchange, error)
  }
}

class HttpPost implements Post {
  protected readonly exchange: HttpExchange
  #read = false

  constructor(exchange: HttpExchange) {
    this.exchange = exchange
  }

  get errorType(): string | undefined {
    return this.header('lambda-runtime-function-error-type')
  }

  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void {
    this.#read = true
    this.exchange.readBody(limitBytes, done)
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    this.#read = true
    this.exchange.streamBody(sink, done)
  }

  accept(): void {
    answerText(this.exchange, 202, accepted)
  }

  refuse(error: ApiError): void {
    if (this.exchange.gone) return
    if (this.#read) answerError(this.exchange, error)
    else refuse(this.exchange, error)
  }

  protected header(name: string): string | undefined {
    return this.exchange.headers[name] as string | undefined
  }
}

class HttpAnswer extends HttpPost implements Answer {
  readonly requestId: string

  constructor(exchange: HttpExchange, requestId: string) {
    super(exchange)
    this.requestId = requestId
  }

  get invocationId(): string | undefined {
    return this.header('lambda-runtime-invocation-id')
  }

  get responseMode(): string | undefined {
    return this.header('lambda-runtime-function-response-mode')
  }

  get contentType(): string | undefined {
    return this.header('content-type')
  }

  lateError(): { readonly errorType: string; readonly body: Buffer } | undefined {
    const trailers = this.exchange.trailers()
    const errorType = trailers['lambda-runtime-function-error-type'] as string | undefined
    if (errorType === undefined) return undefined
    const body = trailers['lambda-runtime-function-error-body'] as string | undefined
    return { errorType, body: Buffer.from(body ?? '', 'base64') }
  }
}
