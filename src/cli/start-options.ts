// The options that `start`, `exec` and `config show` share: as flags for yargs, and from given flags to what startEmulator takes.

import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Argv } from 'yargs'
import type { EmulatorOptions } from '../admin/contract.js'
import type { LoadOptions } from '../config/loaded.js'
import {
  flagOf,
  parameterOverrides,
  portsOf,
  type ResolvedSettings,
  resolveSettings,
  type SettingName,
  type ShownSetting,
  settingNames,
  specOf,
  variableOf,
} from '../config/settings.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { VariableLayer } from '../domain/variable-layer.js'
import type { GlobalArguments } from './outcome.js'
import type { Terminal } from './terminal.js'

/** The settings' flags, by their names in the settings table, are among its members. */
export interface StartArguments extends GlobalArguments {
  readonly path?: string
  readonly template?: string
  readonly parameterOverrides?: readonly string[]
  readonly [flag: string]: unknown
}

/** Options of `sam local` without a meaning here, and what is done instead. */
export const samFlags: Readonly<
  Record<string, { readonly takesValue: boolean; readonly instead: string }>
> = {
  'warm-containers': {
    takesValue: true,
    instead: 'environments always stay warm, as on AWS, and the first invocation starts one',
  },
  'skip-pull-image': { takesValue: false, instead: 'there are no images to pull' },
  'force-image-build': { takesValue: false, instead: 'there are no images to build' },
  'docker-network': { takesValue: true, instead: 'functions reach what this machine reaches' },
  'disable-authorizer': {
    takesValue: false,
    instead: 'authorizers are not emulated yet, and their routes say so',
  },
  'debug-port': { takesValue: true, instead: 'debuggers cannot be attached yet' },
  profile: { takesValue: true, instead: 'nothing here needs AWS credentials' },
  shutdown: { takesValue: false, instead: 'every environment has its shutdown phase anyway' },
}

/** Options that may be given more than once, by the name that they have in yargs' result. */
export const repeatable: ReadonlySet<string> = new Set([
  ...settingNames.filter((name) => ['pairs', 'files'].includes(specOf(name).kind)),
  'parameterOverrides',
])

/** @param defaults Texts of defaults that are others than those of `start`. */
export function startOptions(
  yargs: Argv,
  defaults: Readonly<Partial<Record<SettingName, string>>> = {},
): Argv {
  let with_ = yargs.positional('path', {
    type: 'string',
    describe: 'Template, lambda-emu.json, handler file, or a folder with one of them',
  })
  for (const name of settingNames) {
    const { kind, choices, alias, describe, defaultText, default: value } = specOf(name)
    const shown = defaults[name] ?? defaultText ?? (value === undefined ? undefined : String(value))
    with_ = with_.option(flagOf(name).slice(2), {
      type: kind === 'switch' ? 'boolean' : 'string',
      describe,
      ...(choices === undefined ? {} : { choices }),
      ...(alias === undefined ? {} : { alias }),
      ...(shown === undefined ? {} : { defaultDescription: shown }),
      ...(kind === 'switch' ? {} : { requiresArg: true }),
    })
  }
  with_ = with_
    .option('template', {
      alias: 't',
      type: 'string',
      describe: 'The same as the path, as SAM has it',
    })
    .option('parameter-overrides', {
      type: 'array',
      string: true,
      describe: "Template parameters in SAM's forms",
    })
  for (const [flag, { takesValue }] of Object.entries(samFlags)) {
    const type = takesValue ? 'string' : 'boolean'
    with_ = with_.option(flag, {
      type,
      hidden: true,
      ...(flag === 'debug-port' ? { alias: 'd' } : {}),
    })
  }
  return with_
}

export interface StartWish {
  readonly options: EmulatorOptions
  readonly loadOptions: LoadOptions
  readonly settings: ResolvedSettings
  /** What is worth a line before the start, on standard error. */
  readonly notes: readonly string[]
}

