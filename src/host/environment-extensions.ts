// The extensions of one environment as processes: found in its layers, started before the runtime, given time to end.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, KernelTimers } from '../clock/clock.js'
import { assertNever } from '../domain/assert.js'
import type { EmulatorMs, EnvironmentId } from '../domain/brand.js'
import { launchFault, tooManyExtensionsFault } from '../domain/faults.js'
import type { FunctionDefinition } from '../domain/function.js'
import type { FunctionError } from '../domain/invocation.js'
import type { ResetReason, ShutdownReason } from '../placement/state.js'
import type { ShutdownBudget } from '../profile/profile.js'
import type {
  Extension,
  ExtensionChange,
  Extensions,
  ShutdownReasonName,
} from '../runtime-api/extensions.js'
import { type OwnProcess, type ProcessExit, SpawnFailure } from '../sandbox/spawn.js'
import { lambdaPaths } from '../sandbox/view.js'
import type { EnvironmentParts } from './environment-parts.js'
import { HostError, type HostEvent } from './host.js'
import type { Program } from './programs.js'

/** What all environments of a host share. */
export interface EnvironmentExtensionsParts {
  readonly clock: Clock
  readonly timers: KernelTimers
  readonly shutdownMs: ShutdownBudget
}

export interface EnvironmentExtensionsOptions {
  readonly id: EnvironmentId
  readonly own: EnvironmentParts
  readonly report: (event: HostEvent) => void
  /** One of them has asked for the next event; told before it is reported. */
  readonly waits: () => void
}

/** How a process of the environment ended that should not have. */
export interface ProcessEnd {
  /** `runtime`, or the identifier of an extension. */
  readonly participant: string
  readonly exit: ProcessExit
  /** The environment's first fatal error, where that is an extension's. */
  readonly errorType?: string
}

const folderName = 'extensions'

/** Its layers have a folder for external extensions. */
export function wantsExtensions({ layerContent }: FunctionDefinition): boolean {
  return layerContent?.top[folderName] === 'folder'
}

export class EnvironmentExtensions {
  readonly #parts: EnvironmentExtensionsParts
  readonly #options: EnvironmentExtensionsOptions
  /** Those of one life of the environment, by their names. */
  #processes = new Map<string, OwnProcess>()
  /** Looks whether all have registered; set while that is waited for. */
  #look: (() => void) | undefined
  /** What they do from here on is no failure. */
  #ending = false
  #error: string | undefined
  #ended: ProcessEnd | undefined

