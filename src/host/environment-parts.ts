// What one environment is made of while it lives: its sandbox, its Runtime API, its log; opened once, closed together.

import { join } from 'node:path'
import type { Clock, KernelTimers, KernelTurns } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import type { EnvironmentId } from '../domain/brand.js'
import { type Generation, runtimeFamily } from '../domain/function.js'
import { defaultLogLevels } from '../domain/log-levels.js'
import { emulatorPorts, type PortRange } from '../http/port-range.js'
import { isKept } from '../logs/application-level.js'
import { EnvironmentLog, type EnvironmentLogOptions } from '../logs/environment-log.js'
import type { LogStore } from '../logs/log-store.js'
import { visibleCpus } from '../profile/cpu.js'
import { RuntimeChannel } from '../runtime-api/channel.js'
import type { ChannelEvent } from '../runtime-api/machine.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { LogPipe, LogPipes } from '../sandbox/log-pipe.js'
import type { Sandbox } from '../sandbox/sandbox.js'
import {
  channelDescriptor,
  logDescriptor,
  type ProcessSpec,
  type SandboxedProcess,
} from '../sandbox/spawn.js'
import { lambdaPaths } from '../sandbox/view.js'
import { allowanceOf } from './allowance.js'
import { wrapped } from './exec-wrapper.js'
import { dummyCredentials, functionEnvironment } from './function-environment.js'
import type { LogShare } from './log-share.js'
import type { Program } from './programs.js'

export interface OpeningParts {
  readonly clock: Clock
  readonly timers: KernelTimers & KernelTurns
  readonly sandboxes: SandboxFactory
  readonly pipes: LogPipes
  readonly logs: LogStore
  readonly logShare: LogShare
  /** Loopback address for Runtime APIs. */
  readonly host: string
  /** Where Runtime APIs take their ports. */
  readonly ports: PortRange
  /** `hex(32)`: unguessable. */
  readonly newStreamId: () => string
  /** False with --no-cpu. */
  readonly cpuAllotted: boolean
  /** The folder `dist/runtimes/` of this package. */
  readonly runtimesFolder: string
  /** How our own bootstraps reach their Runtime API. */
  readonly runtimeChannel: 'frames' | 'http'
  /** Where Lambda's API is served; known once the daemon listens. */
  readonly lambdaEndpointUrl: () => string
}

export interface OpeningOptions {
  readonly id: EnvironmentId
  readonly generation: Generation
  readonly logStreamName: string
  readonly onEvent: (event: ChannelEvent) => void
  readonly memoryChanged: (privateBytes: number) => void
}

export interface Opened {
  readonly sandbox: Sandbox
  readonly channel: RuntimeChannel
  readonly pipe: LogPipe
  readonly log: EnvironmentLog
}

/** Where a runtime finds its Runtime API on AWS. Source: recorded answer test_introspection_invoke (2026-01-12). */
const lambdaRuntimeApi = '169.254.100.1:9001'

export class EnvironmentParts {
  sandbox: Sandbox | undefined
  channel: RuntimeChannel | undefined
  pipe: LogPipe | undefined
  log: EnvironmentLog | undefined
  readonly #parts: OpeningParts
  readonly #options: OpeningOptions
  readonly #marks = new Map<string, () => void>()
  #nextMark = 1

  constructor(parts: OpeningParts, options: OpeningOptions) {
    this.#parts = parts
    this.#options = options
  }

  get opened(): Opened {
    const { sandbox, channel, pipe, log } = this
    assert(sandbox && channel && pipe && log, `${this.#options.id} has been opened`)
    return { sandbox, channel, pipe, log }
  }

  /** Each part once: after a start that failed half way the next one goes on from there. */
  async open(program: Program | undefined): Promise<void> {
    this.#hostName ??= `${this.#parts.newStreamId().slice(0, 32)}.lambda-emu.internal`
    // What one opens is there for the next attempt, and for the end, whether the other fails or not.
    const [sandbox, log] = await Promise.allSettled([
      this.#openChannelAndSandbox(program),
      this.pipe ?? this.#openLog(),
    ])
    if (sandbox.status === 'rejected') throw sandbox.reason
    if (log.status === 'rejected') throw log.reason
  }

