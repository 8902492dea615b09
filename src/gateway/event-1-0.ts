// What REST events and HTTP APIs' events of format 1.0 have in common: identity, maps, and null for whatever is empty.

import type { Header, RequestHead } from './exchange.js'
import { headerOf } from './exchange.js'
import { lastOf, mapValues, type Pair, valuesByName } from './query.js'
import { headerValues } from './request-headers.js'

/** The members of `identity` that need no authorizer, key or certificate, in the recorded order. */
export function identityOf(head: RequestHead): Readonly<Record<string, string | null>> {
  return {
    accessKey: null,
    accountId: null,
    caller: null,
    cognitoAuthenticationProvider: null,
    cognitoAuthenticationType: null,
    cognitoIdentityId: null,
    cognitoIdentityPoolId: null,
    principalOrgId: null,
    sourceIp: head.sourceIp,
    user: null,
    userAgent: headerOf(head.headers, 'user-agent') ?? null,
    userArn: null,
  }
}

/** The first label of a Host header, without a port. */
export function domainPrefix(host: string): string {
  return /^[^.:]*/.exec(host)?.[0] ?? ''
}

export function headerMaps(headers: readonly Header[]) {
  const values = headerValues(headers)
  return {
    headers: mapValues(values, lastOf),
    multiValueHeaders: Object.fromEntries(values),
  }
}

/** Null for a query without parameters. */
export function queryMaps(pairs: readonly Pair[]) {
  if (pairs.length === 0) {
    return { queryStringParameters: null, multiValueQueryStringParameters: null }
  }
  const values = valuesByName(pairs)
  return {
    queryStringParameters: mapValues(values, lastOf),
    multiValueQueryStringParameters: Object.fromEntries(values),
  }
}

/** Null for a map without entries. */
export function orNull(
  map: ReadonlyMap<string, string> | Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | null {
  const entries = map instanceof Map ? [...map] : Object.entries(map ?? {})
  return entries.length === 0 ? null : Object.fromEntries(entries)
}
