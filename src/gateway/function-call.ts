// Runs a route's function and waits for it no longer than the gateway does; the function goes on.

import type { Clock } from '../clock/clock.js'
import type { EmulatorMs, RequestId, TimerKey } from '../domain/brand.js'
import type { RefusalReason } from '../domain/invocation.js'
import type { CallResult, FunctionCall, FunctionCaller } from '../invoke/function-caller.js'

export type CallEnd = CallResult | { readonly is: 'overdue' }

/** Largest event of a synchronous invocation, in bytes. Source: Lambda quotas, 6 MB. */
export const eventBytesMax = 6_291_456

/** What a route says of its function. */
export interface CalledRoute {
  readonly functionName: string
  readonly timeoutMs: number
}

export interface CallParts {
  readonly caller: FunctionCaller
  readonly clock: Clock
}

/** `overdue` when the gateway's timeout has passed on the emulator's clock. Nothing stops the function. */
export function callFunction(
  { caller, clock }: CallParts,
  route: CalledRoute,
  call: FunctionCall,
): Promise<CallEnd> {
  const key = timerKey(call.requestId)
  const dueMs = (clock.nowMs() + route.timeoutMs) as EmulatorMs
  return new Promise((resolve, reject) => {
    clock.arm(key, dueMs, 'patience', () => resolve({ is: 'overdue' }))
    caller
      .call(route.functionName, call)
      .finally(() => clock.disarm(key))
      .then(resolve, reject)
  })
}

function timerKey(requestId: RequestId): TimerKey {
  return `gateway:${requestId}` as TimerKey
}

/** Why there is no event for a request. */
export const tooLargeWords = 'the request is larger than 10 MB, or its event than 6 MB'

/** Why the gateway did not wait for the answer. */
export function overdueWords({ functionName, timeoutMs }: CalledRoute): string {
  return `the function ${functionName} took longer than the ${timeoutMs} ms that the API waits; it goes on`
}

export function absentWords(functionName: string): string {
  return `there is no function ${functionName}`
}

/** How a function failed, in its own words where it has some. */
export function failureWords(
  functionName: string,
  { payload, errorType }: Extract<CallResult, { readonly is: 'function-error' }>,
): string {
  try {
    const said = JSON.parse(payload.toString('utf8')) as {
      readonly errorType?: unknown
      readonly errorMessage?: unknown
    } | null
    const words = [said?.errorType, said?.errorMessage].filter((word) => typeof word === 'string')
    if (words.length > 0) return `the function ${functionName} failed: ${words.join(': ')}`
  } catch {
    // A runtime may post anything as its error.
  }
  return `the function ${functionName} failed with ${errorType}`
}

const refusals: Readonly<Record<RefusalReason, string>> = {
  ConcurrentInvocationLimitExceeded: 'as many invocations as the account allows are running',
  ReservedFunctionConcurrentInvocationLimitExceeded:
    'as many invocations as the function has reserved are running',
  MemoryBudgetExceeded: "it waited for this machine's memory in vain",
  FunctionDeleted: 'it was deleted meanwhile',
  EmulatorStopping: 'the emulator is stopping',
}

/** Why a function did not run, in words. */
export function refusalWords(functionName: string, reason: RefusalReason): string {
  return `the function ${functionName} did not run: ${refusals[reason]}`
}
