// A service's rest-json API on Fastify: one route for each path of its model, handlers that see
// typed input.

import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { assert } from '../domain/assert.js'
import type { RequestId } from '../domain/brand.js'
import { accountOf, parseCredentialScope } from './credential-scope.js'
import { errorAnswer, ServiceError } from './errors.js'
import { encodeStreamError } from './protocol/event-stream.js'
import type { ServiceModel } from './protocol/model.js'
import {
  type CompiledOperation,
  compileRestJson,
  notEmulated,
  type RestResponse,
} from './protocol/rest-json.js'
import { type BodyLimit, readWholeBody } from './request-body.js'
import { sendFrames } from './send-frames.js'

export interface OperationContext {
  /** Sent back as x-amzn-requestid; for Invoke the id of the invocation too. */
  readonly requestId: RequestId
  /** Of the caller: a 12-digit access key names an account. */
  readonly accountId: string
  /** That the request was signed for, else the daemon's own. */
  readonly region: string
  readonly operation: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The body as it came. */
  readonly rawBody: Buffer | undefined
  /** Headers for the answer beside those of the output; names in lower case. */
  readonly responseHeaders: Record<string, string>
  /** Set to answer with another status than the model's. */
  status?: number
}

export type Handler<Input, Output> = (
  input: Input,
  context: OperationContext,
) => Output | Promise<Output>

/** From the generated `…Operations` interface of a service to its handlers. */
export type HandlersOf<Operations> = {
  readonly [Name in keyof Operations]: Operations[Name] extends {
    input: infer Input
    output: infer Output
  }
    ? Handler<Input, Output>
    : never
}

export interface RestJsonService<Operations> {
  readonly model: ServiceModel
  /** Operations without a handler are read, checked, and answered with 501. */
  readonly handlers: Partial<HandlersOf<Operations>>
  readonly newRequestId: () => RequestId
  readonly defaultAccountId: string
  readonly defaultRegion: string
  readonly bodyLimits: BodyLimits
  /** Content type of answers whose body is a blob. */
  readonly blobContentType: string
  /** Told of every error that is no ServiceError: a bug of ours. The caller gets a 500. */
  readonly reportBug: (error: unknown, operation: string) => void
}

export interface BodyLimits {
  readonly normalBytes: number
  /** By operation; `wireName` where the error's text names it otherwise than the model. */
  readonly operations: Readonly<
    Record<string, { readonly bytes: number; readonly wireName?: string }>
  >
}

type AnyHandler = (input: unknown, context: OperationContext) => unknown

interface Route {
  readonly operation: CompiledOperation
  readonly handler: AnyHandler | undefined
  readonly limit: BodyLimit
}

/** The service without a server. */
export interface RestJson {
  /** The way to answer requests to one operation, errors of every kind included; what it gives never rejects. */
  operation(name: string): (request: WireRequest) => Promise<WireAnswer>
}

/**
 * Registers every route of the model. The app needs `routerOptions.ignoreTrailingSlash` (older
 * clients send one) and a `maxParamLength` beyond the longest ARN: src/http/server.ts sets both.
 * Unknown routes are the app's: answerUnknownRoutes. Every operation is answered, whatever the
 * content type of its body.
 */
export function serveRestJson<Operations>(
  app: FastifyInstance,
  service: RestJsonService<Operations>,
): RestJson {
  const operations = compileRestJson(service.model)
  const handlers = service.handlers as Readonly<Record<string, AnyHandler | undefined>>
  const byRoute = new Map<string, Route[]>()
  for (const operation of operations.values()) {
    const key = `${operation.method} ${routePath(operation.path)}`
    const routes = byRoute.get(key) ?? []
    const limit = limitOf(service.bodyLimits, operation.name)
    routes.push({ operation, handler: handlers[operation.name], limit })
    byRoute.set(key, routes)
  }
  app.register(async (scope) => {
    readAnyBody(scope)
    scope.setErrorHandler((error, request, reply) => {
      const operation = `${request.method} ${request.routeOptions.url ?? request.url}`
      send(wireError(service, error, { requestId: service.newRequestId(), operation }), reply)
    })
    for (const routes of byRoute.values()) register(scope, service, routes)
  })
  return {
    operation(name) {
      const route = [...byRoute.values()].flat().find(({ operation }) => operation.name === name)
      assert(route !== undefined, `${name} is an operation of the model`)
      return (request) => answered(service, route, request)
    },
  }
}

