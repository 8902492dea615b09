// What is known of one invocation while it runs, and the lines and records made of it when it ends.

import type { Clock } from '../clock/clock.js'
import type { EnvironmentId, InvocationId, RequestId } from '../domain/brand.js'
import type { Generation } from '../domain/function.js'
import type { Invocation, Outcome } from '../domain/invocation.js'
import type { JournalRecord } from '../journal/journal.js'
import type { FailedStatus, InvocationFault, PlatformEvent } from '../logs/platform-event.js'

import { InvocationSpans } from './invocation-spans.js'

export interface InvocationReportOptions {
  readonly invocation: Invocation
  readonly version: string
  readonly memoryMb: number
  /** On the monotonic clock. */
  readonly startedAtMs: number
  readonly cold: boolean
  readonly initDurationMs: number | undefined
  readonly frozenForMs: number | undefined
  readonly environment: EnvironmentId
}

/** How the platform ended an invocation, as a status and in words. */
export interface CutOff {
  readonly status: FailedStatus
  readonly fault: InvocationFault['fault']
}

// Stacks are short; what is longer is not worth parsing for one line on a terminal.
const describedBytesMax = 256 * 1024

export class InvocationReport {
  readonly #options: InvocationReportOptions
  frozenForMs: number | undefined
  answered: Outcome | undefined
  finished = false
  /** Only where somebody takes telemetry. */
  spans: InvocationSpans | undefined
  /** When the runtime asked for the next event, if an extension had not; on the monotonic clock. */
  #runtimeDoneAtMs: number | undefined
  #described: { errorType?: string; errorMessage?: string } = {}
  #durationMs = 0
  #memoryMb = 0
  #status: FailedStatus | undefined
  #fault: InvocationFault['fault'] | undefined

  constructor(options: InvocationReportOptions) {
    this.#options = options
    this.frozenForMs = options.frozenForMs
  }

  get requestId(): RequestId {
    return this.#options.invocation.requestId
  }

  get invocationId(): InvocationId {
    return this.#options.invocation.invocationId
  }

  /** On the monotonic clock. */
  get startedAtMs(): number {
    return this.#options.startedAtMs
  }

  get callerWaits(): boolean {
    return this.#options.invocation.type === 'RequestResponse'
  }

  get logTail(): boolean {
    return this.#options.invocation.logTail
  }

  get startEvent(): PlatformEvent {
    const { invocation, version } = this.#options
    const { requestId, functionArn } = invocation
    const started = { type: 'platform.start', requestId, functionArn, version } as const
    return this.spans === undefined ? started : { ...started, ...this.spans.trace }
  }

  answer(outcome: Outcome): void {
    this.answered = outcome
    // A response that the platform refused is the runtime's fault by type, and so stands in REPORT.
    if (outcome.is === 'fault') this.#status = { is: 'error', errorType: outcome.error.errorType }
  }

