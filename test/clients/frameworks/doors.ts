// The three ways to one application: served directly, behind a REST API, behind an HTTP API.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { startEmulator } from '../../../src/index.js'
import { ask, inChunks, type RawAnswer } from '../../support/raw-http.js'
import { prepared } from '../prepared.js'
import type { CorpusRequest } from './corpus.js'

export type Framework = keyof typeof prepared.apps
export const frameworks = Object.keys(prepared.apps) as readonly Framework[]

export type DoorName = 'rest' | 'http'

export interface Door {
  readonly port: number
  /** What Host says. */
  readonly host: string
  /** Put before every target: a REST API's stage. */
  readonly prefix: string
}

export interface Doors {
  readonly direct: Door
  readonly rest: Door
  readonly http: Door
}

/** Both servers of an application; they end with the test. */
export async function openDoors(t: Test, framework: Framework): Promise<Doors> {
  const [port, gates] = await Promise.all([
    serveDirectly(t, framework),
    serveByLambda(t, framework),
  ])
  return { direct: { port, host: `app.localhost:${port}`, prefix: '' }, ...gates }
}

async function serveDirectly(t: Test, framework: Framework): Promise<number> {
  const cwd = prepared.apps[framework]
  const { NODE_EXTRA_CA_CERTS: _, ...variables } = process.env
  const env = {
    ...variables,
    NODE_ENV: 'production',
    PYTHONPATH: cwd,
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const [file, script] =
    framework === 'fastapi' ? ['python3', 'serve.py'] : [process.execPath, 'serve.mjs']
  // It ends when its input does, and so with this process at the latest.
  const child = spawn(file, [script], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  t.teardown(async () => {
    child.stdin.end()
    await closed
  })
  const ended = closed.then(([code]) => {
    throw new Error(`${framework}, served directly, ended with ${code}`)
  })
  ended.catch(() => undefined)
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])
  return Number(line)
}

async function serveByLambda(t: Test, framework: Framework): Promise<Omit<Doors, 'direct'>> {
  const state = mkdtempSync(join(tmpdir(), 'lambda-emu-frameworks-'))
  const emulator = await startEmulator({
    path: prepared.apps[framework],
    lambdaPort: 0,
    httpPort: 0,
    stateDirectory: state,
    ...(framework === 'fastapi' ? { parameters: { Python: pythonRuntime() } } : {}),
  })
  t.teardown(async () => {
    await emulator.stop()
    rmSync(state, { recursive: true, force: true })
  })
  t.same(emulator.warnings, [], 'all of the template is emulated')
  const port = Number(new URL(emulator.httpUrl ?? '').port)
  const door = (kind: DoorName, prefix: string): Door => {
    const api = emulator.status().apis.find((each) => each.kind === kind)
    if (api === undefined)
      throw new Error(`the template of ${framework} has no API of kind ${kind}`)
    return { port, host: `${api.id}.execute-api.localhost:${port}`, prefix }
  }
  return { rest: door('rest', '/Prod'), http: door('http', '') }
}

/** The packages of the application are compiled for one version, which need not be the template's. */
function pythonRuntime(): string {
  const told = execFileSync('python3', ['--version'], { encoding: 'utf8' })
  const [, version] = /^Python (\d+\.\d+)/.exec(told) ?? []
  if (version === undefined) throw new Error(`python3 calls itself ${told}`)
  return `python${version}`
}

/** Sends a request of the corpus through a door. */
export function send(door: Door, request: CorpusRequest): Promise<RawAnswer> {
  const { method, target, headers, body, chunkBytes } = request
  const framing: readonly (readonly [string, string])[] =
    body === undefined
      ? []
      : chunkBytes === undefined
        ? [['Content-Length', String(body.length)]]
        : [['Transfer-Encoding', 'chunked']]
  const bytes = body !== undefined && chunkBytes !== undefined ? inChunks(body, chunkBytes) : body
  return ask(door.port, {
    method,
    target: `${door.prefix}${target}`,
    headers: [['Host', door.host], ...headers, ...framing],
    ...(bytes === undefined ? {} : { body: bytes }),
  })
}
