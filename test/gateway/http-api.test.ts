// HTTP APIs, one row for each line of §2 of the behaviour sheet, over real connections.

import t from 'tap'
import type { HttpApi, HttpCors } from '../../src/domain/api.js'
import {
  type Behaviour,
  FunctionFailure,
  type GatewayEvent,
  httpApi,
  openGateway,
  type Request,
} from './stage.js'

interface Row {
  readonly sheet: string
  readonly api: HttpApi
  readonly functions?: Readonly<Record<string, Behaviour>>
  readonly request: Partial<Request>
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>
  /** Members of the event, by dotted path; missing ones are undefined, never null. */
  readonly event?: Readonly<Record<string, unknown>>
}

function at(event: GatewayEvent, path: string): unknown {
  return path.split('.').reduce((value, name) => value?.[name], event)
}

function rows(table: readonly Row[]) {
  for (const row of table) {
    t.test(`§2 ${row.sheet}`, async (t) => {
      const stage = await openGateway(t, {
        apis: [row.api],
        ...(row.functions === undefined ? {} : { functions: row.functions }),
      })
      const reply = await stage.send(row.request)
      t.equal(reply.status, row.status, reply.text)
      if (typeof row.body === 'string') t.equal(reply.text, row.body)
      else if (row.body !== undefined) t.same(JSON.parse(reply.text), row.body)
      for (const [name, value] of Object.entries(row.headers ?? {})) {
        if (value instanceof RegExp) t.match(reply.header(name), value, name)
        else t.equal(reply.header(name), value, name)
      }
      if (row.event !== undefined) t.equal(stage.events.length, 1, 'the function ran once')
      for (const [path, value] of Object.entries(row.event ?? {})) {
        t.same(at(stage.events[0], path), value, path)
      }
      t.same(stage.bugs, [])
    })
  }
}

const notFound = { status: 404, body: { message: 'Not Found' } } as const
const documented = httpApi({
  $default: 'echo',
  'ANY /{proxy+}': 'echo',
  'GET /pets/{proxy+}': 'echo',
  'GET /pets/dog/{id}': 'echo',
  'GET /pets/dog/1': 'echo',
})

