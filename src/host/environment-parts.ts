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
import type { ExtensionChange } from '../runtime-api/extensions.js'
import type { ChannelEvent } from '../runtime-api/machine.js'
import { firstZoneOf } from '../runtime-api/metadata.js'
import { insideAddressOf } from '../sandbox/enclosure.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { LogPipe, LogPipes } from '../sandbox/log-pipe.js'
import type { Sandbox } from '../sandbox/sandbox.js'
import {
  channelDescriptor,
  logDescriptor,
  type OwnProcess,
  type ProcessSpec,
} from '../sandbox/spawn.js'
import { TelemetryHub, type TelemetryHubOptions } from '../telemetry/hub.js'
import { allowanceOf } from './allowance.js'
import { wrapped } from './exec-wrapper.js'
import {
  dummyCredentials,
  extensionEnvironment,
  type FunctionEnvironmentOptions,
  functionEnvironment,
} from './function-environment.js'
import type { LogShare } from './log-share.js'
import type { Program } from './programs.js'
import { subscribeTo } from './telemetry-requests.js'

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
  /** A random UUID. */
  readonly newId: () => string
  /** False with --no-cpu. */
  readonly cpuAllotted: boolean
  /** The folder `dist/runtimes/` of this package. */
  readonly runtimesFolder: string
  /** How our own bootstraps reach their Runtime API. */
  readonly runtimeChannel: 'frames' | 'http'
  /** Where Lambda's API is served; known once the daemon listens. */
  readonly lambdaEndpointUrl: () => string
}

export interface EnvironmentUsage {
  readonly memoryUsedMb: number
  readonly cpuMs: number
  readonly pids: readonly number[]
  /** The folder of this machine that is its /tmp. */
  readonly tmpFolder: string
}

export interface OpeningOptions {
  readonly id: EnvironmentId
  readonly generation: Generation
  readonly logStreamName: string
  readonly onEvent: (event: ChannelEvent) => void
  /** As MachineOptions has it. */
  readonly onAnswering: () => void
  readonly onExtension: (change: ExtensionChange) => void
  readonly memoryChanged: (privateBytes: number) => void
  /** What is to be told of subscribers to telemetry. */
  readonly tell: TelemetryHubOptions['tell']
}

export interface Opened {
  readonly sandbox: Sandbox
  readonly channel: RuntimeChannel
  readonly pipe: LogPipe
  readonly log: EnvironmentLog
}

const bytesPerMb = 1024 * 1024

/** Where a runtime finds its Runtime API on AWS. Source: recorded answer test_introspection_invoke (2026-01-12). */
const lambdaRuntimeApi = '169.254.100.1:9001'

export class EnvironmentParts {
  sandbox: Sandbox | undefined
  channel: RuntimeChannel | undefined
  pipe: LogPipe | undefined
  log: EnvironmentLog | undefined
  /** For as long as the environment lives, whatever is started in it. */
  readonly telemetry: TelemetryHub
  /** What the external extensions write, where there are any: told apart from the function's output. */
  #extensionPipe: LogPipe | undefined
  readonly #parts: OpeningParts
  readonly #options: OpeningOptions
  readonly #metadataToken: string
  readonly #marks = new Map<string, () => void>()
  #nextMark = 1

  constructor(parts: OpeningParts, options: OpeningOptions) {
    this.#parts = parts
    this.#options = options
    this.#metadataToken = parts.newStreamId()
    const { timers, clock } = parts
    this.telemetry = new TelemetryHub({
      timers,
      monotonicMs: () => clock.monotonicMs(),
      addresses: () => this.#addresses(),
      jsonLog: options.generation.definition.logFormat === 'JSON',
      tell: options.tell,
    })
  }

