// env, events, explain and config show: what they print, for every shell, source and kind of id.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { masked } from '../../src/cli/env.js'
import { eventSources } from '../../src/cli/event-sources.js'
import { main } from '../../src/cli/main.js'
import { assignment } from '../../src/cli/shell-variables.js'
import { requestIdsLike, storyOfEnvironment, storyOfRequest } from '../../src/cli/story.js'
import { stage } from './stage.js'

function folderOf(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-verbs-')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

t.test('a value is set as it is in every shell, whatever it holds', async (t) => {
  const value = `it's "a" $HOME \\ \`id\``
  t.equal(assignment('sh', 'A', value), `export A='it'\\''s "a" $HOME \\ \`id\`'`)
  t.equal(assignment('fish', 'A', value), `set -gx A 'it\\'s "a" $HOME \\\\ \`id\`'`)
  t.equal(assignment('powershell', 'A', value), `$Env:A = 'it''s "a" $HOME \\ \`id\`'`)
  const script = `${assignment('sh', 'A', value)}; printf %s "$A"`
  t.equal(execFileSync('sh', ['-c', script]).toString(), value)
})

t.test('what looks like a secret is masked, what only sounds like one is not', async (t) => {
  const table: readonly (readonly [string, string, string])[] = [
    ['DB_PASSWORD', 'hunter2', '********'],
    ['API_KEY', 'k', '********'],
    ['apiKey', 'k', '********'],
    ['AUTH_TOKEN', 't', '********'],
    ['DB_PASSWORD', '', ''],
    ['TOKEN_URL', 'https://x.example/token', 'https://x.example/token'],
    ['SECRET_ARN', 'arn:aws:x', 'arn:aws:x'],
    ['DATABASE_URL', 'postgres://ada:hunter2@db:5432/x', 'postgres://ada:********@db:5432/x'],
    ['TABLE', 'orders', 'orders'],
  ]
  for (const [name, value, shown] of table) {
    t.equal(masked({ name, value, source: 'template' }).value, shown, name)
  }
})

t.test('every source makes an event of its shape', async (t) => {
  const first = (event: unknown) => (event as { Records: Record<string, unknown>[] }).Records[0]
  const checks: Readonly<Record<string, (event: unknown) => void>> = {
    'apigateway-v1': (event) =>
      t.match(event, {
        resource: '/',
        httpMethod: 'GET',
        path: '/',
        multiValueHeaders: {},
        requestContext: { path: '/Prod/', identity: {} },
      }),
    'http-v2': (event) => t.match(event, { version: '2.0', rawPath: '/', routeKey: '$default' }),
    alb: (event) => t.match(event, { requestContext: { elb: {} }, body: '' }),
    s3: (event) =>
      t.match(first(event), {
        s3: { object: { key: 'folder/my+file.txt' } },
        awsRegion: 'us-east-1',
      }),
    sqs: (event) =>
      t.match(first(event), {
        md5OfBody: 'fbc24bcc7a1794758fc1327fcfebdaf6',
        eventSource: 'aws:sqs',
      }),
    sns: (event) =>
      t.match(first(event), { EventSource: 'aws:sns', Sns: { Type: 'Notification' } }),
    dynamodb: (event) => t.match(first(event), { dynamodb: { Keys: { id: { S: 'item-1' } } } }),
    kinesis: (event) => t.match(first(event), { kinesis: { data: 'eyJoZWxsbyI6IndvcmxkIn0=' } }),
    schedule: (event) =>
      t.match(event, { 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {} }),
    eventbridge: (event) => t.match(event, { detail: { hello: 'world' }, resources: [] }),
    'cloudwatch-logs': (event) => {
      const { data } = (event as { awslogs: { data: string } }).awslogs
      const text = gunzipSync(Buffer.from(data, 'base64')).toString()
      t.match(JSON.parse(text), { messageType: 'DATA_MESSAGE', logEvents: [{ message: /./ }] })
    },
    cognito: (event) => t.match(event, { triggerSource: /^PostConfirmation/, response: {} }),
  }
  t.same(Object.keys(checks).sort(), Object.keys(eventSources).sort())
  for (const [source, check] of Object.entries(checks)) {
    const terminal = stage()
    t.equal(await main(['events', source], terminal), 0, source)
    check(JSON.parse(terminal.out()))
  }
})

t.test('an HTTP event has the method, path, query, headers and body that were given', async (t) => {
  const words = ['--method', 'post', '--path', '/orders/7?a=1&a=2&b=x%20y', '--body', '{"n":1}']
  const header = ['--header', 'Cookie: a=1; b=2', '--header', 'X-Own: z']
  const first = stage()
  t.equal(await main(['events', 'apigateway-v1', ...words, ...header], first), 0)
  t.match(JSON.parse(first.out()), {
    httpMethod: 'POST',
    path: '/orders/7',
    pathParameters: { proxy: 'orders/7' },
    queryStringParameters: { a: '2', b: 'x y' },
    multiValueQueryStringParameters: { a: ['1', '2'] },
    headers: { 'X-Own': 'z', 'Content-Type': 'application/json' },
    body: '{"n":1}',
    requestContext: { requestTime: /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/ },
  })
  const second = stage()
  t.equal(await main(['events', 'http-v2', ...words, ...header], second), 0)
  t.match(JSON.parse(second.out()), {
    rawPath: '/orders/7',
    rawQueryString: 'a=1&a=2&b=x%20y',
    cookies: ['a=1', 'b=2'],
    queryStringParameters: { a: '1,2', b: 'x y' },
    headers: { 'x-own': 'z' },
    requestContext: { http: { method: 'POST', path: '/orders/7' } },
  })
  const listed = stage()
  t.equal(await main(['events'], listed), 0)
  t.match(listed.out(), /^SOURCE .*\napigateway-v1 .*--method --path --header --body\n/s)
})

const noonMs = 1_795_262_400_000
const arn = 'arn:aws:lambda:us-east-1:000000000000:function:orders'
const phase = (env: string, to: string, atMs: number, more: object = {}) => ({
  kind: 'environment.phase',
  functionArn: arn,
  from: 'created',
  env,
  to,
  atMs,
  ...more,
})
const placed = (invocation: string, env: string, start: string, atMs: number) => ({
  kind: 'invocation.placed',
  invocation,
  env,
  start,
  atMs,
})
const ended = (more: object) => ({
  kind: 'invocation.ended',
  functionName: 'orders',
  type: 'RequestResponse',
  attempt: 1,
  status: 'ok',
  cold: false,
  origin: 'invoke-api',
  maxMemoryUsedMb: 71,
  ...more,
})
const frozen = (env: string, to: string, atMs: number) => ({
  kind: 'environment.suspension',
  functionArn: arn,
  env,
  to,
  atMs,
})

const journal = [
  placed('i1', 'e1', 'cold', noonMs + 1),
  phase('e1', 'created', noonMs + 1),
  phase('e1', 'initializing', noonMs + 2),
  phase('e1', 'busy', noonMs + 180),
  placed('i2', 'e2', 'cold', noonMs + 190),
  {
    ...ended({ requestId: 'aaaa-1', invocation: 'i1', env: 'e1', cold: true, initMs: 171.2 }),
    atMs: noonMs + 221,
    durationMs: 40,
    acceptedAtMs: noonMs,
  },
  phase('e1', 'ready', noonMs + 221),
  frozen('e1', 'frozen', noonMs + 222),
  {
    ...ended({ requestId: 'aaab-2', invocation: 'i2', env: 'e2', cold: true, initMs: 100 }),
    atMs: noonMs + 400,
    durationMs: 90,
    acceptedAtMs: noonMs + 190,
  },
  placed('i3', 'e1', 'warm', noonMs + 8_222),
  frozen('e1', 'running', noonMs + 8_223),
  {
    ...ended({ requestId: 'cccc-3', invocation: 'i3', env: 'e1', frozenForMs: 8_000 }),
    atMs: noonMs + 14_223,
    durationMs: 6_000,
    acceptedAtMs: noonMs + 8_222,
    status: 'timeout',
    errorType: 'Sandbox.Timedout',
    errorMessage: 'Task timed out after 6.00 seconds',
    origin: 'rest-api',
  },
  {
    kind: 'http.ended',
    atMs: noonMs + 14_224,
    method: 'GET',
    target: '/orders/8',
    status: 502,
    durationMs: 6_003,
    api: 'Shop',
    functionName: 'orders',
    requestId: 'cccc-3',
    why: 'the function timed out',
  },
  phase('e1', 'resetting', noonMs + 14_224, { why: 'timeout' }),
]

t.test('a request is told from its wait to the freeze after it', async (t) => {
  const told = (id: string) => {
    const { title, steps } = storyOfRequest(id, journal)
    return [title, ...steps.map(({ text }) => text)]
  }
  t.same(told('aaaa-1'), [
    'request aaaa-1 to orders: ok',
    'orders was asked for',
    'after 1.0 ms e1 was started for it: a cold start, because orders had no environment',
    'its init phase took 171.2 ms',
    'it was done after 40.0 ms, 71 MB of memory at most',
    'e1 frozen',
    'e1 was taken again, after 8.00 s frozen',
  ])
  t.same(told('aaab-2').slice(0, 3), [
    'request aaab-2 to orders: ok',
    'orders was asked for',
    'at once e2 was started for it: a cold start, because all its environments were busy: e1',
  ])
  t.same(told('cccc-3'), [
    'request cccc-3 to orders: timeout',
    'GET /orders/8 came in for API Shop',
    'orders was asked for',
    'at once e1 took it: a warm environment',
    'e1 was thawed: its processes had stood still for 8.00 s',
    "it was ended after 6.00 s, the function's timeout, 71 MB of memory at most; its processes were killed: Sandbox.Timedout: Task timed out after 6.00 seconds",
    'the client had status 502 after 6.00 s: the function timed out',
    'e1 resetting: timeout',
  ])
})

t.test('a request is found by either of its ids, or by the beginning of one', async (t) => {
  const gateway = { kind: 'http.ended', atMs: noonMs, method: 'GET', target: '/', durationMs: 1 }
  const alone = { ...gateway, status: 403, gatewayRequestId: 'dddd-4', why: 'no route' }
  const all = [...journal, { ...gateway, requestId: 'aaaa-1', gatewayRequestId: 'eeee-5' }, alone]
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['aaaa-1', ['aaaa-1']],
    ['eeee-5', ['aaaa-1']],
    ['eeee', ['aaaa-1']],
    ['aaa', []],
    ['aaab', ['aaab-2']],
    ['dddd', ['dddd-4']],
    ['x', []],
  ]
  for (const [text, ids] of table) t.same(requestIdsLike(text, all), ids, text)
  const twice = [...journal, { ...alone, gatewayRequestId: 'aaaa-9' }]
  t.same(requestIdsLike('aaaa', twice), ['aaaa-1', 'aaaa-9'])
  t.same(storyOfRequest('dddd-4', all), {
    title: 'request dddd-4: did not reach a function',
    steps: [
      { atMs: noonMs - 1, text: 'GET / came in' },
      { atMs: noonMs, text: 'the client had status 403 after 1.0 ms: no route' },
    ],
  })
})

