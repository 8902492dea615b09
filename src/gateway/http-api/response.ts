// What an HTTP API makes of the answer of a function, by its payload format.

import type { GatewayAnswer, Header } from '../exchange.js'
import {
  decodeBase64,
  MalformedResponse,
  parseReturned,
  responseHeader,
  returnedHeaders,
  scalarText,
  statusCode,
} from '../function-response.js'

export type HttpResponse =
  | { readonly is: 'answer'; readonly answer: GatewayAnswer }
  /** Answered with 500. */
  | { readonly is: 'malformed'; readonly why: string }

type Returned = Readonly<Record<string, unknown>>

// UNRECORDED: http-response-headers — that these belong to the connection, and the request id to the gateway.
const dropped: ReadonlySet<string> = new Set([
  'apigw-requestid',
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Format 2.0: an object with a statusCode is the whole answer; any other JSON is the body of a 200.
 * Format 1.0: an object with a statusCode, and nothing else. Keys that are not known do not matter.
 * Source: API Gateway guide, Lambda proxy integrations of HTTP APIs.
 */
export function httpResponse(payload: Buffer, version: '1.0' | '2.0'): HttpResponse {
  try {
    const returned = parseReturned(payload)
    const whole = isObject(returned) && returned.statusCode !== undefined
    if (whole) return { is: 'answer', answer: structuredAnswer(returned, version) }
    if (version === '1.0') throw new MalformedResponse('has no statusCode')
    return { is: 'answer', answer: inferredAnswer(returned, payload) }
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error
    return { is: 'malformed', why: `the function's answer ${error.reason}` }
  }
}

function isObject(value: unknown): value is Returned {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function inferredAnswer(returned: unknown, payload: Buffer): GatewayAnswer {
  return {
    status: 200,
    headers: [['content-type', 'application/json']],
    body: typeof returned === 'string' ? Buffer.from(returned, 'utf8') : payload,
  }
}

function structuredAnswer(returned: Returned, version: '1.0' | '2.0'): GatewayAnswer {
  const text = scalarText(returned.body, 'a body') ?? ''
  const flag = returned.isBase64Encoded
  const body = flag === true || flag === 'true' ? decodeBase64(text) : Buffer.from(text, 'utf8')
  if (body === undefined) throw new MalformedResponse('has a body that is no base64')
  const cookies = version === '2.0' ? cookieHeaders(returned.cookies) : []
  return {
    status: statusCode(returned.statusCode),
    headers: [...sentHeaders(returned, version), ...cookies],
    body,
  }
}

/** One set-cookie each. Source: the same guide. */
function cookieHeaders(cookies: unknown): readonly Header[] {
  if (cookies === undefined || cookies === null) return []
  if (!Array.isArray(cookies)) throw new MalformedResponse('has cookies that are not a list')
  return cookies.map((cookie) => responseHeader('set-cookie', scalarText(cookie, 'a cookie') ?? ''))
}

// UNRECORDED: http-multi-value-headers — that format 1.0 merges both maps as REST APIs do, and 2.0 knows one.
function sentHeaders(returned: Returned, version: '1.0' | '2.0'): readonly Header[] {
  const { headers } = returned
  const list = returnedHeaders(version === '1.0' ? returned : { headers })
  // Source: a third party's capture of an answer without the header (2020-04).
  if (!list.has('content-type')) list.set('content-type', 'text/plain; charset=utf-8')
  return list.entries().flatMap(([key, each]) => (dropped.has(key) ? [] : each))
}
