// An extension's side of the Extensions API as a table of legal moves, and what is refused in its words.

import type { ApiError } from './runtime-state.js'

/** Source: the states of the open Runtime API agent; the names are those that errors and logs show. */
export type ExtensionStateName =
  | 'Started'
  | 'Registered'
  | 'Ready'
  | 'Running'
  | 'InitError'
  | 'ExitError'
  | 'ShutdownFailed'
  | 'Exited'
  | 'LaunchError'

const moves: Readonly<Record<ExtensionStateName, readonly ExtensionStateName[]>> = {
  Started: ['Registered', 'LaunchError'],
  Registered: ['Ready', 'InitError', 'ExitError'],
  // Unlike a runtime's, a second next while one waits is refused.
  Ready: ['Running', 'ExitError'],
  Running: ['Ready', 'ExitError', 'ShutdownFailed', 'Exited'],
  // The first error stands, and a second one is accepted as well.
  InitError: ['InitError'],
  ExitError: ['ExitError'],
  ShutdownFailed: [],
  Exited: [],
  LaunchError: [],
}

export function extensionMayMove(from: ExtensionStateName, to: ExtensionStateName): boolean {
  return moves[from].includes(to)
}

/** What an extension can ask to hear of. */
export type ExtensionEvent = 'INVOKE' | 'SHUTDOWN'

/** Extensions of one environment, both kinds together. Source: the open Runtime API agent. */
export const extensionsMax = 10

function forbidden(errorType: string, errorMessage: string): ApiError {
  return { status: 403, errorType, errorMessage }
}

/** @param who the name at a registration, the identifier later */
export function extensionTransitionRefused(
  from: ExtensionStateName,
  to: ExtensionStateName,
  who: string,
  reason:
    | 'State transition is not allowed'
    | 'Concurrent state modification' = 'State transition is not allowed',
): ApiError {
  return forbidden(
    'Extension.InvalidExtensionState',
    `State transition from ${from} to ${to} failed for extension ${who}. Error: ${reason}`,
  )
}

export const emptyExtensionName = forbidden(
  'Extension.InvalidExtensionName',
  'Empty extension name',
)

export const extensionNameTaken = forbidden(
  'Extension.InvalidExtensionState',
  'Extension with this name already registered',
)

export const registrationClosed = forbidden(
  'Extension.RegistrationClosed',
  'Extension registration closed already',
)

export const tooManyExtensions = forbidden(
  'Extension.TooManyExtensions',
  `Extension limit (${extensionsMax}) reached`,
)

export const configurationKeysDeprecated = invalidRegistration(
  'configurationKeys are deprecated; use environment variables instead',
)

/** The body of a registration is not what it must be. */
export function invalidRegistration(reason: string): ApiError {
  return forbidden('InvalidRequestFormat', reason)
}

/** What `event` is not good for; undefined when it is. */
export function eventRefused(event: string, kind: 'external' | 'internal'): ApiError | undefined {
  if (event === 'INVOKE') return undefined
  if (event !== 'SHUTDOWN')
    return forbidden('Extension.InvalidEventType', `${event}: ErrorInvalidEventType`)
  if (kind === 'external') return undefined
  return forbidden(
    'Extension.InvalidEventType',
    'SHUTDOWN: ShutdownEventNotSupportedForInternalExtension',
  )
}

export const missingIdentifier = forbidden(
  'Extension.MissingExtensionIdentifier',
  'Missing Lambda-Extension-Identifier header',
)

export const invalidIdentifier = forbidden(
  'Extension.InvalidExtensionIdentifier',
  'Invalid Lambda-Extension-Identifier',
)

/** As next says it. */
export function unknownExtension(identifier: string): ApiError {
  return forbidden('Extension.UnknownExtensionIdentifier', `Unknown extension ${identifier}`)
}

/** As init/error and exit/error say it. */
export const unknownIdentifier = forbidden(
  'Extension.UnknownExtensionIdentifier',
  'Unknown Lambda-Extension-Identifier',
)

export const missingErrorType = forbidden(
  'Extension.MissingHeader',
  'Lambda-Extension-Function-Error-Type not found',
)

/** The UUID in a header, in the one form in which they are kept; undefined for anything else. */
export function parsedIdentifier(header: string): string | undefined {
  const bare =
    /^(?:urn:uuid:([0-9a-f-]{36})|\{([0-9a-f-]{36})\}|([0-9a-f-]{36})|([0-9a-f]{32}))$/i.exec(
      header,
    )
  if (bare === null) return undefined
  const [, urn, braced, plain, digits] = bare
  const dashed =
    urn ?? braced ?? plain ?? digits?.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const lower = dashed?.toLowerCase() ?? ''
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lower) ? lower : undefined
}
