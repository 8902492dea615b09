// Folders for tests of packages: temporary ones, and what is in them.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export function temporaryFolder(test: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'code-store-'))
  test.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Every path under `folder`, sorted, folders with a slash. */
export function tree(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(below, entry.name)
      return entry.isDirectory() ? [`${path}/`, ...tree(folder, path)] : [path]
    })
    .sort()
}
