// Request headers on their way into an event: what the gateway takes out, what it adds, and the maps that are made of them.

import type { Header, RequestHead } from './exchange.js'
import { headerOf } from './exchange.js'

/**
 * What AWS_PROXY does not deliver to Lambda. Source: recorded answer TestApiGatewayHeaderRemapping (2024-12-11).
 */
const restDropped: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-md5',
  'expect',
  'max-forwards',
  'proxy-authenticate',
  'server',
  'te',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'www-authenticate',
])

// UNRECORDED: http-api-dropped-headers — that these stay with the connection; captured events show Content-Length.
const httpDropped: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'te',
  'transfer-encoding',
  'trailer',
  'upgrade',
])

/** A signature is the gateway's own business. Source: API Gateway guide, known issues. */
const signature = /^AWS4-/

/** The headers of a REST API's event, in order. */
export function restEventHeaders(head: RequestHead, trace: string): readonly Header[] {
  const passed = head.headers.filter(([name, value]) => {
    const key = name.toLowerCase()
    return !restDropped.has(key) && !(key === 'authorization' && signature.test(value))
  })
  return withGatewayHeaders(head, passed, trace)
}

/** The headers of an HTTP API's event, in order. */
export function httpEventHeaders(head: RequestHead, trace: string): readonly Header[] {
  const passed = head.headers.filter(([name]) => !httpDropped.has(name.toLowerCase()))
  return withGatewayHeaders(head, passed, trace)
}

/** Always there, in API Gateway's letter case. Source: the same recorded answer. */
function withGatewayHeaders(
  head: RequestHead,
  passed: readonly Header[],
  trace: string,
): readonly Header[] {
  const before = headerOf(head.headers, 'x-forwarded-for')
  const added: readonly Header[] = [
    ['Host', head.host],
    ['X-Amzn-Trace-Id', trace],
    // UNRECORDED: forwarded-for — that the address is added to what the client sent, as load balancers do.
    ['X-Forwarded-For', before === undefined ? head.sourceIp : `${before}, ${head.sourceIp}`],
    ['X-Forwarded-Port', String(head.port)],
    ['X-Forwarded-Proto', 'http'],
  ]
  const own = new Set(added.map(([name]) => name.toLowerCase()))
  return [...passed.filter(([name]) => !own.has(name.toLowerCase())), ...added]
}

/** All values of each header, under the first spelling of its name. */
export function headerValues(headers: readonly Header[]): ReadonlyMap<string, readonly string[]> {
  const byKey = new Map<string, { readonly name: string; readonly values: string[] }>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    const found = byKey.get(key)
    if (found === undefined) byKey.set(key, { name, values: [value] })
    else found.values.push(value)
  }
  return new Map([...byKey.values()].map(({ name, values }) => [name, values]))
}

/** The media type alone, in lower case: `text/html` of `Text/HTML; charset=utf-8`. */
export function mediaType(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase()
}
