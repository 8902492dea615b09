// REPORT lines read back: every line that the platform writes, and none that a function does.

import t from 'tap'
import { parseReport } from '../../src/daemon/library-report.js'
import { closingLines, type ReportFigures } from '../../src/logs/report.js'

const figures: ReportFigures = {
  requestId: '9b4e6b7a-0000-4000-8000-000000000000',
  durationMs: 12.34,
  memoryMb: 256,
  maxMemoryUsedMb: 71,
}

const read = (given: ReportFigures) => parseReport(closingLines(given)[1])

t.test('the figures of a warm start, a cold one, a timeout and an error come back', async (t) => {
  const plain = {
    durationMs: 12.34,
    billedDurationMs: 13,
    memorySizeMb: 256,
    maxMemoryUsedMb: 71,
  }
  t.same(read(figures), plain)
  t.same(read({ ...figures, initDurationMs: 171.2 }), {
    ...plain,
    billedDurationMs: 184,
    initDurationMs: 171.2,
  })
  t.same(read({ ...figures, status: { is: 'timeout' } }), { ...plain, status: 'timeout' })
  t.same(read({ ...figures, status: { is: 'error', errorType: 'Runtime.ExitError' } }), {
    ...plain,
    status: 'error',
    errorType: 'Runtime.ExitError',
  })
})

t.test('another line is no report', async (t) => {
  t.equal(parseReport(closingLines(figures)[0]), undefined)
  t.equal(parseReport(''), undefined)
  t.equal(parseReport('my REPORT RequestId: x\tDuration: 1 ms'), undefined)
})
