// Submits an invocation to the placement of this process and waits for its outcome: nothing else.

import type { Clock } from '../clock/clock.js'
import type { Chance } from '../clock/kernel.js'
import { assertNever } from '../domain/assert.js'
import type { InvocationId, RequestId } from '../domain/brand.js'
import type { Answer, Invocation } from '../domain/invocation.js'
import type { InvocationTails } from '../logs/invocation-tails.js'
import { faultPayload, type InvokeRequest, type InvokeResult, type Invoker } from './invoker.js'
import type { PayloadStore } from './payloads.js'

export interface LocalInvokerParts {
  readonly clock: Clock
  readonly chance: Chance
  readonly payloads: PayloadStore
  readonly tails: InvocationTails
  /** The runner's `submit`. */
  readonly submit: (invocation: Invocation, answered: (answer: Answer) => void) => void
}

export class LocalInvoker implements Invoker {
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
      default:
        return assertNever(outcome)
    }
  }
}
