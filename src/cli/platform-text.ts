// Lambda's own events in a log in JSON format, as a person reads them: in the words of the text format. Pure.

type Members = Readonly<Record<string, unknown>>

/** The events of text logs have the same words there; fields are separated by tabs. */
const headings: Readonly<Record<string, string>> = {
  'platform.initStart': 'INIT_START',
  'platform.initRuntimeDone': 'INIT_RUNTIME_DONE',
  'platform.initReport': 'INIT_REPORT',
  'platform.start': 'START',
  'platform.runtimeDone': 'RUNTIME_DONE',
  'platform.report': 'REPORT',
  'platform.extension': 'EXTENSION',
  'platform.telemetrySubscription': 'TELEMETRY',
  'platform.logsSubscription': 'LOGS',
  'platform.logsDropped': 'LOGS_DROPPED',
}

/** In this order; what an event does not have is left out. */
const fields: readonly (readonly [name: string, label: string, unit: string])[] = [
  ['requestId', 'RequestId', ''],
  ['version', 'Version', ''],
  ['runtimeVersion', 'Runtime Version', ''],
  ['runtimeVersionArn', 'Runtime Version ARN', ''],
  ['durationMs', 'Duration', ' ms'],
  ['billedDurationMs', 'Billed Duration', ' ms'],
  ['memorySizeMB', 'Memory Size', ' MB'],
  ['maxMemoryUsedMB', 'Max Memory Used', ' MB'],
  ['initDurationMs', 'Init Duration', ' ms'],
  ['producedBytes', 'Produced Bytes', ''],
  ['phase', 'Phase', ''],
  ['name', 'Name', ''],
  ['state', 'State', ''],
  ['events', 'Events', ''],
  ['types', 'Types', ''],
  ['droppedRecords', 'Records', ''],
  ['droppedBytes', 'Bytes', ''],
  ['reason', 'Reason', ''],
  ['status', 'Status', ''],
  ['errorType', 'Error Type', ''],
]

/** A message of the platform's: an event in JSON in words, everything else as it is. */
export function platformText(message: string): string {
  const event = eventOf(message)
  if (event === undefined) return message
  const { metrics, ...members } = event.record
  const values: Members = { ...members, ...(metrics as Members | undefined) }
  const shown = fields.flatMap(([name, label, unit]) => {
    const value = values[name]
    if (value === undefined || isUsual(event.type, name, value)) return []
    const text = Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
    return [`${label}: ${text}${unit}`]
  })
  return [event.heading, shown.join(event.type === 'platform.start' ? ' ' : '\t')].join(' ')
}

/** The same in a text of many lines, of which the first may be cut. */
export function platformTexts(lines: string): string {
  return lines.split('\n').map(platformText).join('\n')
}

/** What text logs leave out, because it goes without saying. */
function isUsual(type: string, name: string, value: unknown): boolean {
  if (name === 'phase') return value === 'init' && type === 'platform.initStart'
  return name === 'status' && value === 'success'
}

function eventOf(
  message: string,
): { readonly type: string; readonly heading: string; readonly record: Members } | undefined {
  if (!message.startsWith('{')) return undefined
  try {
    const { time, type, record } = JSON.parse(message) as Members
    const heading = typeof type === 'string' ? headings[type] : undefined
    const whole = typeof time === 'string' && typeof record === 'object' && record !== null
    if (heading === undefined || !whole) return undefined
    return { type: type as string, heading, record: record as Members }
  } catch {
    return undefined
  }
}
