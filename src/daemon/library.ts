// The emulator as tests and other programs use it: what the daemon is, with its functions, clock and journal at hand.

import type {
  EmulatorOptions,
  EnvironmentSummary,
  JournalRecord,
  LogRecord,
} from '../admin/contract.js'
import type {
  ClockAdvance,
  ClockView,
  InvokeAnswer,
  InvokeOptions,
  LibraryEmulator,
  RecordOf,
  WaitOptions,
} from '../admin/library.js'
import type { EmulatorClock } from '../clock/emulator-clock.js'
import { systemKernel } from '../clock/kernel.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { Journal } from '../journal/journal.js'
import { actByHand, type HandVerb, summarizeEnvironments } from './by-hand.js'
import type { ProfiledOptions } from './chosen-profile.js'
import { compose } from './compose.js'
import { removeStateDirectory, temporaryStateDirectory } from './library-folder.js'
import { LibraryInvoker } from './library-invoke.js'
import { type WaitParts, waitForRecord } from './library-waits.js'
import type { Lifetime } from './lifetime.js'
import type { SummaryParts } from './summaries.js'

/** @throws EmulatorError; then nothing is left behind. */
export async function startLibraryEmulator(options: ProfiledOptions): Promise<LibraryEmulator> {
  const own = options.stateDirectory === undefined ? await temporaryStateDirectory() : undefined
  const removeOwn = () => {
    if (own !== undefined) removeStateDirectory(own)
  }
  try {
    const daemon = await compose({
      lambdaPort: 0,
      httpPort: 0,
      ...options,
      ...(own === undefined ? {} : { stateDirectory: own }),
    })
    return new ProcessEmulator(daemon, options, removeOwn)
  } catch (error) {
    removeOwn()
    throw error
  }
}

class ProcessEmulator implements LibraryEmulator {
  readonly clock: ClockView
  readonly stopped: Promise<void>
  readonly #daemon: Lifetime
  readonly #summary: SummaryParts
  readonly #invoker: LibraryInvoker
  readonly #stopListeners = new Set<() => void>()