  async #openChannelAndSandbox(program: Program | undefined): Promise<void> {
    this.channel ??= await this.#openChannel()
    this.sandbox ??= await this.#openSandbox(program, this.channel)
  }

  #hostName: string | undefined

  #openChannel(): Promise<RuntimeChannel> {
    const { host, ports, timers, clock, sandboxes } = this.#parts
    const reachedAs = {
      bpf: () => lambdaRuntimeApi,
      'host-name': (port: number) => `${this.#hostName}:${port}`,
      none: undefined,
    }[sandboxes.isolation.runtimeApi]
    const { onEvent } = this.#options
    const nowMs = () => clock.kernelNowMs()
    return RuntimeChannel.listen({ host, ports, timers, nowMs, reachedAs, onEvent })
  }

  #openSandbox(program: Program | undefined, { port }: RuntimeChannel): Promise<Sandbox> {
    const { sandboxes, host, runtimesFolder, cpuAllotted } = this.#parts
    const { id, generation, logStreamName, memoryChanged } = this.#options
    const { definition } = generation
    const family = runtimeFamily(definition.runtime)
    const name = this.#hostName ?? ''
    return sandboxes.create(id, {
      logStreamName,
      allowance: allowanceOf(definition, cpuAllotted),
      tmpMb: definition.ephemeralStorageMb,
      visibleCpus: visibleCpus(definition.memoryMb),
      memoryChanged,
      runtimeApi: { port, ports: emulatorPorts, hostName: { address: host, name } },
      view: {
        codeFolder: definition.code.folder,
        runtimeFolder:
          family === undefined || family === 'provided' ? undefined : join(runtimesFolder, family),
        programPaths: program?.paths ?? [],
        programs: program?.names ?? {},
        homePackages: program?.homePackages,
        linkedModules: definition.code.linkedModules,
        layers: definition.layerContent,
        liveFolders: definition.code.live,
      },
    })
  }

  async #openLog(): Promise<void> {
    const { pipes, clock, logs, logShare } = this.#parts
    const { id, generation, logStreamName } = this.#options
    const pipe = await pipes.open()
    const log = new EnvironmentLog({
      functionName: generation.definition.functionName,
      logStreamName,
      environment: id,
      clock,
      store: logs,
      framed: hasFramedLog(generation),
      ...keptLines(generation),
    })
    pipe.onMark((mark) => {
      const reached = this.#marks.get(mark)
      this.#marks.delete(mark)
      reached?.()
    })
    pipe.onData((bytes) => logShare.take(pipe, () => log.write(bytes)))
    this.log = log
    this.pipe = pipe
  }

  /** Runs `reached` when the log has been read up to here. */
  mark(reached: () => void): void {
    const id = String(this.#nextMark)
    this.#nextMark += 1
    this.#marks.set(id, reached)
    this.opened.pipe.mark(id)
  }

  /** The same where what was written since the last mark may as well stand behind: then nothing need be written or read. */
  markLoosely(reached: () => void): void {
    if (this.opened.pipe.caughtUp) reached()
    else this.mark(reached)
  }

  /** Starts the runtime of the function. @throws SpawnFailure, as Sandbox.start */
  async start(program: Program): Promise<SandboxedProcess> {
    const { sandbox, channel } = this.opened
    const process = await sandbox.start(this.#processOf(program))
    if (process.channel !== undefined) channel.attach(process.channel)
    return process
  }

  #processOf(program: Program): ProcessSpec {
    const { sandbox, channel, pipe } = this.opened
    const { definition } = this.#options.generation
    const { view } = sandbox
    const sealed = view.tmpFolder === undefined
    const framedLog = hasFramedLog(this.#options.generation)
    const variables = functionEnvironment(this.#options.generation, {
      runtimeApi: channel.address,
      logStreamName: this.#options.logStreamName,
      taskRoot: view.taskRoot,
      runtimeDirectory: view.runtimeFolder,
      layersFolder: view.layersFolder,
      credentials: dummyCredentials,
      // In a root of its own the interpreter has Lambda's own place.
      programFolders: sealed || program.folder === undefined ? [] : [program.folder],
      lambdaEndpointUrl: this.#parts.lambdaEndpointUrl(),
      ...(framedLog ? { logDescriptor } : {}),
    })
    const frames = this.#parts.runtimeChannel === 'frames' && program.speaksFrames === true
    return {
      argv: wrapped(
        frames ? [...program.argv, `--frames=${channelDescriptor}`] : program.argv,
        definition,
      ),
      channel: frames,
      cwd: definition.code.folder,
      // Where /tmp is everybody's, whoever asks for the temporary folder gets its own.
      env: sealed ? variables : { TMPDIR: view.tmpFolder ?? lambdaPaths.tmp, ...variables },
      output: pipe.childFd,
      framedLog,
    }
  }

  async remove(): Promise<void> {
    this.channel?.close()
    try {
      await this.sandbox?.remove()
    } finally {
      // Reads what is left, up to the last mark.
      this.pipe?.close()
    }
  }
}

/** Source: recorded answers test_introspection_invoke: Java, which leaves it in its environment, has it; provided.al2023 has not. */
function hasFramedLog({ definition }: Generation): boolean {
  return runtimeFamily(definition.runtime) !== 'provided'
}

/** Only the JSON format has levels, and the lowest keeps everything. */
function keptLines({ definition }: Generation): Pick<EnvironmentLogOptions, 'keeps'> {
  const { logFormat, logLevels } = definition
  const { application } = logLevels ?? defaultLogLevels
  if (logFormat === 'Text' || application === 'TRACE') return {}
  return { keeps: (line) => isKept(line, application) }
}
