// Watches everything that a project is made of: source folders, single files, and the names of both in their parents.

import { existsSync, realpathSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { KernelTimers, Release } from '../clock/clock.js'
import { buildFolders } from '../domain/source-names.js'
import { type FolderWatch, identityOf, watchFolder } from './folder-watch.js'
import { RootWatch, statFacts } from './root-watch.js'

/** Absolute paths, as the user names them; what is not there yet is waited for. */
export interface WatchWish {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

export interface ProjectChange {
  /** The wished folder or file that has changed. */
  readonly of: string
  /** Absolute path of what has changed in it. */
  readonly path: string
  /** Dependencies come or go. */
  readonly installing: boolean
}

export interface ProjectWatchOptions {
  readonly timers: KernelTimers
  /** Absolute: what the emulator itself writes there is nobody's change. */
  readonly stateDirectory: string
  /** Called in the turn in which the kernel tells it. */
  readonly changed: (change: ProjectChange) => void
  /** Changes cannot be told by the kernel: one sentence, once. */
  readonly polls: (reason: string) => void
  /** How one folder is watched; tests take another. */
  readonly watchFolder?: typeof watchFolder
}

const pollEveryMs = 500

/**
 * File systems whose changes on another machine, or on the host of a virtual one, no kernel here tells: NFS, SMB,
 * CIFS, 9p (WSL's drives), FUSE (which virtiofs and Docker Desktop's are, too), VirtualBox. Source: statfs(2).
 */
const toldElsewhere: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x786f4256,
])

interface Anchor {
  readonly watch: FolderWatch
  /** Wished paths by the name that stands for them here. */
  names: ReadonlyMap<string, readonly string[]>
}

export class ProjectWatch {
  readonly #options: ProjectWatchOptions
  readonly #watchFolder: typeof watchFolder
  readonly #roots = new Map<string, RootWatch>()
  readonly #anchors = new Map<string, Anchor>()
  readonly #fileFacts = new Map<string, string>()
  #wish: WatchWish = { folders: [], files: [] }
  #polling = false
  #cancelPoll: Release | undefined
  #closed = false

  constructor(options: ProjectWatchOptions) {
    this.#options = options
    this.#watchFolder = options.watchFolder ?? watchFolder
  }

  get polling(): boolean {
    return this.#polling
  }

