// CORS of an HTTP API: preflights that the gateway answers, and the headers that replace those of functions.

import type { HttpCors } from '../../domain/api.js'
import { type GatewayAnswer, type Header, headerOf, type RequestHead } from '../exchange.js'

/** A browser's preflight: the gateway answers it, whatever routes there are. Source: API Gateway guide, CORS of HTTP APIs. */
export function isPreflight({ method, headers }: RequestHead): boolean {
  return (
    method === 'OPTIONS' &&
    headerOf(headers, 'origin') !== undefined &&
    headerOf(headers, 'access-control-request-method') !== undefined
  )
}

// UNRECORDED: cors-preflight — 204 is as remembered; that an origin which is not allowed gets it without headers is a guess.
export function preflightAnswer(cors: HttpCors, head: RequestHead): GatewayAnswer {
  const origin = allowedOrigin(cors, headerOf(head.headers, 'origin'))
  const headers: readonly Header[] =
    origin === undefined
      ? []
      : [
          ...originHeaders(cors, origin),
          ...list('access-control-allow-methods', cors.allowMethods),
          ...list('access-control-allow-headers', cors.allowHeaders),
          ...list('access-control-expose-headers', cors.exposeHeaders),
          ...(cors.maxAgeSeconds === undefined
            ? []
            : [['access-control-max-age', String(cors.maxAgeSeconds)] as const]),
        ]
  return { status: 204, headers, body: Buffer.alloc(0) }
}

/**
 * Any other answer: CORS headers of the function are taken out, and those of the configuration put in.
 * Source: the same guide.
 */
export function withCors(cors: HttpCors, head: RequestHead, answer: GatewayAnswer): GatewayAnswer {
  const origin = allowedOrigin(cors, headerOf(head.headers, 'origin'))
  const kept = answer.headers.filter(([name]) => !/^access-control-/i.test(name))
  if (origin === undefined) return { ...answer, headers: kept }
  return {
    ...answer,
    headers: [
      ...kept,
      ...originHeaders(cors, origin),
      ...list('access-control-expose-headers', cors.exposeHeaders),
    ],
  }
}

/** What access-control-allow-origin says to this origin; undefined when it may not. */
function allowedOrigin(cors: HttpCors, origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined
  if (cors.allowOrigins.includes('*')) return cors.allowCredentials === true ? origin : '*'
  return cors.allowOrigins.some((allowed) => matchesOrigin(allowed, origin)) ? origin : undefined
}

/** `https://*` and `http://*` stand for every origin of that scheme. Source: the API's model, Cors. */
function matchesOrigin(allowed: string, origin: string): boolean {
  const wanted = allowed.toLowerCase()
  if (/^https?:\/\/\*$/.test(wanted)) return origin.toLowerCase().startsWith(wanted.slice(0, -1))
  return wanted === origin.toLowerCase()
}

function originHeaders({ allowCredentials }: HttpCors, origin: string): readonly Header[] {
  return [
    ['access-control-allow-origin', origin],
    ...(allowCredentials === true ? [['access-control-allow-credentials', 'true'] as const] : []),
  ]
}

function list(name: string, values: readonly string[]): readonly Header[] {
  return values.length === 0 ? [] : [[name, values.join(',')]]
}
