// The Runtime API as a runtime meets it: every row of the misuse table, headers, limits, late and early requests.

import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { systemKernel } from '../../src/clock/kernel.js'
import type { InvocationId, RequestId } from '../../src/domain/brand.js'
import { portRange } from '../../src/http/port-range.js'
import { RuntimeChannel } from '../../src/runtime-api/channel.js'
import type { ChannelEvent, Delivery } from '../../src/runtime-api/machine.js'

const base = '/2018-06-01/runtime'
const requestId = '11111111-1111-4111-8111-111111111111'

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    invocationId: 'attempt-1' as InvocationId,
    requestId: requestId as RequestId,
    deadlineEpochMs: 1_795_000_000_123.4,
    invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    traceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0',
    contentType: 'application/json',
    body: Buffer.from('{"a":1}'),
    ...changes,
  }
}

async function open(t: Test) {
  const events: ChannelEvent[] = []
  const listeners: (() => void)[] = []
  const channel = await RuntimeChannel.listen({
    host: '127.0.0.1',
    ports: portRange(0.5),
    timers: systemKernel,
    onEvent: (event) => {
      events.push(event)
      for (const listener of listeners.splice(0)) listener()
    },
  })
  t.teardown(() => channel.close())
  const call = (
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const [host, port] = channel.address.split(':')
      const request = httpRequest(
        { host, port, method, path, headers, agent: false },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          )
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  const next = () => call('GET', `${base}/invocation/next`)
  const heard = async (is: ChannelEvent['is'], count = 1): Promise<ChannelEvent> => {
    for (;;) {
      const found = events.filter((event) => event.is === is)
      if (found.length >= count) return found[count - 1] as ChannelEvent
      await new Promise<void>((resolve) => listeners.push(resolve))
    }
  }
  /** The runtime has asked for an event and has it. */
  const running = async (changes: Partial<Delivery> = {}) => {
    const asked = events.filter((event) => event.is === 'asked-next').length
    const waiting = next()
    await heard('asked-next', asked + 1)
    channel.deliver(delivery(changes))
    return waiting
  }
  const respond = (body: string | Buffer = '"ok"', headers: Record<string, string> = {}) =>
    call('POST', `${base}/invocation/${requestId}/response`, body, headers)
  return { channel, events, call, next, heard, running, respond }
}

function isError(t: Test, answer: Answer, status: number, errorType: string, text?: string): void {
  t.equal(answer.status, status)
  t.match(answer.headers['content-type'], 'application/json')
  t.ok(answer.body.endsWith('}\n'), 'one object and a newline')
  const body = JSON.parse(answer.body)
  t.equal(body.errorType, errorType)
  if (text !== undefined) t.equal(body.errorMessage, text)
}

const transition = (from: string, to: string): string =>
  `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`

t.test('next carries the event and Lambda’s headers; empty values are left out', async (t) => {
  const { running } = await open(t)
  const event = await running()
  t.equal(event.status, 200)
  t.equal(event.body, '{"a":1}')
  t.equal(event.headers['lambda-runtime-aws-request-id'], requestId)
  t.equal(event.headers['lambda-runtime-invocation-id'], 'attempt-1')
  t.equal(event.headers['lambda-runtime-deadline-ms'], '1795000000123')
  t.match(event.headers['lambda-runtime-invoked-function-arn'], /:function:f$/)
  t.match(event.headers['lambda-runtime-trace-id'], /^Root=1-.*;Parent=.*;Sampled=0$/)
  t.equal(event.headers['content-type'], 'application/json')
  t.notOk('lambda-runtime-client-context' in event.headers)
  t.notOk('lambda-runtime-cognito-identity' in event.headers)
})

t.test('client context goes out as UTF-8 bytes on one line', async (t) => {
  const { running } = await open(t)
  const event = await running({ clientContext: '{\n"custom":{"é":"😀\x7f"}}' })
  const header = event.headers['lambda-runtime-client-context'] as string
  t.same(JSON.parse(Buffer.from(header, 'latin1').toString()), { custom: { é: '😀\x7f' } })
})

t.test('an answer is accepted, and passed on byte for byte', async (t) => {
  const { running, respond, heard } = await open(t)
  await running()
  const answer = await respond(Buffer.from([0, 255, 10, 13]), {
    'content-type': 'application/unknown',
  })
  t.equal(answer.status, 202)
  t.equal(answer.body, '{"status":"OK"}\n')
  t.same(await heard('response'), {
    is: 'response',
    invocationId: 'attempt-1',
    body: Buffer.from([0, 255, 10, 13]),
    contentType: 'application/unknown',
  })
})

t.test(
  'an error is passed on byte for byte; its type comes from the header, filtered',
  async (t) => {
    const rows: [string | undefined, string][] = [
      ['Runtime.ImportModuleError', 'Runtime.ImportModuleError'],
      ['Function.MyError', 'Function.MyError'],
      ['Function.lower', 'Function.Unknown'],
      ['TypeError', 'Runtime.Unknown'],
      [undefined, 'Runtime.Unknown'],
    ]
    for (const [header, expected] of rows) {
      const { running, call, heard } = await open(t)
      await running()
      const headers: Record<string, string> =
        header === undefined ? {} : { 'lambda-runtime-function-error-type': header }
      const answer = await call(
        'POST',
        `${base}/invocation/${requestId}/error`,
        '{not json',
        headers,
      )
      t.equal(answer.status, 202)
      const event = await heard('error')
      t.match(event, { errorType: expected }, header ?? 'no header')
      t.equal(event.is === 'error' && event.body.toString(), '{not json')
    }
  },
)

t.test('a wrong or stale request id is 400 InvalidRequestID', async (t) => {
  const { running, respond, call, heard, next } = await open(t)
  await running()
  const wrong = `${base}/invocation/22222222-2222-4222-8222-222222222222/response`
  isError(t, await call('POST', wrong, '1'), 400, 'InvalidRequestID', 'Invalid request ID')
  isError(t, await call('POST', wrong.replace('response', 'error'), '1'), 400, 'InvalidRequestID')
  t.equal((await respond()).status, 202, 'the right one still counts')
  void next().catch(() => {})
  await heard('asked-next', 2)
  isError(t, await respond(), 400, 'InvalidRequestID')
})

t.test('the attempt’s own id may be left out, and must be right when it is there', async (t) => {
  const { running, respond } = await open(t)
  await running()
  isError(
    t,
    await respond('1', { 'lambda-runtime-invocation-id': 'attempt-0' }),
    400,
    'InvalidInvocationId',
  )
  t.equal((await respond('1', { 'lambda-runtime-invocation-id': 'attempt-1' })).status, 202)
})

t.test('a second answer while the event is current is 403 InvalidStateTransition', async (t) => {
  const { running, respond, call } = await open(t)
  await running()
  await respond()
  isError(
    t,
    await respond(),
    403,
    'InvalidStateTransition',
    transition('RuntimeResponseSentState', 'InvocationResponse'),
  )
  isError(
    t,
    await call('POST', `${base}/invocation/${requestId}/error`, '{}'),
    403,
    'InvalidStateTransition',
    transition('RuntimeResponseSentState', 'InvocationErrorResponse'),
  )
})

t.test('an answer before the first next, and an init error after it, are 403', async (t) => {
  const { running, respond, call } = await open(t)
  isError(
    t,
    await respond(),
    403,
    'InvalidStateTransition',
    transition('Started', 'InvocationResponse'),
  )
  await running()
  isError(
    t,
    await call('POST', `${base}/init/error`, '{}'),
    403,
    'InvalidStateTransition',
    transition('Running', 'InitError'),
  )
})

t.test('an init error is accepted once and nothing follows it', async (t) => {
  const { call, heard, next } = await open(t)
  const answer = await call('POST', `${base}/init/error`, '{"errorType":"X"}', {
    'lambda-runtime-function-error-type': 'Runtime.ImportModuleError',
  })
  t.equal(answer.status, 202)
  t.match(await heard('init-error'), { errorType: 'Runtime.ImportModuleError' })
  isError(t, await next(), 403, 'InvalidStateTransition', transition('InitError', 'Ready'))
})

t.test(
  '6,291,556 bytes pass; one more is 413 to the runtime, and the invocation is answered',
  async (t) => {
    const fits = await open(t)
    await fits.running()
    t.equal((await fits.respond(Buffer.alloc(6_291_556, 32))).status, 202)
    const over = await open(t)
    await over.running()
    isError(
      t,
      await over.respond(Buffer.alloc(6_291_557, 32)),
      413,
      'RequestEntityTooLarge',
      'Exceeded maximum allowed payload size (6291556 bytes).',
    )
    t.match(await over.heard('response-too-large'), { invocationId: 'attempt-1' })
    void over.next().catch(() => {})
    await over.heard('asked-next', 2)
    t.pass('the runtime goes on')
  },
)

t.test(
  'a response mode that is not streaming is 400, and the invocation is answered',
  async (t) => {
    const { running, respond, heard } = await open(t)
    await running()
    isError(
      t,
      await respond('1', { 'lambda-runtime-function-response-mode': 'Buffered' }),
      400,
      'InvalidFunctionResponseMode',
      'Invalid function response mode',
    )
    await heard('invalid-response-mode')
  },
)

t.test('an answer that is cut short leaves the event in the runtime’s hands', async (t) => {
  const { channel, running, respond } = await open(t)
  await running()
  const [host, port] = channel.address.split(':')
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.write(
        `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\nhost: ${channel.address}\r\ncontent-length: 100\r\n\r\nhalf`,
        () => socket.destroy(),
      )
    })
    socket.on('close', () => resolve())
  })
  // The server sees the end of the connection a moment later; until then the first answer is in progress.
  let answer = await respond()
  while (answer.status === 403) answer = await respond()
  t.equal(answer.status, 202)
})

