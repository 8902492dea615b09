// Accepted asynchronous invocations in memory: run, retried after their delays, given up by count or age.

import type { Clock } from '../clock/clock.js'
import type { EmulatorMs, RequestId, TimerKey } from '../domain/brand.js'
import type { RefusalReason } from '../domain/invocation.js'
import type { InvokeResult, Invoker } from '../invoke/invoker.js'
import type { Journal } from '../journal/journal.js'
import type { AcceptedEvent, EventQueue } from './event-queue.js'

export interface EventQueueFigures {
  readonly retryDelaysMs: readonly number[]
  readonly throttleBackoffMs: { readonly first: number; readonly longest: number }
  readonly maximumEventAgeMs: number
}

export interface MemoryEventQueueParts {
  readonly clock: Clock
  readonly invoker: Invoker
  readonly journal: Journal
  readonly figures: EventQueueFigures
  /** For the journal. */
  readonly nameOf: (functionArn: string) => string
}

interface QueuedEvent {
  readonly event: AcceptedEvent
  readonly requestId: RequestId
  readonly acceptedAtMs: EmulatorMs
  /** Runs that the function itself ended: throttling does not count. */
  attempt: number
  throttled: number
}

export class MemoryEventQueue implements EventQueue {
  readonly #parts: MemoryEventQueueParts
  readonly #queued = new Map<RequestId, QueuedEvent>()

  constructor(parts: MemoryEventQueueParts) {
    this.#parts = parts
  }

  put(event: AcceptedEvent): Promise<RequestId> {
    const queued = this.#accept(event)
    void this.#run(queued)
    return Promise.resolve(queued.requestId)
  }

  refuse(event: AcceptedEvent, reason: string): Promise<RequestId> {
    const queued = this.#accept(event)
    this.#drop(queued, reason)
    return Promise.resolve(queued.requestId)
  }

  #accept(event: AcceptedEvent): QueuedEvent {
    const { clock, invoker } = this.#parts
    const requestId = invoker.newRequestId()
    const queued = { event, requestId, acceptedAtMs: clock.nowMs(), attempt: 1, throttled: 0 }
    this.#queued.set(requestId, queued)
    return queued
  }

  depth(): number {
    return this.#queued.size
  }

  async #run(queued: QueuedEvent): Promise<void> {
    const { event, requestId, attempt } = queued
    const result = await this.#parts.invoker.invoke({
      ...event,
      type: 'Event',
      requestId,
      attempt,
      origin: 'event-queue',
    })
    this.#after(queued, result)
  }

  #after(queued: QueuedEvent, result: InvokeResult): void {
    switch (result.is) {
      case 'response':
        this.#queued.delete(queued.requestId)
        return
      case 'function-error':
        return this.#retry(queued, result.errorType)
      case 'refused':
        return this.#refused(queued, result.reason)
    }
  }

  #retry(queued: QueuedEvent, errorType: string): void {
    const delayMs = this.#parts.figures.retryDelaysMs[queued.attempt - 1]
    if (delayMs === undefined)
      return this.#drop(queued, `it failed ${queued.attempt} times, last with ${errorType}`)
    queued.attempt += 1
    this.#again(queued, delayMs)
  }

  #refused(queued: QueuedEvent, reason: RefusalReason): void {
    if (reason === 'FunctionDeleted' || reason === 'EmulatorStopping')
      return this.#drop(queued, reason)
    const { first, longest } = this.#parts.figures.throttleBackoffMs
    const delayMs = Math.min(first * 2 ** queued.throttled, longest)
    queued.throttled += 1
    this.#again(queued, delayMs)
  }

  #again(queued: QueuedEvent, delayMs: number): void {
    const { clock, figures, journal } = this.#parts
    const nextAtMs = (clock.nowMs() + delayMs) as EmulatorMs
    if (nextAtMs - queued.acceptedAtMs > figures.maximumEventAgeMs)
      return this.#drop(queued, 'it is too old')
    journal.append({
      kind: 'event.retry',
      functionName: this.#parts.nameOf(queued.event.functionArn),
      requestId: queued.requestId,
      attempt: queued.attempt,
      nextAtMs,
    })
    const key = `event:${queued.requestId}` as TimerKey
    clock.arm(key, nextAtMs, 'background', () => void this.#run(queued))
  }

  #drop(queued: QueuedEvent, reason: string): void {
    this.#queued.delete(queued.requestId)
    this.#parts.journal.append({
      kind: 'event.dropped',
      functionName: this.#parts.nameOf(queued.event.functionArn),
      requestId: queued.requestId,
      reason,
    })
  }
}
