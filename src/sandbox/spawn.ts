// Starting one process of an environment: in its group before its first instruction, with exactly the given variables and output.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { assert } from '../domain/assert.js'

export interface ProcessSpec {
  /** Program and arguments; a program without `/` is looked for on the PATH of `env`. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** The whole of it: nothing of the daemon's own environment is added. */
  readonly env: Readonly<Record<string, string>>
  /** Descriptor that becomes standard output and standard error. */
  readonly output: number
  /** The program inherits one end of a socket pair as `channelDescriptor`. Default false. */
  readonly channel?: boolean
  /** It has its output as `logDescriptor` once more, for log records in frames. Default false. */
  readonly framedLog?: boolean
}

/** Node closes it on exec as all up to 15 that it inherits, so that no child of the program's gets it. */
export const channelDescriptor = 3

/** Source: recorded answer test_introspection_invoke[java17] (2026-01-12). */
export const logDescriptor = 62

export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface SandboxedProcess {
  readonly pid: number
  /** Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** This end of its channel, if it was asked for. */
  readonly channel?: Duplex
}

/** One of possibly several processes that were started in a sandbox. */
export interface OwnProcess extends SandboxedProcess {
  /** SIGTERM to the program. Nothing happens once it has ended. */
  terminate(): void
  /** SIGKILL to it; what it started may live on until the sandbox is killed. */
  kill(): void
}

/** The program could not be started; nothing runs. `code` is the errno name: ENOENT, EACCES, ENOEXEC, ENOTDIR … */
export class SpawnFailure extends Error {
  override readonly name = 'SpawnFailure'
  readonly code: string
  readonly path: string

  constructor(code: string, path: string) {
    super(`cannot start ${path}: ${code}`)
    this.code = code
    this.path = path
  }
}

/**
 * Joining takes about 8 ms of waiting in the kernel, so the child does it itself and not the event loop.
 * Then `env -i` sets the variables: a shell would drop names it cannot have and add PWD. Of the limits of
 * `resourceLimits` it sets those that hold for one process; one that is lower already stays.
 * Source: measured, Linux 6.18.
 */
const START_SCRIPT = `for procs do
  case $procs in --) break ;; esac
  shift
  { echo 0 >"$procs"; } 2>/dev/null || { echo "lambda-emu: cannot join $procs"; exit 125; }
done
shift
{ ulimit -n 1024; ulimit -l 64; ulimit -S -s 8192; } 2>/dev/null
exec /usr/bin/env -i "$@"`

export interface StartedProcess extends SandboxedProcess {
  readonly child: { kill(signal: 'SIGKILL'): unknown }
  /** Resolves when the program runs; rejects with SpawnFailure, or what else kept it from starting. */
  readonly ready: Promise<void>
}

/** Without the native helper: a shell does what can be done. @throws SpawnFailure */
export function startProcess(spec: ProcessSpec, joinPaths: readonly string[]): StartedProcess {
  const program = findProgram(spec)
  const child = spawnIn(spec, startWords(spec, joinPaths))
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    if (child.pid === undefined) resolve({ code: null, signal: null })
  })
  const ready = child.pid === undefined ? spawnError(child, program) : Promise.resolve()
  // Signalling a child that is just ending may report an error; the exit tells all that matters.
  child.on('error', () => {})
  return { pid: child.pid ?? 0, exited, child, ready, ...channelOf(child, spec) }
}

/** This end of the channel of a child whose stdio has 'pipe' in its place. */
export function channelOf(
  child: ChildProcess,
  { channel }: Pick<ProcessSpec, 'channel'>,
): { channel?: Duplex } {
  if (channel !== true || child.pid === undefined) return {}
  return { channel: child.stdio[channelDescriptor] as Duplex }
}

