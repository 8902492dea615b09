// Which heads have exactly one reading, and that no part of one is taken for something else.

import t from 'tap'
import { type KnownHeaders, readHead } from '../../../src/http/fast/head.js'

const host = 'Host: 127.0.0.1:61000'
const next = '/2018-06-01/runtime/invocation/next'
const response = '/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response'

const read = (text: string) => readHead(Buffer.from(text, 'latin1'), 0, {})
const get = (...lines: string[]) => [`GET ${next} HTTP/1.1`, host, ...lines, '', ''].join('\r\n')
const post = (...lines: string[]) =>
  [`POST ${response} HTTP/1.1`, host, ...lines, '', ''].join('\r\n')

const ordinary: Readonly<Record<string, string>> = {
  'the native client of Node, asking': get('User-Agent: AWS_Lambda_Cpp/0.2.8', 'Accept: */*'),
  'the native client of Node, answering': post(
    'User-Agent: AWS_Lambda_Cpp/0.2.8',
    'Accept: */*',
    'content-type: application/json',
    'content-length: 4',
  ),
  'the client of Go': get('User-Agent: aws-lambda-go/go1.26-1.50.0', 'Accept-Encoding: gzip'),
  'the client of Java': post(
    'Content-Type: application/json',
    'Accept: text/html, image/gif, image/jpeg, */*; q=0.2',
    'Connection: keep-alive',
    'Content-Length: 0',
  ),
  'a client in Rust': get(
    'user-agent: aws-lambda-rust/0.1',
    'x-empty:',
    'x-blank: \t ',
    'x-utf: Ã©',
  ),
}

t.test('the requests of the official clients are ordinary, cut anywhere', async (t) => {
  for (const [name, text] of Object.entries(ordinary)) {
    const head = read(text)
    t.match(head, { end: text.length }, name)
    for (let length = 0; length < text.length; length += 1) {
      const reading = read(text.slice(0, length))
      if (reading !== 'incomplete') t.equal(reading, 'incomplete', `${name}, ${length} bytes`)
    }
  }
})

t.test('an ordinary head is read as node:http reads it', async (t) => {
  const text = post('Content-Length: 12', 'X-Cause: \t a  b\xe9\t ', 'X-None:')
  t.same(readHead(Buffer.from(`before${text}after`, 'latin1'), 6, {}), {
    method: 'POST',
    url: response,
    headers: {
      host: '127.0.0.1:61000',
      'content-length': '12',
      'x-cause': 'a  b\xe9',
      'x-none': '',
    },
    bodyBytes: 12,
    end: 6 + text.length,
  })
})

t.test('what was read before does not change what is read', async (t) => {
  const known: KnownHeaders = {}
  const texts = [
    get('Accept: */*'),
    post('Content-Length: 4'),
    get('Accept: */*'),
    post('Content-Length: 44'),
    post('Content-Length: 44'),
    get('Content-Length: 4'),
    post('Accept: */*'),
    get('Accept: */*', 'Accept: */*'),
    get('Accept: */* '),
    post('Content-Length: 4'),
  ]
  for (const text of texts) t.same(readHead(Buffer.from(text), 0, known), read(text), text)
})

