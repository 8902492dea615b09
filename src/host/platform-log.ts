// What Lambda itself tells in the log of one environment, each at its place: starts, ends and figures of inits and invocations.

import type { Clock } from '../clock/clock.js'
import type { Generation } from '../domain/function.js'
import type { EnvironmentLog } from '../logs/environment-log.js'
import type { InvocationTails } from '../logs/invocation-tails.js'
import type { FailedStatus, InitEnded, InitPhase, PlatformEvent } from '../logs/platform-event.js'
import { type PlatformLogStyle, platformLines } from '../logs/platform-lines.js'
import type { ReportStyle } from '../logs/report.js'
import type { InitCause } from '../placement/state.js'
import type { Extension } from '../runtime-api/extensions.js'
import type { TelemetryHub } from '../telemetry/hub.js'
import type { InvocationReport } from './invocation-report.js'

export interface PlatformLogParts {
  readonly clock: Clock
  readonly tails: InvocationTails
  readonly reportStyle: ReportStyle
  readonly runtimeVersionArn: (generation: Generation) => string
}

/** The log, once it is open, and the way to a place in it. */
export interface MarkedLog {
  readonly log: EnvironmentLog | undefined
  readonly telemetry: TelemetryHub
  mark(reached: () => void): void
  /** What was written since the last mark may as well stand behind. */
  markLoosely(reached: () => void): void
}

export class PlatformLog {
  readonly #parts: PlatformLogParts
  readonly #own: MarkedLog
  readonly #generation: Generation
  readonly #logStreamName: string
  readonly #style: PlatformLogStyle
  /** platform.initRuntimeDone of the init under way has been told. */
  #toldOfRuntime = false

  constructor(
    parts: PlatformLogParts,
    own: MarkedLog,
    generation: Generation,
    logStreamName: string,
  ) {
    const { logFormat: format, logLevels: levels } = generation.definition
    this.#parts = parts
    this.#own = own
    this.#generation = generation
    this.#logStreamName = logStreamName
    this.#style = { format, levels, reportStyle: parts.reportStyle }
  }

  initStarted(cause: InitCause): void {
    const { definition, version } = this.#generation
    const { functionName, runtime, memoryMb } = definition
    this.#tell({
      type: 'platform.initStart',
      phase: phaseOf(cause),
      functionName,
      functionVersion: version,
      runtime,
      runtimeVersionArn: this.#parts.runtimeVersionArn(this.#generation),
      logStreamName: this.#logStreamName,
      memoryMb,
    })
  }

  /** The runtime is done with its init, and an extension is not, which may wait for this news. */
  initRuntimeDone(cause: InitCause): void {
    this.#toldOfRuntime = true
    this.#tell({ type: 'platform.initRuntimeDone', phase: phaseOf(cause), durationMs: 0 })
  }

  /** @param status missing: it ended well */
  initEnded(
    cause: InitCause,
    durationMs: number,
    extensions: readonly Extension[],
    status?: FailedStatus,
  ): void {
    const ended = (type: InitEnded['type']): PlatformEvent => ({
      type,
      phase: phaseOf(cause),
      durationMs,
      ...(status === undefined ? {} : { status }),
    })
    const told = extensions.map(extensionInit)
    const ofRuntime = this.#toldOfRuntime ? [] : [ended('platform.initRuntimeDone')]
    this.#toldOfRuntime = false
    this.#tell(...ofRuntime, ...told, ended('platform.initReport'))
  }

  /** From here on lines belong to this invocation; what was just written may, where `loosely`. */
  begin(report: InvocationReport, loosely = false): void {
    const { requestId, logTail } = report
    const { startEvent } = report
    const lines = this.#lines([startEvent])
    const nowMs = this.#heardAtMs()
    const begin = () => {
      this.#own.log?.begin(requestId, lines, logTail)
      if (nowMs !== undefined) this.#own.telemetry.event(startEvent, nowMs)
    }
    if (loosely) this.#own.markLoosely(begin)
    else this.#own.mark(begin)
  }

  /** The runtime is done with the invocation, and an extension is not. */
  runtimeDone(report: InvocationReport): void {
    this.#tell(report.runtimeDoneEvent())
  }

  /** The invocation is over, and its figures are known. */
  end(report: InvocationReport): void {
    const events = report.closingEvents()
    const closing = this.#lines(events)
    const nowMs = this.#heardAtMs()
    this.#own.mark(() => {
      if (report.logTail) this.#cut(report, closing)
      this.#own.log?.end(closing)
      if (nowMs !== undefined) this.#hear(events, nowMs)
    })
  }

  /** What was written so far, closed by what is known by now, is the tail that the caller gets. */
  cutTail(report: InvocationReport): void {
    this.#cut(report, this.#lines(report.closingEvents()))
  }

  #cut({ invocationId }: InvocationReport, closing: readonly string[]): void {
    this.#parts.tails.cut(invocationId, this.#own.log?.tail(closing) ?? Buffer.alloc(0))
  }

  /** What is no part of an init or an invocation, at its place in the log. */
  tell(event: PlatformEvent): void {
    this.#tell(event)
  }

  #tell(...events: readonly PlatformEvent[]): void {
    const lines = this.#lines(events)
    const nowMs = this.#heardAtMs()
    if (lines.length === 0 && nowMs === undefined) return
    this.#own.mark(() => {
      for (const line of lines) this.#own.log?.platform(line)
      if (nowMs !== undefined) this.#hear(events, nowMs)
    })
  }

  /** The time for those who take telemetry; undefined where nobody does. */
  #heardAtMs(): number | undefined {
    return this.#own.telemetry.listening ? this.#parts.clock.nowMs() : undefined
  }

  #hear(events: readonly PlatformEvent[], nowMs: number): void {
    for (const event of events) this.#own.telemetry.event(event, nowMs)
  }

  /** What the log shows of these events, which is nothing of some. */
  #lines(events: readonly PlatformEvent[]): readonly string[] {
    return platformLines(events, this.#style, this.#parts.clock.nowMs())
  }
}

function extensionInit({ name, state, events, errorType }: Extension): PlatformEvent {
  return {
    type: 'platform.extension',
    name,
    state,
    events,
    ...(errorType === undefined ? {} : { errorType }),
  }
}

function phaseOf(cause: InitCause): InitPhase {
  return cause === 'in-invoke' ? 'invoke' : 'init'
}

/**
 * YYYY/MM/DD/[version]32 hex digits; in a log group that others may write to as well the function's name stands before the
 * version. Source: AWS Lambda guide, logging, log groups; a log of a function on AWS, 2026.
 */
export function logStreamName(
  { clock, newStreamId }: { readonly clock: Clock; readonly newStreamId: () => string },
  { definition, version }: Generation,
): string {
  const { functionName, logGroup } = definition
  const name = logGroup === `/aws/lambda/${functionName}` ? '' : functionName
  const day = new Date(clock.nowMs()).toISOString().slice(0, 10).replaceAll('-', '/')
  return `${day}/${name}[${version}]${newStreamId()}`
}
