// Trees of fake control files in a folder of their own, which is removed with the test.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { GroupFolders } from '../../src/cgroups/folders.js'

/**
 * A folder that behaves like cgroupfs in one thing: groups come and go with their files. `given` says
 * which files a group has on top of the others because of its parent.
 */
export function fakeTree(
  t: Test,
  files: Readonly<Record<string, string>>,
  given: (parent: string) => Readonly<Record<string, string>> = () => ({}),
) {
  const root = mkdtempSync(join(tmpdir(), 'lambda-emu-fake-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const removed: string[] = []
  const fill = (path: string, more: Readonly<Record<string, string>> = {}) => {
    for (const [name, text] of Object.entries({ ...files, ...more })) {
      writeFileSync(join(path, name), text)
    }
  }
  const folders: GroupFolders = {
    make(path) {
      mkdirSync(path)
      fill(path, given(dirname(path)))
    },
    remove(path) {
      removed.push(path)
      rmSync(path, { recursive: true })
    },
  }
  fill(root)
  return { root, folders, removed }
}
