// The verbs against a daemon of this test: a real HTTP server behind a real daemon.json.

import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { processStartTime, writeDaemonFile } from '../../src/admin/daemon-file.js'
import { main } from '../../src/cli/main.js'
import { stage } from './stage.js'

interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (asked: Asked, response: ServerResponse) => void

async function daemon(t: Test, answer: Answer) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-cli-')))
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const { method = '', url = '', headers } = request
    asked.push({ method, url, headers, body })
    answer({ method, url, headers, body }, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const adminUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const startTime = processStartTime(process.pid) ?? ''
  const file = { pid: process.pid, startTime, adminUrl, lambdaUrl: adminUrl, token: 'secret' }
  writeDaemonFile(folder, { ...file, project: '/home/ada/app' })
  return { folder, asked }
}

function answerInvoke(headers: Record<string, string>, payload: string, status = 200): Answer {
  return (_, response) => {
    response.writeHead(status, { 'x-amzn-requestid': 'request-1', ...headers })
    response.end(payload)
  }
}

t.test('invoke prints the payload, and the log apart from it', async (t) => {
  const log = Buffer.from('START\nhello\nEND\n').toString('base64')
  const { folder, asked } = await daemon(
    t,
    answerInvoke({ 'x-amz-log-result': log, 'x-amz-executed-version': '$LATEST' }, '{"n":1}'),
  )
  const terminal = stage()
  const code = await main(['invoke', 'my:live', '{"a":1}', '--state-dir', folder], terminal)
  t.equal(code, 0)
  t.equal(terminal.out(), '{"n":1}\n')
  t.equal(terminal.err(), 'START\nhello\nEND\n')
  t.equal(asked[0]?.url, '/2015-03-31/functions/my%3Alive/invocations')
  t.equal(asked[0]?.body, '{"a":1}')
  t.match(asked[0]?.headers, {
    'x-amz-invocation-type': 'RequestResponse',
    'x-amz-log-type': 'Tail',
  })

  const quiet = stage()
  t.equal(await main(['invoke', 'f', '--quiet', '--state-dir', folder], quiet), 0)
  t.equal(quiet.err(), '')
  t.equal(asked[1]?.body, '{}')

  const json = stage()
  t.equal(await main(['invoke', 'f', '--json', '--state-dir', folder], json), 0)
  t.same(JSON.parse(json.out()), {
    schemaVersion: 1,
    command: 'invoke',
    status: 'ok',
    data: {
      statusCode: 200,
      functionError: null,
      payload: { n: 1 },
      logTail: 'START\nhello\nEND\n',
      requestId: 'request-1',
      executedVersion: '$LATEST',
    },
    warnings: [],
    error: null,
  })
})

t.test('invoke ends with 1 when the function failed, and with 124 when it timed out', async (t) => {
  const failures = [
    ['Error', 'no', 1],
    ['Sandbox.Timedout', 'Task timed out after 3.00 seconds', 124],
  ] as const
  for (const [errorType, errorMessage, exitCode] of failures) {
    const payload = JSON.stringify({ errorType, errorMessage })
    const { folder } = await daemon(
      t,
      answerInvoke({ 'x-amz-function-error': 'Unhandled' }, payload),
    )
    const terminal = stage()
    t.equal(await main(['invoke', 'f', '--state-dir', folder], terminal), exitCode)
    t.equal(terminal.out(), `${payload}\n`)
    t.equal(terminal.err(), `${errorType}: ${errorMessage}\n`)
    const json = stage()
    t.equal(await main(['invoke', 'f', '--json', '--state-dir', folder], json), exitCode)
    t.match(JSON.parse(json.out()), {
      status: 'error',
      data: { functionError: 'Unhandled', payload: { errorType } },
      error: { code: errorType, category: 'function', retryable: false },
    })
  }
})