  constructor(daemon: Lifetime, options: EmulatorOptions, removeOwn: () => void) {
    this.#daemon = daemon
    this.#summary = daemon.summary
    // Whoever stops it: this program, or the command line.
    this.stopped = daemon.stopped.then(removeOwn)
    const { engine } = daemon.summary
    this.clock = clockView(engine.clock, engine.journal)
    this.#invoker = new LibraryInvoker({
      engine,
      accountId: options.accountId ?? '000000000000',
      region: options.region ?? 'us-east-1',
      timers: systemKernel,
      onStopped: (listener) => this.#onStopped(listener),
    })
    void daemon.stopped.then(() => {
      for (const listener of this.#stopListeners) listener()
    })
  }

  get lambdaUrl() {
    return this.#daemon.lambdaUrl
  }

  get httpUrl() {
    return this.#daemon.httpUrl
  }

  get adminUrl() {
    return this.#daemon.adminUrl
  }

  get adminToken() {
    return this.#daemon.adminToken
  }

  get stateDirectory() {
    return this.#daemon.stateDirectory
  }

  get warnings() {
    return this.#daemon.warnings
  }

  get source() {
    return this.#daemon.source
  }

  functions() {
    return this.#daemon.functions()
  }

  status() {
    return this.#daemon.status()
  }

  onJournal(listener: (record: JournalRecord) => void): () => void {
    return this.#daemon.onJournal(listener)
  }

  onLog(listener: (record: LogRecord, json: string) => void): () => void {
    return this.#daemon.onLog(listener)
  }

  reload(): Promise<void> {
    return this.#daemon.reload()
  }

  invoke(name: string, payload?: unknown, options: InvokeOptions = {}): Promise<InvokeAnswer> {
    return this.#invoker.invoke(name, payload, options)
  }

  logs(functionName?: string): readonly LogRecord[] {
    return this.#summary.engine.logs.read(functionName)
  }

  journal(): readonly JournalRecord[] {
    return this.#summary.engine.journal.tail(Number.POSITIVE_INFINITY)
  }

  environments(): readonly EnvironmentSummary[] {
    return summarizeEnvironments(this.#summary)
  }

  freeze(environment: string): Promise<EnvironmentSummary> {
    return this.#suspend('freeze', environment)
  }

  thaw(environment: string): Promise<EnvironmentSummary> {
    return this.#suspend('thaw', environment)
  }

  async expire(environment: string): Promise<void> {
    await this.#act('expire', environment, isGone)
  }

  async waitFor<Kind extends string>(
    kind: Kind,
    fits: (record: RecordOf<Kind>) => boolean = () => true,
    options: WaitOptions = {},
  ): Promise<RecordOf<Kind>> {
    // A record of this kind has these members: the contract says so of what is appended.
    const fitsIt = fits as (record: JournalRecord) => boolean
    const wish = {
      what: `a record ${kind}`,
      fits: (record: JournalRecord) => record.kind === kind && fitsIt(record),
    }
    return (await waitForRecord(this.#waiting(), wish, options)) as RecordOf<Kind>
  }

  async stop(): Promise<void> {
    await this.#daemon.stop()
    await this.stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Of each call only for as long as it lasts: a promise would keep them all to the end. */
  #onStopped(listener: () => void): () => void {
    this.#stopListeners.add(listener)
    return () => this.#stopListeners.delete(listener)
  }

  #waiting(): WaitParts {
    const { journal } = this.#summary.engine
    const onStopped = (listener: () => void) => this.#onStopped(listener)
    return { journal, timers: systemKernel, onStopped }
  }

  async #suspend(verb: 'freeze' | 'thaw', id: string): Promise<EnvironmentSummary> {
    const suspension = verb === 'freeze' ? 'frozen' : 'running'
    await this.#act(verb, id, ({ kind, to }) => {
      return kind === 'environment.suspension' && to === suspension
    })
    const found = this.environments().find((each) => each.id === id)
    if (found === undefined)
      throw new EmulatorError('EMU_ENVIRONMENT_NOT_FOUND', { environment: id })
    return found
  }

  /** Waits for its end too; an environment that could not do it, or is gone before, has ended it as well. */
  async #act(
    verb: HandVerb,
    id: string,
    isDone: (record: JournalRecord) => boolean,
  ): Promise<void> {
    const after = this.#summary.engine.journal.tail(1)[0]
    actByHand(verb, id, this.#summary)
    const isOver = (record: JournalRecord) =>
      isDone(record) || isGone(record) || record.kind === 'environment.trouble'
    const fits = (record: JournalRecord) => record.env === id && isOver(record)
    await waitForRecord(this.#waiting(), { what: `the end of ${verb} of ${id}`, fits }, { after })
  }
}

function isGone({ kind, to }: JournalRecord): boolean {
  return kind === 'environment.phase' && to === 'gone'
}

function clockView(clock: EmulatorClock, journal: Journal): ClockView {
  return {
    mode: clock.mode,
    nowMs: () => clock.nowMs(),
    async advance(byMs): Promise<ClockAdvance> {
      checkAdvance(clock, byMs)
      let invocationsEnded = 0
      const unlisten = journal.listen(({ kind }) => {
        if (kind === 'invocation.ended') invocationsEnded += 1
      })
      try {
        return { ...(await clock.advance(byMs)), invocationsEnded }
      } finally {
        unlisten()
      }
    },
  }
}

function checkAdvance({ mode }: EmulatorClock, byMs: number): void {
  if (mode === 'real') {
    throw new EmulatorError('EMU_LIBRARY_USE', {
      problem: 'the real clock cannot be advanced',
      advice: "start the emulator with { clock: 'virtual' }",
    })
  }
  if (!(byMs >= 0 && Number.isFinite(byMs))) {
    throw new EmulatorError('EMU_LIBRARY_USE', {
      problem: `the clock cannot be advanced by ${byMs}`,
      advice: 'give milliseconds, 0 or more: time does not go back',
    })
  }
}
