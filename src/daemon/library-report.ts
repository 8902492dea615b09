// Reads the figures back out of a REPORT line, or of the event that takes its place in a log in JSON format. Pure.

import type { InvocationReport } from '../admin/library.js'

/** Undefined for a line that is neither. */
export function parseReport(line: string): InvocationReport | undefined {
  return line.startsWith('{') ? reportOfJson(line) : reportOfText(line)
}

function reportOfText(line: string): InvocationReport | undefined {
  const [head, ...fields] = line.split('\t').filter((field) => field !== '')
  if (head === undefined || !head.startsWith('REPORT RequestId: ')) return undefined
  const texts = new Map(
    fields.map((field) => {
      const colon = field.indexOf(': ')
      return [field.slice(0, colon), field.slice(colon + 2)]
    }),
  )
  const figure = (name: string) => Number.parseFloat(texts.get(name) ?? '')
  return {
    durationMs: figure('Duration'),
    billedDurationMs: figure('Billed Duration'),
    memorySizeMb: figure('Memory Size'),
    maxMemoryUsedMb: figure('Max Memory Used'),
    ...(texts.has('Init Duration') ? { initDurationMs: figure('Init Duration') } : {}),
    ...failureOf(texts.get('Status'), texts.get('Error Type')),
  }
}

interface ReportEvent {
  readonly type: string
  readonly record: {
    readonly status: string
    readonly errorType?: string
    readonly metrics: {
      readonly durationMs: number
      readonly billedDurationMs: number
      readonly memorySizeMB: number
      readonly maxMemoryUsedMB: number
      readonly initDurationMs?: number
    }
  }
}

function reportOfJson(line: string): InvocationReport | undefined {
  const event = reportEvent(line)
  if (event === undefined) return undefined
  const { metrics, status, errorType } = event.record
  return {
    durationMs: metrics.durationMs,
    billedDurationMs: metrics.billedDurationMs,
    memorySizeMb: metrics.memorySizeMB,
    maxMemoryUsedMb: metrics.maxMemoryUsedMB,
    ...(metrics.initDurationMs === undefined ? {} : { initDurationMs: metrics.initDurationMs }),
    ...failureOf(status, errorType),
  }
}

/** Undefined for whatever else a function writes. */
function reportEvent(line: string): ReportEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<ReportEvent>
    const whole = typeof event.record?.metrics?.durationMs === 'number'
    return event.type === 'platform.report' && whole ? (event as ReportEvent) : undefined
  } catch {
    return undefined
  }
}

function failureOf(
  status: string | undefined,
  errorType: string | undefined,
): Pick<InvocationReport, 'status' | 'errorType'> {
  return {
    ...(status === 'timeout' || status === 'error' ? { status } : {}),
    ...(errorType === undefined ? {} : { errorType }),
  }
}
