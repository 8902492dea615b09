// Holds the table of allowed imports, the home of time and chance, and the sizes that were promised.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import t from 'tap'
import { repositoryRoot } from './support/paths.js'

const src = join(repositoryRoot, 'src')

function sourceFiles(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

/** The part of the map that a file of src/ belongs to: its first folder, or its own name at the top. */
function partOf(path: string): string {
  return relative(src, path).split(sep)[0] as string
}

interface Rule {
  readonly allowed: readonly string[]
  readonly noNode: boolean
}

function importTable(): Map<string, Rule> {
  const text = readFileSync(join(repositoryRoot, 'ARCHITECTURE.md'), 'utf8')
  const table = text.slice(text.indexOf('<!-- imports -->'), text.indexOf('<!-- /imports -->'))
  const rules = new Map<string, Rule>()
  for (const row of table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)) {
    const [from, allowed, not] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    rules.set(from as string, {
      allowed: (allowed as string).split(', ').filter((name) => name !== ''),
      noNode: not === 'node',
    })
  }
  return rules
}

// Comments may speak of what the code must not do.
function code(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
}

function importsOf(path: string): string[] {
  const found = code(path).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map((match) => match[1] as string)
}

t.test('every import is in the table of ARCHITECTURE.md', async (t) => {
  const rules = importTable()
  const files = sourceFiles(src)
  t.ok(files.length > 50, `${files.length} files were read`)
  for (const path of files) {
    const part = partOf(path)
    const rule = rules.get(part)
    if (rule === undefined) {
      t.fail(`${part} is in the table`)
      continue
    }
    for (const name of importsOf(path)) {
      if (name.startsWith('node:')) {
        if (rule.noNode) t.fail(`${relative(src, path)} imports ${name}`)
        continue
      }
      if (!name.startsWith('.')) continue
      const target = partOf(join(path, '..', name.replace(/\.js$/, '.ts')))
      if (target !== part && !rule.allowed.includes(target))
        t.fail(`${relative(src, path)} imports ${target}, and ${part} may not`)
    }
  }
  for (const part of rules.keys())
    t.ok(
      files.some((path) => partOf(path) === part),
      `${part} of the table exists`,
    )
})

const timeAndChance =
  /\bnew Date\(\)|\b(Date\.now|performance\.(now|timeOrigin)|process\.(hrtime|uptime|nextTick)|hrtime|scheduler\.(wait|yield)|Math\.random|setTimeout|setInterval|setImmediate|timers\/promises|node:timers|AbortSignal\.timeout|randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/

t.test('only clock/ touches time, timers and randomness', async (t) => {
  for (const path of sourceFiles(src)) {
    if (partOf(path) === 'clock') continue
    const found = timeAndChance.exec(code(path))
    t.equal(found?.[0], undefined, relative(src, path))
  }
  for (const touches of [
    'Date.now()',
    'new Date()',
    'setTimeout(run, 1)',
    'performance.now()',
    'Math.random()',
    'process.hrtime.bigint()',
    'process.uptime()',
    "from 'node:timers/promises'",
    'AbortSignal.timeout(3)',
    'crypto.randomUUID()',
  ])
    t.match(touches, timeAndChance, `the test would notice ${touches}`)
})

t.test('compose.ts wires and does nothing else; files stay small', async (t) => {
  const lines = (path: string): number => readFileSync(path, 'utf8').split('\n').length
  t.ok(lines(join(src, 'daemon/compose.ts')) <= 150, 'compose.ts has at most 150 lines')
  for (const path of sourceFiles(src)) {
    if (relative(src, path).startsWith(`aws${sep}models`)) continue
    t.ok(lines(path) <= 500, `${relative(src, path)} has ${lines(path)} lines, at most 500`)
  }
})

t.test('every file says in its first line what it is for', async (t) => {
  const files = [...sourceFiles(src), ...sourceFiles(join(repositoryRoot, 'test'))]
  for (const path of files)
    t.match(readFileSync(path, 'utf8'), /^\/\/ ./, relative(repositoryRoot, path))
})

t.test('texts without a source are listed in docs/unrecorded.md, and only those', async (t) => {
  const marked = new Set<string>()
  for (const path of sourceFiles(src))
    for (const match of readFileSync(path, 'utf8').matchAll(/UNRECORDED: ([a-z0-9-]+)/g))
      marked.add(match[1] as string)
  const page = readFileSync(join(repositoryRoot, 'docs/unrecorded.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1] as string)
  t.same([...marked].sort(), listed.sort())
})

t.test('no listener names an address that is not loopback', async (t) => {
  for (const path of sourceFiles(src))
    t.notMatch(code(path), /['"](0\.0\.0\.0|::)['"]/, relative(src, path))
  t.ok(statSync(src).isDirectory())
})
