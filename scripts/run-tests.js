#!/usr/bin/env node
// npm test: every compiled test file but those of real clients; ends with `N passed, N failed`.
// Words after it choose the files whose path holds one of them.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const cwd = join(import.meta.dirname, '..')
const folder = join(cwd, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test')
// Directories whose tests watch real time: one file at a time, after the others.
const alone = /^(e2e|runtimes|freezer|sandbox)\//

const wanted = process.argv.slice(2)
const files = readdirSync(folder, { recursive: true })
  .filter((file) => file.endsWith('.test.js') && !file.startsWith('clients/'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const how = { folder, cwd }
const together = files.filter((file) => !alone.test(file))
const oneByOne = files.filter((file) => alone.test(file))
closeWith([...(await runFiles(together, 2, how)), ...(await runFiles(oneByOne, 1, how))])
