// Runs a handler in a real process of the built-in Node runtime against a mock Runtime API, and
// tells all that it did.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { repositoryRoot } from '../../support/paths.js'
import { channelVariables, speaksFrames } from '../../support/runtime-channel.js'
import {
  type MockEvent,
  type MockOptions,
  type MockRuntimeApi,
  type Report,
  startMockRuntimeApi,
} from './mock-runtime-api.js'

export type Generation = 3 | 4

export const runtimeFolder = join(repositoryRoot, 'dist/runtimes/nodejs')

/** What to run: files of the function (or the text of index.js), its events, and how it ends. */
export interface FunctionRun {
  readonly generation: Generation
  readonly code?: string
  readonly files?: Readonly<Record<string, string>>
  readonly handler?: string
  /** Payload texts or whole events; the default is two events `{}`. */
  readonly events?: readonly (string | MockEvent)[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly mock?: MockOptions
  /**
   * Ends the process when this text appears on stdout or stderr, for functions that never answer.
   */
  readonly until?: string
  /** Takes the place of handing out events one after the other. */
  readonly drive?: (run: RunningFunction) => Promise<void>
}

/** For `drive`: the parts of a run while it runs. */
export interface RunningFunction {
  readonly api: MockRuntimeApi
  readonly child: ChildProcess
  /** Resolves when stdout or stderr contain the text. */
  readonly printed: (text: string) => Promise<void>
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

export interface Finished {
  readonly taskRoot: string
  readonly reports: readonly Report[]
  readonly nextCount: number
  readonly stdout: string
  readonly stderr: string
  /** It asked for one event more than it was given and was still there. */
  readonly alive: boolean
  /** Absent when the test ended it. */
  readonly ended?: string
}

const runtimes = { 3: 'AWS_Lambda_nodejs22.x', 4: 'AWS_Lambda_nodejs24.x' }

function makeTaskRoot(run: FunctionRun): string {
  const root = mkdtempSync(join(tmpdir(), 'node-runtime-'))
  const files = run.files ?? { 'index.js': run.code ?? '' }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function lambdaEnvironment(run: FunctionRun, taskRoot: string, address: string) {
  return {
    PATH: process.env.PATH,
    AWS_LAMBDA_RUNTIME_API: address,
    _HANDLER: run.handler ?? 'index.handler',
    LAMBDA_TASK_ROOT: taskRoot,
    AWS_EXECUTION_ENV: runtimes[run.generation],
    AWS_LAMBDA_FUNCTION_NAME: 'f',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/f',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/21/[$LATEST]0',
    AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: '1',
    ...channelVariables(),
    ...run.env,
  }
}

function watchOutput(child: ChildProcess) {
  const output = { stdout: '', stderr: '' }
  let looks: (() => void)[] = []
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const look of looks) look()
    })
  }
  const printed = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!output.stdout.includes(text) && !output.stderr.includes(text)) return
        looks = looks.filter((other) => other !== look)
        resolve()
      }
      looks.push(look)
      look()
    })
  return { output, printed }
}

async function handOut(run: FunctionRun, { api, ended, printed }: RunningFunction): Promise<void> {
  const events = run.events ?? ['{}', '{}']
  for (const event of events) api.give(typeof event === 'string' ? { body: event } : event)
  const idle = run.until === undefined ? api.nextAsked(events.length + 1) : printed(run.until)
  await Promise.race([idle, ended])
}

/** Runs it to its end, or until it waits for one event more; leaves nothing behind. */
export async function runFunction(run: FunctionRun): Promise<Finished> {
  const taskRoot = makeTaskRoot(run)
  const api = await startMockRuntimeApi(run.mock)
  const frames = speaksFrames()
  const words = [join(runtimeFolder, 'bootstrap.cjs'), ...(frames ? ['--frames=3'] : [])]
  const child = spawn(process.execPath, words, {
    cwd: taskRoot,
    env: lambdaEnvironment(run, taskRoot, api.address),
    stdio: ['ignore', 'pipe', 'pipe', frames ? 'pipe' : 'ignore'],
  })
  if (frames) api.attach(child.stdio[3] as Duplex)
  const { output, printed } = watchOutput(child)
  let end: string | undefined
  const ended = new Promise<void>((resolve) => {
    child.on('close', (code, signal) => {
      end = signal ?? `exit ${code}`
      resolve()
    })
  })
  const running = { api, child, printed, ended }
  await (run.drive ?? ((parts) => handOut(run, parts)))(running)
  // A process that ended by itself has closed its pipes; its exit may still be on the way.
  const alive = end === undefined && api.nextCount() > (run.events ?? ['{}', '{}']).length
  const own = end
  if (end === undefined) child.kill('SIGKILL')
  await ended
  await api.close()
  rmSync(taskRoot, { recursive: true, force: true })
  return {
    taskRoot,
    reports: api.reports,
    nextCount: api.nextCount(),
    ...output,
    alive,
    ...(own === undefined ? {} : { ended: own }),
  }
}
