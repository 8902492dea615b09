// From a request on a connection to plain data, and back: the only files of the gateway that know node:http are this and the door.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GatewayAnswer, Header, RequestBody, RequestHead } from './exchange.js'
import { isHeader, utf8Bytes } from './header-form.js'

/** Largest body. Source: API Gateway guide, quotas: 10 MB for REST and HTTP APIs. */
export const bodyBytesMax = 10_485_760

/** `target` as the client sent it: a path, or a whole URL as a proxy would get it. */
export function requestHead(
  request: IncomingMessage,
  target: string,
  receivedAtMs: number,
): RequestHead {
  const origin = originForm(target)
  const mark = origin.indexOf('?')
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? origin : origin.slice(0, mark),
    query: mark < 0 ? '' : origin.slice(mark + 1),
    headers: headerPairs(request.rawHeaders),
    host: request.headers.host ?? '',
    sourceIp: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    port: request.socket.localPort ?? 0,
    receivedAtMs: Math.floor(receivedAtMs),
  }
}

function originForm(target: string): string {
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(target) ?? []
  const path = rest ?? target
  return path.startsWith('/') ? path : `/${path}`
}

function headerPairs(raw: readonly string[]): readonly Header[] {
  const pairs: Header[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([raw[index] ?? '', raw[index + 1] ?? ''])
  }
  return pairs
}

/** The whole body. What comes after a body that is too large is left to the server, which throws it away. */
export function readBody(request: IncomingMessage): Promise<RequestBody> {
  return new Promise((resolve) => {
    if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) return resolve('too-large')
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bodyBytesMax) chunks.push(chunk)
      else end('too-large')
    }
    const end = (body: RequestBody) => {
      request.off('data', onData)
      resolve(body)
    }
    request.on('data', onData)
    request.once('end', () => end(Buffer.concat(chunks)))
    // Comes after `end` too; then nobody listens any more.
    request.once('close', () => end('gone'))
    request.once('error', () => end('gone'))
  })
}

/** The connection's own business, whoever asks for it. */
const writtenByUs: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
])

/** Nothing for what HTTP has no form for: neither a client nor a template can end a header, or stop the emulator. */
function sendable([name, value]: Header): readonly string[] {
  if (writtenByUs.has(name.toLowerCase())) return []
  if (isHeader(name, value)) return [name, value]
  const bytes = utf8Bytes(value)
  return isHeader(name, bytes) ? [name, bytes] : []
}

/** Writes an answer with its headers in order and in their letter case. To a client that is gone: nothing. */
export function writeAnswer(response: ServerResponse, answer: GatewayAnswer): void {
  if (response.destroyed) return
  const headers = answer.headers.flatMap(sendable)
  const bodiless = answer.status === 204 || answer.status === 304
  if (!bodiless) headers.push('Content-Length', String(answer.body.length))
  response.writeHead(answer.status, headers)
  response.end(bodiless ? undefined : answer.body)
}