  /** From when it resolves nothing that is saved is missed. Costs little for what is watched already. */
  async cover(wish: WatchWish): Promise<void> {
    if (this.#closed) return
    this.#wish = wish
    this.#keepRoots()
    if (!this.#polling) {
      try {
        this.#refuseRemote()
        // What was missing may have come before it was watched: looked at until nothing is new.
        while (await this.#coverAnchors());
        for (const root of this.#roots.values()) await root.cover()
      } catch (error) {
        this.#poll(reasonOf(error))
      }
    }
    if (this.#closed) return this.close()
    // What is looked at for the first time has not changed.
    if (this.#polling) this.look()
  }

  /** Where the kernel tells nothing: looks now. */
  look(): void {
    if (!this.#polling || this.#closed) return
    for (const root of this.#roots.values()) root.look()
    for (const file of this.#wish.files) {
      const before = this.#fileFacts.get(file)
      const now = statFacts(file)
      this.#fileFacts.set(file, now)
      if (before !== undefined && before !== now)
        this.#options.changed({ of: file, path: file, installing: false })
    }
  }

  close(): void {
    this.#closed = true
    this.#cancelPoll?.()
    this.#stopWatching()
    this.#roots.clear()
  }

  #stopWatching(): void {
    for (const root of this.#roots.values()) root.close()
    for (const { watch } of this.#anchors.values()) watch.close()
    this.#anchors.clear()
  }

  #keepRoots(): void {
    const { folders } = this.#wish
    for (const [folder, root] of this.#roots) {
      if (folders.includes(folder)) continue
      root.close()
      this.#roots.delete(folder)
    }
    for (const folder of folders) {
      if (this.#roots.has(folder)) continue
      const root: RootWatch = new RootWatch({
        folder,
        isLeftOut: (path) => this.#isLeftOut(folder, path),
        watchFolder: this.#watchFolder,
        changed: ({ path, installing }) => this.#options.changed({ of: folder, path, installing }),
      })
      this.#roots.set(folder, root)
    }
  }

  /** Our own state, and what a build makes for another function. */
  #isLeftOut(folder: string, path: string): boolean {
    if (path === this.#options.stateDirectory) return true
    if (path === folder || !this.#roots.has(path)) return false
    return path
      .slice(folder.length + 1)
      .split('/')
      .some((name) => buildFolders.has(name))
  }

  /** @throws Error when one of them is on a file system whose changes nobody tells us. */
  #refuseRemote(): void {
    for (const path of [...this.#wish.folders, ...this.#wish.files.map(dirname)]) {
      if (!existsSync(path)) continue
      if (toldElsewhere.has(statfsSync(path).type))
        throw new Error(`${path} is on a file system that does not tell of changes`)
    }
  }

  /** Whether one had to be added. */
  async #coverAnchors(): Promise<boolean> {
    let added = false
    const wanted = this.#anchorNames()
    for (const [folder, { watch }] of this.#anchors) {
      if (wanted.has(folder) && identityOf(folder) === watch.identity) continue
      watch.close()
      this.#anchors.delete(folder)
    }
    for (const [folder, names] of wanted) {
      const known = this.#anchors.get(folder)
      if (known !== undefined) known.names = names
      else {
        const watch = await this.#watchFolder(folder, ({ name, renamed }) => {
          this.#heard(folder, name, renamed)
        })
        this.#anchors.set(folder, { watch, names })
        added = true
      }
    }
    return added
  }

  /** By folder: which names in it stand for what is wished. A file that is a link is met at both of its ends. */
  #anchorNames(): Map<string, Map<string, string[]>> {
    const anchors = new Map<string, Map<string, string[]>>()
    const { folders, files } = this.#wish
    for (const wished of new Set([...folders, ...files])) {
      for (const path of new Set([wished, realPath(wished)])) {
        const { folder, name } = nearestFolder(path)
        const names = anchors.get(folder) ?? new Map<string, string[]>()
        names.set(name, [...(names.get(name) ?? []), wished])
        anchors.set(folder, names)
      }
    }
    return anchors
  }

  #heard(folder: string, name: string, renamed: boolean): void {
    const anchor = this.#anchors.get(folder)
    // The folder itself went: it may be another by now, with or without what is looked for.
    const went = renamed && name === basename(folder) && !anchor?.names.has(name)
    if (went) {
      anchor?.watch.close()
      this.#anchors.delete(folder)
    }
    for (const wished of (went
      ? [...(anchor?.names.values() ?? [])].flat()
      : anchor?.names.get(name)) ?? []) {
      const root = this.#roots.get(wished)
      // What is written in a folder is told by its own watch.
      if (root !== undefined && !renamed) continue
      root?.becameStale()
      this.#options.changed({ of: wished, path: join(folder, name), installing: false })
    }
  }

  #poll(reason: string): void {
    this.#polling = true
    this.#stopWatching()
    this.#options.polls(reason)
    const next = () => {
      this.#cancelPoll = this.#options.timers.after(pollEveryMs, () => {
        if (this.#closed) return
        this.look()
        next()
      })
    }
    next()
  }
}

/** The nearest folder above a path that is there, and the name in it that leads to the path. */
function nearestFolder(path: string): { readonly folder: string; readonly name: string } {
  for (let at = path; ; at = dirname(at)) {
    const parent = dirname(at)
    if (parent === at || existsSync(parent)) return { folder: parent, name: basename(at) }
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // Not there yet.
    return path
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC')
    return 'too many files are watched on this machine already: raise it with `sudo sysctl fs.inotify.max_user_watches=524288`'
  if (code === 'EMFILE')
    return 'too many programs watch files already: raise it with `sudo sysctl fs.inotify.max_user_instances=1024`'
  return message
}
