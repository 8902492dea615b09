// Where a daemon says how to reach it: the state directory of its project, and daemon.json in it.

import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { isDead, readProcess } from '../procfs/process.js'

/** What daemon.json holds. */
export interface DaemonFile {
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat, in clock ticks since boot: tells a reused pid. Empty where there is no /proc. */
  readonly startTime: string
  readonly adminUrl: string
  readonly token: string
  readonly lambdaUrl: string
  /** Absolute path of the loaded folder or file. */
  readonly project: string
}

export type DaemonState =
  | { readonly is: 'none' }
  /** Its process is gone, however that came. */
  | { readonly is: 'dead'; readonly file: DaemonFile }
  | { readonly is: 'alive'; readonly file: DaemonFile }

type Variables = Readonly<Record<string, string | undefined>>

/** $XDG_STATE_HOME/lambda-emu, by default ~/.local/state/lambda-emu: one folder below it for each project. */
export function stateRoot(variables: Variables): string {
  const given = variables.XDG_STATE_HOME
  // The specification says: a relative one is to be ignored.
  const base =
    given !== undefined && isAbsolute(given) ? given : join(home(variables), '.local/state')
  return join(base, 'lambda-emu')
}

function home(variables: Variables): string {
  return variables.HOME || homedir()
}

/** The state directory of a project: its name is 16 hex digits of the SHA-256 of the project's real absolute path. */
export function stateDirectoryOf(project: string, variables: Variables): string {
  const hash = createHash('sha256').update(folderOf(project)).digest('hex').slice(0, 16)
  return join(stateRoot(variables), hash)
}

/** A template and the folder that it stands in are one project. */
function folderOf(project: string): string {
  const path = realPath(project)
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  return isFile ? dirname(path) : path
}

/** Two ways to write one folder are one project. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // It does not exist (yet): the name alone must do.
    return resolve(path)
  }
}

/**
 * Makes the directory, for this user alone, and asks whether it can be written in.
 * @throws EmulatorError EMU_STATE_DIRECTORY.
 */
export function prepareStateDirectory(path: string): void {
  orRefuse(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const { uid } = statSync(path)
    const own = process.getuid?.()
    if (own !== undefined && uid !== own) throw new Error(`it belongs to user ${uid}`)
    chmodSync(path, 0o700)
    accessSync(path, constants.W_OK | constants.X_OK)
  })
}

function orRefuse<T>(path: string, attempt: () => T): T {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof EmulatorError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_STATE_DIRECTORY', { path, reason })
  }
}

/** In the state directory. */
export const daemonFileName = 'daemon.json'

function fileIn(directory: string): string {
  return join(directory, daemonFileName)
}

/**
 * Puts daemon.json in place at once: a reader sees the old one or the new one, never a part.
 * @throws EmulatorError EMU_STATE_DIRECTORY when it cannot be written; EMU_DAEMON_RUNNING when a living daemon has it.
 */
export function writeDaemonFile(directory: string, file: DaemonFile): void {
  const state = readDaemonFile(directory)
  if (state.is === 'alive' && state.file.pid !== file.pid) throw daemonRunning(state.file)
  orRefuse(directory, () => renameSync(writePart(directory, file), fileIn(directory)))
}

/**
 * The file under a name of this process's own. It is not flushed to the disk: what a loss of power leaves of it is nobody's,
 * and a daemon that is killed while it waits for a disk would leave it behind.
 */
