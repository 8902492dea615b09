// Submits an invocation to the placement of this process and waits for its outcome: nothing else.

import type { Clock } from '../clock/clock.js'
import type { Chance } from '../clock/kernel.js'
import { assert, assertNever } from '../domain/assert.js'
import type { InvocationId, RequestId } from '../domain/brand.js'
import type { Answer, Invocation, Outcome } from '../domain/invocation.js'
import type { InvocationTails } from '../logs/invocation-tails.js'
import {
  faultPayload,
  type InvokeRequest,
  type InvokeResult,
  type Invoker,
  type StreamEnd,
  type StreamError,
  type StreamingInvoker,
  type StreamingRequest,
} from './invoker.js'
import type { PayloadStore } from './payloads.js'
import type { ResponseStream } from './response-stream.js'
import type { ResponseStreams } from './response-streams.js'

export interface LocalInvokerParts {
  readonly clock: Clock
  readonly chance: Chance
  readonly payloads: PayloadStore
  readonly streams: ResponseStreams
  readonly tails: InvocationTails
  /** The runner's `submit`. */
  readonly submit: (invocation: Invocation, answered: (answer: Answer) => void) => void
}

export class LocalInvoker implements Invoker, StreamingInvoker {
  readonly #parts: LocalInvokerParts
  #total = 0
  #failed = 0

  constructor(parts: LocalInvokerParts) {
    this.#parts = parts
  }

  get totals(): { readonly total: number; readonly failed: number } {
    return { total: this.#total, failed: this.#failed }
  }

  newRequestId(): RequestId {
    return this.#parts.chance.uuid() as RequestId
  }

  async invoke(request: InvokeRequest): Promise<InvokeResult> {
    const { tails } = this.#parts
    const invocation = this.#invocation(request)
    if (invocation.logTail) tails.expect(invocation.invocationId)
    const answer = await new Promise<Answer>((resolve) => {
      this.#parts.submit(invocation, resolve)
    })
    this.#parts.payloads.drop(invocation.payload)
    const result = this.#result(invocation, answer)
    this.#total += 1
    if (result.is !== 'response') this.#failed += 1
    if (!invocation.logTail) return result
    if (answer.environment === undefined) {
      tails.forget(invocation.invocationId)
      return result
    }
    return { ...result, logTail: await tails.take(invocation.invocationId) }
  }

  async stream(request: StreamingRequest): ReturnType<StreamingInvoker['stream']> {
    const { streams, tails } = this.#parts
    const invocation: Invocation = {
      ...this.#invocation({ ...request, type: 'RequestResponse' }),
      responseMode: 'streaming',
    }
    const { requestId, invocationId } = invocation
    if (invocation.logTail) tails.expect(invocationId)
    const stream = streams.open(invocationId)
    const answered = new Promise<Answer>((resolve) => {
      this.#parts.submit(invocation, resolve)
    })
    const ended = answered.then((answer) => this.#endStream(invocation, stream, answer))
    const contentType = await stream.opened
    if (contentType === undefined) {
      const { outcome } = await answered
      assert(outcome.is === 'refused', 'what has run has a response')
      return { is: 'refused', requestId, reason: outcome.reason }
    }
    return {
      is: 'stream',
      requestId,
      contentType,
      read: () => stream.read(),
      leave: () => stream.leave(),
      ended,
    }
  }

  async #endStream(
    invocation: Invocation,
    stream: ResponseStream,
    answer: Answer,
  ): Promise<StreamEnd> {
    const { payloads, streams, tails } = this.#parts
    const { invocationId, logTail } = invocation
    streams.close(invocationId)
    payloads.drop(invocation.payload)
    const error = this.#streamError(stream, answer.outcome)
    stream.end()
    this.#total += 1
    if (error !== undefined || answer.outcome.is === 'refused') this.#failed += 1
    const told = error === undefined ? {} : { error }
    if (!logTail) return told
    if (answer.environment === undefined) {
      tails.forget(invocationId)
      return told
    }
    return { ...told, logTail: await tails.take(invocationId) }
  }

  /** Streams what has not come as a stream, too. */
  #streamError(stream: ResponseStream, outcome: Outcome): StreamError | undefined {
    const { payloads } = this.#parts
    switch (outcome.is) {
      case 'response':
        stream.begin(outcome.contentType)
        stream.take(payloads.take(outcome.payload))
        return undefined
      case 'streamed': {
        if (outcome.error === undefined) return undefined
        const { errorType, payload } = outcome.error
        return { is: 'late', errorType, payload: payloads.take(payload) }
      }
      case 'error':
        return insteadOf(stream, payloads.take(outcome.payload))
      case 'fault':
        if (stream.hasBegun) return { is: 'cut-off', error: outcome.error }
        return insteadOf(stream, faultPayload(outcome.error))
      case 'refused':
        if (!stream.hasBegun) return undefined
        return { is: 'cut-off', error: stoppedFault }
      default:
        return assertNever(outcome)
    }
  }

