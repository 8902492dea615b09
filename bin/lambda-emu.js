#!/usr/bin/env node
// The program: runs the command line, the bundled one where there is one, and sets the exit code. CommonJS, because Node
// starts that some 10 ms sooner.

const { existsSync, statSync } = require('node:fs')
const { join } = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { pathToFileURL } = require('node:url')

const built = join(__dirname, '../dist/src/cli/main.js')
const bundle = join(__dirname, '../dist/bundle/lambda-emu.cjs')

/**
 * Whoever has compiled a checkout since without making the bundle anew means what was compiled. In an installed package
 * times say nothing: its files come in any order.
 */
function isFresh() {
  if (!existsSync(bundle)) return false
  if (!existsSync(join(__dirname, '../tsconfig.json')) || !existsSync(built)) return true
  return statSync(bundle).mtimeMs >= statSync(built).mtimeMs
}

async function run() {
  const words = process.argv.slice(2)
  if (isFresh()) {
    const { loadBundle } = require('./load-bundle.js')
    const runs = words.includes('start') || words.includes('exec') ? 'emulator' : 'client'
    const { exports: cli, keep, readStack } = loadBundle(bundle, runs)
    const terminal = cli.processTerminal({ sleep, started: keep, readStack })
    const code = await cli.main(words, terminal)
    if (runs === 'client') keep()
    return code
  }
  if (existsSync(built)) {
    const cli = await import(pathToFileURL(built).href)
    return cli.main(words, cli.processTerminal({ sleep }))
  }
  process.stderr.write('lambda-emu is not built: run `npm run build` in its folder first.\n')
  return 3
}

run().then((code) => {
  process.exitCode = code
})
