// Decides what one environment's processes are enclosed in: namespaces, user, CPUs, ports, and the root that they see.

import { readFileSync, statSync } from 'node:fs'
import type { FreezerBackend } from '../freezer/freezer.js'
import type { Abilities } from './abilities.js'
import { readHostTree } from './host-tree.js'
import { type Enclosure, resourceLimits } from './launcher.js'
import type { StorageKind } from './storage.js'
import { type HostTree, openView, rootWords, sealedView, type View, type ViewWish } from './view.js'

/** What keeps environments apart here, as far as this machine can do it. */
export interface Isolation {
  /** Path of the native helper; without it processes are started by a shell and see everything. */
  readonly helper: string | undefined
  /** `root`: real root makes the namespaces; `user`: a user namespace does. */
  readonly namespaces: 'root' | 'user' | 'none'
  /** What keeps a function from another environment's Runtime API. */
  readonly runtimeApi: 'bpf' | 'host-name' | 'none'
  readonly storage: StorageKind
}

export interface IsolationWish {
  readonly helper: string | undefined
  readonly wanted: 'standard' | 'none'
  readonly freezer: FreezerBackend
}

/** What is wanted, as far as this machine can do it. */
export function isolationOf(abilities: Abilities, wish: IsolationWish): Isolation {
  const helper = abilities.launcher.choice === 'yes' ? wish.helper : undefined
  const namespaces = { namespaces: 'root', 'user-namespaces': 'user', none: 'none' } as const
  const chosen =
    wish.wanted === 'none' || helper === undefined ? 'none' : abilities.filesystem.choice
  return {
    helper,
    namespaces: namespaces[chosen],
    runtimeApi: wish.wanted === 'none' ? 'none' : runtimeApiOf(abilities, wish.freezer, chosen),
    storage: abilities.storage.choice,
  }
}

/** The programs stand on v2 groups, and environments have such groups only where they are frozen by them. */
function runtimeApiOf(
  abilities: Abilities,
  freezer: FreezerBackend,
  filesystem: Abilities['filesystem']['choice'],
): Isolation['runtimeApi'] {
  if (abilities.runtimeApi.choice === 'bpf' && freezer === 'v2') return 'bpf'
  return filesystem === 'none' ? 'none' : 'host-name'
}

/** How an environment reaches its Runtime API. */
export interface RuntimeApiAccess {
  readonly port: number
  /** Ports of loopback that belong to emulators; all but `port` are refused where they can be. */
  readonly ports: { readonly first: number; readonly last: number }
  /** The name in AWS_LAMBDA_RUNTIME_API, to be found in the environment's own /etc/hosts: address and name. */
  readonly hostName: { readonly address: string; readonly name: string } | undefined
}

export interface EnclosureWish {
  readonly view: ViewWish
  readonly tmpFolder: string
  readonly visibleCpus: number
  readonly runtimeApi: RuntimeApiAccess | undefined
}

/** The environment's number on this machine, for what must be its own. */
export interface EnclosureParts {
  readonly isolation: Isolation
  /** Counted from 1 over this process. */
  readonly ordinal: number
  /** An empty folder of the environment's own. */
  readonly rootFolder: string
  readonly joinPaths: readonly string[]
  /** The environment's v2 group, when it has one. */
  readonly v2Folder: string | undefined
  /** Its own address in a network of its own. */
  readonly address?: string | undefined
}

export function viewOf(isolation: Isolation, wish: ViewWish, tmpFolder: string): View {
  return isolation.namespaces === 'none' ? openView(wish, tmpFolder) : sealedView(wish)
}

let hostTree: HostTree | undefined

