// Watches one source folder with everything in it that is code, and its dependencies as far as their being installed shows.

import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { installMarks, sourceNameOf } from '../domain/source-names.js'
import { type FolderWatch, identityOf, type watchFolder } from './folder-watch.js'

export interface RootChange {
  /** Absolute. */
  readonly path: string
  /** Dependencies come or go. */
  readonly installing: boolean
}

export interface RootWatchOptions {
  /** As the user names it; may be a link. */
  readonly folder: string
  /** Real paths of folders in it that are none of its business. */
  readonly isLeftOut: (path: string) => boolean
  readonly changed: (change: RootChange) => void
  readonly watchFolder: typeof watchFolder
}

const marks: ReadonlySet<string> = new Set(installMarks)
// Polling must end, whatever a template points at.
const polledEntriesMax = 20_000

export class RootWatch {
  readonly #options: RootWatchOptions
  readonly #watches = new Map<string, FolderWatch>()
  #stale = true
  #stamp: string | undefined

  constructor(options: RootWatchOptions) {
    this.#options = options
  }

  /** How many folders are watched. */
  get size(): number {
    return this.#watches.size
  }

  /**
   * From when it resolves nothing that is saved in the folder, as it was then, is missed. Costs nothing while no name
   * has come or gone. A folder that is not there is watched by whoever watches its parent.
   * @throws the error of inotify_add_watch(2).
   */
  async cover(): Promise<void> {
    if (!this.#stale) return
    this.#stale = false
    const seen = new Set<string>()
    try {
      const real = realFolder(this.#options.folder)
      if (real !== undefined) await this.#coverCode(real, seen)
    } catch (error) {
      this.#stale = true
      throw error
    }
    for (const path of [...this.#watches.keys()]) if (!seen.has(path)) this.#drop(path)
  }

  /** Watched before it is read: what comes into it meanwhile is either read or told. */
  async #coverCode(folder: string, seen: Set<string>): Promise<void> {
    if (!(await this.#watch(folder, 'code', seen))) return
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const path = join(folder, entry.name)
      const is = sourceNameOf(entry.name)
      if (is === 'live') await this.#coverDependencies(path, seen)
      else if (is === 'code' && entry.isDirectory() && !this.#options.isLeftOut(path))
        await this.#coverCode(path, seen)
    }
  }

  async #coverDependencies(path: string, seen: Set<string>): Promise<void> {
    const folder = realFolder(path)
    if (folder === undefined || !(await this.#watch(folder, 'live', seen))) return
    const names = await readdir(folder).catch(() => [])
    for (const name of names) {
      const scope = name.startsWith('@') ? realFolder(join(folder, name)) : undefined
      if (scope !== undefined) await this.#watch(scope, 'live', seen)
    }
  }

  /** False when it is not there any more, or was met before. */
  async #watch(folder: string, is: 'code' | 'live', seen: Set<string>): Promise<boolean> {
    if (seen.has(folder)) return false
    const identity = identityOf(folder)
    if (identity === undefined) return false
    seen.add(folder)
    if (this.#watches.get(folder)?.identity === identity) return true
    this.#drop(folder)
    try {
      const watch = await this.#options.watchFolder(folder, ({ name, renamed }) => {
        if (is === 'code') this.#heard(folder, name, renamed)
        else if (marks.has(name) || (renamed && !name.startsWith('.')))
          this.#tell(join(folder, name), true, renamed)
      })
      this.#watches.set(folder, watch)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return false
    }
    return true
  }

  #heard(folder: string, name: string, renamed: boolean): void {
    const is = sourceNameOf(name)
    const path = join(folder, name)
    if (is === 'quiet' || is === 'left-out' || this.#options.isLeftOut(path)) return
    // What is in there is told by its own watch.
    if (is === 'live' && !renamed) return
    this.#tell(path, is === 'live', renamed)
  }

  #tell(path: string, installing: boolean, renamed: boolean): void {
    if (renamed) {
      this.#stale = true
      // Another one may be in its place already, even with its number.
      for (const watched of [...this.#watches.keys()])
        if (watched === path || watched.startsWith(`${path}/`)) this.#drop(watched)
    }
    this.#options.changed({ path, installing })
  }

  /** Something has happened to the folder itself. */
  becameStale(): void {
    this.#stale = true
  }

  /** Without watches: tells of what has changed since it was last called. The first call only looks. */
  look(): void {
    const before = this.#stamp
    this.#stamp = stampOf(this.#options)
    if (before !== undefined && before !== this.#stamp)
      this.#options.changed({ path: this.#options.folder, installing: false })
  }

  #drop(path: string): void {
    this.#watches.get(path)?.close()
    this.#watches.delete(path)
  }

  close(): void {
    for (const path of [...this.#watches.keys()]) this.#drop(path)
  }
}

/** Real path of a folder; undefined when there is none. */
export function realFolder(path: string): string | undefined {
  try {
    const real = realpathSync(path)
    return statSync(real).isDirectory() ? real : undefined
  } catch {
    // Whatever keeps us from looking: there is nothing to watch.
    return undefined
  }
}

/** Names, sizes and times of everything that counts. */
function stampOf({ folder, isLeftOut }: RootWatchOptions): string {
  const facts: string[] = []
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of entriesOf(next)) {
      const is = sourceNameOf(entry.name)
      const path = join(next, entry.name)
      if (is === 'quiet' || is === 'left-out' || isLeftOut(path)) continue
      if (facts.length >= polledEntriesMax) return facts.join('\n')
      if (is === 'live') {
        for (const mark of ['', ...installMarks]) facts.push(statFacts(join(path, mark)))
      } else {
        facts.push(statFacts(path))
        if (entry.isDirectory()) folders.push(path)
      }
    }
  }
  return facts.join('\n')
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Gone, or not to be read: both are a change when it was there before.
    return []
  }
}

/** What changes when a file does, for whoever must go by its facts. */
export function statFacts(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return path
  const { ino, mode, size, mtimeMs, ctimeMs } = found
  // A folder's own times say what its entries say.
  return found.isDirectory()
    ? `${path} ${ino} ${mode}`
    : `${path} ${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}`
}
