// Where the repository's files are, from a compiled test.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  return findRoot(dirname(from))
}

export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)))