/** Arguments of /bin/sh. */
function startWords(spec: ProcessSpec, joinPaths: readonly string[]): readonly string[] {
  const variables = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`)
  const [name = '', ...rest] = spec.argv
  // env takes a path with `=` for one more variable; nice, at no change of priority, does not.
  const program = name.includes('=') ? ['/usr/bin/nice', '-n', '0', name] : [name]
  const words = [...joinPaths, '--', '--', ...variables, ...program, ...rest]
  return ['-c', START_SCRIPT, 'sh', ...words]
}

function spawnIn(spec: ProcessSpec, words: readonly string[]): ChildProcess {
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', spec.output, spec.output]
  if (spec.channel === true) stdio.push('pipe')
  const leaking = leakingDescriptors()
  const nothing = leaking.length === 0 ? undefined : openSync('/dev/null', 'r+')
  for (const fd of leaking) {
    if (stdio[fd] === 'pipe') continue
    while (stdio.length < fd) stdio.push('ignore')
    if (nothing !== undefined) stdio[fd] = nothing
  }
  if (spec.framedLog === true) {
    while (stdio.length < logDescriptor) stdio.push('ignore')
    stdio[logDescriptor] = spec.output
  }
  try {
    const options = { argv0: 'sh', env: {}, cwd: spec.cwd, detached: true, stdio }
    return spawn('/bin/sh', words, options)
  } finally {
    if (nothing !== undefined) closeSync(nothing)
  }
}

const CLOSE_ON_EXEC = 0o2000000
let leakingSeen: readonly number[] | undefined

/**
 * Descriptors that whoever started this process left open in it, and that every child would get. Node closes
 * them on exec only up to the first gap above 15; nothing in Node can do it for the rest, and closing them here
 * could take them from the program that this emulator is a library of. So children get /dev/null in their place.
 */
function leakingDescriptors(): readonly number[] {
  leakingSeen ??= readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => fd > 2 && !closesOnExec(fd))
    .sort((left, right) => left - right)
  return leakingSeen
}

function closesOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    return (Number.parseInt(flags?.[1] ?? '0', 8) & CLOSE_ON_EXEC) !== 0
  } catch (error) {
    // The listing's own descriptor, closed since.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true
    throw error
  }
}

function spawnError(child: ChildProcess, program: string): Promise<never> {
  return new Promise((_, reject) => {
    child.once('error', (error) => {
      reject(new SpawnFailure('code' in error ? String(error.code) : error.message, program))
    })
  })
}

/**
 * The program's path on this machine. What exec would refuse is found out before, because a wrapper can only
 * tell it by text and exit code. @throws SpawnFailure
 */
export function findProgram(spec: ProcessSpec): string {
  const [name] = spec.argv
  assert(name !== undefined && name !== '', 'argv names a program')
  const cwd = statSync(spec.cwd, { throwIfNoEntry: false })
  if (cwd === undefined) throw new SpawnFailure('ENOENT', spec.cwd)
  if (!cwd.isDirectory()) throw new SpawnFailure('ENOTDIR', spec.cwd)
  const program = name.includes('/') ? absolute(name, spec.cwd) : onPath(name, spec)
  const refused = executableProblem(program)
  if (refused !== undefined) throw new SpawnFailure(refused, program)
  const interpreter = interpreterOf(program)
  const broken = interpreter === undefined ? undefined : executableProblem(interpreter)
  if (broken !== undefined) throw new SpawnFailure(broken, interpreter ?? program)
  return program
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}

function onPath(name: string, spec: ProcessSpec): string {
  const folders = (spec.env.PATH ?? '').split(':').filter(Boolean)
  const paths = folders.map((folder) => join(absolute(folder, spec.cwd), name))
  const found = paths.find((path) => executableProblem(path) === undefined)
  if (found === undefined) throw new SpawnFailure('ENOENT', name)
  return found
}

function executableProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() ? undefined : 'EACCES'
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
}

/**
 * The interpreter that a script's first line names; undefined for ELF programs.
 * @throws SpawnFailure ENOEXEC for anything else: env and shells would run it as a shell script, Lambda does not.
 */
function interpreterOf(program: string): string | undefined {
  const head = Buffer.alloc(256)
  const fd = openForReading(program)
  // Executable but not readable is legal; exec itself has the last word then.
  if (fd === undefined) return undefined
  const bytes = readSync(fd, head, 0, head.length, 0)
  closeSync(fd)
  if (head.toString('latin1', 0, 4) === '\x7fELF') return undefined
  const line = /^#![ \t]*([^ \t\n]+)/.exec(head.toString('latin1', 0, bytes))
  if (line === null) throw new SpawnFailure('ENOEXEC', program)
  return line[1]
}

function openForReading(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
