// What subscribers get of each event and line, in every schema version of both APIs.

import t, { type Test } from 'tap'
import type { PlatformEvent } from '../../src/logs/platform-event.js'
import { eventRecords, lineRecord } from '../../src/telemetry/records.js'
import type { SchemaVersion } from '../../src/telemetry/subscription.js'

const timeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const time = '2026-01-02T03:04:05.678Z'
const all: readonly SchemaVersion[] = [
  '2020-08-15',
  '2021-03-18',
  '2022-07-01',
  '2022-12-13',
  '2025-01-29',
]
const logsApi = all.slice(0, 2)
const telemetryApi = all.slice(2)

function shown(event: PlatformEvent, schema: SchemaVersion): readonly unknown[] {
  return eventRecords(event, timeMs, schema).map((text) => {
    const { time: found, ...rest } = JSON.parse(text)
    if (found !== time) throw new Error(`${found} is not ${time}`)
    return rest
  })
}

function same(
  t: Test,
  event: PlatformEvent,
  schemas: readonly SchemaVersion[],
  expected: readonly unknown[],
): void {
  for (const schema of schemas) t.same(shown(event, schema), expected, `${event.type} ${schema}`)
}

const start: PlatformEvent = {
  type: 'platform.start',
  requestId: 'r1',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
  version: '$LATEST',
}
const done: PlatformEvent = {
  type: 'platform.runtimeDone',
  requestId: 'r1',
  durationMs: 11.18521,
  producedBytes: 40,
}
const report: PlatformEvent = {
  type: 'platform.report',
  requestId: 'r1',
  durationMs: 11.2,
  memoryMb: 256,
  maxMemoryUsedMb: 88,
  initDurationMs: 100.25,
}
const metrics = {
  durationMs: 11.2,
  billedDurationMs: 112,
  memorySizeMB: 256,
  maxMemoryUsedMB: 88,
  initDurationMs: 100.25,
}

t.test('platform.start', async (t) => {
  const record = { requestId: 'r1', version: '$LATEST' }
  same(t, start, all.slice(0, 4), [{ type: 'platform.start', record }])
  same(
    t,
    start,
    ['2025-01-29'],
    [{ type: 'platform.start', record: { ...record, functionArn: start.functionArn } }],
  )
  const tracing = { type: 'X-Amzn-Trace-Id', value: 'Root=1-a-b;Sampled=1' } as const
  same(
    t,
    { ...start, tracing },
    ['2022-07-01'],
    [{ type: 'platform.start', record: { ...record, tracing } }],
  )
})

t.test(
  'platform.runtimeDone: the Logs API has it from 2021-03-18 on, and less of it',
  async (t) => {
    const type = 'platform.runtimeDone'
    same(t, done, ['2020-08-15'], [])
    same(t, done, ['2021-03-18'], [{ type, record: { requestId: 'r1', status: 'success' } }])
    const figures = { durationMs: 11.185, producedBytes: 40 }
    same(t, done, telemetryApi, [
      { type, record: { requestId: 'r1', status: 'success', metrics: figures } },
    ])
    const failed = { ...done, status: { is: 'error', errorType: 'Runtime.ExitError' } } as const
    same(t, failed, ['2021-03-18'], [{ type, record: { requestId: 'r1', status: 'failure' } }])
    same(t, failed, telemetryApi, [
      {
        type,
        record: {
          requestId: 'r1',
          status: 'error',
          errorType: 'Runtime.ExitError',
          metrics: figures,
        },
      },
    ])
    const late = { ...done, status: { is: 'timeout' } } as const
    same(t, late, ['2021-03-18'], [{ type, record: { requestId: 'r1', status: 'timeout' } }])
  },
)

t.test('spans have a start as text and microseconds', async (t) => {
  const spans = [{ name: 'responseLatency', startMs: timeMs, durationMs: 2.21549 }] as const
  const [told] = shown({ ...done, spans }, '2022-07-01') as [{ record: { spans: unknown } }]
  t.same(told.record.spans, [{ name: 'responseLatency', start: time, durationMs: 2.215 }])
  t.same(shown({ ...done, spans }, '2021-03-18'), shown(done, '2021-03-18'))
})

t.test('platform.report: the Logs API tells the end first', async (t) => {
  const type = 'platform.report'
  same(t, report, logsApi, [
    { type: 'platform.end', record: { requestId: 'r1' } },
    { type, record: { requestId: 'r1', metrics } },
  ])
  same(t, report, telemetryApi, [{ type, record: { requestId: 'r1', status: 'success', metrics } }])
})