t.test('a next that comes before the answer waits for it', async (t) => {
  const { running, respond, next, heard, channel } = await open(t)
  await running()
  const early = next()
  const answered = await respond()
  t.equal(answered.status, 202)
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  t.equal((await early).headers['lambda-runtime-aws-request-id'], 'second')
})

t.test('a next without an answer gets the same event again after 50 ms', async (t) => {
  const { running, next } = await open(t)
  await running()
  const again = await next()
  t.equal(again.status, 200)
  t.equal(again.headers['lambda-runtime-aws-request-id'], requestId)
})

t.test('answer and next in one write on one connection', async (t) => {
  const { channel, running, heard } = await open(t)
  await running()
  const [host, port] = channel.address.split(':')
  const socket = connect(Number(port), host)
  t.teardown(() => socket.destroy())
  socket.write(
    `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\nhost: ${channel.address}\r\ncontent-length: 2\r\n\r\n42` +
      `GET ${base}/invocation/next HTTP/1.1\r\nhost: ${channel.address}\r\n\r\n`,
  )
  await heard('response')
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.includes('{"a":1}')) break
  }
  t.match(text, /^HTTP\/1\.1 202 [\s\S]*"OK"[\s\S]*HTTP\/1\.1 200 [\s\S]*second/)
})

t.test('headers of 1 MB are taken: clients put whole stacks into one', async (t) => {
  const { running, call } = await open(t)
  await running()
  const answer = await call('POST', `${base}/invocation/${requestId}/error`, '{}', {
    'lambda-runtime-function-xray-error-cause': 'x'.repeat(1_000_000),
  })
  t.equal(answer.status, 202)
})