rows([
  {
    sheet: 'a first segment that is the stage selects it: rawPath has it, routeKey never',
    api: httpApi({ 'GET /agents/{id}': 'echo' }, { stageName: 'dev' }),
    request: { target: '/dev/agents/1234' },
    status: 200,
    event: {
      routeKey: 'GET /agents/{id}',
      rawPath: '/dev/agents/1234',
      'requestContext.http.path': '/dev/agents/1234',
      'requestContext.stage': 'dev',
      'pathParameters.id': '1234',
    },
  },
  {
    sheet: 'the $default stage is at the root, without a prefix',
    api: httpApi({ 'GET /agents/{id}': 'echo' }),
    request: { target: '/agents/1234' },
    status: 200,
    event: {
      rawPath: '/agents/1234',
      'requestContext.http.path': '/agents/1234',
      'requestContext.stage': '$default',
    },
  },
  {
    sheet: 'no stage of that name and no $default: 404',
    api: httpApi({ $default: 'echo' }, { stageName: 'dev' }),
    request: { target: '/prod/x' },
    ...notFound,
    headers: { 'content-type': 'application/json' },
  },
  {
    sheet: 'no route: 404, with a request id',
    api: httpApi({ 'GET /x': 'echo' }),
    request: { target: '/y' },
    ...notFound,
    headers: { 'apigw-requestid': /^[A-Za-z0-9_-]{15}=$/, 'x-amzn-RequestId': undefined },
  },
  {
    sheet: 'another method: the same',
    api: httpApi({ 'GET /x': 'echo' }),
    request: { method: 'POST', target: '/x' },
    ...notFound,
  },
  ...(
    [
      ['GET', '/pets/dog/1', 'GET /pets/dog/1'],
      ['GET', '/pets/dog/2', 'GET /pets/dog/{id}'],
      ['GET', '/pets/cat/1', 'GET /pets/{proxy+}'],
      ['POST', '/test/5', 'ANY /{proxy+}'],
      ['GET', '/', '$default'],
    ] as const
  ).map(([method, target, routeKey]) => ({
    sheet: `the documented table of priorities: ${method} ${target}`,
    api: documented,
    request: { method, target },
    status: 200,
    event: { routeKey, 'requestContext.routeKey': routeKey },
  })),
  {
    sheet: 'ANY ranks below the exact verb of the same path',
    api: httpApi({ 'ANY /x': 'wrong', 'GET /x': 'echo' }),
    request: { target: '/x' },
    status: 200,
    event: { routeKey: 'GET /x' },
  },
  {
    sheet: 'a full match comes before a greedy one, even one with more literal segments',
    api: httpApi({ 'GET /pets/{proxy+}': 'wrong', 'GET /{a}/{b}': 'echo' }),
    request: { target: '/pets/1' },
    status: 200,
    event: { routeKey: 'GET /{a}/{b}' },
  },
  {
    sheet: 'several headers and parameters of one name are joined by a comma; names are lower case',
    api: httpApi({ $default: 'echo' }),
    request: {
      target: '/x?a=1&a=2+3&b=%40',
      headers: { 'X-One': 'a', 'x-one': 'b', 'X-FORWARDED-FOR': '10.0.0.1' },
    },
    status: 200,
    event: {
      rawQueryString: 'a=1&a=2+3&b=%40',
      'queryStringParameters.a': '1,2 3',
      'queryStringParameters.b': '@',
      'headers.x-one': 'a,b',
      'headers.x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'headers.x-forwarded-proto': 'http',
      multiValueHeaders: undefined,
      multiValueQueryStringParameters: undefined,
    },
  },
  {
    sheet: 'cookies are taken out of the headers, one entry each',
    api: httpApi({ $default: 'echo' }),
    request: { target: '/x', headers: { Cookie: 'a=1; b=2', cookie: 'c=3' } },
    status: 200,
    event: { cookies: ['a=1', 'b=2', 'c=3'], 'headers.cookie': undefined },
  },
  {
    sheet: 'stage variables, when the stage has some',
    api: httpApi({ $default: 'echo' }, { stageVariables: { table: 'orders' } }),
    request: { target: '/x' },
    status: 200,
    event: { stageVariables: { table: 'orders' } },
  },
  {
    sheet: 'the path is decoded, and cut at a question mark in it',
    api: httpApi({ 'GET /a/{proxy+}': 'echo' }),
    request: { target: '/a/%40id%23%C3%BC%3Frest?q=%40' },
    status: 200,
    event: {
      rawPath: '/a/@id#ü',
      'pathParameters.proxy': '@id#ü',
      rawQueryString: 'q=%40',
    },
  },
  {
    sheet: 'what cannot be decoded stays',
    api: httpApi({ $default: 'echo' }),
    request: { target: '/%zz/%40' },
    status: 200,
    event: { rawPath: '/%zz/@' },
  },
  ...(
    [
      ['text/html', 'bytes', false],
      ['application/json; charset=utf-8', 'bytes', false],
      ['application/xml', 'bytes', false],
      ['application/javascript', 'bytes', false],
      ['application/octet-stream', 'Ynl0ZXM=', true],
      ['application/x-www-form-urlencoded', 'Ynl0ZXM=', true],
      ['multipart/form-data; boundary=a', 'Ynl0ZXM=', true],
      [undefined, 'Ynl0ZXM=', true],
    ] as const
  ).map(([type, body, isBase64Encoded]) => ({
    sheet: `a body of type ${type} is ${isBase64Encoded ? 'base64' : 'text'}`,
    api: httpApi({ $default: 'echo' }),
    request: {
      method: 'POST',
      target: '/x',
      body: 'bytes',
      ...(type === undefined ? {} : { headers: { 'Content-Type': type } }),
    },
    status: 200,
    event: { body, isBase64Encoded },
  })),
  {
    sheet: 'format 1.0 is the REST event with a version, no resource id and the short request id',
    api: httpApi({ 'GET /x/{id}': 'echo' }, { version: '1.0' }),
    request: { target: '/x/7?a=1&a=2', headers: { 'X-One': 'a', 'x-one': 'b' } },
    status: 200,
    event: {
      version: '1.0',
      resource: '/x/{id}',
      path: '/x/7',
      httpMethod: 'GET',
      'headers.X-One': 'b',
      'multiValueHeaders.X-One': ['a', 'b'],
      queryStringParameters: { a: '2' },
      multiValueQueryStringParameters: { a: ['1', '2'] },
      pathParameters: { id: '7' },
      stageVariables: null,
      body: null,
      isBase64Encoded: false,
      'requestContext.authorizer': { claims: null, scopes: null },
      'requestContext.resourceId': null,
      'requestContext.resourcePath': '/x/{id}',
      'requestContext.stage': '$default',
    },
    headers: { 'apigw-requestid': /=$/ },
  },
  {
    sheet: 'format 1.0 has the stage in its path, too',
    api: httpApi({ 'GET /test': 'echo' }, { version: '1.0', stageName: 'dev' }),
    request: { target: '/dev/test' },
    status: 200,
    event: { path: '/dev/test', 'requestContext.resourcePath': '/test' },
  },
])

