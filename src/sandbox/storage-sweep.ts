// Takes away every /tmp of a daemon that is dead: unmounts it, and removes its folder.

import { execFile } from 'node:child_process'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isAlive, type ProcessIdentity } from './identity.js'
import { removeTree } from './removal.js'
import { sentenceOf, storageFolder, templatesFolder } from './storage.js'

const run = promisify(execFile)

/** The daemon that an entry below the storage folder belongs to; undefined when it is none of ours. */
export function storageOwner(name: string): ProcessIdentity | undefined {
  const match = /^(\d+)-(\d+)-\d+(\.image)?(\.new)?$/.exec(name)
  return match === null ? undefined : { pid: Number(match[1]), startTime: Number(match[2]) }
}

/**
 * Idempotent, and safe beside living daemons. Without `helper` the system's umount is used.
 * @returns what could not be removed, one sentence each.
 */
export async function sweepStorage(
  stateDirectory: string,
  helper?: string,
): Promise<readonly string[]> {
  const problems: string[] = []
  for (const folder of [storageFolder(stateDirectory), templatesFolder(stateDirectory)]) {
    for (const name of await namesIn(folder)) {
      const owner = storageOwner(name)
      if (owner === undefined || isAlive(owner)) continue
      try {
        await removeEntry(folder, name, helper)
      } catch (error) {
        problems.push(`storage ${name} cannot be removed: ${sentenceOf(error)}`)
      }
    }
  }
  return problems
}

async function removeEntry(folder: string, name: string, helper: string | undefined) {
  // The kernel lists mounts by their real paths.
  const path = join(await realpath(folder), name)
  const refusals: string[] = []
  for (const mountPoint of (await mountPointsIn(path)).reverse()) {
    const [program, ...words] =
      helper === undefined ? ['umount', '-l'] : [helper, 'storage', 'unmount']
    // One may go with another: what counts is what is mounted afterwards.
    await run(program ?? '', [...words, mountPoint]).catch((error: unknown) => {
      refusals.push(sentenceOf(error))
    })
  }
  // Never emptied through a mount: what is in there might be somebody's.
  if ((await mountPointsIn(path)).length > 0) throw new Error(refusals.join('; '))
  await removeTree(path)
}

/** Mount points at `path` and below, in the order in which they were mounted. */
async function mountPointsIn(path: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  return lines
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((mountPoint) => mountPoint === path || mountPoint.startsWith(`${path}/`))
}

/** Spaces, tabs, line breaks and backslashes are octal in mountinfo. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
