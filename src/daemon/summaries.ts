// What the admin routes and the library show of the daemon's state: read from the reducer, the host and the store.

import type {
  EnvironmentPhase,
  EnvironmentSummary,
  FunctionSummary,
  SandboxStatus,
  ScheduleSummary,
  Status,
} from '../admin/contract.js'
import { packageVersion } from '../admin/package-root.js'
import type { ScheduleDefinition } from '../domain/api.js'
import { functionNameOf } from '../domain/function.js'
import type { EnvironmentState } from '../placement/state.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import type { FunctionRecord } from '../services/lambda/functions.js'
import type { Engine } from './engine.js'
import type { ServedProject } from './served-project.js'

export interface SummaryParts {
  readonly engine: Engine
  readonly sandboxes: SandboxFactory
  readonly wantedFreezer: Status['freezer']['wanted']
  readonly isolation: SandboxStatus['isolation']
  /** False with --no-cpu. */
  readonly cpuAllotted: boolean
  readonly served: ServedProject
  readonly profileName: string
  readonly lambdaUrl: () => string
  readonly startedAtMs: number
}

export function summarizeStatus(parts: SummaryParts): Status {
  const { door, project } = parts.served
  const environments = Object.values(parts.engine.runner.state.environments)
  const phases: Partial<Record<EnvironmentPhase, number>> = {}
  for (const { phase } of environments) phases[phase.is] = (phases[phase.is] ?? 0) + 1
  return {
    pid: process.pid,
    version: packageVersion(),
    project: project.loaded.project,
    profile: parts.profileName,
    lambdaUrl: parts.lambdaUrl(),
    httpUrl: door.url,
    apis: door.summaries(),
    schedules: project.loaded.schedules.map(summarizeSchedule),
    startedAtMs: parts.startedAtMs,
    uptimeMs: Math.round(parts.engine.clock.nowMs() - parts.startedAtMs),
    freezer: {
      backend: parts.sandboxes.backend,
      wanted: parts.wantedFreezer,
      reason: parts.sandboxes.passedOver.join('; '),
      escapes: parts.sandboxes.escapes,
      network: parts.sandboxes.networked,
    },
    sandbox: summarizeSandbox(parts),
    functions: parts.engine.functions.all().length,
    environments: phases,
    frozen: environments.filter(({ suspension }) => suspension.is === 'frozen').length,
    memory: summarizeMemory(parts),
    events: parts.engine.events.depth(),
    invocations: parts.engine.invoker.totals,
  }
}

function summarizeSchedule(schedule: ScheduleDefinition): ScheduleSummary {
  const { name, functionName, expression, enabled } = schedule
  return { name, functionName, expression, enabled }
}

function summarizeSandbox({ sandboxes, isolation, cpuAllotted }: SummaryParts): SandboxStatus {
  const { abilities, isolation: made } = sandboxes
  const filesystems = { root: 'namespaces', user: 'user-namespaces', none: 'none' } as const
  return {
    isolation,
    filesystem: filesystems[made.namespaces],
    runtimeApi: made.runtimeApi,
    cpu: cpuAllotted ? abilities.cpu.choice : 'off',
    memory: abilities.memory.choice,
    storage: made.storage,
    guardian: sandboxes.guarded ? 'yes' : 'no',
  }
}

function summarizeMemory({ engine }: SummaryParts): Status['memory'] {
  const { memory, queue } = engine.runner.state
  return { budgetMb: memory.budgetMb, chargedMb: memory.chargedMb, waiting: queue.length }
}

export function summarizeFunction({ definition, ...record }: FunctionRecord): FunctionSummary {
  return {
    functionName: definition.functionName,
    functionArn: definition.functionArn,
    runtime: definition.runtime,
    handler: definition.handler,
    memoryMb: definition.memoryMb,
    timeoutSeconds: definition.timeoutSeconds,
    state: record.state,
    source: record.source,
    codeFolder: definition.code.copyOf ?? definition.code.folder,
    recordedOnly: record.recordedOnly,
  }
}

export function summarizeEnvironment(
  state: EnvironmentState,
  parts: SummaryParts,
): EnvironmentSummary {
  const live = parts.engine.host.environment(state.id)
  const usage = live?.usage()
  const { phase, suspension } = state
  const active = phase.is === 'busy' ? phase.active.invocationId : undefined
  const requestId =
    active === undefined
      ? undefined
      : parts.engine.runner.state.invocations[active]?.invocation.requestId
  return {
    id: state.id,
    functionName: functionNameOf(state.functionArn),
    phase: phase.is,
    suspension: suspension.is,
    sinceMs: 'sinceMs' in phase ? phase.sinceMs : state.lastUsedMs,
    ...(suspension.is === 'frozen'
      ? { frozenForMs: Math.round(parts.engine.clock.nowMs() - suspension.sinceMs) }
      : {}),
    ...(usage === undefined ? {} : { memoryUsedMb: usage.memoryUsedMb, cpuMs: usage.cpuMs }),
    memoryMb: live?.generation.definition.memoryMb ?? 0,
    invocations: state.invocations,
    ...(requestId === undefined ? {} : { requestId }),
    pids: usage?.pids ?? [],
    ...(usage === undefined ? {} : { tmpFolder: usage.tmpFolder }),
    logStreamName: live?.logStreamName ?? '',
  }
}
