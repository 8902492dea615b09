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

export type StreamingRequest = Omit<InvokeRequest, 'type' | 'attempt'>

/** What went wrong with a streamed response, and when. */
export type StreamError =
  /** Before its first byte: `payload`, the runtime's bytes or the platform's error object, is what was streamed. */
  | { readonly is: 'instead'; readonly payload: Buffer }
  /** The runtime told an error at the end of what it had streamed. */
  | { readonly is: 'late'; readonly errorType: string; readonly payload: Buffer }
  /** The platform ended it on the way. */
  | { readonly is: 'cut-off'; readonly error: FunctionError }

export interface StreamEnd {
  readonly error?: StreamError
  /** As InvokeResult has it. */
  readonly logTail?: Buffer
}

/** A response that comes as the function writes it. The function waits while nobody reads. */
export interface StreamedResponse {
  readonly is: 'stream'
  readonly requestId: RequestId
  readonly contentType: string
  /** The next piece; undefined at the end. One at a time is asked for. */
  read(): Promise<Buffer | undefined>
  /** Nobody reads any more: the function goes on, and what it writes is dropped. */
  leave(): void
  /** Resolves when the invocation has been answered and, if asked for, its log cut. Never rejects. */
  readonly ended: Promise<StreamEnd>
}

export interface StreamingInvoker {
  /** Resolves when the response begins. Never rejects for what the function does or for throttling. */
  stream(
    request: StreamingRequest,
  ): Promise<
    | StreamedResponse
    | { readonly is: 'refused'; readonly requestId: RequestId; readonly reason: RefusalReason }
  >
}

/** Serialises a platform fault as Lambda's caller sees it; the key order is the fault's own. */
export function faultPayload(error: FunctionError): Buffer {
  return Buffer.from(JSON.stringify(error))
}