t.test('§2 format 2.0 has exactly the documented keys, and nothing that is empty', async (t) => {
  const stage = await openGateway(t, { apis: [httpApi({ 'GET /x': 'echo' })] })
  const reply = await stage.send({ target: '/x', headers: { 'User-Agent': 'me' } })
  const [event] = stage.events
  t.same(Object.keys(event), [
    'version',
    'routeKey',
    'rawPath',
    'rawQueryString',
    'headers',
    'requestContext',
    'isBase64Encoded',
  ])
  t.same(Object.keys(event.requestContext), [
    'accountId',
    'apiId',
    'domainName',
    'domainPrefix',
    'http',
    'requestId',
    'routeKey',
    'stage',
    'time',
    'timeEpoch',
  ])
  t.same(event.requestContext.http, {
    method: 'GET',
    path: '/x',
    protocol: 'HTTP/1.1',
    sourceIp: '127.0.0.1',
    userAgent: 'me',
  })
  t.match(event, {
    version: '2.0',
    rawQueryString: '',
    isBase64Encoded: false,
    headers: {
      host: `localhost:${stage.port}`,
      'x-amzn-trace-id': /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': String(stage.port),
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'h9g8f7e6d5',
      domainName: `localhost:${stage.port}`,
      domainPrefix: 'localhost',
      time: '21/Nov/2026:18:37:33 +0000',
      timeEpoch: Date.UTC(2026, 10, 21, 18, 37, 33, 5),
    },
  })
  t.match(event.requestContext.requestId, /^[A-Za-z0-9_-]{15}=$/)
  t.equal(reply.header('apigw-requestid'), event.requestContext.requestId)
})

const serverError = { status: 500, body: { message: 'Internal Server Error' } } as const

function returning(
  sheet: string,
  answer: unknown,
  expected: Pick<Row, 'status' | 'body' | 'headers'>,
  version: '1.0' | '2.0' = '2.0',
): Row {
  return {
    sheet: `format ${version}: ${sheet}`,
    api: httpApi({ $default: 'answer' }, { version }),
    functions: { answer: () => answer },
    request: { target: '/' },
    ...expected,
  }
}

