// Where accepted asynchronous invocations wait: the interface that a durable store will implement too.

import type { RequestId } from '../domain/brand.js'
import type { InvokeRequest } from '../invoke/invoker.js'

export type AcceptedEvent = Omit<
  InvokeRequest,
  'type' | 'logTail' | 'requestId' | 'attempt' | 'origin'
>

export interface EventQueue {
  /** Resolves when the event is accepted: the caller may be told 202 from then on, not before. */
  put(event: AcceptedEvent): Promise<RequestId>
  /** Accepts an event that will never run: as `put` for its caller, and told as dropped for `reason`. */
  refuse(event: AcceptedEvent, reason: string): Promise<RequestId>
  /** How many events have been accepted and have not ended. */
  depth(): number
}
