// Functions and their layers, really run: in a root of their own, where layers are /opt, and without one.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { EmulatorOptions, InvokeAnswer } from '../../src/index.js'
import { startEmulator } from '../../src/index.js'
import { temporaryFolder, type WrittenFunction, writeProject } from '../support/in-process.js'
import { mode } from '../support/modes.js'

t.setTimeout(400_000)

const ownRuntime = `#!${process.execPath}
const http = require('node:http')
const api = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime/invocation/'
const next = () => http.get(api + 'next', (event) => {
  event.resume()
  event.on('end', () => {
    const id = event.headers['lambda-runtime-aws-request-id']
    const answer = http.request(api + id + '/response', { method: 'POST' }, (done) => {
      done.resume()
      done.on('end', next)
    })
    answer.end(JSON.stringify({ by: process.argv[1], name: process.env.NAME }))
  })
})
next()
`

const layers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  base: {
    'nodejs/node_modules/greet/index.js': "module.exports = 'base'",
    'nodejs/node_modules/kept/index.js': "module.exports = 'kept'",
    'python/greet.py': "name = 'base'",
    'python/kept.py': "name = 'kept'",
    'python/lib/python3.12/site-packages/packaged.py': "name = 'packaged'",
    'bin/tool': '#!/bin/sh\necho tool of base\n',
    'data.txt': 'base',
  },
  over: {
    'nodejs/node_modules/greet/index.js': "module.exports = 'over'",
    'python/greet.py': "name = 'over'",
    'data.txt': 'over',
  },
  wrapper: {
    'bin/wrap': '#!/bin/sh\nexport WRAPPED="$# by $0"\nexec "$@"\n',
    'bin/instead': '#!/bin/sh\nexport NAME="$_HANDLER"\nexec "$(dirname "$0")/own"\n',
    'bin/own': ownRuntime,
  },
  runtime: {
    bootstrap: ownRuntime,
  },
}

const node = `
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const folder = process.env.NODE_PATH.split('/nodejs/')[0]
exports.handler = async () => {
  let written = 'written'
  try { fs.writeFileSync(folder + '/new', '') } catch (error) { written = error.code }
  return {
    greet: require('greet'),
    kept: require('kept'),
    tool: execFileSync('tool').toString().trim(),
    data: fs.readFileSync(folder + '/data.txt', 'utf8'),
    folder,
    written,
  }
}`

const python = `
import greet, kept, packaged
def handler(event, context):
    return {'greet': greet.name, 'kept': kept.name, 'packaged': packaged.name, 'from': greet.__file__}
`

const functions: Readonly<Record<string, WrittenFunction>> = {
  node: { files: { 'index.js': node }, layers: ['./base', './over'] },
  python: { runtime: 'python3.12', files: { 'app.py': python }, layers: ['./base', './over'] },
  turned: { runtime: 'python3.12', files: { 'app.py': python }, layers: ['./over', './base'] },
  inLayer: {
    runtime: 'python3.12',
    handler: 'layered.handler',
    files: { 'other.py': '' },
    layers: ['./handlers'],
  },
  wrapped: {
    files: { 'index.js': 'exports.handler = async () => process.env.WRAPPED' },
    layers: ['./wrapper'],
    environment: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/bin/wrap' },
  },
  wrappedPython: {
    runtime: 'python3.12',
    files: { 'app.py': "import os\ndef handler(e, c): return os.environ['WRAPPED']" },
    layers: ['./wrapper'],
    environment: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/bin/wrap' },
  },
  replaced: {
    handler: 'some.name',
    files: { 'index.js': '' },
    layers: ['./wrapper'],
    environment: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/bin/instead' },
  },
  provided: {
    runtime: 'provided.al2023',
    handler: 'any',
    files: { 'data.txt': '' },
    layers: ['./runtime'],
  },
}

function writeLayers(folder: string): void {
  const all = { ...layers, handlers: { 'python/layered.py': 'def handler(e, c): return __file__' } }
  for (const [name, files] of Object.entries(all)) {
    for (const [path, text] of Object.entries(files)) {
      const at = join(folder, name, path)
      mkdirSync(dirname(at), { recursive: true })
      writeFileSync(at, text, { mode: /bin|bootstrap/.test(path) ? 0o755 : 0o644 })
    }
  }
}

async function start(t: Test, options: EmulatorOptions) {
  const folder = temporaryFolder(t)
  writeLayers(folder)
  writeProject(folder, functions)
  const freeze = mode.freeze === undefined ? {} : { freeze: mode.freeze }
  const emulator = await startEmulator({ path: folder, ...freeze, ...options })
  t.teardown(() => emulator.stop())
  const layersFolder = join(emulator.stateDirectory, 'layers')
  return { emulator, layersFolder, sealed: emulator.status().sandbox.filesystem !== 'none' }
}

function payloadOf({ payload, functionError, log }: InvokeAnswer): Record<string, unknown> {
  if (functionError !== undefined) throw new Error(`${JSON.stringify(payload)}\n${log}`)
  return payload as Record<string, unknown>
}

for (const isolation of ['standard', 'none'] as const) {
  t.test(`isolation ${isolation}: a Node function finds modules, programs and files`, async (t) => {
    const { emulator, layersFolder, sealed } = await start(t, { isolation })
    const found = payloadOf(await emulator.invoke('node'))
    t.match(found, { greet: 'over', kept: 'kept', tool: 'tool of base', data: 'over' })
    if (sealed) t.match(found, { folder: '/opt', written: 'EROFS' })
    else t.ok(String(found.folder).startsWith(`${layersFolder}/`), String(found.folder))
  })

  t.test(`isolation ${isolation}: a Python function finds modules and packages`, async (t) => {
    const { emulator, layersFolder, sealed } = await start(t, { isolation })
    const found = payloadOf(await emulator.invoke('python'))
    t.match(found, { greet: 'over', kept: 'kept', packaged: 'packaged' })
    if (sealed) t.equal(found.from, '/opt/python/greet.py')
    else t.ok(String(found.from).startsWith(`${layersFolder}/`), String(found.from))
    t.match(payloadOf(await emulator.invoke('turned')), { greet: 'base' }, 'the last one wins')
  })

  t.test(`isolation ${isolation}: handlers and bootstraps may be in a layer`, async (t) => {
    const { emulator, sealed } = await start(t, { isolation })
    const { payload } = await emulator.invoke('inLayer')
    t.match(payload, sealed ? /^\/opt\/python\/layered\.py$/ : /\/opt\/python\/layered\.py$/)
    const { by } = payloadOf(await emulator.invoke('provided'))
    t.match(by, sealed ? /^\/opt\/bootstrap$/ : /\/opt\/bootstrap$/)
  })

  t.test(
    `isolation ${isolation}: a wrapper script starts the runtime, or something else`,
    async (t) => {
      const { emulator } = await start(t, { isolation })
      for (const name of ['wrapped', 'wrappedPython']) {
        const { payload, log } = await emulator.invoke(name)
        t.match(payload, /^[23] by .*\/bin\/wrap$/, `${name}\n${log}`)
      }
      t.match(payloadOf(await emulator.invoke('replaced')), { name: 'some.name' })
    },
  )
}
