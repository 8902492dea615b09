// Our server and node:http make the same of the same bytes, however they are cut, and whatever they try.

import fc from 'fast-check'
import t from 'tap'
import { cut, type Played, stage } from './server-play.js'

const host = 'Host: 127.0.0.1\r\n'
const get = (url: string, more = ''): string => `GET ${url} HTTP/1.1\r\n${host}${more}\r\n`
const post = (url: string, body: string, more = ''): string =>
  `POST ${url} HTTP/1.1\r\n${host}Content-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`
const chunked = (url: string, chunks: readonly string[], trailer = ''): string =>
  `POST ${url} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${[...chunks, '']
    .map(
      (chunk) =>
        `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk === '' ? trailer : `${chunk}\r\n`}`,
    )
    .join('')}\r\n`

/** Valid requests, the ordinary ones first. */
const requests: Readonly<Record<string, string>> = {
  get: get('/a'),
  'get, answered later': get('/later', 'Accept: */*\r\n'),
  post: post('/b', '{"a":1}', 'Content-Type: application/json\r\n'),
  'post, answered later': post('/later', 'x'),
  'an empty post': post('/c', ''),
  'a post that looks like requests': post('/d', `${get('/inside')}${post('/inside', 'y')}`),
  'a post whose body nobody reads': post('/unread', get('/inside')),
  'a body at the limit': post('/e', 'z'.repeat(1_000)),
  'a body over the limit': post('/f', 'z'.repeat(1_001)),
  'bytes of UTF-8 in a header': get('/g', 'X-Cause: {"message":"é ü"}\r\n'),
  'a chunked post': chunked('/h', ['one', 'two']),
  'a chunked post, answered later': chunked('/later', ['one']),
  trailers: chunked('/i', ['one'], 'Lambda-Runtime-Function-Error-Type: Error\r\n'),
  'an expectation': post('/j', 'expected', 'Expect: 100-continue\r\n'),
  'a header twice': get('/k', 'X-A: 1\r\nX-A: 2\r\n'),
  'an empty line before a request': `\r\n${get('/l')}`,
  'another method': 'DELETE /m HTTP/1.1\r\nHost: a\r\n\r\n',
  'a body of GET': get('/n', 'Content-Length: 1\r\n').concat('!'),
  'a query': get('/o?p=q'),
}

/** Valid requests that are the last on their connection: what node:http makes of more is its own. */
const lastRequests: Readonly<Record<string, string>> = {
  'the end of the connection': get('/p', 'Connection: close\r\n'),
  'HTTP/1.0': 'GET /q HTTP/1.0\r\n\r\n',
}

/** What comes after a request shows where it ended. */
const followed = [
  ...Object.entries(requests).map(([name, text]) => [name, `${text}${get('/after')}`] as const),
  ...Object.entries(lastRequests),
]

function isSame(ours: unknown, node: unknown): boolean {
  return JSON.stringify(ours) === JSON.stringify(node)
}

t.test('every request is the same to both, cut before each of its bytes', async (t) => {
  const [ours, node] = [await stage(t, 'ours'), await stage(t, 'node')]
  for (const [name, text] of followed) {
    const bytes = Buffer.from(text)
    const expected = await node.play([bytes])
    t.ok(expected.exchanges.length > 0, `${name} is a request`)
    t.same(await ours.play([bytes]), expected, name)
    for (let at = 1; at < Math.min(bytes.length, 400); at += 1) {
      const played = await ours.play(cut(bytes, [at]))
      if (!isSame(played, expected)) t.same(played, expected, `${name}, cut before byte ${at}`)
    }
  }
})

t.test('every request is the same to both, byte by byte', async (t) => {
  const [ours, node] = [await stage(t, 'ours'), await stage(t, 'node')]
  for (const [name, text] of followed) {
    const pieces = [...Buffer.from(text.slice(0, 500))].map((byte) => Buffer.of(byte))
    t.same(await ours.play(pieces), await node.play(pieces), name)
  }
})

