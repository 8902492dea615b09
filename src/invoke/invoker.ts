// The one way to run a function: what front doors ask for and what they get back. Interfaces only.

import type { GenerationId, RequestId } from '../domain/brand.js'
import type { FunctionError, InvocationOrigin, RefusalReason } from '../domain/invocation.js'

export interface InvokeRequest {
  /** Unqualified ARN. */
  readonly functionArn: string
  /** ARN as the caller named it. */
  readonly invokedArn: string
  readonly version: string
  readonly generation: GenerationId
  readonly type: 'RequestResponse' | 'Event'
  readonly payload: Buffer
  /** Decoded JSON text. */
  readonly clientContext?: string
  readonly logTail?: boolean
  /** X-Amzn-Trace-Id of the caller, when it sent one. */
  readonly traceHeader?: string
  /** Given for a retry of an asynchronous invocation: the id stays, the attempt counts up. */
  readonly requestId?: RequestId
  readonly attempt?: number
  readonly origin: InvocationOrigin
}

export type InvokeResult = {
  readonly requestId: RequestId
  /** The last 4 KB of the invocation's log as text bytes, when logTail was asked for. */
  readonly logTail?: Buffer
} & (
  | { readonly is: 'response'; readonly payload: Buffer; readonly contentType: string }
  /** FunctionError: Unhandled. `payload` is what the caller gets: the runtime's bytes or the platform's error object. */
  | { readonly is: 'function-error'; readonly payload: Buffer; readonly errorType: string }
  | { readonly is: 'refused'; readonly reason: RefusalReason }
)

export interface Invoker {
  /** Never rejects for what the function does or for throttling: both are results. */
  invoke(request: InvokeRequest): Promise<InvokeResult>
  /** A new request id in Lambda's form (UUID version 4). */
  newRequestId(): RequestId
}

/** Serialises a platform fault as Lambda's caller sees it; the key order is the fault's own. */
export function faultPayload(error: FunctionError): Buffer {
  return Buffer.from(JSON.stringify(error))
}
