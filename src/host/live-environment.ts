// The effects of one environment's life: its sandbox, its Runtime API, its log, and what is measured of them.

import { assert, assertNever } from '../domain/assert.js'
import type { EmulatorMs, EnvironmentId } from '../domain/brand.js'
import {
  endFault,
  invalidResponseModeFault,
  noBootstrapFault,
  responseTooLargeFault,
  truncatedFault,
} from '../domain/faults.js'
import type { Generation } from '../domain/function.js'
import type { Invocation, Outcome, PayloadRef } from '../domain/invocation.js'
import type { FailedStatus } from '../logs/platform-event.js'
import type { HostCommand } from '../placement/state.js'
import type { Extensions } from '../runtime-api/extensions.js'
import type { ChannelEvent } from '../runtime-api/machine.js'
import { PacedSink, type ResponseSink } from '../runtime-api/response-sink.js'
import { type OwnProcess, type ProcessExit, SpawnFailure } from '../sandbox/spawn.js'
import {
  EnvironmentExtensions,
  type ProcessEnd,
  wantsExtensions,
} from './environment-extensions.js'
import { EnvironmentParts, type EnvironmentUsage } from './environment-parts.js'
import { HostError, type HostEvent } from './host.js'
import type { HostParts } from './host-parts.js'
import { type CutOff, failedInit, InvocationReport } from './invocation-report.js'
import { logStreamName, PlatformLog } from './platform-log.js'
import { type TmpWatch, tmpWatchOf } from './tmp-watch.js'

type CommandOf<Do extends HostCommand['do']> = Extract<HostCommand, { do: Do }>

const bytesPerMb = 1024 * 1024
// Reading it costs 0.1 to 0.2 ms, as much as the rest of a short invocation. Source: measured.
const measuredFromMs = 5
const measuredEveryMs = 250
// A figure of ours: as long as the grace before a freeze. A mark costs 5 to 10 µs.
const looseForMs = 2

export class LiveEnvironment {
  readonly id: EnvironmentId
  readonly generation: Generation
  readonly logStreamName: string
  readonly #parts: HostParts
  readonly #report: (event: HostEvent) => void
  readonly #own: EnvironmentParts
  readonly #log: PlatformLog
  readonly #extensions: EnvironmentExtensions
  #process: OwnProcess | undefined
  #starting: Promise<void> = Promise.resolve()
  #init:
    | { readonly command: CommandOf<'start'>; readonly atMs: number; errorType?: string }
    | undefined
  #initDurationMs: number | undefined
  #current: InvocationReport | undefined
  #memoryPeakMb = 0
  #outOfMemory = false
  #ended: ProcessEnd | undefined
  /** The runtime has asked for the next event and not got it. */
  #runtimeWaits = false
  #memoryMeasuredAtMs = Number.NEGATIVE_INFINITY
  #tmpWatch: TmpWatch | undefined
  #killing = false
  #frozenSinceMs: EmulatorMs | undefined
  #frozenForMs: number | undefined
  /** When the log of the last invocation was closed, on the monotonic clock. */
  #endedAtMs = Number.NEGATIVE_INFINITY

