// The request guard: its table of cases, alone and before every route of a real server.

import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { createGuard, type GuardedHeaders } from '../../src/http/guard.js'
import { plainClient, startLambda } from '../aws/lambda-server.js'

interface Case {
  readonly name: string
  readonly passes: boolean
  readonly method?: string
  readonly headers: GuardedHeaders & Readonly<Record<string, string | undefined>>
}

const here = 'localhost:9001'

// Source: a table of attacks that local servers met: two legitimate callers and eleven attacks.
const cases: readonly Case[] = [
  { name: 'curl', passes: true, headers: { host: here, accept: '*/*' } },
  {
    name: 'an AWS SDK',
    passes: true,
    headers: {
      host: '127.0.0.1:9001',
      authorization: 'AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/lambda/aws4_request',
    },
  },
  {
    name: 'a text/plain post from any page',
    passes: false,
    method: 'POST',
    headers: {
      host: here,
      'content-type': 'text/plain',
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    },
  },
  {
    name: 'a form post of a browser without fetch metadata',
    passes: false,
    method: 'POST',
    headers: {
      host: here,
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://evil.example',
    },
  },
  {
    name: 'a sandboxed frame',
    passes: false,
    method: 'POST',
    headers: { host: here, origin: 'null' },
  },
  {
    name: 'a no-cors get without Origin',
    passes: false,
    headers: { host: here, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  },
  {
    name: 'a rebound name, post',
    passes: false,
    method: 'POST',
    headers: { host: 'evil.example:9001', 'sec-fetch-site': 'same-origin' },
  },
  {
    name: 'a rebound name, delete',
    passes: false,
    method: 'DELETE',
    headers: {
      host: 'evil.example:9001',
      origin: 'http://evil.example:9001',
      'sec-fetch-site': 'same-origin',
    },
  },
  {
    name: 'an origin that is an IP address',
    passes: false,
    method: 'POST',
    headers: { host: here, origin: 'http://192.168.1.7' },
  },
  { name: 'host 0.0.0.0', passes: false, headers: { host: '0.0.0.0:9001' } },
  {
    name: 'a name that only begins with localhost',
    passes: false,
    headers: { host: 'localhost.evil.example' },
  },
  {
    name: 'user information before another host',
    passes: false,
    headers: { host: 'localhost@evil.example' },
  },
  {
    name: 'a page served from another local port',
    passes: false,
    method: 'POST',
    headers: { host: here, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
  },
]

t.test('the guard alone decides each case of the table', (t) => {
  const guard = createGuard()
  for (const { name, passes, headers } of cases) t.equal(guard.check(headers).pass, passes, name)
  t.end()
})

t.test('Host: our names with any real port pass; everything else is refused', (t) => {
  const guard = createGuard({ hosts: ['Emu.Test'] })
  const good = [
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1',
    '127.0.0.1:65535',
    '[::1]',
    '[::1]:9001',
    'abc.localhost',
    'a.b-c.localhost:80',
    'emu.test',
    'emu.test:9001',
  ]
  const bad = [
    undefined,
    '',
    ':9001',
    'localhost:',
    'localhost:65536',
    'localhost:80a',
    'localhost:80:80',
    'localhost:-1',
    'localhost:123456',
    'localhost,evil',
    'localhost evil',
    '.localhost',
    'a..localhost',
    'evil@a.localhost',
    'notlocalhost',
    'xlocalhost',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    '127.1',
    '[::]',
    '::1',
    '[::ffff:127.0.0.1]',
    'localhost.',
    'localhost/',
    'sub.emu.test',
    '2130706433',
  ]
  for (const host of good) t.equal(guard.check({ host }).pass, true, host)
  for (const host of bad) t.equal(guard.check({ host }).pass, false, String(host))
  t.end()
})

t.test('a listed origin passes, exactly as listed, and only with a Host of ours', (t) => {
  const guard = createGuard({ origins: ['http://localhost:3000'] })
  t.equal(
    guard.check({ host: here, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' })
      .pass,
    true,
  )
  t.equal(guard.check({ host: here, origin: 'http://localhost:30001' }).pass, false)
  t.equal(guard.check({ host: here, origin: 'http://localhost:3000/' }).pass, false)
  t.equal(guard.check({ host: 'evil.example', origin: 'http://localhost:3000' }).pass, false)
  t.end()
})

t.test('where web pages are welcome only Host decides, and no header is added', (t) => {
  const guard = createGuard({ webPages: 'allow' })
  t.same(guard.responseHeaders, {})
  for (const { headers } of cases) {
    const ours = createGuard().check({ host: headers.host }).pass
    t.equal(guard.check(headers).pass, ours)
  }
  t.end()
})

function sent({ headers }: Case): Record<string, string> {
  const given = Object.entries(headers).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return Object.fromEntries(given)
}

t.test(
  'before every route, every attack gets 403, and no answer carries a CORS header',
  async (t) => {
    const { port, routes } = await startLambda(t)
    const send = plainClient(t, port)
    const places = [...routes, { method: 'POST', url: '/nowhere' }, { method: 'GET', url: '/%zz' }]
    t.equal(places.length, 91)
    for (const each of cases) {
      const wrong: string[] = []
      for (const { method, url } of places) {
        const response = await send({ method, path: url, headers: sent(each) })
        const guarded =
          response.headers['x-content-type-options'] === 'nosniff' &&
          response.headers['cross-origin-resource-policy'] === 'same-origin' &&
          !Object.keys(response.headers).some((name) => name.startsWith('access-control-'))
        if ((response.status === 403) === each.passes || !guarded)
          wrong.push(`${method} ${url} ${response.status}`)
      }
      t.same(wrong, [], each.name)
    }
  },
)

t.test('without the guard the same attacks reach the handler', async (t) => {
  const open = { check: () => ({ pass: true }) as const, responseHeaders: {} }
  const { port } = await startLambda(
    t,
    { ListFunctions: () => ({ Functions: [] }) },
    { guard: open },
  )
  const send = plainClient(t, port)
  for (const each of cases) {
    const response = await send({ path: '/2015-03-31/functions', headers: sent(each) })
    t.equal(response.status, 200, each.name)
  }
})

t.test('two Host headers are refused, whichever of them is ours', async (t) => {
  const { port } = await startLambda(t, { ListFunctions: () => ({ Functions: [] }) })
  for (const [first, second] of [
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
    ['localhost', 'localhost'],
  ]) {
    const socket = connect(port, '127.0.0.1')
    const head = `GET /2015-03-31/functions HTTP/1.1\r\nHost: ${first}\r\nHost: ${second}\r\n\r\n`
    socket.write(head)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    t.match(answer.toString('latin1'), /^HTTP\/1\.1 403 /, `${first}, ${second}`)
  }
})
