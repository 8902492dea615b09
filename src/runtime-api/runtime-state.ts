// The runtime's side of the Runtime API as a table of legal moves; the names are those its errors show.

/** Source: the states of the open Runtime API agent. */
export type RuntimeStateName =
  | 'Started'
  | 'InitError'
  | 'Ready'
  | 'Running'
  | 'InvocationResponse'
  | 'InvocationErrorResponse'
  | 'RuntimeResponseSentState'

const moves: Readonly<Record<RuntimeStateName, readonly RuntimeStateName[]>> = {
  Started: ['Ready', 'InitError'],
  InitError: [],
  // A second next while one waits blocks beside it.
  Ready: ['Ready', 'Running'],
  Running: ['Ready', 'InvocationResponse', 'InvocationErrorResponse'],
  InvocationResponse: ['RuntimeResponseSentState'],
  InvocationErrorResponse: ['RuntimeResponseSentState'],
  RuntimeResponseSentState: ['Ready'],
}

export function mayMove(from: RuntimeStateName, to: RuntimeStateName): boolean {
  return moves[from].includes(to)
}

export interface ApiError {
  readonly status: number
  readonly errorType: string
  readonly errorMessage: string
}

/** What is sent of it: one object and a newline. */
export function bodyOf({ errorMessage, errorType }: ApiError): string {
  return `${JSON.stringify({ errorMessage, errorType })}\n`
}

export function invalidTransition(from: RuntimeStateName, to: RuntimeStateName): ApiError {
  return {
    status: 403,
    errorMessage: `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
    errorType: 'InvalidStateTransition',
  }
}

export const invalidRequestId: ApiError = {
  status: 400,
  errorMessage: 'Invalid request ID',
  errorType: 'InvalidRequestID',
}

// UNRECORDED: invalid-invocation-id — the type is documented, its message is not.
export const invalidInvocationId: ApiError = {
  status: 400,
  errorMessage: 'Invalid invocation ID',
  errorType: 'InvalidInvocationId',
}

export const invalidResponseMode: ApiError = {
  status: 400,
  errorMessage: 'Invalid function response mode',
  errorType: 'InvalidFunctionResponseMode',
}

/** The body ended before its length or its last chunk. */
export const truncatedRequest: ApiError = {
  status: 400,
  errorMessage: 'HTTP request detected as truncated',
  errorType: 'TruncatedHTTPRequest',
}

export function entityTooLarge(limitBytes: number): ApiError {
  return {
    status: 413,
    errorMessage: `Exceeded maximum allowed payload size (${limitBytes} bytes).`,
    errorType: 'RequestEntityTooLarge',
  }
}

/**
 * The error type that goes to logs: the runtime's own if it has the documented form, else Unknown.
 * Source: the open Runtime API agent.
 */
export function loggedErrorType(header: string | undefined): string {
  if (header !== undefined && /(Runtime|Function)\.[A-Z][a-zA-Z]+/.test(header)) return header
  return header?.startsWith('Function.') === true ? 'Function.Unknown' : 'Runtime.Unknown'
}
