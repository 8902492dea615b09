// From listening to the last environment gone: how the daemon begins to serve, and how it ends in any case.

import type { FastifyInstance } from 'fastify'
import type {
  Emulator,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  Status,
  Warning,
} from '../admin/contract.js'
import type { EmulatorClock } from '../clock/emulator-clock.js'
import type { Runner } from '../host/runner.js'
import { listen } from '../http/server.js'
import type { Journal } from '../journal/journal.js'
import type { LogStore } from '../logs/log-store.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { LogPipes } from '../sandbox/log-pipe.js'
import type { StateDirectoryClaim } from './state-directory.js'
import { summarizeFunction, summarizeStatus, type SummaryParts } from './summaries.js'

export interface LifetimeParts {
  readonly clock: EmulatorClock
  readonly journal: Journal
  readonly logs: LogStore
  readonly runner: Runner
  readonly sandboxes: SandboxFactory
  readonly pipes: LogPipes
  readonly claim: StateDirectoryClaim
  readonly lambdaApp: FastifyInstance
  readonly adminApp: FastifyInstance
  readonly summary: SummaryParts
  readonly token: string
  readonly warnings: readonly Warning[]
}

// What the journal's end says about how we came here.
const bugTail = 30

export class Lifetime implements Emulator {
  readonly #parts: LifetimeParts
  readonly stopped: Promise<void>
  #resolveStopped: () => void = () => {}
  #stopping: Promise<void> | undefined
  lambdaUrl = ''
  adminUrl = ''

  constructor(parts: LifetimeParts) {
    this.#parts = parts
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  get adminToken(): string {
    return this.#parts.token
  }

  get stateDirectory(): string {
    return this.#parts.claim.stateDirectory
  }

  get warnings(): readonly Warning[] {
    return this.#parts.warnings
  }

  /** @throws EmulatorError EMU_PORT_IN_USE. */
  async listen(host: string, lambdaPort: number): Promise<void> {
    const { lambdaApp, adminApp, claim, token } = this.#parts
    this.lambdaUrl = (await listen(lambdaApp, { host, port: lambdaPort })).url
    this.adminUrl = (await listen(adminApp, { host, port: 0 })).url
    claim.publish({ adminUrl: this.adminUrl, lambdaUrl: this.lambdaUrl, token })
  }

  functions(): readonly FunctionSummary[] {
    return this.#parts.summary.functions.all().map(summarizeFunction)
  }

  status(): Status {
    return summarizeStatus(this.#parts.summary)
  }

  onJournal(listener: (record: JournalRecord) => void): () => void {
    return this.#parts.journal.listen(listener)
  }

  onLog(listener: (record: LogRecord) => void): () => void {
    return this.#parts.logs.listen(listener)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => this.#resolveStopped())
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { runner, sandboxes, pipes, claim, lambdaApp, adminApp, clock } = this.#parts
    // Whoever waits for an answer gets one before its connection is closed.
    await runner.stop()
    await Promise.all([lambdaApp.close(), adminApp.close()])
    await sandboxes.close()
    await pipes.close()
    clock.close()
    claim.release()
  }

  /** An assertion failed: our bug. What we started is ended, the journal's tail is told, and the process ends. */
  bug(error: unknown): void {
    const tail = this.#parts.journal.tail(bugTail).map((entry) => JSON.stringify(entry))
    process.stderr.write(
      `lambda-emu has a bug and stops. The last of its journal:\n${tail.join('\n')}\n`,
    )
    void this.stop().finally(() => {
      throw error
    })
  }
}
