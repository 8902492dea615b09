#!/usr/bin/env node
// The program: runs the compiled command line and sets the exit code.

import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const main = new URL('../dist/src/cli/main.js', import.meta.url)
if (existsSync(main)) {
  const cli = await import(main.href)
  process.exitCode = await cli.main(process.argv.slice(2), cli.processTerminal({ sleep }))
} else {
  process.stderr.write('lambda-emu is not built: run `npm run build` in its folder first.\n')
  process.exitCode = 3
}
