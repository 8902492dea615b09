// What a function's process sees of the file system, and under which names: pure words for the native helper.

import { posix } from 'node:path'
import type { LayerContent, LinkedModules } from '../domain/function.js'

/** One host folder or file that shows inside, at a path of its own. */
export interface Seen {
  readonly host: string
  readonly inside: string
}

/** Where a function's own folders are, as its process has to name them. */
export interface View {
  readonly taskRoot: string
  readonly runtimeFolder: string
  /** Where layers are: /opt, or the folder that stands for it. */
  readonly layersFolder: string
  /** Undefined when the process sees the machine's own /tmp, and needs TMPDIR. */
  readonly tmpFolder: string | undefined
  /** The name by which a host path is reached inside. */
  pathInside(host: string): string
}

/** Lambda's own paths. Source: AWS Lambda guide; recorded answer test_introspection_invoke. */
export const lambdaPaths = {
  task: '/var/task',
  runtime: '/var/runtime',
  layers: '/opt',
  tmp: '/tmp',
  programs: '/var/lang/bin',
} as const

/** What the daemon wants a function to see. Host paths are absolute. */
export interface ViewWish {
  readonly codeFolder: string
  /** The built-in runtime's folder; undefined for provided.* */
  readonly runtimeFolder: string | undefined
  /** Folders and files of interpreters, shown at their own paths where they are not below /usr. */
  readonly programPaths: readonly string[]
  /** Programs by the name they have on Lambda: node, python3.12. */
  readonly programs: Readonly<Record<string, string>>
  /** Packages that the user installed for himself, by the path below the home folder where an interpreter looks. */
  readonly homePackages?: Readonly<Record<string, string>> | undefined
  /** What appears in /opt. */
  readonly layers?: LayerContent | undefined
  /** Modules of a source folder that lie outside it: seen read-only at their own paths. */
  readonly linkedModules?: LinkedModules | undefined
  /** Folders of this machine that are seen in the code, at a path below it where a folder is. */
  readonly liveFolders?: readonly LiveFolder[] | undefined
}

export interface LiveFolder {
  /** Below the task root. */
  readonly path: string
  readonly folder: string
  /** When nobody else may read it: shown as the function's own. */
  readonly owner?: number | undefined
}

/** Without namespaces: everything under the names it has on this machine. */
export function openView(wish: ViewWish, tmpFolder: string): View {
  return {
    taskRoot: wish.codeFolder,
    runtimeFolder: wish.runtimeFolder ?? lambdaPaths.runtime,
    layersFolder: wish.layers?.folder ?? lambdaPaths.layers,
    tmpFolder,
    pathInside: (host) => host,
  }
}

/** With a root of its own: Lambda's names. */
export function sealedView(wish: ViewWish): View {
  const moved: Seen[] = [{ host: wish.codeFolder, inside: lambdaPaths.task }]
  if (wish.runtimeFolder !== undefined)
    moved.push({ host: wish.runtimeFolder, inside: lambdaPaths.runtime })
  if (wish.layers !== undefined)
    moved.push({ host: wish.layers.folder, inside: lambdaPaths.layers })
  return {
    taskRoot: lambdaPaths.task,
    runtimeFolder: lambdaPaths.runtime,
    layersFolder: lambdaPaths.layers,
    tmpFolder: undefined,
    pathInside: (host) => pathInside(host, moved),
  }
}

function pathInside(host: string, moved: readonly Seen[]): string {
  for (const { host: folder, inside } of moved) {
    if (host === folder) return inside
    if (host.startsWith(`${folder}/`)) return posix.join(inside, host.slice(folder.length + 1))
  }
  return host
}

/** Facts of this machine that decide what the new root is made of. */
export interface HostTree {
  /** Top-level names that are there: a folder, or the text of a link. */
  readonly top: Readonly<Record<string, { readonly link: string } | 'folder'>>
  /** Where /etc/resolv.conf really is, when that is not in /etc. */
  readonly resolvConf: string | undefined
  /** Text of /etc/hosts. */
  readonly hosts: string
  /** Text of /proc/cpuinfo. */
  readonly cpuInfo: string
}

export interface RootOptions {
  readonly view: ViewWish
  readonly host: HostTree
  readonly tmpFolder: string
  readonly user: number
  readonly group: number
  /** Owner of a code folder that nobody else may read: shown as the function's own. */
  readonly codeOwner: number | undefined
  /** Lines for /etc/hosts beside the machine's own. */
  readonly hostNames: readonly string[]
  /** How many CPUs the files that tell of CPUs show. */
  readonly visibleCpus: number
}

/** Whatever a program needs to run, and nothing of the user's. */
const systemFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc'] as const
/** Package managers that keep every program under a top-level folder of their own. */
const storeFolders = ['/nix/store', '/gnu/store'] as const
const devices = ['null', 'zero', 'full', 'random', 'urandom'] as const
const hostsCharactersMax = 65_536
/** Name of the user that functions run as. Source: recorded answer test_runtime_introspection_x86. */
const userName = 'sbx_user1051'

/** The words that describe a function's root to `lambda-emu-helper run`, in the order they are carried out. */
export function rootWords(options: RootOptions): string[] {
  const { view, host, tmpFolder } = options
  return [
    ...systemWords(host),
    ...deviceWords(),
    ...layerWords(view.layers),
    ...codeWords(options),
    ...(view.runtimeFolder === undefined
      ? folder(lambdaPaths.runtime)
      : ['--bind', view.runtimeFolder, lambdaPaths.runtime]),
    ...['--bind-writable', tmpFolder, lambdaPaths.tmp],
    ...programWords(view),
    ...linkedWords(view.linkedModules),
    ...accountWords(options),
    ...cpuWords(options),
  ]
}

