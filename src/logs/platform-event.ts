// What Lambda itself tells of an environment, as plain data: the one home of its fields. Text and JSON are renderings of it.

import { assertNever } from '../domain/assert.js'
import type { SystemLogLevel } from '../domain/log-levels.js'

/** How an init or an invocation ended that did not end well. */
export type FailedStatus =
  | { readonly is: 'timeout' }
  | { readonly is: 'error'; readonly errorType: string }

/** The figures of a REPORT. */
export interface ReportFigures {
  readonly requestId: string
  readonly durationMs: number
  readonly memoryMb: number
  readonly maxMemoryUsedMb: number
  /** Only for the first invocation after an init on demand. */
  readonly initDurationMs?: number
  readonly status?: FailedStatus
}

/** `invoke`: inside the invocation that waits for it. */
export type InitPhase = 'init' | 'invoke'

export interface InitStarted {
  readonly type: 'platform.initStart'
  readonly phase: InitPhase
  readonly functionName: string
  readonly functionVersion: string
  /** Lambda's runtime identifier. */
  readonly runtime: string
  readonly runtimeVersionArn: string
  readonly logStreamName: string
  readonly memoryMb: number
}

export interface InitEnded {
  /** `platform.initRuntimeDone`: the runtime is done; `platform.initReport`: the whole of it. */
  readonly type: 'platform.initRuntimeDone' | 'platform.initReport'
  readonly phase: InitPhase
  readonly durationMs: number
  readonly status?: FailedStatus
}

export interface InvocationStarted {
  readonly type: 'platform.start'
  readonly requestId: string
  /** Unqualified. */
  readonly functionArn: string
  readonly version: string
  readonly tracing?: Tracing
}

/** The trace that an invocation belongs to, where it is sampled. */
export interface Tracing {
  readonly type: 'X-Amzn-Trace-Id'
  readonly value: string
}

/** A part of an invocation's time. */
export interface Span {
  readonly name: 'responseLatency' | 'responseDuration' | 'runtimeOverhead' | 'extensionOverhead'
  /** Epoch milliseconds. */
  readonly startMs: number
  readonly durationMs: number
}

/** What cut an invocation off, in words. */
export interface InvocationFault {
  readonly type: 'platform.fault'
  readonly requestId: string
  readonly fault:
    | { readonly is: 'timeout'; readonly atMs: number; readonly timeoutSeconds: number }
    | { readonly is: 'exit'; readonly errorMessage: string; readonly errorType: string }
    /** It told why itself, through its Runtime API. */
    | { readonly is: 'unknown' }
}

export interface RuntimeDone {
  readonly type: 'platform.runtimeDone'
  readonly requestId: string
  readonly durationMs: number
  readonly producedBytes: number
  readonly status?: FailedStatus
  readonly spans?: readonly Span[]
  readonly tracing?: Tracing
}

/** How the init of one extension ended. */
export interface ExtensionInit {
  readonly type: 'platform.extension'
  readonly name: string
  /** A name of the Extensions API's states; Ready when all is well. */
  readonly state: string
  readonly events: readonly string[]
  readonly errorType?: string
}

export interface InvocationReported extends ReportFigures {
  readonly type: 'platform.report'
  readonly spans?: readonly Span[]
  readonly tracing?: Tracing
}

/** An extension takes telemetry from now on. */
export interface TelemetrySubscribed {
  /** By which of the two APIs. */
  readonly type: 'platform.telemetrySubscription' | 'platform.logsSubscription'
  /** The extension's. */
  readonly name: string
  readonly state: 'Subscribed' | 'Already subscribed'
  readonly types: readonly string[]
}

/** Records that an extension did not take in time. */
export interface LogsDropped {
  readonly type: 'platform.logsDropped'
  readonly reason: string
  readonly droppedRecords: number
  readonly droppedBytes: number
}

export type PlatformEvent =
  | InitStarted
  | InitEnded
  | ExtensionInit
  | InvocationStarted
  | InvocationFault
  | RuntimeDone
  | InvocationReported
  | TelemetrySubscribed
  | LogsDropped

/** Source: AWS Lambda guide, log level filtering, table of system log events. */
export function systemLevel(event: PlatformEvent): SystemLogLevel {
  switch (event.type) {
    case 'platform.initStart':
    case 'platform.start':
    case 'platform.telemetrySubscription':
    case 'platform.logsSubscription':
      return 'INFO'
    case 'platform.report':
      return event.status === undefined ? 'INFO' : 'WARN'
    // An init on demand; the others' report is INFO.
    case 'platform.initReport':
    case 'platform.initRuntimeDone':
    case 'platform.runtimeDone':
      return event.status === undefined ? 'DEBUG' : 'WARN'
    case 'platform.extension':
      return event.errorType === undefined ? 'INFO' : 'WARN'
    case 'platform.fault':
    case 'platform.logsDropped':
      return 'WARN'
    default:
      return assertNever(event)
  }
}

