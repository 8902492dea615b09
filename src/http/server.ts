// Defaults of every HTTP server of ours: limits, loopback only, errors that say who holds the port.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIPv4 } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { type Connections, keepRoom } from './connections.js'
import { type FrontOptions, standBefore } from './fast/front.js'
import { admit, type Guard, guardApp } from './guard.js'
import { serveInTurn } from './in-turn.js'
import { portHolder } from './port-holder.js'

export interface Route {
  readonly method: string
  /** As Fastify writes it: `/functions/:name`. */
  readonly url: string
}

const routesByApp = new WeakMap<FastifyInstance, readonly Route[]>()

const connectionsByApp = new WeakMap<FastifyInstance, Connections>()

/** The connections of an app that createServer made. */
export function connectionsOf(app: FastifyInstance): Connections {
  const connections = connectionsByApp.get(app)
  assert(connections !== undefined, 'createServer made this app')
  return connections
}

/** Every route of an app that createServer made, so that a test can walk them all. */
export function routesOf(app: FastifyInstance): readonly Route[] {
  return routesByApp.get(app) ?? []
}

/**
 * Figures of ours: none of them bounds how long an answer may take, so that a 15-minute invocation
 * can end.
 */
export const serverLimits = {
  /** From the connection to the end of the headers. */
  headersTimeoutMs: 10_000,
  /** From the connection to the end of the request's body: 70 MB over a slow port forward. */
  requestReceiptTimeoutMs: 300_000,
  connectionsCheckMs: 5_000,
  /** Past so many, whoever has waited longest without a request makes room: what a developer's machine carries. */
  connectionsKept: 4_000,
  /** So many may come at once before room is made. */
  connectionsMax: 16_384,
  /** Session tokens and ARNs are long; Node's own 16 KB has been met by both together. */
  headerBytesMax: 65_536,
  /** One path parameter. Beyond every ARN (a durable execution's has up to 1,024 characters). */
  parameterCharactersMax: 4_096,
  /** Idle connections are kept longer than any SDK keeps them, so that the client closes first. */
  keepAliveTimeoutMs: 75_000,
} as const

export type FrameworkErrors = (
  error: Error & { readonly statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) => void

export interface ServerOptions {
  /** Before everything else, on every route. */
  readonly guard: Guard
  readonly headersTimeoutMs?: number
  readonly requestReceiptTimeoutMs?: number
  readonly connectionsCheckMs?: number
  readonly connectionsKept?: number
  readonly connectionsMax?: number
  readonly headerBytesMax?: number
  /** Answers what Fastify refuses before any route is found: a URL that cannot be decoded. */
  readonly frameworkErrors?: FrameworkErrors
  /** `when-told`: a connection's request counts as being answered when `connectionsOf` is told; otherwise from its head on. */
  readonly requestsCount?: 'when-told'
  /** Answers some requests before node:http reads them. The guard is its own affair. */
  readonly front?: FrontOptions
  /** The path that Fastify routes by; the one that was sent is the request's originalUrl. */
  readonly rewriteUrl?: (request: IncomingMessage) => string
}

/** A guarded Fastify app with our limits and no routes. */
export function createServer(options: ServerOptions): FastifyInstance {
  const limits = { ...serverLimits, ...options }
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    // Idle sockets only: a connection that waits for its answer must live.
    connectionTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    requestTimeout: limits.requestReceiptTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestReceiptTimeoutMs,
      connectionsCheckingInterval: limits.connectionsCheckMs,
      maxHeaderSize: limits.headerBytesMax,
    },
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: limits.parameterCharactersMax,
    },
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    frameworkErrors: guardedErrors(options.guard, options.frameworkErrors ?? plainError),
    ...(options.rewriteUrl === undefined ? {} : { rewriteUrl: options.rewriteUrl }),
  })
  app.server.maxConnections = limits.connectionsMax
  const front =
    options.front === undefined
      ? undefined
      : standBefore(app.server, options.front, {
          keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
          busy: (socket) => connections.busy(socket),
        })
  app.addHook('preClose', (done) => {
    front?.close()
    done()
  })
  const connections = keepRoom(app.server, limits.connectionsKept)
  connectionsByApp.set(app, connections)
  if (options.requestsCount !== 'when-told') {
    app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      response.once('close', connections.busy(socket))
    })
  }
  serveInTurn(app.server)
  const routes: Route[] = []
  routesByApp.set(app, routes)
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url })
  })
  guardApp(app, options.guard)
  return app
}

/**
 * Fastify refuses a URL that cannot be decoded before any hook runs: the guard comes first there
 * too.
 */
function guardedErrors(guard: Guard, answer: FrameworkErrors): FrameworkErrors {
  return (error, request, reply) => {
    if (admit(guard, request, reply)) answer(error, request, reply)
  }
}

/** No route has a schema, and the packages that compile them are a fifth of what a start would load. */
function noSchemas(): never {
  assert(false, 'routes have no schemas')
}

const plainError: FrameworkErrors = (error, _request, reply) => {
  reply.code(error.statusCode ?? 400).send({ message: error.message })
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** http://<host>:<port> */
  readonly url: string
}

export interface ListenOptions {
  /** 127.0.0.0/8, ::1 or localhost, which is taken as 127.0.0.1. */
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** The flag that chooses another port, for the hint of an error. */
  readonly option?: string
}

/**
 * Begins to listen, on a loopback address only.
 * @throws EmulatorError EMU_HOST_NOT_LOOPBACK, EMU_PORT_IN_USE naming the program that holds the
 * port when it is known.
 */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<ListenAddress> {
  try {
    return await listenOn(app, options)
  } catch (error) {
    throw listenFailure(error, { ...options, host: loopbackAddress(options.host) })
  }
}

/** The same for a port that need not be free. @throws EmulatorError EMU_HOST_NOT_LOOPBACK; the error of listen(2). */
export async function listenOn(
  app: FastifyInstance,
  options: ListenOptions,
): Promise<ListenAddress> {
  const host = loopbackAddress(options.host)
  await app.listen({ host, port: options.port })
  const address = app.server.address()
  assert(typeof address === 'object' && address !== null, 'a listening TCP server has an address')
  return {
    host,
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
  }
}

/**
 * The address to bind for a host as the user gave it. @throws EmulatorError EMU_HOST_NOT_LOOPBACK
 */
export function loopbackAddress(host: string): string {
  if (host === 'localhost') return '127.0.0.1'
  if (isIPv4(host) && host.startsWith('127.')) return host
  if (host === '::1' || host === '[::1]') return '::1'
  throw new EmulatorError('EMU_HOST_NOT_LOOPBACK', { host })
}

/**
 * What to throw for an error of listen(): the machine's problem as EmulatorError, anything else as
 * it is.
 */
export function listenFailure(error: unknown, options: ListenOptions): unknown {
  const { host, port, option = '--lambda-port' } = options
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') return error
  const holder = portHolder(port)
  const words = holder === undefined ? '' : ` by ${holder.command} (pid ${holder.pid})`
  return new EmulatorError('EMU_PORT_IN_USE', { host, port, holder: words, option })
}
