// Starts a process through the native helper: in its groups, its own root and its own user before its first instruction.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { getSystemErrorName } from 'node:util'
import {
  channelOf,
  findProgram,
  logDescriptor,
  type ProcessExit,
  type ProcessSpec,
  SpawnFailure,
  type StartedProcess,
} from './spawn.js'
import type { Spawner } from './spawner.js'

/** Limits of one process that every process below inherits: name, soft and hard value. */
export type ResourceLimit = readonly [name: string, soft: string, hard: string]

/** Source: recorded answer test_runtime_ulimits; what is unlimited there is left as it is here. */
export const resourceLimits: readonly ResourceLimit[] = [
  ['core', '10737418240', '10737418240'],
  ['memlock', '65536', '65536'],
  ['nofile', '1024', '1024'],
  ['nproc', '742', '742'],
  ['stack', '8388608', 'unlimited'],
]

export interface Enclosure {
  readonly namespaces: 'root' | 'user' | 'none'
  /** Files into which the process writes its own pid before it becomes the program. */
  readonly joinPaths: readonly string[]
  /** Its v2 group, when it has one. */
  readonly v2Folder: string | undefined
  /** Of the emulators' ports, the only one that it may connect to; needs `v2Folder`. */
  readonly connects:
    | { readonly first: number; readonly last: number; readonly own: number }
    | undefined
  readonly user: { readonly id: number; readonly group: number } | undefined
  /** Numbers of the CPUs it may run on; all when empty. */
  readonly cpus: readonly number[]
  readonly limits: readonly ResourceLimit[]
  /** The new root, with namespaces: an empty host folder to build it on, and its description. */
  readonly root: { readonly folder: string; readonly words: readonly string[] } | undefined
  /** The name by which a host path is reached inside. */
  readonly pathInside: (host: string) => string
  /** Path of the network namespace that it enters, with namespaces of root; the host's when left out. */
  readonly network?: string
}

/**
 * As startProcess; `ready` settles when the program runs. `born`: in its v2 group, which saves the wait for joining.
 * @throws SpawnFailure when it cannot be started.
 */
export function launchProcess(
  helper: string,
  spec: ProcessSpec,
  enclosure: Enclosure,
  born: boolean,
): StartedProcess {
  const program = findProgram(spec)
  const words = [
    ...(spec.channel === true ? ['--channel'] : []),
    ...(spec.framedLog === true ? ['--log', String(logDescriptor)] : []),
    ...enclosureWords(enclosure, spec, { born, parent: process.pid }),
    '--',
    ...programWords(program, spec, enclosure),
  ]
  const { child, ...started } = runHelper(helper, words, spec)
  const ready = started.told.then((problem) => {
    if (problem !== '') throw refusal(problem, enclosure.pathInside(program), program)
  })
  return { pid: started.pid, exited: started.exited, child, ready, ...channelOf(child, spec) }
}

/** `lambda-emu-helper run`, as a child of this process; `told` is what kept it from running. */
function runHelper(
  helper: string,
  words: readonly string[],
  { env, output, channel }: Pick<ProcessSpec, 'env' | 'output' | 'channel'>,
) {
  const child = spawn(helper, ['run', ...words], {
    env: { ...env },
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output, channel === true ? 'pipe' : 'ignore', 'pipe'],
  })
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    if (child.pid === undefined) resolve({ code: null, signal: null })
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(error))
  })
  const said = Promise.race([told(child.stdio[4] as Readable), failed])
  return { pid: child.pid ?? 0, exited, child, told: said }
}

/**
 * The process that keeps an environment's network: no program, no groups, and this machine's own root.
 * `ready` rejects with what could not be done. @throws SpawnerFailure as below.
 */
