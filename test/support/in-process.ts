// An emulator in the test's own process, with functions written on the spot, gone when the test ends.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { ProfiledOptions } from '../../src/daemon/chosen-profile.js'
import { startLibraryEmulator } from '../../src/daemon/library.js'
import type { LibraryEmulator, LogRecord } from '../../src/index.js'
import { mode } from './modes.js'

export interface WrittenFunction {
  readonly runtime?: string
  readonly handler?: string
  readonly timeoutSeconds?: number
  readonly memoryMb?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Folders and zip files, relative to the project. */
  readonly layers?: readonly string[]
  /** As lambda-emu.json has it. */
  readonly logging?: Readonly<Record<string, string>>
  /** Path below the task root → text; an executable when it is called bootstrap. */
  readonly files: Readonly<Record<string, string>>
}

export interface Invoked {
  readonly status: number
  /** X-Amz-Function-Error. */
  readonly functionError: string | undefined
  readonly requestId: string
  readonly text: string
  /** The log tail, when it was asked for. */
  readonly tail: string
  readonly headers: NodeJS.Dict<string | string[]>
  readonly startedAtMs: number
  readonly endedAtMs: number
}

export interface InvokeOptions {
  readonly tail?: boolean
  readonly type?: 'RequestResponse' | 'Event' | 'DryRun'
  readonly headers?: Readonly<Record<string, string>>
}

export interface RunningEmulator {
  readonly emulator: LibraryEmulator
  readonly folder: string
  readonly logs: LogRecord[]
  invoke(name: string, event?: unknown, options?: InvokeOptions): Promise<Invoked>
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function writeProject(
  folder: string,
  functions: Readonly<Record<string, WrittenFunction>>,
): void {
  const described: Record<string, unknown> = {}
  for (const [name, { files, ...settings }] of Object.entries(functions)) {
    for (const [path, text] of Object.entries(files)) {
      const place = join(folder, name, path)
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, text, { mode: path === 'bootstrap' ? 0o755 : 0o644 })
    }
    described[name] = {
      runtime: 'nodejs22.x',
      handler: settings.runtime?.startsWith('python') ? 'app.handler' : 'index.handler',
      code: `./${name}`,
      // A whole CPU: what is not about CPU shares must not depend on them.
      memoryMb: 1769,
      ...settings,
    }
  }
  writeFileSync(join(folder, 'lambda-emu.json'), JSON.stringify({ functions: described }))
}

export async function startWith(
  t: Test,
  functions: Readonly<Record<string, WrittenFunction>>,
  options: ProfiledOptions = {},
): Promise<RunningEmulator> {
  const folder = temporaryFolder(t)
  writeProject(folder, functions)
  const ofMode = {
    path: folder,
    lambdaPort: 0,
    stateDirectory: join(folder, '.state'),
    runtimeChannel: mode.runtimeChannel,
    ...(mode.freeze === undefined ? {} : { freeze: mode.freeze }),
  }
  const emulator = await startLibraryEmulator({ ...ofMode, ...options })
  t.teardown(() => emulator.stop())
  const logs: LogRecord[] = []
  emulator.onLog((record) => logs.push(record))
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  t.teardown(() => agent.destroy())
  return {
    emulator,
    folder,
    logs,
    invoke: (name, event, invokeOptions) =>
      invoke(emulator.lambdaUrl, agent, name, event, invokeOptions),
  }
}

function invoke(
  lambdaUrl: string,
  agent: Agent,
  name: string,
  event: unknown,
  { tail = false, type = 'RequestResponse', headers = {} }: InvokeOptions = {},
): Promise<Invoked> {
  const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event ?? {}))
  const startedAtMs = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${lambdaUrl}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`,
      {
        method: 'POST',
        agent,
        headers: {
          'x-amz-invocation-type': type,
          ...(tail ? { 'x-amz-log-type': 'Tail' } : {}),
          'content-length': body.length,
          ...headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const log = answer.headers['x-amz-log-result']
          resolve({
            status: answer.statusCode ?? 0,
            functionError: answer.headers['x-amz-function-error'] as string | undefined,
            requestId: answer.headers['x-amzn-requestid'] as string,
            text: Buffer.concat(chunks).toString(),
            tail: typeof log === 'string' ? Buffer.from(log, 'base64').toString() : '',
            headers: answer.headers,
            startedAtMs,
            endedAtMs: performance.now(),
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Resolves with the first record of the log that fits, already written or yet to come. */
export function logged(
  { emulator, logs }: RunningEmulator,
  fits: (record: LogRecord) => boolean,
): Promise<LogRecord> {
  const found = logs.find(fits)
  if (found !== undefined) return Promise.resolve(found)
  return new Promise((resolve) => {
    const stop = emulator.onLog((record) => {
      if (!fits(record)) return
      stop()
      resolve(record)
    })
  })
}
