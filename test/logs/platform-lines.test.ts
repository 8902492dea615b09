// Lambda's own events in JSON: members, order and figures as logs on AWS have them, and which of them each level shows.

import t from 'tap'
import type { LogLevels } from '../../src/domain/log-levels.js'
import { type PlatformEvent, systemLevel } from '../../src/logs/platform-event.js'
import { platformLines } from '../../src/logs/platform-lines.js'

const failed = { status: { is: 'error', errorType: 'Runtime.ExitError' } } as const
const timedOut = { status: { is: 'timeout' } } as const

const initStart = {
  type: 'platform.initStart',
  phase: 'init',
  functionName: 'notifier',
  functionVersion: '$LATEST',
  runtime: 'nodejs22.x',
  runtimeVersionArn: 'arn:aws:lambda:eu-central-1::runtime:775d',
  logStreamName: '2026/10/08/notifier[$LATEST]22be',
  memoryMb: 256,
} as const
const initDone = { type: 'platform.initRuntimeDone', phase: 'init', durationMs: 173.7776 } as const
const initReport = { ...initDone, type: 'platform.initReport' } as const
const start = {
  type: 'platform.start',
  requestId: 'id',
  functionArn: 'arn:aws:lambda:eu-central-1:825765399535:function:notifier',
  version: '$LATEST',
} as const
const done = {
  type: 'platform.runtimeDone',
  requestId: 'id',
  durationMs: 11.1852,
  producedBytes: 40,
} as const
const report = {
  type: 'platform.report',
  requestId: 'id',
  durationMs: 1233.96,
  memoryMb: 256,
  maxMemoryUsedMb: 123,
} as const

const extension = {
  type: 'platform.extension',
  name: 'agent',
  state: 'Ready',
  events: ['INVOKE', 'SHUTDOWN'],
} as const
const failedExtension = {
  ...extension,
  state: 'LaunchError',
  events: [],
  errorType: 'PermissionDenied',
} as const

function shown(events: readonly PlatformEvent[], levels?: LogLevels): readonly string[] {
  return platformLines(
    events,
    { format: 'JSON', levels, reportStyle: 'classic' },
    1_791_444_627_768,
  )
}

const time = '"time":"2026-10-08T07:30:27.768Z"'
const debug = { application: 'INFO', system: 'DEBUG' } as const

// Source: logs of functions on AWS (2024 and 2026), with this emulator's version of the runtime; AWS Lambda guide, Telemetry API.
const renderings: readonly (readonly [claim: string, PlatformEvent, string])[] = [
  [
    'initStart',
    initStart,
    `{${time},"type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs:22.v1","runtimeVersionArn":"arn:aws:lambda:eu-central-1::runtime:775d","functionName":"notifier","functionVersion":"$LATEST","instanceId":"2026/10/08/notifier[$LATEST]22be","instanceMaxMemory":268435456}}`,
  ],
  [
    'initRuntimeDone',
    initDone,
    `{${time},"type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"success"}}`,
  ],
  [
    'initReport',
    initReport,
    `{${time},"type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":173.778}}}`,
  ],
  [
    'extension',
    extension,
    `{${time},"type":"platform.extension","record":{"name":"agent","state":"Ready","events":["INVOKE","SHUTDOWN"]}}`,
  ],
  [
    'extension that could not be launched',
    failedExtension,
    `{${time},"type":"platform.extension","record":{"name":"agent","state":"LaunchError","events":[],"errorType":"PermissionDenied"}}`,
  ],
  [
    'start',
    start,
    `{${time},"type":"platform.start","record":{"requestId":"id","functionArn":"arn:aws:lambda:eu-central-1:825765399535:function:notifier","version":"$LATEST"}}`,
  ],
  [
    'runtimeDone',
    done,
    `{${time},"type":"platform.runtimeDone","record":{"requestId":"id","status":"success","metrics":{"durationMs":11.185,"producedBytes":40}}}`,
  ],
  [
    'report of a cold start',
    { ...report, initDurationMs: 463.512 },
    `{${time},"type":"platform.report","record":{"requestId":"id","metrics":{"durationMs":1233.96,"billedDurationMs":1698,"memorySizeMB":256,"maxMemoryUsedMB":123,"initDurationMs":463.512},"status":"success"}}`,
  ],
  [
    'report of a timeout',
    { ...report, durationMs: 5000, ...timedOut },
    `{${time},"type":"platform.report","record":{"requestId":"id","metrics":{"durationMs":5000,"billedDurationMs":5000,"memorySizeMB":256,"maxMemoryUsedMB":123},"status":"timeout"}}`,
  ],
  [
    'runtimeDone of a crash',
    { ...done, ...failed },
    `{${time},"type":"platform.runtimeDone","record":{"requestId":"id","status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":11.185,"producedBytes":40}}}`,
  ],
]