/** @throws EmulatorError EMU_USAGE, EMU_CONFIG_INVALID, EMU_CONFIG_NOT_FOUND. */
export async function readStartOptions(
  given: StartArguments,
  terminal: Terminal,
): Promise<StartWish> {
  const { path, flags } = pathAndFlags(given, terminal)
  // With it comes a YAML parser, which other verbs do without.
  const { readSettingsFile } = await import('../config/settings-file.js')
  const file = readSettingsFile(path)
  const settings = resolveSettings({
    flags,
    variables: terminal.variables,
    ...(file === undefined ? {} : { file }),
  })
  const { values } = settings
  const layers = await variableLayers(settings, path, terminal)
  const stateDirectory = stateDirectoryOf(given, terminal)
  const loadOptions: LoadOptions = {
    ...defined({ region: values.region, accountId: values.account }),
    parameters: values.parameter ?? {},
    importValues: values.importValue ?? {},
    variables: layers,
  }
  const { host, lambdaPort, httpPort, stagePath, watch, strict, freeze, isolation, cpu } = values
  const options = {
    path,
    ...loadOptions,
    ...defined({ host, lambdaPort, httpPort, stagePath, watch, strict, freeze, isolation, cpu }),
    ...defined({ freezeGraceMs: values.freezeGrace, memoryBudgetMb: values.memoryBudget }),
    ...defined({ stateDirectory, runtimeChannel: values.runtimeChannel }),
    ...defined({ reportStyle: values.reportStyle, freezeNetwork: values.freezeNetwork }),
    ...defined({ relay: values.relay === undefined ? undefined : portsOf(values.relay) }),
  } as EmulatorOptions
  return { options, loadOptions, settings, notes: notesOf(given) }
}

/** --state-dir, else LAMBDA_EMU_STATE_DIR: which is how a command that `exec` runs finds its emulator. */
export function stateDirectoryOf(given: GlobalArguments, terminal: Terminal): string | undefined {
  const named = given.stateDir ?? terminal.variables.LAMBDA_EMU_STATE_DIR
  return named === undefined || named === '' ? undefined : resolve(terminal.workingFolder, named)
}

function pathAndFlags(given: StartArguments, terminal: Terminal) {
  const overrides = [...(given.parameterOverrides ?? [])]
  let named = given.path
  // yargs takes every word after it; the last one may have been meant as the path.
  const last = overrides.at(-1)
  if (named === undefined && last !== undefined && !last.includes('=')) {
    named = overrides.pop()
  }
  if (named !== undefined && given.template !== undefined && named !== given.template) {
    throw new EmulatorError('EMU_USAGE', { problem: 'give a path or --template, not both' })
  }
  const own = given.parameter === undefined ? [] : [given.parameter].flat()
  const parameters = [...parameterOverrides(overrides), ...own]
  const path = resolve(terminal.workingFolder, named ?? given.template ?? '.')
  return { path, flags: { ...given, parameter: parameters.length > 0 ? parameters : undefined } }
}

function notesOf(given: StartArguments): readonly string[] {
  return Object.entries(samFlags).flatMap(([flag, { instead }]) =>
    given[flag] === undefined ? [] : [`--${flag} has no effect: ${instead}`],
  )
}

/** Weakest first: .env, --env-file, --env-vars, --env. @throws EmulatorError EMU_CONFIG_INVALID, EMU_CONFIG_NOT_FOUND. */
async function variableLayers(
  { values, shown }: ResolvedSettings,
  path: string,
  terminal: Terminal,
): Promise<readonly VariableLayer[]> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  const dotenv = join(isFolder ? path : dirname(path), '.env')
  const own = values.dotenv === true && existsSync(dotenv) ? [dotenv] : []
  const files = values.envFile ?? []
  const byFunction = values.envVars ?? []
  const words = wordLayers(shown)
  if (own.length + files.length + byFunction.length === 0) return words
  const read = await import('../config/variable-files.js')
  const at = (name: string) => resolve(terminal.workingFolder, name)
  const fromFiles = await Promise.all([
    ...own.map((file) => read.readDotEnvFile(file, '.env')),
    ...files.map((file) => read.readDotEnvFile(at(file), `--env-file ${file}`)),
    ...byFunction.map((file) => read.readEnvVarsFile(at(file), `--env-vars ${file}`)),
  ])
  return [...fromFiles, ...words]
}

/** One for each place that gives some: a name is in one of them only. */
function wordLayers(shown: readonly ShownSetting[]): readonly VariableLayer[] {
  const layers = new Map<string, Record<string, string>>()
  for (const { setting, member, value, origin } of shown) {
    if (setting !== 'env' || member === undefined) continue
    const source =
      origin.from === 'file'
        ? 'lambda-emu.json'
        : origin.from === 'flag'
          ? '--env'
          : variableOf('env')
    layers.set(source, { ...layers.get(source), [member]: String(value) })
  }
  return [...layers].map(([source, common]) => ({ source, common, byFunction: {} }))
}

/** Without the members that are undefined. */
export function defined<T extends object>(
  members: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
