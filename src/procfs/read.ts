// Reading a file or folder of /proc whose process may be gone by then.

import { readdirSync, readFileSync } from 'node:fs'

/** Undefined when the process is gone, or is another user's and hidden. */
export function readOrGone(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (isGoneError(error)) return undefined
    throw error
  }
}

/** Names in the folder; none when the process is gone. */
export function namesOrGone(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isGoneError(error)) return []
    throw error
  }
}

/** EACCES and EPERM: another user's process, which is therefore none of ours. */
function isGoneError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM'
}
