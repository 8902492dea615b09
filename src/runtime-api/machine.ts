// One environment's Runtime API without any transport: parks next, hands out events, takes answers, refuses misuse.

import type { KernelTimers, Release } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import type { InvocationId, RequestId } from '../domain/brand.js'
import { responseBytesMax, streamedBytesMax } from '../domain/faults.js'
import type { PieceSink, StreamEnd } from '../http/exchange.js'
import { LimitedSink, type ResponseSink } from './response-sink.js'
import {
  type ApiError,
  entityTooLarge,
  invalidInvocationId,
  invalidRequestId,
  invalidResponseMode,
  invalidTransition,
  loggedErrorType,
  mayMove,
  type RuntimeStateName,
  truncatedRequest,
} from './runtime-state.js'

/** An event on its way to the runtime. */
export interface Delivery {
  readonly invocationId: InvocationId
  readonly requestId: RequestId
  /** Epoch milliseconds as the function's own clock reads. */
  readonly deadlineEpochMs: number
  readonly invokedArn: string
  readonly traceHeader: string
  readonly clientContext?: string
  readonly contentType: string
  readonly body: Buffer
  /** Takes the response as it comes, if the runtime streams one. */
  readonly sink?: ResponseSink
}

/** What a streaming handler says of itself when it fails after it had begun. */
export interface LateError {
  /** As it came. */
  readonly errorType: string
  readonly body: Buffer
}

export type ChannelEvent =
  | { readonly is: 'asked-next' }
  | {
      readonly is: 'response'
      readonly invocationId: InvocationId
      readonly body: Buffer
      readonly contentType: string
    }
  | {
      readonly is: 'error'
      readonly invocationId: InvocationId
      readonly body: Buffer
      readonly errorType: string
    }
  /** All that the delivery's sink got has been taken from the runtime. */
  | {
      readonly is: 'streamed'
      readonly invocationId: InvocationId
      readonly bytes: number
      readonly late?: LateError
    }
  /** The runtime ended its request in the middle of an answer, and lives. */
  | { readonly is: 'truncated'; readonly invocationId: InvocationId }
  | {
      readonly is: 'response-too-large'
      readonly invocationId: InvocationId
      readonly limitBytes: number
    }
  | { readonly is: 'invalid-response-mode'; readonly invocationId: InvocationId }
  | { readonly is: 'init-error'; readonly body: Buffer; readonly errorType: string }

/** Somebody who asked for the next event. */
export interface Asker {
  /** It would not get an event any more. */
  readonly gone: boolean
  /** When that happens; it may be called after `give` too. */
  onGone(listener: () => void): void
  give(delivery: Delivery): void
  refuse(error: ApiError): void
}

/** Something that a runtime sends, whose body may still be on its way. Either `accept` or `refuse` is called once. */
export interface Post {
  /** What the runtime says of it, unfiltered. */
  readonly errorType: string | undefined
  /** Calls `done` once; what is over the limit is dropped. */
  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void
  /** Instead of `readBody`: passes the body on as it comes. Calls `done` once. */
  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void
  accept(): void
  /** Without `readBody` before it the body is read and dropped. Does nothing when nobody would hear it. */
  refuse(error: ApiError): void
}

export interface Answer extends Post {
  readonly requestId: string
  /** The attempt that it answers, where the runtime says so. */
  readonly invocationId: string | undefined
  readonly responseMode: string | undefined
  readonly contentType: string | undefined
  /** Known when the body has been read. */
  lateError(): LateError | undefined
}

export interface MachineOptions {
  readonly timers: KernelTimers
  readonly onEvent: (event: ChannelEvent) => void
  /** The runtime begins to send its answer. */
  readonly onAnswering?: () => void
}

// The newest Node client may ask for the next event up to a few milliseconds before its answer arrives.
const lateAnswerMs = 50
/** A process that ends closes its connections before its end is told: on a busy machine, long before. A figure of ours. */
const exitAfterCutMs = 1_000
/** The agent does not limit /error; this only keeps a runaway from filling the daemon's memory. */
export const errorBytesMax = 32 * 1024 * 1024

