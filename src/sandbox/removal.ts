// Takes a folder away whatever a function did to it: folders that nobody may enter, paths too long to name, names that are no text.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Off the event loop; no link in it is followed. @throws the error of rm(1), or of the file system without it. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true })
    // A name that is no UTF-8 is passed over without an error.
    if (!existsSync(folder)) return
  } catch {
    // The programs go down folder by folder, and take names as the bytes that they are.
  }
  // Without root, a folder that its owner may not enter cannot be emptied; what is not his cannot be changed.
  await run('chmod', ['-R', 'u+rwX', '--', folder]).catch(() => {})
  await run('rm', ['-rf', '--', folder])
}
