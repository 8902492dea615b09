// Watches one folder, and nothing below it, with chokidar: what happens in it is told in the turn in which the kernel tells it.

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { watch } from 'chokidar'

export interface FolderWatch {
  /** Which folder it was, as `identityOf` says: another one may be at its path by now. */
  readonly identity: string
  close(): void
}

export interface FolderChange {
  /** Name in the folder; the folder's own name when it went itself. */
  readonly name: string
  /** Whether names came or went; otherwise something was written. */
  readonly renamed: boolean
}

/**
 * From when it resolves nothing that happens in the folder is missed. Its own files are no entries of the watch: the
 * kernel names them in the folder's events, at a cost of one watch a folder.
 * @throws the error of inotify_add_watch(2), or of stat(2).
 */
export async function watchFolder(
  folder: string,
  changed: (change: FolderChange) => void,
): Promise<FolderWatch> {
  const { ino, birthtimeMs } = statSync(folder)
  // Persistent ones of the same path are shared by chokidar, also after their folder has gone.
  const watcher = watch(folder, {
    persistent: false,
    ignoreInitial: true,
    depth: 0,
    ignored: (path) => path !== folder,
  })
  watcher.on('raw', (event, name) =>
    changed({ name: name ?? basename(folder), renamed: event === 'rename' }),
  )
  let failure: unknown
  watcher.on('error', (error) => {
    failure ??= error
  })
  await new Promise<void>((resolve) => watcher.once('ready', resolve))
  if (failure !== undefined) {
    await watcher.close()
    throw failure
  }
  return { identity: `${ino} ${birthtimeMs}`, close: () => void watcher.close() }
}

/** A folder by its number and its birth: numbers are given anew at once. Undefined when there is none. */
export function identityOf(folder: string): string | undefined {
  const found = statSync(folder, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.ino} ${found.birthtimeMs}`
}
