// Memory of an environment as Lambda's "Max Memory Used" counts it: resident pages of all its processes, files once.

import { type ProcessMemory, readMemory } from '../procfs/memory.js'

/**
 * Peak anonymous memory of every live process, plus the largest file part once (the runtime's own code is
 * shared by all of them). About 20 µs a process. A cgroup's own peak would miss file pages that another
 * environment has cached: 6 MB against 38 MB for an idle Node. Source: measured.
 *
 * Missed: processes that have ended (`MemoryWatch` remembers those that it saw) and what `exec` replaced. Counted more
 * than once: peaks that were not reached at the same time, and pages that a fork still shares with its parent.
 */
export function memoryOfProcesses(pids: readonly number[]): number {
  return sumOf(pids, ({ peakBytes, fileBytes, anonymousBytes, sharedMemoryBytes }) =>
    Math.max(peakBytes - fileBytes, anonymousBytes + sharedMemoryBytes),
  ).residentBytes
}

export interface MemorySum {
  /** Anonymous and shared memory: what a control group would charge and could not take back. */
  readonly privateBytes: number
  /** With the largest file part once. */
  readonly residentBytes: number
  /** The process with the most private memory: whom the kernel would kill. */
  readonly largest: { readonly pid: number; readonly privateBytes: number } | undefined
}

/** Resident now. Pages that a fork still shares, and shared memory, count in each process that has them. */
export function currentMemory(pids: readonly number[]): MemorySum {
  return sumOf(pids, ({ anonymousBytes, sharedMemoryBytes }) => anonymousBytes + sharedMemoryBytes)
}

function sumOf(pids: readonly number[], privateOf: (memory: ProcessMemory) => number): MemorySum {
  let privateBytes = 0
  let largestFileBytes = 0
  let largest: MemorySum['largest']
  for (const pid of pids) {
    const memory = readMemory(pid)
    if (memory === undefined) continue
    const bytes = privateOf(memory)
    privateBytes += bytes
    largestFileBytes = Math.max(largestFileBytes, memory.fileBytes)
    if (bytes > (largest?.privateBytes ?? -1)) largest = { pid, privateBytes: bytes }
  }
  return { privateBytes, residentBytes: privateBytes + largestFileBytes, largest }
}