t.test('each event in JSON is, byte for byte, what a log on AWS has', async (t) => {
  for (const [claim, event, line] of renderings) t.same(shown([event], debug), [line], claim)
})

t.test('the billed duration is rounded up from what is printed, to the microsecond', async (t) => {
  const billed = (durationMs: number, initDurationMs: number): unknown => {
    const [line = ''] = shown([{ ...report, durationMs, initDurationMs }])
    return JSON.parse(line).record.metrics.billedDurationMs
  }
  t.equal(billed(0.1, 0.2), 1)
  t.equal(billed(1.004, 0), 2)
  t.equal(billed(1.0004, 0), 1)
  t.equal(billed(0.996, 0.004), 1)
})

// Source: AWS Lambda guide, log level filtering, table of system log events.
const levels: readonly (readonly [PlatformEvent, ReturnType<typeof systemLevel>])[] = [
  [initStart, 'INFO'],
  [initDone, 'DEBUG'],
  [{ ...initDone, ...failed }, 'WARN'],
  [initReport, 'DEBUG'],
  [{ ...initReport, ...timedOut }, 'WARN'],
  [extension, 'INFO'],
  [failedExtension, 'WARN'],
  [start, 'INFO'],
  [done, 'DEBUG'],
  [{ ...done, ...timedOut }, 'WARN'],
  [report, 'INFO'],
  [{ ...report, ...failed }, 'WARN'],
]

t.test('each event has the level that the guide gives it', async (t) => {
  for (const [event, level] of levels) t.equal(systemLevel(event), level, JSON.stringify(event))
})

t.test('a level shows its own events and all above it; the default is INFO', async (t) => {
  const all = [initStart, initDone, initReport, start, done, report, { ...done, ...failed }]
  const types = (given?: LogLevels['system']) =>
    shown(all, given === undefined ? undefined : { application: 'INFO', system: given }).map(
      (line) => JSON.parse(line).type.slice('platform.'.length),
    )
  const atInfo = ['initStart', 'start', 'report', 'runtimeDone']
  t.same(types(), atInfo)
  t.same(types('INFO'), atInfo)
  t.same(types('WARN'), ['runtimeDone'])
  t.same(types('DEBUG'), [
    'initStart',
    'initRuntimeDone',
    'initReport',
    'start',
    'runtimeDone',
    'report',
    'runtimeDone',
  ])
})

t.test('what cut an invocation off has no event of its own in JSON', async (t) => {
  t.same(shown([{ type: 'platform.fault', requestId: 'id', fault: { is: 'unknown' } }], debug), [])
})

t.test('subscriptions and drops in JSON, each from its level on', async (t) => {
  const members = { name: 'agent', state: 'Subscribed', types: ['platform'] } as const
  const subscribed = { type: 'platform.telemetrySubscription', ...members } as const
  const figures = { reason: 'slow', droppedRecords: 1, droppedBytes: 2 }
  const dropped = { type: 'platform.logsDropped', ...figures } as const
  t.equal(systemLevel(subscribed), 'INFO')
  t.equal(systemLevel({ ...subscribed, type: 'platform.logsSubscription' }), 'INFO')
  t.equal(systemLevel(dropped), 'WARN')
  t.same(
    shown([subscribed, dropped], debug).map((line) => JSON.parse(line).record),
    [members, figures],
  )
})

t.test('spans and tracing stand where logs on AWS have them', async (t) => {
  const tracing = { type: 'X-Amzn-Trace-Id', value: 'Root=1-a-b;Sampled=1' } as const
  const spans = [{ name: 'responseLatency', startMs: 0, durationMs: 2.2154 }] as const
  const [line = ''] = shown([{ ...done, spans, tracing }], debug)
  const { record } = JSON.parse(line)
  t.same(Object.keys(record), ['requestId', 'status', 'tracing', 'spans', 'metrics'])
  t.same(record.spans, [
    { name: 'responseLatency', start: '1970-01-01T00:00:00.000Z', durationMs: 2.215 },
  ])
})
