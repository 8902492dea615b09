// The daemon as people start it, with its account of what happens going nowhere, and with a temporary folder of its own.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type AdminClient, createAdminClient } from '../../src/admin/client.js'
import { readDaemonFile } from '../../src/admin/daemon-file.js'
import { markName } from '../faults/machine.js'
import { programWords, until } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'
import { soakFunctions } from './functions.js'
import type { Place } from './holdings.js'

export interface SoakDaemon extends Place {
  readonly lambdaUrl: string
  readonly admin: AdminClient
  /** Undefined while it runs: how it ended, and what it said. */
  readonly ended: () => string | undefined
  /** Ends it as Ctrl-C does; resolves with its exit code. */
  stop(): Promise<number | null>
}

/** Resolves when it is ready; it is ended with the test. */
export async function startSoakDaemon(t: Test): Promise<SoakDaemon> {
  const folder = temporaryFolder(t)
  const [project, stateDirectory, temporary] = ['project', 'state', 'tmp'].map((name) => {
    mkdirSync(join(folder, name), { mode: 0o755 })
    return join(folder, name)
  }) as [string, string, string]
  const mark = `soak-${process.pid}`
  writeProject(project, soakFunctions({ [markName]: mark }))
  const words = ['start', project, '--lambda-port', '0', '--state-dir', stateDirectory]
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  const child = spawn(process.execPath, [...programWords(), ...words], {
    env: { ...env, TMPDIR: temporary, [markName]: mark },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const closed = once(child, 'close')
  const ended = () =>
    child.exitCode === null && child.signalCode === null
      ? undefined
      : `it ended with ${child.exitCode ?? child.signalCode}: ${errors.slice(-4_000)}`
  const stop = async () => {
    if (ended() === undefined) child.kill('SIGINT')
    await closed
    return child.exitCode
  }
  t.teardown(stop)
  const reached = () => {
    const state = readDaemonFile(stateDirectory)
    return state.is === 'alive' && state.file.adminUrl !== '' ? state.file : undefined
  }
  await until('the daemon is ready', () => reached() !== undefined || ended() !== undefined)
  const file = reached()
  if (file === undefined) throw new Error(ended())
  return {
    pid: file.pid,
    stateDirectory,
    temporaryFolder: temporary,
    mark,
    lambdaUrl: file.lambdaUrl,
    admin: createAdminClient(file),
    ended,
    stop,
  }
}