  constructor(
    id: EnvironmentId,
    generation: Generation,
    parts: HostParts,
    report: (event: HostEvent) => void,
  ) {
    this.id = id
    this.generation = generation
    this.#parts = parts
    this.#report = report
    this.logStreamName = logStreamName(parts, generation)
    this.#own = new EnvironmentParts(parts, {
      id,
      generation,
      logStreamName: this.logStreamName,
      onEvent: (event) => this.#heard(event),
      onAnswering: () => this.#current?.spans?.answering(),
      onExtension: (change) => this.#extensions.changed(change),
      memoryChanged: (privateBytes) =>
        report({ on: 'measured', env: id, privateMb: Math.ceil(privateBytes / bytesPerMb) }),
      tell: (event) => this.#log.tell(event),
    })
    this.#log = new PlatformLog(parts, this.#own, generation, this.logStreamName)
    const waits = () => {
      if (this.#runtimeWaits) this.#allWait(parts.clock.monotonicMs())
    }
    this.#extensions = new EnvironmentExtensions(parts, { id, own: this.#own, report, waits })
  }

  /** Processes, memory and CPU time now; undefined before the first start. */
  usage(): EnvironmentUsage | undefined {
    return this.#own.usage()
  }

  start(command: CommandOf<'start'>): Promise<void> {
    this.#starting = this.#start(command)
    return this.#starting
  }

  async #start(command: CommandOf<'start'>): Promise<void> {
    const { definition } = this.generation
    this.#killing = false
    this.#init = { command, atMs: this.#parts.clock.monotonicMs() }
    this.#initDurationMs = undefined
    this.#outOfMemory = false
    this.#ended = undefined
    this.#runtimeWaits = false
    this.#extensions.begin()
    await this.#parts.startTurns.next()
    const search = await this.#parts.programs.find(definition)
    await this.#own.open('found' in search ? search.found : undefined)
    const { sandbox } = this.#own.opened
    const { functionName } = definition
    this.#tmpWatch ??= tmpWatchOf(this.#parts, { env: this.id, functionName, sandbox })
    this.#log.initStarted(command.cause)
    if ('missing' in search) {
      this.#init.errorType = 'Runtime.InvalidEntrypoint'
      const { errorType, errorMessage } = noBootstrapFault(command.pending?.requestId ?? '')
      throw new HostError(errorType, errorMessage)
    }
    this.#own.telemetry.resume()
    this.#init = { command, atMs: this.#parts.clock.monotonicMs() }
    if (wantsExtensions(definition)) {
      await this.#extensions.launch(definition, search.found, command.pending?.requestId)
      if (this.#killing) return
    }
    const process = await this.#own.start(search.found).catch((error: unknown) => {
      if (!(error instanceof SpawnFailure)) throw error
      if (this.#init !== undefined) this.#init.errorType = 'Runtime.InvalidEntrypoint'
      throw new HostError('Runtime.InvalidEntrypoint', error.message)
    })
    this.#process = process
    void process.exited.then((exit) => this.#exited(process, exit))
  }

  deliver(command: CommandOf<'deliver'>): void {
    const { channel, sandbox } = this.#own.opened
    const { invocation, deadlineMs } = command
    // Init has ended, whichever of the two comes first: an event or the freeze.
    sandbox.initialized()
    const { clock, payloads, streams } = this.#parts
    const report = this.#beginReport(invocation, command.initInside)
    this.#runtimeWaits = false
    // A thread that wrote in the moment between two calls back to back wrote in no particular place of the log.
    this.#log.begin(report, report.startedAtMs - this.#endedAtMs < looseForMs)
    channel.deliver({
      invocationId: invocation.invocationId,
      requestId: invocation.requestId,
      deadlineEpochMs: clock.toFunctionEpochMs(deadlineMs),
      invokedArn: invocation.invokedArn,
      traceHeader: invocation.traceHeader,
      ...(invocation.clientContext === undefined
        ? {}
        : { clientContext: invocation.clientContext }),
      contentType: invocation.contentType,
      body: payloads.get(invocation.payload),
      ...(invocation.responseMode === undefined
        ? {}
        : { sink: this.#paced(streams.get(invocation.invocationId)) }),
    })
  }

  #paced(stream: ResponseSink): ResponseSink {
    const { streamRate: rate, timers, clock } = this.#parts
    if (rate === undefined) return stream
    return new PacedSink(stream, { rate, timers, monotonicMs: () => clock.monotonicMs() })
  }

  #beginReport(invocation: Invocation, cold: boolean): InvocationReport {
    const { clock } = this.#parts
    // Init inside the invocation counts as part of it.
    const inInvoke = this.#init?.command.cause === 'in-invoke' ? this.#init : undefined
    this.#init = undefined
    const report = new InvocationReport({
      invocation,
      version: this.generation.version,
      memoryMb: this.generation.definition.memoryMb,
      startedAtMs: inInvoke?.atMs ?? clock.monotonicMs(),
      cold: cold || inInvoke !== undefined,
      initDurationMs: cold ? this.#initDurationMs : undefined,
      frozenForMs: this.#frozenForMs,
      environment: this.id,
    })
    this.#frozenForMs = undefined
    if (this.#own.telemetry.listening) report.measureSpans(clock)
    this.#current = report
    return report
  }

  freeze(): undefined | Promise<void> {
    return this.#parts.grace.freeze(this.id, () => {
      const { sandbox } = this.#own.opened
      sandbox.initialized()
      this.#own.telemetry.pause()
      sandbox.freezer.freeze()
      this.#frozenSinceMs = this.#parts.clock.nowMs()
    })
  }

  thaw(): void {
    if (this.#parts.grace.cancel(this.id)) return
    if (this.#frozenSinceMs !== undefined) {
      this.#frozenForMs = this.#parts.clock.nowMs() - this.#frozenSinceMs
      if (this.#current !== undefined) this.#current.frozenForMs = this.#frozenForMs
    }
    this.#frozenSinceMs = undefined
    const { sandbox } = this.#own.opened
    sandbox.freezer.thaw()
    if (sandbox.address === undefined) this.#own.telemetry.resume()
    else sandbox.whenReachable(() => this.#resumeTelemetry())
  }

  /** What is sent before its link is up is sent again a second later. */
  #resumeTelemetry(): void {
    if (this.#frozenSinceMs === undefined) this.#own.telemetry.resume()
  }

  async kill(command: CommandOf<'kill'>): Promise<void> {
    this.#parts.grace.cancel(this.id)
    this.#killing = true
    const report = this.#current
    const endedAtMs = this.#parts.clock.monotonicMs()
    this.#extensions.cutShort()
    await this.#starting.catch(() => undefined)
    const { sandbox, pipe } = this.#own
    const process = this.#process
    const frozen = this.#frozenSinceMs !== undefined
    this.#process = undefined
    this.#frozenSinceMs = undefined
    if (sandbox === undefined || pipe === undefined) return this.#endUnopened()
    if (report !== undefined || this.#init !== undefined) this.#measureMemory()
    try {
      if (this.#extensions.present) {
        // What extensions write while they end belongs to no invocation.
        this.#closeReports(command, report, endedAtMs)
        if (frozen) sandbox.freezer.thaw()
        sandbox.whenReachable(() => this.#own.telemetry.hurry())
        await this.#extensions.shutDown(command.reason, process)
      }
      this.#own.telemetry.restarting()
      await sandbox.kill()
    } finally {
      this.#own.channel?.reset()
      // Whoever waits for the tail of a log gets it, even of processes that would not die.
      if (report?.finished !== true) this.#closeReports(command, report, endedAtMs)
    }
  }

  /** A start that never got as far as a log: whoever waits for its tail gets an empty one. */
  #endUnopened(): void {
    const pending = this.#init?.command.pending
    this.#init = undefined
    if (pending !== undefined) this.#parts.tails.cut(pending.invocationId, noBytes)
  }

  /** The log lines of what the kill cut off: a failed init, an invocation that timed out or crashed. */
  #closeReports(
    { reason }: CommandOf<'kill'>,
    report: InvocationReport | undefined,
    endedAtMs: number,
  ): void {
    const init = this.#init
    this.#init = undefined
    this.#current = undefined
    const status =
      reason === 'timeout'
        ? ({ is: 'timeout' } as const)
        : ({ is: 'error', errorType: this.#endErrorType(init?.errorType) } as const)
    if (init !== undefined && reason !== 'stopping')
      this.#log.initEnded(init.command.cause, endedAtMs - init.atMs, this.#extensions.all, status)
    const pending = init?.command.cause === 'in-invoke' ? init.command.pending : undefined
    if (pending !== undefined) {
      assert(init !== undefined, 'an invocation waits for an init inside it')
      const failed = failedInit(pending, this.generation, { startedAtMs: init.atMs, env: this.id })
      this.#log.begin(failed)
      return this.#finishReport(failed, endedAtMs, this.#cutOff(status, pending.requestId))
    }
    if (report === undefined || reason === 'stopping') return
    const cutOff = this.#cutOff(status, report.requestId)
    const byExtension = report.waitsForExtension || this.#extensions.ended !== undefined
    const cut = report.answered === undefined || byExtension
    this.#finishReport(report, endedAtMs, cut ? cutOff : undefined)
  }

  #cutOff(status: FailedStatus, requestId: string): CutOff {
    if (status.is === 'timeout') {
      const { timeoutSeconds } = this.generation.definition
      return { status, fault: { is: 'timeout', atMs: this.#parts.clock.nowMs(), timeoutSeconds } }
    }
    const ended = this.#extensions.ended ?? this.#ended
    if (ended === undefined) return { status, fault: { is: 'unknown' } }
    return { status, fault: { is: 'exit', ...endFault(requestId, ended) } }
  }

  /** Source: AWS Lambda guide; the caller's error stays Runtime.ExitError. */
  #endErrorType(told: string | undefined): string {
    if (told !== undefined) return told
    if (this.#extensions.error !== undefined) return this.#extensions.error
    return this.#outOfMemory ? 'Runtime.OutOfMemory' : 'Runtime.ExitError'
  }

  /** Writes END and REPORT at the place in the log that is reached now, and tells the journal. */
  #finishReport(report: InvocationReport, endedAtMs: number, cutOff: CutOff | undefined): void {
    const { timeoutSeconds } = this.generation.definition
    // The deadline is counted from a moment earlier, when the invocation was placed: a timeout lasted as long as it says.
    const timedOut = cutOff?.status.is === 'timeout'
    const leastMs = timedOut ? report.startedAtMs + timeoutSeconds * 1000 : 0
    report.finish(Math.max(endedAtMs, leastMs), this.#memoryPeakMb, cutOff)
    this.#log.end(report)
    this.#parts.journal.append(report.journalRecord(this.generation.definition.functionName))
    this.#tmpWatch?.written()
  }

  async remove(): Promise<void> {
    const { id } = this
    this.#parts.grace.cancel(id)
    this.#parts.payloads.drop(this.#initErrorPayload)
    this.#tmpWatch?.close()
    await this.#own.remove()
  }

  #heard(event: ChannelEvent): void {
    // The invocation has been ended already: what the dying runtime still says is for nobody.
    if (this.#killing) return
    switch (event.is) {
      case 'asked-next':
        return this.#heardNext()
      case 'response': {
        const payload = this.#parts.payloads.put(`${event.invocationId}:answer`, event.body)
        return this.#answered({ is: 'response', payload, contentType: event.contentType })
      }
      case 'error': {
        const payload = this.#parts.payloads.put(`${event.invocationId}:answer`, event.body)
        this.#current?.describeError(event.body)
        return this.#answered({ is: 'error', payload, errorType: event.errorType })
      }
      case 'streamed':
        return this.#streamed(event)
      case 'truncated': {
        const requestId = this.#current?.requestId ?? ''
        return this.#answered({ is: 'fault', error: truncatedFault(requestId) })
      }
      case 'response-too-large':
        return this.#answered({ is: 'fault', error: responseTooLargeFault(event.limitBytes) })
      case 'invalid-response-mode':
        return this.#answered({ is: 'fault', error: invalidResponseModeFault })
      case 'init-error': {
        if (this.#init !== undefined) this.#init.errorType = event.errorType
        const payload = this.#parts.payloads.put(this.#initErrorPayload.key, event.body)
        const outcome = { is: 'error', payload, errorType: event.errorType } as const
        return this.#report({ on: 'init-error', env: this.id, outcome })
      }
      default:
        return assertNever(event)
    }
  }

  #streamed({ invocationId, bytes, late }: Extract<ChannelEvent, { is: 'streamed' }>): void {
    if (late === undefined) return this.#answered({ is: 'streamed', bytes })
    const payload = this.#parts.payloads.put(`${invocationId}:answer`, late.body)
    this.#current?.describeError(late.body)
    const { errorType } = late
    this.#answered({ is: 'streamed', bytes, error: { payload, errorType } })
  }

  get #initErrorPayload(): PayloadRef {
    return { key: `${this.id}:init-error`, bytes: 0 }
  }

  #answered(outcome: Outcome): void {
    const report = this.#current
    assert(report !== undefined, 'an answer belongs to an invocation')
    const answeredAtMs = this.#parts.clock.monotonicMs()
    report.answer(outcome)
    report.spans?.answered(answeredAtMs)
    if (report.logTail) {
      this.#measureMemory()
      this.#own.mark(() => this.#cutTail(report, answeredAtMs))
    }
    const { invocationId } = report
    this.#report({ on: 'answered', env: this.id, invocation: invocationId, outcome })
  }

  /** The caller's tail: what was written before the answer, closed as the log will close it. */
  #cutTail(report: InvocationReport, answeredAtMs: number): void {
    if (!report.finished) report.estimate(answeredAtMs, this.#memoryPeakMb)
    this.#log.cutTail(report)
  }

  /** The answer and this come together: a caller who waits has the answer before the log of it is closed. */
  #heardNext(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const report = this.#current
    if (report?.answered === undefined || !report.callerWaits) return this.#askedNext(nowMs)
    this.#parts.timers.nextTurn(() => {
      // Ended in the meantime, and its log closed.
      if (this.#current === report && !this.#killing) this.#askedNext(nowMs)
    })
  }

  #askedNext(nowMs: number): void {
    this.#runtimeWaits = true
    if (this.#init !== undefined && this.#current === undefined) {
      const { extensions } = this.#own.opened.channel
      extensions.closeRegistration()
      if (!extensions.allReady) this.#log.initRuntimeDone(this.#init.command.cause)
    }
    this.#allWait(nowMs)
    this.#report({ on: 'asked-next', env: this.id, participant: 'runtime' })
  }

  /** The runtime waits: init, or an invocation that it has answered, is over when the extensions wait too. */
  #allWait(nowMs: number): void {
    const extensions = this.#own.channel?.extensions
    const report = this.#current
    if (report === undefined) return this.#initDone(nowMs, extensions)
    if (report.answered === undefined) return
    if (extensions?.busy === true) {
      if (report.waitsForExtension) return
      report.runtimeIsDone(nowMs)
      // There are extensions that wait for this before they ask for the next event.
      return this.#log.runtimeDone(report)
    }
    this.#measureMemoryNowAndThen(nowMs, report)
    this.#current = undefined
    this.#finishReport(report, nowMs, undefined)
    this.#endedAtMs = nowMs
  }

  #initDone(nowMs: number, extensions: Extensions | undefined): void {
    if (this.#init === undefined || extensions?.allReady !== true) return
    this.#initDurationMs = nowMs - this.#init.atMs
    this.#own.telemetry.initEnded()
    this.#log.initEnded(this.#init.command.cause, this.#initDurationMs, extensions.all)
    extensions.endInit()
    // Who dies in its first invocation has used memory too.
    this.#measureMemory()
  }

  /** What is read is a peak, so that what one short call leaves out the next one tells. */
  #measureMemoryNowAndThen(nowMs: number, report: InvocationReport): void {
    const long = nowMs - report.startedAtMs >= measuredFromMs
    if (!long && nowMs - this.#memoryMeasuredAtMs < measuredEveryMs) return
    this.#measureMemory()
    // Nothing fills its memory in less than what is measured, so that no kill is missed here.
    this.#own.sandbox?.outlived()
  }

  #measureMemory(): void {
    this.#memoryMeasuredAtMs = this.#parts.clock.monotonicMs()
    const usedMb = this.#memoryUsedMb()
    const limitMb = this.generation.definition.memoryMb
    this.#memoryPeakMb = Math.min(limitMb, Math.max(this.#memoryPeakMb, usedMb))
  }

  #memoryUsedMb(): number {
    try {
      return Math.ceil((this.#own.sandbox?.usage().memoryBytes ?? 0) / bytesPerMb)
    } catch {
      // A figure of a log line is worth no failed invocation; the last peak stands.
      return 0
    }
  }

  async #exited(process: OwnProcess, exit: ProcessExit): Promise<void> {
    // What it sent before it died is still on its way through the sockets.
    await this.#own.channel?.drained()
    if (this.#process !== process) return
    this.#process = undefined
    this.#ended = { participant: 'runtime', exit, ...this.#extensions.fatal }
    if (exit.signal === 'SIGKILL' && this.#own.sandbox?.ranOutOfMemory()) {
      this.#outOfMemory = true
      // It used all there was, whatever was seen of it.
      this.#memoryPeakMb = this.generation.definition.memoryMb
    }
    this.#report({ on: 'exited', env: this.id, ...this.#ended })
  }
}

const noBytes = Buffer.alloc(0)