  #invocation(request: InvokeRequest): Invocation {
    const { chance, clock, payloads } = this.#parts
    const invocationId = chance.uuid() as InvocationId
    return {
      invocationId,
      requestId: request.requestId ?? this.newRequestId(),
      attempt: request.attempt ?? 1,
      functionArn: request.functionArn,
      invokedArn: request.invokedArn,
      version: request.version,
      generation: request.generation,
      type: request.type,
      logTail: request.logTail ?? false,
      payload: payloads.put(invocationId, request.payload),
      // Whatever type its caller named: Lambda hands every event to the runtime as JSON.
      contentType: 'application/json',
      ...(request.clientContext === undefined ? {} : { clientContext: request.clientContext }),
      traceHeader: request.traceHeader ?? this.#newTrace(),
      origin: request.origin,
      acceptedAtMs: clock.nowMs(),
    }
  }

  /** Root=1-<seconds in hex>-<24 hex>;Parent=<16 hex>;Sampled=0. Source: X-Ray's tracing header. */
  #newTrace(): string {
    const { chance, clock } = this.#parts
    const seconds = Math.floor(clock.nowMs() / 1000).toString(16)
    const digits = chance.hex(40)
    return `Root=1-${seconds}-${digits.slice(0, 24)};Parent=${digits.slice(24)};Sampled=0`
  }

  #result(invocation: Invocation, { outcome }: Answer): InvokeResult {
    const { payloads } = this.#parts
    const { requestId } = invocation
    switch (outcome.is) {
      case 'response': {
        const payload = payloads.take(outcome.payload)
        return { requestId, is: 'response', payload, contentType: outcome.contentType }
      }
      case 'error': {
        const payload = payloads.take(outcome.payload)
        return { requestId, is: 'function-error', payload, errorType: outcome.errorType }
      }
      case 'fault': {
        const payload = faultPayload(outcome.error)
        return { requestId, is: 'function-error', payload, errorType: outcome.error.errorType }
      }
      case 'refused':
        return { requestId, is: 'refused', reason: outcome.reason }
      case 'streamed':
        assert(false, 'a response that is taken whole is not streamed')
        break
      default:
        return assertNever(outcome)
    }
  }
}

/** Ours alone: AWS does not stop. */
const stoppedFault = { errorType: 'ServiceException', errorMessage: 'lambda-emu is stopping' }

/** Source: an error posted to /error under InvokeWithResponseStream on AWS (2026-09-15). */
function insteadOf(stream: ResponseStream, payload: Buffer): StreamError {
  stream.begin(isJson(payload) ? 'application/json' : 'application/octet-stream')
  stream.take(payload)
  return { is: 'instead', payload }
}

/** Source: the open agent, for what a runtime posts as an error. */
function isJson(payload: Buffer): boolean {
  try {
    JSON.parse(payload.toString())
    return true
  } catch {
    return false
  }
}