t.test('sequences of requests, cut and cut off anywhere, are the same to both', async (t) => {
  const [ours, node] = [await stage(t, 'ours'), await stage(t, 'node')]
  const sequence = fc.array(fc.constantFrom(...Object.values(requests)), {
    maxLength: 6,
    minLength: 1,
  })
  const last = fc.constantFrom('', '', ...Object.values(lastRequests))
  const places = fc.array(fc.nat(3_000), { maxLength: 8 })
  const length = fc.option(fc.nat(2_000), { nil: Number.POSITIVE_INFINITY, freq: 2 })
  await fc.assert(
    fc.asyncProperty(sequence, last, places, length, async (texts, last, places, length) => {
      const bytes = Buffer.from([...texts, last].join('')).subarray(0, length)
      const pieces = cut(bytes, places)
      return isSame(await ours.play(pieces), await node.play(pieces))
    }),
    { numRuns: 200 },
  )
})

const ordinary = [get('/a', 'Accept: */*\r\n'), post('/b', '{"a":1}'), post('/c', '')]
const pieces = [
  ...'\r\n\r\n|\n|\r| |\t|:|\0|\x7f|é|0|7|,|;|chunked|GET |POST |/ HTTP/1.1|HTTP/1.0'.split('|'),
  'Content-Length: 3\r\n',
  'Content-Length : 3\r\n',
  'content-length:\t3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: x\r\nConnection: upgrade\r\n',
  '0\r\n\r\n',
]

/** What was presented, and whether more was expected: what is made of a body that came with its connection's end differs. */
function reading({ exchanges, closedFirst }: Played) {
  const heads = exchanges.map(({ method, url, headers }) => ({ method, url, headers }))
  return { heads, closedFirst }
}

t.test(
  'requests with anything put in, left out or doubled end where node:http ends them',
  async (t) => {
    const [ours, node] = [await stage(t, 'ours'), await stage(t, 'node')]
    const change = fc.record({
      at: fc.nat(400),
      without: fc.nat(6),
      put: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })),
    })
    const sequence = fc.array(fc.constantFrom(...ordinary), { maxLength: 4, minLength: 1 })
    const changes = fc.array(change, { maxLength: 3, minLength: 1 })
    await fc.assert(
      fc.asyncProperty(sequence, changes, fc.nat(400), async (texts, changes, place) => {
        let text = texts.join('')
        for (const { at, without, put } of changes) {
          const from = at % text.length
          text = text.slice(0, from) + put + text.slice(from + without)
        }
        const bytes = cut(Buffer.from(text), [place])
        return isSame(reading(await ours.play(bytes)), reading(await node.play(bytes)))
      }),
      { numRuns: 400 },
    )
  },
)

const inner = get('/smuggled')
const attack = (lines: string, body = inner): string =>
  `POST /a HTTP/1.1\r\n${host}${lines}\r\n${body}`
const long = Buffer.byteLength(inner)

