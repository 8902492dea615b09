// lambda-emu.json → functions: the emulator's own short form, for projects without a template.

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { closest, limits, runtimeStanding } from './function-checks.js'
import { commonSettings, existingCode, ranged, readVariables } from './function-settings.js'
import type { LoadedFunction, LoadOptions } from './loaded.js'
import {
  optionalChoice,
  optionalSection,
  optionalText,
  optionalTexts,
  type Reading,
  refuse,
  requiredText,
  type Section,
  section,
  warn,
} from './reader.js'
import { invalid, type SourceNode } from './source.js'

/** The members that a function may have; lambda-emu.schema.json lists the same ones. */
export const functionMembers = [
  'runtime',
  'handler',
  'code',
  'memoryMb',
  'timeoutSeconds',
  'environment',
  'description',
  'role',
  'ephemeralStorageMb',
  'architecture',
  'layers',
] as const

export const fileMembers = ['$schema', 'functions'] as const

const names = {
  // The key of the function is its name.
  functionName: '',
  runtime: 'runtime',
  handler: 'handler',
  memoryMb: 'memoryMb',
  timeoutSeconds: 'timeoutSeconds',
  description: 'description',
} as const

/**
 * @throws EmulatorError EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND; EMU_RUNTIME_UNSUPPORTED when none of its functions
 * can be run here.
 */
export function readLambdaEmuFile(
  reading: Reading,
  root: SourceNode,
  options: LoadOptions,
): readonly LoadedFunction[] {
  const file = section(reading, 'file', root)
  refuseUnknown(file, fileMembers)
  const all = file.map.entries.get('functions')
  if (all === undefined) {
    invalid(reading.path, 1, 'it has no functions', 'add "functions": { "name": { … } }')
  }
  const functions = [...section(reading, 'functions', all).map.entries].map(([name, node]) =>
    readFunction(section(reading, `functions.${name}`, node), name, options),
  )
  const runnable = functions.filter(({ runtime }) => runtimeStanding(runtime) === 'runnable')
  for (const { functionName, runtime } of functions) {
    if (runtimeStanding(runtime) === 'runnable') continue
    const error = new EmulatorError('EMU_RUNTIME_UNSUPPORTED', { functionName, runtime })
    if (runnable.length === 0) throw error
    const message = `${error.message}; it is left out`
    warn(reading, 'W_FUNCTION_LEFT_OUT', `functions.${functionName}`, message)
  }
  return runnable
}

function refuseUnknown(of: Section, known: readonly string[]): void {
  for (const name of of.map.entries.keys()) {
    if (known.includes(name)) continue
    const meant = closest(name, known)
    refuse(of, name, {
      problem: 'there is no such member',
      advice: meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`,
    })
  }
}

function readFunction(of: Section, name: string, options: LoadOptions): LoadedFunction {
  refuseUnknown(of, functionMembers)
  const base = dirname(of.reading.path)
  const common = commonSettings(of, names, name)
  const code = requiredText(of, 'code', 'name the folder or zip file with the code')
  const variables = optionalSection(of, 'environment')
  const account = options.accountId ?? '000000000000'
  return {
    logicalId: name,
    ...common,
    codePath: existingCode(of, 'code', name, base, code),
    ephemeralStorageMb: ranged(of, 'ephemeralStorageMb', limits.ephemeralStorageMb),
    architecture: optionalChoice(of, 'architecture', ['x86_64', 'arm64']) ?? 'x86_64',
    ...(variables === undefined ? {} : { environment: readVariables(variables) }),
    role: optionalText(of, 'role') ?? `arn:aws:iam::${account}:role/${name}Role`,
    layers: readLayers(of, base),
    logFormat: 'Text',
    tracingMode: 'PassThrough',
    recordedOnly: of.map.entries.has('role') ? ['role'] : [],
    origin: { path: of.reading.path, line: of.map.line },
  }
}

function readLayers(of: Section, base: string): readonly string[] {
  const written = optionalTexts(of, 'layers') ?? []
  if (written.length > limits.layers) {
    refuse(of, 'layers', {
      problem: `it names ${written.length} layers`,
      advice: `Lambda takes at most ${limits.layers}`,
    })
  }
  return written.map((layer) => {
    const path = resolve(base, layer)
    if (!existsSync(path)) {
      refuse(of, 'layers', {
        problem: `${path} does not exist`,
        advice: 'name a folder or zip file',
      })
    }
    return path
  })
}
