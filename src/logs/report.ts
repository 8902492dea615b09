// The lines that Lambda itself writes about an invocation: text format, new style (Status in REPORT).

export interface ReportFigures {
  readonly requestId: string
  readonly durationMs: number
  readonly memoryMb: number
  readonly maxMemoryUsedMb: number
  /** Only for the first invocation after an init on demand. */
  readonly initDurationMs?: number
  readonly status?:
    | { readonly is: 'timeout' }
    | { readonly is: 'error'; readonly errorType: string }
}

/** Source: AWS Lambda guide, runtime environment; recorded answer test_invocation_with_logs. */
export function startLine(requestId: string, version: string): string {
  return `START RequestId: ${requestId} Version: ${version}`
}

/** END and REPORT. Init is billed since 1 August 2025; durations are rounded up to the millisecond. */
export function closingLines(figures: ReportFigures): readonly [string, string] {
  const { requestId, durationMs, initDurationMs } = figures
  // Whole hundredths, so that a sum that is exact in print is not rounded up for a bit that is not.
  const billedMs = Math.ceil((hundredths(durationMs) + hundredths(initDurationMs ?? 0)) / 100)
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${milliseconds(durationMs)} ms`,
    `Billed Duration: ${billedMs} ms`,
    `Memory Size: ${figures.memoryMb} MB`,
    `Max Memory Used: ${figures.maxMemoryUsedMb} MB`,
  ]
  if (initDurationMs !== undefined) fields.push(`Init Duration: ${milliseconds(initDurationMs)} ms`)
  if (figures.status?.is === 'timeout') fields.push('Status: timeout')
  if (figures.status?.is === 'error')
    fields.push('Status: error', `Error Type: ${figures.status.errorType}`)
  return [`END RequestId: ${requestId}`, `${fields.join('\t')}\t`]
}

/** `runtime` as in python3.12 becomes python:3.12, nodejs22.x nodejs:22, provided.al2023 provided:al2023. */
export function initStartLine(runtime: string, runtimeVersionArn: string): string {
  const name = runtime.replace(/^([a-z]+)\.?/, '$1:').replace(/\.x$/, '')
  return `INIT_START Runtime Version: ${name}.v1\tRuntime Version ARN: ${runtimeVersionArn}`
}

/** Written when an init did not end well. */
export function initReportLine(
  durationMs: number,
  phase: 'init' | 'invoke',
  status: { readonly is: 'timeout' } | { readonly is: 'error'; readonly errorType: string },
): string {
  const fields = [
    `INIT_REPORT Init Duration: ${milliseconds(durationMs)} ms`,
    `Phase: ${phase}`,
    `Status: ${status.is}`,
  ]
  if (status.is === 'error') fields.push(`Error Type: ${status.errorType}`)
  return fields.join('\t')
}

function hundredths(durationMs: number): number {
  return Math.round(durationMs * 100)
}

function milliseconds(durationMs: number): string {
  return (hundredths(durationMs) / 100).toFixed(2)
}
