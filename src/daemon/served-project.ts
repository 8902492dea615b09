// The project as it is served, with what it is served by: its HTTP APIs' door, its schedules, and the watch of its files.

import { join } from 'node:path'
import type { EmulatorOptions, Warning } from '../admin/contract.js'
import { systemChance, systemKernel } from '../clock/kernel.js'
import { load } from '../config/load.js'
import type { LoadedProject, LoadOptions } from '../config/loaded.js'
import { refuseWarnings } from '../config/strict.js'
import { Schedules } from '../event-source/schedules.js'
import type { CodeStore } from '../packages/code-store.js'
import { openLayerStore } from '../packages/layers.js'
import type { SandboxFactory } from '../sandbox/factory.js'
import { functionCaller, postEvent } from '../services/lambda/function-caller.js'
import type { Engine } from './engine.js'
import { HttpDoor } from './http-door.js'
import { Project } from './reload.js'

export interface ServedProjectParts {
  readonly options: EmulatorOptions
  readonly region: string
  readonly accountId: string
  /** Loopback address. */
  readonly host: string
  readonly loaded: LoadedProject
  readonly stateDirectory: string
  readonly engine: Engine
  readonly sandboxes: SandboxFactory
  readonly codeStore: CodeStore
  readonly warn: (warning: Warning) => void
  readonly reportBug: (error: unknown) => void
}

export interface ServedProject {
  readonly project: Project
  readonly door: HttpDoor
  /** No save is looked at and no schedule fires from now on. */
  rest(): Promise<void>
}

/** @throws EmulatorError as `load`; EMU_STRICT. */
export async function loadProject(
  options: EmulatorOptions,
  scope: {
    readonly region: string
    readonly accountId: string
    readonly stateDirectory: string
  },
): Promise<LoadedProject> {
  const { parameters, importValues, variables } = options
  const { region, accountId, stateDirectory } = scope
  const wish: LoadOptions = {
    region,
    accountId,
    inlineCodeFolder: join(stateDirectory, 'inline'),
    ...(parameters === undefined ? {} : { parameters }),
    ...(importValues === undefined ? {} : { importValues }),
    ...(variables === undefined ? {} : { variables }),
  }
  const loaded = await load(options.path, wish)
  if (options.strict === true) refuseWarnings(loaded)
  return loaded
}

/** Nothing is served before `project.start`. */
export function serveProject(parts: ServedProjectParts): ServedProject {
  const { options, region, accountId, engine, sandboxes, reportBug } = parts
  const { clock, journal, functions, programs } = engine
  const calling = { ...engine, accountId, region }
  const door = new HttpDoor({
    current: () => functions.current(),
    caller: functionCaller(calling),
    clock,
    chance: systemChance,
    journal,
    accountId,
    stagePath: options.stagePath ?? true,
    reportBug,
    host: parts.host,
    port: options.httpPort ?? 3000,
  })
  const schedules = new Schedules({
    clock,
    journal,
    post: (functionName, payload) => postEvent(calling, functionName, payload),
    accountId,
    region,
    newId: () => systemChance.uuid(),
  })
  const { codeStore, stateDirectory } = parts
  const watching = {
    kernel: systemKernel,
    stateDirectory,
    seenAt: sandboxes.isolation.namespaces === 'none' ? ('own' as const) : ('task' as const),
    codeInUse: engine.codeInUse,
  }
  const project = new Project(
    {
      functions,
      programs,
      codeStore,
      layers: openLayerStore(stateDirectory, codeStore),
      accountId,
      region,
      journal,
      clock,
      load: () => loadProject(options, { region, accountId, stateDirectory }),
      watching: options.watch === true ? watching : undefined,
      serveApis: (apis) => door.serve(apis),
      runSchedules: (definitions) => schedules.set(definitions),
      warn: parts.warn,
      reportBug,
    },
    parts.loaded,
  )
  return {
    project,
    door,
    async rest() {
      schedules.close()
      await project.close()
    },
  }
}
