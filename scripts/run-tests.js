#!/usr/bin/env node
// npm test: every compiled test file but those that have a command of their own; ends with `N passed, N failed`.
// Words after it choose the files whose path holds one of them; a folder's name alone chooses that folder.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const cwd = join(import.meta.dirname, '..')
const folder = join(cwd, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test')
// Directories whose tests watch real time: one file at a time, after the others.
const alone = /^(e2e|runtimes|freezer|sandbox|limits|isolation|faults|modes|soak)\//
// In these directories, but watching no time.
const patient =
  /^(e2e\/(error-codes|freeze-by-hand|hot-reload|http|kill|layers)|sandbox\/(abilities|ends|removal|storage|sweep|view))\.test/
// Longer ones, which run only when they are named.
const named = ['limits', 'isolation', 'faults', 'modes', 'soak']

const wanted = process.argv.slice(2)
const isWanted = (file) => {
  const [directory] = file.split('/')
  if (directory === 'clients') return false
  const namesIt = (part) => file.includes(part)
  if (named.includes(directory))
    return wanted.some((part) => `${part}/`.startsWith(`${directory}/`) && namesIt(part))
  return wanted.length === 0 || wanted.some(namesIt)
}
const files = readdirSync(folder, { recursive: true })
  .filter((file) => file.endsWith('.test.js') && isWanted(file))
  .sort()
const how = { folder, cwd }
const watchesTime = (file) => alone.test(file) && !patient.test(file)
const together = files.filter((file) => !watchesTime(file))
const oneByOne = files.filter(watchesTime)
closeWith([...(await runFiles(together, 2, how)), ...(await runFiles(oneByOne, 1, how))])
