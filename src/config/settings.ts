// The settings of `lambda-emu start`: one table of names, kinds and defaults, and which of four places each value comes from. Pure.

import { EmulatorError } from '../domain/emulator-error.js'
import { closest } from './function-checks.js'

interface SettingSpec {
  /** `pairs`: NAME=VALUE, any number of times. `files`: paths, any number of times. */
  readonly kind:
    | 'text'
    | 'port'
    | 'ports'
    | 'megabytes'
    | 'milliseconds'
    | 'account'
    | 'switch'
    | 'choice'
    | 'pairs'
    | 'files'
  readonly choices?: readonly string[]
  /** Other names of its flag. */
  readonly alias?: readonly string[]
  readonly default?: string | number | boolean
  readonly describe: string
  /** What stands for the default when it is worked out. */
  readonly defaultText?: string
}

/** By their name in lambda-emu.json; flag and environment variable are made from it. */
export const settings = {
  host: { kind: 'text', default: '127.0.0.1', describe: 'Loopback address' },
  lambdaPort: {
    kind: 'port',
    default: 3001,
    describe: 'Port of the Lambda API; 0 takes any free one',
  },
  httpPort: {
    kind: 'port',
    default: 3000,
    alias: ['port', 'p'],
    describe: 'Port of the HTTP APIs; 0 takes any free one',
  },
  stagePath: {
    kind: 'switch',
    default: true,
    describe: 'REST APIs below their stage, as on AWS; --no-stage-path: at the root',
  },
  watch: {
    kind: 'switch',
    default: true,
    describe: 'Serve saved code and configuration at once; --no-watch: only after a restart',
  },
  strict: {
    kind: 'switch',
    default: false,
    describe: 'Whatever would be a warning of the template is an error',
  },
  parameter: { kind: 'pairs', describe: 'NAME=VALUE of a template parameter; repeatable' },
  importValue: { kind: 'pairs', describe: 'NAME=VALUE that another stack exports; repeatable' },
  env: { kind: 'pairs', describe: 'NAME=VALUE for the environment of every function; repeatable' },
  envFile: { kind: 'files', describe: 'File of NAME=VALUE lines for every function; repeatable' },
  envVars: {
    kind: 'files',
    alias: ['n'],
    describe: "JSON file with variables by function, in SAM's form",
  },
  dotenv: {
    kind: 'switch',
    default: true,
    describe: 'Read the .env beside the template; --no-dotenv: do not',
  },
  region: { kind: 'text', describe: 'Region of unsigned requests', defaultText: 'us-east-1' },
  account: { kind: 'account', describe: 'Account id, 12 digits', defaultText: '000000000000' },
  freeze: {
    kind: 'choice',
    choices: ['v2', 'v1', 'signal', 'none'],
    describe: 'How to freeze',
    defaultText: 'the best that works',
  },
  freezeNetwork: {
    kind: 'switch',
    default: false,
    describe: 'A network for each environment, down while it is frozen; needs root',
  },
  relay: {
    kind: 'ports',
    describe: 'With --freeze-network: ports of 127.0.0.1 for functions to reach, as in 5432,8000',
    defaultText: "the emulator's own",
  },
  freezeGrace: {
    kind: 'milliseconds',
    describe: 'Whole ms; the freeze comes one to two times as long after an invocation; 0: at once',
    defaultText: '1',
  },
  reportStyle: {
    kind: 'choice',
    choices: ['status', 'classic'],
    describe: 'How text logs tell of a failure; classic: in words before END, as until 2024',
    defaultText: 'status',
  },
  isolation: {
    kind: 'choice',
    choices: ['standard', 'none'],
    describe: 'none: functions see the files and processes that you see',
    defaultText: 'standard',
  },
  runtimeChannel: {
    kind: 'choice',
    choices: ['frames', 'http'],
    describe: 'http: built-in runtimes get events over HTTP, as all others do',
    defaultText: 'frames',
  },
  cpu: {
    kind: 'switch',
    default: true,
    describe: 'CPU in proportion to memory; --no-cpu: as much as there is',
  },
  memoryBudget: {
    kind: 'megabytes',
    describe: 'MB for all environments together, 64 at least',
    defaultText: '70 % of what is free',
  },
} as const satisfies Record<string, SettingSpec>

export type SettingName = keyof typeof settings
export const settingNames = Object.keys(settings) as readonly SettingName[]

/** The table's rows with every member that a row may have. */
export function specOf(name: SettingName): SettingSpec {
  return settings[name]
}

interface ValueOfKind {
  readonly text: string
  readonly port: number
  /** With commas. */
  readonly ports: string
  readonly megabytes: number
  readonly milliseconds: number
  readonly account: string
  readonly switch: boolean
  readonly choice: string
  readonly pairs: Readonly<Record<string, string>>
  readonly files: readonly string[]
}

export type SettingValues = {
  readonly [N in SettingName]?: ValueOfKind[(typeof settings)[N]['kind']]
}

