// Merges a function's local layers into one folder, which is its /opt: copied once for each content, under the state directory.

import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { EmulatorError } from '../domain/emulator-error.js'
import type { CodePackage, LayerContent } from '../domain/function.js'
import { absent } from './absent.js'
import type { CodeStore } from './code-store.js'
import {
  bytesOf,
  type LayerEntry,
  type LayerFile,
  LayerProblem,
  type LayerTree,
  overlay,
  readLayer,
} from './layers-tree.js'
import { unzippedBytesMax } from './zip-plan.js'

export interface LayerWish {
  readonly functionName: string
  /** Folders and zip files, absolute, in their order; an ARN among them is of a layer that is not here, and is left out. */
  readonly layers: readonly string[]
  readonly code: CodePackage
}

export interface LayerStore {
  /**
   * The merged content of the local layers; undefined when there are none.
   * @throws EmulatorError EMU_LAYER_INVALID, EMU_LAYERS_TOO_LARGE, or what `storeZip` throws.
   */
  merge(wish: LayerWish): Promise<LayerContent | undefined>
}

interface Merged {
  readonly content: LayerContent
  readonly bytes: number
}

/** What a function finds at /opt. */
const optFolder = 'opt'
const incomingPrefix = '.incoming-'
/** Beside the content: when it was written tells when the content was last asked for. */
const usedFile = 'used'
/** Of earlier runs, those that were asked for last. Every saved change of a layer makes another one. */
const earlierCopiesKept = 10
const filesAtOnce = 8
/** A layer that is being built is looked at again. */
const attemptsMax = 3

/** The store under `<stateDirectory>/layers`. Zip files are unpacked by the code store. */
export function openLayerStore(stateDirectory: string, codeStore: CodeStore): LayerStore {
  const root = join(stateDirectory, 'layers')
  // Functions of one project share their layers, and are defined at the same time.
  const underWay = new Map<string, Promise<Merged>>()
  const placed = new Map<string, Promise<void>>()
  let tidied: Promise<void> | undefined

  async function merged(paths: readonly string[]): Promise<Merged> {
    const key = JSON.stringify(paths)
    // Before the first copy nothing runs on what is there.
    tidied ??= tidy(root)
    await tidied
    const pending = underWay.get(key) ?? mergeAll(root, paths, { codeStore, placed })
    underWay.set(key, pending)
    try {
      return await pending
    } finally {
      underWay.delete(key)
    }
  }

  return {
    async merge({ functionName, layers, code }) {
      const paths = layers.filter((layer) => layer.startsWith('/'))
      if (paths.length === 0) return undefined
      try {
        const { content, bytes } = await merged(paths)
        await checkSize(bytes, code)
        return content
      } catch (error) {
        throw asEmulatorError(error, functionName)
      }
    },
  }
}

class TooLarge extends Error {}

/** A layer that was changed while it was copied. */
class Changed extends Error {}

/** Of one layer, for the error that names it. */
class UnusableLayer extends Error {
  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(reason)
  }
}

function asEmulatorError(error: unknown, functionName: string): unknown {
  if (error instanceof TooLarge)
    return new EmulatorError('EMU_LAYERS_TOO_LARGE', { functionName, limitBytes: unzippedBytesMax })
  if (!(error instanceof UnusableLayer)) return error
  const { path, reason } = error
  return new EmulatorError('EMU_LAYER_INVALID', { functionName, path, reason })
}

/** Only of a package is known what of it goes to AWS: a source folder may hold much that does not. */
async function checkSize(layerBytes: number, code: CodePackage): Promise<void> {
  if (layerBytes > unzippedBytesMax) throw new TooLarge()
  if (code.zipPath === undefined) return
  if (layerBytes + bytesOf(await readLayer(code.folder)) > unzippedBytesMax) throw new TooLarge()
}

interface MergeParts {
  readonly codeStore: CodeStore
  /** By hash: what this run has copied, or compared with what an earlier one did. */
  readonly placed: Map<string, Promise<void>>
}

async function mergeAll(
  root: string,
  paths: readonly string[],
  parts: MergeParts,
): Promise<Merged> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await mergeOnce(root, paths, parts)
    } catch (error) {
      if (!(error instanceof Changed)) throw error
      const problem = 'it is being changed all the time'
      if (attempt === attemptsMax) throw new UnusableLayer(paths.join(', '), problem)
    }
  }
}

async function mergeOnce(
  root: string,
  paths: readonly string[],
  { codeStore, placed }: MergeParts,
): Promise<Merged> {
  const trees: LayerTree[] = []
  for (const path of paths) trees.push(await treeOf(path, codeStore))
  const tree = overlay(trees)
  const bytes = bytesOf(tree)
  if (bytes > unzippedBytesMax) throw new TooLarge()
  const hash = await hashOf(tree)
  const place = join(root, hash.toString('hex'))
  const pending = placed.get(place) ?? provide(root, place, tree)
  placed.set(place, pending)
  try {
    await pending
  } catch (error) {
    placed.delete(place)
    throw error
  }
  const content = {
    folder: join(place, optFolder),
    sha256: hash.toString('base64'),
    sizeBytes: bytes,
    top: topOf(tree),
  }
  return { content, bytes }
}