t.test('an environment is told as its whole life', async (t) => {
  const story = storyOfEnvironment('e1', journal)
  t.equal(story?.title, 'environment e1 of orders')
  t.same(
    story?.steps.map(({ text }) => text),
    [
      'e1 created',
      'e1 initializing',
      'request aaaa-1: ok in 40.0 ms, init 171.2 ms',
      'e1 frozen',
      'e1 thawed',
      'request cccc-3 (thawed after 8.00 s): timeout in 6.00 s',
      'e1 resetting: timeout',
    ],
  )
  t.equal(storyOfEnvironment('e9', journal), undefined)
})

t.test('codes and words are explained without an emulator', async (t) => {
  for (const [id, expected] of [
    ['EMU_PORT_IN_USE', /^EMU_PORT_IN_USE: an error about this machine; exit code 3/],
    ['emu_port_in_use', /^EMU_PORT_IN_USE: /],
    ['W_UNRESOLVED', /^W_UNRESOLVED: a warning; everything else works\n {2}\S.*\n {2}\S/],
    ['cold', /^cold: a cold start: /],
    ['Frozen', /^frozen: every process/],
  ] as const) {
    const terminal = stage()
    t.equal(await main(['explain', id], terminal), 0)
    t.match(terminal.out(), expected)
  }
})