  /** What sandbox.localdomain is inside, where that can be told to it; on a loopback that is shared, that too. */
  #addresses(): readonly string[] {
    const { sandbox, channel } = this.opened
    if (sandbox.address !== undefined) return [sandbox.address]
    const { namespaces } = this.#parts.sandboxes.isolation
    return namespaces === 'none' ? ['127.0.0.1'] : [insideAddressOf(channel.port), '127.0.0.1']
  }

  get opened(): Opened {
    const { sandbox, channel, pipe, log } = this
    assert(sandbox && channel && pipe && log, `${this.#options.id} has been opened`)
    return { sandbox, channel, pipe, log }
  }

  /** Processes, memory and CPU time now; undefined before the first start. */
  usage(): EnvironmentUsage | undefined {
    const { sandbox } = this
    if (sandbox === undefined) return undefined
    const { cpuUs, memoryBytes } = sandbox.usage()
    return {
      memoryUsedMb: Math.ceil(memoryBytes / bytesPerMb),
      cpuMs: cpuUs / 1000,
      pids: sandbox.pids(),
      tmpFolder: sandbox.tmpFolder,
    }
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
    const { host, ports, timers, clock, sandboxes, newId } = this.#parts
    const reachedAs = {
      bpf: () => lambdaRuntimeApi,
      'host-name': (port: number) => `${this.#hostName}:${port}`,
      none: undefined,
    }[sandboxes.isolation.runtimeApi]
    const { onEvent, onAnswering, onExtension, generation } = this.#options
    const { functionName, handler, accountId } = generation.definition
    const ofFunction = { functionName, functionVersion: generation.version, handler, accountId }
    const availabilityZoneId = firstZoneOf(generation.definition.region)
    const metadata = { token: this.#metadataToken, availabilityZoneId }
    const nowMs = () => clock.kernelNowMs()
    const subscribe = subscribeTo(this.telemetry)
    const told = { onEvent, onAnswering, onExtension, ofFunction, metadata, newId, subscribe }
    return RuntimeChannel.listen({ host, ports, timers, nowMs, reachedAs, ...told })
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
      listener: this.telemetry,
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
  async start(program: Program): Promise<OwnProcess> {
    const { sandbox, channel } = this.opened
    const process = await sandbox.start(this.#processOf(program))
    if (process.channel !== undefined) channel.attach(process.channel)
    return process
  }

  /** Starts one external extension, a file of this machine. @throws SpawnFailure, as Sandbox.start */
  async startExtension(file: string, program: Program): Promise<OwnProcess> {
    const { sandbox, log } = this.opened
    const pipe = this.#extensionPipe ?? (await this.#openExtensionPipe(log))
    const { generation, logStreamName } = this.#options
    const variables = extensionEnvironment(generation, this.#environmentOptions(program))
    return sandbox.start({
      argv: [file],
      cwd: '/',
      env: {
        ...this.#temporaryFolder(),
        ...variables,
        ...(sandbox.foundByVariables ? { AWS_LAMBDA_LOG_STREAM_NAME: logStreamName } : {}),
      },
      output: pipe.childFd,
    })
  }

  async #openExtensionPipe(log: EnvironmentLog): Promise<LogPipe> {
    const { pipes, logShare } = this.#parts
    const pipe = await pipes.open()
    pipe.onData((bytes) => logShare.take(pipe, () => log.writeExtension(bytes)))
    this.#extensionPipe = pipe
    return pipe
  }

  /** Where /tmp is everybody's, whoever asks for the temporary folder gets its own. */
  #temporaryFolder(): Record<string, string> {
    const { tmpFolder } = this.opened.sandbox.view
    return tmpFolder === undefined ? {} : { TMPDIR: tmpFolder }
  }

  #environmentOptions(program: Program): FunctionEnvironmentOptions {
    const { sandbox, channel } = this.opened
    const { view } = sandbox
    const sealed = view.tmpFolder === undefined
    return {
      runtimeApi: channel.address,
      metadataToken: this.#metadataToken,
      logStreamName: this.#options.logStreamName,
      taskRoot: view.taskRoot,
      runtimeDirectory: view.runtimeFolder,
      layersFolder: view.layersFolder,
      credentials: dummyCredentials,
      // In a root of its own the interpreter has Lambda's own place.
      programFolders: sealed || program.folder === undefined ? [] : [program.folder],
      lambdaEndpointUrl: this.#parts.lambdaEndpointUrl(),
    }
  }

  #processOf(program: Program): ProcessSpec {
    const { pipe } = this.opened
    const { definition } = this.#options.generation
    const framedLog = hasFramedLog(this.#options.generation)
    const variables = functionEnvironment(this.#options.generation, {
      ...this.#environmentOptions(program),
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
      env: { ...this.#temporaryFolder(), ...variables },
      output: pipe.childFd,
      framedLog,
    }
  }

  async remove(): Promise<void> {
    this.telemetry.close()
    this.channel?.close()
    try {
      await this.sandbox?.remove()
    } finally {
      // Reads what is left, up to the last mark.
      this.pipe?.close()
      this.#extensionPipe?.close()
      this.log?.endExtension()
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