t.test(
  'invoke ends with 4 when it is throttled, and with 2 when there is no such function',
  async (t) => {
    const refusals = [
      ['TooManyRequestsException', 429, 4, true],
      ['ResourceNotFoundException', 404, 2, false],
      ['ServiceException', 500, 3, true],
    ] as const
    for (const [name, status, exitCode, retryable] of refusals) {
      const { folder } = await daemon(
        t,
        answerInvoke({ 'x-amzn-errortype': name }, '{"Message":"said so"}', status),
      )
      const terminal = stage()
      t.equal(await main(['invoke', 'f', '--state-dir', folder], terminal), exitCode)
      t.equal(terminal.out(), '')
      t.match(terminal.err(), `${name}: said so\n`)
      const json = stage()
      await main(['invoke', 'f', '--json', '--state-dir', folder], json)
      t.match(JSON.parse(json.out()), {
        data: null,
        error: { code: name, category: 'aws', retryable },
      })
    }
  },
)

t.test('a payload comes from a file or from standard input too', async (t) => {
  const { folder, asked } = await daemon(t, answerInvoke({}, '', 202))
  const file = join(folder, 'event.json')
  writeFileSync(file, '{"from":"file"}')
  const event = ['invoke', 'f', '--type', 'Event', '--state-dir', folder]
  const terminal = stage()
  t.equal(await main([...event, '--event', file], terminal), 0)
  t.equal(terminal.err(), 'accepted, request id request-1\n')
  const stdin = (async function* () {
    yield Buffer.from('{"from":')
    yield Buffer.from('"stdin"}')
  })()
  t.equal(await main([...event, '-'], stage({ stdin })), 0)
  t.same(
    asked.map(({ body }) => body),
    ['{"from":"file"}', '{"from":"stdin"}'],
  )
  t.equal(asked[0]?.headers['x-amz-invocation-type'], 'Event')
  t.equal(asked[0]?.headers['x-amz-log-type'], undefined)
})

t.test('a payload on the command line arrives as it was written', async (t) => {
  const { folder, asked } = await daemon(t, answerInvoke({}, 'null'))
  const payloads = [
    '"x"',
    '""',
    '0',
    '-1',
    '1e3',
    'true',
    'null',
    '[]',
    '{"a": "b  c"}',
    '"--json"',
  ]
  for (const payload of payloads) {
    const terminal = stage()
    t.equal(await main(['invoke', 'f', payload, '--state-dir', folder], terminal), 0, payload)
  }
  t.same(
    asked.map(({ body }) => body),
    payloads,
  )
})

t.test('function output cannot steer a terminal', async (t) => {
  const log = Buffer.from('\u001b[2J\n').toString('base64')
  const { folder } = await daemon(t, answerInvoke({ 'x-amz-log-result': log }, '"x"'))
  const written: string[] = []
  const stderr = { write: (text: string) => void written.push(text), isTerminal: true, columns: 80 }
  await main(['invoke', 'f', '--state-dir', folder], stage({ stderr }))
  t.equal(written.join(''), '\\x1b[2J\n')
})

t.test('freeze, thaw and expire name the environment and pass on a refusal', async (t) => {
  const { folder, asked } = await daemon(t, (given, response) => {
    if (given.url.endsWith('/thaw')) {
      response.writeHead(409)
      const error = { code: 'EMU_ENVIRONMENT_STATE', message: 'busy', hint: 'wait', exitCode: 2 }
      return response.end(JSON.stringify({ error }))
    }
    return response.end(
      JSON.stringify({ id: 'e1', functionName: 'f', phase: 'ready', suspension: 'frozen' }),
    )
  })
  const frozen = stage()
  t.equal(await main(['freeze', 'e1', '--state-dir', folder], frozen), 0)
  t.equal(frozen.out(), 'e1 (f) is ready, its processes are frozen\n')
  const thawed = stage()
  t.equal(await main(['thaw', 'e1', '--state-dir', folder], thawed), 2)
  t.equal(thawed.err(), 'EMU_ENVIRONMENT_STATE: busy\n  wait\n')
  t.same(
    asked.map(({ method, url }) => `${method} ${url}`),
    ['POST /environments/e1/freeze', 'POST /environments/e1/thaw'],
  )
})

