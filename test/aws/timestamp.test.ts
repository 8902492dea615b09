// The three wire forms of a timestamp.

import t from 'tap'
import { formatTimestamp, parseTimestamp } from '../../src/aws/protocol/timestamp.js'

const epochMs = Date.UTC(2026, 10, 21, 1, 8, 23)

t.test('each form is written as AWS writes it and read back', (t) => {
  t.equal(formatTimestamp(epochMs + 5, 'unixTimestamp'), 1_795_223_303.005)
  t.equal(formatTimestamp(epochMs + 5, 'iso8601'), '2026-11-21T01:08:23.005Z')
  t.equal(formatTimestamp(epochMs, 'rfc822'), 'Sat, 21 Nov 2026 01:08:23 GMT')
  for (const format of ['unixTimestamp', 'iso8601', 'rfc822'] as const) {
    t.equal(parseTimestamp(formatTimestamp(epochMs, format), format), epochMs, format)
  }
  t.equal(parseTimestamp('1795223303.005', 'unixTimestamp'), epochMs + 5)
  t.end()
})

t.test('what is no timestamp is refused', (t) => {
  for (const text of ['', 'now', '21', '2026', 'Sat', '2026-13-45T00:00:00Z']) {
    t.equal(parseTimestamp(text, 'iso8601'), undefined, text)
  }
  t.equal(parseTimestamp(Number.NaN, 'unixTimestamp'), undefined)
  t.end()
})
