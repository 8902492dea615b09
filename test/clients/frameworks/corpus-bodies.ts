// Requests about bodies: what they are made of, how they are told and how they are sent.

import { gzipSync } from 'node:zlib'
import type { CorpusRequest } from './corpus.js'

const every = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))
const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const text = 'text/plain'
const octets = 'application/octet-stream'

type Sent = readonly [what: string, target: string, type: string | undefined, body: Buffer | string]

const plain: readonly Sent[] = [
  ['JSON', '/json', json, '{"a":1,"b":["ü",null],"c":{"d":1.50}}'],
  ['JSON with a charset', '/json', `${json}; charset=utf-8`, '{"a":"ü"}'],
  ['JSON that is a list', '/json', json, '[1,2,3]'],
  ['JSON that is a text', '/json', json, '"alone"'],
  ['JSON that is null', '/json', json, 'null'],
  ['JSON with escapes', '/json', json, '{"a":"\\u00fc\\ud83c\\udf89\\n"}'],
  ['JSON with space around', '/json', json, ' \r\n {"a": 1}\n'],
  ['JSON with a name twice', '/json', json, '{"a":1,"a":2}'],
  ['JSON of 100 KB', '/json', json, JSON.stringify({ a: 'x'.repeat(100_000) })],
  ['JSON that is none', '/json', json, '{"a":'],
  ['JSON that is empty', '/json', json, ''],
  ['JSON told as text', '/json', text, '{"a":1}'],
  ['JSON told as nothing', '/json', undefined, '{"a":1}'],
  ['JSON of a vendor', '/json', 'application/vnd.api+json', '{"a":1}'],
  ['a form', '/form', form, 'a=1&b=2'],
  ['a form with a repeated field', '/form', form, 'a=1&b=2&a=3'],
  ['a form with plus and percent', '/form', form, 'a=b+c&d=e%2Bf%26g'],
  ['a form with UTF-8', '/form', form, 'a=gr%C3%BC%C3%9Fe'],
  ['a form with an empty field', '/form', form, 'a=&b'],
  ['a form that is empty', '/form', form, ''],
  ['text', '/text', text, 'just text'],
  ['text in UTF-8', '/text', `${text}; charset=utf-8`, 'grüße 漢字 🎉'],
  ['text with line ends', '/text', text, 'a\r\nb\nc\r'],
  ['XML to mirror', '/mirror', 'application/xml', '<a b="ü"/>'],
  ['HTML to mirror', '/mirror', 'text/html; charset=utf-8', '<p>ü</p>'],
  [
    'Latin 1 to mirror',
    '/mirror',
    `${text}; charset=iso-8859-1`,
    Buffer.from('gr\xfc\xdfe', 'latin1'),
  ],
  ['UTF-16 to mirror', '/mirror', `${text}; charset=utf-16le`, Buffer.from('grüße', 'utf16le')],
  ['a byte order mark to mirror', '/mirror', text, '\ufefftext'],
  ['a NUL to mirror', '/mirror', text, 'a\0b'],
  ['every byte as octets', '/mirror', octets, every],
  ['every byte as an image', '/mirror', 'image/png', every],
  ['every byte as text', '/mirror', text, every],
  ['every byte as JSON', '/mirror', json, every],
  ['every byte as nothing', '/mirror', undefined, every],
  ['text as octets', '/mirror', octets, 'plain'],
  ['what looks like base64', '/mirror', text, 'aGVsbG8='],
  ['protobuf', '/mirror', 'application/x-protobuf', every.subarray(0, 100)],
  ['nothing to mirror', '/mirror', undefined, ''],
  ['nothing, told as text', '/mirror', text, ''],
  ['one byte', '/mirror', octets, '\0'],
  ['1 MB of octets', '/mirror', octets, Buffer.alloc(1024 * 1024, every)],
  ['1 MB of text', '/mirror', text, 'ü'.repeat(512 * 1024)],
  ['4 MB of octets', '/mirror', octets, Buffer.alloc(4 * 1024 * 1024, every)],
  ['7 MB of text', '/mirror', text, 'x'.repeat(7 * 1024 * 1024)],
  ['an echo of octets', '/echo', octets, every],
  ['an echo of text', '/echo/x?y=z', text, 'grüße'],
]

const boundary = 'corpus-boundary'

function multipart(...parts: readonly (readonly [head: string, body: Buffer | string])[]): Buffer {
  const pieces = parts.flatMap(([head, body]) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
    Buffer.from(body),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

const typed = `multipart/form-data; boundary=${boundary}`
const file = 'name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream'
const uploads: readonly Sent[] = [
  ['one field', '/upload', typed, multipart(['name="a"', 'one'])],
  ['two fields of one name', '/upload', typed, multipart(['name="a"', '1'], ['name="a"', '2'])],
  ['a field in UTF-8', '/upload', typed, multipart(['name="a"', 'grüße'])],
  ['a file of every byte', '/upload', typed, multipart([file, every])],
  ['a field and a file', '/upload', typed, multipart(['name="a"', 'x'], [file, every])],
  ['an empty file', '/upload', typed, multipart([file, ''])],
  ['a file of 1 MB', '/upload', typed, multipart([file, Buffer.alloc(1024 * 1024, every)])],
  ['no boundary', '/upload', 'multipart/form-data', multipart(['name="a"', 'one'])],
].map(([what, ...rest]) => [`upload with ${what}`, ...rest] as unknown as Sent)

const sent = ([what, target, type, body]: Sent): CorpusRequest => ({
  name: `body: ${what}`,
  method: 'POST',
  target,
  headers: type === undefined ? [] : [['Content-Type', type]],
  body: Buffer.from(body),
})

const packed = gzipSync(Buffer.from('{"packed":"ü"}'))

const special: readonly CorpusRequest[] = [
  {
    name: 'body: gzip to mirror',
    method: 'POST',
    target: '/mirror',
    headers: [
      ['Content-Type', octets],
      ['Content-Encoding', 'gzip'],
    ],
    body: packed,
  },
  {
    name: 'body: gzip of JSON',
    method: 'POST',
    target: '/json',
    headers: [
      ['Content-Type', json],
      ['Content-Encoding', 'gzip'],
    ],
    body: packed,
  },
  ...['PUT', 'PATCH', 'DELETE'].map((method) => ({
    name: `body: octets with ${method}`,
    method,
    target: '/mirror',
    headers: [['Content-Type', octets]] as const,
    body: every,
  })),
  {
    name: 'body: octets with GET',
    method: 'GET',
    target: '/mirror',
    headers: [['Content-Type', octets]],
    body: every,
  },
  {
    name: 'body: text in chunks',
    method: 'POST',
    target: '/mirror',
    headers: [['Content-Type', text]],
    body: Buffer.from('in three chunks of some bytes'),
    chunkBytes: 10,
  },
  {
    name: 'body: octets in chunks',
    method: 'POST',
    target: '/mirror',
    headers: [['Content-Type', octets]],
    body: Buffer.alloc(100_000, every),
    chunkBytes: 4_096,
  },
  {
    name: 'body: nothing in chunks',
    method: 'POST',
    target: '/mirror',
    headers: [['Content-Type', text]],
    body: Buffer.alloc(0),
    chunkBytes: 1,
  },
  {
    name: 'body: text that is expected',
    method: 'POST',
    target: '/mirror',
    headers: [
      ['Content-Type', text],
      ['Expect', '100-continue'],
    ],
    body: Buffer.from('expected'),
  },
]

export const bodyRequests: readonly CorpusRequest[] = [...plain, ...uploads]
  .map(sent)
  .concat(special)
