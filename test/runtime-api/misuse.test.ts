// Every misuse of the HTTP Runtime API as rows: what is sent in which state, byte by byte, and the exact answer to it.

import t, { type Test } from 'tap'
import type { RequestId } from '../../src/domain/brand.js'
import type { ChannelEvent } from '../../src/runtime-api/machine.js'
import { answerReader, type Conversation, converse, valuesOf } from '../support/raw-http.js'
import { base, delivery, open, requestId, transition } from './open-channel.js'

type Channel = Awaited<ReturnType<typeof open>>

/** How far the runtime has come before it misbehaves. */
const stages = {
  Started: async () => {},
  InitError: async ({ call }: Channel) => void (await call('POST', `${base}/init/error`, '{}')),
  Ready: async ({ next, heard }: Channel) => {
    void next().catch(() => {})
    await heard('asked-next')
  },
  Running: async ({ running }: Channel) => void (await running()),
  answered: async ({ running, respond }: Channel) => {
    await running()
    await respond()
  },
  failed: async ({ running, call }: Channel) => {
    await running()
    await call('POST', `${base}/invocation/${requestId}/error`, '{}')
  },
  'Ready again': async ({ running, respond, next, heard }: Channel) => {
    await running()
    await respond()
    void next().catch(() => {})
    await heard('asked-next', 2)
  },
} as const

interface Row {
  readonly claim: string
  readonly after: keyof typeof stages
  /** Method and path, below /2018-06-01/runtime unless the path begins with `//`. */
  readonly sends: string
  readonly headers?: string
  readonly body?: string | Buffer
  /** Instead of the body's own length. */
  readonly length?: number
  /** Ends its side of the connection behind the last byte. */
  readonly halfCloses?: boolean
  readonly status: number
  /** Of a JSON body; otherwise the whole text. */
  readonly type?: string
  readonly message?: string
  readonly text?: string
  readonly contentType?: string | undefined
  /** What the host hears of it, besides what it heard before. */
  readonly told?: ChannelEvent['is']
}

const response = `POST /invocation/${requestId}/response`
const error = `POST /invocation/${requestId}/error`
const otherId = '22222222-2222-4222-8222-222222222222'
const overLimit = 6_291_557
const chunked = 'Transfer-Encoding: chunked\r\n'

const refusedMove = (from: string, to: string) =>
  ({ status: 403, type: 'InvalidStateTransition', message: transition(from, to) }) as const
const wrongId = { status: 400, type: 'InvalidRequestID', message: 'Invalid request ID' } as const
const cutShort = {
  status: 400,
  type: 'TruncatedHTTPRequest',
  message: 'HTTP request detected as truncated',
  halfCloses: true,
} as const
const tooLarge = {
  status: 413,
  type: 'RequestEntityTooLarge',
  message: 'Exceeded maximum allowed payload size (6291556 bytes).',
  told: 'response-too-large',
} as const
const wrongMode = {
  status: 400,
  type: 'InvalidFunctionResponseMode',
  message: 'Invalid function response mode',
  told: 'invalid-response-mode',
} as const
const wrongAttempt = {
  status: 400,
  type: 'InvalidInvocationId',
  message: 'Invalid invocation ID',
} as const
const notFound = { status: 404, text: '404 page not found\n' } as const
const notAllowed = { status: 405, text: '', contentType: undefined } as const