/** Known ways to make two servers disagree about where a request ends. */
const smuggling: Readonly<Record<string, string>> = {
  'CL.TE': attack(
    `Content-Length: ${long + 5}\r\nTransfer-Encoding: chunked\r\n`,
    `0\r\n\r\n${inner}`,
  ),
  'TE.CL': attack(
    'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
    `5c\r\n${inner}\r\n0\r\n\r\n`,
  ),
  'TE.TE': attack('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n', `0\r\n\r\n${inner}`),
  'TE with a tab': attack('Transfer-Encoding:\tchunked\r\n', `0\r\n\r\n${inner}`),
  'TE with a space before its colon': attack(
    `Content-Length: ${long}\r\nTransfer-Encoding : chunked\r\n`,
  ),
  'TE with a vertical tab': attack(`Content-Length: ${long}\r\nTransfer-Encoding: \x0bchunked\r\n`),
  'TE folded': attack(`Content-Length: ${long}\r\nTransfer-Encoding:\r\n chunked\r\n`),
  'TE behind a bare CR': attack(`Content-Length: ${long}\r\nX: y\rTransfer-Encoding: chunked\r\n`),
  'TE behind a bare LF': attack(`Content-Length: ${long}\r\nX: y\nTransfer-Encoding: chunked\r\n`),
  'TE behind a NUL': attack(`Content-Length: ${long}\r\nX: y\0Transfer-Encoding: chunked\r\n`),
  'TE chunked twice': attack('Transfer-Encoding: chunked, chunked\r\n', `0\r\n\r\n${inner}`),
  'TE chunked not last': attack('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${inner}`),
  'two lengths, the first 0': attack(`Content-Length: 0\r\nContent-Length: ${long}\r\n`),
  'two lengths, the second 0': attack(`Content-Length: ${long}\r\nContent-Length: 0\r\n`),
  'two equal lengths': attack(`Content-Length: ${long}\r\nContent-Length: ${long}\r\n`),
  'a list of lengths': attack(`Content-Length: 0, ${long}\r\n`),
  'a signed length': attack(`Content-Length: +${long}\r\n`),
  'a negative length': attack('Content-Length: -1\r\n'),
  'a hexadecimal length': attack('Content-Length: 0x10\r\n'),
  'a length with zeros': attack(`Content-Length: 00${long}\r\n`),
  'a length with a blank inside': attack('Content-Length: 1 0\r\n'),
  'a length past 64 bits': attack('Content-Length: 18446744073709551617\r\n'),
  'a length folded': attack(`Content-Length:\r\n ${long}\r\n`),
  'a length with a space before its colon': attack(`Content-Length : ${long}\r\n`),
  'no length': attack(''),
  'a GET with a body': get('/a', `Content-Length: ${long}\r\n`).concat(inner),
  'a chunk size past 64 bits': attack('Transfer-Encoding: chunked\r\n', '10000000000000000\r\nx'),
  'a chunk size with a bare LF': attack('Transfer-Encoding: chunked\r\n', `1\nx\n0\n\n${inner}`),
  'a chunk extension': attack('Transfer-Encoding: chunked\r\n', `1;a=b\r\nx\r\n0\r\n\r\n${inner}`),
  'two Hosts': get('/a', 'Host: b\r\n').concat(inner),
  'no Host': `GET /a HTTP/1.1\r\n\r\n${inner}`,
  'an absolute URL': `GET http://b/ HTTP/1.1\r\n${host}\r\n${inner}`,
  'HTTP/1.0 with keep-alive': `GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${inner}`,
  'HTTP/1.2': `GET /a HTTP/1.2\r\n${host}\r\n${inner}`,
  CONNECT: `CONNECT a:1 HTTP/1.1\r\n${host}\r\n${inner}`,
  'an upgrade': get('/a', 'Connection: upgrade\r\nUpgrade: h2c\r\n').concat(inner),
  'a head that ends with bare LFs': `GET /a HTTP/1.1\nHost: a\n\n${inner}`,
  'a space before the first header': `GET /a HTTP/1.1\r\n ${host}\r\n${inner}`,
  garbage: 'garbage\r\n\r\n',
}

t.test(
  'nothing is smuggled: both read the same requests, and end the connection alike',
  async (t) => {
    const [ours, node] = [await stage(t, 'ours'), await stage(t, 'node')]
    for (const [name, text] of Object.entries(smuggling)) {
      const rows = { alone: [text], 'after a request': [get('/first'), text], cut: [...text] }
      for (const [how, texts] of Object.entries(rows)) {
        const bytes = texts.map((each) => Buffer.from(each, 'latin1'))
        t.same(await ours.play(bytes), await node.play(bytes), `${name}, ${how}`)
      }
      const together = [Buffer.from(`${post('/first', 'x')}${text}`, 'latin1')]
      t.same(
        reading(await ours.play(together)),
        reading(await node.play(together)),
        `${name}, together`,
      )
    }
  },
)
