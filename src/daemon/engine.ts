// The part of the daemon that runs functions: clock, reducer, host, invoker, queue, and the functions there are.

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { EmulatorOptions } from '../admin/contract.js'
import { packageRoot } from '../admin/package-root.js'
import { runtimeVersionArn } from '../aws/runtime-version.js'
import { EmulatorClock, type EmulatorClockOptions } from '../clock/emulator-clock.js'
import { systemChance, systemKernel } from '../clock/kernel.js'
import { assert } from '../domain/assert.js'
import type { GenerationId } from '../domain/brand.js'
import { functionNameOf, type Generation } from '../domain/function.js'
import { MemoryEventQueue } from '../event-queue/memory-event-queue.js'
import { FreezeGrace } from '../host/freeze-grace.js'
import { type Programs, programs } from '../host/programs.js'
import { RealHost } from '../host/real.js'
import { Runner } from '../host/runner.js'
import { StartTurns } from '../host/start-turns.js'
import type { PortRange } from '../http/port-range.js'
import { LocalInvoker } from '../invoke/local-invoker.js'
import { PayloadStore } from '../invoke/payloads.js'
import { ResponseStreams } from '../invoke/response-streams.js'
import { Journal } from '../journal/journal.js'
import { InvocationTails } from '../logs/invocation-tails.js'
import { LogStore } from '../logs/log-store.js'
import { initialState } from '../placement/state.js'
import type { Profile } from '../profile/profile.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { LogPipes } from '../sandbox/log-pipe.js'
import { type FunctionStore, functionStore } from '../services/lambda/functions.js'

export interface EngineOptions {
  readonly profile: Profile
  readonly clock: EmulatorClockOptions
  /** As FunctionStoreOptions has it. */
  readonly whenCurrent: (run: () => void) => void
  readonly sandboxes: SandboxFactory
  readonly pipes: LogPipes
  /** Loopback address for Runtime APIs. */
  readonly host: string
  /** Where Runtime APIs take their ports. */
  readonly ports: PortRange
  readonly lambdaEndpointUrl: () => string
  /** How our own bootstraps reach their Runtime API. */
  readonly runtimeChannel: 'frames' | 'http'
  /** False with --no-cpu. */
  readonly cpuAllotted: boolean
  readonly memoryBudgetMb: number
  readonly onBug: (error: unknown) => void
}

export interface Engine {
  readonly profile: Profile
  readonly clock: EmulatorClock
  readonly journal: Journal
  readonly logs: LogStore
  readonly host: RealHost
  readonly runner: Runner
  readonly invoker: LocalInvoker
  readonly events: MemoryEventQueue
  readonly programs: Programs
  readonly functions: FunctionStore
  /** Code folders of the environments that there are. */
  readonly codeInUse: () => readonly string[]
}

/** A figure of ours: more of them fill the processors no better. */
const startsForEachCpu = 2
const runtimesFolder = join(packageRoot, 'dist/runtimes')

/** What the user's options say of the clock. */
export function clockOptionsOf(options: EmulatorOptions): EmulatorClockOptions {
  const { clock: mode = 'real', startAtMs: startMs } = options
  return { mode, ...(startMs === undefined ? {} : { startMs }) }
}

