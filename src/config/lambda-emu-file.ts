// lambda-emu.json → functions and their events: the emulator's own short form, beside a template or without one.

import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { closest, limits, runtimeStanding } from './function-checks.js'
import { commonSettings, existingCode, ranged, readVariables } from './function-settings.js'
import type { LoadedFunction, LoadOptions } from './loaded.js'
import { ownLoggingNames, readLogging } from './logging-settings.js'
import { type OwnEvents, ownApi, readOwnEvents } from './own-events.js'
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
  'logging',
  'events',
] as const

const loggingMembers = Object.values(ownLoggingNames)

export const fileMembers = [
  '$schema',
  'template',
  'parameters',
  'importValues',
  'functions',
  'start',
] as const

/** What the file says itself. */
export interface OwnContent {
  readonly functions: readonly LoadedFunction[]
  readonly apis: readonly ApiDefinition[]
  readonly schedules: readonly ScheduleDefinition[]
  /** The template that more functions come from. */
  readonly template?: TemplateWish
}

export interface TemplateWish {
  /** Absolute path of an existing file. */
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly importValues: Readonly<Record<string, string>>
}

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
): OwnContent {
  const file = section(reading, 'file', root)
  refuseUnknown(file, fileMembers)
  const template = readTemplateWish(file)
  const all = optionalSection(file, 'functions')
  const settingsOnly = file.map.entries.has('start')
  if (all === undefined && template === undefined && !settingsOnly) {
    invalid(reading.path, 1, 'it has no functions', 'add "functions": { "name": { … } }')
  }
  const read = [...(all?.map.entries ?? [])].map(([name, node]) => {
    const of = section(reading, `functions.${name}`, node)
    return { of, loaded: readFunction(of, name, options), events: readOwnEvents(of, name) }
  })
  const runnable = read.filter(({ loaded }) => runtimeStanding(loaded.runtime) === 'runnable')
  for (const { loaded } of read) {
    const { functionName, runtime } = loaded
    if (runtimeStanding(runtime) === 'runnable') continue
    const error = new EmulatorError('EMU_RUNTIME_UNSUPPORTED', { functionName, runtime })
    if (runnable.length === 0 && template === undefined) throw error
    const message = `${error.message}; it is left out`
    warn(reading, 'W_FUNCTION_LEFT_OUT', `functions.${functionName}`, message)
  }
  warnOfLostEvents(reading, read)
  return {
    functions: runnable.map(({ loaded }) => loaded),
    apis: ownApi(runnable.map(({ of, events }) => ({ of, routes: events.routes }))),
    schedules: runnable.flatMap(({ events }) => events.schedules),
    ...(template === undefined ? {} : { template }),
  }
}

interface Read {
  readonly of: Section
  readonly loaded: LoadedFunction
  readonly events: OwnEvents
}

function warnOfLostEvents(reading: Reading, read: readonly Read[]): void {
  for (const { of, loaded, events } of read) {
    if (runtimeStanding(loaded.runtime) === 'runnable') continue
    if (events.routes.length + events.schedules.length === 0) continue
    const message = `function ${loaded.functionName} is left out, and its events with it`
    warn(reading, 'W_ROUTE_LEFT_OUT', `${of.where}.events`, message)
  }
}

function readTemplateWish(file: Section): TemplateWish | undefined {
  const written = optionalText(file, 'template')
  const parameters = textsOf(optionalSection(file, 'parameters'))
  const importValues = textsOf(optionalSection(file, 'importValues'))
  if (written === undefined) {
    const stray = ['parameters', 'importValues'].find((name) => file.map.entries.has(name))
    if (stray === undefined) return undefined
    refuse(file, stray, { problem: 'there is no template for it', advice: 'name one in template' })
  }
  const path = resolve(dirname(file.reading.path), written ?? '')
  if (!existsSync(path) || !statSync(path).isFile()) {
    refuse(file, 'template', {
      problem: `${path} is not a file`,
      advice: 'name a template, relative to this file',
    })
  }
  return { path, parameters, importValues }
}

function textsOf(of: Section | undefined): Readonly<Record<string, string>> {
  const entries = [...(of?.map.entries.keys() ?? [])].map((name): [string, string] => [
    name,
    of === undefined ? '' : (optionalText(of, name) ?? ''),
  ])
  return Object.fromEntries(entries)
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
    ...readOwnLogging(of),
    tracingMode: 'PassThrough',
    recordedOnly: of.map.entries.has('role') ? ['role'] : [],
    origin: { path: of.reading.path, line: of.map.line },
  }
}

function readOwnLogging(of: Section) {
  const logging = optionalSection(of, 'logging')
  if (logging !== undefined) refuseUnknown(logging, loggingMembers)
  return readLogging(logging, ownLoggingNames)
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
