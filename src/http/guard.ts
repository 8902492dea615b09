// The request guard: refuses what a web page in the developer's browser could send.

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

export interface GuardOptions {
  /**
   * Host names, beside localhost, *.localhost, 127.0.0.1 and [::1], that this server answers to;
   * without port.
   */
  readonly hosts?: readonly string[]
  /**
   * Origins (scheme://host:port) that may send requests all the same. They get no CORS headers
   * either.
   */
  readonly origins?: readonly string[]
  /**
   * `refuse` (normal): requests of web pages get 403. `allow`: only Host is checked and no header
   * is added, for an emulated API, whose CORS configuration is its own business.
   */
  readonly webPages?: 'refuse' | 'allow'
}

/** The three headers that decide, as Node gives them. */
export interface GuardedHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | readonly string[] | undefined
}

export type GuardVerdict =
  | { readonly pass: true }
  | { readonly pass: false; readonly reason: string }

export interface Guard {
  check(headers: GuardedHeaders): GuardVerdict
  /** On every answer, passed or refused. */
  readonly responseHeaders: Readonly<Record<string, string>>
}

/** No content sniffing, no use by another site's pages. Never a CORS header. */
const pageHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

const pass: GuardVerdict = { pass: true }
const hostAndPort = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(\d{1,5}))?$/
const portMax = 65_535

/**
 * Compiles the guard. In order: Host must be one of ours, any port part a port; an Origin must be
 * on the list; Sec-Fetch-Site, when there is one, must be same-origin or none (a listed origin is
 * excused).
 * Source: a table of attacks that local servers met.
 */
export function createGuard(options: GuardOptions = {}): Guard {
  const hosts = new Set([
    'localhost',
    '127.0.0.1',
    '[::1]',
    ...(options.hosts ?? []).map((host) => host.toLowerCase()),
  ])
  const origins = new Set(options.origins ?? [])
  const webPages = options.webPages ?? 'refuse'
  return {
    responseHeaders: webPages === 'refuse' ? pageHeaders : {},
    check: (headers) => {
      if (!isOurs(headers.host, hosts)) return refuse('the Host header does not name this machine')
      return webPages === 'allow' ? pass : checkPage(headers, origins)
    },
  }
}

function checkPage(headers: GuardedHeaders, origins: ReadonlySet<string>): GuardVerdict {
  if (headers.origin !== undefined) {
    return origins.has(headers.origin)
      ? pass
      : refuse('requests of web pages (Origin) are not answered')
  }
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return pass
  return refuse('requests from another site (Sec-Fetch-Site) are not answered')
}

function refuse(reason: string): GuardVerdict {
  return { pass: false, reason }
}

function isOurs(host: string | undefined, hosts: ReadonlySet<string>): boolean {
  if (host === undefined) return false
  const [, name, port] = hostAndPort.exec(host.toLowerCase()) ?? []
  if (name === undefined || (port !== undefined && Number(port) > portMax)) return false
  return hosts.has(name) || name.endsWith('.localhost')
}

const repeated: GuardVerdict = refuse('it has more than one Host header')

/** Node takes the first one silently; whoever stands before us may take the other. Source: RFC 9112, 3.2. */
function repeatsHost({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts += 1
  return hosts > 1
}

function refusal(reason: string): Buffer {
  return Buffer.from(JSON.stringify({ message: `lambda-emu refused this request: ${reason}` }))
}

/**
 * Puts the guard before every route of the app, the unknown ones too. createServer has done it
 * already, and guards the answers that Fastify gives before it looks for a route.
 */
export function guardApp(app: FastifyInstance, guard: Guard): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (admit(guard, request, reply)) done()
  })
}

/** True when the request may go on; false when it has been answered with 403. */
export function admit(guard: Guard, request: FastifyRequest, reply: FastifyReply): boolean {
  reply.headers(guard.responseHeaders)
  const verdict = repeatsHost(request.raw) ? repeated : guard.check(request.raw.headers)
  if (verdict.pass) return true
  reply.code(403).header('content-type', 'application/json').send(refusal(verdict.reason))
  return false
}
