#!/usr/bin/env node
// npm test: every compiled test file but those that have a command of their own; ends with `N passed, N failed`.
// Words after it choose the files whose path holds one of them; a folder's name alone chooses that folder.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const cwd = join(import.meta.dirname, '..')
const folder = join(cwd, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test')
// Tests that watch real time to a fraction of a second, or measure shares of a processor: one file at a time, after the others.
const alone =
  /^(limits|isolation|faults|modes|soak)\/|^(e2e\/(budget|f1|timeouts)|cgroups\/real-limits|procfs\/cpu-counter)\.test/
// Whole emulators, and what waits for real time to pass: begun first, so that short files fill the end.
const long = [
  /^(behaviour|e2e|library|freezer)\//,
  /^cli\/(exec|bad-input|terminal|daily|doctor|verbs)/,
  /^(sandbox|runtimes|gateway|config|aws|simulation)\//,
]
// Longer ones, which run only when they are named.
const named = ['limits', 'isolation', 'faults', 'modes', 'soak']
// What waits for budgets, shares, freezes and commands of seconds runs with the limits, and in modes; so does the way that is
// taken where Node has no handle of its own for a socket pair.
const withLimits =
  /^(behaviour\/thaw(-connections)?|cli\/exec-real|e2e\/(budget|extension-failures|extension-shutdown|f1|freeze-by-hand|telemetry-external)|runtimes\/nodejs\/over-frames-by-net)\.test/

const wanted = process.argv.slice(2)
const isWanted = (file) => {
  const [directory] = file.split('/')
  if (directory === 'clients') return false
  const namesIt = (part) => file.includes(part)
  if (withLimits.test(file)) return wanted.some((part) => /^limits\/?$/.test(part) || namesIt(part))
  if (named.includes(directory))
    return wanted.some((part) => `${part}/`.startsWith(`${directory}/`) && namesIt(part))
  return wanted.length === 0 || wanted.some(namesIt)
}
const files = readdirSync(folder, { recursive: true })
  .filter((file) => file.endsWith('.test.js') && isWanted(file))
  .sort()
const how = { folder, cwd }
const watchesTime = (file) => alone.test(file)
/** Place in the order: files of the same rank by name. */
const rank = (file) => {
  const found = long.findIndex((each) => each.test(file))
  return found === -1 ? long.length : found
}
const together = files.filter((file) => !watchesTime(file)).sort((a, b) => rank(a) - rank(b))
const oneByOne = files.filter(watchesTime)
// More than the two processors there are at least: most of what takes long waits for half of its time.
const lanes = 3
closeWith([...(await runFiles(together, lanes, how)), ...(await runFiles(oneByOne, 1, how))])
