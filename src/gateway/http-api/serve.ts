// One request to an HTTP API, from its head to the answer.

import type { Chance } from '../../clock/kernel.js'
import type { HttpApi, HttpRoute } from '../../domain/api.js'
import { assertNever } from '../../domain/assert.js'
import type { RequestId } from '../../domain/brand.js'
import {
  type GatewayAnswer,
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
import { isPreflight, preflightAnswer, withCors } from './cors.js'
import { eventOfFormat1, eventOfFormat2, type HttpRequest } from './event.js'
import { decodedPath } from './path.js'
import { httpResponse } from './response.js'
import { type HttpMatch, type HttpRouter, httpRouter } from './router.js'

export interface HttpParts extends CallParts {
  readonly chance: Chance
  readonly accountId: string
}

export interface HttpTarget {
  readonly api: HttpApi
  /** Without the stage, and with it unless it is $default; both undecoded. */
  readonly path: string
  readonly fullPath: string
}

/** Request line and headers together. Source: API Gateway guide, quotas of HTTP APIs. */
const headBytesMax = 10_240

const routers = new WeakMap<HttpApi, HttpRouter>()

/** Undefined when the client went away before its request was complete: nothing was invoked. */
export async function serveHttp(
  parts: HttpParts,
  target: HttpTarget,
  head: RequestHead,
  readBody: () => Promise<RequestBody>,
): Promise<Served | undefined> {
  const { api } = target
  const { request, trace } = begin(parts, target, head)
  const finish = (served: Served): Served => ({
    ...served,
    answer: withRequestId(
      request.requestId,
      api.cors === undefined ? served.answer : withCors(api.cors, head, served.answer),
    ),
  })
  if (headBytes(head) > headBytesMax) {
    // UNRECORDED: http-header-size — what is said of a head over the limit; the limit is documented.
    const answer = jsonAnswer(431, { message: 'Request Header Fields Too Large' })
    return finish({
      answer,
      why: `the request line and headers have more than ${headBytesMax} bytes`,
    })
  }
  if (api.cors !== undefined && isPreflight(head)) {
    const answer = withRequestId(request.requestId, preflightAnswer(api.cors, head))
    return { answer, why: 'a preflight, answered by the CORS configuration' }
  }
  const match = routerOf(api).find(head.method, decodedPath(target.path))
  if (match === undefined) return finish(notFound(noRouteWords(request, target.path)))
  const { target: integration } = match.route
  if (integration.is === 'not-emulated') {
    const { reason } = integration
    return finish({ answer: jsonAnswer(501, { message: reason }), why: reason })
  }
  const body = await readBody()
  if (body === 'gone') return undefined
  return finish(await serveFunction(parts, { request, trace, match, body }, integration))
}

/** Source: recorded answers of API Gateway's troubleshooting guide. */
export function notFound(why: string): Served {
  return { answer: jsonAnswer(404, { message: 'Not Found' }), why }
}

function begin(parts: HttpParts, { api, fullPath }: HttpTarget, head: RequestHead) {
  const { chance, accountId } = parts
  const trace = continueTrace(headerOf(head.headers, 'x-amzn-trace-id'), {
    chance,
    nowMs: head.receivedAtMs,
  })
  const request: HttpRequest = {
    api,
    accountId,
    head,
    rawPath: decodedPath(fullPath),
    requestId: shortRequestId(chance),
    traceHeader: trace.eventHeader,
  }
  return { request, trace }
}

function withRequestId(requestId: string, answer: GatewayAnswer): GatewayAnswer {
  return { ...answer, headers: [...answer.headers, ['apigw-requestid', requestId]] }
}

function routerOf(api: HttpApi): HttpRouter {
  const known = routers.get(api) ?? httpRouter(api)
  routers.set(api, known)
  return known
}

/** As they stand on the wire: method, two spaces, version and line end; colon, space and line end of each header. */
function headBytes({ method, path, query, headers }: RequestHead): number {
  const target = path.length + (query === '' ? 0 : query.length + 1)
  const line = method.length + target + ' HTTP/1.1\r\n'.length + 1
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, line)
}

function noRouteWords({ api, head }: HttpRequest, path: string): string {
  const routes = api.routes.map(({ routeKey }) => {
    const [method = '', path = ''] = routeKey.split(' ')
    return { method, path }
  })
  return explainNoRoute({ method: head.method, path, api: api.logicalId, routes })
}

type FunctionTarget = Extract<HttpRoute['target'], { readonly is: 'lambda' }>

interface Matched {
  readonly request: HttpRequest
  readonly trace: Trace
  readonly match: HttpMatch
  readonly body: Buffer | 'too-large'
}

async function serveFunction(
  parts: HttpParts,
  { request, trace, match, body }: Matched,
  integration: FunctionTarget,
): Promise<Served> {
  const makeEvent = integration.payloadFormatVersion === '1.0' ? eventOfFormat1 : eventOfFormat2
  const payload =
    body === 'too-large' ? body : Buffer.from(JSON.stringify(makeEvent(request, match, body)))
  if (payload === 'too-large' || payload.length > eventBytesMax) {
    // UNRECORDED: http-too-large — the text, and that an event over Lambda's limit is answered the same way.
    const answer = jsonAnswer(413, { message: 'Request Entity Too Large' })
    return { answer, why: tooLargeWords }
  }
  const requestId = parts.chance.uuid() as RequestId
  const end = await callFunction(parts, integration, {
    payload,
    requestId,
    traceHeader: traceText(trace),
    origin: 'http-api',
  })
  const { functionName } = integration
  const called = end.is === 'absent' || end.is === 'refused' ? {} : { requestId }
  return { ...answerOf(integration, end), functionName, ...called }
}

/** Source: API Gateway guide, troubleshooting Lambda integrations; 503 for a timeout is a third party's report. */
function answerOf(integration: FunctionTarget, end: CallEnd): Served {
  const { functionName, payloadFormatVersion } = integration
  switch (end.is) {
    case 'overdue':
      return unavailable(overdueWords(integration))
    // UNRECORDED: http-throttled — 503 for a throttled function is as remembered; 500 for one that is not there a guess.
    case 'refused':
      return unavailable(refusalWords(functionName, end.reason))
    case 'absent':
      return serverError(absentWords(functionName))
    case 'function-error':
      return serverError(failureWords(functionName, end))
    case 'response': {
      const made = httpResponse(end.payload, payloadFormatVersion)
      return made.is === 'answer' ? { answer: made.answer } : serverError(made.why)
    }
    default:
      return assertNever(end)
  }
}

function serverError(why: string): Served {
  return { answer: jsonAnswer(500, { message: 'Internal Server Error' }), why }
}

function unavailable(why: string): Served {
  return { answer: jsonAnswer(503, { message: 'Service Unavailable' }), why }
}
