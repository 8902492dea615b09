// What people read: every text exactly, at 80 and 120 columns.

import t from 'tap'
import type {
  EnvironmentSummary,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  Status,
} from '../../src/admin/contract.js'
import { createEventLines } from '../../src/cli/event-lines.js'
import {
  renderEnvironments,
  renderError,
  renderFunctions,
  renderLog,
  renderStatus,
  renderWarnings,
} from '../../src/cli/render.js'
import { renderBanner } from '../../src/cli/render-banner.js'
import {
  createClockTime,
  createStyle,
  duration,
  escapeControls,
  wantsColour,
} from '../../src/cli/text.js'
import { completeSandbox } from './stage.js'

const plain = createStyle(false)
const at = (columns: number) => ({ columns, style: plain })
const noonMs = 1_795_262_400_000

const status: Status = {
  pid: 4711,
  version: '0.1.0',
  project: '/home/ada/app',
  profile: 'local',
  lambdaUrl: 'http://127.0.0.1:3001',
  httpUrl: null,
  apis: [],
  schedules: [],
  startedAtMs: noonMs,
  uptimeMs: 125_000,
  freezer: { backend: 'v2', wanted: null, reason: '', escapes: [], network: false },
  sandbox: completeSandbox,
  functions: 2,
  environments: { ready: 2, busy: 1, gone: 0 },
  frozen: 2,
  memory: { budgetMb: 192, chargedMb: 168, waiting: 7 },
  events: 1,
  invocations: { total: 12, failed: 1 },
}

const hello: FunctionSummary = {
  functionName: 'hello',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:hello',
  runtime: 'nodejs22.x',
  handler: 'index.handler',
  memoryMb: 128,
  timeoutSeconds: 3,
  state: 'Active',
  source: 'template',
  codeFolder: '/home/ada/app/hello',
  recordedOnly: [],
}
const longNamed = {
  ...hello,
  functionName: 'orders-service-production-reconcile-nightly',
  handler: 'dist/handlers/reconcile.handler',
  memoryMb: 10_240,
  timeoutSeconds: 900,
  recordedOnly: ['Policies', 'Tags'],
}

t.test('the banner says how it freezes, what there is, and what to try', async (t) => {
  const lines = renderBanner(
    {
      version: '0.1.0',
      status,
      functions: [hello, longNamed],
      warnings: [
        {
          code: 'W_NOT_EMULATED',
          property: 'Resources.Hello.Properties.VpcConfig',
          message: 'not emulated yet; it has no effect here',
        },
      ],
      readyMs: 211.6,
      suggestions: [{ command: 'invoke hello', see: 'a cold start, then a warm one' }],
      program: 'node bin/lambda-emu.js',
      project: 'fixtures/sample',
      region: 'us-east-1',
      keys: [],
    },
    at(80),
  )
  t.equal(
    lines.join('\n'),
    `lambda-emu 0.1.0   freeze ● cgroup v2   sandbox ● complete   profile local

  fixtures/sample   2 functions
    hello                                        nodejs22.x    128 MB    3 s
    orders-service-production-reconcile-nightly  nodejs22.x  10240 MB  900 s

  ! W_NOT_EMULATED Resources.Hello.Properties.VpcConfig: not emulated yet; it
      has no effect here
  what to do about it: node bin/lambda-emu.js explain W_NOT_EMULATED

  Lambda   http://127.0.0.1:3001
  ready in 212 ms

  Try, in another terminal:
    node bin/lambda-emu.js invoke hello
      a cold start, then a warm one
    aws lambda invoke --endpoint-url http://127.0.0.1:3001 --region us-east-1 \\
      --no-sign-request --function-name hello /dev/stdout

  Ctrl-C stops it, and every process that it started.
`,
  )
  t.ok(
    lines.every((line) => [...line].length <= 80),
    'no line is wider than the terminal',
  )
})

