// From listening to the last environment gone: how the daemon begins to serve, and how it ends in any case.

import type { FastifyInstance } from 'fastify'
import type {
  Emulator,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  ProjectSource,
  Status,
  Warning,
} from '../admin/contract.js'
import { systemKernel } from '../clock/kernel.js'
import { assert } from '../domain/assert.js'
import type { PortRange } from '../http/port-range.js'
import { listen, listenOn } from '../http/server.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { LogPipes } from '../sandbox/log-pipe.js'
import type { StateDirectoryClaim } from './state-directory.js'
import { type SummaryParts, summarizeFunction, summarizeStatus } from './summaries.js'

export interface LifetimeParts {
  readonly sandboxes: SandboxFactory
  readonly pipes: LogPipes
  readonly claim: StateDirectoryClaim
  readonly lambdaApp: FastifyInstance
  readonly adminApp: FastifyInstance
  readonly summary: SummaryParts
  readonly token: string
  readonly warnings: readonly Warning[]
  readonly source: ProjectSource
  readonly ports: PortRange
}

// What the journal's end says about how we came here.
const bugTail = 30
const bugStopMsMax = 5_000
/** A figure of ours. */
const unreadMsMax = 1_000

export class Lifetime implements Emulator {
  readonly #parts: LifetimeParts
  readonly stopped: Promise<void>
  #resolveStopped: () => void = () => {}
  #stopping: Promise<void> | undefined
  #bugged = false
  lambdaUrl = ''
  adminUrl = ''

  constructor(parts: LifetimeParts) {
    this.#parts = parts
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  get httpUrl(): string | null {
    return this.#parts.summary.served.door.url
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

  get source(): ProjectSource {
    return this.#parts.source
  }

  get summary(): SummaryParts {
    return this.#parts.summary
  }

  get servers(): Pick<LifetimeParts, 'lambdaApp' | 'adminApp'> {
    return this.#parts
  }

  /** @throws EmulatorError EMU_PORT_IN_USE. */
  async listen(host: string, lambdaPort: number): Promise<void> {
    const { lambdaApp, adminApp, claim, token, ports } = this.#parts
    this.lambdaUrl = (await listen(lambdaApp, { host, port: lambdaPort })).url
    // Inside the range that environments cannot reach.
    await ports.listen(async (port) => {
      this.adminUrl = (await listenOn(adminApp, { host, port })).url
    })
    claim.publish({ adminUrl: this.adminUrl, lambdaUrl: this.lambdaUrl, token })
    this.#parts.summary.served.project.watch()
  }

  reload(): Promise<void> {
    return this.#parts.summary.served.project.reload()
  }

  functions(): readonly FunctionSummary[] {
    return this.#parts.summary.engine.functions.all().map(summarizeFunction)
  }

  status(): Status {
    return summarizeStatus(this.#parts.summary)
  }

  onJournal(listener: (record: JournalRecord) => void): () => void {
    return this.#parts.summary.engine.journal.listen(listener)
  }

  onLog(listener: (record: LogRecord, json: string) => void): () => void {
    return this.#parts.summary.engine.logs.listen(listener)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => this.#resolveStopped())
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { sandboxes, pipes, claim, lambdaApp, adminApp, summary } = this.#parts
    const { engine, served } = summary
    const { runner, clock } = engine
    await served.rest()
    // Whoever waits for an answer gets one before its connection is closed.
    await runner.stop()
    await Promise.all([closeUnread(lambdaApp), served.door.close(), adminApp.close()])
    try {
      await sandboxes.close()
    } finally {
      await pipes.close()
      clock.close()
      claim.release()
    }
  }

  /** An assertion failed: our bug. What we started is ended, the journal's tail is told, and the process ends. */
  bug(error: unknown): void {
    if (this.#bugged) return
    this.#bugged = true
    const tail = this.#parts.summary.engine.journal
      .tail(bugTail)
      .map((entry) => JSON.stringify(entry))
    process.stderr.write(
      `lambda-emu has a bug and stops. The last of its journal:\n${tail.join('\n')}\n`,
    )
    // What has a bug may not be able to stop; whatever has a process is ended in any case.
    void Promise.race([this.stop(), systemKernel.sleep(bugStopMsMax)])
      .catch(() => undefined)
      .then(() => this.#parts.sandboxes.close())
      .catch(() => undefined)
      .finally(() => {
        throw error
      })
  }
}

/** Every answer has been written; a client that has not read its own by then is not waited for. */
function closeUnread(app: FastifyInstance): Promise<void> {
  const cancel = systemKernel.after(unreadMsMax, () => app.server.closeAllConnections())
  return app.close().finally(cancel)
}

/** The servers behind an emulator's two URLs, for a test that walks their routes. */
export function controlServers(emulator: Emulator): {
  readonly lambdaApp: FastifyInstance
  readonly adminApp: FastifyInstance
} {
  assert(emulator instanceof Lifetime, 'an emulator of this process')
  return emulator.servers
}
