// What /proc says of one process's resident memory.

import { readOrGone } from './read.js'

export interface ProcessMemory {
  /** The most that was ever resident at once (VmHWM), since the last exec. */
  readonly peakBytes: number
  /** Resident pages that belong to no file. After a fork, parent and child both count what they still share. */
  readonly anonymousBytes: number
  /** Resident pages of shared memory and of mapped tmpfs files. */
  readonly sharedMemoryBytes: number
  /** Resident pages of mapped files, mostly the runtime's own code. */
  readonly fileBytes: number
}

/** Undefined for a process that is gone, and for a zombie, which has no memory left. About 20 µs. */
export function readMemory(pid: number): ProcessMemory | undefined {
  const text = readOrGone(`/proc/${pid}/status`)
  const peakBytes = text === undefined ? undefined : field(text, 'VmHWM')
  if (text === undefined || peakBytes === undefined) return undefined
  return {
    peakBytes,
    anonymousBytes: field(text, 'RssAnon') ?? 0,
    sharedMemoryBytes: field(text, 'RssShmem') ?? 0,
    fileBytes: field(text, 'RssFile') ?? 0,
  }
}

/**
 * Anonymous and shared memory with every page divided among the processes that have it mapped. Walks the whole
 * address space: 1.2 ms for 140 MB, so never where somebody waits. Undefined where the kernel does not tell
 * (before Linux 5.4, or not to this user). Source of the figure: measured.
 */
export function readProportionalBytes(pid: number): number | undefined {
  const text = readOrGone(`/proc/${pid}/smaps_rollup`)
  if (text === undefined) return undefined
  const anonymousBytes = field(text, 'Pss_Anon')
  if (anonymousBytes === undefined) return undefined
  return anonymousBytes + (field(text, 'Pss_Shmem') ?? 0)
}

function field(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
  return match === null ? undefined : Number(match[1]) * 1024
}