  constructor(parts: EnvironmentExtensionsParts, options: EnvironmentExtensionsOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** The first fatal error that is an extension's: its type. */
  get error(): string | undefined {
    return this.#error
  }

  get fatal(): Pick<ProcessEnd, 'errorType'> {
    return this.#error === undefined ? {} : { errorType: this.#error }
  }

  /** The end of one of them, if that is what ended the environment. */
  get ended(): ProcessEnd | undefined {
    return this.#ended
  }

  get all(): readonly Extension[] {
    return this.#options.own.channel?.extensions.all ?? []
  }

  /** There are some, of whatever kind and in whatever state: then an end takes time. */
  get present(): boolean {
    return (this.#options.own.channel?.extensions.count ?? 0) > 0
  }

  /** A new life of the environment begins. */
  begin(): void {
    this.#ending = false
    this.#error = undefined
    this.#ended = undefined
    this.#processes = new Map()
  }

  /**
   * Starts every external extension, in the order of their names. Resolves when all have registered, or when the environment
   * is being ended. @throws HostError when one cannot be launched.
   */
  async launch(
    { layerContent }: FunctionDefinition,
    program: Program,
    requestId = '',
  ): Promise<void> {
    const folder = join(layerContent?.folder ?? '', folderName)
    for (const name of await fileNames(folder)) {
      if (this.#ending) return
      try {
        await this.#launchOne(join(folder, name), name, program, requestId)
      } catch (error) {
        if (error instanceof HostError) this.#error ??= error.errorType
        throw error
      }
    }
    await this.#registered()
  }

  async #launchOne(file: string, name: string, program: Program, requestId: string): Promise<void> {
    const { own } = this.#options
    const extension = this.#register.announce(name)
    if (extension === undefined) throw hostError(tooManyExtensionsFault(requestId))
    const process = await own.startExtension(file, program).catch((error: unknown) => {
      if (!(error instanceof SpawnFailure)) throw error
      const denied = error.code === 'EACCES' || error.code === 'EPERM'
      this.#register.launchFailed(name, denied ? 'PermissionDenied' : 'UnknownError')
      throw hostError(
        launchFault(requestId, `${lambdaPaths.layers}/${folderName}/${name}`, error.code),
      )
    })
    this.#processes.set(name, process)
    void process.exited.then((exit) => {
      if (this.#processes.get(name) !== process) return
      this.#processes.delete(name)
      void this.#exited(extension, exit)
    })
  }

  #registered(): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (!this.#ending && !this.#register.allRegistered) return
        this.#look = undefined
        resolve()
      }
      this.#look()
    })
  }

  async #exited({ id: participant }: Extension, exit: ProcessExit): Promise<void> {
    if (this.#ending) return
    const { id: env, own, report } = this.#options
    const life = this.#processes
    // What it sent before it ended is still on its way through the sockets.
    await own.channel?.drained()
    // By now this may be the next life.
    if (this.#ending || this.#processes !== life) return
    this.#error ??= 'Extension.Crash'
    this.#ended ??= { participant, exit, errorType: this.#error }
    report({ on: 'exited', env, participant, exit, errorType: this.#error })
  }

  /** What one of them has done. */
  changed(change: ExtensionChange): void {
    if (this.#ending) return
    const { id: env, report, waits } = this.#options
    const { id: participant, kind, events } = change.extension
    switch (change.is) {
      case 'extension-registered': {
        const invoked = events.includes('INVOKE')
        report({ on: 'registered', env, participant, kind: `${kind}-extension`, invoked })
        return this.#look?.()
      }
      case 'extension-asked-next':
        waits()
        return report({ on: 'asked-next', env, participant })
      case 'extension-error':
        // It is to end now: its end is what ends the environment.
        this.#error ??= change.phase === 'init' ? 'Extension.InitError' : 'Extension.ExitError'
        return
      default:
        return assertNever(change)
    }
  }

  /** Whoever waits for extensions waits no longer: the environment is being ended. */
  cutShort(): void {
    this.#ending = true
    this.#look?.()
  }

  get #register(): Extensions {
    return this.#options.own.opened.channel.extensions
  }

  /**
   * Ends the processes in Lambda's order, each in its time: the runtime by SIGTERM; then external extensions, by an event for
   * those that asked for it. Resolves as soon as all have ended, or when the time is over: then what is left is to be killed.
   */
  async shutDown(
    why: ResetReason | ShutdownReason,
    runtime: OwnProcess | undefined,
  ): Promise<void> {
    const { shutdownMs, clock, timers } = this.#parts
    const external = this.#register.all.some(({ kind }) => kind === 'external')
    const totalMs = external ? shutdownMs.external : shutdownMs.internal
    const deadlineMs = clock.toFunctionEpochMs((clock.nowMs() + totalMs) as EmulatorMs)
    let over = false
    const stopWaiting = new Set<() => void>()
    const cancel = timers.after(totalMs, () => {
      over = true
      for (const stop of stopWaiting) stop()
    })
    const whileThereIsTime = (ended: Promise<unknown>) =>
      new Promise<void>((resolve) => {
        if (over) return resolve()
        stopWaiting.add(resolve)
        void ended.then(() => resolve())
      })
    if (runtime !== undefined) {
      const runtimeMs = external ? Math.min(shutdownMs.runtime, totalMs) : totalMs
      await whileThereIsTime(this.#endRuntime(runtime, runtimeMs))
    }
    await whileThereIsTime(this.#endExternal(reasonOf(why), deadlineMs))
    cancel()
  }

  async #endRuntime(runtime: OwnProcess, waitMs: number): Promise<void> {
    const cancel = this.#parts.timers.after(waitMs, () => runtime.kill())
    runtime.terminate()
    await runtime.exited
    cancel()
  }

  async #endExternal(reason: ShutdownReasonName, deadlineMs: number): Promise<void> {
    const register = this.#register
    const ended = [...this.#processes.values()].map(({ exited }) => exited)
    register.shutDown(reason, deadlineMs)
    for (const { name, events } of register.all)
      if (!events.includes('SHUTDOWN')) this.#processes.get(name)?.kill()
    await Promise.all(ended)
  }
}

/** Source: the open Runtime API agent. */
function reasonOf(why: ResetReason | ShutdownReason): ShutdownReasonName {
  switch (why) {
    case 'timeout':
      return 'timeout'
    case 'crash':
    case 'init-failed':
    case 'failed':
      return 'failure'
    case 'expired':
    case 'evicted':
    case 'redeploy':
    case 'deleted':
    case 'stopping':
      return 'spindown'
  }
}

/** Everything directly in it that is no folder. Source: the open Runtime API agent, which goes by name too. */
async function fileNames(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

function hostError({ errorType, errorMessage }: FunctionError): HostError {
  return new HostError(errorType, errorMessage)
}
