// The code that functions run while their source folders are watched: a copy of each state, so that what runs keeps the files it was started with.

import { createHash } from 'node:crypto'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import type { CodePackage } from '../domain/function.js'
import { walkCode } from './code-walk.js'
import { copyFolder, type FolderCopy, installFacts } from './snapshot-copy.js'

export interface SnapshotOptions {
  readonly stateDirectory: string
  /** Where the copies lie. */
  readonly root: string
  /** Begins every copy's name: says whose they are to whoever cleans up. */
  readonly owner: string
  /** Where functions see their code: at /var/task, or at the copy's own path. */
  readonly seenAt: 'task' | 'own'
  /** The machine's clock, epoch milliseconds: what files are stamped with. */
  readonly kernelNowMs: () => number
}

export interface TakenCode {
  readonly code: CodePackage
  /** Why it is run in place, one sentence; undefined when it is a copy. */
  readonly inPlace?: string
}

export interface Snapshots {
  /**
   * The folder as it is now: the package given before when nothing in it has changed.
   * @throws the file system's error when the folder cannot be read.
   */
  take(folder: string): Promise<TakenCode>
  /** Removes the copies that are not in use and not the newest of their folder. Never rejects. */
  removeUnused(inUse: ReadonlySet<string>): Promise<void>
  /** Removes them all. */
  close(): Promise<void>
}

/** Larger code is run in place: copying it would hold up every reload. */
const copiedBytesMax = 20_971_520
const listedEntriesMax = 100_000

interface Kept {
  readonly taken: TakenCode
  readonly copy: FolderCopy | undefined
}

/** @throws EmulatorError EMU_STATE_DIRECTORY. */
export async function openSnapshots(options: SnapshotOptions): Promise<Snapshots> {
  const { root } = options
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new EmulatorError('EMU_STATE_DIRECTORY', { path: root, reason: reasonOf(error) })
  }
  return new SnapshotFolder(options)
}

class SnapshotFolder implements Snapshots {
  readonly #options: SnapshotOptions
  readonly #newest = new Map<string, Kept>()
  readonly #copies = new Set<string>()
  /** Copies that nobody can know of yet: being made, or about to be the newest. */
  readonly #coming = new Set<string>()
  /** The last one of each folder: one begins when the one before has ended. */
  readonly #taking = new Map<string, Promise<unknown>>()
  #count = 0

  constructor(options: SnapshotOptions) {
    this.#options = options
  }

  async take(folder: string): Promise<TakenCode> {
    const from = await realpath(folder)
    const taking = (this.#taking.get(from) ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#take(from))
    this.#taking.set(from, taking)
    return taking
  }

  async #take(from: string): Promise<TakenCode> {
    this.#count += 1
    const { root, owner } = this.#options
    const to = join(root, `${owner}-${this.#count}`)
    this.#coming.add(to)
    try {
      return await this.#takeInto(to, from)
    } finally {
      this.#coming.delete(to)
    }
  }

  async #takeInto(to: string, from: string): Promise<TakenCode> {
    const before = this.#newest.get(from)
    const kept = (await this.#copied(to, from, before)) ?? (await this.#inPlace(from, 'larger'))
    if (kept.copy !== undefined && kept.copy !== before?.copy) {
      if (before?.copy?.sha256 === kept.copy.sha256) {
        await this.#discard(kept.copy.folder)
        return before.taken
      }
    }
    this.#newest.set(from, kept)
    return kept.taken
  }

  /** Undefined when it is too large to be copied. */
  async #copied(to: string, from: string, before: Kept | undefined): Promise<Kept | undefined> {
    this.#copies.add(to)
    try {
      const copy = await copyFolder({
        from,
        to,
        leftOut: this.#options.stateDirectory,
        before: before?.copy,
        seenAt: this.#options.seenAt,
        nowMs: this.#options.kernelNowMs(),
        bytesMax: copiedBytesMax,
      })
      if (copy === undefined) {
        await this.#discard(to)
        return undefined
      }
      const { sha256, sizeBytes, live } = copy
      const code = { folder: to, sha256, sizeBytes, copyOf: from, live }
      return { copy, taken: { code } }
    } catch (error) {
      await this.#discard(to)
      // The source itself cannot be read: there is nothing to run.
      if (isGone(error, from)) throw error
      return this.#inPlace(from, reasonOf(error))
    }
  }

  async #inPlace(from: string, why: string): Promise<Kept> {
    const { sha256, sizeBytes } = await listFolder(from, this.#options.stateDirectory)
    const reason =
      why === 'larger'
        ? `${from} holds more than 20 MB beside its dependencies`
        : `${from} cannot be copied (${why})`
    const inPlace = `${reason}: it is run in place, so what is being run may meet files that are newer than itself`
    return { copy: undefined, taken: { code: { folder: from, sha256, sizeBytes }, inPlace } }
  }

  async removeUnused(inUse: ReadonlySet<string>): Promise<void> {
    const newest = new Set([...this.#newest.values()].map(({ copy }) => copy?.folder))
    const wanted = (copy: string) => newest.has(copy) || inUse.has(copy) || this.#coming.has(copy)
    const unused = [...this.#copies].filter((copy) => !wanted(copy))
    for (const copy of unused) await this.#discard(copy)
  }

  async #discard(copy: string): Promise<void> {
    try {
      await rm(copy, { recursive: true, force: true })
      this.#copies.delete(copy)
    } catch {
      // Tried again the next time; at the latest when the daemon starts anew.
    }
  }

  async close(): Promise<void> {
    await rm(this.#options.root, { recursive: true, force: true })
  }
}

/** Size and times stand for the content. */
async function listFolder(root: string, leftOut: string): Promise<CodePackage> {
  const lines: string[] = []
  let sizeBytes = 0
  await walkCode({
    root,
    leftOut,
    visit({ path, is, quiet, stats }) {
      const { mode, size, mtimeMs, ctimeMs, ino } = stats
      if (is === 'file') sizeBytes += size
      // A folder's own times say what its entries say.
      const facts = is === 'folder' ? [] : [size, mtimeMs, ctimeMs, ino]
      const installed = is === 'live' ? installFacts(join(root, path)) : []
      if (!quiet) lines.push(JSON.stringify([path, mode & 0o777, ...facts, ...installed]))
      return lines.length < listedEntriesMax
    },
  })
  const sha256 = createHash('sha256').update(lines.join('\n')).digest('base64')
  return { folder: root, sha256, sizeBytes }
}

/**
 * What changes when anything does in a folder that is only seen, never copied: a layer, a package of the same workspace.
 * Empty when there is no such folder.
 */
export async function stampFolder(folder: string, leftOut: string): Promise<string> {
  try {
    return (await listFolder(await realpath(folder), leftOut)).sha256
  } catch {
    return ''
  }
}

function isGone(error: unknown, from: string): boolean {
  const { code, path } = error as NodeJS.ErrnoException
  return path === from && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
