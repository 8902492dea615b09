// The listener that AWS clients talk to: Lambda's API from its model, and the packages that GetFunction points to.

import { createReadStream } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import type { LambdaHandlers } from '../aws/lambda.js'
import { lambdaBodyLimits } from '../aws/lambda.js'
import { lambdaModel } from '../aws/models/lambda-model.js'
import {
  answerFrameworkErrors,
  answerUnknownRoutes,
  serveRestJson,
  type WireAnswer,
  type WireRequest,
} from '../aws/serve-rest-json.js'
import { assert } from '../domain/assert.js'
import type { RequestId } from '../domain/brand.js'
import type { HttpExchange } from '../http/exchange.js'
import type { FrontOptions } from '../http/fast/front.js'
import type { Guard } from '../http/guard.js'
import { createServer } from '../http/server.js'
import type { CodeStore } from '../packages/code-store.js'
import type { FunctionRecord } from '../services/lambda/functions.js'

export interface LambdaServerParts {
  readonly guard: Guard
  readonly handlers: Partial<LambdaHandlers>
  readonly codeStore: CodeStore
  readonly newRequestId: () => RequestId
  readonly accountId: string
  readonly region: string
  readonly reportBug: (error: unknown) => void
}

const codePath = '/_lambda-emu/code'

/** Where a function's package can be fetched; undefined for code that is run from its folder. */
export function codeUrlOf(
  { definition }: FunctionRecord,
  lambdaUrl: () => string,
): string | undefined {
  if (definition.code.zipPath === undefined) return undefined
  return `${lambdaUrl()}${codePath}/${Buffer.from(definition.code.sha256, 'base64').toString('hex')}`
}

export function createLambdaServer(parts: LambdaServerParts): FastifyInstance {
  let invoke: ((request: WireRequest) => Promise<WireAnswer>) | undefined
  const app = createServer({
    guard: parts.guard,
    frameworkErrors: answerFrameworkErrors(parts.newRequestId),
    front: invocationsFirst(parts, (request) => {
      assert(invoke !== undefined, 'the service is there before its first request')
      return invoke(request)
    }),
  })
  const service = serveRestJson(app, {
    model: lambdaModel,
    handlers: parts.handlers,
    newRequestId: parts.newRequestId,
    defaultAccountId: parts.accountId,
    defaultRegion: parts.region,
    bodyLimits: lambdaBodyLimits,
    blobContentType: 'application/json',
    reportBug: parts.reportBug,
  })
  invoke = service.operation('Invoke')
  app.get(`${codePath}/:sha256`, async (request, reply) => {
    const { sha256 } = request.params as { readonly sha256: string }
    const found = /^[0-9a-f]{64}$/.test(sha256) ? await parts.codeStore.find(sha256) : undefined
    if (found?.zipPath === undefined) return reply.callNotFound()
    return reply.type('application/zip').send(createReadStream(found.zipPath))
  })
  answerUnknownRoutes(app, parts.newRequestId)
  return app
}

/** A name or an ARN as it is, and no query. */
const invocationPath = /^\/2015-03-31\/functions\/([A-Za-z0-9_:-]+)\/invocations$/

/** What nearly every request is, and what a caller waits for: node:http and the router are a sixth of its cost (measured). */
function invocationsFirst(
  { guard, reportBug }: LambdaServerParts,
  invoke: (request: WireRequest) => Promise<WireAnswer>,
): FrontOptions {
  return {
    isOurs: ({ method, url, headers }) =>
      method === 'POST' && invocationPath.test(url) && guard.check(headers).pass,
    onExchange(exchange) {
      exchange.readBody(lambdaBodyLimits.normalBytes, (body) => {
        if (typeof body === 'string') return
        invoke(invocationOf(exchange, body)).then(
          (answer) => send(exchange, answer, guard.responseHeaders),
          reportBug,
        )
      })
    },
  }
}

function invocationOf({ url, headers }: HttpExchange, body: Buffer): WireRequest {
  const name = invocationPath.exec(url)?.[1]
  assert(name !== undefined, 'an invocation names its function')
  return {
    url,
    params: { FunctionName: name },
    query: noQuery,
    headers: headers as WireRequest['headers'],
    body,
  }
}

const noQuery = {}
const noBody = Buffer.alloc(0)

function send(
  exchange: HttpExchange,
  { status, headers, body }: WireAnswer,
  more: Readonly<Record<string, string>>,
): void {
  assert(body === undefined || Buffer.isBuffer(body), 'an invocation is answered at once')
  const sent = body ?? noBody
  if (status !== 204)
    return exchange.answer(status, { ...more, ...headers, 'content-length': sent.length }, sent)
  // What has no content has neither length nor type. Source: RFC 9110, 8.6.
  const { 'content-type': _type, ...others } = headers
  exchange.answer(status, { ...more, ...others }, noBody)
}