export function enclosureOf(parts: EnclosureParts, wish: EnclosureWish): Enclosure {
  const { isolation, v2Folder } = parts
  const { namespaces } = isolation
  const user = namespaces === 'none' ? undefined : userOf(parts)
  const { pathInside } = viewOf(isolation, wish.view, wish.tmpFolder)
  const cpus = cpusFor(parts.ordinal, wish.visibleCpus)
  const { runtimeApi } = wish
  const confined = isolation.runtimeApi === 'bpf' && v2Folder !== undefined ? runtimeApi : undefined
  return {
    namespaces,
    joinPaths: parts.joinPaths,
    v2Folder,
    connects: confined === undefined ? undefined : { ...confined.ports, own: confined.port },
    user,
    cpus,
    // Without a user of its own the function shares the number of processes with everything of the daemon's user.
    limits: resourceLimits.filter(([name]) => user !== undefined || name !== 'nproc'),
    root: user === undefined ? undefined : rootOf(parts, wish, user, cpus.length),
    pathInside,
  }
}

function rootOf(
  { isolation, rootFolder, address }: EnclosureParts,
  wish: EnclosureWish,
  user: { readonly id: number; readonly group: number },
  cpus: number,
): NonNullable<Enclosure['root']> {
  hostTree ??= readHostTree()
  const hostName = isolation.runtimeApi === 'host-name' ? wish.runtimeApi?.hostName : undefined
  const ownerOf = isolation.namespaces === 'root' ? privateOwner : () => undefined
  const { liveFolders } = wish.view
  const words = rootWords({
    view: {
      ...wish.view,
      liveFolders: liveFolders?.map((live) => ({ ...live, owner: ownerOf(live.folder) })),
    },
    host: hostTree,
    tmpFolder: wish.tmpFolder,
    user: user.id,
    group: user.group,
    codeOwner: ownerOf(wish.view.codeFolder),
    hostNames: [
      ...(hostName === undefined ? [] : [`${hostName.address} ${hostName.name}`]),
      ...insideNames(address ?? addressOf(wish.runtimeApi)),
    ],
    visibleCpus: cpus,
  })
  return { folder: rootFolder, words }
}

/**
 * The environment's own address of the loopback that all share, so that extensions of two environments can listen on one port.
 * No other environment of this machine has the port of its Runtime API.
 */
export function insideAddressOf(runtimeApiPort: number): string {
  return `127.77.${runtimeApiPort >> 8}.${runtimeApiPort & 0xff}`
}

function addressOf(runtimeApi: RuntimeApiAccess | undefined): string | undefined {
  return runtimeApi === undefined ? undefined : insideAddressOf(runtimeApi.port)
}

/** Where extensions listen for telemetry. Source: AWS Lambda guide, Telemetry API, destination. */
function insideNames(address: string | undefined): readonly string[] {
  return address === undefined ? [] : [`${address} sandbox.localdomain sandbox`]
}

/** Source: recalled, `id` in a function. */
const lambdaUser = { id: 993, group: 990 } as const
/**
 * Above what distributions, containers and subordinate ids use. A block of it for each daemon, so that
 * environments of two daemons do not share a user either.
 */
const firstUser = 1_879_100_000
const usersPerDaemon = 4_000
const daemonBlocks = 65_536

function userOf({ isolation, ordinal }: EnclosureParts): {
  readonly id: number
  readonly group: number
} {
  // In a namespace of its own every environment can have the number that it has on Lambda.
  if (isolation.namespaces === 'user') return lambdaUser
  const block = (process.pid % daemonBlocks) * usersPerDaemon
  const id = firstUser + block + (ordinal % usersPerDaemon)
  return { id, group: id }
}

/** Owner of a folder that others may not read; undefined when they may, and when it is gone: then the start says so. */
function privateOwner(folder: string): number | undefined {
  const found = statSync(folder, { throwIfNoEntry: false })
  return found === undefined || (found.mode & 0o005) === 0o005 ? undefined : found.uid
}

let allowedCpus: readonly number[] | undefined

/** Neighbouring CPUs, others for each environment in turn; all that there are when that is fewer. */
function cpusFor(ordinal: number, visible: number): readonly number[] {
  allowedCpus ??= readAllowedCpus()
  const count = Math.min(visible, allowedCpus.length)
  const first = ((ordinal - 1) * count) % Math.max(1, allowedCpus.length)
  return Array.from(
    { length: count },
    (_, index) => allowedCpus?.[(first + index) % allowedCpus.length] ?? 0,
  )
}

function readAllowedCpus(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))
  return (list?.[1] ?? '0').split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
