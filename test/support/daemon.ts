// The real daemon as a process of its own, started from this test's own build, and a small client of its Lambda API.

import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { type AdminClient, createAdminClient } from '../../src/admin/client.js'
import type {
  EnvironmentSummary,
  FreezeBackend,
  JournalRecord,
  LogRecord,
  Warning,
} from '../../src/admin/contract.js'
import { mode } from './modes.js'

/** The folder that this test was compiled to: its own build stands for dist. */
export const buildFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface DaemonOptions {
  /** Folder with a lambda-emu.json or a template. */
  readonly project: string
  readonly stateDirectory: string
  /** Left out: as the mode has it. */
  readonly freeze?: FreezeBackend
  /** Added to the variables of this process. */
  readonly variables?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly requestId: string
  readonly functionError: string | undefined
  readonly body: unknown
  /** Epoch milliseconds with fractions: when the request left and when its whole answer was there. */
  readonly sentAtMs: number
  readonly answeredAtMs: number
}

export interface InvokeOptions {
  readonly agent?: Agent
  readonly type?: 'RequestResponse' | 'Event'
}

export interface Daemon {
  readonly pid: number
  readonly lambdaUrl: string
  readonly admin: AdminClient
  /** Everything logged so far, in order. */
  readonly logs: readonly LogRecord[]
  readonly journal: readonly JournalRecord[]
  readonly warnings: readonly Warning[]
  /** Rejects when the connection breaks. */
  invoke(functionName: string, payload: object, options?: InvokeOptions): Promise<Answer>
  /** Ends the process with SIGKILL and waits for its end. */
  kill9(): Promise<void>
  /** Ends it as Ctrl-C does, or as another signal does; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Its exit code, null after a signal. */
  readonly exited: Promise<number | null>
}

export interface StartingDaemon {
  readonly pid: number
  /** Rejects, with what it said instead, when it ends before it is ready. */
  readonly ready: Promise<Daemon>
  readonly exited: Promise<number | null>
}

/** Starts the daemon and waits until it is ready; at the end of the test it is stopped. */
export async function startDaemon(t: Test, options: DaemonOptions): Promise<Daemon> {
  const daemon = await launch(options)
  t.teardown(() => daemon.stop())
  return daemon
}

/** Starts the daemon and waits until it is ready. Whoever calls it ends it. @throws Error with what it said instead. */
export function launch(options: DaemonOptions): Promise<Daemon> {
  return begin(options).ready
}

/** Starts the daemon and does not wait. Whoever calls it ends it. */
export function begin(options: DaemonOptions): StartingDaemon {
  const child = spawnDaemon(options)
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  return { pid: child.pid as number, ready: readyDaemon(child, exited), exited }
}

async function readyDaemon(child: ChildProcess, exited: Promise<number | null>): Promise<Daemon> {
  const logs: LogRecord[] = []
  const journal: JournalRecord[] = []
  const warnings: Warning[] = []
  let errors = ''
  let cutOff = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ready = await new Promise<Ready>((resolve, reject) => {
    void exited.then((code) => reject(new Error(`the daemon ended with ${code}: ${errors}`)))
    lines.on('line', (line) => {
      // The last one may be a part of a line, when the daemon was killed while it wrote.
      if (cutOff !== '') throw new Error(`not JSON: ${cutOff}`)
      const told = parseLine(line)
      if (told === undefined) {
        cutOff = line
        return
      }
      const { event, ...rest } = told
      // With --json what keeps it from starting is told on standard output too.
      if (event === undefined) errors += line
      else if (event === 'ready') resolve(rest as Ready)
      else if (event === 'log') logs.push(rest as LogRecord)
      else if (event === 'journal') journal.push(rest as JournalRecord)
      else if (event === 'warning') warnings.push(rest as Warning)
    })
  })
  const agent = new Agent({ keepAlive: true })
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const code = await exited
    agent.destroy()
    return code
  }
  return {
    pid: child.pid as number,
    lambdaUrl: ready.lambda,
    admin: createAdminClient({ adminUrl: ready.admin.url, token: ready.admin.token }),
    logs,
    journal,
    warnings,
    invoke: (functionName, payload, asked = {}) =>
      invoke(ready.lambda, functionName, payload, { agent, ...asked }),
    kill9: async () => {
      await end('SIGKILL')
    },
    stop: (signal = 'SIGINT') => end(signal),
    exited,
  }
}

function parseLine(line: string): { readonly event?: string } | undefined {
  try {
    return JSON.parse(line) as { readonly event?: string }
  } catch {
    return undefined
  }
}

interface Ready {
  readonly lambda: string
  readonly admin: { readonly url: string; readonly token: string }
}

// What bin/lambda-emu.js does, with the compiled program of this build.
const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`

/** What Node runs this build's program with; the words of its command line come after. */
export function programWords(): string[] {
  const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
  return ['--input-type=module', '-e', program, '--', main]
}

function spawnDaemon(options: DaemonOptions): ChildProcess {
  const { project, stateDirectory, freeze = mode.freeze, variables } = options
  const words = ['start', project, '--lambda-port', '0', '--json', '--state-dir', stateDirectory]
  if (freeze !== undefined) words.push('--freeze', freeze)
  // Costs every start 60 ms where it is set, and nothing here speaks TLS. Source: measured.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  return spawn(process.execPath, [...programWords(), ...words], {
    env: { ...env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Epoch milliseconds with fractions, comparable with a function's own clock. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

function invoke(
  lambdaUrl: string,
  functionName: string,
  payload: object,
  { agent, type = 'RequestResponse' }: InvokeOptions,
): Promise<Answer> {
  const url = `${lambdaUrl}/2015-03-31/functions/${functionName}/invocations`
  const headers = { 'x-amz-invocation-type': type }
  return new Promise((resolve, reject) => {
    const sentAtMs = nowMs()
    const outgoing = request(url, { method: 'POST', headers, ...(agent ? { agent } : {}) })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const parts: Buffer[] = []
      response.once('error', reject)
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const text = Buffer.concat(parts).toString()
        const functionError = response.headers['x-amz-function-error']
        resolve({
          status: response.statusCode ?? 0,
          requestId: String(response.headers['x-amzn-requestid']),
          functionError: functionError === undefined ? undefined : String(functionError),
          body: text === '' ? undefined : JSON.parse(text),
          sentAtMs,
          answeredAtMs: nowMs(),
        })
      })
    })
    outgoing.end(JSON.stringify(payload))
  })
}

/** Waits for something that only another process or the kernel decides; fails after 60 s instead of hanging. */
export async function until(claim: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startedAtMs = nowMs()
  while (!(await holds())) {
    if (nowMs() - startedAtMs > 60_000) throw new Error(`not within 60 s: ${claim}`)
    await sleep(5)
  }
}

/** The folder of this machine that an environment has as its /tmp. */
export async function tmpFolderOf(daemon: Daemon, logStreamName: string): Promise<string> {
  const environments = await daemon.admin.environments()
  const found = environments.find((each) => each.logStreamName === logStreamName)
  if (found?.tmpFolder === undefined) throw new Error(`no environment writes to ${logStreamName}`)
  return found.tmpFolder
}

/** All environments, once each is ready and, unless nothing is ever frozen, frozen. */
export async function environmentsAtRest(
  daemon: Daemon,
  suspension: 'frozen' | 'running' = 'frozen',
): Promise<readonly EnvironmentSummary[]> {
  let found: readonly EnvironmentSummary[] = []
  await until(`every environment is ready and ${suspension}`, async () => {
    found = await daemon.admin.environments()
    return found.every((each) => each.phase === 'ready' && each.suspension === suspension)
  })
  return found
}