const rows: readonly Row[] = [
  // Ids are looked at before states.
  ...(['response', 'error'] as const).flatMap((what): Row[] => [
    {
      claim: `${what} for an id that never was`,
      after: 'Running',
      sends: `POST /invocation/${otherId}/${what}`,
      ...wrongId,
    },
    {
      claim: `${what} for an id that is no UUID`,
      after: 'Running',
      sends: `POST /invocation/x/${what}`,
      ...wrongId,
    },
    {
      claim: `${what} for another id after the answer`,
      after: 'answered',
      sends: `POST /invocation/${otherId}/${what}`,
      ...wrongId,
    },
    {
      claim: `${what} for an id that is over`,
      after: 'Ready again',
      sends: `POST /invocation/${requestId}/${what}`,
      ...wrongId,
    },
    {
      claim: `${what} for another attempt of the same id`,
      after: 'Running',
      sends: `POST /invocation/${requestId}/${what}`,
      headers: 'Lambda-Runtime-Invocation-Id: attempt-0\r\n',
      ...wrongAttempt,
    },
  ]),
  {
    claim: 'a second response',
    after: 'answered',
    sends: response,
    ...refusedMove('RuntimeResponseSentState', 'InvocationResponse'),
  },
  {
    claim: 'an error after a response',
    after: 'answered',
    sends: error,
    ...refusedMove('RuntimeResponseSentState', 'InvocationErrorResponse'),
  },
  {
    claim: 'a response after an error',
    after: 'failed',
    sends: response,
    ...refusedMove('RuntimeResponseSentState', 'InvocationResponse'),
  },
  {
    claim: 'a second error',
    after: 'failed',
    sends: error,
    ...refusedMove('RuntimeResponseSentState', 'InvocationErrorResponse'),
  },
  {
    claim: 'a response before any next',
    after: 'Started',
    sends: response,
    ...refusedMove('Started', 'InvocationResponse'),
  },
  {
    claim: 'an error before any next',
    after: 'Started',
    sends: error,
    ...refusedMove('Started', 'InvocationErrorResponse'),
  },
  {
    claim: 'an init error while it waits',
    after: 'Ready',
    sends: 'POST /init/error',
    ...refusedMove('Ready', 'InitError'),
  },
  {
    claim: 'an init error with an event in hand',
    after: 'Running',
    sends: 'POST /init/error',
    ...refusedMove('Running', 'InitError'),
  },
  {
    claim: 'an init error after an answer',
    after: 'answered',
    sends: 'POST /init/error',
    ...refusedMove('RuntimeResponseSentState', 'InitError'),
  },
  {
    claim: 'a second init error',
    after: 'InitError',
    sends: 'POST /init/error',
    ...refusedMove('InitError', 'InitError'),
  },
  {
    claim: 'next after an init error',
    after: 'InitError',
    sends: 'GET /invocation/next',
    ...refusedMove('InitError', 'Ready'),
  },

  {
    claim: 'a response over the limit',
    after: 'Running',
    sends: response,
    body: Buffer.alloc(overLimit, 32),
    ...tooLarge,
  },
  {
    claim: 'a response over the limit in chunks',
    after: 'Running',
    sends: response,
    headers: chunked,
    body: inOneChunk(overLimit),
    ...tooLarge,
  },

  {
    claim: 'a response that ends before its length',
    after: 'Running',
    sends: response,
    body: '"half',
    length: 100,
    ...cutShort,
    told: 'truncated',
  },
  {
    claim: 'a response of a length and nothing else',
    after: 'Running',
    sends: response,
    length: 1,
    ...cutShort,
    told: 'truncated',
  },
  {
    claim: 'a response that ends before its last chunk',
    after: 'Running',
    sends: response,
    headers: chunked,
    body: '5\r\n"half\r\n',
    ...cutShort,
    told: 'truncated',
  },
  {
    claim: 'a streamed response that ends in a chunk',
    after: 'Running',
    sends: response,
    headers: `${chunked}Lambda-Runtime-Function-Response-Mode: streaming\r\n`,
    body: '9\r\n"half',
    ...cutShort,
    told: 'truncated',
  },
  {
    claim: 'a chunk whose size is none',
    after: 'Running',
    sends: response,
    headers: chunked,
    body: 'xyz\r\n',
    ...cutShort,
    halfCloses: false,
    told: 'truncated',
  },
  {
    claim: 'an error that ends before its length',
    after: 'Running',
    sends: error,
    body: '{',
    length: 2,
    ...cutShort,
    told: 'truncated',
  },
  {
    claim: 'an init error that ends before its length',
    after: 'Started',
    sends: 'POST /init/error',
    body: '{',
    length: 2,
    ...cutShort,
  },

  ...['Streaming', 'buffered', 'streaming, streaming', 'x'].map(
    (mode): Row => ({
      claim: `the response mode ${mode}`,
      after: 'Running',
      sends: response,
      headers: `Lambda-Runtime-Function-Response-Mode: ${mode}\r\n`,
      ...wrongMode,
    }),
  ),

  ...[
    'GET //',
    'GET //2018-06-01/runtime',
    'GET //2018-06-01/runtime/',
    'GET //2018-06-01/ping',
    'GET //2018-06-02/runtime/invocation/next',
    'GET //2021-04-23/credentials',
    'GET /invocation',
    'GET /invocation/next/',
    'GET /invocation/Next',
    'GET /restore/next',
    'POST /restore/error',
    'POST /init/response',
    `POST /invocation/${requestId}`,
    `POST /invocation/${requestId}/response/`,
    `POST /invocation/${requestId}/responses`,
    'POST //2020-08-15/logs/x',
  ].map((sends): Row => ({ claim: `${sends} is no path`, after: 'Started', sends, ...notFound })),
  ...[
    'POST /invocation/next',
    'PUT /invocation/next',
    'HEAD /invocation/next',
    'DELETE /invocation/next',
    'GET /init/error',
    `GET /invocation/${requestId}/response`,
    `PUT /invocation/${requestId}/response`,
    `PATCH /invocation/${requestId}/error`,
  ].map(
    (sends): Row => ({ claim: `${sends} is no method`, after: 'Started', sends, ...notAllowed }),
  ),
  { claim: 'a ping', after: 'Started', sends: 'GET //ping', status: 200, text: 'pong' },
]