rows([
  returning(
    'an object with a statusCode is the whole answer, whatever else it holds',
    { statusCode: 201, body: 'x', headers: { 'X-Own': 'y' }, other: 1 },
    { status: 201, body: 'x', headers: { 'X-Own': 'y' } },
  ),
  returning(
    'without a type it is plain text',
    { statusCode: 200, body: 'x' },
    {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    },
  ),
  returning(
    'an object without a statusCode is the body of a 200',
    { message: 'hi' },
    {
      status: 200,
      body: { message: 'hi' },
      headers: { 'content-type': 'application/json' },
    },
  ),
  returning('a string is its own text', 'hello', {
    status: 200,
    body: 'hello',
    headers: { 'content-type': 'application/json' },
  }),
  returning('a list is the body', [1, 2], { status: 200, body: '[1,2]' }),
  returning('null is the body', null, { status: 200, body: 'null' }),
  returning(
    'base64 is decoded whatever the types are',
    {
      statusCode: 200,
      body: 'Ynl0ZXM=',
      isBase64Encoded: true,
    },
    { status: 200, body: 'bytes' },
  ),
  returning(
    'what is no base64',
    { statusCode: 200, body: '!', isBase64Encoded: true },
    serverError,
  ),
  returning('a statusCode that is none', { statusCode: 'test' }, serverError),
  returning('no JSON', Buffer.from('<html>'), serverError),
  returning('headers that are a list', { statusCode: 200, headers: ['a'] }, serverError),
  returning('a statusCode is needed', { body: 'x' }, serverError, '1.0'),
  returning('a string is malformed', 'x', serverError, '1.0'),
  returning(
    'unknown keys do not matter, multi values count',
    { statusCode: 200, other: 1, multiValueHeaders: { 'X-Two': ['a', 'b'] } },
    { status: 200, headers: { 'X-Two': 'a, b' } },
    '1.0',
  ),
  returning(
    'an error of the function',
    new FunctionFailure({
      is: 'function-error',
      payload: Buffer.from('{"errorMessage":"no"}'),
      errorType: 'Error',
    }),
    serverError,
  ),
  returning(
    'a throttled function: 503',
    new FunctionFailure({ is: 'refused', reason: 'ConcurrentInvocationLimitExceeded' }),
    { status: 503, body: { message: 'Service Unavailable' } },
  ),
  {
    sheet: 'a function that is not there: 500',
    api: httpApi({ $default: 'nobody' }),
    request: { target: '/' },
    ...serverError,
  },
  {
    sheet: 'what is not emulated says so with 501',
    api: httpApi({ $default: { is: 'not-emulated', reason: 'authorizers are not emulated' } }),
    request: { target: '/' },
    status: 501,
    body: { message: 'authorizers are not emulated' },
  },
  {
    sheet: 'a body of more than 10 MB: 413',
    api: httpApi({ $default: 'echo' }),
    request: { method: 'POST', target: '/', body: Buffer.alloc(10_485_761, 'x') },
    status: 413,
    body: { message: 'Request Entity Too Large' },
  },
])

t.test('§2 each cookie is a set-cookie of its own', async (t) => {
  const stage = await openGateway(t, {
    apis: [httpApi({ $default: 'answer' })],
    functions: { answer: () => ({ statusCode: 200, cookies: ['a=1; Path=/', 'b=2'] }) },
  })
  const { headers } = await stage.send({})
  t.same(
    headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value),
    ['a=1; Path=/', 'b=2'],
  )
})

t.test('§2 request line and headers of 10,240 bytes are served, one more is not', async (t) => {
  const stage = await openGateway(t, {
    apis: [httpApi({ $default: 'answer' })],
    functions: { answer: () => ({}) },
  })
  const head = (fill: number) =>
    `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nFill: ${'x'.repeat(fill)}\r\n`
  const most = 10_240 - head(0).length
  t.equal((await stage.send(`${head(most)}\r\n`)).status, 200)
  t.equal((await stage.send(`${head(most + 1)}\r\n`)).status, 431)
})

