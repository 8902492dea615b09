// Timestamps on the wire, in the three forms that AWS's protocols use; inside they are epoch
// milliseconds.

import { assertNever } from '../../domain/assert.js'
import type { TimestampFormat } from './model.js'

/**
 * Undefined when the value is no timestamp. `iso8601` and `rfc822` texts are both read, whatever
 * the format.
 */
export function parseTimestamp(
  value: string | number,
  format: TimestampFormat,
): number | undefined {
  if (typeof value === 'number') return fromSeconds(value)
  if (format === 'unixTimestamp' && /^-?\d+(\.\d+)?(E[+-]?\d+)?$/i.test(value)) {
    return fromSeconds(Number(value))
  }
  if (!/^(\d{4}-\d{2}-\d{2}T|[A-Z][a-z]{2}, )/.test(value)) return undefined
  const epochMs = Date.parse(value)
  return Number.isNaN(epochMs) ? undefined : epochMs
}

function fromSeconds(seconds: number): number | undefined {
  return Number.isFinite(seconds) ? Math.round(seconds * 1000) : undefined
}

/** Epoch seconds with fractions as a number; the other forms as text. */
export function formatTimestamp(epochMs: number, format: TimestampFormat): string | number {
  switch (format) {
    case 'unixTimestamp':
      return epochMs / 1000
    case 'iso8601':
      return new Date(epochMs).toISOString()
    case 'rfc822':
      return new Date(epochMs).toUTCString()
    default:
      return assertNever(format)
  }
}
