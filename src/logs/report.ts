// The lines that Lambda itself writes in text format, in both of its styles: what failed stands in REPORT, or before END.

import { assertNever } from '../domain/assert.js'
import {
  billedMs,
  type ExtensionInit,
  type FailedStatus,
  type InitEnded,
  type InvocationFault,
  type PlatformEvent,
  type ReportFigures,
  runtimeVersion,
  type TelemetrySubscribed,
} from './platform-event.js'

/** `status`: Status and Error Type in REPORT; `classic`: what happened in words before END, as until 2024. */
export type ReportStyle = 'status' | 'classic'

/** The lines of one event; none for what only logs in JSON format tell. */
export function textLines(event: PlatformEvent, style: ReportStyle): readonly string[] {
  switch (event.type) {
    case 'platform.initStart':
      // Source: AWS Lambda guide, runtime environment: an init inside an invocation is told of only when it fails.
      if (event.phase === 'invoke') return []
      return [
        `INIT_START Runtime Version: ${runtimeVersion(event.runtime)}\tRuntime Version ARN: ${event.runtimeVersionArn}`,
      ]
    case 'platform.initRuntimeDone':
    case 'platform.runtimeDone':
    case 'platform.logsDropped':
      return []
    case 'platform.telemetrySubscription':
    case 'platform.logsSubscription':
      return [subscriptionLine(event)]
    case 'platform.initReport':
      return initReportLines(event)
    case 'platform.extension':
      return [extensionLine(event)]
    case 'platform.start':
      return [`START RequestId: ${event.requestId} Version: ${event.version}`]
    case 'platform.fault':
      return style === 'classic' ? [faultText(event)] : []
    case 'platform.report':
      return closingLines(event, style)
    default:
      return assertNever(event)
  }
}

/** END and REPORT. Source: AWS Lambda guide, runtime environment; recorded answer test_invocation_with_logs. */
export function closingLines(
  figures: ReportFigures,
  style: ReportStyle = 'status',
): readonly [string, string] {
  const { requestId, durationMs, initDurationMs } = figures
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${milliseconds(durationMs)} ms`,
    `Billed Duration: ${billedMs(figures, 100)} ms`,
    `Memory Size: ${figures.memoryMb} MB`,
    `Max Memory Used: ${figures.maxMemoryUsedMb} MB`,
  ]
  if (initDurationMs !== undefined) fields.push(`Init Duration: ${milliseconds(initDurationMs)} ms`)
  if (style === 'status' && figures.status !== undefined)
    fields.push(...statusFields(figures.status))
  return [`END RequestId: ${requestId}`, `${fields.join('\t')}\t`]
}

/** Of an init on demand only when it did not end well. Source: AWS Lambda guide, runtime environment. */
function initReportLines({ durationMs, phase, status }: InitEnded): readonly string[] {
  if (status === undefined) return []
  const fields = [
    `INIT_REPORT Init Duration: ${milliseconds(durationMs)} ms`,
    `Phase: ${phase}`,
    ...statusFields(status),
  ]
  return [fields.join('\t')]
}

/** Source: a public log of 2023 for TELEMETRY; LOGS in the same form is recalled. */
function subscriptionLine({ type, name, state, types }: TelemetrySubscribed): string {
  const first = type === 'platform.logsSubscription' ? 'LOGS' : 'TELEMETRY'
  const listed = types.map((each) => `${each[0]?.toUpperCase()}${each.slice(1)}`).join(', ')
  return `${first}\tName: ${name}\tState: ${state}\tTypes: [${listed}]`
}

/** Source: logs of functions on AWS, 2026; the error's place: the open Runtime API agent. */
function extensionLine({ name, state, events, errorType }: ExtensionInit): string {
  const fields = ['EXTENSION', `Name: ${name}`, `State: ${state}`, `Events: [${events.join(', ')}]`]
  if (errorType !== undefined) fields.push(`Error Type: ${errorType}`)
  return fields.join('\t')
}

function statusFields(status: FailedStatus): readonly string[] {
  if (status.is === 'timeout') return ['Status: timeout']
  return ['Status: error', `Error Type: ${status.errorType}`]
}

/** One event of two lines. Source: AWS Lambda guide, runtime environment; public logs up to 2024. */
export function faultText({ requestId, fault }: InvocationFault): string {
  switch (fault.is) {
    case 'timeout': {
      const at = new Date(fault.atMs).toISOString()
      return `${at} ${requestId} Task timed out after ${fault.timeoutSeconds.toFixed(2)} seconds\n`
    }
    case 'exit':
      return `${fault.errorMessage}\n${fault.errorType}`
    case 'unknown':
      return 'Unknown application error occurred\nRuntime.Unknown'
    default:
      return assertNever(fault)
  }
}

function milliseconds(durationMs: number): string {
  return (Math.round(durationMs * 100) / 100).toFixed(2)
}
