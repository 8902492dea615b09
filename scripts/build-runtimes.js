// Makes dist/runtimes, what functions see at /var/runtime: the Node runtime in one file, because a cold start that loads its
// thirteen parts one by one takes milliseconds longer, and the Python runtime as it is.

import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const parts = join(root, 'runtimes/nodejs')
const folder = process.argv[2] ?? join(root, 'dist/runtimes')
const entry = 'bootstrap.cjs'

/** Whole lines of comment are left out, never the end of one: no text of the code can be taken for a comment. */
function code(file) {
  const text = readFileSync(join(parts, file), 'utf8')
  return text.replace(/^ *(\/\/.*|\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\n/gm, '')
}

/** A function that runs when the part is first asked for, as a file would be. */
function part(file) {
  return `'./${file}'(module, require) {\n${code(file)}},\n`
}

/** Parts ask for each other by `require('./<part>')`, and for nothing else. */
function oneFile() {
  const others = readdirSync(parts).filter((file) => file.endsWith('.cjs') && file !== entry)
  return `// Made by scripts/build-runtimes.js out of runtimes/nodejs.
function loadPart(name) {
  const known = loadPart.loaded.get(name)
  if (known !== undefined) return known.exports
  const module = { exports: {} }
  loadPart.loaded.set(name, module)
  loadPart.parts[name](module, loadPart)
  return module.exports
}
loadPart.loaded = new Map()
loadPart.cache = require.cache
loadPart.parts = {
${others.map(part).join('')}}
;((require) => {
${code(entry)}})(loadPart)
`
}

/** Whole from the first moment on that it has its name: an emulator may be starting functions from here. */
function write(path, text) {
  writeFileSync(`${path}.${process.pid}`, text)
  renameSync(`${path}.${process.pid}`, path)
}

mkdirSync(join(folder, 'nodejs'), { recursive: true })
write(join(folder, 'nodejs', entry), oneFile())
// With their times: by these Python knows what it has compiled already.
cpSync(join(root, 'runtimes/python'), join(folder, 'python'), {
  recursive: true,
  preserveTimestamps: true,
  filter: (path) => !path.endsWith('__pycache__') && !path.endsWith('.md'),
})
