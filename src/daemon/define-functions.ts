// From what a project asks for to functions that can run: code packed, handler and program looked for.

import { homedir } from 'node:os'
import type { Warning } from '../admin/contract.js'
import type { LoadedFunction } from '../config/loaded.js'
import { EmulatorError } from '../domain/emulator-error.js'
import {
  type CodePackage,
  type FunctionDefinition,
  functionArn,
  runtimeFamily,
} from '../domain/function.js'
import { execWrapper } from '../host/exec-wrapper.js'
import type { Programs } from '../host/programs.js'
import type { CodeStore } from '../packages/code-store.js'
import { packageLocalCode } from '../packages/folder.js'
import { findHandlerFile } from '../packages/handler-file.js'
import type { LayerStore } from '../packages/layers.js'
import { findLinkedModules, type LinkedModules } from '../packages/linked-modules.js'
import type { FunctionStore } from '../services/lambda/functions.js'

export interface DefineParts {
  readonly functions: FunctionStore
  readonly codeStore: CodeStore
  readonly layers: LayerStore
  readonly programs: Programs
  readonly accountId: string
  readonly region: string
}

/** Where code and its modules are looked up. Functions often share a folder: each is looked at once. */
export interface CodeSource {
  /** @throws EmulatorError EMU_CODE_NOT_FOUND, EMU_ZIP_…, or the file system's error. */
  packageOf(functionName: string, path: string): Promise<CodePackage>
  /** What the modules of a source folder need that lies outside it. */
  modulesOf(folder: string): Promise<LinkedModules>
}

/** Code that is run where it lies. */
export function codeInPlace({ codeStore }: Pick<DefineParts, 'codeStore'>): CodeSource {
  const packages = new Map<string, Promise<CodePackage>>()
  const modules = new Map<string, Promise<LinkedModules>>()
  return {
    packageOf: (functionName, path) =>
      once(packages, path, () => packageLocalCode(functionName, path, codeStore)),
    modulesOf: (folder) =>
      once(modules, folder, () => findLinkedModules(folder, { home: homedir() })),
  }
}

/** Remembers what `find` resolves to; what failed is tried anew. */
export function once<Found>(
  known: Map<string, Promise<Found>>,
  key: string,
  find: () => Promise<Found>,
): Promise<Found> {
  const before = known.get(key)
  if (before !== undefined) return before
  const found = find()
  known.set(key, found)
  void found.catch(() => {
    if (known.get(key) === found) known.delete(key)
  })
  return found
}

export interface WantedFunction {
  readonly definition: FunctionDefinition
  readonly recordedOnly: readonly string[]
  readonly warnings: readonly Warning[]
}

/** @throws EmulatorError EMU_CODE_NOT_FOUND, EMU_ZIP_…, EMU_LAYER…, EMU_HANDLER_NOT_FOUND, EMU_RUNTIME_MISSING. */
export async function definitionOf(
  loaded: LoadedFunction,
  parts: Pick<DefineParts, 'programs' | 'layers' | 'accountId' | 'region'>,
  source: CodeSource,
): Promise<WantedFunction> {
  const { accountId, region } = parts
  const { functionName, runtime, handler } = loaded
  const packaged = await source.packageOf(functionName, loaded.codePath)
  const { code, warnings } = await withLinkedModules(packaged, loaded, source)
  const layerContent = await parts.layers.merge({ functionName, layers: loaded.layers, code })
  const definition: FunctionDefinition = {
    functionName,
    accountId,
    region,
    functionArn: functionArn(region, accountId, functionName),
    runtime,
    handler,
    role: loaded.role,
    description: loaded.description,
    memoryMb: loaded.memoryMb,
    timeoutSeconds: loaded.timeoutSeconds,
    ephemeralStorageMb: loaded.ephemeralStorageMb,
    architecture: loaded.architecture,
    ...(loaded.environment === undefined ? {} : { environment: loaded.environment }),
    ...(loaded.environmentOrigins === undefined
      ? {}
      : { environmentOrigins: loaded.environmentOrigins }),
    layers: loaded.layers,
    ...(layerContent === undefined ? {} : { layerContent }),
    logGroup: loaded.logGroup ?? `/aws/lambda/${functionName}`,
    logFormat: loaded.logFormat,
    ...(loaded.logLevels === undefined ? {} : { logLevels: loaded.logLevels }),
    tracingMode: loaded.tracingMode,
    code,
  }
  // The user's own folder is what he knows, and a handler may be in its node_modules.
  const folder = code.copyOf ?? code.folder
  const layersFolder = layerContent?.folder
  // What a wrapper makes of the handler is its own affair: often it is a script.
  if (execWrapper(definition) === undefined)
    await findHandlerFile({ functionName, runtime, handler, folder, layersFolder })
  const program = parts.programs.missingInterpreter(definition)
  if (program !== undefined)
    throw new EmulatorError('EMU_RUNTIME_MISSING', { functionName, program, runtime })
  return { definition, recordedOnly: loaded.recordedOnly, warnings }
}

/** A package has its modules inside; those of a folder may be its workspace's, or linked. */
async function withLinkedModules(
  code: CodePackage,
  { functionName, runtime }: LoadedFunction,
  source: CodeSource,
): Promise<{ readonly code: CodePackage; readonly warnings: readonly Warning[] }> {
  if (code.zipPath !== undefined || runtimeFamily(runtime) !== 'nodejs')
    return { code, warnings: [] }
  const found = await source.modulesOf(code.copyOf ?? code.folder)
  const property = `function ${functionName}`
  const warnings: Warning[] = []
  for (const message of found.warning === undefined ? [] : [found.warning])
    warnings.push({ code: 'W_MODULES_OUTSIDE', property, message })
  for (const message of found.leftOut)
    warnings.push({ code: 'W_MODULES_LEFT_OUT', property, message })
  const { binds, sandboxLinks: links, taskLinks } = found
  if (binds.length === 0 && links.length === 0 && taskLinks === undefined) return { code, warnings }
  const linkedModules = { binds, links, ...(taskLinks === undefined ? {} : { taskLinks }) }
  return { code: { ...code, linkedModules }, warnings }
}
