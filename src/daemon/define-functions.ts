// From what a project asks for to functions that can run: code packed, handler and program looked for.

import { homedir } from 'node:os'
import type { Warning } from '../admin/contract.js'
import type { LoadedFunction, LoadedProject } from '../config/loaded.js'
import { EmulatorError } from '../domain/emulator-error.js'
import {
  type CodePackage,
  type FunctionDefinition,
  functionArn,
  runtimeFamily,
} from '../domain/function.js'
import type { Programs } from '../host/programs.js'
import type { CodeStore } from '../packages/code-store.js'
import { packageLocalCode } from '../packages/folder.js'
import { findHandlerFile } from '../packages/handler-file.js'
import { findLinkedModules } from '../packages/linked-modules.js'
import type { FunctionStore } from '../services/lambda/functions.js'

export interface DefineParts {
  readonly functions: FunctionStore
  readonly codeStore: CodeStore
  readonly programs: Programs
  readonly accountId: string
  readonly region: string
}

/**
 * Puts every function of a project into the store. All are checked before the first is defined.
 * @returns what is worth a look.
 * @throws EmulatorError EMU_CODE_NOT_FOUND, EMU_ZIP_…, EMU_HANDLER_NOT_FOUND, EMU_RUNTIME_MISSING.
 */
export async function defineFunctions(
  project: LoadedProject,
  parts: DefineParts,
): Promise<readonly Warning[]> {
  const warnings: Warning[] = []
  const definitions = await Promise.all(
    project.functions.map(async (loaded) => ({
      recordedOnly: loaded.recordedOnly,
      definition: await definitionOf(loaded, parts, warnings),
    })),
  )
  for (const { definition, recordedOnly } of definitions)
    parts.functions.define(definition, recordedOnly)
  return warnings
}

async function definitionOf(
  loaded: LoadedFunction,
  parts: DefineParts,
  warnings: Warning[],
): Promise<FunctionDefinition> {
  const { accountId, region } = parts
  const { functionName, runtime, handler } = loaded
  const packaged = await packageLocalCode(functionName, loaded.codePath, parts.codeStore)
  const code = await withLinkedModules(packaged, loaded, warnings)
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
    layers: loaded.layers,
    logGroup: loaded.logGroup ?? `/aws/lambda/${functionName}`,
    logFormat: loaded.logFormat,
    tracingMode: loaded.tracingMode,
    code,
  }
  await findHandlerFile({ functionName, runtime, handler, folder: code.folder })
  const program = parts.programs.missingInterpreter(definition)
  if (program !== undefined)
    throw new EmulatorError('EMU_RUNTIME_MISSING', { functionName, program, runtime })
  return definition
}

/** A package has its modules inside; those of a folder may be its workspace's, or linked. */
async function withLinkedModules(
  code: CodePackage,
  { functionName, runtime }: LoadedFunction,
  warnings: Warning[],
): Promise<CodePackage> {
  if (code.zipPath !== undefined || runtimeFamily(runtime) !== 'nodejs') return code
  const found = await findLinkedModules(code.folder, { home: homedir() })
  const property = `function ${functionName}`
  for (const message of found.warning === undefined ? [] : [found.warning])
    warnings.push({ code: 'W_MODULES_OUTSIDE', property, message })
  for (const message of found.leftOut)
    warnings.push({ code: 'W_MODULES_LEFT_OUT', property, message })
  const { binds, sandboxLinks: links, taskLinks } = found
  if (binds.length === 0 && links.length === 0 && taskLinks === undefined) return code
  const linkedModules = { binds, links, ...(taskLinks === undefined ? {} : { taskLinks }) }
  return { ...code, linkedModules }
}
