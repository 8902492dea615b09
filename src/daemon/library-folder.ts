// The state directory of an emulator in a test: a temporary folder, gone when it stops, and looked after when it was killed.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { daemonFileName, readDaemonFile } from '../admin/daemon-file.js'
import { packageRoot } from '../admin/package-root.js'
import { detect } from '../cgroups/detect.js'
import { systemKernel } from '../clock/kernel.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { findHelper } from '../sandbox/helper.js'
import { sweep } from '../sandbox/sweep.js'

const prefix = 'lambda-emu-state-'

/** A new folder for this user alone. Removes those of emulators that were killed. @throws EmulatorError EMU_STATE_DIRECTORY. */
export async function temporaryStateDirectory(): Promise<string> {
  const parent = tmpdir()
  try {
    for (const path of abandoned(parent)) await clean(path)
    return mkdtempSync(join(parent, prefix))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_STATE_DIRECTORY', { path: join(parent, prefix), reason })
  }
}

export function removeStateDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

/** Folders whose daemon is dead. One without a word of its daemon may be about to get one. */
function abandoned(parent: string): readonly string[] {
  const own = process.getuid?.()
  const paths = readdirSync(parent).map((name) => join(parent, name))
  return paths.filter((path) => {
    if (!path.startsWith(join(parent, prefix))) return false
    try {
      return statSync(path).uid === own && readDaemonFile(path).is === 'dead'
    } catch {
      // Gone meanwhile.
      return false
    }
  })
}

/** What its guardian has left is ended and unmounted first. */
async function clean(path: string): Promise<void> {
  const helper = findHelper(packageRoot)
  try {
    await sweep({ stateDirectory: path, support: detect(), timers: systemKernel, helper })
    // By this file it is found again, if something cannot be removed now.
    const rest = readdirSync(path).filter((name) => name !== daemonFileName)
    for (const name of rest) removeStateDirectory(join(path, name))
    removeStateDirectory(path)
  } catch {
    // Another start does the same, or something is still held: the next one tries again.
  }
}
