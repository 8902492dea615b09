// Records as subscribers get them: what Lambda tells and what processes wrote, in the form of each schema version.

import { assertNever } from '../domain/assert.js'
import {
  type FailedStatus,
  type PlatformEvent,
  type RuntimeDone,
  recordOf,
} from '../logs/platform-event.js'
import { faultText } from '../logs/report.js'
import type { SchemaVersion } from './subscription.js'

/** What a process wrote: a line, or a record of several lines. */
export interface WrittenLine {
  readonly type: 'function' | 'extension'
  /** Without its line end. */
  readonly message: string
}

type Shown = Readonly<Record<string, unknown>>

/** Of one event: none where the schema does not know it, two where it tells it as two. */
export function eventRecords(
  event: PlatformEvent,
  timeMs: number,
  schema: SchemaVersion,
): readonly string[] {
  switch (schema) {
    case '2020-08-15':
    case '2021-03-18':
      return logsEvents(event, schema).map(({ type, record }) => envelope(type, record, timeMs))
    case '2022-07-01':
    case '2022-12-13':
    case '2025-01-29':
      // Faults are of the older API. Source: AWS Lambda guide, Telemetry API, schema reference.
      if (event.type === 'platform.fault') return []
      return [envelope(event.type, telemetryRecord(event, schema), timeMs)]
    default:
      return assertNever(schema)
  }
}

// UNRECORDED: telemetry-function-arn — logs of 2026 have functionArn in platform.start, those of 2024 had not; that the schema version decides is a guess.
function telemetryRecord(event: PlatformEvent, schema: SchemaVersion): Shown {
  const record = recordOf(event)
  if (event.type !== 'platform.start' || schema === '2025-01-29') return record
  const { functionArn: _, ...older } = record
  return older
}

interface LogsEvent {
  readonly type: string
  readonly record: Shown | string
}

/** Source: AWS Lambda guide, Logs API, log messages; order of the last two: a recorded payload of 2022. */
function logsEvents(event: PlatformEvent, schema: SchemaVersion): readonly LogsEvent[] {
  const { type } = event
  switch (type) {
    case 'platform.start': {
      const { requestId, version } = event
      return [{ type, record: { requestId, version } }]
    }
    case 'platform.fault': {
      const { requestId } = event
      const text = faultText(event)
      const record = text.startsWith('RequestId:') ? text : `RequestId: ${requestId} ${text}`
      return [{ type, record: `${record.trimEnd()}\n` }]
    }
    case 'platform.runtimeDone':
      return schema === '2020-08-15' ? [] : [{ type, record: doneInLogs(event) }]
    case 'platform.report': {
      const { requestId } = event
      const { metrics } = recordOf(event)
      return [
        { type: 'platform.end', record: { requestId } },
        { type, record: { requestId, metrics } },
      ]
    }
    case 'platform.extension':
    case 'platform.logsSubscription':
    case 'platform.logsDropped':
      return [{ type, record: recordOf(event) }]
    // They came with the Telemetry API.
    case 'platform.initStart':
    case 'platform.initRuntimeDone':
    case 'platform.initReport':
    case 'platform.telemetrySubscription':
      return []
    default:
      return assertNever(type)
  }
}

function doneInLogs({ requestId, status }: RuntimeDone): Shown {
  const names: Readonly<Record<FailedStatus['is'], string>> = {
    error: 'failure',
    timeout: 'timeout',
  }
  return { requestId, status: status === undefined ? 'success' : names[status.is] }
}

/** @param asObject the function's log format is JSON */
export function lineRecord(
  { type, message }: WrittenLine,
  timeMs: number,
  schema: SchemaVersion,
  asObject: boolean,
): string {
  const object = asObject && objectSchemas.has(schema) ? objectText(message) : undefined
  return `{"time":"${timeText(timeMs)}","type":"${type}","record":${object ?? lineText(message)}}`
}

/** Source: AWS Lambda guide, Telemetry API, schema reference: what is logged as JSON is an object from 2022-12-13 on. */
const objectSchemas: ReadonlySet<SchemaVersion> = new Set(['2022-12-13', '2025-01-29'])

/** `message` itself where it is one JSON object on one line. */
function objectText(message: string): string | undefined {
  const text = message.trim()
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    // Its own text keeps numbers as they were written.
    return /[\r\n]/.test(text) ? JSON.stringify(parsed) : text
  } catch {
    return undefined
  }
}

/** With the line end, as Lambda's own runtimes write it and recorded payloads show it. */
function lineText(message: string): string {
  return JSON.stringify(`${message}\n`)
}

function envelope(type: string, record: Shown | string, timeMs: number): string {
  return JSON.stringify({ time: timeText(timeMs), type, record })
}

let textOfMs = Number.NaN
let text = ''

/** Lines come many in a millisecond. */
function timeText(timeMs: number): string {
  if (timeMs !== textOfMs) {
    textOfMs = timeMs
    text = new Date(timeMs).toISOString()
  }
  return text
}
