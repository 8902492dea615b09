// Puts the compiled command line and all that it imports into one file, dist/bundle/lambda-emu.cjs: one file is read where
// there were seven hundred, and V8 can keep what it compiled of it (bin/load-bundle.js). Beside it go its source map and the
// licences of the packages in it.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'dist/bundle')
const program = join(folder, 'lambda-emu.cjs')

const unknownDigest = '0'.repeat(16)

/**
 * Both make a segmenter and the regular expressions of all emoji as they are loaded: 30 ms of each command. What is plain
 * ASCII is as wide as it is long.
 */
const lazyStringWidth = {
  name: 'lazy-string-width',
  setup(bundling) {
    const real = 'lambda-emu-real'
    bundling.onResolve({ filter: /^string-width$/ }, async (asked) => {
      if (asked.pluginData === real) return undefined
      const { resolveDir, kind } = asked
      const { path } = await bundling.resolve('string-width', {
        resolveDir,
        kind,
        pluginData: real,
      })
      return { path, namespace: 'lazy-string-width' }
    })
    bundling.onLoad({ filter: /./, namespace: 'lazy-string-width' }, ({ path }) => ({
      resolveDir: root,
      contents: `export default function stringWidth(text, options) {
        if (typeof text === 'string' && /^[\\x20-\\x7e]*$/.test(text)) return text.length
        return require(${JSON.stringify(path)}).default(text, options)
      }`,
    }))
  },
}

async function bundle() {
  const built = await build({
    entryPoints: [join(root, 'dist/src/cli/main.js')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // They compile JSON schemas, of which there are none (src/http/server.ts).
    external: ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: {
      js: `// ${unknownDigest}
(function (exports, require, module, __filename, __dirname) {
const bundleUrl = require('node:url').pathToFileURL(__filename).href;`,
    },
    footer: { js: '})' },
    legalComments: 'none',
    // All ASCII, so that V8 takes one byte a character.
    charset: 'ascii',
    sourcemap: 'external',
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'warning',
    plugins: [lazyStringWidth],
  })
  const fileOf = (end) => built.outputFiles.find(({ path }) => path.endsWith(end)).text
  const code = fileOf('.cjs')
  const digest = createHash('sha256').update(code).digest('hex').slice(0, unknownDigest.length)
  return {
    code: code.replace(unknownDigest, digest),
    map: fileOf('.map'),
    inputs: built.metafile.inputs,
  }
}

/** Folders of the packages in it, by name and version. */
function packagesOf(inputs) {
  const folders = new Map()
  for (const input of Object.keys(inputs)) {
    const path = input.replace(/^[\w-]+:/, '')
    const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
    if (found === undefined) continue
    const own = join(root, found.slice(found.indexOf('node_modules')))
    const { name, version, license } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'))
    folders.set(`${name} ${version}`, { own, license })
  }
  return [...folders].sort(([one], [other]) => (one < other ? -1 : 1))
}

/** @throws for a package that says nothing of its licence: it must not be published then. */
function licences(inputs) {
  const parts = packagesOf(inputs).map(([name, { own, license }]) => {
    const file = readdirSync(own).find((each) => /^(licen[cs]e|copying)/i.test(each))
    if (license === undefined && file === undefined) throw new Error(`${name} has no licence`)
    const text = file === undefined ? '' : readFileSync(join(own, file), 'utf8').trim()
    return `${name} (${license})\n\n${text}\n`
  })
  return `lambda-emu.cjs contains these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`
}

const { code, map, inputs } = await bundle()
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) {
  if (name.includes('.v8')) rmSync(join(folder, name), { force: true })
}
writeFileSync(join(folder, 'LICENSES.txt'), licences(inputs))
writeFileSync(`${program}.map`, map)
// In place whole, so that nobody ever starts half of it.
const unfinished = `${program}.${process.pid}`
writeFileSync(unfinished, code)
renameSync(unfinished, program)
