// A project folder for one test: files written from a table, removed afterwards.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

/** The folder; `src/` with an index.js in it is always there. */
export function projectWith(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-config-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries({ 'src/index.js': '', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** A template with one good function, its properties changed: undefined takes one away. */
export function templateWith(changes: Readonly<Record<string, unknown>>): string {
  const properties: Record<string, unknown> = {
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    CodeUri: 'src',
    ...changes,
  }
  return JSON.stringify(
    { Resources: { Hello: { Type: 'AWS::Serverless::Function', Properties: properties } } },
    null,
    1,
  )
}
