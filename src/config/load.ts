// From a path to functions: finds the source of a project, reads it, and says in one place what was found.

import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { readLambdaEmuFile } from './lambda-emu-file.js'
import type { LoadedProject, LoadOptions, LoadWarning } from './loaded.js'
import { invalid, parseSource, type SourceNode } from './source.js'
import { readTemplate } from './template.js'

/** What a folder is searched for, in this order. */
export const sourceNames = [
  'template.yaml',
  'template.yml',
  'template.json',
  'lambda-emu.json',
] as const

/**
 * Loads a template, a lambda-emu.json, or a folder with one of them. Without a path the working folder is searched, and
 * finding nothing there is no error: functions can be made through the API.
 * @throws EmulatorError EMU_CONFIG_NOT_FOUND, EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND, EMU_RUNTIME_UNSUPPORTED.
 */
export async function load(
  path: string | undefined,
  options: LoadOptions = {},
): Promise<LoadedProject> {
  const asked = resolve(path ?? '.')
  const found = await kindOf(asked)
  if (found === 'nothing') throw new EmulatorError('EMU_CONFIG_NOT_FOUND', { path: asked })
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
  return { project, ...(await read(source, options)) }
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
  for (const name of sourceNames) {
    const path = join(folder, name)
    if ((await kindOf(path)) !== 'file') continue
    return name.startsWith('template') ? await newerBuild(folder, path) : path
  }
  return undefined
}

/** What `sam build` left, unless the template has changed since. */
async function newerBuild(folder: string, template: string): Promise<string> {
  const built = join(folder, '.aws-sam', 'build', 'template.yaml')
  if ((await kindOf(built)) !== 'file') return template
  const [source, build] = await Promise.all([stat(template), stat(built)])
  return build.mtimeMs > source.mtimeMs ? built : template
}

async function read(path: string, options: LoadOptions): Promise<Omit<LoadedProject, 'project'>> {
  const warnings: LoadWarning[] = []
  const reading = { path, warnings }
  const root = parseSource(path, await readText(path))
  if (isLambdaEmuFile(path, root)) {
    const functions = readLambdaEmuFile(reading, root, options)
    return {
      sourcePath: path,
      sources: [path],
      functions,
      apis: [],
      schedules: [],
      warnings,
      suggestions: [],
    }
  }
  return {
    sourcePath: path,
    sources: [path],
    apis: [],
    schedules: [],
    ...readTemplate(reading, root, options),
    warnings,
  }
}

/** By its name, or, for a file that was named by hand, by what is in it. */
function isLambdaEmuFile(path: string, root: SourceNode): boolean {
  if (basename(path) === 'lambda-emu.json') return true
  return root.is === 'map' && root.entries.has('functions') && !root.entries.has('Resources')
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return invalid(path, 1, `it cannot be read: ${reason}`, 'check its permissions')
  }
}
