// What a REST API makes of the answer of an AWS_PROXY function.

import type { RestApi } from '../../domain/api.js'
import type { GatewayAnswer, Header } from '../exchange.js'
import {
  decodeBase64,
  MalformedResponse,
  parseReturned,
  returnedHeaders,
  scalarText,
  statusCode,
} from '../function-response.js'
import { wantsBinary } from './binary.js'

export type RestResponse =
  | { readonly is: 'answer'; readonly answer: GatewayAnswer }
  /** `status` is 502, or 500 for a body that is no base64. */
  | { readonly is: 'malformed'; readonly status: 500 | 502; readonly why: string }

/** Any other key makes the answer malformed. Source: recorded answers of malformed responses (2024-11-15). */
// UNRECORDED: rest-response-keys — base64Encoded and cookies are known from a peer's trials on AWS.
const allowedKeys: ReadonlySet<string> = new Set([
  'statusCode',
  'headers',
  'multiValueHeaders',
  'body',
  'isBase64Encoded',
  'base64Encoded',
  'cookies',
])

/** Sent under another name. Source: recorded answer TestApiGatewayHeaderRemapping (2024-12-11). */
const remapped: ReadonlyMap<string, string> = new Map(
  ['Connection', 'Content-Length', 'Date', 'Server'].map((name) => [
    name.toLowerCase(),
    `x-amzn-Remapped-${name}`,
  ]),
)

// UNRECORDED: response-headers-dropped — Transfer-Encoding is recorded; the others would break the connection, or are the gateway's own.
const dropped: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'keep-alive',
  'trailer',
  'upgrade',
  'x-amzn-requestid',
  'x-amz-apigw-id',
  'x-amzn-trace-id',
])

/** `added`: the gateway's own headers. `accept`: of the request. */
export function restResponse(
  payload: Buffer,
  parts: {
    readonly api: RestApi
    readonly accept: string | undefined
    readonly added: readonly Header[]
  },
): RestResponse {
  try {
    const returned = parseObject(payload)
    const text = scalarText(returned.body, 'a body') ?? ''
    const binary = isBase64(returned) && wantsBinary(parts.api.binaryMediaTypes, parts.accept)
    // UNRECORDED: rest-empty-answer — that {} is 200 as an object with headers alone is, and null (refused above) malformed.
    const status = returned.statusCode == null ? 200 : statusCode(returned.statusCode)
    const headers = [...sentHeaders(returned), ...parts.added]
    const body = binary ? decodeBase64(text) : Buffer.from(text, 'utf8')
    if (body === undefined) {
      return {
        is: 'malformed',
        status: 500,
        why: "the function's answer has a body that is no base64",
      }
    }
    return { is: 'answer', answer: { status, headers, body } }
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error
    return { is: 'malformed', status: 502, why: `the function's answer ${error.reason}` }
  }
}

function parseObject(payload: Buffer): Readonly<Record<string, unknown>> {
  const returned = parseReturned(payload)
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) {
    throw new MalformedResponse('is not an object with statusCode, headers and body')
  }
  const unknown = Object.keys(returned).find((key) => !allowedKeys.has(key))
  if (unknown !== undefined) {
    throw new MalformedResponse(`has the key ${JSON.stringify(unknown)}, which REST APIs refuse`)
  }
  return returned as Readonly<Record<string, unknown>>
}

// UNRECORDED: rest-scalars — that numbers, truth values and texts of them are taken for one another, as statusCode and headers show.
function isBase64(returned: Readonly<Record<string, unknown>>): boolean {
  const flag = scalarText(returned.base64Encoded ?? returned.isBase64Encoded, 'isBase64Encoded')
  if (flag === undefined || flag === 'false') return false
  if (flag === 'true') return true
  throw new MalformedResponse('has isBase64Encoded that is neither true nor false')
}

function sentHeaders(returned: Readonly<Record<string, unknown>>): readonly Header[] {
  const list = returnedHeaders(returned)
  if (!list.has('content-type')) list.set('Content-Type', 'application/json')
  return list.entries().flatMap(([key, headers]) => {
    if (dropped.has(key)) return []
    const other = remapped.get(key)
    return other === undefined ? headers : headers.map(([, value]): Header => [other, value])
  })
}