t.test('without cgroup v2 the banner says why, and what is not held still', async (t) => {
  const freezer = {
    backend: 'signal',
    wanted: null,
    reason: 'no cgroup of this process may be written to',
    escapes: ['a process that leaves the tree between two looks'],
    network: false,
  } as const
  const [head, ...rest] = renderBanner(
    {
      version: '0.1.0',
      status: { ...status, freezer },
      functions: [],
      warnings: [],
      readyMs: 1,
      suggestions: [],
      program: 'lambda-emu',
      project: '.',
      region: 'us-east-1',
      keys: [],
    },
    at(80),
  )
  t.equal(head, 'lambda-emu 0.1.0   freeze ● signals   sandbox ● complete   profile local')
  t.same(rest.slice(0, 5), [
    '  not cgroup v2: no cgroup of this process may be written to',
    '  not held still: a process that leaves the tree between two looks',
    '',
    '  .   0 functions',
    '  Make one through the Lambda API, or start with a folder that has a template.yaml.',
  ])
})

t.test('status is one page', async (t) => {
  t.equal(
    renderStatus(status, at(80)).join('\n'),
    `lambda-emu 0.1.0   running for 2 min 05 s, pid 4711   profile local
  project      /home/ada/app
  Lambda       http://127.0.0.1:3001
  freeze       ● cgroup v2
  sandbox      ● complete
  functions    2
  environments 2 ready, 1 busy; 2 frozen
  memory       168 of 192 MB in use, 7 waiting
  invocations  12, 1 failed
  events       1 waiting`,
  )
})

t.test('status says in plain words what a sandbox lacks', async (t) => {
  const reduced = { filesystem: 'user-namespaces', cpu: 'duty-cycle', storage: 'folder' } as const
  const user = renderStatus({ ...status, sandbox: { ...status.sandbox, ...reduced } }, at(80))
  t.ok(user.includes('  sandbox      ◐ reduced'))
  t.same(user.slice(-3), [
    '  sandbox: functions run under your own user, in a user namespace; CPU is',
    '  allotted by stopping and continuing; the size of /tmp is not enforced',
    '  (lambda-emu doctor tells why)',
  ])
  const open = { isolation: 'none', filesystem: 'none', runtimeApi: 'none', cpu: 'off' } as const
  const none = renderStatus({ ...status, sandbox: { ...status.sandbox, ...open } }, at(200))
  t.ok(none.includes('  sandbox      ○ open'))
  t.match(none.at(-1), /^ {2}sandbox: functions see your files and processes \(--isolation none\);/)
})

t.test('functions fit into 80 columns by shortening names, and are whole in 120', async (t) => {
  t.equal(
    renderFunctions([hello, longNamed], at(80)).join('\n'),
    `FUNCTION          RUNTIME     HANDLER          MB    S  STATE   FROM      RECOR…
hello             nodejs22.x  index.handl…    128    3  Active  template
orders-service-…  nodejs22.x  dist/handle…  10240  900  Active  template  Polic…`,
  )
  t.equal(
    renderFunctions([hello], at(80)).join('\n'),
    `FUNCTION  RUNTIME     HANDLER         MB  S  STATE   FROM
hello     nodejs22.x  index.handler  128  3  Active  template`,
  )
  t.match(
    renderFunctions([longNamed], at(150)).join('\n'),
    /orders-service-production-reconcile-nightly/,
  )
  t.same(renderFunctions([], at(80)), ['no functions'])
})

t.test('environments say whether their processes are frozen, and since when', async (t) => {
  const first: EnvironmentSummary = {
    id: 'e1',
    functionName: 'hello',
    phase: 'ready',
    suspension: 'frozen',
    sinceMs: noonMs - 8_000,
    frozenForMs: 7_998,
    memoryUsedMb: 41.4,
    memoryMb: 128,
    cpuMs: 35.4,
    invocations: 3,
    pids: [101, 102],
    logStreamName: '2026/11/21/[$LATEST]x',
  }
  const { frozenForMs: _, memoryUsedMb: __, cpuMs: ___, ...bare } = first
  const second = { ...bare, id: 'e2', phase: 'busy', suspension: 'running', pids: [7] } as const
  t.equal(
    renderEnvironments([first, second], noonMs, at(80)).join('\n'),
    `ENV  FUNCTION  PHASE   SINCE  PROCESSES          MB      CPU  INVOKES  PIDS
e1   hello     ready  8.00 s  frozen 8.00 s  41/128  35.4 ms        3  101 102
e2   hello     busy   8.00 s  running           128                 3  7`,
  )
  t.same(renderEnvironments([], noonMs, at(80)), [
    'no environments: the first invocation starts one',
  ])
})

