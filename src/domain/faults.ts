// The errors that Lambda itself reports for a function: exact texts, in one list.

import type { FunctionError } from './invocation.js'

// Go's names for signals, which Lambda's messages carry.
const signalNames: Readonly<Record<string, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGTRAP: 'trace/breakpoint trap',
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGKILL: 'killed',
  SIGUSR1: 'user defined signal 1',
  SIGSEGV: 'segmentation fault',
  SIGUSR2: 'user defined signal 2',
  SIGPIPE: 'broken pipe',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
}

/** Source: recorded answer test_lambda_invoke_with_timeout (2025-11-25). */
export function timeoutFault(requestId: string, timeoutMs: number): FunctionError {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  }
}

/** Source: recorded answer test_lambda_runtime_exit (2025-11-24); texts for codes and signals: the open agent. */
export function exitFault(
  requestId: string,
  exit: { readonly code: number | null; readonly signal: string | null },
): FunctionError {
  return {
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${requestId} Error: ${exitReason(exit)}`,
  }
}

/**
 * A process of an environment has ended, and with it the invocation. `errorType`: the environment's first fatal error, where
 * that is an extension's; the words are always those of the process that has ended. Source: the open agent.
 */
export function endFault(
  requestId: string,
  ended: {
    readonly participant: string
    readonly exit: { readonly code: number | null; readonly signal: string | null }
    readonly errorType?: string
  },
): FunctionError {
  const { participant, exit, errorType } = ended
  if (errorType === undefined) return exitFault(requestId, exit)
  const reason = participant === 'runtime' ? exitReason(exit) : extensionExitReason(exit)
  return { errorType, errorMessage: `RequestId: ${requestId} Error: ${reason}` }
}

function extensionExitReason(exit: {
  readonly code: number | null
  readonly signal: string | null
}): string {
  if (exit.signal !== null) return `signal: ${signalName(exit.signal)}`
  return exit.code === 0 ? 'exit code 0' : `exit status ${exit.code}`
}

/** Go's words for what keeps a program from being executed, by the name of the error. */
const launchProblems: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOTDIR: 'not a directory',
}

/** An extension that cannot be launched; `code` is the errno name. Source: public logs of functions on AWS. */
export function launchFault(requestId: string, path: string, code: string): FunctionError {
  const problem = launchProblems[code] ?? code
  return {
    errorType: 'Extension.LaunchError',
    errorMessage: `RequestId: ${requestId} Error: fork/exec ${path}: ${problem}`,
  }
}

/** There are more than ten files in /opt/extensions. Source: the open agent. */
export function tooManyExtensionsFault(requestId: string): FunctionError {
  return {
    errorType: 'Extension.LaunchError',
    errorMessage: `RequestId: ${requestId} Error: ErrTooManyExtensions`,
  }
}

function signalName(signal: string): string {
  return signalNames[signal] ?? signal.toLowerCase()
}

function exitReason(exit: {
  readonly code: number | null
  readonly signal: string | null
}): string {
  if (exit.signal !== null) {
    return `Runtime exited with error: signal: ${signalName(exit.signal)}`
  }
  if (exit.code === 0 || exit.code === null) return 'Runtime exited without providing a reason'
  return `Runtime exited with error: exit status ${exit.code}`
}

/** Largest buffered response, in bytes. Source: recorded answer test_lambda_too_large_response. */
export const responseBytesMax = 6_291_556

/** Largest streamed response, in bytes: 200 MB. Source: Lambda quotas. */
export const streamedBytesMax = 209_715_200

/** Source: recorded answer test_lambda_too_large_response (2025-11-24). */
export function responseTooLargeFault(limitBytes = responseBytesMax): FunctionError {
  return {
    errorMessage: `Response payload size exceeded maximum allowed payload size (${limitBytes} bytes).`,
    errorType: 'Function.ResponseSizeTooLarge',
  }
}

// UNRECORDED: truncated-response — the text; the type is the open agent's.
/** The runtime closed its connection in the middle of a streamed response, and lives. */
export function truncatedFault(requestId: string): FunctionError {
  return {
    errorType: 'Runtime.TruncatedResponse',
    errorMessage: `RequestId: ${requestId} Error: The runtime closed the connection in the middle of its response`,
  }
}

/** The runtime named a way of answering that there is not. Source: the open agent. */
export const invalidResponseModeFault: FunctionError = {
  errorType: 'Runtime.InvalidResponseModeHeader',
  errorMessage: 'Invalid function response mode',
}

/** Source: AWS Lambda guide, custom runtimes. */
export function noBootstrapFault(requestId: string): FunctionError {
  return {
    errorType: 'Runtime.InvalidEntrypoint',
    errorMessage: `RequestId: ${requestId} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]`,
  }
}
