// The effects of one environment's life: its sandbox, its Runtime API, its log, and what is measured of them.

import { assert, assertNever } from '../domain/assert.js'
import type { EmulatorMs, EnvironmentId } from '../domain/brand.js'
import {
  exitFault,
  noBootstrapFault,
  responseTooLargeFault,
  truncatedFault,
} from '../domain/faults.js'
import type { Generation } from '../domain/function.js'
import type { Invocation, Outcome, PayloadRef } from '../domain/invocation.js'
import type { PayloadStore } from '../invoke/payloads.js'
import type { ResponseStreams } from '../invoke/response-streams.js'
import type { Journal } from '../journal/journal.js'
import type { FailedStatus } from '../logs/platform-event.js'
import type { HostCommand } from '../placement/state.js'
import type { ChannelEvent } from '../runtime-api/machine.js'
import type { Sandbox } from '../sandbox/sandbox.js'
import { type ProcessExit, type SandboxedProcess, SpawnFailure } from '../sandbox/spawn.js'
import { EnvironmentParts, type OpeningParts } from './environment-parts.js'
import type { FreezeGrace } from './freeze-grace.js'
import { HostError, type HostEvent } from './host.js'
import { type CutOff, InvocationReport } from './invocation-report.js'
import { logStreamName, PlatformLog, type PlatformLogParts } from './platform-log.js'
import type { Programs } from './programs.js'
import type { StartTurns } from './start-turns.js'
import { TmpWatch } from './tmp-watch.js'

type CommandOf<Do extends HostCommand['do']> = Extract<HostCommand, { do: Do }>

/** What all environments of a host share. */
export interface HostParts extends OpeningParts, PlatformLogParts {
  readonly grace: FreezeGrace
  readonly startTurns: StartTurns
  readonly programs: Programs
  readonly payloads: PayloadStore
  readonly streams: ResponseStreams
  readonly journal: Journal
}

