// Lambda's own events in JSON logs, in the words of the text format; everything else untouched.

import t from 'tap'
import type { LogRecord } from '../../src/admin/contract.js'
import { platformText, platformTexts } from '../../src/cli/platform-text.js'
import { renderLog } from '../../src/cli/render.js'
import { createStyle } from '../../src/cli/text.js'

function event(type: string, record: unknown): string {
  return JSON.stringify({ time: '2026-10-08T07:30:27.768Z', type, record })
}

const metrics = { durationMs: 1233.96, billedDurationMs: 1698, memorySizeMB: 256 }

const rows: readonly (readonly [message: string, text: string])[] = [
  [
    event('platform.initStart', {
      initializationType: 'on-demand',
      phase: 'init',
      runtimeVersion: 'nodejs:22.v1',
      runtimeVersionArn: 'arn',
      functionName: 'f',
      instanceMaxMemory: 268435456,
    }),
    'INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn',
  ],
  [
    event('platform.initReport', {
      phase: 'init',
      status: 'success',
      metrics: { durationMs: 1.5 },
    }),
    'INIT_REPORT Duration: 1.5 ms\tPhase: init',
  ],
  [
    event('platform.initRuntimeDone', { phase: 'invoke', status: 'timeout' }),
    'INIT_RUNTIME_DONE Phase: invoke\tStatus: timeout',
  ],
  [
    event('platform.start', { requestId: 'id', functionArn: 'arn', version: '$LATEST' }),
    'START RequestId: id Version: $LATEST',
  ],
  [
    event('platform.runtimeDone', {
      requestId: 'id',
      status: 'success',
      metrics: { durationMs: 2, producedBytes: 40 },
    }),
    'RUNTIME_DONE RequestId: id\tDuration: 2 ms\tProduced Bytes: 40',
  ],
  [
    event('platform.report', {
      requestId: 'id',
      metrics: { ...metrics, maxMemoryUsedMB: 123, initDurationMs: 463.512 },
      status: 'error',
      errorType: 'Runtime.ExitError',
    }),
    'REPORT RequestId: id\tDuration: 1233.96 ms\tBilled Duration: 1698 ms\tMemory Size: 256 MB\tMax Memory Used: 123 MB\tInit Duration: 463.512 ms\tStatus: error\tError Type: Runtime.ExitError',
  ],
]

t.test('an event reads like the line of a text log that it takes the place of', async (t) => {
  for (const [message, text] of rows) t.equal(platformText(message), text)
})

t.test('what is no event of the platform stays as it is', async (t) => {
  for (const line of [
    'START RequestId: id Version: $LATEST',
    '{"level":"INFO","message":"x"}',
    '{"time":"x","type":"platform.unheardOf","record":{}}',
    '{"time":"x","type":"platform.start","record":"text"}',
    '{"type":"platform.start","record":{}}',
    '{"time":"2026-10-08T07:30:27.768Z","type":"platf',
    '',
  ])
    t.equal(platformText(line), line)
})

t.test('a tail of many lines, the first of them cut, is read line by line', async (t) => {
  const start = rows[3]
  t.equal(
    platformTexts(`:"cut"}\n${start?.[0]}\n{"level":"INFO"}\n`),
    `:"cut"}\n${start?.[1]}\n{"level":"INFO"}\n`,
  )
})

t.test('logs show the platform’s events in words, and never a function’s', async (t) => {
  const [message = '', text = ''] = rows[5] ?? []
  const record: LogRecord = {
    timeMs: 0,
    functionName: 'f',
    logStreamName: 's',
    environment: 'e1',
    source: 'platform',
    message,
  }
  const view = { style: createStyle(false), escape: false, clockTime: () => '12:00', named: false }
  t.same(renderLog(record, view), [`12:00 e1 ${text}`])
  t.same(renderLog({ ...record, source: 'function' }, view), [`12:00 e1 ${message}`])
})
