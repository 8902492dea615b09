// Reads node_modules folders and follows the links in them, until every package that can be reached is known.

import { readdir, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { assert } from '../domain/assert.js'
import { absent } from './absent.js'

export interface ModuleEntry {
  /** `name` or `@scope/name`. */
  readonly name: string
  /** In which node_modules folder it is. */
  readonly modules: string
  /** Set for a symbolic link that leads to something. */
  readonly link: { readonly text: string; readonly real: string } | undefined
}

// The work stays bounded, whatever somebody's node_modules holds.
const entriesMax = 50_000
const bindsMax = 500

/** What makes a folder a package that Node can load. */
const packageFiles = ['package.json', 'index.js', 'index.mjs', 'index.cjs', 'index.json']

/** Whether `path` is `folder` or below it; both are absolute and plain. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** The node_modules folders above `folder` as Node walks up: a folder of that name has none of its own. */
export function modulesAbove(folder: string): string[] {
  const found: string[] = []
  for (let at = folder; at !== dirname(at); ) {
    at = dirname(at)
    if (basename(at) !== 'node_modules') found.push(join(at, 'node_modules'))
  }
  return found
}

/** For one function's code. Collects what must be seen for its modules to be found. */
export class ModuleScan {
  /** What was left out and why, one sentence each. */
  readonly problems: string[] = []
  private readonly code: string
  private readonly homes: readonly string[]
  /** Folders to be bound, in the order in which they were found. */
  private readonly bound = new Set<string>()
  private readonly scanned = new Set<string>()
  private readonly waiting: ModuleEntry[] = []
  private readonly refused = new Set<string>()
  private readonly renamed = new Map<string, string>()
  private entries = 0
  private full = false

  constructor(code: string, homes: readonly string[]) {
    this.code = code
    this.homes = homes
  }

  /** Takes up a node_modules folder to be bound; its real path, or undefined when it is none or must not be seen. */
  async addModules(path: string): Promise<string | undefined> {
    const found = await stat(path).catch(absentOrLocked)
    if (!found?.isDirectory()) return undefined
    const real = await realpath(path)
    const reason = this.tooWide(real)
    if (reason !== undefined) {
      this.problems.push(`${path} is left out: ${reason}`)
      return undefined
    }
    // Packages beside it look for it by the name that it has there.
    if (real !== path && !isInside(path, this.code)) this.renamed.set(path, real)
    this.bind(real)
    await this.read(real)
    return real
  }

  bind(real: string): void {
    if (this.isBound(real)) return
    if (this.bound.size < bindsMax) {
      this.bound.add(real)
      return
    }
    this.noteFull(`more than ${bindsMax} folders are linked to`)
  }

  /** Entries of a real node_modules folder; its links are followed by `followLinks`. */
  async read(modules: string): Promise<ModuleEntry[]> {
    if (this.scanned.has(modules)) return []
    this.scanned.add(modules)
    const found: ModuleEntry[] = []
    for (const entry of await readdir(modules, { withFileTypes: true })) {
      if (!this.counted()) break
      const scope = entry.name.startsWith('@') && entry.isDirectory()
      if (!scope) {
        found.push(...(await this.entry(modules, entry.name, entry.isSymbolicLink())))
        continue
      }
      for (const inner of await readdir(join(modules, entry.name), { withFileTypes: true })) {
        if (!this.counted()) break
        const name = `${entry.name}/${inner.name}`
        found.push(...(await this.entry(modules, name, inner.isSymbolicLink())))
      }
    }
    this.waiting.push(...found.filter((entry) => entry.link !== undefined))
    return found
  }

  /** Until there is nothing new: a linked package has modules and links of its own. */
  async followLinks(): Promise<void> {
    for (let entry = this.waiting.shift(); entry !== undefined; entry = this.waiting.shift()) {
      await this.follow(entry)
    }
  }

  isRefused(entry: ModuleEntry): boolean {
    return entry.link !== undefined && this.refused.has(entry.link.real)
  }

  /** Sorted, and none inside another. */
  binds(): string[] {
    const all = [...this.bound].sort()
    return all.filter((path) => !all.some((other) => other !== path && isInside(path, other)))
  }

  /** Other names by which links and lookups come to what is bound, as far as these names are not bound as well. */
  aliases(): { readonly path: string; readonly target: string }[] {
    const unbound = [...this.renamed].filter(([path]) => !this.isBound(path))
    return unbound.map(([path, target]) => ({ path, target }))
  }

  /** Nothing for a link that leads nowhere: here as on AWS nobody can load it. */
  private async entry(modules: string, name: string, isLink: boolean): Promise<ModuleEntry[]> {
    if (!isLink) return [{ name, modules, link: undefined }]
    const path = join(modules, name)
    const real = await realpath(path).catch(absentOrLocked)
    if (real === undefined) return []
    return [{ name, modules, link: { text: await readlink(path), real } }]
  }

  private async follow(entry: ModuleEntry): Promise<void> {
    assert(entry.link !== undefined, 'only links are followed')
    const { real, text } = entry.link
    const path = join(entry.modules, entry.name)
    const own = isInside(path, this.code)
    // In the function's own folder, and found there under /var/task.
    if (own && isInside(real, this.code) && !text.startsWith('/')) return
    if (!this.isBound(real)) {
      const reason = this.tooWide(real) ?? (await this.notModules(entry.name, real))
      if (reason !== undefined) {
        this.refused.add(real)
        this.problems.push(`${path} is left out: ${reason}`)
        return
      }
    }
    // A link to a link (`npm link`): the one between must be there too. The code's own are made anew.
    const next = resolve(dirname(path), text)
    if (!own && next !== real) this.renamed.set(next, real)
    if (this.isBound(real)) return
    if (isScope(entry.name)) await this.addScope(entry, real)
    else await this.addPackage(real)
  }

  /** A whole scope that is a link: what it holds are packages, or links to them. */
  private async addScope(entry: ModuleEntry, scope: string): Promise<void> {
    for (const inner of await readdir(scope, { withFileTypes: true })) {
      if (!this.counted()) return
      const path = join(scope, inner.name)
      const real = await realpath(path).catch(absentOrLocked)
      if (real === undefined) continue
      const name = `${entry.name}/${inner.name}`
      const text = inner.isSymbolicLink() ? await readlink(path) : path
      if (inner.isSymbolicLink()) this.renamed.set(path, real)
      await this.follow({ name, modules: dirname(scope), link: { text, real } })
    }
  }

  private async addPackage(folder: string): Promise<void> {
    this.bind(folder)
    await this.addModules(join(folder, 'node_modules'))
    for (const above of modulesAbove(folder)) await this.addModules(above)
  }

  private isBound(real: string): boolean {
    for (let above = real; ; above = dirname(above)) {
      if (this.bound.has(above)) return true
      if (above === dirname(above)) return false
    }
  }

  /** Why a folder would show a function more than modules. */
  private tooWide(real: string): string | undefined {
    if (real === '/') return 'it is the whole file system'
    if (this.homes.some((home) => isInside(home, real))) return `${real} holds your home folder`
    return undefined
  }

  private async notModules(name: string, real: string): Promise<string | undefined> {
    const found = await stat(real).catch(absentOrLocked)
    if (!found?.isDirectory()) return `${real} is not a folder`
    // Of a scope each package is looked at for itself.
    if (isScope(name)) return undefined
    // What the code lies in shows more than one wants to see, unless somebody called just that a package.
    const wanted = isInside(this.code, real) ? packageFiles.slice(0, 1) : packageFiles
    for (const file of wanted) {
      if (await stat(join(real, file)).catch(absentOrLocked)) return undefined
    }
    return `${real} is not a package`
  }

  private counted(): boolean {
    this.entries += 1
    if (this.entries <= entriesMax) return true
    this.noteFull(`there are more than ${entriesMax} modules`)
    return false
  }

  private noteFull(reason: string): void {
    if (!this.full) this.problems.push(`some modules are left out: ${reason}`)
    this.full = true
  }
}

function isScope(name: string): boolean {
  return name.startsWith('@') && !name.includes('/')
}

/** For `catch`: what cannot be entered cannot be loaded either. */
function absentOrLocked(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'EACCES' || error.code === 'ELOOP') return undefined
  return absent(error)
}