const bytesPerMb = 1024 * 1024

/**
 * The member `record` of an event, its members in the order in which AWS writes them. Source: AWS Lambda guide, Telemetry API
 * schemas; order, instanceId and functionArn: logs of functions on AWS, 2026.
 */
export function recordOf(event: PlatformEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case 'platform.initStart':
      return {
        initializationType: 'on-demand',
        phase: event.phase,
        runtimeVersion: runtimeVersion(event.runtime),
        runtimeVersionArn: event.runtimeVersionArn,
        functionName: event.functionName,
        functionVersion: event.functionVersion,
        instanceId: event.logStreamName,
        instanceMaxMemory: event.memoryMb * bytesPerMb,
      }
    case 'platform.initRuntimeDone':
      return { initializationType: 'on-demand', phase: event.phase, ...statusMembers(event) }
    case 'platform.initReport':
      return {
        initializationType: 'on-demand',
        phase: event.phase,
        ...statusMembers(event),
        metrics: { durationMs: microseconds(event.durationMs) },
      }
    case 'platform.extension': {
      const { name, state, events, errorType } = event
      return { name, state, events, ...(errorType === undefined ? {} : { errorType }) }
    }
    case 'platform.start': {
      const { requestId, functionArn, version } = event
      return { requestId, functionArn, version, ...traceMembers(event) }
    }
    case 'platform.fault':
      return { requestId: event.requestId }
    case 'platform.runtimeDone': {
      const { requestId, durationMs, producedBytes } = event
      const metrics = { durationMs: microseconds(durationMs), producedBytes }
      return { requestId, ...statusMembers(event), ...traceMembers(event), metrics }
    }
    case 'platform.report': {
      const { requestId } = event
      const metrics = metricsOf(event)
      return { requestId, metrics, ...traceMembers(event), ...statusMembers(event) }
    }
    case 'platform.telemetrySubscription':
    case 'platform.logsSubscription': {
      const { name, state, types } = event
      return { name, state, types }
    }
    case 'platform.logsDropped': {
      const { reason, droppedRecords, droppedBytes } = event
      return { reason, droppedRecords, droppedBytes }
    }
    default:
      return assertNever(event)
  }
}

function metricsOf(figures: ReportFigures): Readonly<Record<string, number>> {
  const { durationMs, initDurationMs } = figures
  return {
    durationMs: microseconds(durationMs),
    billedDurationMs: billedMs(figures, 1_000),
    memorySizeMB: figures.memoryMb,
    maxMemoryUsedMB: figures.maxMemoryUsedMb,
    ...(initDurationMs === undefined ? {} : { initDurationMs: microseconds(initDurationMs) }),
  }
}

/** Their order is that of a log on AWS, 2024. */
function traceMembers({ tracing, spans }: Pick<RuntimeDone, 'tracing' | 'spans'>) {
  return {
    ...(tracing === undefined ? {} : { tracing }),
    ...(spans === undefined ? {} : { spans: spans.map(spanMembers) }),
  }
}

function spanMembers({ name, startMs, durationMs }: Span) {
  return { name, start: new Date(startMs).toISOString(), durationMs: microseconds(durationMs) }
}

function statusMembers({ status }: { readonly status?: FailedStatus }) {
  if (status?.is === 'error') return { status: 'error', errorType: status.errorType }
  return { status: status?.is ?? 'success' }
}

/**
 * Init is billed since 1 August 2025; durations are rounded up to the millisecond, as they are printed: in parts of
 * `partsPerMs` a millisecond, so that a sum that is exact in print is not rounded up for a bit that is not.
 */
export function billedMs(
  { durationMs, initDurationMs = 0 }: ReportFigures,
  partsPerMs: number,
): number {
  const parts = Math.round(durationMs * partsPerMs) + Math.round(initDurationMs * partsPerMs)
  return Math.ceil(parts / partsPerMs)
}

/** `runtime` as in python3.12 becomes python:3.12.v1, nodejs22.x nodejs:22.v1, provided.al2023 provided:al2023.v1. */
export function runtimeVersion(runtime: string): string {
  return `${runtime.replace(/^([a-z]+)\.?/, '$1:').replace(/\.x$/, '')}.v1`
}

function microseconds(durationMs: number): number {
  return Math.round(durationMs * 1_000) / 1_000
}
