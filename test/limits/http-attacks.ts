// Broken and hostile bytes for a listener, each with the answer that is right: plain data, the same for every listener.

import { randomBytes } from 'node:crypto'

export interface Attack {
  readonly name: string
  /** One character a byte. */
  readonly bytes: string
  /** All that comes back before the listener closes the connection. */
  readonly answered: RegExp
}

/** A request that a listener answers with 200. */
export interface Known {
  readonly method: string
  readonly target: string
  /** `localhost:<port>` or another name of it. */
  readonly host: string
  /** Takes a body by POST. */
  readonly posted: string
}

const closed4xx = /^HTTP\/1\.1 4\d\d /
const bad = /^HTTP\/1\.1 400 /
const tooLong = /^HTTP\/1\.1 431 /

/** What a TLS client says first. */
const clientHello = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${randomBytes(506).toString('latin1')}`

/** Every one ends with the connection closed by the listener. */
export function attacksOn({ method, target, host, posted }: Known): readonly Attack[] {
  const line = `${method} ${target} HTTP/1.1\r\n`
  const start = `${line}Host: ${host}\r\n`
  const head = (...fields: readonly string[]) =>
    `${start}${fields.map((each) => `${each}\r\n`).join('')}\r\n`
  const post = `POST ${posted} HTTP/1.1\r\nHost: ${host}\r\n`
  const chunked = (chunks: string) => `${post}Transfer-Encoding: chunked\r\n\r\n${chunks}`
  const refused = (name: string, bytes: string, answered = bad): Attack => ({
    name,
    bytes,
    answered,
  })
  return [
    refused('random bytes', `\x00\xff\xfe${randomBytes(4_000).toString('latin1')}\r\n\r\n`),
    refused('a TLS handshake', clientHello),
    refused('an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', closed4xx),
    refused('an HTTP/0.9 request', `GET ${target}\r\n\r\n`, closed4xx),
    refused('HTTP/9.9', `${method} ${target} HTTP/9.9\r\nHost: ${host}\r\n\r\n`),
    refused('no version', `${method} ${target} \r\nHost: ${host}\r\n\r\n`),
    refused('an SSH greeting', 'SSH-2.0-OpenSSH_9.2\r\n'),
    refused('a method that does not exist', `BREAK ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    refused('a method in small letters', `get ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    refused('a space in the target', `${method} ${target} x HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    refused('a NUL in the target', `${method} ${target}\0 HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    refused(
      'a target of 100 KB',
      `${method} ${target}${'x'.repeat(100_000)} HTTP/1.1\r\n`,
      tooLong,
    ),
    refused('a header of 100 KB', head(`X-Long: ${'x'.repeat(100_000)}`), tooLong),
    refused(
      'headers of 100 KB',
      head(...Array.from({ length: 10_000 }, (_, n) => `X-${n}: 1`)),
      tooLong,
    ),
    refused('a header name of 100 KB', head(`${'x'.repeat(100_000)}: 1`), tooLong),
    refused('no Host', `${line}\r\n`),
    refused('an empty Host', `${line}Host: \r\nConnection: close\r\n\r\n`, closed4xx),
    refused(
      'another Host',
      `${line}Host: example.com\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 403 /,
    ),
    refused('a Host with a user', `${line}Host: a@${host}\r\nConnection: close\r\n\r\n`, closed4xx),
    refused('two Hosts', head('Host: example.com', 'Connection: close'), closed4xx),
    refused('a NUL in a header', head('X-Own: a\0b')),
    refused('a lone CR in a header', head('X-Own: a\rb')),
    refused('a space in a header name', head('X Own: a')),
    refused('a space before the colon', head('X-Own : a')),
    refused('no colon', head('X-Own')),
    refused('an empty header name', head(': a')),
    refused('a DEL in a header name', head('X\x7fOwn: a')),
    refused(
      'a length and chunks',
      `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ),
    refused(
      'chunks and a length',
      `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    ),
    refused('two lengths', `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`),
    refused('the same length twice', `${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
    ...['-1', '+5', '0x5', '5 5', '5, 5', '5;5', '1e1', 'five', '99999999999999999999999'].map(
      (length) => refused(`a length of ${length}`, `${post}Content-Length: ${length}\r\n\r\nhello`),
    ),
    refused(
      'chunks that are not last',
      `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    ),
    refused('a coding that nobody knows', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`),
    ...['zz', '-1', '+1', '0x1', ' 1', 'fffffffffffffffffff', ''].map((size) =>
      refused(`a chunk of size ${JSON.stringify(size)}`, chunked(`${size}\r\na\r\n0\r\n\r\n`)),
    ),
    refused('a chunk longer than it says', chunked('1\r\nabc\r\n0\r\n\r\n')),
    refused(
      'a chunk extension of 100 KB',
      chunked(`1;a=${'x'.repeat(100_000)}\r\na\r\n0\r\n\r\n`),
      closed4xx,
    ),
    refused(
      'an expectation that nobody has',
      head('Expect: a miracle', 'Connection: close'),
      /^HTTP\/1\.1 417 /,
    ),
    refused(
      'CONNECT',
      `CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n`,
      /^$|^HTTP\/1\.1 4/,
    ),
    refused(
      'a target with another host',
      `${method} http://example.com${target} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 403 /,
    ),
    // HTTP has no path there; what serves it as one does no harm.
    refused(
      'an asterisk for a target',
      `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1\.1 [24]\d\d /,
    ),
  ]
}
