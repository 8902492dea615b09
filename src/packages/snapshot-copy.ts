// A copy of a source folder as it is at this moment: what has not changed is linked to the copy before it, dependencies stay where they are.

import { createHash } from 'node:crypto'
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { installMarks } from '../domain/source-names.js'
import { type CodeEntry, walkCode } from './code-walk.js'

export interface LiveFolder {
  /** Below the task root. */
  readonly path: string
  /** Absolute. */
  readonly folder: string
}

/** What a copy knows of a file, so that the next one need not read it again. */
interface KnownFile {
  readonly facts: string
  readonly ctimeMs: number
  readonly sha256: string
}

export interface FolderCopy {
  readonly folder: string
  /** Base64 of names, modes and content; an install counts, other changes inside dependencies do not. */
  readonly sha256: string
  readonly sizeBytes: number
  readonly live: readonly LiveFolder[]
  readonly files: ReadonlyMap<string, KnownFile>
  /** Epoch milliseconds, by the machine's clock, of its beginning. */
  readonly takenAtMs: number
}

export interface CopyOptions {
  /** Absolute; a real path. */
  readonly from: string
  /** Absolute; must not be there. */
  readonly to: string
  readonly leftOut: string
  /** A copy of the same folder; its files are shared, so nobody may write to them. */
  readonly before: FolderCopy | undefined
  /** Where a function sees it: at /var/task, or at `to`, from where links out of it lead elsewhere. */
  readonly seenAt: 'task' | 'own'
  readonly nowMs: number
  readonly bytesMax: number
}

/** Time stamps of the kernel are as old as its last tick, 10 ms at most. What is younger than that may change once more unseen. */
const tickMs = 20
/** From here on the kernel copies, and shares blocks where the file system can. */
const kernelCopyFromBytes = 262_144

/** Undefined when it is larger than asked for; what was copied until then is there. @throws the file system's error. */
export async function copyFolder(options: CopyOptions): Promise<FolderCopy | undefined> {
  const copying = new Copying(options)
  const whole = await walkCode({
    root: options.from,
    leftOut: options.leftOut,
    visit: (entry) => copying.take(entry),
  })
  return whole ? copying.result() : undefined
}

class Copying {
  readonly #options: CopyOptions
  readonly #lines: string[] = []
  readonly #live: LiveFolder[] = []
  readonly #files = new Map<string, KnownFile>()
  readonly #modeOf: ModeOf
  #sizeBytes = 0

  constructor(options: CopyOptions) {
    this.#options = options
    const stats = lstatSync(options.from)
    // A folder for its owner alone is meant for its function, which is another user. Nobody else gets to the copy.
    const widened = options.seenAt === 'task' && (stats.mode & 0o005) !== 0o005
    this.#modeOf = widened ? widenedMode : ({ mode }) => mode & 0o777
    makeFolder(options.to, this.#modeOf(stats))
    ownAs(options.to, stats)
  }

  take(entry: CodeEntry): boolean {
    const { from, to, bytesMax } = this.#options
    const target = join(to, entry.path)
    const { mode } = entry.stats
    switch (entry.is) {
      case 'folder':
        makeFolder(target, this.#modeOf(entry.stats))
        ownAs(target, entry.stats)
        this.#line(entry, mode & 0o777, 'folder')
        return true
      case 'live':
        this.#keepLive(entry, join(from, entry.path), target)
        return true
      case 'link':
        this.#copyLink(entry, join(from, entry.path), target)
        return true
      case 'file':
        this.#sizeBytes += entry.stats.size
        if (this.#sizeBytes > bytesMax) return false
        this.#copyFile(entry, join(from, entry.path), target)
        return true
    }
  }

  result(): FolderCopy {
    const { to, nowMs } = this.#options
    const sha256 = createHash('sha256').update(this.#lines.join('\n')).digest('base64')
    return {
      folder: to,
      sha256,
      sizeBytes: this.#sizeBytes,
      live: this.#live,
      files: this.#files,
      takenAtMs: nowMs,
    }
  }

  #line({ path, quiet }: CodeEntry, ...facts: (string | number)[]): void {
    // JSON keeps a line break in a name from looking like another entry.
    if (!quiet) this.#lines.push(JSON.stringify([path, ...facts]))
  }

  /** A place to mount it at, or a link where nothing is mounted. */
  #keepLive(entry: CodeEntry, source: string, target: string): void {
    if (this.#options.seenAt === 'own') symlinkSync(source, target)
    else makeFolder(target, 0o755)
    this.#live.push({ path: entry.path, folder: source })
    this.#line(entry, 'live', ...installFacts(source))
  }

  #copyLink(entry: CodeEntry, source: string, target: string): void {
    const text = readlinkSync(source)
    const { from, seenAt } = this.#options
    const leadsTo = resolve(dirname(source), text)
    const stays = leadsTo === from || leadsTo.startsWith(`${from}/`)
    symlinkSync(seenAt === 'own' && !stays ? leadsTo : text, target)
    this.#line(entry, 'link', text)
  }

  #copyFile(entry: CodeEntry, source: string, target: string): void {
    const { stats, path } = entry
    const facts = factsOf(stats)
    const known = this.#shareKnown(path, facts, target)
    const sha256 = known ?? copyContent(source, target, stats, this.#modeOf(stats))
    if (sha256 === undefined) return
    this.#files.set(path, { facts, ctimeMs: stats.ctimeMs, sha256 })
    this.#line(entry, stats.mode & 0o777, 'file', sha256)
  }

  #shareKnown(path: string, facts: string, target: string): string | undefined {
    const { before } = this.#options
    const known = before?.files.get(path)
    if (before === undefined || known === undefined || known.facts !== facts) return undefined
    if (known.ctimeMs > before.takenAtMs - tickMs) return undefined
    try {
      linkSync(join(before.folder, path), target)
    } catch {
      // Too many links to one file, or a copy that somebody has touched: copied again.
      return undefined
    }
    return known.sha256
  }
}

/** The content's hash; undefined when the file has gone. */
function copyContent(
  source: string,
  target: string,
  stats: Stats,
  mode: number,
): string | undefined {
  let content: Buffer
  try {
    if (stats.size < kernelCopyFromBytes) {
      content = readFileSync(source)
      writeFileSync(target, content, { flag: 'wx' })
    } else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
      content = readFileSync(target)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  ownAs(target, stats)
  chmodSync(target, mode)
  // Python takes a compiled module only for a source of the very same time.
  utimesSync(target, stats.atimeMs / 1000, stats.mtimeMs / 1000)
  return createHash('sha256').update(content).digest('base64')
}

type ModeOf = (stats: Stats) => number

/** Others may read and run what the owner may. */
function widenedMode({ mode }: Stats): number {
  const own = mode & 0o777
  return own | ((own & 0o500) >> 3) | ((own & 0o500) >> 6)
}

function makeFolder(path: string, mode: number): void {
  mkdirSync(path)
  // We must be able to fill it and to remove it.
  chmodSync(path, mode | 0o700)
}

/** As root: files that only their owner may read stay his. */
function ownAs(path: string, stats: Stats): void {
  if (process.getuid?.() !== 0 || stats.uid === 0) return
  lchownSync(path, stats.uid, stats.gid)
}

function factsOf({ ino, mode, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}`
}

/** What changes when something is installed into a folder of dependencies. */
export function installFacts(folder: string): string[] {
  return ['', ...installMarks].map((mark) => {
    const found = lstatSync(join(folder, mark), { throwIfNoEntry: false })
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`
  })
}
