// The levels at which functions are kept apart, and a real daemon at each of them, started by a user with secrets at home.

import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { type AdminClient, createAdminClient } from '../../src/admin/client.js'
import type { Warning } from '../../src/admin/contract.js'
import { repositoryRoot } from '../support/paths.js'

export interface Level {
  readonly name: string
  /** The heading of its column. */
  readonly title: string
  readonly words: readonly string[]
  /** Undefined: whoever runs the test, who is root. */
  readonly userId: number | undefined
}

/** Nobody has this id: what belongs to it was made by these tests. */
const ordinaryUser = 14_500

export const levels = [
  { name: 'none', title: '--isolation none', words: ['--isolation', 'none'], userId: undefined },
  { name: 'standard', title: 'standard, root', words: [], userId: undefined },
  {
    name: 'signal',
    title: 'standard, root, --freeze signal',
    words: ['--freeze', 'signal'],
    userId: undefined,
  },
  { name: 'user', title: 'standard, ordinary user', words: [], userId: ordinaryUser },
] as const satisfies readonly Level[]

export type LevelName = (typeof levels)[number]['name']

export interface HomeOfUser {
  /** Below /home, mode 0700, as a user's. */
  readonly folder: string
  readonly project: string
  readonly stateDirectory: string
  readonly credentials: string
  readonly agentSocket: string
}

/** The text that no function may ever see. */
export const canary = `lambda-emu-canary-${process.pid}`

const buildFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A home folder with credentials and an agent's socket, and an empty project in it; gone after the test. */
export async function homeOfUser(t: Test, userId: number | undefined): Promise<HomeOfUser> {
  const folder = mkdtempSync('/home/lambda-emu-isolation-')
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const home = {
    folder,
    project: join(folder, 'project'),
    stateDirectory: join(folder, 'state'),
    credentials: join(folder, '.aws/credentials'),
    agentSocket: join(folder, 'agent.sock'),
  }
  mkdirSync(home.project)
  mkdirSync(dirname(home.credentials), { mode: 0o700 })
  writeFileSync(home.credentials, `[default]\naws_secret_access_key = ${canary}\n`, { mode: 0o600 })
  await listenOn(t, home.agentSocket)
  own(folder, userId)
  return home
}

/** Gives everything in the folder to the user, and no link's target. */
export function own(path: string, userId: number | undefined): void {
  if (userId === undefined) return
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return
  chownSync(path, userId, userId)
  if (found.isDirectory()) for (const name of readdirSync(path)) own(join(path, name), userId)
  // A change of owner takes the bit away.
  if (found.isFile()) chmodSync(path, found.mode & 0o7777)
}

/** A unix socket that anybody may connect to. */
export async function listenOn(t: Test, path: string): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(path, resolve))
  chmodSync(path, 0o666)
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
}

const abstractServer = `
import os, socket, sys, threading
threading.Thread(target=lambda: os._exit(len(sys.stdin.read())), daemon=True).start()
server = socket.socket(socket.AF_UNIX)
server.bind('\\0' + sys.argv[1])
server.listen()
print('listens', flush=True)
while True:
    server.accept()[0].close()`

/** An abstract socket of this machine, which Node cannot make. */
export async function listenAbstract(t: Test, name: string): Promise<void> {
  const child = spawn('/usr/bin/python3', ['-c', abstractServer, name], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))
}

export interface Started {
  readonly pid: number
  readonly lambdaUrl: string
  readonly adminUrl: string
  readonly admin: AdminClient
  readonly warnings: readonly Warning[]
  /** The answer's payload. @throws Error when the function fails, with what it said. */
  invoke(functionName: string, event: object): Promise<unknown>
}

export interface StartOptions {
  readonly home: HomeOfUser
  readonly level: Level
  readonly variables?: Readonly<Record<string, string>>
  /** The daemon's own Node, where it is not this one. */
  readonly node?: string
}

