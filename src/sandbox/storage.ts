// The /tmp of every environment: an ext4 image of the configured size of its own, or a plain folder where nothing can be mounted.

import { execFile } from 'node:child_process'
import { chmod, mkdir, rmdir, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { KernelTimers, Release } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { diskUsageMb } from './disk-usage.js'
import { ownIdentity } from './identity.js'
import { removeTree } from './removal.js'
import { makeTemplate, templateName } from './storage-template.js'

/** `loop`: an image behind a loop device, which the kernel keeps to its size. `folder`: only watched. */
export type StorageKind = 'loop' | 'folder'

/** What an environment finds at /tmp: kept over resets, gone with the environment. */
export interface TmpStorage {
  /** Absolute; empty at first, mode 1777. */
  readonly folder: string
  readonly sizeMb: number
  /** Whether a write beyond the size fails with ENOSPC. */
  readonly enforced: boolean
  /** What is in it now. In a folder it is counted, up to twice the size or 200,000 entries. */
  usedMb(): Promise<number>
  /** Takes it away with all that is in it, also when files are still open. @throws EmulatorError EMU_STATE_DIRECTORY */
  remove(): Promise<void>
}

export interface Storage {
  readonly kind: StorageKind
  /** A new and empty one. @throws EmulatorError EMU_STATE_DIRECTORY when none can be made. */
  take(sizeMb: number): Promise<TmpStorage>
  /** Removes what lies in stock; what was taken is its taker's to remove. @throws EmulatorError EMU_STATE_DIRECTORY */
  close(): Promise<void>
}

export interface StorageOptions {
  readonly stateDirectory: string
  /** Path of the native helper; `loop` needs it. */
  readonly helper: string | undefined
  readonly kind: StorageKind
  /** Left out, what was taken from stock is replaced at once. */
  readonly timers?: Pick<KernelTimers, 'after'>
}

/**
 * How long a cold start, which has just taken from stock, has the processors for itself; of many at once the last one counts. Nodes
 * boot in less.
 */
const REFILL_DELAY_MS = 150
/** Mounts that wait for the next cold start, for each size that was asked for: one takes 5 to 10 ms to make. */
const STOCK = 2
/** Where so many start at once that the stock does not do, it is doubled up to so many … */
const STOCK_MAX = 16
/** … until nothing has been taken for so long. */
const STOCK_REST_MS = 10_000
const USED_ENTRIES_MAX = 200_000

const run = promisify(execFile)

export function storageFolder(stateDirectory: string): string {
  return join(resolve(stateDirectory), 'storage')
}

export function templatesFolder(stateDirectory: string): string {
  return join(storageFolder(stateDirectory), 'templates')
}

/** Counted over every storage of this process, since two may share a state directory. */
let made = 0

/** The name says whose it is: see `storageOwner` in storage-sweep.ts. */
function newName(): string {
  const { pid, startTime } = ownIdentity()
  made += 1
  return `${pid}-${startTime}-${made}`
}

export function createStorage(options: StorageOptions): Storage {
  if (options.kind === 'folder') return new FolderStorage(storageFolder(options.stateDirectory))
  assert(options.helper !== undefined, 'loop storage is chosen only where the helper is')
  return new LoopStorage(options.stateDirectory, options.helper, options.timers)
}

class FolderStorage implements Storage {
  readonly kind = 'folder'
  private readonly root: string

  constructor(root: string) {
    this.root = root
  }

  async take(sizeMb: number): Promise<TmpStorage> {
    const folder = join(this.root, newName())
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await chmod(folder, 0o1777)
    } catch (error) {
      throw cannotUse(folder, error)
    }
    const limits = { megabytesMax: 2 * sizeMb, entriesMax: USED_ENTRIES_MAX }
    return {
      folder,
      sizeMb,
      enforced: false,
      usedMb: () => diskUsageMb(folder, limits),
      remove: once(async () => {
        await removeTree(folder).catch((error: unknown) => {
          throw cannotUse(folder, error)
        })
      }),
    }
  }

  async close(): Promise<void> {}
}

interface Stock {
  readonly sizeMb: number
  readonly ready: string[]
  /** How many should lie ready. */
  wanted: number
  filling: Promise<void> | undefined
  /** Of a refill that is to come. */
  cancel: Release | undefined
  /** Of the return to the usual size. */
  cancelRest: Release | undefined
}

class LoopStorage implements Storage {
  readonly kind = 'loop'
  private readonly root: string
  private readonly templates: string
  private readonly helper: string
  private readonly timers: StorageOptions['timers']
  private readonly stocks = new Map<number, Stock>()
  private readonly making = new Map<number, Promise<string>>()
  private closed = false

  constructor(stateDirectory: string, helper: string, timers: StorageOptions['timers']) {
    this.timers = timers
    this.root = storageFolder(stateDirectory)
    this.templates = templatesFolder(stateDirectory)
    this.helper = helper
  }

