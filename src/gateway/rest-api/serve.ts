// One request to a REST API, from its head to the answer.

import type { Chance } from '../../clock/kernel.js'
import type { RestApi, RestMethod } from '../../domain/api.js'
import { assertNever } from '../../domain/assert.js'
import type { RequestId } from '../../domain/brand.js'
import {
  type Header,
  headerOf,
  jsonAnswer,
  type RequestBody,
  type RequestHead,
  type Served,
} from '../exchange.js'
import {
  absentWords,
  type CallEnd,
  type CallParts,
  callFunction,
  eventBytesMax,
  failureWords,
  overdueWords,
  refusalWords,
  tooLargeWords,
} from '../function-call.js'
import { continueTrace, shortRequestId, type Trace, traceText } from '../identity.js'
import { explainNoRoute } from '../nearest-route.js'
import { type RestRequest, restEvent, restRequestContext } from './event.js'
import {
  type GatewayError,
  type GatewayResponseParts,
  gatewayErrors,
  gatewayResponse,
} from './gateway-response.js'
import { restResponse } from './response.js'
import { type RestMatch, type RestRouter, restRouter } from './router.js'

export interface RestParts extends CallParts {
  readonly chance: Chance
  readonly accountId: string
}

export interface RestTarget {
  readonly api: RestApi
  /** Without the stage, and with the stage where the address has one; both undecoded. */
  readonly path: string
  readonly fullPath: string
}

/** Source: API Gateway guide, quotas: URL of a regional API, all header values together. */
const urlCharactersMax = 10_240
const headerValueBytesMax = 10_240

const routers = new WeakMap<RestApi, RestRouter>()

/** Undefined when the client went away before its request was complete: nothing was invoked. */
export async function serveRest(
  parts: RestParts,
  target: RestTarget,
  head: RequestHead,
  readBody: () => Promise<RequestBody>,
): Promise<Served | undefined> {
  const exchange = begin(parts, target, head)
  const limit = overLimit(head)
  if (limit !== undefined) return refuse(exchange, ...limit)
  const match = routerOf(target.api).find(exchange.request.verb, target.path)
  if (match === undefined) {
    return refuse(exchange, gatewayErrors.noRoute, noRouteWords(exchange.request))
  }
  const { method } = match
  switch (method.is) {
    case 'mock':
      return { answer: mockAnswer(method, exchange.ids) }
    case 'not-emulated':
      return {
        answer: jsonAnswer(501, { message: method.reason }, exchange.ids),
        why: method.reason,
      }
    case 'lambda':
      return serveFunction(parts, { ...exchange, match }, method, await readBody())
    default:
      return assertNever(method)
  }
}

/** The answer to a stage that the API does not have. */
export function refuseStage(
  parts: RestParts,
  target: RestTarget,
  head: RequestHead,
  why: string,
): Served {
  return refuse(begin(parts, target, head), gatewayErrors.unknownStage, why)
}

interface Exchange {
  readonly request: RestRequest
  readonly trace: Trace
  /** On every answer. Source: recorded answers of the invocation headers (2024-08-07). */
  readonly ids: readonly Header[]
}

function begin(parts: RestParts, target: RestTarget, head: RequestHead): Exchange {
  const { chance, accountId } = parts
  const requestId = chance.uuid()
  const extendedRequestId = shortRequestId(chance)
  const trace = continueTrace(headerOf(head.headers, 'x-amzn-trace-id'), {
    chance,
    nowMs: head.receivedAtMs,
  })
  // Source: API Gateway guide, known issues.
  const override = headerOf(head.headers, 'x-http-method-override')
  const verb = override?.trim().toUpperCase() || head.method
  return {
    request: {
      ...target,
      accountId,
      head,
      verb,
      requestId,
      extendedRequestId,
      traceHeader: trace.eventHeader,
    },
    trace,
    ids: [
      ['x-amzn-RequestId', requestId],
      ['x-amz-apigw-id', extendedRequestId],
    ],
  }
}

function routerOf(api: RestApi): RestRouter {
  const known = routers.get(api) ?? restRouter(api)
  routers.set(api, known)
  return known
}

