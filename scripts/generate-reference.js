// Writes docs/reference.md from the tables of the compiled code: `node scripts/generate-reference.js [build folder]`.

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const build = resolve(root, process.argv[2] ?? 'dist')
const from = (path) => import(pathToFileURL(join(build, path)).href)
const [{ renderReference }, { helpOf }] = await Promise.all([
  from('src/cli/reference.js'),
  from('src/cli/main.js'),
])
writeFileSync(join(root, 'docs/reference.md'), await renderReference(helpOf))
