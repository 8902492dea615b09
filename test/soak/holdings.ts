// What a daemon holds of this machine, as lists of words that can be compared: descriptors, control groups, processes, mounts, files.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { identityOf } from '../../src/sandbox/identity.js'
import {
  groupsOf,
  listeners,
  loopDevicesOn,
  mountsBelow,
  nameOf,
  processesWith,
} from '../faults/machine.js'

export interface Place {
  readonly pid: number
  readonly stateDirectory: string
  /** What the daemon has for its temporary folder. */
  readonly temporaryFolder: string
  /** As test/faults/machine.ts has it. */
  readonly mark: string
}

/** One word for each thing, more than once where there is more than one. */
export interface Holdings {
  readonly descriptors: readonly string[]
  readonly cgroups: readonly string[]
  readonly processes: readonly string[]
  readonly mounts: readonly string[]
  readonly loopDevices: readonly string[]
  readonly files: readonly string[]
}

/** @throws Error when there is no such process. */
export function holdingsOf(place: Place): Holdings {
  const { pid, stateDirectory, temporaryFolder, mark } = place
  const identity = identityOf(pid)
  if (identity === undefined) throw new Error(`the daemon, process ${pid}, is there`)
  const daemons = [identity]
  const signs = { stateDirectory, mark, daemons, sockets: new Set<string>() }
  return {
    descriptors: descriptorsOf(pid),
    cgroups: groupsOf({ daemons }).flatMap(groupsWithin),
    processes: processesWith(signs).map((each) =>
      each === pid ? 'the daemon' : `${nameOf(each)} ${each}`,
    ),
    mounts: mountsBelow(stateDirectory).map(inStock),
    loopDevices: loopDevicesOn(stateDirectory).map(inStock),
    files: [...withoutPipesInStock(filesBelow(stateDirectory)), ...filesBelow(temporaryFolder)],
  }
}

/** What lies ready for the next cold start has another number each time. */
function inStock(name: string): string {
  return name.replace(/^loop\d+/, 'loop…').replace(/(\/storage\/\d+-\d+)-\d+/, '$1-…')
}

/** FIFOs are made eight at once when less than four are left. Source: src/sandbox/log-pipe.ts. */
const pipesInStockMax = 11

function withoutPipesInStock(files: readonly string[]): string[] {
  const isPipe = (path: string) => /\/pipes\/[\d-]+$/.test(path)
  const pipes = files.filter(isPipe)
  return files.filter((path) => pipes.length > pipesInStockMax || !isPipe(path)).map(inStock)
}

/** What there is more and less of than before, one phrase each. */
export function differences(before: Holdings, after: Holdings): string[] {
  return (Object.keys(before) as (keyof Holdings)[]).flatMap((kind) => {
    const rest = [...before[kind]]
    const more: string[] = []
    for (const word of after[kind]) {
      const at = rest.indexOf(word)
      if (at < 0) more.push(word)
      else rest.splice(at, 1)
    }
    return [
      ...more.map((word) => `more ${kind}: ${word}`),
      ...rest.map((word) => `fewer ${kind}: ${word}`),
    ]
  })
}

/** Resident memory. MB of 2^20 bytes. */
export function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kb) / 1024
}

/** Sockets by what they are, since their numbers are those of their making. */
function descriptorsOf(pid: number): string[] {
  const listening = listeners()
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((descriptor) => {
    const target = linkOf(join(folder, descriptor))
    if (target === undefined) return []
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode === undefined) return [target]
    const port = listening.get(inode)
    return [port === undefined ? `socket ${target}` : `listener on ${port}`]
  })
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // Closed since the folder was read.
    return undefined
  }
}

function groupsWithin(group: string): string[] {
  return [group, ...entriesOf(group, 'folders').flatMap(groupsWithin)]
}

function filesBelow(folder: string): string[] {
  return [...entriesOf(folder, 'files'), ...entriesOf(folder, 'folders').flatMap(filesBelowOf)]
}

function filesBelowOf(folder: string): string[] {
  return [folder, ...filesBelow(folder)]
}

function entriesOf(folder: string, wanted: 'files' | 'folders'): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() === (wanted === 'folders'))
      .map(({ name }) => join(folder, name))
  } catch (error) {
    // Removed since the folder above it was read.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
