// Reads the head of an ordinary request, byte by byte as strictly as it is ever sent; whatever else there is, node:http judges.

/** A head that has exactly one reading. */
export interface OrdinaryHead {
  readonly method: 'GET' | 'POST'
  readonly url: string
  /** Names in lower case, each once. */
  readonly headers: Readonly<Record<string, string>>
  readonly bodyBytes: number
  /** Where the body begins. */
  readonly end: number
}

/**
 * `incomplete`: what there is so far could begin an ordinary request, or be one byte short of it.
 * `doubtful`: it is no ordinary request, or no request at all.
 */
export type HeadReading = OrdinaryHead | 'incomplete' | 'doubtful'

/** A figure of ours: official clients send 4 to 8. */
const headersMax = 60
/** A figure of ours: a stack in a header is not sent again. */
const knownBytesMax = 4_096

const headEnd = Buffer.from('\r\n\r\n')
const urlPattern = /^\/[A-Za-z0-9/_.:~%-]*$/
// Obsolete folding, a missing colon, a space before it and control characters do not match. Bytes of UTF-8 do.
const headerPattern = /^[A-Za-z0-9-]+:[\t\x20-\x7e\x80-\xff]*$/
const headerBeginPattern = /^[A-Za-z0-9-]+(?::[\t\x20-\x7e\x80-\xff]*\r?)?$/
const lengthPattern = /^ ?(?:0|[1-9]\d{0,8})$/
const lengthBeginPattern = /^ ?\d{0,9}\r?$/

/** What decides where a request ends, or what becomes of the connection after it: never ours to read. */
const judgedByNode = new Set([
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The headers that a connection had last, by method: a client sends the same ones again and again. */
export interface KnownHeaders {
  GET?: KnownBlock
  POST?: KnownBlock
}

interface KnownBlock {
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Reads the head that begins at `start`, and keeps its headers in `known`. Each byte of it is looked at a fixed number of
 * times.
 */
export function readHead(bytes: Buffer, start: number, known: KnownHeaders): HeadReading {
  const end = bytes.indexOf(headEnd, start)
  if (end < 0) return couldBegin(bytes.toString('latin1', start)) ? 'incomplete' : 'doubtful'
  const text = bytes.toString('latin1', start, end)
  const lineEnd = text.indexOf('\r\n')
  // Without a single header there is no Host either.
  if (lineEnd < 0) return 'doubtful'
  const line = requestLine(text.slice(0, lineEnd))
  if (line === undefined) return 'doubtful'
  const { method, url } = line
  const headers = knownOrRead(known, method, text.slice(lineEnd + 2))
  if (headers === undefined) return 'doubtful'
  const bodyBytes = Number(headers['content-length'] ?? 0)
  return { method, url, headers, bodyBytes, end: end + headEnd.length }
}

/** Nothing when they are not the headers of an ordinary request. */
function knownOrRead(known: KnownHeaders, method: OrdinaryHead['method'], text: string) {
  const last = known[method]
  if (last?.text === text) return last.headers
  const headers = readHeaders(text)
  if (headers?.host === undefined) return undefined
  if ((method === 'POST') !== (headers['content-length'] !== undefined)) return undefined
  if (text.length <= knownBytesMax) known[method] = { text, headers }
  return headers
}

function requestLine(line: string): Pick<OrdinaryHead, 'method' | 'url'> | undefined {
  const method = line.startsWith('GET ') ? 'GET' : line.startsWith('POST ') ? 'POST' : undefined
  if (method === undefined || !line.endsWith(' HTTP/1.1')) return undefined
  const url = line.slice(method.length + 1, -' HTTP/1.1'.length)
  return urlPattern.test(url) ? { method, url } : undefined
}

/** Nothing when one of them is not ordinary. */
function readHeaders(text: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {}
  let count = 0
  for (let at = 0; at <= text.length; ) {
    const next = text.indexOf('\r\n', at)
    const end = next < 0 ? text.length : next
    const line = text.slice(at, end)
    count += 1
    if (count > headersMax || !headerPattern.test(line) || !addHeader(headers, line))
      return undefined
    at = end + 2
  }
  return headers
}

/** False when its meaning is not ours to read, or when there is one of its name already. */
function addHeader(headers: Record<string, string>, line: string): boolean {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon).toLowerCase()
  // What every object has answers to its name too: then node:http decides.
  if (headers[name] !== undefined || judgedByNode.has(name)) return false
  const raw = line.slice(colon + 1)
  const value = trimmed(raw)
  headers[name] = value
  switch (name) {
    case 'host':
      return value !== ''
    case 'content-length':
      return lengthPattern.test(raw)
    case 'connection':
      return value.toLowerCase() === 'keep-alive'
    default:
      return true
  }
}

/** Without spaces and tabs at its ends, and nothing else: what trim() takes away is more. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** What node:http would refuse at once must not wait here for the end of its head. */
function couldBegin(text: string): boolean {
  const lineEnd = text.indexOf('\r\n')
  if (lineEnd < 0) return couldBeginRequestLine(text)
  if (requestLine(text.slice(0, lineEnd)) === undefined) return false
  const start = lineEnd + 2
  const last = text.lastIndexOf('\r\n')
  const headers = last > lineEnd ? readHeaders(text.slice(start, last)) : {}
  if (headers === undefined) return false
  const rest = text.slice(last + 2)
  if (rest === '' || rest === '\r') return true
  return headerBeginPattern.test(rest) && couldBeginHeader(headers, rest)
}

function couldBeginRequestLine(line: string): boolean {
  const method = line.startsWith('P') ? 'POST ' : 'GET '
  if (line.length <= method.length) return method.startsWith(line)
  if (!line.startsWith(method)) return false
  const [url = '', ...rest] = line.slice(method.length).split(' ')
  if (!urlPattern.test(url)) return false
  return rest.length === 0 || (rest.length === 1 && 'HTTP/1.1\r'.startsWith(rest[0] ?? ''))
}

function couldBeginHeader(headers: Record<string, string>, line: string): boolean {
  const colon = line.indexOf(':')
  if (colon < 0) return true
  const name = line.slice(0, colon).toLowerCase()
  if (headers[name] !== undefined || judgedByNode.has(name)) return false
  return name !== 'content-length' || lengthBeginPattern.test(line.slice(colon + 1))
}
