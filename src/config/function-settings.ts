// The settings that every source of functions has, whatever it calls them: read, checked, defaults filled in.

import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import {
  checkEnvironmentSize,
  checkFunctionName,
  checkHandler,
  checkRange,
  checkRuntime,
  checkVariableName,
  limits,
} from './function-checks.js'
import {
  lineOf,
  optionalInteger,
  optionalText,
  refuse,
  requiredText,
  type Section,
  warn,
  warnOfDynamicReference,
} from './reader.js'
import { describe, invalid } from './source.js'

/** How one kind of source names its properties. */
export interface PropertyNames {
  readonly functionName: string
  readonly runtime: string
  readonly handler: string
  readonly memoryMb: string
  readonly timeoutSeconds: string
  readonly description: string
}

export interface CommonSettings {
  readonly functionName: string
  readonly runtime: string
  readonly handler: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly description: string
}

/** @throws EmulatorError EMU_CONFIG_INVALID for what AWS would refuse, at its line. */
export function commonSettings(
  of: Section,
  names: PropertyNames,
  fallbackName: string,
): CommonSettings {
  const functionName = nameOf(optionalText(of, names.functionName) ?? fallbackName)
  refuse(of, names.functionName, checkFunctionName(functionName))
  const runtime = requiredText(of, names.runtime, 'name a runtime, such as nodejs22.x')
  refuse(of, names.runtime, checkRuntime(runtime))
  const handler = requiredText(of, names.handler, 'write it as file.function')
  refuse(of, names.handler, checkHandler(handler, runtime))
  const description = optionalText(of, names.description) ?? ''
  if (description.length > limits.descriptionLength) {
    refuse(of, names.description, {
      problem: `it has ${description.length} characters`,
      advice: `shorten it to ${limits.descriptionLength}`,
    })
  }
  return {
    functionName,
    runtime,
    handler,
    description,
    memoryMb: ranged(of, names.memoryMb, limits.memoryMb),
    timeoutSeconds: ranged(of, names.timeoutSeconds, limits.timeoutSeconds),
  }
}

/** The last part of a function's ARN is its name: AWS takes both. */
function nameOf(nameOrArn: string): string {
  return /^arn:[^:]+:lambda:[^:]*:\d*:function:([^:]+)$/.exec(nameOrArn)?.[1] ?? nameOrArn
}

interface Range {
  readonly min: number
  readonly max: number
  readonly byDefault: number
}

/** @throws EmulatorError EMU_CONFIG_INVALID outside the range. */
export function ranged(of: Section, name: string, range: Range): number {
  const value = optionalInteger(of, name) ?? range.byDefault
  refuse(of, name, checkRange(value, range))
  return value
}

/**
 * Variables as strings; one without a value here warns and is left unset.
 * @throws EmulatorError EMU_CONFIG_INVALID for reserved or malformed names, lists and maps, or more than 4 KB.
 */
export function readVariables(of: Section): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const [name, node] of of.map.entries) {
    refuse(of, name, checkVariableName(name))
    if (node.is === 'scalar') {
      variables[name] = node.text
      warnOfDynamicReference(of, name, node.text)
      continue
    }
    if (node.is !== 'unresolved') {
      invalid(
        of.reading.path,
        node.line,
        `${of.where}.${name} is ${describe(node)}`,
        'the value of an environment variable is a text',
      )
    }
    const message = `${node.text} has no value here (${node.reason}); it is left unset`
    warn(of.reading, 'W_UNRESOLVED', `${of.where}.${name}`, message)
  }
  const complaint = checkEnvironmentSize(variables)
  if (complaint !== undefined) {
    invalid(of.reading.path, of.map.line, `${of.where}: ${complaint.problem}`, complaint.advice)
  }
  return variables
}

/**
 * Absolute path of code that must exist: a folder or a zip file.
 * @throws EmulatorError EMU_CODE_NOT_FOUND, or EMU_CONFIG_INVALID when it is another kind of file.
 */
export function existingCode(
  of: Section,
  name: string,
  functionName: string,
  base: string,
  written: string,
): string {
  const path = resolve(base, written)
  if (!existsSync(path)) throw new EmulatorError('EMU_CODE_NOT_FOUND', { functionName, path })
  if (statSync(path).isDirectory() || /\.(zip|jar)$/.test(path)) return path
  return invalid(
    of.reading.path,
    lineOf(of, name),
    `${of.where}.${name}: ${written} is neither a folder nor a zip file`,
    'name the folder that holds the code, or its zip file',
  )
}