t.test('§2 a function that takes 30 s is answered with 503, and goes on', async (t) => {
  let finish = (_: unknown) => {}
  const done = new Promise((resolve) => {
    finish = resolve
  })
  const stage = await openGateway(t, {
    apis: [httpApi({ $default: 'slow' })],
    functions: { slow: () => done },
  })
  const arrived = stage.nextEvent()
  const sent = stage.send({})
  await arrived
  await stage.clock.advance(29_999)
  t.same(stage.ended(), [], 'not a millisecond earlier')
  await stage.clock.advance(1)
  const reply = await sent
  t.equal(reply.status, 503)
  t.same(JSON.parse(reply.text), { message: 'Service Unavailable' })
  finish({})
  await done
  t.equal(stage.ended().length, 1)
})

const cors: HttpCors = {
  allowCredentials: true,
  allowHeaders: ['content-type', 'authorization'],
  allowMethods: ['GET', 'POST'],
  allowOrigins: ['https://shop.example'],
  exposeHeaders: ['x-total'],
  maxAgeSeconds: 600,
}
const preflight = (origin: string) => ({
  method: 'OPTIONS',
  target: '/anything',
  headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
})
const own: Readonly<Record<string, Behaviour>> = {
  answer: () => ({
    statusCode: 200,
    headers: { 'Access-Control-Allow-Origin': 'https://other.example', 'X-Own': 'y' },
  }),
}

rows([
  {
    sheet: 'CORS: the gateway answers a preflight, even one that no route takes',
    api: httpApi({}, { cors }),
    request: preflight('https://shop.example'),
    status: 204,
    body: '',
    headers: {
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,POST',
      'access-control-allow-headers': 'content-type,authorization',
      'access-control-max-age': '600',
      'content-length': undefined,
    },
  },
  {
    sheet: 'CORS: an origin that is not allowed gets no CORS header',
    api: httpApi({}, { cors }),
    request: preflight('https://evil.example'),
    status: 204,
    headers: {
      'access-control-allow-origin': undefined,
      'access-control-allow-methods': undefined,
    },
  },
  {
    sheet: 'CORS: a star is a star without credentials',
    api: httpApi({}, { cors: { ...cors, allowOrigins: ['*'], allowCredentials: false } }),
    request: preflight('https://any.example'),
    status: 204,
    headers: { 'access-control-allow-origin': '*', 'access-control-allow-credentials': undefined },
  },
  {
    sheet: 'CORS: every origin of a scheme',
    api: httpApi({}, { cors: { ...cors, allowOrigins: ['https://*'] } }),
    request: preflight('https://any.example'),
    status: 204,
    headers: { 'access-control-allow-origin': 'https://any.example' },
  },
  {
    sheet: 'CORS: headers of the function are replaced',
    api: httpApi({ $default: 'answer' }, { cors }),
    functions: own,
    request: { headers: { Origin: 'https://shop.example' } },
    status: 200,
    headers: {
      'access-control-allow-origin': 'https://shop.example',
      'access-control-expose-headers': 'x-total',
      'X-Own': 'y',
    },
  },
  {
    sheet: 'CORS: and taken away when the origin is not allowed',
    api: httpApi({ $default: 'answer' }, { cors }),
    functions: own,
    request: { headers: { Origin: 'https://other.example' } },
    status: 200,
    headers: { 'access-control-allow-origin': undefined, 'X-Own': 'y' },
  },
  {
    sheet: 'CORS: without a configuration the headers of the function stand, and nothing is added',
    api: httpApi({ $default: 'answer' }),
    functions: own,
    request: { headers: { Origin: 'https://shop.example' } },
    status: 200,
    headers: { 'access-control-allow-origin': 'https://other.example', vary: undefined },
  },
  {
    sheet: 'CORS: without a configuration a preflight is a request like any other',
    api: httpApi({ 'GET /anything': 'echo' }),
    request: preflight('https://shop.example'),
    ...notFound,
  },
  {
    sheet: 'CORS: without a configuration a $default route gets the preflight',
    api: httpApi({ $default: 'echo' }),
    request: preflight('https://shop.example'),
    status: 200,
    event: { routeKey: '$default', 'requestContext.http.method': 'OPTIONS' },
  },
])