function writePart(directory: string, file: DaemonFile): string {
  const part = `${fileIn(directory)}.${process.pid}`
  writeFileSync(part, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  return part
}

/**
 * Puts daemon.json in place if no living daemon has it: of several that try at once, one wins.
 * @throws EmulatorError EMU_DAEMON_RUNNING, EMU_STATE_DIRECTORY.
 */
export function claimDaemonFile(directory: string, file: DaemonFile): void {
  const lock = join(directory, 'daemon.lock')
  orRefuse(directory, () => {
    const part = writePart(directory, file)
    try {
      takeLock(part, lock)
      try {
        const state = readDaemonFile(directory)
        if (state.is === 'alive') throw daemonRunning(state.file)
        renameSync(part, fileIn(directory))
        removeDeadParts(directory)
      } finally {
        rmSync(lock, { force: true })
      }
    } finally {
      rmSync(part, { force: true })
    }
  })
}

/**
 * Held for the moment of looking and writing. Who finds it held is too late: another daemon is starting.
 * It is the whole part under a second name, so nobody ever reads half of it.
 */
function takeLock(part: string, lock: string): void {
  while (!linked(part, lock)) {
    const holder = lockHolder(lock)
    if (holder === 'gone') continue
    if (holder !== undefined && isAlive(holder)) throw daemonRunning(holder)
    // Its holder died in that very moment.
    rmSync(lock, { force: true })
  }
}

/** Of daemons that were killed between writing their part and giving it its name. */
function removeDeadParts(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = /^daemon\.json\.(\d+)$/.exec(name)?.[1]
    if (pid === undefined || isAlive({ pid: Number(pid), startTime: '' })) continue
    rmSync(join(directory, name), { force: true })
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function lockHolder(lock: string): DaemonFile | undefined | 'gone' {
  try {
    return parseDaemonFile(readFileSync(lock, 'utf8'))
  } catch (error) {
    if (isMissing(error)) return 'gone'
    throw error
  }
}

/** For a second daemon of one project. */
export function daemonRunning(file: DaemonFile): EmulatorError {
  return new EmulatorError('EMU_DAEMON_RUNNING', { pid: file.pid, project: file.project })
}

/**
 * A file that is no daemon's counts as none: the next start replaces it.
 * @throws EmulatorError EMU_STATE_DIRECTORY when there is something that cannot be read.
 */
export function readDaemonFile(directory: string): DaemonState {
  const text = orRefuse(directory, () => {
    try {
      return readFileSync(fileIn(directory), 'utf8')
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  })
  const file = text === undefined ? undefined : parseDaemonFile(text)
  if (file === undefined) return { is: 'none' }
  return { is: isAlive(file) ? 'alive' : 'dead', file }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(`${error.code}`)
  )
}

function parseDaemonFile(text: string): DaemonFile | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, startTime, adminUrl, token, lambdaUrl, project } = value as Record<string, unknown>
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined
  const texts = { startTime, adminUrl, token, lambdaUrl, project }
  if (Object.values(texts).some((text) => typeof text !== 'string')) return undefined
  return { pid: pid as number, ...(texts as Omit<DaemonFile, 'pid'>) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Removes daemon.json if it is this process's own. */
export function removeDaemonFile(directory: string, pid: number): void {
  const state = readDaemonFile(directory)
  if (state.is !== 'none' && state.file.pid === pid) rmSync(fileIn(directory), { force: true })
}

/** A pid alone may have been given to another process since. */
export function isAlive(file: Pick<DaemonFile, 'pid' | 'startTime'>): boolean {
  if (file.startTime !== '') return processStartTime(file.pid) === file.startTime
  try {
    process.kill(file.pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Ticks since boot; empty where there is no /proc; undefined when there is no such process, or a zombie. */
export function processStartTime(pid: number): string | undefined {
  if (process.platform !== 'linux') return ''
  const found = readProcess(pid)
  return found === undefined || isDead(found) ? undefined : String(found.startTime)
}

export interface Found {
  readonly directory: string
  readonly file: DaemonFile
}

/**
 * The daemon that a command means: of `stateDirectory` if that is given, else of the working folder, else of the nearest
 * folder above it, else of the only one below it.
 * @throws EmulatorError EMU_DAEMON_NOT_RUNNING, EMU_STATE_DIRECTORY.
 */
export function findDaemon(from: {
  readonly stateDirectory?: string
  readonly workingFolder: string
  readonly variables: Variables
}): Found {
  if (from.stateDirectory !== undefined) {
    const directory = resolve(from.workingFolder, from.stateDirectory)
    const state = readDaemonFile(directory)
    if (state.is === 'alive') return { directory, file: state.file }
    throw new EmulatorError('EMU_DAEMON_NOT_RUNNING', { project: `state directory ${directory}` })
  }
  const here = realPath(from.workingFolder)
  const living = livingDaemons(stateRoot(from.variables))
  const above = living
    .filter(({ file }) => isWithin(here, folderOf(file.project)))
    .sort((a, b) => b.file.project.length - a.file.project.length)
  const below = living.filter(({ file }) => isWithin(folderOf(file.project), here))
  const found = above[0] ?? (below.length === 1 ? below[0] : undefined)
  if (found !== undefined) return found
  const others = living.map(({ file }) => file.project).sort()
  const running = others.length === 0 ? '' : ` (there are ones for ${others.join(', ')})`
  throw new EmulatorError('EMU_DAEMON_NOT_RUNNING', { project: `${here}${running}` })
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function livingDaemons(root: string): readonly Found[] {
  const names = orRefuse(root, () => {
    try {
      return readdirSync(root)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  })
  return names.flatMap((name) => {
    const directory = join(root, name)
    const state = readDaemonFile(directory)
    return state.is === 'alive' ? [{ directory, file: state.file }] : []
  })
}
