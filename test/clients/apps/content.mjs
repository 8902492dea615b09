// What the Node.js applications answer with: one table of contents and of response headers, the same in content.py.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Every byte there is, again and again. */
export const allBytes = (length) => Buffer.from(Array.from({ length }, (_, index) => index % 256))

const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), allBytes(300)])
const packed = gzipSync(JSON.stringify({ packed: 'ä'.repeat(200) }))

/** By kind: the media type, the bytes and perhaps a content encoding. */
export const contents = {
  json: ['application/json', Buffer.from('{"text":"grüße","list":[1,2.5,null]}')],
  problem: ['application/problem+json', Buffer.from('{"title":"none"}')],
  html: ['text/html; charset=utf-8', Buffer.from('<!doctype html><p>grüße &amp; 漢字</p>')],
  text: ['text/plain; charset=utf-8', Buffer.from('plain – with\r\nlines\n')],
  latin: ['text/plain; charset=iso-8859-1', Buffer.from('gr\xfc\xdfe', 'latin1')],
  csv: ['text/csv', Buffer.from('a;b\r\n1;"ü"\r\n')],
  css: ['text/css', Buffer.from('p{content:"→"}')],
  script: ['text/javascript', Buffer.from('export const a = "\\u2028"')],
  xml: ['application/xml', Buffer.from('<?xml version="1.0"?><a>ü</a>')],
  svg: ['image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  png: ['image/png', png],
  pdf: ['application/pdf', Buffer.concat([Buffer.from('%PDF-1.7\n'), allBytes(256)])],
  zip: ['application/zip', Buffer.concat([Buffer.from('PK\x03\x04'), allBytes(256)])],
  font: ['font/woff2', allBytes(256)],
  octets: ['application/octet-stream', allBytes(1024)],
  wasm: ['application/wasm', Buffer.concat([Buffer.from('\0asm'), allBytes(256)])],
  protobuf: ['application/x-protobuf', allBytes(256)],
  gzip: ['application/json', packed, 'gzip'],
  empty: ['text/plain; charset=utf-8', Buffer.alloc(0)],
}

/** By name: headers of an answer, a list for those that come more than once. */
export const headerSets = {
  cache: { 'cache-control': 'public, max-age=60', expires: 'Thu, 01 Jan 2037 00:00:00 GMT' },
  many: { 'x-many': ['one', 'two'], vary: ['accept', 'origin'] },
  case: { 'X-Mixed-CASE': 'Value', 'x-lower': 'lower' },
  spaces: { 'x-spaces': 'a  b', 'x-empty': '' },
  punctuation: { 'x-punctuation': '"a, b"; c=\'d\' \\ {e} <f>' },
  long: { 'x-long': 'v'.repeat(4_000) },
  links: { link: '</a>; rel=preload, </b>; rel=next' },
  security: {
    'strict-transport-security': 'max-age=1',
    'content-security-policy': "default-src 'self'",
  },
  authenticate: { 'www-authenticate': 'Basic realm="here"' },
  download: { 'content-disposition': 'attachment; filename="a b.txt"; filename*=UTF-8\'\'%C3%BC' },
  language: { 'content-language': 'de, en', 'content-location': '/headers/here' },
  origins: { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'x-one' },
  server: { server: 'own/1.0', via: '1.1 own' },
  dated: {
    date: 'Tue, 15 Nov 1994 08:12:31 GMT',
    'last-modified': 'Mon, 14 Nov 1994 08:12:31 GMT',
  },
  retry: { 'retry-after': '120', 'x-ratelimit-remaining': '0' },
}

export const cookies = [
  'first=1; Path=/; HttpOnly',
  'second=a%20b; Expires=Thu, 01 Jan 2037 00:00:00 GMT; SameSite=Lax',
  'gone=; Max-Age=0',
]

export const entityTag = '"version-1"'
export const lastModified = 'Mon, 14 Nov 1994 08:12:31 GMT'

/** A body as an echo shows it: small ones whole. */
export const shownBody = (bytes) =>
  bytes.length <= 2048
    ? { length: bytes.length, base64: bytes.toString('base64') }
    : { length: bytes.length, sha256: digest(bytes) }

export const hasNoBody = (status) => status === 204 || status === 205 || status === 304
