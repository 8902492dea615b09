// One function resource of a template: its properties merged with Globals, worked out, sorted by their standing, and read.

import { dirname } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { warnOfOtherEvents } from './event-types.js'
import { runtimeStanding } from './function-checks.js'
import { lambdaProperties, type Standing, serverlessProperties } from './function-properties.js'
import { meantOf, mergeMaps } from './globals.js'
import { resolve, type Scope } from './intrinsics.js'
import type { LoadedFunction } from './loaded.js'
import { type Section, section, warn } from './reader.js'
import type { MapNode } from './source.js'
import { type LeftOut, readTemplateFunction } from './template-function.js'
import type { Resource } from './template-resources.js'

export interface FunctionGiven {
  readonly scope: Scope
  /** Globals.Function. */
  readonly globals: MapNode | undefined
  /** ARN of a layer of the same template → its content as written. */
  readonly layerContents: ReadonlyMap<string, string>
  readonly inlineCodeFolder: string | undefined
}

export function isLeftOut(result: LoadedFunction | LeftOut): result is LeftOut {
  return 'is' in result
}

/** @throws EmulatorError EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND. */
export function readFunction(given: FunctionGiven, resource: Resource): LoadedFunction | LeftOut {
  const { scope, globals } = given
  const serverless = resource.type === 'AWS::Serverless::Function'
  const { reading } = resource.of
  const where = `Resources.${resource.logicalId}`
  const written = resource.of.map.entries.get('Properties')
  const own: MapNode =
    written === undefined
      ? { is: 'map', line: resource.of.map.line, entries: new Map(), keyLines: new Map() }
      : section(reading, `${where}.Properties`, written).map
  const merged = serverless && globals !== undefined ? mergeMaps(globals, own) : own
  const of = section(reading, `${where}.Properties`, resolve(scope, merged))
  const recordedOnly = sortProperties(of, own, serverless ? serverlessProperties : lambdaProperties)
  const result = readTemplateFunction({
    of,
    logicalId: resource.logicalId,
    resource: resource.of,
    recordedOnly,
    base: dirname(reading.path),
    accountId: scope.accountId,
    layerContents: given.layerContents,
    inlineCodeFolder: given.inlineCodeFolder,
  })
  if (!isLeftOut(result) && runtimeStanding(result.runtime) === 'runnable') {
    if (serverless) warnOfOtherEvents(of, result.functionName)
    return result
  }
  const error = isLeftOut(result) ? result.error : unsupported(result)
  warn(reading, 'W_FUNCTION_LEFT_OUT', where, `${error.message}; it is left out`)
  return { is: 'left-out', error }
}

function unsupported({ functionName, runtime }: LoadedFunction): EmulatorError {
  return new EmulatorError('EMU_RUNTIME_UNSUPPORTED', { functionName, runtime })
}

/** Warns of what has no effect, and gives the names of what is only recorded. */
function sortProperties(
  of: Section,
  own: MapNode,
  table: Readonly<Record<string, Standing>>,
): readonly string[] {
  const recorded: string[] = []
  for (const name of of.map.entries.keys()) {
    // What Globals gives to every function is said once.
    const place = own.entries.has(name) ? `${of.where}.${name}` : `Globals.Function.${name}`
    switch (table[name]) {
      case 'honoured':
        break
      case 'recorded':
        recorded.push(name)
        break
      case 'not-emulated':
        warn(of.reading, 'W_NOT_EMULATED', place, 'not emulated yet; it has no effect here')
        break
      case undefined: {
        const message = `AWS knows no such property; it has no effect.${meantOf(name, Object.keys(table))}`
        warn(of.reading, 'W_UNKNOWN_PROPERTY', place, message)
        break
      }
    }
  }
  return recorded
}
