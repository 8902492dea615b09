// What rows have in common: lines of a log and payloads of the platform's errors, with what changes taken out.

export const start = 'START RequestId: <id> Version: $LATEST'
export const end = 'END RequestId: <id>'
/** REPORT with its fields but for Duration, sizes and what was used. */
export const report = (more = '', memoryMb = 1769) =>
  `REPORT RequestId: <id>\tDuration: <n> ms\tBilled Duration: <n> ms\tMemory Size: ${memoryMb} MB\tMax Memory Used: <n> MB\t${more}`
export const cold = report('Init Duration: <n> ms\t')
export const warm = report()
export const ended = (errorType: string) => `Status: error\tError Type: ${errorType}\t`
export const failed = (errorType: string) => report(ended(errorType))
export const coldFailed = (errorType: string) =>
  report(`Init Duration: <n> ms\t${ended(errorType)}`)
export const initReport = (phase: 'init' | 'invoke', status: string) =>
  `INIT_REPORT Init Duration: <n> ms\tPhase: ${phase}\tStatus: ${status}`
export const initFailed = (phase: 'init' | 'invoke', errorType: string) =>
  initReport(phase, `error\tError Type: ${errorType}`)

export const exitError = (text: string) => ({
  errorType: 'Runtime.ExitError',
  errorMessage: `RequestId: <id> Error: ${text}`,
})
export const exitStatus = (code: number) =>
  exitError(`Runtime exited with error: exit status ${code}`)
export const signalled = (name: string) => exitError(`Runtime exited with error: signal: ${name}`)
export const silent = exitError('Runtime exited without providing a reason')
export const timedOut = {
  errorType: 'Sandbox.Timedout',
  errorMessage: 'RequestId: <id> Error: Task timed out after 3.00 seconds',
}
export const tooLarge = {
  errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
  errorType: 'Function.ResponseSizeTooLarge',
}
export const truncated = {
  errorType: 'Runtime.TruncatedResponse',
  errorMessage:
    'RequestId: <id> Error: The runtime closed the connection in the middle of its response',
}

export const nodeVersion =
  /^INIT_START Runtime Version: nodejs:22\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:<hash>$/
export const pythonVersion =
  /^INIT_START Runtime Version: python:3\.12\.v\d+\tRuntime Version ARN: /
export const providedVersion =
  /^INIT_START Runtime Version: provided:al2023\.v\d+\tRuntime Version ARN: /