async function treeOf(path: string, codeStore: CodeStore): Promise<LayerTree> {
  try {
    const found = await stat(path).catch(absent)
    if (found === undefined) throw new LayerProblem('it does not exist')
    if (found.isDirectory()) return await readLayer(path)
    if (!found.isFile()) throw new LayerProblem('it is neither a folder nor a file')
    const { folder } = await codeStore.storeZip(await readFile(path), path)
    return await readLayer(folder)
  } catch (error) {
    if (error instanceof EmulatorError) throw error
    throw new UnusableLayer(path, error instanceof Error ? error.message : String(error))
  }
}

/** Of names, kinds, permissions and content; not of where they come from. */
async function hashOf(tree: LayerTree): Promise<Buffer> {
  const hash = createHash('sha256')
  for (const path of [...tree.keys()].sort()) {
    const entry = tree.get(path) as LayerEntry
    const fact = entry.is === 'link' ? entry.target : entry.mode
    const content = entry.is === 'file' ? await contentHash(entry) : ''
    hash.update(`${JSON.stringify([path, entry.is, fact, content])}\n`)
  }
  return hash.digest()
}

async function contentHash({ from }: LayerFile): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(from), hash).catch(goneMeanwhile)
  return hash.digest('base64')
}

function goneMeanwhile(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? new Changed() : error
}

function topOf(tree: LayerTree): LayerContent['top'] {
  const top = [...tree].filter(([path]) => !path.includes('/'))
  return Object.fromEntries(
    top.map(([name, entry]) => [name, entry.is === 'link' ? { link: entry.target } : entry.is]),
  )
}

/** Removes what a crash left half done, and old copies. */
async function tidy(root: string): Promise<void> {
  const names = (await readdir(root).catch(absent)) ?? []
  const copies = await Promise.all(
    names.map(async (name) => {
      const used = await stat(join(root, name, usedFile)).catch(absent)
      return { name, usedMs: name.startsWith(incomingPrefix) ? 0 : (used?.mtimeMs ?? 0) }
    }),
  )
  copies.sort((a, b) => b.usedMs - a.usedMs)
  for (const [index, { name, usedMs }] of copies.entries()) {
    if (usedMs === 0 || index >= earlierCopiesKept)
      await rm(join(root, name), { recursive: true, force: true })
  }
}

/** The rename at the end is the moment when the content is there; whatever an earlier run left is compared first. */
async function provide(root: string, place: string, tree: LayerTree): Promise<void> {
  if (await holds(join(place, optFolder), tree)) return writeFile(join(place, usedFile), '')
  await mkdir(root, { recursive: true, mode: 0o700 })
  const incoming = await mkdtemp(join(root, incomingPrefix))
  try {
    await chmod(incoming, 0o755)
    await copyTree(join(incoming, optFolder), tree)
    await writeFile(join(incoming, usedFile), '')
    await rm(place, { recursive: true, force: true })
    await rename(incoming, place)
  } catch (error) {
    await rm(incoming, { recursive: true, force: true })
    throw error
  }
}

async function copyTree(folder: string, tree: LayerTree): Promise<void> {
  await mkdir(folder, { mode: 0o755 })
  const parentsFirst = [...tree].sort(([a], [b]) => (a < b ? -1 : 1))
  const files: [string, LayerFile][] = []
  for (const [path, entry] of parentsFirst) {
    if (entry.is === 'folder') await mkdir(join(folder, path), { mode: 0o700 })
    if (entry.is === 'file') files.push([path, entry])
  }
  const copyNext = async (): Promise<void> => {
    for (let next = files.pop(); next !== undefined; next = files.pop())
      await copyOne(join(folder, next[0]), next[1])
  }
  await Promise.all(Array.from({ length: filesAtOnce }, copyNext))
  for (const [path, entry] of parentsFirst) {
    if (entry.is === 'link') await symlink(entry.target, join(folder, path))
  }
  // Last, and deepest first: a folder without write permission would refuse what is in it.
  for (const [path, entry] of parentsFirst.reverse()) {
    if (entry.is === 'folder') await chmod(join(folder, path), entry.mode | 0o700)
  }
}

/** A copy that shares its blocks where the file system can. Its time is kept: Python's compiled files go by it. */
async function copyOne(to: string, file: LayerFile): Promise<void> {
  const { from, mode, mtimeMs, sizeBytes } = file
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch(
    goneMeanwhile,
  )
  const now = await lstat(from).catch(absent)
  if (now?.size !== sizeBytes || now.mtimeMs !== mtimeMs) throw new Changed()
  await utimes(to, mtimeMs / 1000, mtimeMs / 1000)
  await chmod(to, mode)
}

/** Whether `folder` holds what `tree` says: kinds, sizes, modes and links. An earlier run may have been cut off. */
async function holds(folder: string, tree: LayerTree): Promise<boolean> {
  for (const [path, entry] of tree) {
    const at = join(folder, path)
    const found = await lstat(at).catch(absent)
    if (found === undefined) return false
    const mode = found.mode & 0o777
    if (entry.is === 'link' && !(found.isSymbolicLink() && (await readlink(at)) === entry.target))
      return false
    if (entry.is === 'folder' && !(found.isDirectory() && mode === (entry.mode | 0o700)))
      return false
    if (entry.is === 'file' && !(found.isFile() && mode === entry.mode)) return false
    if (entry.is === 'file' && found.size !== entry.sizeBytes) return false
  }
  return true
}
