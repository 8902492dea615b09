// Which folders outside a function's code its Node modules come from, and how they are found again under /var/task.

import { readFile, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { absent } from './absent.js'
import { isInside, type ModuleEntry, ModuleScan, modulesAbove } from './module-scan.js'

/** Where Lambda puts a function's code. */
const taskFolder = '/var/task'
/** Where Node looks from there after /var/task/node_modules, nearest first. */
const sandboxModules = ['/var/node_modules', '/node_modules'] as const
/** In the runtime of AWS without being packaged. Source: AWS Lambda guide, "Runtime-included SDK versions" (Node). */
const givenByAws = /^@(aws-sdk|smithy)\//
const namesInWarningMax = 5

export interface ModuleLink {
  /** Name in node_modules: `name`, `@scope` or `@scope/name`. */
  readonly name: string
  /** Absolute: a real path of this machine, or one below /var/task. */
  readonly target: string
}

export interface SandboxLink {
  /** Absolute path of the symbolic link in the sandbox. */
  readonly path: string
  readonly target: string
}

/** Real paths throughout, unless a field says otherwise. */
export interface LinkedModules {
  /** node_modules folders of the code folder's ancestors, nearest first. */
  readonly hoisted: readonly string[]
  /** Folders to be seen read-only at their own paths, none inside another. */
  readonly binds: readonly string[]
  /** Entries of the code's own node_modules that are symbolic links which lead nowhere under /var/task. */
  readonly relinked: readonly string[]
  /** What /var/task/node_modules must hold in place of what is there; undefined when it is right as it is. */
  readonly taskLinks: readonly ModuleLink[] | undefined
  /** Symbolic links to be made in the sandbox, outside /var/task. */
  readonly sandboxLinks: readonly SandboxLink[]
  /** What will not be found in the sandbox and why, one sentence each. */
  readonly leftOut: readonly string[]
  /** One sentence that names the function's modules that are not in its folder; undefined when there are none. */
  readonly warning: string | undefined
}

export interface LinkedModulesOptions {
  /** The user's home folder, which is never shown to a function. */
  readonly home: string | undefined
}

/**
 * Looks at the node_modules folder of the code, at those of its ancestors, and at what they link to.
 * Without any it costs one stat call for each ancestor.
 * @throws the file system's error when the code folder cannot be read.
 */
export async function findLinkedModules(
  codeFolder: string,
  options: LinkedModulesOptions,
): Promise<LinkedModules> {
  const code = await realpath(codeFolder)
  const scan = new ModuleScan(code, await homePaths(options.home))
  const hoisted: string[] = []
  for (const folder of modulesAbove(code)) {
    const real = await scan.addModules(folder)
    if (real !== undefined) hoisted.push(real)
  }
  const own = await ownModules(code, scan)
  await scan.followLinks()
  const entries = own.entries.filter((entry) => !scan.isRefused(entry))
  const relinked = entries.filter((entry) => dangles(entry, code)).map((entry) => entry.name)
  if (relinked.length > 0) scan.bind(own.folder)
  const placed = placeHoisted(hoisted)
  return {
    hoisted,
    binds: scan.binds(),
    relinked,
    taskLinks: relinked.length === 0 ? undefined : taskLinksOf(entries, own.folder, code),
    sandboxLinks: [...placed.links, ...own.links, ...scan.aliases()],
    leftOut: [...scan.problems, ...placed.leftOut],
    warning: warningOf(code, await foreignModules({ code, own, relinked, hoisted })),
  }
}

interface OwnModules {
  /** Real path of the code's node_modules, whether there is one or not. */
  readonly folder: string
  readonly entries: readonly ModuleEntry[]
  /** Where a node_modules that is a link out of the code is met. */
  readonly links: readonly SandboxLink[]
}

/** A node_modules that is itself a link out of the folder is met again where its text leads from /var/task. */
async function ownModules(code: string, scan: ModuleScan): Promise<OwnModules> {
  const path = join(code, 'node_modules')
  const folder = await realpath(path).catch(absent)
  if (folder === undefined || !(await isFolder(folder))) {
    return { folder: path, entries: [], links: [] }
  }
  const text = folder === path ? '' : await readlink(path)
  if (isInside(folder, code) && !text.startsWith('/')) {
    return { folder, entries: await scan.read(folder), links: [] }
  }
  if ((await scan.addModules(path)) === undefined) return { folder, entries: [], links: [] }
  const seenAt = resolve(taskFolder, text)
  if (isInside(seenAt, taskFolder)) scan.problems.push(`${path} leads nowhere: make it a folder`)
  const isTaken = isInside(seenAt, taskFolder) || sandboxModules.some((taken) => taken === seenAt)
  const links = isTaken || seenAt === folder ? [] : [{ path: seenAt, target: folder }]
  return { folder, entries: [], links }
}

/** What the daemon's user calls home, and what that is. */
async function homePaths(home: string | undefined): Promise<string[]> {
  if (home === undefined || !home.startsWith('/')) return []
  const real = await realpath(home).catch(() => undefined)
  return real === undefined ? [resolve(home)] : [resolve(home), real]
}

/** From /var/task a relative text keeps its meaning only within the code; an absolute one is of this machine. */
function dangles(entry: ModuleEntry, code: string): boolean {
  if (entry.link === undefined) return false
  return entry.link.text.startsWith('/') || !isInside(entry.link.real, code)
}

/** Everything in node_modules again, each from where it really is. */
function taskLinksOf(entries: readonly ModuleEntry[], modules: string, code: string): ModuleLink[] {
  const stays = ({ link }: ModuleEntry) => link === undefined || isInside(link.real, modules)
  const split = new Set(entries.filter((entry) => !stays(entry)).map(scopeOf))
  const links = new Map<string, string>()
  for (const entry of entries) {
    const scope = scopeOf(entry)
    const name = scope === undefined || split.has(scope) ? entry.name : scope
    if (stays(entry) || entry.link === undefined) links.set(name, join(modules, name))
    else links.set(name, seenFrom(entry.link.real, code))
  }
  return [...links].map(([name, target]) => ({ name, target }))
}

/** What is in the code, but outside its node_modules, is found under /var/task only. */
function seenFrom(real: string, code: string): string {
  return isInside(real, code) ? `${taskFolder}${real.slice(code.length)}` : real
}

function scopeOf(entry: ModuleEntry): string | undefined {
  const slash = entry.name.indexOf('/')
  return slash === -1 ? undefined : entry.name.slice(0, slash)
}

/** The nearest go where Node looks from /var/task; one that is called so on this machine is there already. */
function placeHoisted(hoisted: readonly string[]) {
  const places = sandboxModules.filter((path) => !hoisted.includes(path))
  const toPlace = hoisted.filter((folder) => !sandboxModules.some((path) => path === folder))
  const links: SandboxLink[] = []
  const leftOut: string[] = []
  for (const [index, target] of toPlace.entries()) {
    const path = places[index]
    if (path !== undefined) links.push({ path, target })
    else leftOut.push(`${target} is left out: Node looks in two folders above /var/task, not more`)
  }
  return { links, leftOut }
}

interface Found {
  readonly code: string
  readonly own: OwnModules
  readonly relinked: readonly string[]
  readonly hoisted: readonly string[]
}

/** Names of the modules that the function is meant to use and that are not in its folder. */
async function foreignModules({ code, own, relinked, hoisted }: Found): Promise<string[]> {
  const elsewhere = isInside(own.folder, code) ? hoisted : [own.folder, ...hoisted]
  if (elsewhere.length === 0 && relinked.length === 0) return []
  const { needed, forDevelopment } = await declaredDependencies(code)
  const had = new Set(own.entries.map((entry) => entry.name))
  const names = relinked.filter((name) => needed.includes(name) || !forDevelopment.includes(name))
  for (const name of needed) {
    if (had.has(name)) continue
    for (const folder of elsewhere) {
      if (!(await isFolder(join(folder, name)))) continue
      names.push(name)
      break
    }
  }
  return names.filter((name) => !name.startsWith('.') && !givenByAws.test(name)).sort()
}

interface Declared {
  readonly needed: readonly string[]
  readonly forDevelopment: readonly string[]
}

/** Of the nearest package.json, in the code or above it. */
async function declaredDependencies(code: string): Promise<Declared> {
  for (let folder = code; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) return dependenciesIn(text)
    if (folder === dirname(folder)) return { needed: [], forDevelopment: [] }
  }
}

function dependenciesIn(text: string): Declared {
  try {
    const read = asObject(JSON.parse(text))
    return {
      needed: [...namesOf(read.dependencies), ...namesOf(read.optionalDependencies)],
      forDevelopment: namesOf(read.devDependencies),
    }
  } catch (error) {
    // Not JSON: Node will say so better than we can.
    if (error instanceof SyntaxError) return { needed: [], forDevelopment: [] }
    throw error
  }
}

/** A name that could be a path out of node_modules is nobody's dependency. */
function namesOf(dependencies: unknown): string[] {
  const names = Object.keys(asObject(dependencies))
  return names.filter((name) => /^(@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/.test(name))
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

function warningOf(code: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const named = names.slice(0, namesInWarningMax)
  const more = names.length - named.length
  const list = more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`
  const [noun, them] = names.length === 1 ? ['module', 'it'] : ['modules', 'them']
  return `${code} takes its ${noun} ${list} from outside its folder: AWS would not have ${them} unless packaged with it`
}
