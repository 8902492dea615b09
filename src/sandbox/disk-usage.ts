// How much a folder holds, counted with an end: for a /tmp that nothing keeps to its size.

import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

export interface UsageLimits {
  /** Counting stops when this much was found. */
  readonly megabytesMax: number
  readonly entriesMax: number
}

const bytesPerStatBlock = 512

/**
 * Megabytes on disk of all files in `folder`, as far as the limits let it count. What goes while it counts, and
 * folders that may not be entered, count nothing.
 */
export async function diskUsageMb(folder: string, limits: UsageLimits): Promise<number> {
  let blocks = 0
  let entries = 0
  const blocksMax = (limits.megabytesMax * 1_048_576) / bytesPerStatBlock
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for await (const path of entriesOf(next)) {
      const found = await lstat(path).catch(() => undefined)
      if (found?.isDirectory()) folders.push(path)
      blocks += found?.blocks ?? 0
      entries += 1
      if (blocks >= blocksMax || entries >= limits.entriesMax) return megabytes(blocks)
    }
  }
  return megabytes(blocks)
}

async function* entriesOf(folder: string): AsyncGenerator<string> {
  const listing = await opendir(folder).catch(() => undefined)
  if (listing === undefined) return
  for await (const entry of listing) yield join(folder, entry.name)
}

function megabytes(statBlocks: number): number {
  return (statBlocks * bytesPerStatBlock) / 1_048_576
}