/** {Name} becomes :Name, {Name+} the rest of the path. */
function routePath(path: string): string {
  return path.replace(/\{(\w+)\+\}$/, '*').replace(/\{(\w+)\}/g, ':$1')
}

function limitOf(limits: BodyLimits, operation: string): BodyLimit {
  const own = Object.hasOwn(limits.operations, operation) ? limits.operations[operation] : undefined
  return { bytes: own?.bytes ?? limits.normalBytes, operation: own?.wireName ?? operation }
}

/** Fastify would answer 415 for a malformed content type; no operation cares for it. */
function readAnyBody(scope: FastifyInstance): void {
  scope.addHook('onRequest', (request, _reply, done) => {
    const type = request.raw.headers['content-type']
    if (type !== undefined && !/^[\w.+-]+\/[\w.+-]+$/.test(type)) {
      request.raw.headers['content-type'] = 'application/octet-stream'
    }
    done()
  })
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (request, stream, done) => {
    const limit = (
      request.routeOptions.config as { limit?: (request: FastifyRequest) => BodyLimit }
    ).limit
    assert(limit !== undefined, 'a route of a service has a limit')
    readWholeBody(stream, request.raw.headers['content-length'], limit(request), done)
  })
}

function register<Operations>(
  scope: FastifyInstance,
  service: RestJsonService<Operations>,
  routes: readonly Route[],
): void {
  const [first] = routes
  assert(first !== undefined, 'a path has an operation')
  // The literal queries first; the operation without one takes what is left.
  const ordered = [...routes].sort(
    (a, b) => b.operation.literalQuery.length - a.operation.literalQuery.length,
  )
  const choose =
    routes.length === 1 ? () => first : (request: FastifyRequest) => chosen(ordered, request)
  scope.route({
    method: first.operation.method,
    url: routePath(first.operation.path),
    exposeHeadRoute: false,
    config: { limit: (request: FastifyRequest) => choose(request).limit },
    handler: async (request, reply) =>
      send(await answered(service, choose(request), wireRequest(request)), reply),
  })
}

function wireRequest(request: FastifyRequest): WireRequest {
  return {
    url: request.raw.url ?? '',
    params: request.params as WireRequest['params'],
    query: request.query as WireRequest['query'],
    headers: request.raw.headers,
    body: request.body as Buffer | undefined,
  }
}

function chosen(routes: readonly Route[], request: FastifyRequest): Route {
  const query = request.query as Readonly<Record<string, unknown>>
  const found = routes.find(({ operation }) =>
    operation.literalQuery.every(([name, value]) => query[name] === value),
  )
  if (found === undefined) throw unknownOperation(request.method, request.url)
  return found
}

function unknownOperation(method: string, url: string): ServiceError {
  const path = url.split('?')[0]
  return new ServiceError('UnknownOperationException', `no operation answers ${method} ${path}`, {
    status: 404,
  })
}

/** A request as some server has read it. */
export interface WireRequest {
  readonly url: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | readonly string[]>>
  /** Names in lower case. */
  readonly headers: OperationContext['headers'] & { readonly authorization?: string | undefined }
  readonly body: Buffer | undefined
}

/** What any server can send. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | Frames | undefined
}

/** A body that comes in pieces. */
export class Frames {
  readonly pieces: AsyncIterable<Buffer>
  /** Told by its `return` when the client leaves. */
  readonly source: AsyncIterator<Buffer>

  constructor(pieces: AsyncIterable<Buffer>, source: AsyncIterator<Buffer>) {
    this.pieces = pieces
    this.source = source
  }
}

interface AnswerState {
  readonly requestId: RequestId
  readonly operation: string
}

async function answered<Operations>(
  service: RestJsonService<Operations>,
  route: Route,
  { url, params, query, headers, body }: WireRequest,
): Promise<WireAnswer> {
  const state = { requestId: service.newRequestId(), operation: route.operation.name }
  try {
    const input = route.operation.read({ params, query, headers, body })
    if (route.handler === undefined)
      throw notEmulated(service.model.serviceId, route.operation.name)
    const scope = parseCredentialScope(headers.authorization, url)
    const context: OperationContext = {
      ...state,
      accountId: accountOf(scope?.accessKeyId, service.defaultAccountId),
      region: scope?.region ?? service.defaultRegion,
      headers,
      rawBody: body,
      responseHeaders: {},
    }
    const output = await route.handler(input, context)
    const response = route.operation.write(output as Readonly<Record<string, unknown>> | undefined)
    return wireAnswer(service, response, context)
  } catch (error) {
    return wireError(service, error, state)
  }
}