function inOneChunk(bytes: number): Buffer {
  const size = Buffer.from(`${bytes.toString(16)}\r\n`)
  return Buffer.concat([size, Buffer.alloc(bytes, 32), Buffer.from('\r\n0\r\n\r\n')])
}

function bytesOf({ sends, headers = '', body = '', length }: Row, address: string): Buffer {
  const [method = '', path = ''] = sends.split(' ')
  const target = path.startsWith('//') ? path.slice(1) : `${base}${path}`
  const own = headers.includes('chunked') ? '' : `Content-Length: ${length ?? body.length}\r\n`
  const withBody = method === 'GET' || method === 'HEAD' ? '' : own
  const head = `${method} ${target} HTTP/1.1\r\nHost: ${address}\r\n${withBody}${headers}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

async function play(t: Test, row: Row): Promise<void> {
  const channel = await open(t, false)
  await stages[row.after](channel)
  const heardBefore = channel.events.length
  const { address, port } = channel.channel
  const conversation = converse(port, bytesOf(row, address))
  if (row.halfCloses === true) conversation.socket.end()
  const answer = await answerOf(conversation, row.sends)
  t.equal(answer.status, row.status, `${row.claim}: status`)
  const jsonType = row.type === undefined ? 'text/plain; charset=utf-8' : 'application/json'
  const contentType = 'contentType' in row ? row.contentType : jsonType
  t.equal(valuesOf(answer, 'content-type')[0], contentType, `${row.claim}: type`)
  const body =
    row.type === undefined
      ? row.text
      : `${JSON.stringify({ errorMessage: row.message, errorType: row.type })}\n`
  t.equal(answer.body.toString(), body, `${row.claim}: body`)
  const [connection] = valuesOf(answer, 'connection')
  const closes = row.type === 'TruncatedHTTPRequest'
  t.equal(connection, closes ? 'close' : 'keep-alive', `${row.claim}: connection`)
  if (closes) await conversation.ended
  else conversation.socket.destroy()
  if (row.told !== undefined) await channel.heard(row.told)
  const told = channel.events.slice(heardBefore).map(({ is }) => is)
  t.same(told, row.told === undefined ? [] : [row.told], `${row.claim}: what is told of it`)
  channel.channel.close()
}

async function answerOf(conversation: Conversation, sends: string) {
  await conversation.came('\r\n\r\n')
  for (;;) {
    const read = answerReader(sends.split(' ')[0] ?? '')
    const answer = read(Buffer.from(conversation.text(), 'latin1'), false)
    if (answer !== undefined) return answer
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test(`${rows.length} misuses of the Runtime API have their exact answers`, async (t) => {
  for (const row of rows) await play(t, row)
})

t.test('what was refused has done no harm: the right answer still counts', async (t) => {
  const { running, respond, call, heard } = await open(t, false)
  await running()
  await call('POST', `${base}/invocation/${otherId}/response`, '1')
  await respond('1', { 'lambda-runtime-invocation-id': 'attempt-0' })
  await call('POST', `${base}/init/error`, '{}')
  await call('PUT', `${base}/invocation/${requestId}/response`, '1')
  t.equal((await respond('"right"')).status, 202)
  t.match(await heard('response'), { body: Buffer.from('"right"') })
})

t.test('after an init error that was cut short another one is heard', async (t) => {
  const channel = await open(t, false)
  const { address, port } = channel.channel
  const head = `POST ${base}/init/error HTTP/1.1\r\nHost: ${address}\r\nContent-Length: 9\r\n\r\n`
  const conversation = converse(port, `${head}{`)
  conversation.socket.end()
  await conversation.ended
  t.equal((await channel.call('POST', `${base}/init/error`, '{"a":1}')).status, 202)
  t.match(await channel.heard('init-error'), { body: Buffer.from('{"a":1}') })
})

t.test('an answer whose connection breaks in its middle ends the invocation too', async (t) => {
  for (const more of ['Content-Length: 100\r\n\r\n"half', `${chunked}\r\n5\r\n"half\r\n`]) {
    const { channel, running, respond, heard, events, next } = await open(t, false)
    await running()
    const head = `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\nHost: ${channel.address}\r\n`
    const { socket } = converse(channel.port, `${head}${more}`)
    // Heard by the server when an answer beside it is refused.
    while (!(await respond()).body.includes('from InvocationResponse')) {}
    socket.resetAndDestroy()
    // Whether it lives is known when it says something.
    void next().catch(() => {})
    t.same(await heard('truncated'), { is: 'truncated', invocationId: 'attempt-1' })
    await heard('asked-next', 2)
    t.equal(events.filter(({ is }) => is === 'response').length, 0)
    channel.close()
  }
})