export class RuntimeMachine {
  readonly #options: MachineOptions
  #state: RuntimeStateName = 'Started'
  #current: Delivery | undefined
  /** Whether somebody has been given the current event. */
  #given = false
  #parked: Asker[] = []
  /** A next that came before the answer to the event in hand. */
  #early: { readonly asker: Asker; readonly cancel: Release } | undefined
  /** An answer was cut, and perhaps its process has ended. */
  #cut: { readonly invocationId: InvocationId; readonly cancel: Release } | undefined
  #closed = false

  constructor(options: MachineOptions) {
    this.#options = options
  }

  /** Hands an event to the runtime that waits in next. Does not thaw it. */
  deliver(delivery: Delivery): void {
    assert(this.#state === 'Ready', `the runtime waits for an event, it is ${this.#state}`)
    this.#current = delivery
    this.#given = false
    this.#state = 'Running'
    const asker = this.#parked.shift()
    // Without a connection the event waits for the next request, as it would for a client that reconnects.
    if (asker !== undefined) this.#give(asker, delivery)
  }

  /** The processes are gone: the next ones start from the beginning. */
  reset(): void {
    this.#early?.cancel()
    this.#early = undefined
    this.#cut?.cancel()
    this.#cut = undefined
    this.#parked = []
    this.#current = undefined
    this.#state = 'Started'
  }

  /** Nothing is told any more. */
  close(): void {
    this.#closed = true
    this.reset()
  }

  next(asker: Asker): void {
    switch (this.#state) {
      case 'InvocationResponse':
      case 'InvocationErrorResponse':
        // The answer is on its way on another connection, or ahead of this request on the same one.
        this.#early = { asker, cancel: () => {} }
        return this.#livesAfterCut()
      case 'Running':
        if (this.#current !== undefined && !this.#given) return this.#give(asker, this.#current)
        return this.#nextBeforeAnswer(asker)
      case 'Started':
      case 'RuntimeResponseSentState':
      case 'Ready':
        return this.#park(asker)
      case 'InitError':
        return asker.refuse(invalidTransition('InitError', 'Ready'))
    }
  }

  answer(to: 'InvocationResponse' | 'InvocationErrorResponse', answer: Answer): void {
    const refusal = this.#refusal(answer, to)
    if (refusal !== undefined) {
      answer.refuse(refusal)
      return this.#livesAfterCut()
    }
    const { invocationId, sink } = this.#current as Delivery
    this.#state = to
    this.#options.onAnswering?.()
    // Who asked early waits for this answer now, however long its body takes.
    this.#early?.cancel()
    const mode = answer.responseMode
    if (to === 'InvocationResponse' && mode !== undefined && mode !== 'streaming') {
      answer.refuse(invalidResponseMode)
      return this.#answered({ is: 'invalid-response-mode', invocationId })
    }
    if (to === 'InvocationResponse' && mode !== undefined && sink !== undefined)
      return this.#stream(answer, invocationId, sink)
    const limitBytes = to === 'InvocationResponse' ? responseBytesMax : errorBytesMax
    answer.readBody(limitBytes, (body) => {
      // Reset or closed in the meantime: nobody waits for this answer any more.
      if (this.#closed || this.#current?.invocationId !== invocationId) return
      if (body === 'cut-short') return this.#cutShort(answer, invocationId)
      if (body === 'too-large') {
        answer.refuse(entityTooLarge(limitBytes))
        return this.#answered({ is: 'response-too-large', invocationId, limitBytes })
      }
      answer.accept()
      this.#answered(answerEvent(answer, to, invocationId, body))
    })
  }

  initError(post: Post): void {
    if (!mayMove(this.#state, 'InitError'))
      return post.refuse(invalidTransition(this.#state, 'InitError'))
    this.#state = 'InitError'
    post.readBody(errorBytesMax, (body) => {
      if (this.#closed || this.#state !== 'InitError') return
      if (body === 'cut-short') {
        this.#state = 'Started'
        return post.refuse(truncatedRequest)
      }
      const errorType = loggedErrorType(post.errorType)
      if (body === 'too-large') {
        post.refuse(entityTooLarge(errorBytesMax))
        return this.#options.onEvent({ is: 'init-error', body: Buffer.alloc(0), errorType })
      }
      post.accept()
      this.#options.onEvent({ is: 'init-error', body, errorType })
    })
  }

  #stream(answer: Answer, invocationId: InvocationId, sink: ResponseSink): void {
    const limited = new LimitedSink(sink, streamedBytesMax)
    sink.begin(answer.contentType ?? 'application/octet-stream')
    answer.streamBody(limited, (end) => {
      if (this.#closed || this.#current?.invocationId !== invocationId) return
      if (end === 'cut-short') return this.#cutShort(answer, invocationId)
      if (limited.isOver) {
        const limitBytes = streamedBytesMax
        answer.refuse(entityTooLarge(limitBytes))
        return this.#answered({ is: 'response-too-large', invocationId, limitBytes })
      }
      const late = answer.lateError()
      answer.accept()
      this.#answered({
        is: 'streamed',
        invocationId,
        bytes: limited.bytes,
        ...(late === undefined ? {} : { late }),
      })
    })
  }

  /**
   * It counts as the answer, as with the open agent. The end of the process, if that is the cause, is told with its reason.
   */
  #cutShort(answer: Answer, invocationId: InvocationId): void {
    answer.refuse(truncatedRequest)
    const cancel = this.#options.timers.after(exitAfterCutMs, () => this.#livesAfterCut())
    this.#cut = { invocationId, cancel }
  }

  /** Whoever speaks after a cut has not ended, and neither has who is silent for long. */
  #livesAfterCut(): void {
    const cut = this.#cut
    if (cut === undefined) return
    cut.cancel()
    this.#cut = undefined
    this.#answered({ is: 'truncated', invocationId: cut.invocationId })
  }

  #park(asker: Asker): void {
    const waitedBefore = this.#state === 'Ready'
    this.#state = 'Ready'
    this.#current = undefined
    this.#parked.push(asker)
    asker.onGone(() => {
      this.#parked = this.#parked.filter((other) => other !== asker)
    })
    if (!waitedBefore) this.#options.onEvent({ is: 'asked-next' })
  }

  #nextBeforeAnswer(asker: Asker): void {
    const cancel = this.#options.timers.after(lateAnswerMs, () => {
      this.#early = undefined
      // The same event once more, without a change of state.
      if (this.#current !== undefined) this.#give(asker, this.#current)
    })
    this.#early = { asker, cancel }
  }

  #give(asker: Asker, delivery: Delivery): void {
    this.#given = true
    asker.give(delivery)
  }

