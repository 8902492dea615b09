// Real sandboxes for tests: a factory with its own state directory, and proof at the end that nothing is left of it.

import { deepStrictEqual } from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type CgroupSupport, detect } from '../../src/cgroups/detect.js'
import type { KernelTimers } from '../../src/clock/clock.js'
import type { FreezerBackend } from '../../src/freezer/freezer.js'
import { environmentBlockOf, isDead, readProcess } from '../../src/procfs/process.js'
import {
  createSandboxFactory,
  type SandboxFactory,
  type SandboxWish,
} from '../../src/sandbox/factory.js'
import { ownIdentity, subtreeName } from '../../src/sandbox/identity.js'
import { createLogPipes, type LogPipe } from '../../src/sandbox/log-pipe.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'

export const freezing = ['v2', 'v1', 'signal'] as const satisfies readonly FreezerBackend[]

export const kernelTimers: KernelTimers = {
  sleep: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
  after(durationMs, run) {
    const timer = setTimeout(run, durationMs)
    return () => clearTimeout(timer)
  },
}

let tokens = 0
/** Unguessable enough for a test, and the same at every run. */
export function newToken(): string {
  tokens += 1
  return `${process.pid.toString(16)}${tokens.toString(16)}`.padStart(32, 'c0ffee')
}

/** Waits for something that only the kernel decides; fails after 60 s instead of hanging. */
export async function until(claim: string, holds: () => boolean): Promise<void> {
  const startedAt = Date.now()
  while (!holds()) {
    if (Date.now() - startedAt > 60_000) throw new Error(`not within 60 s: ${claim}`)
    await kernelTimers.sleep(2)
  }
}

export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Arranged {
  readonly factory: SandboxFactory
  readonly stateDirectory: string
  readonly support: CgroupSupport
}

/** At the end of the test every sandbox is removed, and that is checked. */
export async function arrangeFactory(t: Test, freeze: FreezerBackend): Promise<Arranged> {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'lambda-emu-test-'))
  const support = detect()
  const factory = await createSandboxFactory({
    stateDirectory,
    freeze,
    timers: kernelTimers,
    monotonicMs: () => performance.now(),
    variables: process.env,
    support,
  })
  t.teardown(async () => {
    await factory.close()
    deepStrictEqual(leftFolders(support), [], 'a group is left')
    deepStrictEqual(readdirSync(join(stateDirectory, 'environments')), [], 'left on disk')
    deepStrictEqual(readdirSync(join(stateDirectory, 'pipes')), [], 'a pipe is left')
    rmSync(stateDirectory, { recursive: true, force: true })
  })
  return { factory, stateDirectory, support }
}

/** Group folders of this test process that still exist. */
export function leftFolders(support: CgroupSupport, name = subtreeName(ownIdentity())): string[] {
  const roots = [support.v2, ...Object.values(support.v1)].map((hierarchy) => hierarchy?.root)
  return roots
    .filter((root) => root !== undefined)
    .map((root) => join(root, name))
    .filter((folder) => existsSync(folder))
}

let environments = 0
export function nextId(): string {
  environments += 1
  return `env-${process.pid}-${environments}`
}

export interface Running {
  readonly sandbox: Sandbox
  readonly pipe: LogPipe
  readonly env: Record<string, string>
  /** Everything written so far. */
  text(): string
  /** How often this word was written as a line so far. */
  count(word: string): number
  start(argv: readonly string[], env?: Record<string, string>): Promise<Started>
}

export type Started = Awaited<ReturnType<Sandbox['start']>>

/** As much of everything as there is, and nothing hidden. */
export function plainWish(logStreamName: string): SandboxWish {
  return {
    logStreamName,
    allowance: undefined,
    tmpMb: 512,
    visibleCpus: 2,
    runtimeApi: undefined,
    view: { codeFolder: '/', runtimeFolder: undefined, programPaths: [], programs: {} },
  }
}

export async function arrangeSandbox(t: Test, arranged: Arranged): Promise<Running> {
  const id = nextId()
  const logStreamName = `2026/11/21/[$LATEST]${id}`
  const sandbox = await arranged.factory.create(id, plainWish(logStreamName))
  const pipes = createLogPipes({ stateDirectory: arranged.stateDirectory, newToken, batch: 1 })
  const pipe = await pipes.open()
  await pipes.close()
  let text = ''
  pipe.onData((bytes) => {
    text += bytes.toString('latin1')
  })
  t.teardown(async () => {
    await sandbox.remove()
    pipe.close()
  })
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', AWS_LAMBDA_LOG_STREAM_NAME: logStreamName }
  return {
    sandbox,
    pipe,
    env,
    text: () => text,
    count: (word) => text.split('\n').filter((line) => line === word).length,
    start: (argv, more = {}) =>
      sandbox.start({ argv, cwd: '/', env: { ...env, ...more }, output: pipe.childFd }),
  }
}

/** Live processes that carry this log stream name, by a look at every process. */
export function aliveWith(logStreamName: string): number[] {
  const mark = `\0AWS_LAMBDA_LOG_STREAM_NAME=${logStreamName}\0`
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && `\0${environmentBlockOf(pid) ?? ''}\0`.includes(mark))
    .filter((pid) => !isDead(readProcess(pid)))
}

export function cmdlineOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
}
