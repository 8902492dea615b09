// A Lambda API on a real loopback port, with the handlers that a test gives it.

import { randomUUID } from 'node:crypto'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { Test } from 'tap'
import { type LambdaHandlers, lambdaBodyLimits } from '../../src/aws/lambda.js'
import type { LambdaOperations } from '../../src/aws/models/lambda.js'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import {
  answerFrameworkErrors,
  answerUnknownRoutes,
  type BodyLimits,
  serveRestJson,
} from '../../src/aws/serve-rest-json.js'
import type { RequestId } from '../../src/domain/brand.js'
import { createGuard, type Guard } from '../../src/http/guard.js'
import { createServer, listen } from '../../src/http/server.js'

export interface LambdaServerOptions {
  readonly guard?: Guard
  readonly bodyLimits?: BodyLimits
  readonly reportBug?: (error: unknown, operation: string) => void
}

export interface RouteName {
  readonly method: string
  readonly url: string
}

export interface LambdaServer {
  readonly url: string
  readonly port: number
  readonly routes: readonly RouteName[]
}

export type AnyHandlers = Partial<LambdaHandlers>

/** Starts it; it ends with the test. An error that is no ServiceError fails the test, unless reportBug is given. */
export async function startLambda(
  t: Test,
  handlers: AnyHandlers = {},
  options: LambdaServerOptions = {},
): Promise<LambdaServer> {
  const newRequestId = () => randomUUID() as RequestId
  const app = createServer({
    guard: options.guard ?? createGuard(),
    frameworkErrors: answerFrameworkErrors(newRequestId),
  })
  const routes: RouteName[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url })
  })
  answerUnknownRoutes(app, newRequestId)
  serveRestJson<LambdaOperations>(app, {
    model: lambdaModel,
    handlers,
    newRequestId,
    defaultAccountId: '000000000000',
    defaultRegion: 'us-east-1',
    bodyLimits: options.bodyLimits ?? lambdaBodyLimits,
    blobContentType: 'application/json',
    reportBug: options.reportBug ?? ((error, operation) => t.equal(String(error), '', operation)),
  })
  const { url, port } = await listen(app, { host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { url, port, routes }
}

export interface PlainResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly json: () => Record<string, unknown>
}

export interface SendOptions {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string | undefined
}

/** Sends requests that fetch would not: any Host, any path, any method, over kept-alive connections. */
export function plainClient(
  t: Test,
  port: number,
): (options: SendOptions) => Promise<PlainResponse> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  t.teardown(() => agent.destroy())
  return ({ method = 'GET', path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const known = body === undefined || headers['transfer-encoding'] !== undefined
      const length = known ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const sent = httpRequest(
        { host: '127.0.0.1', port, agent, method, path, headers: { ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const whole = Buffer.concat(chunks)
            const json = () => JSON.parse(whole.toString('utf8')) as Record<string, unknown>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: whole,
              json,
            })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
}
