// What a REST API answers by itself: the table of gateway responses, and an API's own versions of them.

import type { GatewayResponse, RestApi } from '../../domain/api.js'
import { type GatewayAnswer, type Header, headerOf, type RequestHead } from '../exchange.js'
import { queryPairs, restSeparator } from '../query.js'
import { mediaType } from '../request-headers.js'
import type { RestRequestContext } from './event.js'

/** Status by response type. Source: API Gateway guide, supported gateway response types. */
export const defaultStatus = {
  ACCESS_DENIED: 403,
  API_CONFIGURATION_ERROR: 500,
  AUTHORIZER_CONFIGURATION_ERROR: 500,
  AUTHORIZER_FAILURE: 500,
  BAD_REQUEST_BODY: 400,
  BAD_REQUEST_PARAMETERS: 400,
  DEFAULT_4XX: 400,
  DEFAULT_5XX: 500,
  EXPIRED_TOKEN: 403,
  INTEGRATION_FAILURE: 504,
  INTEGRATION_TIMEOUT: 504,
  INVALID_API_KEY: 403,
  INVALID_SIGNATURE: 403,
  MISSING_AUTHENTICATION_TOKEN: 403,
  QUOTA_EXCEEDED: 429,
  REQUEST_TOO_LARGE: 413,
  RESOURCE_NOT_FOUND: 404,
  THROTTLED: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED_MEDIA_TYPE: 415,
  WAF_FILTERED: 403,
} as const satisfies Readonly<Record<string, number>>

export type ResponseType = keyof typeof defaultStatus

export interface GatewayError {
  readonly type: ResponseType
  /** When it is not that of the type. */
  readonly status?: number
  readonly message: string
  /** x-amzn-ErrorType. */
  readonly errorType: string
}

/** Source: recorded answers TestApigatewayRouting (2024-07-23) and of malformed responses (2024-11-15). */
export const gatewayErrors = {
  noRoute: {
    type: 'MISSING_AUTHENTICATION_TOKEN',
    message: 'Missing Authentication Token',
    errorType: 'MissingAuthenticationTokenException',
  },
  // UNRECORDED: unknown-stage — that a stage which is not there is answered like a refused key.
  unknownStage: {
    type: 'DEFAULT_4XX',
    status: 403,
    message: 'Forbidden',
    errorType: 'ForbiddenException',
  },
  malformed: {
    type: 'DEFAULT_5XX',
    status: 502,
    message: 'Internal server error',
    errorType: 'InternalServerErrorException',
  },
  // UNRECORDED: rest-throttled — 500 for a function that is throttled, or cannot be called at all, is a third party's analysis.
  notInvocable: {
    type: 'DEFAULT_5XX',
    message: 'Internal server error',
    errorType: 'InternalServerErrorException',
  },
  // UNRECORDED: request-too-large — the text is as remembered, the error's name is made after it.
  tooLarge: {
    type: 'REQUEST_TOO_LARGE',
    message: 'Request Too Long',
    errorType: 'RequestTooLargeException',
  },
  // UNRECORDED: integration-timeout — text and name; the status is documented.
  timeout: {
    type: 'INTEGRATION_TIMEOUT',
    message: 'Endpoint request timed out',
    errorType: 'InternalServerErrorException',
  },
  // UNRECORDED: rest-url-length — what is said of a URL over the limit; the limit is documented.
  longUrl: {
    type: 'DEFAULT_4XX',
    status: 414,
    message: 'Request-URI Too Long',
    errorType: 'RequestTooLargeException',
  },
  // UNRECORDED: rest-header-size — what is said of headers over the limit; the limit is documented.
  largeHeaders: {
    type: 'DEFAULT_4XX',
    status: 431,
    message: 'Request Header Fields Too Large',
    errorType: 'RequestTooLargeException',
  },
} as const satisfies Readonly<Record<string, GatewayError>>

export interface GatewayResponseParts {
  readonly api: RestApi
  readonly head: RequestHead
  readonly context: RestRequestContext
  readonly pathParameters?: ReadonlyMap<string, string>
  /** Request ids of the gateway. */
  readonly added: readonly Header[]
}

