// Lambda's API over its real protocol for a test: everything is real but the invoker, the event queue and the time.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify from 'fastify'
import type { Test } from 'tap'
import { type LambdaHandlers, lambdaBodyLimits } from '../../../src/aws/lambda.js'
import type { LambdaOperations } from '../../../src/aws/models/lambda.js'
import { lambdaModel } from '../../../src/aws/models/lambda-model.js'
import { serveRestJson } from '../../../src/aws/serve-rest-json.js'
import type { Clock } from '../../../src/clock/clock.js'
import type { EmulatorMs, KernelMs, RequestId } from '../../../src/domain/brand.js'
import type { AcceptedEvent } from '../../../src/event-queue/event-queue.js'
import type {
  InvokeRequest,
  InvokeResult,
  StreamedResponse,
  StreamingRequest,
} from '../../../src/invoke/invoker.js'
import { openCodeStore } from '../../../src/packages/code-store.js'
import { localProfile } from '../../../src/profile/profile.js'
import {
  type DeploymentListener,
  type FunctionStore,
  functionStore,
} from '../../../src/services/lambda/functions.js'
import { lambdaHandlers } from '../../../src/services/lambda/handlers.js'
import { rawZip } from '../../packages/raw-zip.js'
import type { HttpAnswer } from '../../support/recorded-answers.js'

export const accountId = '111111111111'
export const region = 'eu-west-1'
export const role = `arn:aws:iam::${accountId}:role/any`
export const startMs = Date.UTC(2026, 10, 21, 1, 8, 23)

/** A clock that only the test moves. */
export function manualClock(): Clock & { advance(byMs: number): void } {
  let nowMs = startMs
  const timers = new Map<string, { atMs: number; fire: (dueMs: EmulatorMs) => void }>()
  return {
    nowMs: () => nowMs as EmulatorMs,
    kernelNowMs: () => nowMs as KernelMs,
    monotonicMs: () => nowMs,
    arm: (key, atMs, _kind, fire) => void timers.set(key, { atMs, fire }),
    disarm: (key) => void timers.delete(key),
    hold: () => () => undefined,
    toFunctionEpochMs: (at) => at,
    advance(byMs) {
      nowMs += byMs
      for (const [key, timer] of timers) {
        if (timer.atMs > nowMs) continue
        timers.delete(key)
        timer.fire(timer.atMs as EmulatorMs)
      }
    },
  }
}

/** A version 4 UUID that says its number. */
export function numberedUuid(): () => string {
  let number = 0
  return () => {
    number += 1
    return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  }
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface LambdaApi {
  call(call: Call): Promise<HttpAnswer>
  readonly functions: FunctionStore
  readonly clock: ReturnType<typeof manualClock>
  readonly invoked: InvokeRequest[]
  readonly streamed: StreamingRequest[]
  readonly queued: AcceptedEvent[]
  readonly deployments: readonly unknown[]
  readonly bugs: unknown[]
  /** Resolves when a request has begun to wait for the end of a transition. */
  readonly waiting: Promise<void>
}

export interface LambdaApiOptions {
  readonly transitionMs?: number
  readonly whileInTransition?: 'wait' | 'refuse'
  readonly answer?: (request: InvokeRequest) => InvokeResult
  readonly streamed?: (request: StreamingRequest) => StreamedResponse
}

/** Answers as a streaming function that writes nothing. */
function emptyStream(request: StreamingRequest): StreamedResponse {
  return {
    is: 'stream',
    requestId: request.requestId ?? ('no-id' as RequestId),
    contentType: 'application/octet-stream',
    read: async () => undefined,
    leave: () => {},
    ended: Promise.resolve({}),
  }
}

/** Answers as a function that gives its event back. */
export function echo(request: InvokeRequest): InvokeResult {
  const requestId = request.requestId ?? ('no-id' as RequestId)
  return { is: 'response', requestId, payload: request.payload, contentType: 'application/json' }
}

export async function startLambdaApi(t: Test, options: LambdaApiOptions = {}): Promise<LambdaApi> {
  const state = mkdtempSync(join(tmpdir(), 'lambda-api-'))
  t.teardown(() => rmSync(state, { recursive: true, force: true }))
  const clock = manualClock()
  const nextUuid = numberedUuid()
  const deployments: unknown[] = []
  const listener: DeploymentListener = {
    onDeployed: ({ generation, replaces }) =>
      deployments.push([
        'deployed',
        generation.definition.functionName,
        generation.id,
        replaces?.id,
      ]),
    onDeleted: ({ generation }) =>
      deployments.push(['deleted', generation.definition.functionName, generation.id]),
  }
  const functions = functionStore({
    clock,
    newRevisionId: nextUuid,
    transitionMs: options.transitionMs ?? 0,
    listener,
  })
  const invoked: InvokeRequest[] = []
  const streamed: StreamingRequest[] = []
  const queued: AcceptedEvent[] = []
  let waits = () => {}
  const waiting = new Promise<void>((resolve) => {
    waits = resolve
  })
  const handlers: Partial<LambdaHandlers> = lambdaHandlers({
    functions: {
      ...functions,
      settled(key) {
        waits()
        return functions.settled(key)
      },
    },
    codeStore: await openCodeStore(state),
    profile: localProfile,
    codeLocation: ({ definition }) => `http://127.0.0.1/code/${definition.functionName}`,
    whileInTransition: options.whileInTransition ?? 'wait',
    invoker: {
      newRequestId: () => nextUuid() as RequestId,
      invoke: async (request) => {
        invoked.push(request)
        return (options.answer ?? echo)(request)
      },
      stream: async (request) => {
        streamed.push(request)
        return (options.streamed ?? emptyStream)(request)
      },
    },
    events: {
      put: async (event) => {
        queued.push(event)
        return nextUuid() as RequestId
      },
      refuse: async (event) => {
        queued.push(event)
        return nextUuid() as RequestId
      },
      depth: () => queued.length,
    },
  })
  const bugs: unknown[] = []
  const app = fastify({ routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 } })
  t.teardown(() => app.close())
  serveRestJson<LambdaOperations>(app, {
    model: lambdaModel,
    handlers,
    newRequestId: () => nextUuid() as RequestId,
    defaultAccountId: accountId,
    defaultRegion: region,
    bodyLimits: lambdaBodyLimits,
    blobContentType: 'application/json',
    reportBug: (error) => bugs.push(error),
  })
  return {
    functions,
    clock,
    invoked,
    streamed,
    queued,
    deployments,
    bugs,
    waiting,
    call: (call) => send(app, call),
  }
}

