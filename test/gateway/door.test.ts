// The gateway's listener as raw sockets meet it: bytes on the wire, hostile requests, clients that go away, the journal.

import { once } from 'node:events'
import t from 'tap'
import { allOf, httpApi, lambda, open, openGateway, repliesOf, restApi } from './stage.js'

const proxy = restApi({ '/{proxy+}': { ANY: lambda() } })
const head = 'Host: localhost\r\nConnection: close\r\n'

t.test(
  'header names of answers keep their letter case, and repeated headers stay apart',
  async (t) => {
    const stage = await openGateway(t, {
      apis: [restApi({ '/x': { GET: lambda('answer') } })],
      functions: {
        answer: () => ({
          headers: { 'X-mIxEd': 'a', utf: 'ü€' },
          multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] },
        }),
      },
    })
    const { headers } = await stage.send({ target: '/Prod/x' })
    t.same(
      headers.filter(([name]) => /^(x-mixed|set-cookie)$/i.test(name)),
      [
        ['X-mIxEd', 'a'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    )
    const utf = headers.find(([name]) => name === 'utf')?.[1] ?? ''
    t.equal(Buffer.from(utf, 'latin1').toString(), 'ü€', 'as UTF-8 bytes')
  },
)

t.test(
  'headers of a template that HTTP has no form for are left out, and stop nothing',
  async (t) => {
    const headers = { 'a b': 'c', 'X-Lines': 'a\nb', 'X-Euro': '€', 'X-Fine': 'd' }
    const stage = await openGateway(t, {
      apis: [restApi({ '/x': { OPTIONS: { is: 'mock', statusCode: 200, headers } } })],
    })
    const reply = await stage.send({ method: 'OPTIONS', target: '/Prod/x' })
    t.equal(reply.status, 200)
    t.equal(reply.header('x-fine'), 'd')
    t.equal(reply.header('x-lines'), undefined)
    t.equal(Buffer.from(reply.header('x-euro') ?? '', 'latin1').toString(), '€')
  },
)

t.test('a path that cannot be decoded reaches the function as it was sent', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const reply = await stage.send({ target: '/Prod/%zz/%/%2e%2E/../a?b=%zz' })
  t.equal(reply.status, 200)
  t.equal(stage.events[0].path, '/%zz/%/%2e%2E/../a')
  t.equal(stage.events[0].queryStringParameters.b, '%zz')
})

t.test('a target in absolute form is taken by its path', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  await stage.send(`GET http://localhost:3000/Prod/x?y=1 HTTP/1.1\r\n${head}\r\n`)
  t.equal(stage.events[0].path, '/x')
  t.same(stage.events[0].queryStringParameters, { y: '1' })
})

t.test('a body in chunks is put together, and chunking is not told', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  await stage.send(
    `POST /Prod/x HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
  )
  t.equal(stage.events[0].body, 'abcde')
  t.equal(stage.events[0].headers['Transfer-Encoding'], undefined)
})

t.test('a GET may have a body', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  await stage.send({ target: '/Prod/x', body: 'abc' })
  t.equal(stage.events[0].body, 'abc')
})

t.test('HEAD has the headers of the answer and no body', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const socket = open(stage.port)
  socket.write(`HEAD /Prod/x HTTP/1.1\r\n${head}\r\n`)
  const bytes = await allOf(socket)
  t.equal(bytes.indexOf('\r\n\r\n') + 4, bytes.length, 'nothing after the head')
  const [reply] = repliesOf(bytes, 'HEAD')
  t.equal(reply?.status, 200)
  t.ok(Number(reply?.header('content-length')) > 100)
})

t.test('a client that expects 100-continue gets it before it sends its body', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const socket = open(stage.port)
  socket.write(`POST /Prod/x HTTP/1.1\r\n${head}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(first.toString(), /^HTTP\/1\.1 100 Continue\r\n/)
  const rest = allOf(socket)
  socket.write('abc')
  t.equal(repliesOf(await rest)[0]?.status, 200)
  t.equal(stage.events[0].body, 'abc')
  t.equal(stage.events[0].headers.Expect, undefined)
})

