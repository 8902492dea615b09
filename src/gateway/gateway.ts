// The door of the project's HTTP APIs: one listener for all of them; from a connection to an API and back, and to the journal.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock/clock.js'
import type { Chance } from '../clock/kernel.js'
import type { ApiDefinition } from '../domain/api.js'
import { assertNever } from '../domain/assert.js'
import type { Connections } from '../http/connections.js'
import { createGuard } from '../http/guard.js'
import { connectionsOf, createServer } from '../http/server.js'
import type { FunctionCaller } from '../invoke/function-caller.js'
import type { Journal } from '../journal/journal.js'
import { addressesOf, type Located, type Location, locate } from './addressing.js'
import {
  headerOf,
  jsonAnswer,
  type RequestBody,
  type RequestHead,
  type Served,
} from './exchange.js'
import { notFound, serveHttp } from './http-api/serve.js'
import { readBody, requestHead, writeAnswer } from './incoming.js'
import { refuseStage, serveRest } from './rest-api/serve.js'

export { addressesOf }

export interface GatewayParts {
  /** Resolves when whatever was saved before is served. */
  readonly current: () => Promise<void>
  /** Asked at each request: a reload takes effect with the next one. */
  readonly apis: () => readonly ApiDefinition[]
  readonly caller: FunctionCaller
  readonly clock: Clock
  readonly chance: Chance
  /** Is told `http.ended`. */
  readonly journal: Pick<Journal, 'append'>
  readonly accountId: string
  /** False: a REST API is at the root, without its stage. */
  readonly stagePath: boolean
  /** Gets what was thrown by a bug of ours. */
  readonly reportBug: (error: unknown) => void
}

/** A server that is ready to listen. It answers every request itself: Fastify routes nothing here. */
export function createGateway(parts: GatewayParts): FastifyInstance {
  const app = createServer({
    guard: createGuard({ webPages: 'allow' }),
    // Half a body holds no place: a request counts from the end of its body on.
    requestsCount: 'when-told',
    // Fastify would refuse a path that cannot be decoded; the one that was sent is kept in originalUrl.
    rewriteUrl: () => '/',
  })
  const connections = connectionsOf(app)
  app.addHook('onRequest', (request, reply) => {
    reply.hijack()
    const exchange = { request: request.raw, response: reply.raw, target: request.originalUrl }
    serveExchange(parts, connections, exchange).catch(parts.reportBug)
  })
  return app
}

interface RawExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As the client sent it. */
  readonly target: string
}

async function serveExchange(
  parts: GatewayParts,
  connections: Connections,
  { request, response, target }: RawExchange,
): Promise<void> {
  const { clock } = parts
  const beganMs = clock.monotonicMs()
  const head = requestHead(request, target, clock.nowMs())
  await parts.current()
  const apis = parts.apis()
  const location = locate(apis, head, parts.stagePath)
  const served = await serveLocation(parts, location, head, async () => {
    const body = await readBody(request)
    response.once('close', connections.busy(request.socket))
    return body
  })
  if (served !== undefined) {
    writeAnswer(response, served.answer)
    tellJournal(parts, {
      head,
      location,
      served,
      target,
      durationMs: clock.monotonicMs() - beganMs,
    })
  }
}

async function serveLocation(
  parts: GatewayParts,
  location: Location,
  head: RequestHead,
  body: () => Promise<RequestBody>,
): Promise<Served | undefined> {
  switch (location.is) {
    case 'api':
      return serveApi(parts, location, head, body)
    case 'no-stage':
      return refuseNoStage(parts, location, head)
    case 'collision':
      return refuseCollision(parts, location.apis, head)
    case 'nothing':
      return refuseNothing(parts, location.why)
    default:
      return assertNever(location)
  }
}

function serveApi(
  parts: GatewayParts,
  { api, path, fullPath }: Located,
  head: RequestHead,
  body: () => Promise<RequestBody>,
): Promise<Served | undefined> {
  if (api.kind === 'rest') return serveRest(parts, { api, path, fullPath }, head, body)
  return serveHttp(parts, { api, path, fullPath }, head, body)
}

function refuseNoStage(
  parts: GatewayParts,
  { api, why }: Extract<Location, { readonly is: 'no-stage' }>,
  head: RequestHead,
): Served {
  if (api.kind === 'http') return notFound(why)
  return refuseStage(parts, { api, path: head.path, fullPath: head.path }, head, why)
}

/** Nothing is invoked by an address that two APIs share. No answer of AWS's: there every API has its own name. */
function refuseCollision(
  parts: GatewayParts,
  apis: readonly ApiDefinition[],
  head: RequestHead,
): Served {
  const addresses = addressesOf(parts.apis(), `http://${head.host}`, parts.stagePath)
  const message = `${apis.length} APIs are at this address: ask for one of them by its own`
  const each = apis.map(({ id, logicalId }) => ({ api: logicalId, url: addresses.get(id) }))
  return { answer: jsonAnswer(404, { message, addresses: each }), why: message }
}

/** As the kind of API would that the client most likely meant. */
function refuseNothing(parts: GatewayParts, why: string): Served {
  if (!parts.apis().some(({ kind }) => kind === 'rest')) return notFound(why)
  const errorType = ['x-amzn-ErrorType', 'ForbiddenException'] as const
  return { answer: jsonAnswer(403, { message: 'Forbidden' }, [errorType]), why }
}

// A hostile client's targets would otherwise fill the journal.
const targetCharactersKept = 2_048

interface Ended {
  readonly head: RequestHead
  readonly location: Location
  readonly served: Served
  readonly target: string
  readonly durationMs: number
}

function tellJournal({ journal }: GatewayParts, ended: Ended): void {
  const { head, location, served, target, durationMs } = ended
  const api = location.is === 'api' || location.is === 'no-stage' ? location.api : undefined
  const { headers } = served.answer
  const gatewayRequestId =
    headerOf(headers, 'x-amzn-requestid') ?? headerOf(headers, 'apigw-requestid')
  journal.append({
    kind: 'http.ended',
    method: head.method,
    target: target.slice(0, targetCharactersKept),
    status: served.answer.status,
    durationMs,
    ...(api === undefined ? {} : { api: api.logicalId }),
    ...(served.functionName === undefined ? {} : { functionName: served.functionName }),
    ...(served.requestId === undefined ? {} : { requestId: served.requestId }),
    ...(gatewayRequestId === undefined ? {} : { gatewayRequestId }),
    ...(served.why === undefined ? {} : { why: served.why }),
  })
}