async function send(app: ReturnType<typeof fastify>, call: Call): Promise<HttpAnswer> {
  const { body } = call
  const raw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined
  const response = await app.inject({
    method: call.method,
    url: call.path,
    headers: { 'content-type': 'application/json', ...call.headers },
    ...(body === undefined ? {} : { payload: (raw ? body : JSON.stringify(body)) as string }),
  })
  return {
    status: response.statusCode,
    headers: response.headers as HttpAnswer['headers'],
    body: response.body,
  }
}

const functionsPath = '/2015-03-31/functions'

export function zipOf(text: string): string {
  return rawZip([{ name: 'index.js', data: text }]).toString('base64')
}

/** A valid CreateFunction request with `changes` laid over it; undefined takes a member away. */
export function create(changes: Readonly<Record<string, unknown>> = {}): Call {
  const body = {
    FunctionName: 'hello',
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    Role: role,
    Code: { ZipFile: zipOf('one') },
    ...changes,
  }
  return { method: 'POST', path: functionsPath, body }
}

export const get = (name: string, query = ''): Call => ({
  method: 'GET',
  path: `${functionsPath}/${name}${query}`,
})

export const getConfiguration = (name: string, query = ''): Call => ({
  method: 'GET',
  path: `${functionsPath}/${name}/configuration${query}`,
})

export const updateCode = (name: string, body: unknown): Call => ({
  method: 'PUT',
  path: `${functionsPath}/${name}/code`,
  body,
})

export const updateConfiguration = (name: string, body: unknown): Call => ({
  method: 'PUT',
  path: `${functionsPath}/${name}/configuration`,
  body,
})

export const remove = (name: string, query = ''): Call => ({
  method: 'DELETE',
  path: `${functionsPath}/${name}${query}`,
})

export const list = (query = ''): Call => ({ method: 'GET', path: `${functionsPath}${query}` })

export const invoke = (
  name: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
  query = '',
): Call => ({
  method: 'POST',
  path: `${functionsPath}/${name}/invocations${query}`,
  headers,
  ...(body === undefined ? {} : { body }),
})

export interface Members {
  readonly [name: string]: unknown
}

export function body(answer: HttpAnswer): Members {
  return JSON.parse(answer.body) as Members
}

/** The text of an error, whichever way its model spells the member. */
export function textOf(answer: HttpAnswer): string {
  const members = body(answer)
  return String(members.message ?? members.Message)
}

/** A JSON text of exactly so many bytes. */
export function jsonOf(bytes: number): string {
  return JSON.stringify('x'.repeat(bytes - 2))
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

export const helloArn = 'arn:aws:lambda:eu-west-1:111111111111:function:hello'

/** An API with one function, hello. */
export async function startWithHello(t: Test, options: LambdaApiOptions = {}): Promise<LambdaApi> {
  const api = await startLambdaApi(t, options)
  await api.call(create())
  return api
}