const refusedBytes: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding together': `POST /Prod/x HTTP/1.1\r\n${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two lengths': `POST /Prod/x HTTP/1.1\r\n${head}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  'NUL in a header': `GET /Prod/x HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`,
  'NUL in the path': `GET /Prod/\0 HTTP/1.1\r\n${head}\r\n`,
  'a header name with a space before its colon': `GET /Prod/x HTTP/1.1\r\n${head}X : a\r\n\r\n`,
  'no Host': 'GET /Prod/x HTTP/1.1\r\nConnection: close\r\n\r\n',
  'headers of 100 KB': `GET /Prod/x HTTP/1.1\r\n${head}X: ${'x'.repeat(100_000)}\r\n\r\n`,
  'no HTTP at all': 'EHLO localhost\r\n\r\n',
}

for (const [name, bytes] of Object.entries(refusedBytes)) {
  t.test(`${name}: refused, and nothing is invoked`, async (t) => {
    const stage = await openGateway(t, { apis: [proxy] })
    const socket = open(stage.port)
    const all = allOf(socket)
    socket.write(bytes)
    t.match((await all).toString(), /^(HTTP\/1\.1 4\d\d |$)/)
    t.same(stage.events, [])
    t.equal((await stage.send({ target: '/Prod/x' })).status, 200, 'and the next one is served')
  })
}

t.test('a host that is not this machine is refused before any API', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const reply = await stage.send({ target: '/Prod/x', headers: { Host: 'evil.example' } })
  t.equal(reply.status, 403)
  t.match(reply.text, /refused this request/)
  t.same(stage.events, [])
})

t.test('a web page may call an API: CORS is its own business', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const headers = { Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' }
  const reply = await stage.send({ target: '/Prod/x', headers })
  t.equal(reply.status, 200)
  t.equal(reply.header('cross-origin-resource-policy'), undefined)
})

t.test('requests in a pipeline are served one after the other', async (t) => {
  let finish = () => {}
  const stage = await openGateway(t, {
    apis: [httpApi({ 'GET /slow': 'slow', 'GET /fast': 'fast' })],
    functions: {
      slow: () => new Promise((resolve) => (finish = () => resolve('slow'))),
      fast: () => 'fast',
    },
  })
  const arrived = stage.nextEvent()
  const socket = open(stage.port)
  const all = allOf(socket)
  socket.write(`GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\nGET /fast HTTP/1.1\r\n${head}\r\n`)
  await arrived
  t.equal((await stage.send({ target: '/fast' })).text, 'fast', 'another connection does not wait')
  t.equal(stage.events.length, 2, 'and the second of the pipeline has not run')
  finish()
  t.same(
    repliesOf(await all).map(({ text }) => text),
    ['slow', 'fast'],
  )
})

t.test('one connection serves one request after the other, refused bodies too', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const socket = open(stage.port)
  const all = allOf(socket)
  const body = Buffer.alloc(10_485_761, 'x')
  socket.write(`POST /Prod/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`)
  socket.write(body)
  socket.write(`GET /Prod/y HTTP/1.1\r\n${head}\r\n`)
  t.same(
    repliesOf(await all).map(({ status }) => status),
    [413, 200],
  )
})

t.test('chunks without end are refused at 10 MB', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const socket = open(stage.port)
  socket.write('POST /Prod/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const chunk = Buffer.alloc(65_536, 'x')
  for (let sent = 0; sent <= 10_485_760; sent += chunk.length) {
    socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]))
  }
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(first.toString(), /^HTTP\/1\.1 413 /)
  socket.destroy()
  t.same(stage.events, [])
})

t.test('a client that goes away before its request is complete invokes nothing', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const socket = open(stage.port)
  socket.write('POST /Prod/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc', () =>
    socket.destroy(),
  )
  await allOf(socket)
  t.equal((await stage.send({ target: '/Prod/y' })).status, 200)
  t.same(
    stage.events.map(({ path }) => path),
    ['/y'],
  )
  t.same(stage.bugs, [])
})

t.test('a client that goes away later stops nothing, and the journal tells the end', async (t) => {
  let finish = () => {}
  const stage = await openGateway(t, {
    apis: [httpApi({ $default: 'slow' })],
    functions: { slow: () => new Promise((resolve) => (finish = () => resolve('late'))) },
  })
  const arrived = stage.nextEvent()
  const socket = open(stage.port)
  socket.write('GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await arrived
  socket.destroy()
  const ended = new Promise((resolve) => stage.journal.listen(resolve))
  finish()
  t.match(await ended, { kind: 'http.ended', status: 200, functionName: 'slow' })
  t.same(stage.bugs, [])
})

t.test('the journal tells what was served, by whom, and why not', async (t) => {
  const stage = await openGateway(t, {
    apis: [
      restApi({
        '/orders': { GET: lambda('answer'), POST: lambda('answer') },
        '/orders/{id}': { GET: lambda('fails') },
      }),
      httpApi({ 'GET /pets': 'answer' }),
    ],
    functions: { answer: () => ({ statusCode: 201 }), fails: () => ({ wrong: 1 }) },
  })
  for (const [method, target] of [
    ['GET', '/Prod/orders?x=%201'],
    ['GET', '/Prod/orders/7'],
    ['GET', '/Prod/order'],
    ['DELETE', '/Prod/orders'],
    ['GET', '/pet'],
    ['GET', '/_apis/nobody/Prod/x'],
  ] as const) {
    await stage.send({ method, target })
  }
  const requestIds = stage.calls.map(({ requestId }) => requestId)
  t.match(stage.ended(), [
    {
      kind: 'http.ended',
      method: 'GET',
      target: '/Prod/orders?x=%201',
      status: 201,
      api: 'Shop',
      functionName: 'answer',
      requestId: requestIds[0],
      why: undefined,
    },
    {
      status: 502,
      functionName: 'fails',
      requestId: requestIds[1],
      why: 'the function\'s answer has the key "wrong", which REST APIs refuse',
    },
    {
      status: 403,
      functionName: undefined,
      requestId: undefined,
      why: 'no route of Shop serves GET /order; the nearest is GET /orders',
    },
    { status: 403, why: 'no route of Shop serves DELETE /orders; /orders has GET, POST' },
    { status: 404, api: 'Web', why: 'no route of Web serves GET /pet; the nearest is GET /pets' },
    {
      status: 403,
      api: undefined,
      why: 'no API has the id "nobody"; there is Shop at /Prod, Web at /',
    },
  ])
  t.equal(stage.ended().length, 6)
  for (const { durationMs } of stage.ended()) t.ok(Number(durationMs) >= 0)
})

t.test('the function gets the trace of the request', async (t) => {
  const stage = await openGateway(t, { apis: [proxy] })
  const root = 'Root=1-5759e988-bd862e3fe1be46a994272793'
  await stage.send({ target: '/Prod/x', headers: { 'X-Amzn-Trace-Id': `${root};Sampled=1` } })
  t.match(stage.calls[0]?.traceHeader, new RegExp(`^${root};Parent=[0-9a-f]{16};Sampled=1$`))
  t.equal(stage.calls[0]?.origin, 'rest-api')
})
