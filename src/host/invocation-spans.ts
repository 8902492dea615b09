// The parts of one invocation's time, measured where somebody takes telemetry.

import type { Clock } from '../clock/clock.js'
import type { Span, Tracing } from '../logs/platform-event.js'

/** Members of an event. */
type Measured = { readonly tracing?: Tracing; readonly spans?: readonly Span[] }

/** Source of names and of what they cover: AWS Lambda guide, Telemetry API, schema reference; the open agent. */
export class InvocationSpans {
  readonly #clock: Clock
  readonly #startedAtMs: number
  /** Of every event of the invocation. */
  readonly trace: { readonly tracing?: Tracing }
  #answeringAtMs: number | undefined
  #answeredAtMs: number | undefined
  #doneAtMs: number | undefined
  #endedAtMs: number | undefined

  /** @param startedAtMs on the monotonic clock: the event is handed over */
  constructor(clock: Clock, startedAtMs: number, traceHeader: string) {
    this.#clock = clock
    this.#startedAtMs = startedAtMs
    const tracing = tracingOf(traceHeader)
    this.trace = tracing === undefined ? {} : { tracing }
  }

  /** The runtime begins to send its answer. */
  answering(): void {
    this.#answeringAtMs = this.#clock.monotonicMs()
  }

  /** The whole answer is there. */
  answered(atMs: number): void {
    this.#answeredAtMs = atMs
  }

  /** The runtime has asked for the next event. */
  runtimeDone(atMs: number): void {
    this.#doneAtMs = atMs
  }

  /** Everybody is done with it. */
  ended(atMs: number): void {
    this.#doneAtMs ??= this.#answeredAtMs === undefined ? undefined : atMs
    this.#endedAtMs = atMs
  }

  /** What platform.runtimeDone has of them: nothing of an invocation without an answer. */
  ofRuntime(): Measured {
    const [answering, answered, done] = [this.#answeringAtMs, this.#answeredAtMs, this.#doneAtMs]
    if (answering === undefined || answered === undefined) return this.trace
    const spans = [
      this.#span('responseLatency', this.#startedAtMs, answering),
      this.#span('responseDuration', answering, answered),
      ...(done === undefined ? [] : [this.#span('runtimeOverhead', answered, done)]),
    ]
    return { ...this.trace, spans }
  }

  /** What platform.report has: how long extensions took beyond the runtime. */
  ofExtensions(): Measured {
    const [done, ended] = [this.#doneAtMs, this.#endedAtMs]
    if (done === undefined || ended === undefined) return this.trace
    return { ...this.trace, spans: [this.#span('extensionOverhead', done, ended)] }
  }

  #span(name: Span['name'], fromMs: number, toMs: number): Span {
    const agoMs = this.#clock.monotonicMs() - fromMs
    return { name, startMs: this.#clock.nowMs() - agoMs, durationMs: Math.max(0, toMs - fromMs) }
  }
}

// UNRECORDED: telemetry-tracing — that tracing is told of sampled traces alone, and without the identifier of a segment.
function tracingOf(value: string): Tracing | undefined {
  return /(^|;)Sampled=1(;|$)/.test(value) ? { type: 'X-Amzn-Trace-Id', value } : undefined
}
