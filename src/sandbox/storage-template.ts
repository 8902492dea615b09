// Templates of /tmp: one small ext4 image for each size, of which every environment gets a sparse copy.

import { execFile } from 'node:child_process'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const blockBytes = 4096
const blocksPerMb = 1_048_576 / blockBytes

/**
 * What a function can write beyond the size that was configured. On AWS df shows 514 MB available of a /tmp of
 * 512 MB (and 526 MB in all, as here, where ext4 keeps 2 % for itself).
 */
const spareShare = 0.004

/** Blocks that ext4 keeps back for its own use while it is mounted. Source: ext4_calculate_resv_clusters in Linux. */
const reservedShare = 0.02
const reservedBlocksMax = 4096

/** Explicit, so that the distribution's mke2fs.conf changes nothing; inodes as by default from 512 MB on. */
const mkfsOptions: readonly string[] = [
  ...['-q', '-F', '-b', String(blockBytes), '-I', '256', '-i', '16384', '-m', '0'],
  '-O',
  'none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,sparse_super,uninit_bg',
  // Inode tables stay holes: 0.1 MB of a template of 512 MB is on disk, instead of 9.
  ...['-E', 'lazy_itable_init=1,nodiscard'],
]

/** mkfs.ext4 is where ordinary users' PATH often does not lead. */
const administratorsPath = '/usr/local/sbin:/usr/sbin:/sbin'

/** The name changes with what is in a template: an older release's is not taken for ours. */
export function templateName(sizeMb: number): string {
  return `ext4-1-${sizeMb}.image`
}

/**
 * Makes the template `path` unless it is there: between `sizeMb` and 1 % more can be written into a copy of it.
 * @param unfinished a path of its own beside it, gone afterwards.
 * @throws an Error whose message says what failed.
 */
export async function makeTemplate(
  path: string,
  sizeMb: number,
  unfinished: string,
): Promise<void> {
  if (await isThere(path)) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    await formatToSize(unfinished, sizeMb)
    await rename(unfinished, path)
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** How much of an image its own tables take is known when it is made: the second round comes out right. */
async function formatToSize(path: string, sizeMb: number): Promise<void> {
  const wanted = Math.ceil(sizeMb * blocksPerMb * (1 + spareShare))
  let total = Math.ceil(wanted / (1 - reservedShare))
  for (let round = 0; round < 5; round++) {
    const missing = wanted - (await format(path, total))
    if (missing <= 0 && -missing <= wanted / 200) return
    total += missing
  }
  throw new Error(`mkfs.ext4 does not make an image of ${sizeMb} MB`)
}

/** Blocks that can be written into the image when it is mounted. */
async function format(path: string, totalBlocks: number): Promise<number> {
  await rm(path, { force: true })
  const image = await open(path, 'wx+', 0o600)
  try {
    await image.truncate(totalBlocks * blockBytes)
    await runMkfs(path)
    const superblock = Buffer.alloc(1024)
    await image.read(superblock, 0, superblock.length, 1024)
    // Offsets of s_blocks_count_lo and s_free_blocks_count_lo.
    const total = superblock.readUInt32LE(4)
    const free = superblock.readUInt32LE(12)
    await image.sync()
    return free - Math.min(Math.floor(total * reservedShare), reservedBlocksMax)
  } finally {
    await image.close()
  }
}

async function runMkfs(path: string): Promise<void> {
  const searched = [process.env.PATH, administratorsPath].filter((part) => part !== undefined)
  const env = { ...process.env, LC_ALL: 'C', PATH: searched.join(':') }
  try {
    await run('mkfs.ext4', [...mkfsOptions, path], { env })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error('mkfs.ext4 is not installed (package e2fsprogs)')
    }
    throw error
  }
}