export type SettingOrigin =
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'environment'; readonly variable: string }
  | { readonly from: 'file'; readonly path: string; readonly line: number }
  | { readonly from: 'default' }

/** One value with where it comes from; a setting of pairs or files has one for each. */
export interface ShownSetting {
  readonly setting: SettingName
  /** For pairs: the name in NAME=VALUE. */
  readonly member?: string
  /** Missing: unset, and worked out at the start. */
  readonly value?: string | number | boolean
  readonly origin: SettingOrigin
}

export interface ResolvedSettings {
  readonly values: SettingValues
  readonly shown: readonly ShownSetting[]
}

/** The member `start` of a lambda-emu.json. */
export interface SettingsFile {
  readonly path: string
  readonly entries: ReadonlyMap<string, { readonly line: number; readonly value: unknown }>
}

export interface SettingSources {
  /** By setting name; what was not given is undefined. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly file?: SettingsFile
}

/** `httpPort` → `--http-port` */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `httpPort` → `LAMBDA_EMU_HTTP_PORT` */
export function variableOf(name: string): string {
  return `LAMBDA_EMU_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * A flag wins over the environment, that over lambda-emu.json, that over the default. Pairs are merged name by name; of files,
 * the strongest place that has any gives all.
 * @throws EmulatorError EMU_USAGE for flags and variables, EMU_CONFIG_INVALID for lambda-emu.json.
 */
export function resolveSettings(sources: SettingSources): ResolvedSettings {
  refuseUnknown(sources.file)
  const values: Record<string, unknown> = {}
  const shown: ShownSetting[] = []
  for (const name of settingNames) {
    const own = resolveOne(name, sources)
    shown.push(...own)
    const value = valueIn(name, own)
    if (value !== undefined) values[name] = value
  }
  return { values: values as SettingValues, shown }
}

function refuseUnknown(file: SettingsFile | undefined): void {
  for (const [name, { line }] of file?.entries ?? []) {
    if (Object.hasOwn(settings, name)) continue
    const meant = closest(name, settingNames)
    const advice =
      meant === undefined ? `known are ${settingNames.join(', ')}` : `did you mean ${meant}?`
    invalid(file?.path ?? '', line, `start.${name}: there is no such setting`, advice)
  }
}

function valueIn(name: SettingName, shown: readonly ShownSetting[]): unknown {
  const { kind } = settings[name]
  if (kind === 'files') return shown.map(({ value }) => value).filter((each) => each !== undefined)
  if (kind !== 'pairs') return shown[0]?.value
  return Object.fromEntries(shown.flatMap(({ member, value }) => (member ? [[member, value]] : [])))
}

interface Given {
  readonly origin: SettingOrigin
  readonly raw: unknown
}

/** Every place that gives this setting, strongest first. */
function placesOf(name: SettingName, { flags, variables, file }: SettingSources): readonly Given[] {
  const places: Given[] = []
  if (flags[name] !== undefined) {
    places.push({ origin: { from: 'flag', flag: flagOf(name) }, raw: flags[name] })
  }
  const own = variableOf(name)
  // As every AWS client reads it; ours wins.
  const names = name === 'region' ? [own, 'AWS_REGION', 'AWS_DEFAULT_REGION'] : [own]
  const variable = names.find((each) => (variables[each] ?? '') !== '')
  if (variable !== undefined) {
    places.push({ origin: { from: 'environment', variable }, raw: variables[variable] })
  }
  const entry = file?.entries.get(name)
  if (file !== undefined && entry !== undefined) {
    places.push({
      origin: { from: 'file', path: file.path, line: entry.line },
      raw: entry.value,
    })
  }
  return places
}

function resolveOne(name: SettingName, sources: SettingSources): readonly ShownSetting[] {
  const spec = specOf(name)
  const places = placesOf(name, sources)
  if (spec.kind === 'pairs') return resolvePairs(name, places)
  const [strongest] = places
  if (strongest === undefined) {
    const value = spec.default === undefined ? {} : { value: spec.default }
    return spec.kind === 'files' ? [] : [{ setting: name, ...value, origin: { from: 'default' } }]
  }
  if (spec.kind === 'files') {
    return pathsOf(name, strongest).map((value) => ({
      setting: name,
      value,
      origin: strongest.origin,
    }))
  }
  const value = parse(spec, strongest.raw)
  if (value === undefined) refuse(name, strongest, wanted(spec))
  return [{ setting: name, value, origin: strongest.origin }]
}

function resolvePairs(name: SettingName, places: readonly Given[]): readonly ShownSetting[] {
  const found = new Map<string, ShownSetting>()
  for (const given of [...places].reverse()) {
    for (const [member, value] of pairsOf(name, given)) {
      found.set(member, { setting: name, member, value, origin: given.origin })
    }
  }
  return [...found.values()]
}

function parse(spec: SettingSpec, raw: unknown): string | number | boolean | undefined {
  const text = String(raw)
  switch (spec.kind) {
    case 'port':
      return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
    case 'ports':
      return portsOf(raw)?.join(',')
    case 'megabytes':
      return /^\d{1,9}$/.test(text) && Number(text) >= 64 ? Number(text) : undefined
    case 'milliseconds':
      return /^\d{1,4}$/.test(text) && Number(text) <= 1_000 ? Number(text) : undefined
    case 'account':
      return /^\d{12}$/.test(text) ? text : undefined
    case 'switch':
      if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true
      return ['false', '0', 'no', 'off'].includes(text.toLowerCase()) ? false : undefined
    case 'choice':
      return spec.choices?.includes(text) ? text : undefined
    default:
      return typeof raw === 'object' || text === '' ? undefined : text
  }
}

/** `5432,8000`, a number, or a list of both; undefined when it is none of these, or has too many. */
export function portsOf(raw: unknown): readonly number[] | undefined {
  const words = [raw].flat().flatMap((each) => String(each).split(','))
  const ports = words.map((word) => (/^\s*\d{1,5}\s*$/.test(word) ? Number(word) : 0))
  const known = ports.every((port) => port > 0 && port <= 65_535) && ports.length <= relaysMax
  return known ? [...new Set(ports)] : undefined
}

/** What the helper takes, with a few left for ports of our own. Source: native/network.h, RELAYS_MAX. */
const relaysMax = 250

function wanted(spec: SettingSpec): string {
  switch (spec.kind) {
    case 'port':
      return 'a port from 0 to 65535'
    case 'ports':
      return 'ports from 1 to 65535 with commas between them'
    case 'megabytes':
      return 'a whole number of MB from 64 on'
    case 'milliseconds':
      return 'a whole number of ms from 0 to 1000'
    case 'account':
      return 'twelve digits'
    case 'switch':
      return 'true or false'
    case 'choice':
      return `one of ${spec.choices?.join(', ')}`
    case 'pairs':
      return 'NAME=VALUE'
    case 'files':
      return 'a path'
    case 'text':
      return 'a text'
  }
}

/** @throws EmulatorError that names the place, what stands there, and what should. */
function refuse(name: SettingName, { origin, raw }: Given, what: string, given?: string): never {
  const text = given ?? (typeof raw === 'object' ? JSON.stringify(raw) : String(raw))
  if (origin.from === 'file') {
    const advice = `it must be ${what}`
    return invalid(origin.path, origin.line, `start.${name} is ${JSON.stringify(raw)}`, advice)
  }
  const place = origin.from === 'environment' ? `${origin.variable}=` : `${flagOf(name)} `
  throw new EmulatorError('EMU_USAGE', { problem: `${place}${text} is not ${what}` })
}

function pathsOf(name: SettingName, given: Given): readonly string[] {
  const { raw, origin } = given
  const paths =
    origin.from === 'environment' ? String(raw).split(':').filter(Boolean) : [raw].flat()
  for (const path of paths) {
    if (typeof path !== 'string' || path === '') refuse(name, given, 'a path', String(path))
  }
  return paths as readonly string[]
}

function pairsOf(name: SettingName, given: Given): readonly (readonly [string, string])[] {
  const { raw, origin } = given
  if (origin.from === 'file') {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      return refuse(name, given, 'a map of names to values')
    }
    return Object.entries(raw).map(([member, value]) => {
      if (typeof value === 'object') refuse(name, given, 'a map of names to values')
      return [member, String(value)]
    })
  }
  const words = [raw]
    .flat()
    .flatMap((word) => (origin.from === 'flag' ? word : split(String(word))))
  return words.map((word) => {
    const pair = pairOf(String(word))
    return pair ?? refuse(name, given, 'NAME=VALUE', String(word))
  })
}

function pairOf(word: string): readonly [string, string] | undefined {
  const match = /^([^=\s]+)=(.*)$/s.exec(word)
  return match === null ? undefined : [match[1] as string, match[2] as string]
}

/**
 * The words of SAM's --parameter-overrides, as NAME=VALUE: `A=1 B="x y"` in one word or in several, and
 * `ParameterKey=A,ParameterValue=1`. Words without `=` are handed back as they are.
 */
export function parameterOverrides(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => {
    const pieces = split(word)
    const many = pieces.length > 1 && pieces.every((piece) => piece.includes('='))
    return (many ? pieces : [word]).map((piece) => {
      const match = /^ParameterKey=([^,]+),ParameterValue=(.*)$/s.exec(piece)
      return match === null ? piece : `${match[1]}=${unquoted(match[2] as string)}`
    })
  })
}

/** Not that of source.ts: whoever only lists the settings needs no YAML. */
function invalid(path: string, line: number, problem: string, advice: string): never {
  throw new EmulatorError('EMU_CONFIG_INVALID', { path: `${path}:${line}`, problem, advice })
}

/** At spaces outside quotes; the quotes go, a backslash keeps the next character. */
function split(text: string): readonly string[] {
  const words = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'])+/gs) ?? []
  return words.map(unquoted)
}

function unquoted(word: string): string {
  return word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs, (_, double, single, escaped) =>
    double === undefined ? (single ?? escaped) : double.replace(/\\(.)/gs, '$1'),
  )
}
