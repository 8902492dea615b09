// Reads the figures back out of a REPORT line. Pure.

import type { InvocationReport } from '../admin/library.js'

/** Undefined for a line that is no REPORT. */
export function parseReport(line: string): InvocationReport | undefined {
  const [head, ...fields] = line.split('\t').filter((field) => field !== '')
  if (head === undefined || !head.startsWith('REPORT RequestId: ')) return undefined
  const texts = new Map(
    fields.map((field) => {
      const colon = field.indexOf(': ')
      return [field.slice(0, colon), field.slice(colon + 2)]
    }),
  )
  const figure = (name: string) => Number.parseFloat(texts.get(name) ?? '')
  const status = texts.get('Status')
  const errorType = texts.get('Error Type')
  return {
    durationMs: figure('Duration'),
    billedDurationMs: figure('Billed Duration'),
    memorySizeMb: figure('Memory Size'),
    maxMemoryUsedMb: figure('Max Memory Used'),
    ...(texts.has('Init Duration') ? { initDurationMs: figure('Init Duration') } : {}),
    ...(status === 'timeout' || status === 'error' ? { status } : {}),
    ...(errorType === undefined ? {} : { errorType }),
  }
}
