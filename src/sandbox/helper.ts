// Where the native helper is: the static program that starts, guards and probes what Node itself cannot.

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Names another helper, or none at all when the file does not exist. For tests, and for machines with their own build. */
export const helperVariable = 'LAMBDA_EMU_HELPER'

/** Absolute path of the helper for this machine; undefined when there is none that can be executed. */
export function findHelper(packageRoot: string): string | undefined {
  const built = join(packageRoot, 'dist/native', `${process.platform}-${process.arch}`)
  const path = process.env[helperVariable] ?? join(built, 'lambda-emu-helper')
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    // Not built here, or for another machine: everything works without it, with less isolation.
    return undefined
  }
}