function overLimit(head: RequestHead): readonly [GatewayError, string] | undefined {
  const characters = head.path.length + (head.query === '' ? 0 : head.query.length + 1)
  if (characters > urlCharactersMax) {
    return [gatewayErrors.longUrl, `the URL has more than ${urlCharactersMax} characters`]
  }
  const bytes = head.headers.reduce((sum, [, value]) => sum + value.length, 0)
  if (bytes > headerValueBytesMax) {
    return [gatewayErrors.largeHeaders, `the headers have more than ${headerValueBytesMax} bytes`]
  }
  return undefined
}

function refuse(
  { request, ids }: Exchange,
  error: GatewayError,
  why: string,
  match?: RestMatch,
): Served {
  const parts: GatewayResponseParts = {
    api: request.api,
    head: request.head,
    context: restRequestContext(request, match),
    ...(match === undefined ? {} : { pathParameters: match.pathParameters }),
    added: ids,
  }
  return { answer: gatewayResponse(error, parts), why }
}

function noRouteWords({ api, verb, path }: RestRequest): string {
  const routes = api.resources.flatMap((resource) =>
    Object.keys(resource.methods).map((method) => ({ method, path: resource.path })),
  )
  return explainNoRoute({ method: verb, path, api: api.logicalId, routes })
}

/** The response template that SAM gives to what its Cors makes. Source: SAM's transform. */
const samMockBody = Buffer.from('{}\n')

/** Source: recorded answers of the invocation headers: a MOCK integration has no trace header. */
function mockAnswer(
  { statusCode, headers }: Extract<RestMethod, { readonly is: 'mock' }>,
  ids: readonly Header[],
) {
  const own = Object.entries(headers)
  const typed = own.some(([name]) => name.toLowerCase() === 'content-type')
  const type: readonly Header[] = typed ? [] : [['Content-Type', 'application/json']]
  return { status: statusCode, headers: [...type, ...own, ...ids], body: samMockBody }
}

async function serveFunction(
  parts: RestParts,
  exchange: Exchange & { readonly match: RestMatch },
  route: Extract<RestMethod, { readonly is: 'lambda' }>,
  body: RequestBody,
): Promise<Served | undefined> {
  const { request, match, trace } = exchange
  if (body === 'gone') return undefined
  const payload =
    body === 'too-large' ? body : Buffer.from(JSON.stringify(restEvent(request, match, body)))
  // UNRECORDED: rest-event-too-large — that an event over Lambda's limit is answered as a body over the gateway's.
  if (payload === 'too-large' || payload.length > eventBytesMax) {
    return refuse(exchange, gatewayErrors.tooLarge, tooLargeWords, match)
  }
  const requestId = parts.chance.uuid() as RequestId
  const end = await callFunction(parts, route, {
    payload,
    requestId,
    traceHeader: traceText(trace),
    origin: 'rest-api',
  })
  const called = end.is === 'absent' || end.is === 'refused' ? {} : { requestId }
  return { ...answerOf(exchange, route, end), functionName: route.functionName, ...called }
}

function answerOf(
  exchange: Exchange & { readonly match: RestMatch },
  route: Extract<RestMethod, { readonly is: 'lambda' }>,
  end: CallEnd,
): Served {
  const { functionName } = route
  const { request, match, trace, ids } = exchange
  const refused = (error: GatewayError, why: string) => refuse(exchange, error, why, match)
  switch (end.is) {
    case 'overdue':
      return refused(gatewayErrors.timeout, overdueWords(route))
    case 'absent':
      return refused(gatewayErrors.notInvocable, absentWords(functionName))
    case 'refused':
      return refused(gatewayErrors.notInvocable, refusalWords(functionName, end.reason))
    case 'function-error':
      return refused(gatewayErrors.malformed, failureWords(functionName, end))
    case 'response': {
      const made = restResponse(end.payload, {
        api: request.api,
        accept: headerOf(request.head.headers, 'accept'),
        added: [...ids, ['X-Amzn-Trace-Id', traceText(trace)]],
      })
      if (made.is === 'answer') return { answer: made.answer }
      return refused({ ...gatewayErrors.malformed, status: made.status }, made.why)
    }
    default:
      return assertNever(end)
  }
}