  async take(sizeMb: number): Promise<TmpStorage> {
    assert(!this.closed, 'a closed storage gives nothing')
    assert(Number.isInteger(sizeMb) && sizeMb > 0, 'the size is a whole number of megabytes')
    const stock = this.stockOf(sizeMb)
    const ready = stock.ready.shift()
    if (ready === undefined) this.growWhileBusy(stock)
    this.restLater(stock)
    const folder = ready ?? (await this.mountNew(sizeMb))
    this.refillSoon(stock)
    return {
      folder,
      sizeMb,
      enforced: true,
      usedMb: () => mountedMb(folder),
      remove: once(() => unmount(this.helper, folder)),
    }
  }

  async close(): Promise<void> {
    this.closed = true
    const stocks = [...this.stocks.values()]
    for (const { cancel, cancelRest } of stocks) {
      cancel?.()
      cancelRest?.()
    }
    await Promise.all(stocks.map((stock) => stock.filling))
    const folders = stocks.flatMap((stock) => stock.ready.splice(0))
    const ends = await Promise.allSettled(folders.map((folder) => unmount(this.helper, folder)))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  private stockOf(sizeMb: number): Stock {
    const found = this.stocks.get(sizeMb)
    if (found !== undefined) return found
    const stock: Stock = {
      sizeMb,
      ready: [],
      wanted: STOCK,
      filling: undefined,
      cancel: undefined,
      cancelRest: undefined,
    }
    this.stocks.set(sizeMb, stock)
    return stock
  }

  /** The very first one finds nothing either, and says nothing of how many come. */
  private growWhileBusy(stock: Stock): void {
    const isFirst = stock.cancelRest === undefined
    if (!isFirst) stock.wanted = Math.min(2 * stock.wanted, STOCK_MAX)
  }

  private restLater(stock: Stock): void {
    stock.cancelRest?.()
    stock.cancelRest = this.timers?.after(STOCK_REST_MS, () => {
      stock.wanted = STOCK
      this.refill(stock)
    })
  }

  private refillSoon(stock: Stock): void {
    if (this.timers === undefined) return this.refill(stock)
    stock.cancel?.()
    stock.cancel = this.timers.after(REFILL_DELAY_MS, () => {
      stock.cancel = undefined
      this.refill(stock)
    })
  }

  private refill(stock: Stock): void {
    if (this.closed || stock.filling !== undefined) return
    // A failure is not lost: the next take finds nothing in stock, tries itself and throws.
    stock.filling = this.fill(stock)
      .catch(() => {})
      .finally(() => {
        stock.filling = undefined
      })
  }

  private async fill(stock: Stock): Promise<void> {
    while (!this.closed && stock.ready.length < stock.wanted) {
      stock.ready.push(await this.mountNew(stock.sizeMb))
    }
    while (!this.closed && stock.ready.length > stock.wanted) {
      const surplus = stock.ready.pop()
      if (surplus !== undefined) await unmount(this.helper, surplus)
    }
  }

  private async mountNew(sizeMb: number): Promise<string> {
    try {
      return await mountCopy(this.helper, await this.template(sizeMb), this.root)
    } catch (error) {
      throw cannotUse(this.root, error)
    }
  }

  /** Those who want the same one at once wait for the same one. */
  private template(sizeMb: number): Promise<string> {
    const making = this.making.get(sizeMb)
    if (making !== undefined) return making
    const path = join(this.templates, templateName(sizeMb))
    const template = makeTemplate(path, sizeMb, join(this.templates, `${newName()}.new`))
      .then(() => path)
      .finally(() => this.making.delete(sizeMb))
    this.making.set(sizeMb, template)
    return template
  }
}

/** The folder of a new mount below `root`. */
async function mountCopy(helper: string, template: string, root: string): Promise<string> {
  const folder = join(root, newName())
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    await run(helper, ['storage', 'mount', template, `${folder}.image`, folder])
    return folder
  } catch (error) {
    await rmdir(folder).catch(() => {})
    throw error
  }
}

async function unmount(helper: string, folder: string): Promise<void> {
  try {
    await run(helper, ['storage', 'unmount', folder])
    await rmdir(folder)
  } catch (error) {
    throw cannotUse(folder, error)
  }
}

async function mountedMb(folder: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(folder)
  return ((blocks - bfree) * bsize) / 1_048_576
}

/** A second call waits for the first. */
function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

function cannotUse(path: string, error: unknown): EmulatorError {
  if (error instanceof EmulatorError) return error
  return new EmulatorError('EMU_STATE_DIRECTORY', { path, reason: sentenceOf(error) })
}

/** A program's own words, when it was a program that failed. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const said = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : ''
  const first = said.split('\n')[0] ?? ''
  return first === '' ? error.message : first.replace(/^lambda-emu-helper: /, '')
}