/** Each is left to node:http, and no later than with its last byte. */
const doubtful: Readonly<Record<string, string>> = {
  'no HTTP': 'hello\r\n\r\n',
  'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00',
  'an empty line first': `\r\n${get()}`,
  'a bare LF after the request line': `GET ${next} HTTP/1.1\n${host}\r\n\r\n`,
  'a bare LF after a header': `GET ${next} HTTP/1.1\r\n${host}\nX: y\r\n\r\n`,
  'a bare LF at the end': `GET ${next} HTTP/1.1\r\n${host}\r\n\n`,
  'a bare CR in a header': get('X: a\rb'),
  'a bare CR after a header': `GET ${next} HTTP/1.1\r\n${host}\rX: y\r\n\r\n`,
  'HTTP/1.0': `GET ${next} HTTP/1.0\r\n${host}\r\n\r\n`,
  'HTTP/0.9': `GET ${next}\r\n\r\n`,
  'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'another method': `PUT ${next} HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\n\r\n`,
  'a method in lower case': `get ${next} HTTP/1.1\r\n${host}\r\n\r\n`,
  'two spaces before the URL': `GET  ${next} HTTP/1.1\r\n${host}\r\n\r\n`,
  'two spaces after the URL': `GET ${next}  HTTP/1.1\r\n${host}\r\n\r\n`,
  'a tab after the method': `GET\t${next} HTTP/1.1\r\n${host}\r\n\r\n`,
  'a space at the end of the request line': `GET ${next} HTTP/1.1 \r\n${host}\r\n\r\n`,
  'an absolute URL': `GET http://127.0.0.1${next} HTTP/1.1\r\n${host}\r\n\r\n`,
  'bytes of UTF-8 in the URL': `GET /Ã© HTTP/1.1\r\n${host}\r\n\r\n`,
  'no header': `GET ${next} HTTP/1.1\r\n\r\n`,
  'no Host': `GET ${next} HTTP/1.1\r\nAccept: */*\r\n\r\n`,
  'an empty Host': `GET ${next} HTTP/1.1\r\nHost: \r\n\r\n`,
  'two Hosts': get('host: elsewhere'),
  'a header twice': get('X-A: 1', 'x-a: 2'),
  'a folded header': get('X-A: 1', ' 2'),
  'a header folded by a tab': get('X-A: 1', '\t2'),
  'a space before the colon': get('X-A : 1'),
  'no colon': get('X-A'),
  'no name': get(': 1'),
  'a name with a NUL': get('X\0A: 1'),
  'a value with a NUL': get('X-A: \0'),
  'a value with DEL': get('X-A: \x7f'),
  'a name with bytes of UTF-8': get('Ã©: 1'),
  'a name that every object answers to': get('constructor: 1'),
  'a body of GET': get('Content-Length: 0'),
  'POST without a length': post('Content-Type: application/json'),
  'two lengths': post('Content-Length: 4', 'Content-Length: 4'),
  'a list of lengths': post('Content-Length: 4, 4'),
  'a signed length': post('Content-Length: +4'),
  'a negative length': post('Content-Length: -4'),
  'a hexadecimal length': post('Content-Length: 0x4'),
  'a length with zeros before it': post('Content-Length: 04'),
  'a length with a fraction': post('Content-Length: 4.0'),
  'an empty length': post('Content-Length:'),
  'a length after a tab': post('Content-Length:\t4'),
  'a length and blanks': post('Content-Length: 4 '),
  'a length without end': post(`Content-Length: ${'9'.repeat(10)}`),
  'a length and chunks': post('Content-Length: 4', 'Transfer-Encoding: chunked'),
  chunks: post('Transfer-Encoding: chunked'),
  'chunks by another name': post('Content-Length: 4', 'TRANSFER-ENCODING : chunked'),
  trailers: post('Content-Length: 4', 'Trailer: X'),
  Expect: post('Content-Length: 4', 'Expect: 100-continue'),
  Upgrade: get('Upgrade: websocket', 'Connection: Upgrade'),
  'HTTP/2 by upgrade': get('HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'),
  'the end of the connection': get('Connection: close'),
  'a list of Connection': get('Connection: keep-alive, x-a'),
  'Connection by another name': get('Proxy-Connection: close'),
  'too many headers': get(...Array.from({ length: 60 }, (_, index) => `X-${index}: y`)),
}

t.test('whatever has another reading, or none, is left to node:http', async (t) => {
  for (const [name, text] of Object.entries(doubtful)) t.equal(read(text), 'doubtful', name)
})

t.test('what cannot become a head any more is left to node:http before it ends', async (t) => {
  const begun = [': ', ' X', 'X-A ', 'X-A: \n', 'Content-Length: x', 'Host: b', 'Upgrade:', 'X\r']
  for (const line of begun) t.equal(read(`${get().slice(0, -2)}${line}`), 'doubtful', line)
  for (const line of ['G ET', 'GET a', 'POST  /', 'GET / HTTP/2', 'GET / HTTP/1.1\n', 'PUT', ' '])
    t.equal(read(line), 'doubtful', line)
})

t.test('a doubt stays, and no piece of a doubtful head is a head', async (t) => {
  for (const [name, text] of Object.entries(doubtful)) {
    let doubted = false
    for (let length = 0; length <= text.length; length += 1) {
      const reading = read(text.slice(0, length))
      if (typeof reading === 'object') t.fail(`${name}: a head after ${length} bytes`)
      if (doubted && reading !== 'doubtful') t.fail(`${name}: certain after ${length} bytes`)
      doubted = reading === 'doubtful'
    }
    t.ok(doubted, name)
  }
})

t.test('a head of 200,000 blanks or colons is read in linear time', async (t) => {
  for (const fill of [' ', ':', '\t', 'a: ', '\\']) {
    const value = fill.repeat(200_000 / fill.length)
    const from = process.cpuUsage()
    for (let time = 0; time < 5; time += 1) {
      t.equal(typeof read(get(`X-A: ${value}x`)), 'object')
      t.equal(read(get(`X-A: ${value}`).slice(0, -4)), 'incomplete')
    }
    const { user } = process.cpuUsage(from)
    t.ok(user < 1_000_000, `${user} µs of CPU for ten heads`)
  }
})
