// What the log store keeps: the last lines of every function, within a limit for each and one for all of them.

import t from 'tap'
import type { EmulatorMs } from '../../src/domain/brand.js'
import type { LogRecord } from '../../src/domain/log-record.js'
import { LogStore } from '../../src/logs/log-store.js'

const keptMax = 6 * 1024 * 1024
const keptOfOneMax = 4 * 1024 * 1024
const lineCharacters = 1_000

function record(functionName: string, ordinal: number): LogRecord {
  return {
    timeMs: ordinal as EmulatorMs,
    functionName,
    logStreamName: 'stream',
    environment: 'e1',
    source: 'function',
    message: `${ordinal} ${'x'.repeat(lineCharacters)}`,
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(each)) + 1, 0)
}

t.test('a storm of one function leaves its last lines, and those of the others', async (t) => {
  const store = new LogStore()
  store.append(record('quiet', 0))
  const lines = 20_000
  for (let line = 1; line <= lines; line += 1) store.append(record('loud', line))
  const loud = store.read('loud')
  t.equal(loud.at(-1)?.timeMs, lines)
  t.same(
    loud.map(({ timeMs }) => timeMs),
    Array.from({ length: loud.length }, (_, index) => lines - loud.length + 1 + index),
    'without a gap',
  )
  const bytes = bytesOf(loud)
  t.ok(bytes <= keptOfOneMax && bytes > keptOfOneMax * 0.9, `${bytes} of ${keptOfOneMax} bytes`)
  t.same(store.read('quiet'), [record('quiet', 0)])
})

t.test('many functions share the limit', async (t) => {
  const store = new LogStore()
  const names = Array.from({ length: 40 }, (_, index) => `function-${index}`)
  for (let line = 1; line <= 1_000; line += 1)
    for (const name of names) store.append(record(name, line))
  const bytes = bytesOf(store.read())
  t.ok(bytes <= keptMax && bytes > keptMax / 2, `${bytes} of ${keptMax} bytes`)
  for (const name of names) {
    const kept = store.read(name)
    t.equal(kept.at(-1)?.timeMs, 1_000, `${name} has its last line`)
    t.ok(kept.length > 50, `${name} has ${kept.length} lines`)
  }
})

t.test('a line longer than a page is kept whole', async (t) => {
  const store = new LogStore()
  const long = { ...record('f', 1), message: '€'.repeat(200_000) }
  store.append(long)
  store.append(record('f', 2))
  t.same(store.read('f'), [long, record('f', 2)])
})

t.test('so many functions that a page each is too much all keep their last line', async (t) => {
  const store = new LogStore()
  const names = Array.from({ length: 300 }, (_, index) => `function-${index}`)
  for (let line = 1; line <= 100; line += 1)
    for (const name of names) store.append(record(name, line))
  t.same(
    names.map((name) => store.read(name).at(-1)?.timeMs),
    names.map(() => 100),
  )
})
