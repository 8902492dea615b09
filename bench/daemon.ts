// A daemon as a user starts it, `lambda-emu start …`, and what the bench asks it.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AdminClient, createAdminClient } from '../src/admin/client.js'
import type { EnvironmentSummary } from '../src/admin/contract.js'
import { type DaemonFile, readDaemonFile } from '../src/admin/daemon-file.js'
import type { Target } from './load/protocol.js'
import type { Output } from './options.js'
import { program } from './places.js'
import type { Scope } from './scope.js'

/** One vCPU. Source: AWS Lambda guide, "Configure Lambda function memory". */
export const functionMemoryMb = 1_769

export interface FunctionSource {
  readonly runtime: string
  readonly handler: string
  /** A folder. */
  readonly code: string
}

export interface Daemon {
  readonly pid: number
  readonly admin: AdminClient
  target(functionName: string, event: unknown, answer?: unknown): Target
  stop(): Promise<void>
}

export interface DaemonWish {
  readonly functions: Readonly<Record<string, FunctionSource>>
  /** More words of the command line. */
  readonly words?: readonly string[]
  /** What Node is told to run instead of the program itself. */
  readonly by?: readonly string[]
  readonly output: Output
}

/** Starts it and waits until it is ready; it ends with the scope. @throws Error with what it said instead. */
export async function startDaemon(scope: Scope, wish: DaemonWish): Promise<Daemon> {
  const folder = temporaryFolder(scope)
  const outFile = join(folder, 'out')
  const out = openSync(outFile, 'w')
  const told = { json: ['--json'], text: [], quiet: ['--quiet'] }[wish.output]
  const words = [...startWords(folder, wish), ...told]
  const child = spawn(process.execPath, words, { stdio: ['ignore', out, out] })
  closeSync(out)
  const ended = endOf(child)
  const stop = () => stopped(child, ended)
  scope.add(stop)
  const found = await Promise.race([ended, daemonFile(folder)])
  if (found === null || typeof found === 'number')
    throw new Error(`the daemon ended with ${found}: ${readFileSync(outFile, 'utf8').slice(-2000)}`)
  return daemonAt(found, stop)
}

/** @throws Error when it must be killed. */
async function stopped(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGINT')
  const late = new Promise((resolve) => setTimeout(resolve, 20_000, 'late').unref())
  if ((await Promise.race([ended, late])) !== 'late') return
  child.kill('SIGKILL')
  await ended
  throw new Error('a daemon did not stop within 20 s')
}

function daemonAt(file: DaemonFile, stop: () => Promise<void>): Daemon {
  const { hostname, port } = new URL(file.lambdaUrl)
  return {
    pid: file.pid,
    admin: createAdminClient(file),
    target: (functionName, event, answer) => ({
      host: hostname,
      port: Number(port),
      path: `/2015-03-31/functions/${functionName}/invocations`,
      body: JSON.stringify(event),
      ...(answer === undefined ? {} : { answer: JSON.stringify(answer) }),
    }),
    stop,
  }
}

/** How long it takes to say on a pipe that it is ready; it ends with the scope. Milliseconds. */
export function timeStart(scope: Scope, wish: DaemonWish): Promise<number> {
  const folder = temporaryFolder(scope)
  const startedMs = performance.now()
  const child = spawn(process.execPath, [...startWords(folder, wish), '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = endOf(child)
  scope.add(() => stopped(child, ended))
  return new Promise<number>((resolve, reject) => {
    void ended.then((code) => reject(new Error(`the daemon ended with ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{"event":"ready"')) resolve(performance.now() - startedMs)
    })
  })
}

/** The project is written into the folder. */
function startWords(folder: string, wish: DaemonWish): readonly string[] {
  const { functions, words = [], by = [program] } = wish
  writeFileSync(join(folder, 'template.yaml'), templateOf(functions))
  const ports = ['--lambda-port', '0', '--http-port', '0']
  return [...by, 'start', folder, ...ports, '--state-dir', stateOf(folder), ...words]
}

/** As users have it: reading YAML is part of a start. */
function templateOf(functions: DaemonWish['functions']): string {
  const resources = Object.entries(functions).map(
    ([name, { runtime, handler, code }], at) => `  Function${at}:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: ${name}
      Runtime: ${runtime}
      Handler: ${handler}
      CodeUri: ${code}
      MemorySize: ${functionMemoryMb}
      Timeout: 60
`,
  )
  const none = resources.length === 0 ? ' {}' : ''
  return `Transform: AWS::Serverless-2016-10-31\nResources:${none}\n${resources.join('')}`
}

function stateOf(folder: string): string {
  return `${folder}-state`
}

export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-bench-'))
  scope.add(() => {
    for (const each of [folder, stateOf(folder)]) rmSync(each, { recursive: true, force: true })
  })
  return folder
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code))
  })
}

/** How to reach it, once it listens. @throws Error after 30 s. */
async function daemonFile(folder: string): Promise<DaemonFile> {
  for (let tries = 0; tries < 3_000; tries += 1) {
    const state = readDaemonFile(stateOf(folder))
    if (state.is === 'alive' && state.file.lambdaUrl !== '') return state.file
    await sleep(10)
  }
  throw new Error('the daemon was not ready within 30 s')
}

/** All environments, once `holds` is true of them. @throws Error after 60 s. */
export async function environmentsOnce(
  { admin }: Daemon,
  claim: string,
  holds: (found: readonly EnvironmentSummary[]) => boolean,
): Promise<readonly EnvironmentSummary[]> {
  const startedMs = performance.now()
  while (performance.now() - startedMs < 60_000) {
    const found = await admin.environments()
    if (holds(found)) return found
    await sleep(20)
  }
  throw new Error(`not within 60 s: ${claim}`)
}

export function environmentsAtRest(daemon: Daemon): Promise<readonly EnvironmentSummary[]> {
  return environmentsOnce(daemon, 'all environments are frozen', (found) =>
    found.every(({ phase, suspension }) => phase === 'ready' && suspension === 'frozen'),
  )
}

/** Ends every environment, so that the next call is a cold start on a machine at rest. */
export async function expireAll(daemon: Daemon): Promise<void> {
  for (const { id } of await environmentsAtRest(daemon)) await daemon.admin.act('expire', id)
  await environmentsOnce(daemon, 'no environment is left', (found) => found.length === 0)
}
