// What an extension asks for when it subscribes to the Telemetry API or the Logs API: read, checked, and refused in Lambda's words.

import { emulatorPorts } from '../http/port-range.js'

/** The first word of their errors. */
export type TelemetryApi = 'Telemetry' | 'Logs'

export const streamTypes = ['platform', 'function', 'extension'] as const
export type StreamType = (typeof streamTypes)[number]

/** Each API's own versions, the oldest first. Source: AWS Lambda guide, Telemetry API and Logs API. */
const schemaVersions = {
  Telemetry: ['2022-07-01', '2022-12-13', '2025-01-29'],
  Logs: ['2020-08-15', '2021-03-18'],
} as const
export type SchemaVersion = (typeof schemaVersions)[TelemetryApi][number]

/** When a batch is sent: at the first of the three. */
export interface Buffering {
  readonly maxItems: number
  readonly maxBytes: number
  readonly timeoutMs: number
}

export type DestinationWish =
  | {
      readonly protocol: 'HTTP'
      readonly port: number
      /** As the request shows it: name and port. */
      readonly host: string
      readonly path: string
      readonly method: 'POST' | 'PUT'
    }
  | { readonly protocol: 'TCP'; readonly port: number }

export interface Subscription {
  readonly api: TelemetryApi
  readonly schemaVersion: SchemaVersion
  readonly types: readonly StreamType[]
  readonly buffering: Buffering
  readonly destination: DestinationWish
}

export interface Refusal {
  readonly status: number
  readonly errorType: string
  readonly errorMessage: string
}

export type ParsedSubscription =
  | { readonly subscription: Subscription }
  | { readonly refusal: Refusal }

/** Source: AWS Lambda guide, Telemetry API, buffering; the open agent's schema agrees. */
const bufferingLimits = {
  maxBytes: { least: 262_144, most: 1_048_576, usual: 262_144 },
  maxItems: { least: 1_000, most: 10_000, usual: 10_000 },
  timeoutMs: { least: 25, most: 30_000, usual: 1_000 },
} as const

/** Of an environment's loopback; the last two are the same place. */
const insideHosts = ['sandbox.localdomain', 'sandbox', 'localhost', '127.0.0.1']
/** Source: AWS Lambda guide, Telemetry API, destination: the port of the Runtime API on Lambda. */
const reservedPort = 9001
const portMax = 65_535

/** Subscriptions end with the init. Source: the open agent. */
export function subscriptionClosed(api: TelemetryApi): Refusal {
  return {
    status: 403,
    errorType: `${api}.SubscriptionClosed`,
    errorMessage: `${api} API subscription is closed`,
  }
}

// UNRECORDED: telemetry-other-api — that subscribing to both APIs is an error is documented; its status and text are not.
export function subscribedElsewhere(name: string, api: TelemetryApi, other: TelemetryApi): Refusal {
  return {
    status: 400,
    errorType: `${api}.AccessDenied`,
    errorMessage: `The extension ${name} is already subscribed to the ${other}API. You must either subscribe to the LogsAPI or the TelemetryAPI`,
  }
}

/** The documented examples differ: the Logs API's type has the API's name in front. Source: AWS Lambda guide, both references. */
export function validationError(api: TelemetryApi, errorMessage: string): Refusal {
  const errorType = api === 'Logs' ? 'Logs.ValidationError' : 'ValidationError'
  return { status: 400, errorType, errorMessage }
}

/** The form is not what it must be; what is wrong with a value is collected instead. */
class Malformed extends Error {}

/** Reads the body of a subscribe request. */
// UNRECORDED: telemetry-validation — two texts and their order are documented ("URI port is not provided; types should not be empty"), the others are not.
export function parseSubscription(api: TelemetryApi, body: string): ParsedSubscription {
  try {
    return checked(api, shapeOf(api, body))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { refusal: validationError(api, error.message) }
  }
}

interface Shape {
  readonly schemaVersion: SchemaVersion
  readonly types: readonly StreamType[]
  readonly buffering: Readonly<Partial<Record<keyof Buffering, number>>>
  readonly destination:
    | { readonly protocol: 'HTTP'; readonly uri: string; readonly method: 'POST' | 'PUT' }
    | { readonly protocol: 'TCP'; readonly port: number }
}

type Members = Readonly<Record<string, unknown>>

function shapeOf(api: TelemetryApi, body: string): Shape {
  const wish = membersOf(parsed(body), 'the request')
  const destination = membersOf(required(wish, 'destination'), 'destination')
  const types = required(wish, 'types')
  if (!Array.isArray(types)) throw new Malformed('types should be an array')
  return {
    schemaVersion: schemaVersionOf(api, wish.schemaVersion),
    types: types.map((type) => oneOf(type, streamTypes)),
    buffering: bufferingOf(wish.buffering),
    destination: destinationOf(destination),
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new Malformed('failed to parse JSON')
  }
}

function membersOf(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(`${what} should be an object`)
  return value as Members
}

function required(members: Members, name: string): unknown {
  const value = Object.hasOwn(members, name) ? members[name] : undefined
  if (value === undefined || value === null) throw new Malformed(`missing field \`${name}\``)
  return value
}

function oneOf<T extends string>(value: unknown, known: readonly T[]): T {
  const found = known.find((each) => each === value)
  if (found !== undefined) return found
  const names = known.map((each) => `\`${each}\``)
  const expected = names.length === 2 ? names.join(' or ') : `one of ${names.join(', ')}`
  throw new Malformed(`unknown variant \`${String(value)}\`, expected ${expected}`)
}

