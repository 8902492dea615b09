// Projects for tests: a lambda-emu.json that names functions of fixtures/functions, and packages made of it.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { repositoryRoot } from './paths.js'

export const fixtureFunctions = join(repositoryRoot, 'fixtures/functions')

export interface ProjectFunction {
  readonly runtime: string
  readonly handler: string
  /** A folder. */
  readonly code: string
  readonly memoryMb?: number
  readonly timeoutSeconds?: number
  readonly environment?: Readonly<Record<string, string>>
}

type Settings = Partial<Omit<ProjectFunction, 'runtime' | 'handler' | 'code'>>

/** `index.handler` of a folder of fixtures/functions. */
export function nodeFunction(fixture: string, settings: Settings = {}): ProjectFunction {
  const code = join(fixtureFunctions, fixture)
  return { runtime: 'nodejs22.x', handler: 'index.handler', code, ...settings }
}

/** `app.handler` of a folder of fixtures/functions. */
export function pythonFunction(fixture: string, settings: Settings = {}): ProjectFunction {
  const code = join(fixtureFunctions, fixture)
  return { runtime: 'python3.12', handler: 'app.handler', code, ...settings }
}

/** A provided.* function whose `bootstrap` is bootstrap.cjs of a fixture, run by this very Node. */
export function nodeBootstrapFunction(
  t: Test,
  fixture: string,
  settings: Settings = {},
): ProjectFunction {
  const code = temporaryFolder(t)
  const script = readFileSync(join(fixtureFunctions, fixture, 'bootstrap.cjs'), 'utf8')
  writeFileSync(join(code, 'bootstrap'), `#!${process.execPath}\n${script}`)
  chmodSync(join(code, 'bootstrap'), 0o755)
  return { runtime: 'provided.al2023', handler: 'bootstrap', code, ...settings }
}

/** A folder with a lambda-emu.json; removed after the test. */
export function projectOf(t: Test, functions: Readonly<Record<string, ProjectFunction>>): string {
  const folder = temporaryFolder(t)
  mkdirSync(folder, { recursive: true })
  // A whole CPU where nothing else is asked for: what is not about CPU shares must not depend on them.
  const sized = Object.entries(functions).map(([name, each]) => [name, { memoryMb: 1769, ...each }])
  const config = { functions: Object.fromEntries(sized) }
  writeFileSync(join(folder, 'lambda-emu.json'), JSON.stringify(config, null, 2))
  return folder
}

export function temporaryFolder(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-e2e-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
