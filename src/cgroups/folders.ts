// Group folders: making and removing them, which a fake tree has to answer differently from the kernel, and what is below one.

import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** On cgroupfs a mkdir brings the control files with it and an rmdir takes them away; a fake does that by hand. */
export interface GroupFolders {
  /** @throws the error of mkdir(2). */
  make(path: string): void
  /** @throws the error of rmdir(2): EBUSY while a process or a child group is inside. */
  remove(path: string): void
}

export const kernelFolders: GroupFolders = {
  make: (path) => mkdirSync(path),
  remove: (path) => rmdirSync(path),
}

/** The errno name of a failed system call, or the message of anything else. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  return error instanceof Error ? error.message : String(error)
}

/** Groups below this one, deepest first. */
export function subfoldersOf(folder: string): string[] {
  // Two links are the folder's own name and its `.`: a cheap proof that there is no folder inside.
  const links = statSync(folder, { throwIfNoEntry: false })?.nlink
  if (links === undefined || links === 2) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .flatMap((below) => [...subfoldersOf(below), below])
}

/** Whether a call failed because the group is no more: ENODEV comes from a control file that was open. */
export function isGone(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason === 'ENOENT' || reason === 'ENODEV'
}