t.test('config show names every setting, its value and where it comes from', async (t) => {
  const folder = folderOf(t)
  writeFileSync(
    join(folder, 'lambda-emu.json'),
    '{\n "functions": {},\n "start": {\n  "httpPort": 4000,\n  "env": { "LEVEL": "debug" }\n }\n}',
  )
  const variables = { LAMBDA_EMU_MEMORY_BUDGET: '256' }
  const terminal = stage({ workingFolder: folder, variables })
  t.equal(await main(['config', 'show', '--origin', '--no-watch'], terminal), 0)
  for (const line of [
    /^httpPort +4000 +lambda-emu\.json:4$/m,
    /^env\.LEVEL +debug +lambda-emu\.json:5$/m,
    /^memoryBudget +256 +environment LAMBDA_EMU_MEMORY_BUDGET$/m,
    /^watch +false +--watch$/m,
    /^lambdaPort +3001 +default$/m,
    /^freeze +the best that works +default$/m,
  ]) {
    t.match(terminal.out(), line)
  }
  const short = stage({ workingFolder: folder })
  t.equal(await main(['config', 'show'], short), 0)
  t.notMatch(short.out(), /FROM/)
  const json = stage({ workingFolder: folder })
  t.equal(await main(['config', 'show', '--json'], json), 0)
  const { data } = JSON.parse(json.out())
  t.match(data.path, folder)
  t.ok(data.settings.some((each: { name: string }) => each.name === 'isolation'))
})
