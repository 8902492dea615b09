// Making and removing group folders: the two calls that a fake tree has to answer differently from the kernel.

import { mkdirSync, rmdirSync } from 'node:fs'

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
