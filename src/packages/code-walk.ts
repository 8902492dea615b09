// Goes through a source folder in a fixed order and shows what belongs to its package.

import { lstatSync, type Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sourceNameOf } from '../domain/source-names.js'

export interface CodeEntry {
  /** Below the root. */
  readonly path: string
  /** `live`: a folder of dependencies, which is not gone into. */
  readonly is: 'folder' | 'file' | 'link' | 'live'
  /** A change of it is none of the code. */
  readonly quiet: boolean
  readonly stats: Stats
}

export interface CodeWalk {
  /** Absolute. */
  readonly root: string
  /** Absolute: left out with everything in it. */
  readonly leftOut: string
  /** False ends the walk. */
  readonly visit: (entry: CodeEntry) => boolean | Promise<boolean>
}

/** Whether it went through to the end. What goes meanwhile is passed over. @throws the error of readdir(2) on the root. */
export async function walkCode(walk: CodeWalk): Promise<boolean> {
  return walkFolder(walk, '', false)
}

async function walkFolder(walk: CodeWalk, below: string, quiet: boolean): Promise<boolean> {
  const folder = join(walk.root, below)
  const names = await readdir(folder).catch((error: unknown) => {
    if (below === '') throw error
    return []
  })
  for (const name of names.sort()) {
    const is = sourceNameOf(name)
    const path = below === '' ? name : `${below}/${name}`
    if (is === 'left-out' || join(walk.root, path) === walk.leftOut) continue
    // One call blocks for 2 µs; through the thread pool it would take ten times as long.
    const stats = lstatSync(join(walk.root, path), { throwIfNoEntry: false })
    const kind = stats === undefined ? undefined : kindOf(stats, is === 'live')
    if (stats === undefined || kind === undefined) continue
    const entry: CodeEntry = { path, is: kind, quiet: quiet || is === 'quiet', stats }
    const visited = walk.visit(entry)
    if (!(visited === true || (visited !== false && (await visited)))) return false
    if (kind === 'folder' && !(await walkFolder(walk, path, entry.quiet))) return false
  }
  return true
}

/** Undefined for what no package holds: sockets, devices. */
function kindOf(stats: Stats, live: boolean): CodeEntry['is'] | undefined {
  if (stats.isDirectory()) return live ? 'live' : 'folder'
  if (stats.isSymbolicLink()) return 'link'
  return stats.isFile() ? 'file' : undefined
}
