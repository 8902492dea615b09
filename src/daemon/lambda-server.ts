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
} from '../aws/serve-rest-json.js'
import type { RequestId } from '../domain/brand.js'
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

/** The path below which a function's package can be fetched; undefined for code that is run from its folder. */
export function codePathOf({ definition }: FunctionRecord): string | undefined {
  if (definition.code.zipPath === undefined) return undefined
  return `${codePath}/${Buffer.from(definition.code.sha256, 'base64').toString('hex')}`
}

export function createLambdaServer(parts: LambdaServerParts): FastifyInstance {
  const app = createServer({
    guard: parts.guard,
    frameworkErrors: answerFrameworkErrors(parts.newRequestId),
  })
  serveRestJson(app, {
    model: lambdaModel,
    handlers: parts.handlers,
    newRequestId: parts.newRequestId,
    defaultAccountId: parts.accountId,
    defaultRegion: parts.region,
    bodyLimits: lambdaBodyLimits,
    blobContentType: 'application/json',
    reportBug: parts.reportBug,
  })
  app.get(`${codePath}/:sha256`, async (request, reply) => {
    const { sha256 } = request.params as { readonly sha256: string }
    const found = /^[0-9a-f]{64}$/.test(sha256) ? await parts.codeStore.find(sha256) : undefined
    if (found?.zipPath === undefined) return reply.callNotFound()
    return reply.type('application/zip').send(createReadStream(found.zipPath))
  })
  answerUnknownRoutes(app, parts.newRequestId)
  return app
}