const view = { style: plain, escape: true, clockTime: createClockTime('UTC') }

function ended(more: object): JournalRecord {
  return {
    atMs: noonMs + 1204,
    kind: 'invocation.ended',
    functionName: 'hello',
    requestId: 'r',
    type: 'RequestResponse',
    attempt: 1,
    status: 'ok',
    durationMs: 214.61,
    env: 'e1',
    cold: false,
    ...more,
  }
}

const suspended = (to: string, atMs: number): JournalRecord => ({
  atMs,
  kind: 'environment.suspension',
  env: 'e1',
  functionArn: 'arn',
  to,
})

t.test('an invocation is one line, and a freeze another one', async (t) => {
  const { ofJournal } = createEventLines(view)
  const lines = [
    ended({ cold: true, initMs: 171.2 }),
    suspended('freezing', noonMs + 1205),
    suspended('frozen', noonMs + 1206),
    suspended('thawing', noonMs + 9206),
    suspended('running', noonMs + 9206),
    ended({ durationMs: 1.2 }),
    ended({ durationMs: 1.2 }),
  ].flatMap(ofJournal)
  t.equal(
    lines.join('\n'),
    `12:00:01.204  hello              ok       214.6 ms  e1 cold   init 171.2 ms
              e1 frozen
12:00:01.204  hello              ok         1.2 ms  e1 warm   after 8.00 s frozen
12:00:01.204  hello              ok         1.2 ms  e1 warm`,
  )
})

t.test('a failure says why on its second line, harmless to the terminal', async (t) => {
  const { ofJournal } = createEventLines(view)
  const failed = ended({
    status: 'error',
    type: 'Event',
    attempt: 2,
    errorType: 'Error',
    errorMessage: 'two\nlines \u001b[2J',
  })
  t.same(ofJournal(failed), [
    '12:00:01.204  hello              error    214.6 ms  e1 warm   event, attempt 2',
    '              ↳ Error: two lines \\x1b[2J',
  ])
  const refused = ended({ status: 'refused', errorMessage: 'Rate Exceeded.' })
  t.same(ofJournal(refused), ['12:00:01.204  hello              refused Rate Exceeded.'])
})

t.test('retries, losses, resets and troubles are told; unknown kinds are not', async (t) => {
  const { ofJournal } = createEventLines(view)
  const base = {
    atMs: noonMs,
    functionName: 'hello',
    requestId: 'r',
    env: 'e1',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:hello',
  }
  const queued = { why: 'memory', budgetMb: 192, chargedMb: 192, environments: 3 }
  const records: JournalRecord[] = [
    { ...base, kind: 'event.retry', attempt: 2, nextAtMs: noonMs + 60_000 },
    { ...base, kind: 'event.dropped', reason: 'three attempts failed' },
    { ...base, kind: 'environment.phase', from: 'busy', to: 'resetting', why: 'timeout' },
    { ...base, kind: 'environment.phase', from: 'busy', to: 'ready' },
    { ...base, kind: 'environment.trouble', command: 'freeze', problem: 'gone' },
    { ...base, kind: 'environment.tmp-overfull', usedMb: 600, sizeMb: 512 },
    { ...base, kind: 'environment.tmp-overfull', usedMb: 1_024, sizeMb: 512 },
    ...[1, 2].map((waiting) => ({ ...base, ...queued, kind: 'invocation.queued', waiting })),
    { ...base, ...queued, kind: 'invocation.refused', waitedMs: 1_500 },
    { ...base, kind: 'invocation.placed' },
  ]
  t.same(records.flatMap(ofJournal), [
    '12:00:00.000  hello              attempt 2 of this event comes in 1 min 00 s',
    '12:00:00.000  hello              event given up: three attempts failed',
    '              e1 resetting: timeout',
    '              e1 could not freeze: gone',
    '12:00:00.000  hello              e1 has 600 MB in /tmp, more than its 512 MB: on AWS that write fails with ENOSPC',
    '12:00:00.000  hello              e1 has at least 1024 MB in /tmp, more than its 512 MB: on AWS that write fails with ENOSPC',
    '12:00:00.000  hello              waits for memory: budget 192 MB is used by 3 environments; 1 waiting (--memory-budget)',
    '12:00:00.000  hello              refused after 1.50 s of waiting for memory: budget 192 MB is used by 3 environments (--memory-budget)',
  ])
})