function wireAnswer<Operations>(
  service: RestJsonService<Operations>,
  { status, headers, body }: RestResponse,
  context: OperationContext,
): WireAnswer {
  const answer = (first: Readonly<Record<string, string>>, sent: WireAnswer['body'], last = {}) => {
    const id = { 'x-amzn-requestid': context.requestId }
    return {
      status: context.status ?? status,
      headers: { ...id, ...first, ...headers, ...context.responseHeaders, ...last },
      body: sent,
    }
  }
  switch (body.is) {
    case 'json':
      return answer({ 'content-type': 'application/json' }, Buffer.from(body.text))
    case 'bytes':
      return answer({ 'content-type': service.blobContentType }, body.bytes)
    case 'frames': {
      // The member that is called Content-Type in the model is the function's own type; the
      // stream's wins on the wire.
      return answer(
        {},
        new Frames(endVisibly(body.frames, service, context.operation), body.frames),
        {
          'content-type': 'application/vnd.amazon.eventstream',
        },
      )
    }
    default:
      return answer({}, undefined)
  }
}

function send({ status, headers, body }: WireAnswer, reply: FastifyReply): FastifyReply {
  reply.code(status).headers(headers)
  if (!(body instanceof Frames)) return reply.send(body)
  // Fastify takes a client that leaves before the first frame for an error of ours.
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders)
  void sendFrames(body.pieces, body.source, reply.raw)
  return reply
}

/**
 * A stream that fails after its first byte ends with an error frame, so that no client takes it for
 * complete.
 */
async function* endVisibly<Operations>(
  frames: AsyncIterable<Buffer>,
  service: RestJsonService<Operations>,
  operation: string,
): AsyncIterable<Buffer> {
  try {
    yield* frames
  } catch (error) {
    if (error instanceof ServiceError) {
      yield encodeStreamError(error.name, error.message)
      return
    }
    service.reportBug(error, operation)
    yield encodeStreamError('InternalFailure', bugMessage)
  }
}

const bugMessage =
  'lambda-emu failed to answer this request; this is a bug of lambda-emu, its log has the details'

function wireError<Operations>(
  service: RestJsonService<Operations>,
  error: unknown,
  state: AnswerState,
): WireAnswer {
  const known = error instanceof ServiceError ? error : fromFastify(error)
  if (known === undefined) service.reportBug(error, state.operation)
  const shown = known ?? new ServiceError('ServiceException', bugMessage, { status: 500 })
  const { status, headers, body } = errorAnswer(service.model, shown, state.requestId)
  return { status, headers, body: Buffer.from(body) }
}

/**
 * Fastify's own refusals of a request (a client that left in mid-body, a bad length) are not bugs.
 */
function fromFastify(error: unknown): ServiceError | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return undefined
  const { code, statusCode } = error
  if (typeof code !== 'string' || !code.startsWith('FST_ERR_')) return undefined
  if (typeof statusCode !== 'number' || statusCode >= 500) return undefined
  return new ServiceError('BadRequestException', error.message, { status: statusCode })
}

/**
 * AWS-shaped answers for routes that no service has (404 UnknownOperationException) on the whole
 * app. They are given before the body is read: whatever it holds, the answer is the same.
 */
export function answerUnknownRoutes(app: FastifyInstance, newRequestId: () => RequestId): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    sendUnmodelled(unknownOperation(request.method, request.url), newRequestId(), reply)
  })
}

/**
 * For Fastify's `frameworkErrors` option: a URL that cannot be decoded is answered in AWS's shape
 * too.
 */
export function answerFrameworkErrors(newRequestId: () => RequestId): FrameworkErrorAnswer {
  return (error, _request, reply) => {
    const status = error.statusCode ?? 400
    sendUnmodelled(
      new ServiceError('BadRequestException', error.message, { status }),
      newRequestId(),
      reply,
    )
  }
}

export type FrameworkErrorAnswer = (
  error: Error & { readonly statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) => void

function sendUnmodelled(error: ServiceError, requestId: RequestId, reply: FastifyReply): void {
  const { status, headers, body } = errorAnswer({ shapes: {} }, error, requestId)
  reply.code(status).headers(headers).send(Buffer.from(body))
}
