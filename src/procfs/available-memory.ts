// How much memory this machine can give before it has to swap, as the kernel estimates it.

import { readFileSync } from 'node:fs'
import { freemem } from 'node:os'

const bytesPerMb = 1024 * 1024

/**
 * MemAvailable of /proc/meminfo, or what Node calls free where there is no such file; no more than this process's
 * own control group allows. Whole megabytes, rounded down.
 */
export function availableMemoryMb(path = '/proc/meminfo'): number {
  // 0 or more than there is when nothing constrains it.
  const allowedMb = process.constrainedMemory() / bytesPerMb
  const freeMb = readAvailableMb(path) ?? freemem() / bytesPerMb
  return Math.floor(allowedMb > 0 ? Math.min(freeMb, allowedMb) : freeMb)
}

function readAvailableMb(path: string): number | undefined {
  try {
    const found = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync(path, 'latin1'))
    return found === null ? undefined : Number(found[1]) / 1024
  } catch {
    // Not Linux, or hidden: Node knows another way.
    return undefined
  }
}