function folder(path: string): string[] {
  return ['--folder', path, '755']
}

function systemWords(host: HostTree): string[] {
  const words: string[] = []
  for (const name of systemFolders) {
    const found = host.top[name]
    if (found === undefined) continue
    if (found === 'folder') words.push('--bind', `/${name}`, `/${name}`)
    else words.push('--link', found.link, `/${name}`)
  }
  for (const path of storeFolders) {
    if (host.top[path.split('/')[1] ?? ''] !== undefined) words.push('--bind', path, path)
  }
  if (host.resolvConf !== undefined) words.push('--bind', host.resolvConf, host.resolvConf)
  return words
}

function deviceWords(): string[] {
  return [
    ...folder('/dev'),
    ...devices.flatMap((name) => ['--device', `/dev/${name}`]),
    ...['--link', '/proc/self/fd', '/dev/fd'],
    ...['stdin', 'stdout', 'stderr'].flatMap((name, fd) => [
      '--link',
      `/proc/self/fd/${fd}`,
      `/dev/${name}`,
    ]),
    ...['--proc', '/proc'],
  ]
}

/** One by one: /opt itself stays a folder in which an interpreter of this machine's /opt can be shown too. */
function layerWords(layers: LayerContent | undefined): string[] {
  const top = Object.entries(layers?.top ?? {}).map(([name, what]) => {
    const inside = `${lambdaPaths.layers}/${name}`
    return typeof what === 'object'
      ? ['--link', what.link, inside]
      : ['--bind', `${layers?.folder}/${name}`, inside]
  })
  return [...folder(lambdaPaths.layers), ...top.flat()]
}

function codeWords({ view, codeOwner }: RootOptions): string[] {
  const { codeFolder, liveFolders = [] } = view
  return [
    ...ownedBind(codeFolder, lambdaPaths.task, codeOwner),
    ...liveFolders.flatMap(({ path, folder, owner }) =>
      ownedBind(folder, `${lambdaPaths.task}/${path}`, owner),
    ),
  ]
}

function ownedBind(host: string, inside: string, owner: number | undefined): string[] {
  return owner === undefined
    ? ['--bind', host, inside]
    : ['--bind-owner', host, inside, String(owner)]
}

/** What is below /usr shows already. */
function programWords({ programPaths, programs, homePackages }: ViewWish): string[] {
  const unseen = [...new Set(programPaths)]
    .filter((path) => !/^\/(usr|bin|sbin|lib|lib64|etc|nix\/store|gnu\/store)(\/|$)/.test(path))
    .sort()
  return [
    ...unseen.flatMap((path) => ['--bind', path, path]),
    ...Object.entries(homePackages ?? {}).flatMap(([below, path]) => [
      '--bind',
      path,
      `/home/${userName}/${below}`,
    ]),
    ...folder(lambdaPaths.programs),
    ...Object.entries(programs).flatMap(([name, path]) => [
      '--link',
      path,
      `${lambdaPaths.programs}/${name}`,
    ]),
  ]
}

function linkedWords(linked: LinkedModules | undefined): string[] {
  if (linked === undefined) return []
  const { binds, links, taskLinks } = linked
  const modules = `${lambdaPaths.task}/node_modules`
  return [
    ...[...binds].sort().flatMap((path) => ['--bind', path, path]),
    ...links.flatMap(({ path, target }) => ['--link', target, path]),
    ...(taskLinks === undefined
      ? []
      : [
          ...['--cover', modules],
          ...taskLinks.flatMap(({ name, target }) => ['--link', target, `${modules}/${name}`]),
          ...['--seal', modules],
        ]),
  ]
}

function accountWords({ user, group, host, hostNames }: RootOptions): string[] {
  const passwd = [
    'root:x:0:0:root:/root:/bin/bash',
    `${userName}:x:${user}:${group}::/home/${userName}:/sbin/nologin`,
    'nobody:x:65534:65534:nobody:/:/sbin/nologin',
  ]
  const groups = ['root:x:0:', `${userName}:x:${group}:`, 'nobody:x:65534:']
  const words = [
    ...['--file', '/etc/passwd', '644', lines(passwd)],
    ...['--file', '/etc/group', '644', lines(groups)],
  ]
  if (hostNames.length > 0)
    words.push('--file', '/etc/hosts', '644', lines(hostNames) + beginning(host.hosts))
  return words
}

/** Programs count CPUs in /proc/cpuinfo and in sysfs, which is not there otherwise. */
function cpuWords({ host, visibleCpus }: RootOptions): string[] {
  const blocks = host.cpuInfo.split('\n\n').filter((block) => /^processor\s*:/m.test(block))
  const range = visibleCpus === 1 ? '0\n' : `0-${visibleCpus - 1}\n`
  const words = ['online', 'possible', 'present'].flatMap((name) => [
    '--file',
    `/sys/devices/system/cpu/${name}`,
    '444',
    range,
  ])
  if (blocks.length > visibleCpus) {
    const shown = `${blocks.slice(0, visibleCpus).join('\n\n')}\n\n`
    words.push('--file', '/proc/cpuinfo', '444', shown)
  }
  return words
}

/** One word of a command line holds 128 KB, and some hosts files are lists of megabytes. */
function beginning(text: string): string {
  if (text.length <= hostsCharactersMax) return text
  return text.slice(0, text.lastIndexOf('\n', hostsCharactersMax) + 1)
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`
}
