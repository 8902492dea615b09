// The note on disk of every environment there is, so that the next start can end what a dead daemon left behind.

import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { ProcessIdentity } from './identity.js'

export interface EnvironmentRecord {
  readonly id: string
  /** Of the process started last; null before the first. */
  readonly pid: number | null
  readonly startTime: number | null
  readonly logStreamName: string
  readonly daemon: ProcessIdentity
  readonly bootId: string
}

export interface EnvironmentPaths {
  readonly record: string
  /** Everything else of the environment that is on disk. */
  readonly folder: string
  /** Empty: where its processes build the root that they see. */
  readonly root: string
}

export function environmentsFolder(stateDirectory: string): string {
  return join(stateDirectory, 'environments')
}

export function environmentPaths(stateDirectory: string, id: string): EnvironmentPaths {
  assert(/^[\w][\w.-]*$/.test(id), 'an environment id can be a file name')
  const folder = join(environmentsFolder(stateDirectory), id)
  return { record: `${folder}.json`, folder, root: join(folder, 'root') }
}

/** Record first, folder second: a folder without a record was on its way out. @throws EmulatorError EMU_STATE_DIRECTORY */
export function makeEnvironment(stateDirectory: string, record: EnvironmentRecord): void {
  const paths = environmentPaths(stateDirectory, record.id)
  try {
    mkdirSync(environmentsFolder(stateDirectory), { recursive: true, mode: 0o700 })
    writeRecord(stateDirectory, record)
    mkdirSync(paths.root, { recursive: true, mode: 0o700 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_STATE_DIRECTORY', { path: stateDirectory, reason })
  }
}

/** Replaced as a whole, so that no reader ever finds half of it. */
export function writeRecord(stateDirectory: string, record: EnvironmentRecord): void {
  const { record: path } = environmentPaths(stateDirectory, record.id)
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export interface FoundRecord {
  readonly id: string
  /** Undefined for a folder without a record, and for one that cannot be read. */
  readonly record: EnvironmentRecord | undefined
}

/** Every environment that the state directory knows, in the order of their ids. */
export function readRecords(stateDirectory: string): FoundRecord[] {
  const ids = new Set<string>()
  for (const name of namesIn(environmentsFolder(stateDirectory))) {
    const id = name.replace(/\.json(\.new)?$/, '')
    if (/^[\w][\w.-]*$/.test(id)) ids.add(id)
  }
  return [...ids].sort().map((id) => ({ id, record: readRecord(stateDirectory, id) }))
}

/** Takes away record and folder, whatever the function did to its folder's permissions. */
export function removeEnvironment(stateDirectory: string, id: string): void {
  const paths = environmentPaths(stateDirectory, id)
  removeFolder(paths.folder)
  rmSync(`${paths.record}.new`, { force: true })
  rmSync(paths.record, { force: true })
}

export function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    if (
      !(error instanceof Error && 'code' in error && /^E(ACCES|PERM)$/.test(String(error.code)))
    ) {
      throw error
    }
    openUp(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

function readRecord(stateDirectory: string, id: string): EnvironmentRecord | undefined {
  try {
    const path = environmentPaths(stateDirectory, id).record
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isRecord(read) ? read : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function isRecord(read: unknown): read is EnvironmentRecord {
  const record = read as Partial<EnvironmentRecord> | null
  return (
    typeof record?.id === 'string' &&
    typeof record.logStreamName === 'string' &&
    typeof record.bootId === 'string' &&
    typeof record.daemon?.pid === 'number' &&
    typeof record.daemon.startTime === 'number'
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Without root, a folder that its owner may not enter cannot be emptied either. */
function openUp(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openUp(join(folder, entry.name))
  }
}
