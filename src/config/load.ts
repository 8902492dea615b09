// From a path to functions, APIs and schedules: finds the source of a project, reads it, and says in one place what was found.

import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { readLambdaEmuFile } from './lambda-emu-file.js'
import type {
  LoadedFunction,
  LoadedProject,
  LoadOptions,
  LoadWarning,
  Suggestion,
} from './loaded.js'
import type { Reading } from './reader.js'
import { isHandlerFile, readSingleHandler } from './single-handler.js'
import { invalid, parseSource, type SourceNode } from './source.js'
import { readTemplate } from './template.js'
import { withVariables } from './variable-layers.js'

/** What a folder is searched for, in this order. */
export const sourceNames = [
  'template.yaml',
  'template.yml',
  'template.json',
  'lambda-emu.json',
] as const

/**
 * Loads a template, a lambda-emu.json, a folder with one of them, or one file of code. Without a path the working folder
 * is searched, and finding nothing there is no error: functions can be made through the API.
 * @throws EmulatorError EMU_CONFIG_NOT_FOUND, EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND, EMU_RUNTIME_UNSUPPORTED,
 * EMU_RUNTIME_MISSING, EMU_USAGE for a parameter that the template does not have.
 */
export async function load(
  path: string | undefined,
  options: LoadOptions = {},
): Promise<LoadedProject> {
  const asked = resolve(path ?? '.')
  const found = await existing(asked)
  const source = found === 'file' ? asked : await findSource(asked)
  if (source === undefined) {
    return {
      project: asked,
      functions: [],
      apis: [],
      schedules: [],
      sources: [],
      warnings: [],
      suggestions: [],
    }
  }
  const project = found === 'file' ? dirname(asked) : asked
  const content = await read(source, options)
  const template = found === 'folder' ? await builtFrom(asked, source) : undefined
  const sources = template === undefined ? content.sources : [...content.sources, template]
  return { project, ...content, sources }
}

/** The folder that `load` takes for the project's. @throws EmulatorError EMU_CONFIG_NOT_FOUND. */
export async function projectFolder(path: string | undefined): Promise<string> {
  const asked = resolve(path ?? '.')
  return (await existing(asked)) === 'file' ? dirname(asked) : asked
}

async function existing(path: string): Promise<'file' | 'folder'> {
  const found = await kindOf(path)
  if (found === 'nothing') throw new EmulatorError('EMU_CONFIG_NOT_FOUND', { path })
  return found
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'nothing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    // Whatever keeps us from looking at it, the user's next step is the same.
    return 'nothing'
  }
}

async function findSource(folder: string): Promise<string | undefined> {
  const own = join(folder, 'lambda-emu.json')
  // It says itself that it comes before its template.
  if ((await kindOf(own)) === 'file' && (await namesTemplate(own))) return own
  for (const name of sourceNames) {
    const path = join(folder, name)
    if ((await kindOf(path)) !== 'file') continue
    return name.startsWith('template') ? await newerBuild(folder, path) : path
  }
  return undefined
}

/** The template behind what `sam build` left: when it changes, the other one is out of date. */
async function builtFrom(folder: string, source: string): Promise<string | undefined> {
  if (dirname(source) === folder) return undefined
  for (const name of sourceNames) {
    const path = join(folder, name)
    if ((await kindOf(path)) === 'file') return path
  }
  return undefined
}

async function namesTemplate(path: string): Promise<boolean> {
  const root = parseSource(path, await readText(path))
  return root.is === 'map' && root.entries.has('template')
}

/** What `sam build` left, unless the template has changed since. */
async function newerBuild(folder: string, template: string): Promise<string> {
  const built = join(folder, '.aws-sam', 'build', 'template.yaml')
  if ((await kindOf(built)) !== 'file') return template
  const [source, build] = await Promise.all([stat(template), stat(built)])
  return build.mtimeMs > source.mtimeMs ? built : template
}

async function read(path: string, options: LoadOptions): Promise<Omit<LoadedProject, 'project'>> {
  const text = await readText(path)
  const warnings: LoadWarning[] = []
  const sources = [path]
  const reading = { path, warnings, sources }
  const content = isHandlerFile(path)
    ? { ...nothing, own: [await readSingleHandler(path, text, options)] }
    : await readSource(reading, parseSource(path, text), options)
  const { own, fromTemplate, ...rest } = content
  refuseSharedNames(path, own, fromTemplate)
  const layers = options.variables ?? []
  const origins = new Map(fromTemplate.map((loaded) => [loaded, 'template']))
  const functions = withVariables(
    [...fromTemplate, ...own],
    layers,
    reading,
    (loaded) => origins.get(loaded) ?? basename(path),
  )
  return { sourcePath: path, sources, ...rest, functions, warnings }
}

interface Content {
  /** Of lambda-emu.json, or of a single file of code. */
  readonly own: readonly LoadedFunction[]
  readonly fromTemplate: readonly LoadedFunction[]
  readonly apis: readonly ApiDefinition[]
  readonly schedules: readonly ScheduleDefinition[]
  readonly suggestions: readonly Suggestion[]
}

const nothing: Content = { own: [], fromTemplate: [], apis: [], schedules: [], suggestions: [] }

async function readSource(
  reading: Reading,
  root: SourceNode,
  options: LoadOptions,
): Promise<Content> {
  if (!isLambdaEmuFile(reading.path, root)) {
    const { functions, ...rest } = readTemplate(reading, root, options)
    return { own: [], fromTemplate: functions, ...rest }
  }
  const { functions: own, template, ...events } = readLambdaEmuFile(reading, root, options)
  if (template === undefined) return { ...nothing, own, ...events }
  reading.sources.push(template.path)
  const { functions, ...rest } = readTemplate(
    { ...reading, path: template.path },
    parseSource(template.path, await readText(template.path)),
    {
      ...options,
      parameters: { ...template.parameters, ...options.parameters },
      importValues: { ...template.importValues, ...options.importValues },
    },
  )
  return {
    own,
    fromTemplate: functions,
    apis: [...rest.apis, ...events.apis],
    schedules: [...rest.schedules, ...events.schedules],
    suggestions: rest.suggestions,
  }
}

/** Within one source its reader has looked. */
function refuseSharedNames(
  path: string,
  own: readonly LoadedFunction[],
  fromTemplate: readonly LoadedFunction[],
): void {
  const taken = new Set(fromTemplate.map(({ functionName }) => functionName))
  for (const { functionName, origin } of own) {
    if (!taken.has(functionName)) continue
    const problem = `functions.${functionName} is in the template too`
    invalid(path, origin.line, problem, 'give one of them another name')
  }
}

/** By its name, or, for a file that was named by hand, by what is in it. */
function isLambdaEmuFile(path: string, root: SourceNode): boolean {
  if (basename(path) === 'lambda-emu.json') return true
  if (root.is !== 'map' || root.entries.has('Resources')) return false
  return root.entries.has('functions') || root.entries.has('template')
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return invalid(path, 1, `it cannot be read: ${reason}`, 'check its permissions')
  }
}
