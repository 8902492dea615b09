// Lays variables from beside a project's source over those of its functions, and keeps where each comes from.

import type { VariableLayer } from '../domain/variable-layer.js'
import { isReservedVariable } from './function-checks.js'
import { meantOf } from './globals.js'
import type { LoadedFunction } from './loaded.js'
import { type Reading, warn } from './reader.js'

/**
 * The functions with every layer applied, weakest first. A variable that the source does not have is taken as well.
 * Reserved ones, and those of a function that is not there, warn and are left out.
 * @param originOf how a function's own source is called: `template`, `lambda-emu.json`.
 */
export function withVariables(
  functions: readonly LoadedFunction[],
  layers: readonly VariableLayer[],
  reading: Reading,
  originOf: (loaded: LoadedFunction) => string,
): readonly LoadedFunction[] {
  for (const layer of layers) warnOfStrangers(functions, layer, reading)
  return functions.map((loaded) => applied(loaded, layers, reading, originOf(loaded)))
}

function warnOfStrangers(
  functions: readonly LoadedFunction[],
  layer: VariableLayer,
  reading: Reading,
): void {
  const known = functions.flatMap(({ logicalId, functionName }) => [logicalId, functionName])
  for (const name of Object.keys(layer.byFunction)) {
    if (known.includes(name)) continue
    const message = `there is no function ${name}; its variables have no effect.${meantOf(name, known)}`
    warn(reading, 'W_UNKNOWN_FUNCTION', `${layer.source}: ${name}`, message)
  }
}

function applied(
  loaded: LoadedFunction,
  layers: readonly VariableLayer[],
  reading: Reading,
  origin: string,
): LoadedFunction {
  const environment = { ...loaded.environment }
  const origins = Object.fromEntries(Object.keys(environment).map((name) => [name, origin]))
  for (const layer of layers) {
    const own = {
      ...layer.common,
      ...layer.byFunction[loaded.logicalId],
      ...layer.byFunction[loaded.functionName],
    }
    for (const [name, content] of Object.entries(own)) {
      // A name of another form is taken: no process minds it.
      if (isReservedVariable(name)) {
        const message = `${name} is Lambda's own; it keeps the value that Lambda gives it`
        warn(reading, 'W_NOT_EMULATED', `${layer.source}: ${name}`, message)
        continue
      }
      environment[name] = content
      origins[name] = layer.source
    }
  }
  if (loaded.environment === undefined && Object.keys(environment).length === 0) return loaded
  return { ...loaded, environment, environmentOrigins: origins }
}