// Makes a session keyring with a key in it, then becomes the program. Source of the numbers: keyctl(2).
const withKeys = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
keyctl, add = {'x86_64': (250, 248), 'aarch64': (219, 217)}[os.uname().machine]
name = sys.argv[1].encode()
if libc.syscall(keyctl, 1, None) < 0 or libc.syscall(add, b'user', name, b'secret', 6, -3) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])`

// What bin/lambda-emu.js does, with the compiled program of this build.
const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`

/** A daemon whose variables, home, keys and agent hold the canary; stopped at the end of the test. */
export async function startAt(t: Test, options: StartOptions): Promise<Started> {
  const child = spawnDaemon(options)
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
    await exited
  })
  const warnings: Warning[] = []
  const ready = await new Promise<Ready>((resolve, reject) => {
    void exited.then((code) => reject(new Error(`the daemon ended with ${code}: ${said}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, ...rest } = JSON.parse(line) as { readonly event?: string }
      if (event === 'ready') resolve(rest as Ready)
      else if (event === 'warning') warnings.push(rest as Warning)
      else if (event === undefined) said += line
    })
  })
  const { url, token } = ready.admin
  return {
    pid: child.pid as number,
    lambdaUrl: ready.lambda,
    adminUrl: url,
    admin: createAdminClient({ adminUrl: url, token }),
    warnings,
    invoke: (functionName, event) => invoke(ready.lambda, functionName, event),
  }
}

interface Ready {
  readonly lambda: string
  readonly admin: { readonly url: string; readonly token: string }
}

function spawnDaemon({ home, level, variables, node = process.execPath }: StartOptions) {
  const { userId, words } = level
  const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
  const start = ['start', home.project, '--lambda-port', '0', '--json']
  const emulator = ['--input-type=module', '-e', program, '--', main, ...start, ...words]
  const asUser =
    userId === undefined
      ? []
      : ['setpriv', `--reuid=${userId}`, `--regid=${userId}`, '--clear-groups']
  const keys = ['/usr/bin/python3', '-c', withKeys, canary]
  const all = [...asUser, ...keys, node, ...emulator, '--state-dir', home.stateDirectory]
  const { LAMBDA_EMU_HELPER: helper } = process.env
  return spawn(all[0] as string, all.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: home.project,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: home.folder,
      AWS_SECRET_ACCESS_KEY: canary,
      SSH_AUTH_SOCK: home.agentSocket,
      ...(helper === undefined ? {} : { LAMBDA_EMU_HELPER: helper }),
      ...variables,
    },
  })
}

function invoke(lambdaUrl: string, functionName: string, event: object): Promise<unknown> {
  const url = `${lambdaUrl}/2015-03-31/functions/${functionName}/invocations`
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST' })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const text = Buffer.concat(parts).toString()
        const failed = response.statusCode !== 200 || response.headers['x-amz-function-error']
        if (failed) reject(new Error(`${functionName}: ${text}`))
        else resolve(text === '' ? undefined : JSON.parse(text))
      })
    })
    outgoing.end(JSON.stringify(event))
  })
}

/** Copies files of this folder into a function's code folder. */
export function copyCode(folder: string, files: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  for (const file of files)
    copyFileSync(
      join(repositoryRoot, 'test/isolation', file),
      join(folder, file.split('/')[1] ?? file),
    )
}

export interface DescribedFunction {
  readonly runtime: string
  readonly handler: string
  readonly code: string
  readonly timeoutSeconds?: number
  readonly memoryMb?: number
  readonly environment?: Readonly<Record<string, string>>
}

export function describeFunctions(
  home: HomeOfUser,
  functions: Readonly<Record<string, DescribedFunction>>,
  userId: number | undefined,
): void {
  const sized = Object.entries(functions).map(([name, each]) => [name, { memoryMb: 1769, ...each }])
  const text = JSON.stringify({ functions: Object.fromEntries(sized) })
  writeFileSync(join(home.project, 'lambda-emu.json'), text)
  own(home.project, userId)
}

/** TCP ports on which a process listens, as /proc tells. */
export function listeningPorts(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        // Closed since the list was read.
        return []
      }
    }),
  )
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode ?? ''))
    .map(([, local]) => Number.parseInt(local?.split(':')[1] ?? '', 16))
}