const log: LogRecord = {
  timeMs: noonMs,
  functionName: 'hello',
  logStreamName: 's',
  environment: 'e1',
  source: 'function',
  message: 'first\r\tsecond \u001b]0;title\u0007\n',
}

t.test(
  'function output keeps its lines, and its control characters lose their power',
  async (t) => {
    const { ofLog } = createEventLines(view)
    t.same(ofLog(log), [
      '              e1 │ first',
      '              e1 │ \tsecond \\x1b]0;title\\x07',
    ])
    t.same(ofLog({ ...log, source: 'platform', message: 'START' }), [])
    t.match(ofLog({ ...log, source: 'extension', message: 'sent' }), [/ extension │ sent$/])
    t.same(renderLog({ ...log, source: 'extension', message: 'sent' }, { ...view, named: false }), [
      '12:00:00.000 e1 extension sent',
    ])
    t.same(renderLog(log, { ...view, named: true }), [
      '12:00:00.000 hello e1 first',
      '    \tsecond \\x1b]0;title\\x07',
    ])
    t.same(renderLog(log, { ...view, named: false, escape: false }), [
      '12:00:00.000 e1 first',
      '    \tsecond \u001b]0;title\u0007',
    ])
  },
)

t.test('an error is its code and sentence, and below it what to do', async (t) => {
  const error = { code: 'EMU_USAGE', message: 'no verb is given', hint: 'run it' }
  t.same(renderError(error, plain), ['EMU_USAGE: no verb is given', '  run it'])
  t.same(renderError({ ...error, hint: '' }, createStyle(true)), [
    '\u001b[31mEMU_USAGE\u001b[39m: no verb is given',
  ])
})

t.test('a warning is marked by its code', async (t) => {
  const warning = { code: 'W_UNRESOLVED', property: 'A', message: 'b' }
  t.same(renderWarnings([warning], at(80)), ['! W_UNRESOLVED A: b'])
})

t.test('colour is for a terminal that has not declined it', async (t) => {
  t.equal(wantsColour(true, {}), true)
  t.equal(wantsColour(true, { NO_COLOR: '' }), true)
  t.equal(wantsColour(true, { NO_COLOR: '1' }), false)
  t.equal(wantsColour(true, { TERM: 'dumb' }), false)
  t.equal(wantsColour(false, {}), false)
})

t.test('durations have the unit that a reader expects', async (t) => {
  const texts = [0.04, 999.9, 1_000, 59_994, 59_996, 125_000, 3_600_000, 90_000_000].map(duration)
  t.same(texts, [
    '0.0 ms',
    '999.9 ms',
    '1.00 s',
    '59.99 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 00 min',
    '1 d 1 h',
  ])
})

t.test('letters of all languages pass, and whatever steers a terminal does not', async (t) => {
  t.equal(escapeControls('grün 東京 👍\t\n'), 'grün 東京 👍\t\n')
  t.equal(escapeControls('\u009b31m\u202edrow\r\u007f'), '\\x9b31m\\u202edrow\\x0d\\x7f')
})
