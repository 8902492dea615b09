// Where the limits of our groups live: for each controller the hierarchy in which a limit was really set and read back.

import { join } from 'node:path'
import { ControlFiles, readOnce, writeOnce } from './control-files.js'
import type { CgroupSupport } from './detect.js'
import { type GroupFolders, kernelFolders, reasonOf } from './folders.js'
import type { GroupParents } from './group.js'
import { GroupLimits, type LimitController, limitFiles } from './group-limits.js'
import { momentaryProbeName } from './probe-name.js'

/** `root` is the folder below which groups can have the limit; `refused` says in words why there is none. */
export type ControllerPlace =
  | { readonly version: 1 | 2; readonly root: string }
  | { readonly refused: string }

export type LimitPlaces = Readonly<Record<LimitController, ControllerPlace>>

export interface ControllerOptions {
  readonly folders?: GroupFolders
  /** Name of the groups that are made and removed again; unique to this process. */
  readonly probeName?: string
}

/**
 * Sets each limit on a probe group and reads it back: about 0.1 ms each. On v2 the controllers are
 * thereby enabled for the children of the root, and stay so, as others may have come to need them;
 * `enableControllers` has to hand them down from each folder between the root and a group. Never throws.
 */
export function limitControllers(
  support: CgroupSupport,
  options: ControllerOptions = {},
): LimitPlaces {
  const folders = options.folders ?? kernelFolders
  const probeName = options.probeName ?? momentaryProbeName()
  const place = (controller: LimitController): ControllerPlace => {
    // A controller is bound to one hierarchy of the two versions at a time.
    const version = support.v1[controller] === undefined ? 2 : 1
    const hierarchy = version === 1 ? support.v1[controller] : support.v2
    if (hierarchy === undefined) return { refused: `no hierarchy has the ${controller} controller` }
    const { root } = hierarchy
    if (root === undefined) return { refused: `no group can be made (${hierarchy.reason})` }
    const handedDown = version === 2 ? enableControllers(root, [controller]) : undefined
    const refused = handedDown ?? tryController(version, controller, join(root, probeName), folders)
    return refused === undefined ? { version, root } : { refused }
  }
  return { cpu: place('cpu'), memory: place('memory'), pids: place('pids') }
}

/**
 * v2: lets the children of this group have the controllers. Call it on a folder before groups are made in it that need
 * limits. Returns why they cannot all be had, in words; nothing is then enabled that was not before.
 */
export function enableControllers(
  folder: string,
  controllers: readonly string[],
): string | undefined {
  try {
    const given = wordsOf(join(folder, 'cgroup.controllers'))
    const lacking = controllers.filter((name) => !given.includes(name))
    if (lacking.length > 0) return `${folder} was not given the controller ${lacking.join(', ')}`
    const enabled = wordsOf(join(folder, 'cgroup.subtree_control'))
    const words = controllers.filter((name) => !enabled.includes(name)).map((name) => `+${name}`)
    if (words.length > 0) writeOnce(join(folder, 'cgroup.subtree_control'), words.join(' '))
    return undefined
  } catch (error) {
    const reason = reasonOf(error)
    if (reason !== 'EBUSY') return `${folder}/cgroup.subtree_control: ${reason}`
    return `${folder} holds processes itself, so it cannot hand controllers to groups below (EBUSY)`
  }
}

/** The same parents, and the v1 hierarchies in which limits live. A v2 place needs none: it is the group itself. */
export function withLimits(parents: GroupParents, places: LimitPlaces): GroupParents {
  const added = Object.entries(places).flatMap(([controller, place]) =>
    'root' in place && place.version === 1 ? [[controller, place.root] as const] : [],
  )
  if (added.length === 0) return parents
  return { ...parents, v1: { ...parents.v1, ...Object.fromEntries(added) } }
}

/** v2 is tried one level deeper, since groups of ours stand in a subtree of their own. Returns why it does not work. */
function tryController(
  version: 1 | 2,
  controller: LimitController,
  probe: string,
  folders: GroupFolders,
): string | undefined {
  const made: string[] = []
  const make = (folder: string) => {
    folders.make(folder)
    made.unshift(folder)
    return folder
  }
  try {
    make(probe)
    if (version === 1) return tryLimit(1, controller, probe)
    return (
      enableControllers(probe, [controller]) ?? tryLimit(2, controller, make(join(probe, 'one')))
    )
  } catch (error) {
    return `${probe}: ${reasonOf(error)}`
  } finally {
    removeAll(made, folders)
  }
}

/** Not the figures of a new group, none that the kernel rounds, and CPU within what a v1 parent may itself have. */
const expected: Readonly<Record<LimitController, Readonly<Record<1 | 2, string>>>> = {
  cpu: { 1: '1000', 2: '1000 20000' },
  memory: { 1: '67108864', 2: '67108864' },
  pids: { 1: '64', 2: '64' },
}

function tryLimit(version: 1 | 2, controller: LimitController, folder: string): string | undefined {
  const v1 = new Map(version === 1 ? [[controller, folder]] : [])
  const files = new ControlFiles()
  const limits = new GroupLimits(version === 2 ? folder : undefined, v1, files)
  const file = limitFiles[controller][version]
  if (!limits.has(controller)) return `groups have no ${file}`
  try {
    if (controller === 'cpu') limits.setCpuQuota({ quotaUs: 1_000, periodUs: 20_000 })
    else if (controller === 'memory') limits.setMemoryLimit(67_108_864)
    else limits.setPidsMax(64)
    const found = readOnce(join(folder, file)).trim()
    if (found === expected[controller][version]) return undefined
    return `${file} says ${found} after ${expected[controller][version]} was written`
  } catch (error) {
    return `${file}: ${reasonOf(error)}`
  } finally {
    files.close()
  }
}

/** A probe group that does not go is the next start's to sweep: the limit itself was tried by then. */
function removeAll(made: readonly string[], folders: GroupFolders): void {
  for (const folder of made) {
    try {
      folders.remove(folder)
    } catch {
      // Nothing is in it and nobody knows of it, so there is nothing to do about it here.
    }
  }
}

function wordsOf(path: string): string[] {
  return readOnce(path).split(/\s+/).filter(Boolean)
}