export function createEngine(options: EngineOptions): Engine {
  const { profile } = options
  const clock = new EmulatorClock(options.clock)
  const journal = new Journal(clock)
  const logs = new LogStore()
  const tails = new InvocationTails()
  const payloads = new PayloadStore()
  const streams = new ResponseStreams()
  const found = programs(runtimesFolder)
  const generations = new Map<GenerationId, Generation>()
  const shared = { clock, journal, logs, tails, payloads, streams, found, generations }
  const host = realHost(options, shared)
  const runner = new Runner({
    clock,
    host,
    journal,
    state: initialState(figuresOf(options), profile.accountConcurrency.value),
    onBug: options.onBug,
  })
  const invoker = new LocalInvoker({
    clock,
    chance: systemChance,
    payloads,
    streams,
    tails,
    submit: (invocation, answered) => runner.submit(invocation, answered),
  })
  const { retryDelaysMs, throttleBackoffMs, maximumEventAgeMs } = profile
  const events = new MemoryEventQueue({
    clock,
    invoker,
    journal,
    nameOf: functionNameOf,
    figures: {
      retryDelaysMs: retryDelaysMs.value,
      throttleBackoffMs: throttleBackoffMs.value,
      maximumEventAgeMs: maximumEventAgeMs.value,
    },
  })
  const { whenCurrent } = options
  const functions = deployedFunctions({ clock, runner, generations, whenCurrent })
  const codeInUse = () =>
    Object.values(runner.state.environments).flatMap(
      ({ generation }) => generations.get(generation)?.definition.code.folder ?? [],
    )
  return {
    profile,
    clock,
    journal,
    logs,
    host,
    runner,
    invoker,
    events,
    programs: found,
    functions,
    codeInUse,
  }
}

interface HostState {
  readonly clock: EmulatorClock
  readonly journal: Journal
  readonly logs: LogStore
  readonly tails: InvocationTails
  readonly payloads: PayloadStore
  readonly streams: ResponseStreams
  readonly found: Programs
  readonly generations: ReadonlyMap<GenerationId, Generation>
}

function realHost(options: EngineOptions, state: HostState): RealHost {
  const { found, generations, ...shared } = state
  return new RealHost({
    ...shared,
    timers: systemKernel,
    sandboxes: options.sandboxes,
    pipes: options.pipes,
    grace: new FreezeGrace(options.profile.freezeGraceMs.value, systemKernel),
    startTurns: new StartTurns(systemKernel),
    programs: found,
    host: options.host,
    ports: options.ports,
    cpuAllotted: options.cpuAllotted,
    newStreamId: () => systemChance.hex(32),
    newId: () => systemChance.uuid(),
    runtimeVersionArn: ({ definition }) => runtimeVersionArn(definition.region, definition.runtime),
    reportStyle: options.profile.reportStyle.value,
    shutdownMs: options.profile.shutdownMs.value,
    streamRate: options.profile.streamRate.value,
    runtimesFolder,
    runtimeChannel: options.runtimeChannel,
    lambdaEndpointUrl: options.lambdaEndpointUrl,
    generationOf: (id) => {
      const generation = generations.get(id)
      assert(generation !== undefined, `generation ${id} has been deployed`)
      return generation
    },
  })
}

function figuresOf({ profile, sandboxes, memoryBudgetMb }: EngineOptions) {
  return {
    initLimitMs: profile.initLimitMs.value,
    idleLifeMs: profile.idleLifeMs.value,
    settleWaitMs: profile.settleWaitMs.value,
    resetWaitMs: profile.resetWaitMs.value,
    suspendable: sandboxes.backend !== 'none',
    budgetMb: memoryBudgetMb,
    environmentFloorMb: profile.environmentFloorMb.value,
    queueWaitMsMax: profile.queueWaitMsMax.value,
    startsAtOnce: startsForEachCpu * availableParallelism(),
  }
}

/** The functions there are; each change of one is told to the reducer. */
function deployedFunctions(parts: {
  readonly clock: EmulatorClock
  readonly runner: Runner
  readonly generations: Map<GenerationId, Generation>
  readonly whenCurrent: (run: () => void) => void
}): FunctionStore {
  const { clock, runner, generations, whenCurrent } = parts
  return functionStore({
    clock,
    whenCurrent,
    newRevisionId: () => systemChance.uuid(),
    transitionMs: 0,
    listener: {
      onDeployed: ({ generation, replaces }) => {
        generations.set(generation.id, generation)
        const { functionArn, timeoutSeconds } = generation.definition
        runner.post({
          on: 'deployed',
          generation: { id: generation.id, functionArn, timeoutMs: timeoutSeconds * 1000 },
          ...(replaces === undefined ? {} : { replaces: replaces.id }),
        })
      },
      onDeleted: ({ generation }) => runner.post({ on: 'deleted', generation: generation.id }),
    },
  })
}
