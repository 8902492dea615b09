// Which of Lambda's own events a function's log shows, and how: as text, or as JSON from a level on.

import { defaultLogLevels, type LogLevels, systemLogLevels } from '../domain/log-levels.js'
import { type PlatformEvent, recordOf, systemLevel } from './platform-event.js'
import { type ReportStyle, textLines } from './report.js'

export interface PlatformLogStyle {
  readonly format: 'Text' | 'JSON'
  /** Missing: the defaults. */
  readonly levels: LogLevels | undefined
  /** Of the text format. */
  readonly reportStyle: ReportStyle
}

/**
 * The lines of `events`, in order, none of them with its line end.
 * @param nowMs epoch milliseconds, of all of them
 */
export function platformLines(
  events: readonly PlatformEvent[],
  { format, levels, reportStyle }: PlatformLogStyle,
  nowMs: number,
): readonly string[] {
  if (format === 'Text') return events.flatMap((event) => textLines(event, reportStyle))
  const least = systemLogLevels.indexOf((levels ?? defaultLogLevels).system)
  return events
    .filter((event) => isOfLogs(event) && systemLogLevels.indexOf(systemLevel(event)) >= least)
    .map((event) => jsonLine(event, nowMs))
}

/** Faults are of the older Logs API and of text logs alone. Source: AWS Lambda guide, Telemetry API. */
function isOfLogs({ type }: PlatformEvent): boolean {
  return type !== 'platform.fault'
}

/** Source: AWS Lambda guide, Telemetry API, Event: as logs have them. */
function jsonLine(event: PlatformEvent, nowMs: number): string {
  const { type } = event
  return JSON.stringify({ time: new Date(nowMs).toISOString(), type, record: recordOf(event) })
}