/** Of the Logs API it need not be said. Source: AWS Lambda guide, Logs API. */
function schemaVersionOf(api: TelemetryApi, version: unknown): SchemaVersion {
  if (api === 'Logs' && version === undefined) return '2020-08-15'
  return oneOf(required({ schemaVersion: version }, 'schemaVersion'), schemaVersions[api])
}

function bufferingOf(wanted: unknown): Shape['buffering'] {
  if (wanted === undefined) return {}
  const buffering = membersOf(wanted, 'buffering')
  const given: { -readonly [Name in keyof Buffering]?: number } = {}
  for (const name of Object.keys(bufferingLimits) as (keyof Buffering)[]) {
    const value = buffering[name]
    if (value === undefined) continue
    if (!Number.isInteger(value)) throw new Malformed(`${name} should be an integer`)
    given[name] = value as number
  }
  return given
}

function destinationOf(destination: Members): Shape['destination'] {
  const protocol = oneOf(required(destination, 'protocol'), ['HTTP', 'TCP'])
  if (protocol === 'TCP') {
    const port = required(destination, 'port')
    if (!Number.isInteger(port)) throw new Malformed('port should be an integer')
    return { protocol, port: port as number }
  }
  const uri = required(destination, 'URI')
  if (typeof uri !== 'string') throw new Malformed('URI should be a string')
  const { method, encoding } = destination
  if (encoding !== undefined) oneOf(encoding, ['JSON'])
  return { protocol, uri, method: method === undefined ? 'POST' : oneOf(method, ['POST', 'PUT']) }
}

function checked(api: TelemetryApi, shape: Shape): ParsedSubscription {
  const { types, schemaVersion } = shape
  const target = targetOf(api, shape.destination)
  if ('refusal' in target) return target
  const problems = [
    ...target.problems,
    ...(types.length === 0 ? ['types should not be empty'] : []),
    ...(new Set(types).size < types.length ? ['types should be unique'] : []),
    ...bufferingProblems(shape.buffering),
  ]
  if (problems.length > 0) return { refusal: validationError(api, problems.join('; ')) }
  const buffering = {
    maxBytes: shape.buffering.maxBytes ?? bufferingLimits.maxBytes.usual,
    maxItems: shape.buffering.maxItems ?? bufferingLimits.maxItems.usual,
    timeoutMs: shape.buffering.timeoutMs ?? bufferingLimits.timeoutMs.usual,
  }
  return { subscription: { api, schemaVersion, types, buffering, destination: target.wish } }
}

function bufferingProblems(given: Shape['buffering']): readonly string[] {
  return (Object.keys(bufferingLimits) as (keyof Buffering)[]).flatMap((name) => {
    const { least, most } = bufferingLimits[name]
    const value = given[name]
    const fits = value === undefined || (value >= least && value <= most)
    return fits ? [] : [`${name} should be between ${least} and ${most}`]
  })
}

type Target =
  | { readonly refusal: Refusal }
  /** Where there are problems it means nothing. */
  | { readonly wish: DestinationWish; readonly problems: readonly string[] }

function targetOf(api: TelemetryApi, destination: Shape['destination']): Target {
  if (destination.protocol === 'TCP') {
    const { port } = destination
    return { wish: { protocol: 'TCP', port }, problems: portProblems(port) }
  }
  const { uri, method } = destination
  const parts = /^(\w[\w+.-]*):\/\/([^/?#]*)([^#]*)/.exec(uri)
  if (parts === null) return invalidUri
  const [, scheme = '', authority = '', rest = ''] = parts
  if (scheme.toLowerCase() !== 'http') return denied(api, "Only 'http' scheme is supported.")
  const [, host = '', portText] = /^([^:@]*)(?::(\d{1,5}))?$/.exec(authority) ?? []
  if (host === '') return invalidUri
  if (!insideHosts.includes(host.toLowerCase()))
    return denied(api, "Only 'sandbox.localdomain' hostname is supported.")
  // What is no part of a request line would begin another one.
  if (!/^[\x21-\x7e]*$/.test(rest)) return invalidUri
  const path = rest.startsWith('/') ? rest : `/${rest}`
  const port = Number(portText)
  return {
    wish: { protocol: 'HTTP', port, host: `${host}:${port}`, path, method },
    problems: portText === undefined ? ['URI port is not provided'] : portProblems(port),
  }
}

const invalidUri: Target = {
  wish: { protocol: 'TCP', port: 0 },
  problems: ['URI is not valid'],
}

// UNRECORDED: telemetry-destination — status, type and text of a scheme or a host that is not allowed, as another emulator has them.
function denied(api: TelemetryApi, errorMessage: string): Target {
  return { refusal: { status: 403, errorType: `${api}.AccessDenied`, errorMessage } }
}

function portProblems(port: number): readonly string[] {
  if (port < 1 || port > portMax) return [`port should be between 1 and ${portMax}`]
  if (port === reservedPort) return [`port ${reservedPort} is reserved`]
  const { first, last } = emulatorPorts
  // Ours alone: the daemon must not be made to call where the function itself may not.
  if (port >= first && port <= last) return [`ports ${first} to ${last} belong to lambda-emu`]
  return []
}