export interface EnvironmentUsage {
  readonly memoryUsedMb: number
  readonly cpuMs: number
  readonly pids: readonly number[]
  /** The folder of this machine that is its /tmp. */
  readonly tmpFolder: string
}

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
  #process: SandboxedProcess | undefined
  /** Lets the next environment begin its start. */
  #starting: Promise<void> = Promise.resolve()
  #init:
    | { readonly command: CommandOf<'start'>; readonly atMs: number; errorType?: string }
    | undefined
  #initDurationMs: number | undefined
  #current: InvocationReport | undefined
  #memoryPeakMb = 0
  #outOfMemory = false
  #exit: ProcessExit | undefined
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
      memoryChanged: (privateBytes) =>
        report({ on: 'measured', env: id, privateMb: Math.ceil(privateBytes / bytesPerMb) }),
    })
    this.#log = new PlatformLog(parts, this.#own, generation, this.logStreamName)
  }

  /** Processes, memory and CPU time now; undefined before the first start. */
  usage(): EnvironmentUsage | undefined {
    const { sandbox } = this.#own
    if (sandbox === undefined) return undefined
    const { cpuUs, memoryBytes } = sandbox.usage()
    return {
      memoryUsedMb: Math.ceil(memoryBytes / bytesPerMb),
      cpuMs: cpuUs / 1000,
      pids: sandbox.pids(),
      tmpFolder: sandbox.tmpFolder,
    }
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
    this.#exit = undefined
    await this.#parts.startTurns.next()
    const search = await this.#parts.programs.find(definition)
    await this.#own.open('found' in search ? search.found : undefined)
    const { sandbox } = this.#own.opened
    this.#tmpWatch ??= this.#watchTmp(sandbox)
    this.#log.initStarted(command.cause)
    if ('missing' in search) {
      this.#init.errorType = 'Runtime.InvalidEntrypoint'
      const { errorType, errorMessage } = noBootstrapFault(command.pending?.requestId ?? '')
      throw new HostError(errorType, errorMessage)
    }
    this.#init = { command, atMs: this.#parts.clock.monotonicMs() }
    const process = await this.#own.start(search.found).catch((error: unknown) => {
      if (!(error instanceof SpawnFailure)) throw error
      if (this.#init !== undefined) this.#init.errorType = 'Runtime.InvalidEntrypoint'
      throw new HostError('Runtime.InvalidEntrypoint', error.message)
    })
    this.#process = process
    void process.exited.then((exit) => this.#exited(process, exit))
  }

  #watchTmp({ storage }: Sandbox): TmpWatch {
    const { clock, timers, journal } = this.#parts
    const { functionName } = this.generation.definition
    const { sizeMb } = storage
    return new TmpWatch({
      storage,
      timers,
      monotonicMs: () => clock.monotonicMs(),
      overfull: (usedMb) =>
        journal.append({
          kind: 'environment.tmp-overfull',
          env: this.id,
          functionName,
          usedMb,
          sizeMb,
        }),
    })
  }

  deliver(command: CommandOf<'deliver'>): void {
    const { channel, sandbox } = this.#own.opened
    const { invocation, deadlineMs } = command
    // Init has ended, whichever of the two comes first: an event or the freeze.
    sandbox.initialized()
    const { clock, payloads, streams } = this.#parts
    const report = this.#beginReport(invocation, command.initInside)
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
        : { sink: streams.get(invocation.invocationId) }),
    })
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
    this.#current = report
    return report
  }

  freeze(): undefined | Promise<void> {
    return this.#parts.grace.freeze(this.id, () => {
      const { sandbox } = this.#own.opened
      sandbox.initialized()
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
    this.#own.opened.sandbox.freezer.thaw()
  }

  async kill(command: CommandOf<'kill'>): Promise<void> {
    this.#parts.grace.cancel(this.id)
    this.#killing = true
    const report = this.#current
    const endedAtMs = this.#parts.clock.monotonicMs()
    await this.#starting.catch(() => undefined)
    const { sandbox, pipe } = this.#own
    this.#process = undefined
    this.#frozenSinceMs = undefined
    if (sandbox === undefined || pipe === undefined) return this.#endUnopened()
    if (report !== undefined || this.#init !== undefined) this.#measureMemory()
    try {
      await sandbox.kill()
    } finally {
      this.#own.channel?.reset()
      // Whoever waits for the tail of a log gets it, even of processes that would not die.
      this.#closeReports(command, report, endedAtMs)
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
      this.#log.initEnded(init.command.cause, endedAtMs - init.atMs, status)
    const pending = init?.command.cause === 'in-invoke' ? init.command.pending : undefined
    if (pending !== undefined) {
      const failed = this.#failedInit(init as NonNullable<typeof init>)
      this.#log.begin(failed)
      return this.#finishReport(failed, endedAtMs, this.#cutOff(status, pending.requestId))
    }
    if (report === undefined || reason === 'stopping') return
    const cutOff = this.#cutOff(status, report.requestId)
    this.#finishReport(report, endedAtMs, report.answered === undefined ? cutOff : undefined)
  }

  #cutOff(status: FailedStatus, requestId: string): CutOff {
    if (status.is === 'timeout') {
      const { timeoutSeconds } = this.generation.definition
      return { status, fault: { is: 'timeout', atMs: this.#parts.clock.nowMs(), timeoutSeconds } }
    }
    if (this.#exit === undefined) return { status, fault: { is: 'unknown' } }
    return { status, fault: { is: 'exit', ...exitFault(requestId, this.#exit) } }
  }

  /** Source: AWS Lambda guide; the caller's error stays Runtime.ExitError. */
  #endErrorType(told: string | undefined): string {
    if (told !== undefined) return told
    return this.#outOfMemory ? 'Runtime.OutOfMemory' : 'Runtime.ExitError'
  }

  #failedInit(init: { readonly command: CommandOf<'start'>; readonly atMs: number }) {
    const { pending } = init.command
    assert(pending !== undefined, 'an invocation waits for an init inside it')
    return new InvocationReport({
      invocation: pending,
      version: this.generation.version,
      memoryMb: this.generation.definition.memoryMb,
      startedAtMs: init.atMs,
      cold: true,
      initDurationMs: undefined,
      frozenForMs: undefined,
      environment: this.id,
    })
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
        return this.#answered({
          is: 'fault',
          error: {
            errorType: 'Runtime.InvalidResponseModeHeader',
            errorMessage: 'Invalid function response mode',
          },
        })
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
    if (this.#init !== undefined && this.#current === undefined) {
      this.#initDurationMs = nowMs - this.#init.atMs
      this.#log.initEnded(this.#init.command.cause, this.#initDurationMs)
      // Who dies in its first invocation has used memory too.
      this.#measureMemory()
    }
    const report = this.#current
    if (report?.answered !== undefined) {
      this.#measureMemoryNowAndThen(nowMs, report)
      this.#current = undefined
      this.#finishReport(report, nowMs, undefined)
      this.#endedAtMs = nowMs
    }
    this.#report({ on: 'asked-next', env: this.id, participant: 'runtime' })
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

  async #exited(process: SandboxedProcess, exit: ProcessExit): Promise<void> {
    // What it sent before it died is still on its way through the sockets.
    await this.#own.channel?.drained()
    if (this.#process !== process) return
    this.#process = undefined
    this.#exit = exit
    if (exit.signal === 'SIGKILL' && this.#own.sandbox?.ranOutOfMemory()) {
      this.#outOfMemory = true
      // It used all there was, whatever was seen of it.
      this.#memoryPeakMb = this.generation.definition.memoryMb
    }
    this.#report({ on: 'exited', env: this.id, participant: 'runtime', exit })
  }
}

const noBytes = Buffer.alloc(0)
