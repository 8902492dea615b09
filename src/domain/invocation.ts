// One run of a function, as plain data: what is asked for, and how it ended.

import type { EmulatorMs, EnvironmentId, GenerationId, InvocationId, RequestId } from './brand.js'

/** Bytes stay outside the reducer; this names them in the payload store. */
export interface PayloadRef {
  readonly key: string
  readonly bytes: number
}

/** Who asked for it. */
export type InvocationOrigin = 'invoke-api' | 'event-queue' | 'rest-api' | 'http-api'

export interface Invocation {
  readonly invocationId: InvocationId
  readonly requestId: RequestId
  /** 1 for the first try; asynchronous invocations go up to 3. */
  readonly attempt: number
  /** Unqualified ARN of the function. */
  readonly functionArn: string
  /** ARN as the caller named it, with its qualifier if there was one. */
  readonly invokedArn: string
  readonly version: string
  readonly generation: GenerationId
  readonly type: 'RequestResponse' | 'Event'
  /** Left out: the caller takes the response whole. */
  readonly responseMode?: 'streaming'
  readonly logTail: boolean
  readonly payload: PayloadRef
  readonly contentType: string
  /** Decoded JSON text of X-Amz-Client-Context. */
  readonly clientContext?: string
  readonly traceHeader: string
  readonly origin: InvocationOrigin
  readonly acceptedAtMs: EmulatorMs
}

/** What the runtime or the platform says about a failed run; the wire shape of Lambda's error payload. */
export interface FunctionError {
  readonly errorType: string
  readonly errorMessage: string
}

export type RefusalReason =
  | 'ConcurrentInvocationLimitExceeded'
  | 'ReservedFunctionConcurrentInvocationLimitExceeded'
  /** Ours alone: it waited for this machine's memory in vain. */
  | 'MemoryBudgetExceeded'
  | 'FunctionDeleted'
  | 'EmulatorStopping'

/** How one attempt ended. */
export type Outcome =
  /** The runtime posted /response. */
  | { readonly is: 'response'; readonly payload: PayloadRef; readonly contentType: string }
  /** The response has gone to its caller as it came, to its end. `error`: what the runtime said last. */
  | {
      readonly is: 'streamed'
      readonly bytes: number
      readonly error?: { readonly payload: PayloadRef; readonly errorType: string }
    }
  /** The runtime posted /error: its own bytes go to the caller. */
  | { readonly is: 'error'; readonly payload: PayloadRef; readonly errorType: string }
  /** The platform ended it: timeout, exit, too large a response, failed init. */
  | { readonly is: 'fault'; readonly error: FunctionError }
  /** It never ran. */
  | { readonly is: 'refused'; readonly reason: RefusalReason }

/** An ended attempt, as its submitter gets it. */
export interface Answer {
  readonly invocationId: InvocationId
  readonly outcome: Outcome
  readonly environment?: EnvironmentId
}