/** The answer to a request that did not get through. */
export function gatewayResponse(error: GatewayError, parts: GatewayResponseParts): GatewayAnswer {
  const status = error.status ?? defaultStatus[error.type]
  const own = ownResponse(parts.api, error.type, status)
  const variables = {
    ...parts.context,
    error: {
      message: error.message,
      messageString: JSON.stringify(error.message),
      responseType: error.type,
    },
  }
  const [contentType, template] = chooseTemplate(own, headerOf(parts.head.headers, 'accept'))
  return {
    status: own?.statusCode ?? status,
    headers: [
      ['Content-Type', contentType],
      ...parts.added,
      ['x-amzn-ErrorType', error.errorType],
      ...ownHeaders(own, variables, parts),
    ],
    body: Buffer.from(substitute(template, variables, parts.api.stageVariables ?? {})),
  }
}

/** A type without an entry takes that of its class. 413 cannot be changed. Source: API Gateway guide, gateway responses. */
function ownResponse(
  { gatewayResponses }: RestApi,
  type: ResponseType,
  status: number,
): GatewayResponse | undefined {
  if (type === 'REQUEST_TOO_LARGE') return undefined
  return gatewayResponses[type] ?? gatewayResponses[status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX']
}

const defaultTemplate = '{"message":$context.error.messageString}'

// UNRECORDED: gateway-response-template — how a template is chosen by Accept, and that a variable without a value is empty.
function chooseTemplate(
  own: GatewayResponse | undefined,
  accept: string | undefined,
): readonly [contentType: string, template: string] {
  const templates = Object.entries(own?.templates ?? {})
  const accepted = (accept ?? '').split(',').map(mediaType)
  return (
    templates.find(([type]) => accepted.includes(mediaType(type))) ??
    templates.find(([type]) => mediaType(type) === 'application/json') ??
    templates[0] ?? ['application/json', defaultTemplate]
  )
}

type Variables = Readonly<Record<string, unknown>>

/** Replaces variables and nothing else: no Velocity. Source: the same guide. */
function substitute(
  template: string,
  context: Variables,
  stageVariables: Readonly<Record<string, string>>,
): string {
  return template.replace(
    /\$(?:\{(context|stageVariables)\.([\w.]+)\}|(context|stageVariables)\.(\w+(?:\.\w+)*))/g,
    (_, braced?: string, bracedName?: string, plain?: string, plainName?: string) => {
      const name = bracedName ?? plainName ?? ''
      if ((braced ?? plain) === 'context') return lookUp(context, name) ?? ''
      return lookUp(stageVariables, name) ?? ''
    },
  )
}

function lookUp(variables: Variables, path: string): string | undefined {
  let value: unknown = variables
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Variables)[name]
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function ownHeaders(
  own: GatewayResponse | undefined,
  variables: Variables,
  parts: GatewayResponseParts,
): readonly Header[] {
  return Object.entries(own?.headers ?? {}).flatMap(([name, source]): readonly Header[] => {
    const value = headerSource(source, variables, parts)
    return value === undefined ? [] : [[name, value]]
  })
}

function headerSource(
  source: string,
  variables: Variables,
  { api, head, pathParameters }: GatewayResponseParts,
): string | undefined {
  const quoted = /^'(.*)'$/s.exec(source)?.[1]
  if (quoted !== undefined) return quoted
  const [, kind, name = ''] =
    /^(context|stageVariables|method\.request\.(?:header|path|querystring))\.(.+)$/.exec(source) ??
    []
  switch (kind) {
    case 'context':
      return lookUp(variables, name)
    case 'stageVariables':
      return lookUp(api.stageVariables ?? {}, name)
    case 'method.request.header':
      return head.headers.find(([each]) => each === name)?.[1]
    case 'method.request.path':
      return pathParameters?.get(name)
    case 'method.request.querystring':
      return queryPairs(head.query, restSeparator).find(([each]) => each === name)?.[1]
    default:
      return undefined
  }
}
