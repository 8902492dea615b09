// Whether the file that a handler names is in the package: found out at load time, not at the first invoke.

import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { type RuntimeFamily, runtimeFamily } from '../domain/function.js'
import { absent } from './absent.js'

export interface HandlerWish {
  readonly functionName: string
  readonly runtime: string
  readonly handler: string
  /** The task root. */
  readonly folder: string
  /** What is in /opt. */
  readonly layersFolder?: string | undefined
}

/**
 * The file that the runtime will load, as a path below the task root.
 * Undefined when it lies outside the package: in a layer, or, by an absolute handler, where it cannot be checked.
 * @throws EmulatorError EMU_HANDLER_NOT_FOUND, naming every place that was looked at.
 */
export async function findHandlerFile(wish: HandlerWish): Promise<string | undefined> {
  const family = runtimeFamily(wish.runtime)
  if (family === undefined) return undefined
  if (family !== 'provided' && wish.handler.startsWith('/')) return undefined
  const candidates = candidatesOf[family](wish.handler)
  for (const candidate of candidates) {
    const found = await matching(wish.folder, candidate)
    if (found !== undefined) return found
  }
  for (const folder of layerFolders(family, wish)) {
    for (const candidate of candidates) {
      if ((await matching(folder, candidate)) !== undefined) return undefined
    }
  }
  const tried =
    candidates.length > 0 ? candidates.join(', ') : 'nothing: it is not <file>.<function>'
  throw new EmulatorError('EMU_HANDLER_NOT_FOUND', {
    functionName: wish.functionName,
    handler: wish.handler,
    folder: wish.folder,
    tried,
  })
}

/** Where a runtime looks for a handler after the task root. */
function layerFolders(family: RuntimeFamily, { layersFolder, runtime }: HandlerWish): string[] {
  if (layersFolder === undefined) return []
  const python = join(layersFolder, 'python')
  return {
    nodejs: [],
    python: [join(python, 'lib', runtime, 'site-packages'), python],
    provided: [layersFolder],
  }[family]
}

const candidatesOf = {
  /** The official client's load order; then as a package, which Node finds from the task root. */
  nodejs(handler: string): readonly string[] {
    const file = nodeModule(handler)
    if (file === undefined) return []
    const inTask = ['', '.js', '.mjs', '.cjs'].map((suffix) => `${file}${suffix}`)
    return [...inTask, ...inTask.map((path) => `node_modules/${path}`)]
  },
  /** A module or a package; a trailing star stands for the tags of a compiled module. */
  python(handler: string): readonly string[] {
    const dot = handler.lastIndexOf('.')
    if (dot <= 0 || dot === handler.length - 1) return []
    const path = handler.slice(0, dot).replaceAll('.', '/')
    return [`${path}.py`, `${path}/__init__.py`, `${path}.pyc`, `${path}.*so`]
  },
  /** Handler is the bootstrap's own business. */
  provided(): readonly string[] {
    return ['bootstrap']
  },
} as const

/** `dir/file.export.nested` → `dir/file`: the first dot of the last part ends the file's name. */
function nodeModule(handler: string): string | undefined {
  const slash = handler.lastIndexOf('/')
  const last = handler.slice(slash + 1)
  const dot = last.indexOf('.')
  if (dot <= 0 || dot === last.length - 1 || handler.split('/').includes('..')) return undefined
  return handler.slice(0, slash + 1 + dot)
}

async function matching(folder: string, candidate: string): Promise<string | undefined> {
  if (!candidate.endsWith('.*so')) {
    const found = await stat(join(folder, candidate)).catch(absent)
    return found?.isFile() ? candidate : undefined
  }
  const names = await readdir(join(folder, dirname(candidate))).catch(absent)
  const start = basename(candidate).slice(0, -3)
  const name = names?.find((each) => each.startsWith(start) && each.endsWith('.so'))
  return name === undefined ? undefined : join(dirname(candidate), name)
}
