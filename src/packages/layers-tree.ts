// What the folders of layers hold, read and laid over each other: a plan of /opt before anything is copied.

import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { absent } from './absent.js'
import { isInside } from './module-scan.js'
import { parentsOf } from './zip-names.js'
import { entriesMax } from './zip-plan.js'

export type LayerEntry =
  | { readonly is: 'folder'; readonly mode: number }
  | { readonly is: 'link'; readonly target: string }
  | LayerFile

export interface LayerFile {
  readonly is: 'file'
  readonly mode: number
  /** Absolute: where its bytes are on this machine. */
  readonly from: string
  readonly sizeBytes: number
  readonly mtimeMs: number
}

/** By path below the layer's root, without `/` at either end. */
export type LayerTree = Map<string, LayerEntry>

/** A layer that cannot be used, and why: one sentence without its end. */
export class LayerProblem extends Error {
  override readonly name = 'LayerProblem'
}

/** Folders that no packaging tool puts into a layer. */
const leftOut: ReadonlySet<string> = new Set(['.git', '.aws-sam'])
const permissions = 0o777

interface Reading {
  readonly tree: LayerTree
  /** Others may do what the owner may: the folder is for its owner alone, and functions are others. */
  readonly widened: boolean
}

/** A folder that is being read, and the folders that it was reached through. */
interface Place {
  /** Real path. */
  readonly folder: string
  /** Path below the layer's root; empty for the root. */
  readonly below: string
  /** Real path and path below of the layer, or of what a link out of it led to: links within it stay as they are. */
  readonly base: { readonly folder: string; readonly below: string }
  readonly trail: readonly string[]
}

/**
 * Everything in a layer's folder. Links that stay in it stay links; what others lead to is taken along, as packaging tools do.
 * @throws LayerProblem, or the file system's error when something cannot be read.
 */
export async function readLayer(layerFolder: string): Promise<LayerTree> {
  const folder = await realpath(layerFolder)
  const { mode } = await stat(folder)
  const tree: LayerTree = new Map()
  const widened = (mode & 0o005) !== 0o005
  await readPlace({ folder, below: '', base: { folder, below: '' }, trail: [] }, { tree, widened })
  return tree
}

async function readPlace(place: Place, reading: Reading): Promise<void> {
  const { folder, below, trail } = place
  if (trail.includes(folder))
    throw new LayerProblem(`a link in it leads to ${folder}, which that link is in`)
  for (const name of (await readdir(folder)).sort()) {
    if (leftOut.has(name)) continue
    if (reading.tree.size >= entriesMax)
      throw new LayerProblem(`it has more than ${entriesMax} entries`)
    const path = below === '' ? name : `${below}/${name}`
    await readEntry(path, { ...place, trail: [...trail, folder] }, reading)
  }
}

async function readEntry(path: string, parent: Place, reading: Reading): Promise<void> {
  const host = join(parent.folder, posix.basename(path))
  // A build's temporary file may go while we look.
  const found = await lstat(host).catch(absent)
  if (found === undefined) return
  if (found.isDirectory()) {
    reading.tree.set(path, { is: 'folder', mode: modeOf(found.mode, reading) })
    return readPlace({ ...parent, folder: host, below: path }, reading)
  }
  if (found.isSymbolicLink()) return readLink(path, host, parent, reading)
  if (found.isFile()) reading.tree.set(path, fileOf(host, found, reading))
}

async function readLink(
  path: string,
  host: string,
  parent: Place,
  reading: Reading,
): Promise<void> {
  const { base } = parent
  const text = await readlink(host)
  const real = await realpath(host).catch(() => undefined)
  // It may lead to what is in another layer, or only in a function's own root.
  if (real === undefined) {
    reading.tree.set(path, { is: 'link', target: text })
    return
  }
  if (isInside(real, base.folder)) {
    const seen = posix.join(base.below, real.slice(base.folder.length + 1))
    const target = posix.relative(dirname(`/${path}`), `/${seen}`)
    const keeps = staysBelow(base.below, path, text)
    reading.tree.set(path, { is: 'link', target: keeps ? text : target || '.' })
    return
  }
  const found = await stat(real)
  if (found.isFile()) reading.tree.set(path, fileOf(real, found, reading))
  if (!found.isDirectory()) return
  reading.tree.set(path, { is: 'folder', mode: modeOf(found.mode, reading) })
  const { trail } = parent
  await readPlace(
    { folder: real, below: path, base: { folder: real, below: path }, trail },
    reading,
  )
}

/** Whether the text of a link means the same wherever the layer is. */
function staysBelow(below: string, path: string, text: string): boolean {
  if (text.startsWith('/')) return false
  const meant = posix.join(dirname(path), text)
  return below === '' ? meant.split('/')[0] !== '..' : isInside(meant, below)
}

function fileOf(
  from: string,
  found: { readonly mode: number; readonly size: number; readonly mtimeMs: number },
  reading: Reading,
): LayerFile {
  const { size: sizeBytes, mtimeMs } = found
  return { is: 'file', mode: modeOf(found.mode, reading) | 0o400, from, sizeBytes, mtimeMs }
}

function modeOf(mode: number, { widened }: Reading): number {
  const own = mode & permissions
  return widened ? own | ((own & 0o500) >> 3) | ((own & 0o500) >> 6) : own
}

/** Layers in order, as Lambda unpacks them: what comes later wins, whatever it takes the place of. */
export function overlay(layers: readonly LayerTree[]): LayerTree {
  const [first = new Map(), ...others] = layers
  const merged: LayerTree = new Map(first)
  for (const layer of others) {
    for (const [path, entry] of layer) put(merged, path, entry)
  }
  return merged
}

function put(tree: LayerTree, path: string, entry: LayerEntry): void {
  const before = tree.get(path)
  if (before?.is === 'folder' && entry.is !== 'folder') {
    for (const other of tree.keys()) if (other.startsWith(`${path}/`)) tree.delete(other)
  }
  for (const parent of parentsOf(path)) {
    if (tree.get(parent)?.is !== 'folder') tree.set(parent, { is: 'folder', mode: 0o755 })
  }
  tree.set(path, entry)
}

export function bytesOf(tree: LayerTree): number {
  let bytes = 0
  for (const entry of tree.values()) if (entry.is === 'file') bytes += entry.sizeBytes
  return bytes
}
