// What a daemon has on this machine, found from outside by names, variables, groups and users: for proof that it is gone.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { allPids, isDead, readProcess } from '../../src/procfs/process.js'
import type { ProcessIdentity } from '../../src/sandbox/identity.js'

/** In the variables of a daemon and of its functions: their value names the test that started them. */
export const markName = 'LAMBDA_EMU_FAULTS'

/** What its processes are told by. */
export interface Signs {
  readonly stateDirectory: string
  readonly mark: string
  /** The daemons of this state directory so far. */
  readonly daemons: readonly ProcessIdentity[]
  /** Listening sockets, by inode. */
  readonly sockets: ReadonlySet<string>
}

export function text(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process, group or device went away meanwhile.
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Source: src/sandbox/enclosure.ts. */
function usersOf({ pid }: ProcessIdentity): { readonly first: number; readonly last: number } {
  const first = 1_879_100_000 + (pid % 65_536) * 4_000
  return { first, last: first + 3_999 }
}

function userOf(pid: number): number {
  try {
    return statSync(`/proc/${pid}`).uid
  } catch {
    return -1
  }
}

/** The groups of a daemon, its probe groups included, by name. */
function isGroupOf({ pid, startTime }: ProcessIdentity, name: string): boolean {
  const found = /^lambda-emu-(?:probe-)?(\d+)(?:-(\d+))?(?:-\d+)?$/.exec(name)
  if (found === null || Number(found[1]) !== pid) return false
  return found[2] === undefined || Number(found[2]) === startTime
}

function belongsTo(signs: Signs, pid: number): boolean {
  const { daemons, mark, stateDirectory } = signs
  const user = userOf(pid)
  if (daemons.map(usersOf).some(({ first, last }) => user >= first && user <= last)) return true
  const groups = text(`/proc/${pid}/cgroup`).split(/[/\n]/)
  if (groups.some((name) => daemons.some((daemon) => isGroupOf(daemon, name)))) return true
  if (text(`/proc/${pid}/cmdline`).includes(stateDirectory)) return true
  return `\0${text(`/proc/${pid}/environ`)}`.includes(`\0${markName}=${mark}\0`)
}

/** Every live process that carries one of the signs, the daemons too. A pid is not remembered: it comes again soon. */
export function processesWith(signs: Signs): number[] {
  return allPids()
    .filter((pid) => pid !== process.pid && !isDead(readProcess(pid)))
    .filter((pid) => belongsTo(signs, pid))
}

/** `pid` and everything that descends from it. */
export function familyOf(pid: number): ReadonlySet<number> {
  const family = new Set([pid])
  for (let before = 0; before !== family.size; ) {
    before = family.size
    for (const each of allPids()) {
      const parent = readProcess(each)?.parentPid
      if (parent !== undefined && family.has(parent)) family.add(each)
    }
  }
  return family
}

/** Links to networks of environments that a daemon may have: the one for its trial, and those of its listening ports. */
export function linksOf(daemons: readonly ProcessIdentity[], ports: ReadonlySet<number>): string[] {
  const trials = daemons.map(({ pid }) => `lemu-${pid.toString(36)}`)
  return namesIn('/sys/class/net').filter(
    (name) =>
      trials.includes(name) ||
      (/^lemu\d+$/.test(name) && ports.has(Number(name.slice('lemu'.length)))),
  )
}

export function nameOf(pid: number): string {
  return text(`/proc/${pid}/comm`).trim()
}

/** Every mounted hierarchy, whoever may write to it. */
const hierarchies = text('/proc/self/mountinfo')
  .split('\n')
  .filter((line) => / - cgroup2? /.test(line))
  .map((line) => line.split(' ')[4] ?? '')

/** Groups of the daemons, wherever they are in a hierarchy. */
export function groupsOf({ daemons }: Pick<Signs, 'daemons'>): string[] {
  const found: string[] = []
  const look = (folder: string, depth: number) => {
    for (const entry of foldersIn(folder)) {
      const path = join(folder, entry)
      if (daemons.some((daemon) => isGroupOf(daemon, entry))) found.push(path)
      else if (depth > 0) look(path, depth - 1)
    }
  }
  for (const hierarchy of hierarchies) look(hierarchy, 2)
  return found
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}

export function mountsBelow(folder: string): string[] {
  return text('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
}

/** Devices whose image was in the folder, and the images. */
export function loopDevicesOn(folder: string): string[] {
  return namesIn('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((name) => `${name} on ${text(`/sys/block/${name}/loop/backing_file`).trim()}`)
    .filter((line) => line.includes(` on ${folder}/`))
}

const LISTENING = '0A'

/** Listening TCP sockets: inode to port. */
export function listeners(): ReadonlyMap<string, number> {
  const lines = ['tcp', 'tcp6'].flatMap((kind) => text(`/proc/self/net/${kind}`).split('\n'))
  const found = lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)
    return state === LISTENING ? [[inode, port] as const] : []
  })
  return new Map(found)
}

/** Inodes of the listening sockets that a process holds. */
export function listenersOf(pid: number): string[] {
  const all = listeners()
  return namesIn(`/proc/${pid}/fd`).flatMap((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
    return inode !== undefined && all.has(inode) ? [inode] : []
  })
}

/** What is meant to outlive a daemon. */
const kept =
  /^(daemon\.json|code(\/.*)?|environments|storage|pipes|snapshots|storage\/templates|storage\/templates\/ext4-1-\d+\.image)$/

/** Everything in a state directory that is not meant to outlive a daemon. */
export function filesLeft(stateDirectory: string): string[] {
  const found: string[] = []
  const look = (below: string) => {
    for (const name of namesIn(join(stateDirectory, below))) {
      const path = join(below, name)
      if (!kept.test(path)) found.push(path)
      else if (/^(environments|storage|pipes|snapshots|storage\/templates)$/.test(path)) look(path)
    }
  }
  look('')
  return found
}
