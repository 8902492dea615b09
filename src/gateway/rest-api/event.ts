// The event that AWS_PROXY of a REST API hands to its function.

import type { RestApi } from '../../domain/api.js'
import { domainPrefix, headerMaps, identityOf, orNull, queryMaps } from '../event-1-0.js'
import { headerOf, type RequestHead } from '../exchange.js'
import { commonLogTime, stableId } from '../identity.js'
import { queryPairs, restSeparator } from '../query.js'
import { mediaType, restEventHeaders } from '../request-headers.js'
import { isBinaryType } from './binary.js'
import type { RestMatch } from './router.js'

/** One request as a REST API serves it, before its function is known. */
export interface RestRequest {
  readonly api: RestApi
  readonly accountId: string
  readonly head: RequestHead
  /** The client's verb, or that of X-HTTP-Method-Override. */
  readonly verb: string
  /** Without the stage. */
  readonly path: string
  /** With the stage, where the address has one. */
  readonly fullPath: string
  readonly requestId: string
  readonly extendedRequestId: string
  /** X-Amzn-Trace-Id as the function sees it. */
  readonly traceHeader: string
}

export type RestRequestContext = Readonly<Record<string, unknown>>

/**
 * `requestContext`, which is also `$context` of gateway responses: the recorded keys and no other.
 * Source: recorded answer test_lambda_aws_proxy_integration (2024-08-02).
 */
export function restRequestContext(
  request: RestRequest,
  match: Pick<RestMatch, 'resourcePath' | 'method'> | undefined,
): RestRequestContext {
  const { api, head } = request
  const named = match?.method.is === 'lambda' ? match.method.operationName : undefined
  return {
    accountId: request.accountId,
    apiId: api.id,
    deploymentId: stableId(api.id, 'deployment'),
    domainName: head.host,
    domainPrefix: domainPrefix(head.host),
    extendedRequestId: request.extendedRequestId,
    httpMethod: request.verb,
    identity: identityOf(head),
    ...(named === undefined ? {} : { operationName: named }),
    path: request.fullPath,
    protocol: 'HTTP/1.1',
    requestId: request.requestId,
    requestTime: commonLogTime(head.receivedAtMs),
    requestTimeEpoch: head.receivedAtMs,
    ...(match === undefined
      ? {}
      : {
          resourceId: stableId(api.id, match.resourcePath),
          resourcePath: match.resourcePath,
        }),
    stage: api.stageName,
  }
}

/** The whole event; empty maps and an empty body are null, never left out. Source: the same recorded answer. */
export function restEvent(
  request: RestRequest,
  match: RestMatch,
  body: Buffer,
): Readonly<Record<string, unknown>> {
  const { api, head } = request
  return {
    resource: match.resourcePath,
    path: request.path,
    httpMethod: request.verb,
    ...headerMaps(restEventHeaders(head, request.traceHeader)),
    ...queryMaps(queryPairs(head.query, restSeparator)),
    pathParameters: orNull(match.pathParameters),
    stageVariables: orNull(api.stageVariables),
    requestContext: restRequestContext(request, match),
    ...restBody(api, head, body),
  }
}

/** Base64 for the API's binary types, UTF-8 text for all others. Source: API Gateway guide, payload encodings. */
function restBody(api: RestApi, head: RequestHead, body: Buffer) {
  if (body.length === 0) return { body: null, isBase64Encoded: false }
  // UNRECORDED: no-content-type — that a body without a type counts as JSON, as it does for templates.
  const type = mediaType(headerOf(head.headers, 'content-type') ?? 'application/json')
  const binary = isBinaryType(api.binaryMediaTypes, type)
  return { body: body.toString(binary ? 'base64' : 'utf8'), isBase64Encoded: binary }
}
