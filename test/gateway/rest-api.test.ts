// REST APIs, one row for each line of the behaviour sheet (its section is the row's name), over real connections.

import t from 'tap'
import type { RestApi } from '../../src/domain/api.js'
import {
  type Behaviour,
  FunctionFailure,
  type GatewayEvent,
  lambda,
  openGateway,
  type Request,
  restApi,
} from './stage.js'

interface Row {
  readonly sheet: string
  readonly api: RestApi
  readonly functions?: Readonly<Record<string, Behaviour>>
  readonly request: Partial<Request>
  readonly status: number
  /** The whole body, as text or as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>
  /** Members of the event, by dotted path. */
  readonly event?: Readonly<Record<string, unknown>>
}

/** @throws for a path that leads nowhere, which is not the same as undefined at its end. */
function at(event: GatewayEvent, path: string): unknown {
  return path.split('.').reduce((value, name) => value[name], event)
}

function rows(title: string, table: readonly Row[]) {
  for (const row of table) {
    t.test(`${title} ${row.sheet}`, async (t) => {
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

const all = { ANY: lambda() }
const proxy = restApi({ '/{proxy+}': all })
const noRoute = {
  status: 403,
  body: { message: 'Missing Authentication Token' },
  headers: { 'x-amzn-ErrorType': 'MissingAuthenticationTokenException' },
} as const

const tree = restApi({
  '/{proxy+}': { ANY: lambda() },
  '/jobs': {},
  '/jobs/{op}': { GET: lambda() },
  '/cors_only': { OPTIONS: lambda() },
  '/{one}/fixed': { GET: lambda(), ANY: lambda() },
  '/a/{two}': { POST: lambda() },
})

rows('§1.1', [
  {
    sheet: 'the first segment is the stage; path is without it, requestContext.path with it',
    api: proxy,
    request: { target: '/Prod/a/b' },
    status: 200,
    event: { path: '/a/b', 'requestContext.path': '/Prod/a/b', 'requestContext.stage': 'Prod' },
  },
  {
    sheet: 'a second slash before the stage is taken away everywhere',
    api: restApi({ '/x': all }),
    request: { target: '//Prod/x' },
    status: 200,
    event: { path: '/x', 'requestContext.path': '/Prod/x' },
  },
  {
    sheet:
      'a second slash after the stage matches a literal resource; only requestContext.path keeps it',
    api: restApi({ '/x': all }),
    request: { target: '/Prod//x' },
    status: 200,
    event: { resource: '/x', path: '/x', 'requestContext.path': '/Prod//x' },
  },
  {
    sheet: 'a second slash after the stage matches a greedy resource just so',
    api: proxy,
    request: { target: '/Prod//x' },
    status: 200,
    event: { path: '/x', 'pathParameters.proxy': 'x', 'requestContext.path': '/Prod//x' },
  },
  {
    sheet: 'a slash at the end matches, and is trimmed from the greedy parameter alone',
    api: proxy,
    request: { target: '/Prod/proxy-value/' },
    status: 200,
    event: {
      path: '/proxy-value/',
      'pathParameters.proxy': 'proxy-value',
      'requestContext.path': '/Prod/proxy-value/',
    },
  },
  {
    sheet: 'a double slash inside the greedy part is kept',
    api: proxy,
    request: { target: '/Prod/proxy-value//double-slash' },
    status: 200,
    event: { 'pathParameters.proxy': 'proxy-value//double-slash' },
  },
  {
    sheet: 'the stage alone is the root resource',
    api: restApi({ '/': all }),
    request: { target: '/Prod' },
    status: 200,
    event: { resource: '/', path: '/', 'requestContext.path': '/Prod' },
  },
  {
    sheet: 'a literal segment comes before a parameter',
    api: restApi({ '/{id}': all, '/me': all, '/{proxy+}': all }),
    request: { target: '/Prod/me' },
    status: 200,
    event: { resource: '/me', pathParameters: null },
  },
  {
    sheet: 'a parameter comes before a greedy one',
    api: restApi({ '/{proxy+}': all, '/{id}': all }),
    request: { target: '/Prod/you' },
    status: 200,
    event: { resource: '/{id}', pathParameters: { id: 'you' } },
  },
  {
    sheet: 'the exact verb comes before ANY',
    api: restApi({ '/x': { ANY: lambda('wrong'), GET: lambda('echo') } }),
    request: { target: '/Prod/x' },
    status: 200,
    event: { resource: '/x' },
  },
  ...['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'].map((method) => ({
    sheet: `ANY takes ${method}`,
    api: restApi({ '/x': all }),
    request: { method, target: '/Prod/x' },
    status: 200,
    event: { httpMethod: method },
  })),
  {
    sheet: 'ANY takes no other verb',
    api: restApi({ '/x': all }),
    request: { method: 'PURGE', target: '/Prod/x' },
    ...noRoute,
  },
  {
    sheet: 'HEAD does not fall back to GET',
    api: restApi({ '/x': { GET: lambda() } }),
    request: { method: 'HEAD', target: '/Prod/x' },
    status: 403,
  },
  ...(
    [
      ['GET', '/jobs/reboot', '/jobs/{op}'],
      ['GET', '/jobs', '/{proxy+}'],
      ['POST', '/jobs/reboot', '/{proxy+}'],
      ['GET', '/cors_only', '/{proxy+}'],
      ['OPTIONS', '/cors_only', '/cors_only'],
      ['GET', '/a/fixed', '/{one}/fixed'],
      ['POST', '/a/fixed', '/a/{two}'],
    ] as const
  ).map(([method, path, resource]) => ({
    sheet: `a resource that lacks the verb does not stop the search: ${method} ${path}`,
    api: tree,
    request: { method, target: `/Prod${path}` },
    status: 200,
    event: { resource },
  })),
  {
    sheet: 'a greedy resource does not take its parent',
    api: restApi({ '/parent/{proxy+}': all }),
    request: { target: '/Prod/parent' },
    ...noRoute,
  },
  {
    sheet: 'a greedy resource does not take the root',
    api: proxy,
    request: { target: '/Prod/' },
    ...noRoute,
  },
  {
    sheet: 'no resource: 403 Missing Authentication Token',
    api: restApi({ '/x': all }),
    request: { target: '/Prod/y' },
    ...noRoute,
  },
  {
    sheet: 'a wrong verb: the same, never 405',
    api: restApi({ '/x': { GET: lambda() } }),
    request: { method: 'POST', target: '/Prod/x', body: '{}' },
    ...noRoute,
  },
  {
    sheet: 'an unknown stage: 403 Forbidden',
    api: proxy,
    request: { target: '/dev/x' },
    status: 403,
    body: { message: 'Forbidden' },
    headers: { 'x-amzn-ErrorType': 'ForbiddenException' },
  },
  {
    sheet: 'an unknown stage of an API that the host names: the same, with its request id',
    api: proxy,
    request: { target: '/dev/x', headers: { Host: 'a1b2c3d4e5.execute-api.localhost' } },
    status: 403,
    body: { message: 'Forbidden' },
    headers: { 'x-amzn-ErrorType': 'ForbiddenException', 'x-amzn-RequestId': /^[0-9a-f-]{36}$/ },
  },
  {
    sheet: 'a parameter must be a whole segment',
    api: restApi({ '/a{id}': all }),
    request: { target: '/Prod/abc' },
    ...noRoute,
  },
  {
    sheet: 'segments may hold the characters _ - . , :',
    api: restApi({ '/a_b-c.d,e:f': all }),
    request: { target: '/Prod/a_b-c.d,e:f' },
    status: 200,
    event: { resource: '/a_b-c.d,e:f' },
  },
  {
    sheet: 'a URL of 10,240 characters is served',
    api: proxy,
    request: { target: `/Prod/${'x'.repeat(10_234)}` },
    status: 200,
  },
  {
    sheet: 'a URL of 10,241 characters is not',
    api: proxy,
    request: { target: `/Prod/${'x'.repeat(10_235)}` },
    status: 414,
  },
  {
    sheet: 'header values of more than 10,240 bytes together are refused',
    api: proxy,
    request: { target: '/Prod/x', headers: { A: 'x'.repeat(5_120), B: 'x'.repeat(5_120) } },
    status: 431,
  },
  {
    sheet: 'X-HTTP-Method-Override changes the method',
    api: restApi({ '/x': { PUT: lambda() } }),
    request: { method: 'POST', target: '/Prod/x', headers: { 'X-HTTP-Method-Override': 'PUT' } },
    status: 200,
    event: { httpMethod: 'PUT', 'requestContext.httpMethod': 'PUT' },
  },
  {
    sheet: 'a semicolon separates parameters of a query',
    api: proxy,
    request: { target: '/Prod/x?a=1;b=2' },
    status: 200,
    event: { queryStringParameters: { a: '1', b: '2' } },
  },
])

const eventKeys = [
  'resource',
  'path',
  'httpMethod',
  'headers',
  'multiValueHeaders',
  'queryStringParameters',
  'multiValueQueryStringParameters',
  'pathParameters',
  'stageVariables',
  'requestContext',
  'body',
  'isBase64Encoded',
]
const contextKeys = [
  'accountId',
  'apiId',
  'deploymentId',
  'domainName',
  'domainPrefix',
  'extendedRequestId',
  'httpMethod',
  'identity',
  'path',
  'protocol',
  'requestId',
  'requestTime',
  'requestTimeEpoch',
  'resourceId',
  'resourcePath',
  'stage',
]
const identityKeys = [
  'accessKey',
  'accountId',
  'caller',
  'cognitoAuthenticationProvider',
  'cognitoAuthenticationType',
  'cognitoIdentityId',
  'cognitoIdentityPoolId',
  'principalOrgId',
  'sourceIp',
  'user',
  'userAgent',
  'userArn',
]

t.test('§1.2 the event has exactly the recorded keys, null where there is nothing', async (t) => {
  const stage = await openGateway(t, { apis: [restApi({ '/x': all })] })
  const reply = await stage.send({ target: '/Prod/x' })
  const [event] = stage.events
  t.same(Object.keys(event), eventKeys)
  t.same(Object.keys(event.requestContext), contextKeys)
  t.same(Object.keys(event.requestContext.identity), identityKeys)
  for (const key of [
    'queryStringParameters',
    'multiValueQueryStringParameters',
    'pathParameters',
    'stageVariables',
    'body',
  ]) {
    t.equal(event[key], null, key)
  }
  t.equal(event.isBase64Encoded, false)
  for (const key of identityKeys.filter((key) => key !== 'sourceIp')) {
    t.equal(event.requestContext.identity[key], null, key)
  }
  t.match(event.requestContext, {
    accountId: '123456789012',
    apiId: 'a1b2c3d4e5',
    deploymentId: /^[a-z0-9]{6}$/,
    domainName: `localhost:${stage.port}`,
    extendedRequestId: /^[A-Za-z0-9_-]{15}=$/,
    identity: { sourceIp: '127.0.0.1' },
    protocol: 'HTTP/1.1',
    requestId: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    requestTime: '21/Nov/2026:18:37:33 +0000',
    requestTimeEpoch: Date.UTC(2026, 10, 21, 18, 37, 33, 5),
    resourceId: /^[a-z0-9]{6}$/,
  })
  t.equal(reply.header('x-amzn-RequestId'), event.requestContext.requestId)
  t.equal(reply.header('x-amz-apigw-id'), event.requestContext.extendedRequestId)
})

t.test('§1.2 the same resource has the same id, another one has another', async (t) => {
  const stage = await openGateway(t, { apis: [restApi({ '/x': all, '/{id}': all })] })
  for (const target of ['/Prod/x', '/Prod/a', '/Prod/b']) await stage.send({ target })
  const [x, a, b] = stage.events.map((event) => event.requestContext.resourceId)
  t.not(x, a)
  t.equal(a, b)
})

const host = 'a1b2c3d4e5.execute-api.localhost:3000'

rows('§1.2', [
  {
    sheet: 'operationName is there when the method has one',
    api: restApi({ '/x': { GET: lambda('echo', { operationName: 'GetX' }) } }),
    request: { target: '/Prod/x' },
    status: 200,
    event: { 'requestContext.operationName': 'GetX' },
  },
  {
    sheet: 'stage variables, when the stage has some',
    api: restApi({ '/x': all }, { stageVariables: { table: 'orders' } }),
    request: { target: '/Prod/x' },
    status: 200,
    event: { stageVariables: { table: 'orders' } },
  },
  {
    sheet: 'domainName is the Host header, domainPrefix its first label',
    api: restApi({ '/x': all }),
    request: { target: '/Prod/x', headers: { Host: host } },
    status: 200,
    event: {
      'requestContext.domainName': host,
      'requestContext.domainPrefix': 'a1b2c3d4e5',
      'headers.Host': host,
    },
  },
  {
    sheet: 'of repeated values single maps keep the last, multi maps all in order',
    api: proxy,
    request: { target: '/Prod/x?category=electronics&category=books&other' },
    status: 200,
    event: {
      queryStringParameters: { category: 'books', other: '' },
      multiValueQueryStringParameters: { category: ['electronics', 'books'], other: [''] },
    },
  },
  {
    sheet: 'query values are decoded, a plus is a space',
    api: proxy,
    request: { target: '/Prod/x?plus=test+alias%40x&enc=test%2Balias&broken=%zz' },
    status: 200,
    event: {
      queryStringParameters: { plus: 'test alias@x', enc: 'test+alias', broken: '%zz' },
    },
  },
  {
    sheet: 'the path is not decoded anywhere',
    api: proxy,
    request: { target: '/Prod/user/test%2Balias/plus/test+alias' },
    status: 200,
    event: {
      path: '/user/test%2Balias/plus/test+alias',
      'requestContext.path': '/Prod/user/test%2Balias/plus/test+alias',
      'pathParameters.proxy': 'user/test%2Balias/plus/test+alias',
    },
  },
  {
    sheet: 'a single parameter is as sent',
    api: restApi({ '/items/{id}': all }),
    request: { target: '/Prod/items/a%20b%2Fc' },
    status: 200,
    event: { pathParameters: { id: 'a%20b%2Fc' } },
  },
  {
    sheet: 'resource and resourcePath hold the template',
    api: restApi({ '/accounts/{accountId}': all }),
    request: { target: '/Prod/accounts/7' },
    status: 200,
    event: {
      resource: '/accounts/{accountId}',
      'requestContext.resourcePath': '/accounts/{accountId}',
    },
  },
  {
    sheet: 'the body is the text that came; JSON is not parsed',
    api: proxy,
    request: {
      method: 'POST',
      target: '/Prod/x',
      headers: { 'Content-Type': 'application/json' },
      body: '{"a": 1, "ü": "€"}',
    },
    status: 200,
    event: { body: '{"a": 1, "ü": "€"}', isBase64Encoded: false },
  },
  ...(
    [
      ['image/png', ['image/png'], true],
      ['image/png', ['image/*'], true],
      ['IMAGE/PNG; q=1', ['image/png'], true],
      ['text/plain', ['*/*'], true],
      ['text/plain', ['image/*'], false],
      ['text/test', ['*/test'], false],
    ] as const
  ).map(([type, binaryMediaTypes, binary]) => ({
    sheet: `a body of ${type} with binary types ${binaryMediaTypes} is ${binary ? 'base64' : 'text'}`,
    api: restApi({ '/{proxy+}': all }, { binaryMediaTypes }),
    request: {
      method: 'POST',
      target: '/Prod/x',
      headers: { 'Content-Type': type },
      body: 'bytes',
    },
    status: 200,
    event: { body: binary ? 'Ynl0ZXM=' : 'bytes', isBase64Encoded: binary },
  })),
  {
    sheet:
      'header names keep the case of the client; repeated ones are told apart in the multi map',
    api: proxy,
    request: { target: '/Prod/x', headers: { 'x-Custom': 'one', 'X-CUSTOM': 'two', lower: 'a' } },
    status: 200,
    event: {
      'headers.x-Custom': 'two',
      'multiValueHeaders.x-Custom': ['one', 'two'],
      'headers.lower': 'a',
      'headers.X-CUSTOM': undefined,
    },
  },
  {
    sheet: 'forwarding and trace headers are always added',
    api: proxy,
    request: { target: '/Prod/x', headers: { 'x-forwarded-for': '10.1.2.3' } },
    status: 200,
    event: {
      'headers.X-Forwarded-For': '10.1.2.3, 127.0.0.1',
      'headers.X-Forwarded-Proto': 'http',
      'headers.x-forwarded-for': undefined,
    },
  },
  {
    sheet: 'connection headers are not delivered',
    api: proxy,
    request: {
      method: 'POST',
      target: '/Prod/x',
      body: 'x',
      headers: {
        'Content-MD5': 'a',
        'Max-Forwards': '1',
        'Proxy-Authenticate': 'a',
        Server: 'a',
        TE: 'trailers',
        Trailer: 'a',
        Upgrade: 'a',
        'WWW-Authenticate': 'a',
      },
    },
    status: 200,
    event: Object.fromEntries(
      [
        'Connection',
        'Content-Length',
        'Content-MD5',
        'Max-Forwards',
        'Proxy-Authenticate',
        'Server',
        'TE',
        'Trailer',
        'Upgrade',
        'WWW-Authenticate',
      ].map((name) => [`headers.${name}`, undefined]),
    ),
  },
  {
    sheet: 'these pass',
    api: proxy,
    request: {
      target: '/Prod/x',
      headers: Object.fromEntries(
        [
          'Accept-Encoding',
          'Authorization',
          'Content-Encoding',
          'Date',
          'Range',
          'Referer',
          'Via',
          'Pragma',
        ].map((name) => [name, `of ${name}`]),
      ),
    },
    status: 200,
    event: {
      'headers.Accept-Encoding': 'of Accept-Encoding',
      'headers.Authorization': 'of Authorization',
      'headers.Content-Encoding': 'of Content-Encoding',
      'headers.Date': 'of Date',
      'headers.Range': 'of Range',
      'headers.Referer': 'of Referer',
      'headers.Via': 'of Via',
      'headers.Pragma': 'of Pragma',
    },
  },
  {
    sheet: 'Authorization is dropped when it holds a signature',
    api: proxy,
    request: { target: '/Prod/x', headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=a/b' } },
    status: 200,
    event: { 'headers.Authorization': undefined },
  },
])

const answers = (answer: unknown): Readonly<Record<string, Behaviour>> => ({
  answer: () => answer,
})
const answering = restApi({ '/x': { ANY: lambda('answer') } })
const badGateway = {
  status: 502,
  body: { message: 'Internal server error' },
  headers: { 'x-amzn-ErrorType': 'InternalServerErrorException', 'X-Amzn-Trace-Id': undefined },
} as const

function returning(
  sheet: string,
  answer: unknown,
  expected: Pick<Row, 'status' | 'body' | 'headers'>,
  more: Partial<Row> = {},
): Row {
  return {
    sheet,
    api: answering,
    functions: answers(answer),
    request: { target: '/Prod/x' },
    ...expected,
    ...more,
  }
}

rows('§1.3', [
  returning(
    'a statusCode alone: no body, application/json',
    { statusCode: 200 },
    {
      status: 200,
      body: '',
      headers: { 'Content-Type': 'application/json', 'Content-Length': '0' },
    },
  ),
  returning(
    'no statusCode: 200',
    { headers: { a: 'b' } },
    {
      status: 200,
      body: '',
      headers: { a: 'b' },
    },
  ),
  returning('an empty object: 200', {}, { status: 200, body: '' }),
  returning('digits in a text are a status', { statusCode: '201' }, { status: 201 }),
  returning('any other text is none', { statusCode: 'test' }, badGateway),
  returning('half a status is none', { statusCode: 200.5 }, badGateway),
  returning('headers may be null', { statusCode: 200, headers: null }, { status: 200 }),
  returning(
    'true in a header is a text',
    { headers: { flag: true, count: 3 } },
    {
      status: 200,
      headers: { flag: 'true', count: '3' },
    },
  ),
  returning('an unknown key', { statusCode: 200, wrongValue: 1 }, badGateway),
  returning('a string', 'justAString', badGateway),
  returning('a list', [1], badGateway),
  returning('a number', 7, badGateway),
  returning('null', null, badGateway),
  returning('no JSON', Buffer.from('<html>'), badGateway),
  returning('a multi value that is no list', { multiValueHeaders: { a: 'b' } }, badGateway),
  returning(
    'one name in both maps: multi values first, in the letter case of the multi map',
    {
      headers: { 'x-two': 'value-solo' },
      multiValueHeaders: { 'X-Two': ['value-multi'] },
    },
    { status: 200, headers: { 'x-two': 'value-multi, value-solo' } },
  ),
  returning(
    'an error payload',
    new FunctionFailure({
      is: 'function-error',
      payload: Buffer.from('{"errorMessage":"no"}'),
      errorType: 'Error',
    }),
    badGateway,
  ),
  returning('a body that is an object', { body: { a: 1 } }, badGateway),
  returning('a header that HTTP cannot carry', { headers: { a: 'b\r\nc: d' } }, badGateway),
  returning('a header name that HTTP cannot carry', { headers: { 'a b': 'c' } }, badGateway),
  returning(
    'a throttled function: 500',
    new FunctionFailure({ is: 'refused', reason: 'ConcurrentInvocationLimitExceeded' }),
    { ...badGateway, status: 500 },
  ),
  {
    sheet: 'a function that is not there: 500',
    api: answering,
    request: { target: '/Prod/x' },
    ...badGateway,
    status: 500,
  },
  returning(
    'the type is application/json when none is returned',
    { body: 'x' },
    {
      status: 200,
      body: 'x',
      headers: { 'Content-Type': 'application/json' },
    },
  ),
  returning(
    'a returned type stands',
    { body: 'x', headers: { 'content-type': 'text/html' } },
    {
      status: 200,
      headers: { 'content-type': 'text/html' },
    },
  ),
  ...(
    [
      ['image/webp,image/png', ['image/png'], false],
      ['image/png,image/*', ['image/png'], true],
      ['image/png;q=0.5', ['image/png'], true],
      ['image/png', ['image/*'], true],
      [undefined, ['image/png'], false],
      ['text/test', ['*/test'], false],
      ['*/*', ['image/png'], false],
      ['text/html', ['*/*'], true],
      [undefined, ['*/*'], true],
    ] as const
  ).map(([accept, binaryMediaTypes, binary]) =>
    returning(
      `base64 with Accept ${accept} and binary types ${binaryMediaTypes} goes out ${binary ? 'as bytes' : 'as text'}`,
      { body: 'Ynl0ZXM=', isBase64Encoded: true, headers: { 'content-type': 'application/json' } },
      { status: 200, body: binary ? 'bytes' : 'Ynl0ZXM=' },
      {
        api: restApi({ '/x': { ANY: lambda('answer') } }, { binaryMediaTypes }),
        request: {
          target: '/Prod/x',
          ...(accept === undefined ? {} : { headers: { Accept: accept } }),
        },
      },
    ),
  ),
  returning(
    'text goes out as it is, whatever the client accepts',
    { body: 'Ynl0ZXM=' },
    {
      status: 200,
      body: 'Ynl0ZXM=',
    },
    {
      api: restApi({ '/x': { ANY: lambda('answer') } }, { binaryMediaTypes: ['*/*'] }),
      request: { target: '/Prod/x', headers: { Accept: 'image/png' } },
    },
  ),
  returning(
    'what cannot be decoded: 500',
    { body: 'no base64!', isBase64Encoded: true },
    {
      ...badGateway,
      status: 500,
    },
    {
      api: restApi({ '/x': { ANY: lambda('answer') } }, { binaryMediaTypes: ['*/*'] }),
    },
  ),
  returning(
    'headers of the connection go out under another name',
    {
      headers: {
        connection: 'a',
        'content-length': '99',
        date: 'yesterday',
        server: 'mine',
        'transfer-encoding': 'chunked',
        authorization: 'kept',
      },
    },
    {
      status: 200,
      headers: {
        'x-amzn-Remapped-Connection': 'a',
        'x-amzn-Remapped-Content-Length': '99',
        'x-amzn-Remapped-Date': 'yesterday',
        'x-amzn-Remapped-Server': 'mine',
        'transfer-encoding': undefined,
        'content-length': '0',
        server: undefined,
        authorization: 'kept',
      },
    },
  ),
  returning(
    "the gateway's own headers and those that would break the connection are dropped",
    {
      headers: {
        'X-Amzn-RequestId': 'mine',
        'X-Amzn-Trace-Id': 'mine',
        Trailer: 'a',
        'Keep-Alive': 'max=1',
      },
    },
    {
      status: 200,
      headers: {
        'x-amzn-requestid': /^[0-9a-f-]{36}$/,
        'x-amzn-trace-id': /^Root=1-[0-9a-f-]+;Parent=[0-9a-f]+;Sampled=0$/,
        trailer: undefined,
        'keep-alive': undefined,
      },
    },
  ),
  returning(
    'request ids and the trace are added',
    {},
    {
      status: 200,
      headers: {
        'x-amzn-RequestId': /^[0-9a-f-]{36}$/,
        'x-amz-apigw-id': /=$/,
        'X-Amzn-Trace-Id': /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
      },
    },
  ),
  returning(
    'the root of a trace is kept, and somebody who has a parent is sampled',
    {},
    {
      status: 200,
      headers: {
        'X-Amzn-Trace-Id':
          'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
      },
    },
    {
      request: {
        target: '/Prod/x',
        headers: {
          'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8',
        },
      },
    },
  ),
  {
    sheet: 'a mock answers its headers, without a trace',
    api: restApi({
      '/x': {
        OPTIONS: { is: 'mock', statusCode: 200, headers: { 'Access-Control-Allow-Origin': '*' } },
      },
    }),
    request: { method: 'OPTIONS', target: '/Prod/x' },
    status: 200,
    body: '{}\n',
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Content-Type': 'application/json',
      'X-Amzn-Trace-Id': undefined,
      'x-amzn-RequestId': /./,
    },
  },
  {
    sheet: 'what is not emulated says so with 501',
    api: restApi({ '/x': { GET: { is: 'not-emulated', reason: 'authorizers are not emulated' } } }),
    request: { target: '/Prod/x' },
    status: 501,
    body: { message: 'authorizers are not emulated' },
  },
])

const custom: RestApi = restApi(
  { '/x/{id}': { GET: lambda('fails') }, '/y': { GET: lambda('fails') } },
  {
    stageVariables: { color: 'red' },
    gatewayResponses: {
      DEFAULT_4XX: { headers: { 'Access-Control-Allow-Origin': "'*'" }, templates: {} },
      DEFAULT_5XX: {
        statusCode: 599,
        headers: {
          static: "'text'",
          fromHeader: 'method.request.header.X-In',
          fromPath: 'method.request.path.id',
          fromQuery: 'method.request.querystring.q',
          fromContext: 'context.httpMethod',
          fromStage: 'stageVariables.color',
          missing: 'method.request.header.Nowhere',
        },
        templates: {
          'application/json':
            // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of API Gateway.
            '{"m":$context.error.messageString,"t":"$context.error.responseType","s":"${stageVariables.color}","none":"$context.nothing","ip":"$context.identity.sourceIp"}',
          'text/plain': 'broken: $context.error.message.',
        },
      },
    },
  },
)
const fails: Readonly<Record<string, Behaviour>> = { fails: () => 'malformed' }

rows('§1.4', [
  {
    sheet:
      'a type without an entry takes the headers of DEFAULT_4XX, and keeps its own status and text',
    api: custom,
    request: { target: '/Prod/nowhere' },
    status: 403,
    body: { message: 'Missing Authentication Token' },
    headers: { 'Access-Control-Allow-Origin': '*' },
  },
  {
    sheet: 'status, headers from every source and the template of DEFAULT_5XX',
    api: custom,
    functions: fails,
    request: { target: '/Prod/x/7?q=a+b', headers: { 'X-In': 'in' } },
    status: 599,
    body: { m: 'Internal server error', t: 'DEFAULT_5XX', s: 'red', none: '', ip: '127.0.0.1' },
    headers: {
      static: 'text',
      fromHeader: 'in',
      fromPath: '7',
      fromQuery: 'a b',
      fromContext: 'GET',
      fromStage: 'red',
      missing: undefined,
      'x-amzn-ErrorType': 'InternalServerErrorException',
    },
  },
  {
    sheet: 'the template of the type that the client accepts',
    api: custom,
    functions: fails,
    request: { target: '/Prod/y', headers: { Accept: 'text/plain' } },
    status: 599,
    body: 'broken: Internal server error.',
    headers: { 'Content-Type': 'text/plain' },
  },
  {
    sheet: 'what a client sent cannot end a header',
    api: custom,
    functions: fails,
    request: { target: '/Prod/x/7?q=a%0d%0aSet-Cookie:%20b' },
    status: 599,
    headers: { fromQuery: undefined, 'Set-Cookie': undefined },
  },
  {
    sheet: 'an entry of the type comes before that of its class',
    api: restApi(
      {},
      {
        gatewayResponses: {
          MISSING_AUTHENTICATION_TOKEN: {
            statusCode: 404,
            headers: {},
            templates: { 'text/html': '<b>no</b>' },
          },
          DEFAULT_4XX: { statusCode: 418, headers: { other: "'x'" }, templates: {} },
        },
      },
    ),
    request: { target: '/Prod/nowhere' },
    status: 404,
    body: '<b>no</b>',
    headers: { other: undefined, 'Content-Type': 'text/html' },
  },
  {
    sheet: 'more than 10 MB: 413, which cannot be changed',
    api: restApi(
      { '/x': all },
      {
        gatewayResponses: { DEFAULT_4XX: { statusCode: 418, headers: {}, templates: {} } },
      },
    ),
    request: { method: 'POST', target: '/Prod/x', body: Buffer.alloc(10_485_761, 'x') },
    status: 413,
    body: { message: 'Request Too Long' },
  },
  {
    sheet: 'an event of more than 6 MB: 413',
    api: restApi({ '/x': all }),
    request: { method: 'POST', target: '/Prod/x', body: Buffer.alloc(6_291_456, 'x') },
    status: 413,
  },
])

const documentedStatus = `ACCESS_DENIED 403, API_CONFIGURATION_ERROR 500, AUTHORIZER_CONFIGURATION_ERROR 500,
AUTHORIZER_FAILURE 500, BAD_REQUEST_BODY 400, BAD_REQUEST_PARAMETERS 400, EXPIRED_TOKEN 403, INTEGRATION_FAILURE 504,
INTEGRATION_TIMEOUT 504, INVALID_API_KEY 403, INVALID_SIGNATURE 403, MISSING_AUTHENTICATION_TOKEN 403,
QUOTA_EXCEEDED 429, REQUEST_TOO_LARGE 413, RESOURCE_NOT_FOUND 404, THROTTLED 429, UNAUTHORIZED 401,
UNSUPPORTED_MEDIA_TYPE 415, WAF_FILTERED 403`

t.test('§1.4 every response type has its documented status', async (t) => {
  const { defaultStatus } = await import('../../src/gateway/rest-api/gateway-response.js')
  const { DEFAULT_4XX: _4, DEFAULT_5XX: _5, ...types } = defaultStatus
  const documented = documentedStatus.split(/,\s*/).map((row) => row.split(' '))
  t.same(types, Object.fromEntries(documented.map(([type, status]) => [type, Number(status)])))
})

for (const timeoutMs of [29_000, 50]) {
  t.test(
    `§1.1 §1.4 a function that takes ${timeoutMs} ms is answered with 504, and goes on`,
    async (t) => {
      let finish = (_: unknown) => {}
      const done = new Promise((resolve) => {
        finish = resolve
      })
      const stage = await openGateway(t, {
        apis: [restApi({ '/x': { GET: lambda('slow', { timeoutMs }) } })],
        functions: { slow: () => done },
      })
      const arrived = stage.nextEvent()
      const sent = stage.send({ target: '/Prod/x' })
      await arrived
      await stage.clock.advance(timeoutMs - 1)
      t.same(stage.ended(), [], 'not a millisecond earlier')
      await stage.clock.advance(1)
      const reply = await sent
      t.equal(reply.status, 504)
      t.same(JSON.parse(reply.text), { message: 'Endpoint request timed out' })
      t.equal(reply.header('x-amzn-ErrorType'), 'InternalServerErrorException')
      finish({ statusCode: 200 })
      await done
      t.equal(stage.ended().length, 1, "its late answer is nobody's")
    },
  )
}

t.test('a function that has answered leaves no timer behind', async (t) => {
  const stage = await openGateway(t, { apis: [restApi({ '/x': all })] })
  t.equal((await stage.send({ target: '/Prod/x' })).status, 200)
  t.equal((await stage.clock.advance(60_000)).timersFired, 0)
})
