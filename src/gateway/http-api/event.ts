// The events that an HTTP API hands to its functions: formats 2.0 and 1.0.

import type { HttpApi } from '../../domain/api.js'
import { domainPrefix, headerMaps, identityOf, orNull, queryMaps } from '../event-1-0.js'
import { headerOf, type RequestHead } from '../exchange.js'
import { commonLogTime } from '../identity.js'
import { httpSeparator, mapValues, queryPairs, valuesByName } from '../query.js'
import { httpEventHeaders, mediaType } from '../request-headers.js'
import type { HttpMatch } from './router.js'

/** One request as an HTTP API serves it. */
export interface HttpRequest {
  readonly api: HttpApi
  readonly accountId: string
  readonly head: RequestHead
  /** Decoded; with the stage, unless it is $default. */
  readonly rawPath: string
  readonly requestId: string
  /** X-Amzn-Trace-Id as the function sees it. */
  readonly traceHeader: string
}

type Event = Readonly<Record<string, unknown>>

const joined = (values: readonly string[]) => values.join(',')

/**
 * Format 2.0: names of headers in lower case, several values joined by a comma, cookies apart, and nothing that
 * is empty. Source: API Gateway guide, Lambda proxy integrations of HTTP APIs; aws-lambda-go's sample event.
 */
export function eventOfFormat2(request: HttpRequest, match: HttpMatch, body: Buffer): Event {
  const { api, head, rawPath } = request
  const { routeKey } = match.route
  const headers = httpEventHeaders(head, request.traceHeader).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  )
  const cookies = headers
    .filter(([name]) => name === 'cookie')
    .flatMap(([, value]) => value.split(/; */).filter((cookie) => cookie !== ''))
  const pairs = queryPairs(head.query, httpSeparator)
  const parameters = orNull(match.pathParameters)
  const stageVariables = orNull(api.stageVariables)
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString: head.query,
    ...(cookies.length === 0 ? {} : { cookies }),
    headers: mapValues(valuesByName(headers.filter(([name]) => name !== 'cookie')), joined),
    ...(pairs.length === 0
      ? {}
      : { queryStringParameters: mapValues(valuesByName(pairs), joined) }),
    requestContext: contextOfFormat2(request, routeKey),
    ...(body.length === 0 ? {} : { body: bodyText(head, body) }),
    ...(parameters === null ? {} : { pathParameters: parameters }),
    isBase64Encoded: body.length > 0 && isBinaryBody(head),
    ...(stageVariables === null ? {} : { stageVariables }),
  }
}

function contextOfFormat2(request: HttpRequest, routeKey: string): Event {
  const { api, head, rawPath } = request
  return {
    accountId: request.accountId,
    apiId: api.id,
    domainName: head.host,
    domainPrefix: domainPrefix(head.host),
    http: {
      method: head.method,
      path: rawPath,
      protocol: 'HTTP/1.1',
      sourceIp: head.sourceIp,
      userAgent: headerOf(head.headers, 'user-agent') ?? '',
    },
    requestId: request.requestId,
    routeKey,
    stage: api.stageName,
    time: commonLogTime(head.receivedAtMs),
    timeEpoch: head.receivedAtMs,
  }
}

/**
 * Format 1.0: the REST event with a version, without a resource id, and with the short request id.
 * Source: API Gateway guide, Lambda proxy integrations of HTTP APIs.
 */
export function eventOfFormat1(request: HttpRequest, match: HttpMatch, body: Buffer): Event {
  const { api, head, rawPath } = request
  const resource = resourceOf(match.route.routeKey)
  return {
    version: '1.0',
    resource,
    path: rawPath,
    httpMethod: head.method,
    ...headerMaps(httpEventHeaders(head, request.traceHeader)),
    ...queryMaps(queryPairs(head.query, httpSeparator)),
    requestContext: {
      accountId: request.accountId,
      apiId: api.id,
      authorizer: { claims: null, scopes: null },
      domainName: head.host,
      domainPrefix: domainPrefix(head.host),
      extendedRequestId: request.requestId,
      httpMethod: head.method,
      identity: identityOf(head),
      path: rawPath,
      protocol: 'HTTP/1.1',
      requestId: request.requestId,
      requestTime: commonLogTime(head.receivedAtMs),
      requestTimeEpoch: head.receivedAtMs,
      resourceId: null,
      resourcePath: resource,
      stage: api.stageName,
    },
    pathParameters: orNull(match.pathParameters),
    stageVariables: orNull(api.stageVariables),
    body: body.length === 0 ? null : bodyText(head, body),
    isBase64Encoded: body.length > 0 && isBinaryBody(head),
  }
}

/** The path of a route key; `$default` is its own. */
function resourceOf(routeKey: string): string {
  return routeKey.split(' ')[1] ?? routeKey
}

/**
 * Text for these types alone: forms, and bodies without a type, come as base64.
 * Source: a third party's measurement on AWS (2026-06).
 */
function isBinaryBody({ headers }: RequestHead): boolean {
  const type = mediaType(headerOf(headers, 'content-type') ?? '')
  return !type.startsWith('text/') && !textTypes.has(type)
}

const textTypes: ReadonlySet<string> = new Set([
  'application/javascript',
  'application/json',
  'application/xml',
])

function bodyText(head: RequestHead, body: Buffer): string {
  return body.toString(isBinaryBody(head) ? 'base64' : 'utf8')
}
