// REPORT lines read back: every line that the platform writes, and none that a function does.

import t from 'tap'
import { parseReport } from '../../src/daemon/library-report.js'
import type { ReportFigures } from '../../src/logs/platform-event.js'
import { platformLines } from '../../src/logs/platform-lines.js'
import { closingLines } from '../../src/logs/report.js'

const figures: ReportFigures = {
  requestId: '9b4e6b7a-0000-4000-8000-000000000000',
  durationMs: 12.34,
  memoryMb: 256,
  maxMemoryUsedMb: 71,
}

const style = { levels: undefined, reportStyle: 'status' } as const

/** The last line that the platform writes about it. */
function read(given: ReportFigures, format: 'Text' | 'JSON') {
  const lines = platformLines([{ type: 'platform.report', ...given }], { ...style, format }, 0)
  return parseReport(lines.at(-1) ?? '')
}

t.test('the figures of a warm start, a cold one, a timeout and an error come back', async (t) => {
  const plain = {
    durationMs: 12.34,
    billedDurationMs: 13,
    memorySizeMb: 256,
    maxMemoryUsedMb: 71,
  }
  for (const format of ['Text', 'JSON'] as const) {
    t.same(read(figures, format), plain, format)
    t.same(
      read({ ...figures, initDurationMs: 171.2 }, format),
      { ...plain, billedDurationMs: 184, initDurationMs: 171.2 },
      format,
    )
    t.same(
      read({ ...figures, status: { is: 'timeout' } }, format),
      { ...plain, status: 'timeout' },
      format,
    )
    t.same(
      read({ ...figures, status: { is: 'error', errorType: 'Runtime.ExitError' } }, format),
      { ...plain, status: 'error', errorType: 'Runtime.ExitError' },
      format,
    )
  }
})

t.test('another line is no report', async (t) => {
  t.equal(parseReport(closingLines(figures)[0]), undefined)
  t.equal(parseReport(''), undefined)
  t.equal(parseReport('my REPORT RequestId: x\tDuration: 1 ms'), undefined)
  t.equal(parseReport('{"type":"platform.report"'), undefined)
  t.equal(parseReport('{"type":"platform.report","record":{}}'), undefined)
  t.equal(parseReport('{"level":"INFO","message":"x"}'), undefined)
})