t.test('platform.fault is of the Logs API alone, as text', async (t) => {
  const exit: PlatformEvent = {
    type: 'platform.fault',
    requestId: 'r1',
    fault: {
      is: 'exit',
      errorMessage: 'RequestId: r1 Error: Runtime exited with error: exit status 3',
      errorType: 'Runtime.ExitError',
    },
  }
  same(t, exit, telemetryApi, [])
  same(t, exit, logsApi, [
    {
      type: 'platform.fault',
      record: 'RequestId: r1 Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n',
    },
  ])
  const timeout: PlatformEvent = {
    type: 'platform.fault',
    requestId: 'r1',
    fault: { is: 'timeout', atMs: timeMs, timeoutSeconds: 3 },
  }
  const [told] = shown(timeout, '2020-08-15') as [{ record: string }]
  t.match(told.record, /r1 Task timed out after 3\.00 seconds\n$/)
})

t.test('inits are of the Telemetry API alone', async (t) => {
  const began: PlatformEvent = {
    type: 'platform.initStart',
    phase: 'init',
    functionName: 'f',
    functionVersion: '$LATEST',
    runtime: 'nodejs22.x',
    runtimeVersionArn: 'arn',
    logStreamName: 's',
    memoryMb: 256,
  }
  same(t, began, logsApi, [])
  same(t, began, telemetryApi, [
    {
      type: 'platform.initStart',
      record: {
        initializationType: 'on-demand',
        phase: 'init',
        runtimeVersion: 'nodejs:22.v1',
        runtimeVersionArn: 'arn',
        functionName: 'f',
        functionVersion: '$LATEST',
        instanceId: 's',
        instanceMaxMemory: 268_435_456,
      },
    },
  ])
  for (const type of ['platform.initRuntimeDone', 'platform.initReport'] as const) {
    const ended: PlatformEvent = { type, phase: 'init', durationMs: 1.5 }
    same(t, ended, logsApi, [])
    const metrics = type === 'platform.initReport' ? { metrics: { durationMs: 1.5 } } : {}
    same(t, ended, telemetryApi, [
      {
        type,
        record: {
          initializationType: 'on-demand',
          phase: 'init',
          status: 'success',
          ...metrics,
        },
      },
    ])
  }
})

t.test('subscriptions and drops', async (t) => {
  const members = { name: 'agent', state: 'Subscribed', types: ['platform', 'function'] } as const
  const logs: PlatformEvent = { type: 'platform.logsSubscription', ...members }
  const telemetry: PlatformEvent = { type: 'platform.telemetrySubscription', ...members }
  same(t, logs, all, [{ type: logs.type, record: members }])
  same(t, telemetry, logsApi, [])
  same(t, telemetry, telemetryApi, [{ type: telemetry.type, record: members }])
  const lost = { reason: 'slow', droppedRecords: 3, droppedBytes: 99 }
  const dropped: PlatformEvent = { type: 'platform.logsDropped', ...lost }
  same(t, dropped, all, [{ type: dropped.type, record: lost }])
})

t.test('a line is text; of a log in JSON format an object, from 2022-12-13 on', async (t) => {
  const record = (message: string, schema: SchemaVersion, json: boolean, type?: 'extension') =>
    JSON.parse(lineRecord({ type: type ?? 'function', message }, timeMs, schema, json))
  const object = '{"level":"INFO","message":"hi","id":12345678901234567890}'
  for (const schema of all) {
    t.same(record('hi "there"', schema, false), {
      time,
      type: 'function',
      record: 'hi "there"\n',
    })
    t.same(record(object, schema, false).record, `${object}\n`, `${schema}, text format`)
    const isObject = schema === '2022-12-13' || schema === '2025-01-29'
    const expected = isObject ? JSON.parse(object) : `${object}\n`
    t.same(record(object, schema, true, 'extension').record, expected, `${schema}, JSON format`)
    t.equal(record('{not json}', schema, true).record, '{not json}\n')
    t.equal(record('[1]', schema, true).record, '[1]\n')
  }
  t.match(
    lineRecord({ type: 'function', message: object }, timeMs, '2025-01-29', true),
    /12345678901234567890/,
    'numbers stay as they were written',
  )
  const pretty = JSON.stringify({ a: [1, 2] }, null, 2)
  const told = lineRecord({ type: 'function', message: pretty }, timeMs, '2025-01-29', true)
  t.notMatch(told, /\n/, 'a record is one line, whatever was written')
  t.same(JSON.parse(told).record, { a: [1, 2] })
})