t.test('ping, unknown paths and other methods', async (t) => {
  const { call } = await open(t)
  t.equal((await call('GET', '/ping')).status, 200)
  t.equal((await call('GET', '/')).status, 404)
  t.equal((await call('GET', '/2018-06-01/runtime/restore/next')).status, 404)
  t.equal((await call('PUT', `${base}/invocation/next`)).status, 405)
})

t.test('a web page or a foreign host name cannot steal an event', async (t) => {
  const { call, events } = await open(t)
  const path = `${base}/invocation/next`
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { host: 'evil.example' },
    { host: '127.0.0.1:1' },
  ])
    isError(
      t,
      await call('GET', path, undefined, headers as Record<string, string>),
      403,
      'Forbidden',
    )
  t.same(events, [])
})

t.test('after a reset the next process starts from the beginning', async (t) => {
  const { channel, next, heard } = await open(t)
  const waiting = next().catch((error: NodeJS.ErrnoException) => error.code)
  await heard('asked-next')
  channel.reset()
  t.equal(await waiting, 'ECONNRESET')
  void next().catch(() => {})
  await heard('asked-next', 2)
  channel.deliver(delivery())
  t.pass('it takes an event again')
})

t.test('drained resolves when connections are closed, and soon when one is not', async (t) => {
  const { channel, next, heard } = await open(t)
  await channel.drained()
  const waiting = next().catch(() => undefined)
  await heard('asked-next')
  await channel.drained()
  channel.reset()
  await waiting
  t.pass()
})
