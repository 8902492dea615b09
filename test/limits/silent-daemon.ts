// A daemon whose own output nobody has to read: what functions write must not be this process's work.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { readDaemonFile } from '../../src/admin/daemon-file.js'
import { type Answer, buildFolder, type Daemon, nowMs, until } from '../support/daemon.js'
import { temporaryFolder, type WrittenFunction, writeProject } from '../support/in-process.js'

export type SilentDaemon = Pick<Daemon, 'pid' | 'invoke'>

const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`

/** With --json, as a tool would start it; ended with the test. */
export async function startSilent(
  t: Test,
  functions: Readonly<Record<string, WrittenFunction>>,
): Promise<SilentDaemon> {
  const project = temporaryFolder(t)
  const state = temporaryFolder(t)
  writeProject(project, functions)
  const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
  const words = ['start', project, '--lambda-port', '0', '--json', '--state-dir', state]
  const nowhere = openSync('/dev/null', 'w')
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, '--', main, ...words],
    { stdio: ['ignore', nowhere, 'inherit'] },
  )
  closeSync(nowhere)
  const exited = once(child, 'exit')
  const agent = new Agent({ keepAlive: true })
  t.teardown(async () => {
    child.kill('SIGINT')
    await exited
    agent.destroy()
  })
  let lambdaUrl = ''
  await until('the daemon listens', () => {
    const found = readDaemonFile(state)
    if (found.is === 'alive') lambdaUrl = found.file.lambdaUrl
    return lambdaUrl !== ''
  })
  return {
    pid: child.pid as number,
    invoke: (name, payload) => invoke(`${lambdaUrl}/2015-03-31/functions/${name}`, payload, agent),
  }
}

function invoke(functionUrl: string, payload: object, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sentAtMs = nowMs()
    const outgoing = request(`${functionUrl}/invocations`, { method: 'POST', agent })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const parts: Buffer[] = []
      response.once('error', reject)
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const functionError = response.headers['x-amz-function-error']
        resolve({
          status: response.statusCode ?? 0,
          requestId: String(response.headers['x-amzn-requestid']),
          functionError: functionError === undefined ? undefined : String(functionError),
          body: JSON.parse(Buffer.concat(parts).toString()),
          sentAtMs,
          answeredAtMs: nowMs(),
        })
      })
    })
    outgoing.end(JSON.stringify(payload))
  })
}
