// The Extensions API over HTTP: its paths, headers and bodies, turned into questions for the extensions of an environment.

import type { HttpExchange } from '../http/exchange.js'
import { configurationKeysDeprecated, invalidRegistration } from './extension-state.js'
import type { ExtensionAsker, Extensions } from './extensions.js'
import { accepted, answerError, answerText, headerOf, only, refuse } from './http-answers.js'
import { type ApiError, entityTooLarge } from './runtime-state.js'

/** What a registration tells of the function. */
export interface FunctionMetadata {
  readonly functionName: string
  readonly functionVersion: string
  readonly handler: string
  /** Told only to those that ask for it. */
  readonly accountId: string
}

/** Below it are the paths of the Extensions API. */
export const extensionsPrefix = '/2020-01-01/extension/'

/** A figure of ours: the agent has none. */
const registrationBytesMax = 1024 * 1024

/** @param path what follows `extensionsPrefix` */
export function serveExtensions(
  path: string,
  exchange: HttpExchange,
  extensions: Extensions,
  metadata: FunctionMetadata,
): void {
  const identifier = headerOf(exchange, 'lambda-extension-identifier')
  switch (path) {
    case 'register':
      return only('POST', exchange, () => register(exchange, extensions, metadata))
    case 'event/next':
      return only('GET', exchange, () => {
        exchange.discardBody()
        extensions.next(identifier, askerOf(exchange))
      })
    case 'init/error':
    case 'exit/error':
      return only('POST', exchange, () => {
        const errorType = headerOf(exchange, 'lambda-extension-function-error-type')
        const phase = path === 'init/error' ? 'init' : 'exit'
        const refused = extensions.reportError(phase, identifier, errorType)
        if (refused !== undefined) return refuse(exchange, refused)
        exchange.discardBody()
        answerText(exchange, 202, accepted)
      })
    default:
      exchange.discardBody()
      return answerText(exchange, 404, '404 page not found\n')
  }
}

function askerOf(exchange: HttpExchange): ExtensionAsker {
  return {
    give: (eventId, body) =>
      answerText(exchange, 200, body, { 'Lambda-Extension-Event-Identifier': eventId }),
    refuse: (error) => answerError(exchange, error),
  }
}

function register(
  exchange: HttpExchange,
  extensions: Extensions,
  metadata: FunctionMetadata,
): void {
  const name = headerOf(exchange, 'lambda-extension-name') ?? ''
  exchange.readBody(registrationBytesMax, (body) => {
    if (body === 'cut-short') return
    if (body === 'too-large') return answerError(exchange, entityTooLarge(registrationBytesMax))
    // The agent looks at the name before the body.
    const events = name === '' ? [] : parsedEvents(body)
    if ('status' in events) return answerError(exchange, events)
    const registered = extensions.register(name, events)
    if ('status' in registered) return answerError(exchange, registered)
    const { functionName, functionVersion, handler, accountId } = metadata
    const told = {
      functionName,
      functionVersion,
      handler,
      ...(acceptsAccountId(exchange) ? { accountId } : {}),
    }
    const headers = { 'Lambda-Extension-Identifier': registered.id }
    answerText(exchange, 200, `${JSON.stringify(told)}\n`, headers)
  })
}

function acceptsAccountId(exchange: HttpExchange): boolean {
  const features = headerOf(exchange, 'lambda-extension-accept-feature') ?? ''
  return features.split(',').some((feature) => feature.trim() === 'accountId')
}

/** The events of a registration, or what is wrong with its body. */
function parsedEvents(body: Buffer): readonly string[] | ApiError {
  if (body.length === 0) return invalidRegistration('unexpected end of JSON input')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (error) {
    // UNRECORDED: extension-registration-json — the type is the open agent's, the reason is Node's and not that of its parser.
    return invalidRegistration(error instanceof Error ? error.message : String(error))
  }
  if (value === null) return []
  if (typeof value !== 'object' || Array.isArray(value)) return wrongType('a registration')
  const { events, configurationKeys } = value as Readonly<Record<string, unknown>>
  const keys = stringsOf(configurationKeys)
  const wanted = stringsOf(events)
  if (keys === undefined) return wrongType('configurationKeys')
  if (wanted === undefined) return wrongType('events')
  return keys.length > 0 ? configurationKeysDeprecated : wanted
}

function wrongType(what: string): ApiError {
  return invalidRegistration(`json: ${what} has the wrong type`)
}

/** None where there is none; undefined for what is no list of texts. */
function stringsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  const ok = Array.isArray(value) && value.every((each) => typeof each === 'string')
  return ok ? (value as string[]) : undefined
}
