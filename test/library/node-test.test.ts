// The example suite of fixtures/node-test, run as a user would run it: by Node's own test runner, with the package installed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { buildFolder } from '../support/daemon.js'
import { temporaryFolder } from '../support/in-process.js'
import { repositoryRoot } from '../support/paths.js'

t.setTimeout(400_000)

t.test('the example suite passes, and its process ends by itself', async (t) => {
  const folder = temporaryFolder(t)
  cpSync(join(repositoryRoot, 'fixtures/node-test'), folder, { recursive: true })
  const installed = join(folder, 'node_modules/lambda-emu')
  mkdirSync(installed, { recursive: true })
  const library = pathToFileURL(join(buildFolder, 'src/index.js')).href
  writeFileSync(join(installed, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
  writeFileSync(join(installed, 'index.js'), `export * from ${JSON.stringify(library)}\n`)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // A runner that is started by another one reports in that one's words.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: folder,
    env: { ...env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const [code] = await once(child, 'close')
  t.equal(code, 0, output)
  t.match(output, /^# pass 4$/m, output)
  t.match(output, /^# fail 0$/m)
})
