// Requests about what comes back: statuses, redirects, headers, cookies, media types, streams and errors.

import type { CorpusRequest } from './corpus.js'

const get = (name: string, target: string): CorpusRequest => ({
  name,
  method: 'GET',
  target,
  headers: [],
})

const statuses = [
  200, 201, 202, 203, 204, 205, 206, 301, 304, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413,
  415, 418, 422, 426, 429, 451, 500, 501, 502, 503, 504, 599,
]

const headerSets = [
  'cache',
  'many',
  'case',
  'spaces',
  'punctuation',
  'long',
  'links',
  'security',
  'authenticate',
  'download',
  'language',
  'origins',
  'server',
  'dated',
  'retry',
]

const kinds = [
  'json',
  'problem',
  'html',
  'text',
  'latin',
  'csv',
  'css',
  'script',
  'xml',
  'svg',
  'png',
  'pdf',
  'zip',
  'font',
  'octets',
  'wasm',
  'protobuf',
  'gzip',
  'empty',
]

const redirects: readonly CorpusRequest[] = [
  ['301 to a path', '/redirect/301?to=/items/1'],
  ['302 to a path', '/redirect/302?to=/echo'],
  ['303 to a path', '/redirect/303?to=/echo'],
  ['307 to a path', '/redirect/307?to=/echo'],
  ['308 to a path', '/redirect/308?to=/echo'],
  ['302 to another host', '/redirect/302?to=https://example.com/a?b=c%26d'],
  ['302 to a path with UTF-8', '/redirect/302?to=/gr%C3%BC%C3%9Fe'],
  ['302 to a relative path', '/redirect/302?to=next'],
].map(([what, target]) => get(`redirect: ${what}`, target as string))

export const responseRequests: readonly CorpusRequest[] = [
  ...statuses.map((status) => get(`status: ${status}`, `/status/${status}`)),
  ...[200, 204, 304, 404, 500].map((status) => ({
    name: `status: ${status} to HEAD`,
    method: 'HEAD',
    target: `/status/${status}`,
    headers: [],
  })),
  ...redirects,
  ...headerSets.map((name) => get(`answered header: ${name}`, `/headers/${name}`)),
  get('answered cookie: one', '/set-cookie'),
  get('answered cookie: three', '/set-cookies'),
  ...kinds.map((kind) => get(`content: ${kind}`, `/content/${kind}`)),
  ...['png', 'json', 'text', 'gzip'].map((kind) => ({
    name: `content: ${kind} for whom accepts images`,
    method: 'GET',
    target: `/content/${kind}`,
    headers: [['Accept', 'image/avif,image/webp,*/*;q=0.8']] as const,
  })),
  {
    name: 'content: JSON that is packed, to HEAD',
    method: 'HEAD',
    target: '/content/gzip',
    headers: [],
  },
  get('content: without a media type', '/untyped'),
  get('content: nothing at all', '/nothing'),
  get('content: no bytes', '/bytes/0'),
  get('content: one byte', '/bytes/1'),
  get('content: 1 MB', '/bytes/1048576'),
  get('content: 4 MB', '/bytes/4194304'),
  get('content: 7 MB', '/bytes/7340032'),
  get('stream: one chunk', '/stream/1'),
  get('stream: fifty chunks', '/stream/50'),
  get('stream: none', '/stream/0'),
  get('error: thrown', '/throw'),
  get('error: rejected', '/reject'),
  get('error: thrown with a status', '/throw-status'),
]