  /** What the runtime says of an error it posted, for people: clients name its type only in the body. */
  describeError(body: Buffer): void {
    if (body.length > describedBytesMax) return
    try {
      const { errorType, errorMessage } = JSON.parse(body.toString()) as Record<string, unknown>
      this.#described = {
        ...(typeof errorType === 'string' ? { errorType } : {}),
        ...(typeof errorMessage === 'string' ? { errorMessage } : {}),
      }
    } catch {
      // Any bytes may be posted; the type of the header must do.
    }
  }

  /** From here on, where the event is handed over. */
  measureSpans(clock: Clock): void {
    this.spans = new InvocationSpans(
      clock,
      clock.monotonicMs(),
      this.#options.invocation.traceHeader,
    )
  }

  /** Figures for a caller who will not wait until the runtime is done. */
  estimate(atMs: number, memoryMb: number): void {
    this.#durationMs = atMs - this.#options.startedAtMs
    this.#memoryMb = memoryMb
  }

  /** The runtime has asked for the next event, and an extension has not. */
  runtimeIsDone(atMs: number): void {
    this.#runtimeDoneAtMs = atMs
    this.spans?.runtimeDone(atMs)
  }

  /** It waits for an extension, and for nobody else. */
  get waitsForExtension(): boolean {
    return this.#runtimeDoneAtMs !== undefined
  }

  /** @param cutOff what ended it, when nobody has answered */
  finish(atMs: number, memoryMb: number, cutOff?: CutOff): void {
    this.estimate(atMs, memoryMb)
    this.#status = cutOff?.status ?? this.#status
    this.#fault = cutOff?.fault
    this.finished = true
    this.spans?.ended(atMs)
  }

  /** Of the runtime's part alone. */
  runtimeDoneEvent(): PlatformEvent {
    const { invocation, startedAtMs } = this.#options
    const status = this.#status === undefined ? {} : { status: this.#status }
    const doneAtMs = this.#runtimeDoneAtMs
    const done = {
      type: 'platform.runtimeDone',
      requestId: invocation.requestId,
      durationMs: doneAtMs === undefined ? this.#durationMs : doneAtMs - startedAtMs,
      producedBytes: producedBytes(this.answered),
      ...status,
    } as const
    return this.spans === undefined ? done : { ...done, ...this.spans.ofRuntime() }
  }

  /** What Lambda tells at its end, but for what has been told of the runtime before. */
  closingEvents(): readonly PlatformEvent[] {
    const { invocation, memoryMb, initDurationMs } = this.#options
    const { requestId } = invocation
    const durationMs = this.#durationMs
    const status = this.#status === undefined ? {} : { status: this.#status }
    const fault = this.#fault
    const report = {
      type: 'platform.report',
      requestId,
      durationMs,
      memoryMb,
      maxMemoryUsedMb: this.#memoryMb,
      ...(initDurationMs === undefined ? {} : { initDurationMs }),
      ...status,
    } as const
    return [
      ...(fault === undefined ? [] : [{ type: 'platform.fault', requestId, fault } as const]),
      ...(this.#runtimeDoneAtMs === undefined ? [this.runtimeDoneEvent()] : []),
      this.spans === undefined ? report : { ...report, ...this.spans.ofExtensions() },
    ]
  }

  /** One line of `lambda-emu start`. */
  journalRecord(functionName: string): JournalRecord {
    const { invocation, initDurationMs, cold, environment } = this.#options
    return {
      kind: 'invocation.ended',
      functionName,
      requestId: invocation.requestId,
      type: invocation.type,
      attempt: invocation.attempt,
      status: this.#outcomeName(),
      durationMs: this.#durationMs,
      ...(initDurationMs === undefined ? {} : { initMs: initDurationMs }),
      env: environment,
      cold,
      invocation: invocation.invocationId,
      origin: invocation.origin,
      acceptedAtMs: invocation.acceptedAtMs,
      maxMemoryUsedMb: this.#memoryMb,
      ...(this.frozenForMs === undefined ? {} : { frozenForMs: this.frozenForMs }),
      ...this.#errorMembers(),
    }
  }

  #outcomeName(): 'ok' | 'error' | 'timeout' | 'fault' {
    if (this.answered?.is === 'response') return 'ok'
    if (this.answered?.is === 'streamed') return this.answered.error === undefined ? 'ok' : 'error'
    if (this.answered?.is === 'error') return 'error'
    return this.#status?.is === 'timeout' ? 'timeout' : 'fault'
  }

  #errorMembers(): { errorType?: string; errorMessage?: string } {
    if (this.answered?.is === 'fault') return this.answered.error
    if (this.#status?.is === 'error') return { errorType: this.#status.errorType }
    const told = this.answered?.is === 'streamed' ? this.answered.error : this.answered
    if (told === undefined || !('errorType' in told)) return {}
    return { errorType: told.errorType, ...this.#described }
  }
}

/** Source: logs of functions on AWS: of an error that the runtime reports it is 0. */
function producedBytes(answered: Outcome | undefined): number {
  if (answered?.is === 'streamed') return answered.bytes
  return answered?.is === 'response' ? answered.payload.bytes : 0
}

/** Of an invocation whose init, inside it, has failed. */
export function failedInit(
  invocation: Invocation,
  { version, definition }: Generation,
  { startedAtMs, env }: { readonly startedAtMs: number; readonly env: EnvironmentId },
): InvocationReport {
  return new InvocationReport({
    invocation,
    version,
    memoryMb: definition.memoryMb,
    startedAtMs,
    cold: true,
    initDurationMs: undefined,
    frozenForMs: undefined,
    environment: env,
  })
}
