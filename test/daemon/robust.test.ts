// What must not hold up or end the daemon: followers, functions that cannot be started, a bug of ours.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { adminTokenHeader } from '../../src/admin/contract.js'
import { isDead, readProcess } from '../../src/procfs/process.js'
import { buildFolder } from '../support/daemon.js'
import { startWith, temporaryFolder, writeProject } from '../support/in-process.js'

const hello = { files: { 'index.js': 'exports.handler = async () => process.pid' } }

t.test('stopping ends the streams that somebody follows', async (t) => {
  const emu = await startWith(t, { hello })
  await emu.invoke('hello')
  const { adminUrl, adminToken } = emu.emulator
  const ends = ['/logs?follow=1', '/journal?follow=1'].map(async (path) => {
    const asked = request(`${adminUrl}${path}`, { headers: { [adminTokenHeader]: adminToken } })
    asked.end()
    const [answer] = await once(asked, 'response')
    let text = ''
    answer.on('data', (chunk: Buffer) => {
      text += chunk
    })
    const ended = once(answer, 'end')
    await once(answer, 'data')
    return { ended, text: () => text }
  })
  const streams = await Promise.all(ends)
  await emu.emulator.stop()
  for (const { ended, text } of streams) {
    await ended
    for (const line of text().trim().split('\n')) t.type(JSON.parse(line), 'object')
  }
})

t.test('a function that cannot be started fails by itself', async (t) => {
  const emu = await startWith(t, {
    hello,
    broken: { ...hello, environment: { VALUE: 'a\u0000b' } },
  })
  const { status, functionError, text, tail } = await emu.invoke('broken', {}, { tail: true })
  t.equal(status, 200)
  t.equal(functionError, 'Unhandled')
  t.type(JSON.parse(text).errorType, 'string')
  t.match(tail, /REPORT RequestId: .*\tStatus: error/)
  t.match((await emu.invoke('hello')).text, /^\d+$/, 'others are served')
  await emu.emulator.stop()
})

// A daemon in which one effect throws what no effect may throw.
const buggy = (library: string, project: string, state: string): string => `
  const { startDaemon } = await import(${JSON.stringify(library)})
  const emulator = await startDaemon({ path: ${JSON.stringify(project)}, lambdaPort: 0, stateDirectory: ${JSON.stringify(state)} })
  const call = () => fetch(emulator.lambdaUrl + '/2015-03-31/functions/hello/invocations', { method: 'POST' })
  await (await call()).text()
  const headers = { 'x-lambda-emu-token': emulator.adminToken }
  const environments = await (await fetch(emulator.adminUrl + '/environments', { headers })).json()
  console.log(environments.flatMap(({ pids }) => pids).join(' '))
  emulator.bug(new Error('planted'))`

t.test(
  'a bug of ours ends what was started, tells the journal’s tail and ends the process',
  async (t) => {
    const folder = temporaryFolder(t)
    writeProject(folder, { hello })
    const library = new URL(`file://${join(buildFolder, 'src/index.js')}`).href
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', buggy(library, folder, join(folder, '.state'))],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk
    })
    const [code] = await once(child, 'close')
    t.not(code, 0)
    t.match(
      complaint,
      /lambda-emu has a bug and stops\. The last of its journal:\n\{[\s\S]*"environment\.phase"/,
    )
    t.match(complaint, /Error: planted/)
    const pids = said.trim().split(' ').map(Number)
    t.ok(pids.length === 1 && pids.every((pid) => isDead(readProcess(pid))), 'its process is gone')
  },
)
