// What the library lets a test or another program do with an emulator in its own process: types only.

import type { LogRecord } from '../domain/log-record.js'
import type { Emulator, EnvironmentSummary, JournalRecord, ShownRecord } from './contract.js'

/** A running emulator in this process, as tests and other programs use it. */
export interface LibraryEmulator extends Emulator, AsyncDisposable {
  readonly clock: ClockView
  /**
   * Runs a function, without HTTP in between. Resolves whatever the function does; unless `logTail` is asked for it waits
   * until the runtime is done, so that `log` and `report` are whole.
   * @param payload anything that JSON can say; left out: `{}`.
   * @throws EmulatorError EMU_FUNCTION_NOT_FOUND, EMU_PAYLOAD_INVALID.
   */
  invoke(functionName: string, payload?: unknown, options?: InvokeOptions): Promise<InvokeAnswer>
  /** What functions wrote and the platform wrote about them, oldest first: of one function, or of all. 4 MB of each are kept. */
  logs(functionName?: string): readonly LogRecord[]
  /** What happened, oldest first: the last 20,000 records at least. */
  journal(): readonly JournalRecord[]
  environments(): readonly EnvironmentSummary[]
  /** Loads the project anew and serves what has changed; what cannot be loaded is told in the journal. */
  reload(): Promise<void>
  /** Resolves when it stands still. @throws EmulatorError EMU_ENVIRONMENT_NOT_FOUND, EMU_ENVIRONMENT_STATE. */
  freeze(environment: string): Promise<EnvironmentSummary>
  /** Resolves when it runs; it does so to the end of its next invocation. @throws as `freeze`. */
  thaw(environment: string): Promise<EnvironmentSummary>
  /** Resolves when it is gone with everything that was in it. @throws as `freeze`. */
  expire(environment: string): Promise<void>
  /**
   * The first journal record of this kind that fits: one that is there already, or the first that comes.
   * @throws EmulatorError EMU_LIBRARY_USE when none has come in time, or none will because the emulator has stopped.
   */
  waitFor<Kind extends string>(
    kind: Kind,
    fits?: (record: RecordOf<Kind>) => boolean,
    options?: WaitOptions,
  ): Promise<RecordOf<Kind>>
}

/** A journal record by its kind. */
export type RecordOf<Kind extends string> = Kind extends ShownRecord['kind']
  ? Extract<ShownRecord, { readonly kind: Kind }> & Pick<JournalRecord, 'sequence'>
  : JournalRecord

export interface WaitOptions {
  /** Only records after this one count. */
  readonly after?: Pick<JournalRecord, 'sequence'> | undefined
  /** Of real time, on every clock. Default 10,000. */
  readonly timeoutMs?: number
}

/** The emulator's time: of logs, journal, schedules, retries and expiry. */
export interface ClockView {
  readonly mode: 'real' | 'virtual'
  /** Epoch milliseconds. */
  nowMs(): number
  /**
   * Lets that much time pass at once: everything that falls due meanwhile happens in its order and is waited for. A second
   * call waits for the first. @throws EmulatorError EMU_LIBRARY_USE on the real clock.
   */
  advance(byMs: number): Promise<ClockAdvance>
}

export interface ClockAdvance {
  readonly nowMs: number
  /** How far the work that fell due carried the time past what was asked for. */
  readonly overrunMs: number
  readonly timersFired: number
  /** How many invocations ended meanwhile. */
  readonly invocationsEnded: number
}

export interface InvokeOptions {
  /** `Event`: accepted to be run later, as on AWS; the answer then tells nothing of the run. Default RequestResponse. */
  readonly type?: 'RequestResponse' | 'Event'
  /** What the function finds in its context; anything that JSON can say. */
  readonly clientContext?: unknown
  /** As LogType Tail of AWS: answers as soon as the function has, with the last 4 KB of the log. */
  readonly logTail?: boolean
}

export interface InvokeAnswer {
  /** 200; 202 for an accepted event; what AWS answers when it does not run, as 429 or 413. */
  readonly statusCode: number
  /** Missing when the function ended well. */
  readonly functionError?: 'Unhandled'
  /** The function's answer or error, parsed; as text where it is no JSON. Undefined for an event. */
  readonly payload: unknown
  readonly requestId: string
  /** What stands in the log of this request, from its start to its report. Empty for an event. */
  readonly log: string
  /** Missing for an event, when the function did not run, and where its system log level leaves it out. */
  readonly report?: InvocationReport
}

/** The figures of a REPORT line, or of its event in a log in JSON format. */
export interface InvocationReport {
  readonly durationMs: number
  readonly billedDurationMs: number
  readonly memorySizeMb: number
  readonly maxMemoryUsedMb: number
  /** Only of a cold start. */
  readonly initDurationMs?: number
  readonly status?: 'timeout' | 'error'
  readonly errorType?: string
}