export async function launchNetwork(
  by: { readonly helper: string; readonly spawner: Spawner | undefined },
  words: readonly string[],
  output: number,
): Promise<StartedProcess> {
  const spec = { env: {}, output, channel: true }
  const { helper, spawner } = by
  if (spawner === undefined) {
    const { child, pid, exited, told } = runHelper(helper, words, spec)
    return { pid, exited, child, ready: told.then(allWell), ...channelOf(child, spec) }
  }
  const { pid, exited, told, kill, channel } = await spawner.start({ words, ...spec })
  const ready = told.then(allWell)
  return { pid, exited, child: { kill }, ready, ...(channel === undefined ? {} : { channel }) }
}

function allWell(problem: string): void {
  if (problem !== '') throw refusal(problem, '', '')
}

/**
 * The same, by way of the spawner; resolves once the process is there.
 * @throws SpawnFailure as above; SpawnerFailure when it is the spawner that cannot: nothing runs, and the other way is open.
 */
export async function spawnProcess(
  spawner: Spawner,
  spec: ProcessSpec,
  enclosure: Enclosure,
  born: boolean,
): Promise<StartedProcess> {
  const program = findProgram(spec)
  const words = [
    ...(spec.channel === true ? ['--channel'] : []),
    ...(spec.framedLog === true ? ['--log', String(logDescriptor)] : []),
    ...enclosureWords(enclosure, spec, { born, parent: spawner.pid }),
    '--',
    ...programWords(program, spec, enclosure),
  ]
  const { pid, exited, told, kill, channel } = await spawner.start({
    words,
    env: spec.env,
    output: spec.output,
    channel: spec.channel === true,
  })
  const ready = told.then((problem) => {
    if (problem !== '') throw refusal(problem, enclosure.pathInside(program), program)
  })
  // Whoever waits for it learns of it; nobody may, when all is being ended.
  ready.catch(() => {})
  return { pid, exited, child: { kill }, ready, ...(channel === undefined ? {} : { channel }) }
}

function enclosureWords(
  enclosure: Enclosure,
  spec: ProcessSpec,
  { born, parent }: { readonly born: boolean; readonly parent: number },
): string[] {
  const { connects, user, root, cpus, v2Folder } = enclosure
  const joins = enclosure.joinPaths.filter(
    (path) => !born || v2Folder === undefined || path !== join(v2Folder, 'cgroup.procs'),
  )
  return [
    ...['--parent', String(parent), '--namespaces', enclosure.namespaces],
    ...(v2Folder === undefined ? [] : ['--group', v2Folder]),
    ...(born ? ['--born'] : []),
    ...joins.flatMap((path) => ['--join', path]),
    ...(connects === undefined
      ? []
      : ['--connects', ...[connects.first, connects.last, connects.own].map(String)]),
    ...(user === undefined ? [] : ['--user', String(user.id), String(user.group)]),
    ...(cpus.length === 0 ? [] : ['--cpus', cpus.join(',')]),
    ...enclosure.limits.flatMap((limit) => ['--limit', ...limit]),
    ...['--chdir', enclosure.pathInside(spec.cwd)],
    ...(enclosure.network === undefined ? [] : ['--network', enclosure.network]),
    ...(root === undefined ? [] : ['--root', root.folder, ...root.words]),
  ]
}

function programWords(program: string, spec: ProcessSpec, { pathInside }: Enclosure): string[] {
  return [pathInside(program), ...spec.argv.slice(1).map(pathInside)]
}

/** Everything that is written before the other end is closed: by the program's start, or by an end before it. */
function told(status: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    status.setEncoding('latin1')
    status.on('data', (chunk: string) => {
      text += chunk
    })
    status.once('error', () => resolve(text))
    status.once('close', () => resolve(text))
    status.once('end', () => resolve(text))
  })
}

/** `problem` is `<what was tried> <errno>`. */
function refusal(problem: string, inside: string, program: string): Error {
  const [, step = problem, errno = '0'] = /^(.*) (\d+)\n?$/.exec(problem) ?? []
  const code = Number(errno) === 0 ? 'unknown' : getSystemErrorName(-Number(errno))
  if (step === inside) return new SpawnFailure(code, program)
  return new Error(`the sandbox cannot be made: ${step}: ${code}`)
}
