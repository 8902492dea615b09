// What is known of one invocation while it runs, and the lines and records made of it when it ends.

import type { EnvironmentId, InvocationId } from '../domain/brand.js'
import type { Invocation, Outcome } from '../domain/invocation.js'
import type { JournalRecord } from '../journal/journal.js'
import { closingLines, type ReportFigures, startLine } from '../logs/report.js'

export type ReportStatus = NonNullable<ReportFigures['status']>

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

// Stacks are short; what is longer is not worth parsing for one line on a terminal.
const describedBytesMax = 256 * 1024

export class InvocationReport {
  readonly #options: InvocationReportOptions
  frozenForMs: number | undefined
  answered: Outcome | undefined
  finished = false
  #described: { errorType?: string; errorMessage?: string } = {}
  #durationMs = 0
  #memoryMb = 0
  #status: ReportStatus | undefined

  constructor(options: InvocationReportOptions) {
    this.#options = options
    this.frozenForMs = options.frozenForMs
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

  get startLine(): string {
    return startLine(this.#options.invocation.requestId, this.#options.version)
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

  /** Figures for a caller who will not wait until the runtime is done. */
  estimate(atMs: number, memoryMb: number): void {
    this.#durationMs = atMs - this.#options.startedAtMs
    this.#memoryMb = memoryMb
  }

  finish(atMs: number, memoryMb: number, status: ReportStatus | undefined): void {
    this.estimate(atMs, memoryMb)
    this.#status = status ?? this.#status
    this.finished = true
  }

  closingLines(): readonly [string, string] {
    const { invocation, memoryMb, initDurationMs } = this.#options
    return closingLines({
      requestId: invocation.requestId,
      durationMs: this.#durationMs,
      memoryMb,
      maxMemoryUsedMb: this.#memoryMb,
      ...(initDurationMs === undefined ? {} : { initDurationMs }),
      ...(this.#status === undefined ? {} : { status: this.#status }),
    })
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
    if (this.answered?.is === 'error') return 'error'
    return this.#status?.is === 'timeout' ? 'timeout' : 'fault'
  }

  #errorMembers(): { errorType?: string; errorMessage?: string } {
    if (this.answered?.is === 'fault') return this.answered.error
    if (this.#status?.is === 'error') return { errorType: this.#status.errorType }
    if (this.answered?.is !== 'error') return {}
    return { errorType: this.answered.errorType, ...this.#described }
  }
}