  /** What is wrong with an answer, or nothing. The id is checked before the state. */
  #refusal(answer: Answer, to: RuntimeStateName): ApiError | undefined {
    if (this.#state === 'Started') return invalidTransition(this.#state, to)
    if (this.#current === undefined || this.#current.requestId !== answer.requestId)
      return invalidRequestId
    const { invocationId } = answer
    if (invocationId !== undefined && invocationId !== this.#current.invocationId)
      return invalidInvocationId
    if (!mayMove(this.#state, to)) return invalidTransition(this.#state, to)
    return undefined
  }

  #answered(event: ChannelEvent): void {
    this.#state = 'RuntimeResponseSentState'
    const early = this.#early
    this.#early = undefined
    early?.cancel()
    this.#options.onEvent(event)
    if (early !== undefined && !early.asker.gone && !this.#closed) this.next(early.asker)
  }
}

function answerEvent(
  answer: Answer,
  to: 'InvocationResponse' | 'InvocationErrorResponse',
  invocationId: InvocationId,
  body: Buffer,
): ChannelEvent {
  if (to === 'InvocationErrorResponse')
    return { is: 'error', invocationId, body, errorType: loggedErrorType(answer.errorType) }
  const late = answer.lateError()
  // For a buffered caller that is an error.
  if (late !== undefined)
    return {
      is: 'error',
      invocationId,
      body: late.body,
      errorType: loggedErrorType(late.errorType),
    }
  return {
    is: 'response',
    invocationId,
    body,
    contentType: answer.contentType ?? 'application/json',
  }
}