t.test('logs prints each record, for people or one object a line', async (t) => {
  const record = {
    timeMs: 0,
    functionName: 'hello',
    logStreamName: 's',
    environment: 'e1',
    source: 'function',
    message: 'line',
  }
  const { folder, asked } = await daemon(t, (given, response) => {
    if (given.url === '/functions') return response.end('[{"functionName":"hello"}]')
    if (given.url === '/status') return response.end('{"startedAtMs":100000,"uptimeMs":5000}')
    return response.end(`${JSON.stringify(record)}\n`)
  })
  const json = stage()
  const args = ['logs', 'hello', '-f', '--since', '1m', '--json', '--state-dir', folder]
  t.equal(await main(args, json), 0)
  t.same(JSON.parse(json.out()), record)
  t.equal(asked.at(-1)?.url, '/logs?functionName=hello&follow=1&sinceMs=45000')
  const text = stage()
  t.equal(await main(['logs', '--state-dir', folder], text), 0)
  t.match(text.out(), /^\d\d:\d\d:\d\d\.000 hello e1 line\n$/)
  const unknown = stage()
  t.equal(await main(['logs', 'nobody', '--state-dir', folder], unknown), 2)
  t.match(unknown.err(), /EMU_FUNCTION_NOT_FOUND: there is no function nobody/)
})

t.test('stop returns when the process is gone, and gives up on one that stays', async (t) => {
  const { folder } = await daemon(t, (_, response) => response.writeHead(202).end('{}'))
  let slept = 0
  const sleep = async (durationMs: number) => {
    slept += durationMs
  }
  const stays = stage({ sleep })
  t.equal(await main(['stop', '--state-dir', folder], stays), 3)
  t.equal(slept, 15_000)
  t.match(stays.err(), /EMU_DAEMON_UNREACHABLE: .*told to stop and is still there/)
})

t.test('wrong arguments are told in one sentence with exit code 2', async (t) => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no verb is given/],
    [['dance'], /there is no verb dance/],
    [['status', '--bogus'], /there is no --bogus/],
    [['invoke'], /something is missing: invoke <function> \[payload\]/],
    [['freeze'], /something is missing: freeze <environment>/],
    [['start', '--freeze', 'v3'], /Invalid values: Argument: freeze, Given: "v3"/],
    [['start', '--lambda-port', 'x'], /--lambda-port x is not a port/],
    [['start', '--lambda-port', '65536'], /--lambda-port 65536 is not a port/],
    [['start', '--account', '12'], /--account 12 is not twelve digits/],
    [
      ['start', '--memory-budget', '63'],
      /--memory-budget 63 is not a whole number of MB from 64 on/,
    ],
    [['start', '--memory-budget', 'much'], /--memory-budget much is not a whole number/],
    [['invoke', 'f', '--type', 'Later'], /Invalid values/],
    [['invoke', 'f', '{}', '--event', 'x'], /give a payload or --event, not both/],
    [['invoke', 'f', '--event', '/does/not/exist'], /cannot read --event \/does\/not\/exist/],
    [['logs', '--since', 'yesterday'], /--since yesterday is not a time/],
  ]
  for (const [argv, sentence] of table) {
    const terminal = stage()
    t.equal(await main(argv, terminal), 2, argv.join(' '))
    t.match(terminal.err(), sentence)
    t.match(terminal.err(), /^EMU_USAGE: .*\n {2}run `lambda-emu --help`\n$/)
    t.equal(terminal.out(), '')
  }
  const payload = stage()
  t.equal(await main(['invoke', 'f', '{'], payload), 2)
  t.match(payload.err(), /^EMU_PAYLOAD_INVALID: the payload on the command line is not JSON: /)
})

t.test('a daemon that has not said yet where it listens is told apart from none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-starting-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const startTime = processStartTime(process.pid) ?? ''
  const file = { pid: process.pid, startTime, adminUrl: '', lambdaUrl: '', token: '' }
  writeDaemonFile(folder, { ...file, project: '/home/ada/app' })
  const terminal = stage()
  t.equal(await main(['status', '--state-dir', folder], terminal), 3)
  t.match(terminal.err(), /EMU_DAEMON_UNREACHABLE: .* it is still starting/)
})

t.test('without a daemon a verb ends with 3, and --json gives one envelope', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-none-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const terminal = stage({ variables: { XDG_STATE_HOME: folder }, workingFolder: folder })
  t.equal(await main(['status', '--json'], terminal), 3)
  t.match(JSON.parse(terminal.out()), {
    schemaVersion: 1,
    command: 'status',
    status: 'error',
    data: null,
    warnings: [],
    error: { code: 'EMU_DAEMON_NOT_RUNNING', category: 'user', retryable: false },
  })
  t.equal(terminal.err(), '')
})
