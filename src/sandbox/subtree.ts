// The folders that hold all groups of one daemon: one a hierarchy, named after it, so that a sweep knows whose they are.

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { enableControllers } from '../cgroups/controllers.js'
import { reasonOf } from '../cgroups/folders.js'
import type { GroupParents } from '../cgroups/group.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { FreezerBackend } from '../freezer/freezer.js'
import { type ProcessIdentity, subtreeName } from './identity.js'

export interface Subtree {
  readonly parents: GroupParents
  /** Every folder of it; empty where there are no control groups. */
  readonly folders: readonly string[]
}

/**
 * Makes them below the roots that were found; the same daemon finds its own again.
 * @throws EmulatorError EMU_FREEZER_UNAVAILABLE.
 */
export function makeSubtree(
  roots: GroupParents,
  backend: FreezerBackend,
  daemon: ProcessIdentity,
): Subtree {
  const name = subtreeName(daemon)
  const below = (folder: string) => join(folder, name)
  const parents: GroupParents = {
    ...(roots.v2 === undefined ? {} : { v2: below(roots.v2) }),
    v1: Object.fromEntries(
      Object.entries(roots.v1 ?? {}).map(([controller, folder]) => [controller, below(folder)]),
    ),
  }
  const folders = foldersOf(parents)
  for (const folder of folders) {
    try {
      mkdirSync(folder)
    } catch (error) {
      if (reasonOf(error) === 'EEXIST') continue
      removeSubtree({ folders: folders.slice(0, folders.indexOf(folder)) })
      const reason = `${folder}: ${reasonOf(error)}`
      throw new EmulatorError('EMU_FREEZER_UNAVAILABLE', { backend, reason })
    }
  }
  // What cannot be enabled is found missing in the groups themselves, and done without.
  if (parents.v2 !== undefined)
    for (const controller of ['cpu', 'memory', 'pids']) enableControllers(parents.v2, [controller])
  return { parents, folders }
}

export function removeSubtree({ folders }: Pick<Subtree, 'folders'>): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder)
    } catch (error) {
      // Another factory of this process may still have environments in it, or has removed it already.
      if (!/^(EBUSY|ENOTEMPTY|ENOENT)$/.test(reasonOf(error))) throw error
    }
  }
}

function foldersOf(parents: GroupParents): string[] {
  const v1 = Object.values(parents.v1 ?? {})
  return [...new Set(parents.v2 === undefined ? v1 : [parents.v2, ...v1])]
}
