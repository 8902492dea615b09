// How a front door of this emulator runs a function by its name.

import type { RequestId } from '../domain/brand.js'
import type { InvokeResult } from './invoker.js'

export interface FunctionCall {
  readonly payload: Buffer
  readonly requestId: RequestId
  /** X-Amzn-Trace-Id for the function. */
  readonly traceHeader: string
  readonly origin: 'rest-api' | 'http-api'
}

export type CallResult =
  | InvokeResult
  /** No function of this name can be run now. */
  | { readonly is: 'absent' }

export interface FunctionCaller {
  /** Waits for the answer. Never rejects for what the function does, for throttling, or for a function that is not there. */
  call(functionName: string, call: FunctionCall): Promise<CallResult>
}
