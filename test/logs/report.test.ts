// Lambda's own log lines: exact forms, rounding and billing. Sources stand with the rows.

import t from 'tap'
import type { FailedStatus, InitPhase } from '../../src/logs/platform-event.js'
import { closingLines, textLines } from '../../src/logs/report.js'

const figures = { requestId: 'id', durationMs: 128.834, memoryMb: 128, maxMemoryUsedMb: 74 }

t.test('START, END and REPORT have their exact form', async (t) => {
  const started = {
    type: 'platform.start',
    requestId: 'id',
    functionArn: 'a',
    version: '$LATEST',
  } as const
  t.same(textLines(started, 'status'), ['START RequestId: id Version: $LATEST'])
  t.same(closingLines(figures), [
    'END RequestId: id',
    'REPORT RequestId: id\tDuration: 128.83 ms\tBilled Duration: 129 ms\tMemory Size: 128 MB\tMax Memory Used: 74 MB\t',
  ])
  t.match(
    closingLines({ ...figures, initDurationMs: 166.62 })[1],
    /\tMax Memory Used: 74 MB\tInit Duration: 166\.62 ms\t$/,
  )
  t.match(
    closingLines({ ...figures, status: { is: 'timeout' } })[1],
    /\tMax Memory Used: 74 MB\tStatus: timeout\t$/,
  )
  t.match(
    closingLines({ ...figures, status: { is: 'error', errorType: 'Runtime.ExitError' } })[1],
    /\tStatus: error\tError Type: Runtime\.ExitError\t$/,
  )
})

t.test('EXTENSION has its exact form, with an error and without', async (t) => {
  const extension = { type: 'platform.extension', name: 'agent' } as const
  t.same(textLines({ ...extension, state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] }, 'status'), [
    'EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]',
  ])
  const failed = { ...extension, state: 'LaunchError', events: [], errorType: 'PermissionDenied' }
  t.same(textLines(failed, 'classic'), [
    'EXTENSION\tName: agent\tState: LaunchError\tEvents: []\tError Type: PermissionDenied',
  ])
})

// Source: examples of the AWS Lambda guide and one real log: billed = ceil(init + duration) since 1 August 2025.
const billed: readonly [number, number | undefined, number][] = [
  [3004.92, 111.23, 3117],
  [133.61, 80.0, 214],
  [3016.78, 84.0, 3101],
  [2356.36, 204.58, 2561],
  [1.1, 2.9, 4],
  [0.1, 0.2, 1],
  [5, undefined, 5],
  [5.004, undefined, 5],
  [5.006, undefined, 6],
]

t.test(
  'billed duration is init and duration, rounded up to the millisecond as printed',
  async (t) => {
    for (const [durationMs, initDurationMs, expected] of billed) {
      const [, report] = closingLines({
        ...figures,
        durationMs,
        ...(initDurationMs === undefined ? {} : { initDurationMs }),
      })
      t.match(report, `\tBilled Duration: ${expected} ms\t`, `${durationMs} + ${initDurationMs}`)
    }
  },
)

t.test(
  'INIT_START names the runtime as Lambda does; INIT_REPORT tells of an init that failed',
  async (t) => {
    const version = (runtime: string): string | undefined =>
      /Runtime Version: (\S+)\tRuntime Version ARN: arn$/.exec(initStarted(runtime))?.[1]
    t.equal(version('python3.11'), 'python:3.11.v1')
    t.equal(version('nodejs22.x'), 'nodejs:22.v1')
    t.equal(version('provided.al2023'), 'provided:al2023.v1')
    t.same(initEnded(1236.04, 'init', { is: 'timeout' }), [
      'INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout',
    ])
    t.same(initEnded(150.79, 'invoke', { is: 'error', errorType: 'Runtime.UserCodeSyntaxError' }), [
      'INIT_REPORT Init Duration: 150.79 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.UserCodeSyntaxError',
    ])
    t.same(initEnded(1, 'init'), [], 'an init on demand that ended well has no INIT_REPORT')
  },
)

function initStarted(runtime: string): string {
  const [line = ''] = textLines(
    {
      type: 'platform.initStart',
      phase: 'init',
      functionName: 'f',
      functionVersion: '$LATEST',
      runtime,
      runtimeVersionArn: 'arn',
      logStreamName: 's',
      memoryMb: 128,
    },
    'status',
  )
  return line
}

function initEnded(durationMs: number, phase: InitPhase, status?: FailedStatus) {
  const failed = status === undefined ? {} : { status }
  return textLines({ type: 'platform.initReport', phase, durationMs, ...failed }, 'status')
}

// Source: AWS Lambda guide, runtime environment; logs of functions on AWS, 2024.
t.test(
  'in the classic style a failure stands in words before END, and not in REPORT',
  async (t) => {
    const fault = { type: 'platform.fault', requestId: 'id' } as const
    const report = {
      type: 'platform.report',
      ...figures,
      status: { is: 'error', errorType: 'Runtime.ExitError' },
    } as const
    const exit = {
      is: 'exit',
      errorMessage: 'RequestId: id Error: Runtime exited with error: exit status 1',
      errorType: 'Runtime.ExitError',
    } as const
    t.same(textLines({ ...fault, fault: exit }, 'classic'), [
      'RequestId: id Error: Runtime exited with error: exit status 1\nRuntime.ExitError',
    ])
    t.same(textLines(report, 'classic'), closingLines(figures))
    const timeout = { is: 'timeout', atMs: 1_706_546_475_998, timeoutSeconds: 45 } as const
    t.same(textLines({ ...fault, fault: timeout }, 'classic'), [
      '2024-01-29T16:41:15.998Z id Task timed out after 45.00 seconds\n',
    ])
    t.same(textLines({ ...fault, fault: { is: 'unknown' } }, 'classic'), [
      'Unknown application error occurred\nRuntime.Unknown',
    ])
    t.same(textLines({ ...fault, fault: exit }, 'status'), [], 'the newer style has no such line')
  },
)

t.test('what only JSON logs tell has no line in text', async (t) => {
  const done = { requestId: 'id', durationMs: 1, producedBytes: 2 }
  t.same(textLines({ type: 'platform.runtimeDone', ...done }, 'status'), [])
  t.same(
    textLines({ type: 'platform.initRuntimeDone', phase: 'init', durationMs: 1 }, 'classic'),
    [],
  )
})

t.test('subscriptions have lines in text, dropped records have none', async (t) => {
  const members = { name: 'agent', state: 'Subscribed', types: ['platform', 'function'] } as const
  t.same(textLines({ type: 'platform.telemetrySubscription', ...members }, 'status'), [
    'TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]',
  ])
  t.same(textLines({ type: 'platform.logsSubscription', ...members }, 'classic'), [
    'LOGS\tName: agent\tState: Subscribed\tTypes: [Platform, Function]',
  ])
  const dropped = { reason: 'slow', droppedRecords: 1, droppedBytes: 2 }
  t.same(textLines({ type: 'platform.logsDropped', ...dropped }, 'status'), [])
})
