// What control groups this process can really use: every claim was tried on a probe group, none is inferred from versions or uid.

import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GroupFolders, kernelFolders, reasonOf } from './folders.js'
import { type HierarchyMount, parseHierarchyMounts } from './mounts.js'
import { momentaryProbeName } from './probe-name.js'

/** One hierarchy, as far as groups of ours can be made in it. */
export interface HierarchySupport {
  readonly version: 1 | 2
  readonly controllers: readonly string[]
  readonly mountPoint: string
  /** The topmost folder in which a group could be made and joined; the mount point itself when tried as root. */
  readonly root: string | undefined
  readonly writable: boolean
  /** Why not, as errno names; empty when writable. */
  readonly reason: string
  /** v2: which of these a child group of ours has. */
  readonly can: { readonly freeze: boolean; readonly kill: boolean }
}

export interface CgroupSupport {
  /** `hybrid`: v1 controllers and a v2 tree side by side. */
  readonly mode: 'v2' | 'v1' | 'hybrid' | 'none'
  readonly v2: HierarchySupport | undefined
  /** By controller name; co-mounted controllers share one entry's folders. */
  readonly v1: Readonly<Record<string, HierarchySupport>>
}

export interface DetectOptions {
  /** Text of /proc/self/mountinfo; read when left out. */
  readonly mountInfo?: string
  /** Text of /proc/self/cgroup; read when left out. */
  readonly selfCgroup?: string
  readonly folders?: GroupFolders
  /** Name of the group that is made and removed again. */
  readonly probeName?: string
}

/** Tries out every hierarchy. Takes about 0.1 ms each; never throws: a machine without control groups is `none`. */
export function detect(options: DetectOptions = {}): CgroupSupport {
  const mountInfo = options.mountInfo ?? readOrEmpty('/proc/self/mountinfo')
  const selfCgroup = options.selfCgroup ?? readOrEmpty('/proc/self/cgroup')
  const folders = options.folders ?? kernelFolders
  const probeName = options.probeName ?? momentaryProbeName()
  let v2: HierarchySupport | undefined
  const v1: Record<string, HierarchySupport> = {}
  for (const mount of parseHierarchyMounts(mountInfo, selfCgroup)) {
    const tried = tryHierarchy(mount, folders, probeName)
    if (mount.version === 2) {
      v2 = better(v2, tried)
      continue
    }
    for (const controller of mount.controllers) {
      v1[controller] = better(v1[controller], tried)
    }
  }
  const anyV1 = Object.keys(v1).length > 0
  const mode = v2 === undefined ? (anyV1 ? 'v1' : 'none') : anyV1 ? 'hybrid' : 'v2'
  return { mode, v2, v1 }
}

/** The same hierarchy can be mounted twice (containers do): one that works wins, else the first. */
function better(held: HierarchySupport | undefined, tried: HierarchySupport): HierarchySupport {
  if (held === undefined) return tried
  return !held.writable && tried.writable ? tried : held
}

function tryHierarchy(
  mount: HierarchyMount,
  folders: GroupFolders,
  probeName: string,
): HierarchySupport {
  const { version, mountPoint } = mount
  const controllers =
    version === 1
      ? mount.controllers
      : readOrEmpty(join(mountPoint, 'cgroup.controllers')).split(/\s+/).filter(Boolean)
  const reasons: string[] = []
  for (const root of candidates(mount)) {
    const attempt = tryRoot(root, folders, probeName)
    if (attempt.can !== undefined) {
      const { can } = attempt
      return { version, controllers, mountPoint, root, writable: true, reason: '', can }
    }
    reasons.push(`${root}: ${attempt.reason}`)
  }
  const can = { freeze: false, kill: false }
  const reason = reasons.join(', ')
  return { version, controllers, mountPoint, root: undefined, writable: false, reason, can }
}

/** From the mount point down to this process's own group: a delegated subtree starts somewhere on that way. */
function candidates(mount: HierarchyMount): string[] {
  const folders = [mount.mountPoint]
  const own = mount.ownFolder
  if (own === undefined || own === mount.mountPoint) return folders
  let folder = mount.mountPoint
  for (const name of own.slice(mount.mountPoint.length).split('/').filter(Boolean)) {
    folder = join(folder, name)
    folders.push(folder)
  }
  return folders
}

type Attempt =
  | { readonly can: { readonly freeze: boolean; readonly kill: boolean } }
  | { readonly can: undefined; readonly reason: string }

/** Moving a process needs write access to `cgroup.procs` of the common ancestor too, hence both are opened. */
function tryRoot(root: string, folders: GroupFolders, probeName: string): Attempt {
  const probe = join(root, probeName)
  try {
    folders.make(probe)
  } catch (error) {
    return { can: undefined, reason: reasonOf(error) }
  }
  try {
    for (const folder of [root, probe]) closeSync(openSync(join(folder, 'cgroup.procs'), 'r+'))
    const freeze = existsSync(join(probe, 'cgroup.freeze'))
    return { can: { freeze, kill: existsSync(join(probe, 'cgroup.kill')) } }
  } catch (error) {
    return { can: undefined, reason: reasonOf(error) }
  } finally {
    folders.remove(probe)
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Absent on this system: there is nothing to report from it.
    return ''
  }
}