t.test('a next that waits behind an answer cut short has its event afterwards', async (t) => {
  const { channel, running, next, heard } = await open(t, false)
  await running()
  const head = `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\nHost: ${channel.address}\r\n`
  const conversation = converse(channel.port, `${head}Content-Length: 100\r\n\r\n"half`)
  conversation.socket.end()
  await conversation.came('TruncatedHTTPRequest')
  const waiting = next()
  await heard('truncated')
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  t.equal((await waiting).headers['lambda-runtime-aws-request-id'], 'second')
})

t.test('a second next while one waits blocks beside it, and each event goes to one', async (t) => {
  const { channel, next, heard, respond, call } = await open(t, false)
  const ids: unknown[] = []
  const asking = [next(), next()].map((each) =>
    each.then(({ headers }) => ids.push(headers['lambda-runtime-aws-request-id'])),
  )
  await heard('asked-next')
  await call('GET', '/ping')
  channel.deliver(delivery())
  while (ids.length === 0) await call('GET', '/ping')
  t.same(ids, [requestId])
  await respond()
  void next().catch(() => {})
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  await Promise.all(asking)
  t.same(ids, [requestId, 'second'])
})

t.test('a next with an event in hand is given it again, and so is one after that', async (t) => {
  const { channel, running, next, events, call } = await open(t, false)
  const first = await running()
  for (let round = 0; round < 2; round += 1) {
    const again = await next()
    t.equal(again.status, 200)
    t.equal(again.body, first.body)
    t.equal(again.headers['lambda-runtime-aws-request-id'], requestId)
    t.equal(again.headers['lambda-runtime-invocation-id'], 'attempt-1')
    t.equal(
      again.headers['lambda-runtime-deadline-ms'],
      first.headers['lambda-runtime-deadline-ms'],
    )
  }
  t.same(
    events.map(({ is }) => is),
    ['asked-next'],
  )
  const asked = await call('GET', `${base}/invocation/next?again`)
  t.equal(asked.headers['lambda-runtime-aws-request-id'], requestId, 'a query is no part of a path')
  channel.close()
})
