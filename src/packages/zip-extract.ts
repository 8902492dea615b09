// Writes a planned zip into a new, empty folder: files never follow links, and links are made last.

import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, createInflateRaw } from 'node:zlib'
import {
  checkWritten,
  inflated,
  invalidZip,
  type PlannedFile,
  unzippedBytesMax,
  type ZipPlan,
  zipTooLarge,
} from './zip-plan.js'

/** Files up to this size are inflated whole; larger ones flow through in pieces. */
const wholeFileBytesMax = 1_048_576
/** Enough to keep the four threads of libuv's pool busy. */
const filesAtOnce = 8

const createOnly =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** What is left of the size that a package may have: counted while writing, whatever the zip claims. */
interface Budget {
  bytesLeft: number
}

/**
 * `root` must exist, be empty, and be writable by nobody else.
 * The owner can always read what was written; all other permission bits are the package's own.
 * @throws EmulatorError EMU_ZIP_INVALID or EMU_ZIP_TOO_LARGE; then `root` holds part of the package.
 */
export async function extract(plan: ZipPlan, root: string, label: string): Promise<void> {
  const budget: Budget = { bytesLeft: unzippedBytesMax }
  try {
    for (const folder of plan.folders.keys()) await mkdir(join(root, folder), { mode: 0o755 })
    const queue = [...plan.files.values()]
    const writers = Array.from({ length: filesAtOnce }, () => writeAll(queue, root, budget, label))
    const ends = await Promise.allSettled(writers)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    for (const [path, target] of plan.links) await symlink(target, join(root, path))
    // Last, and deepest first: a folder without write permission would refuse its own files.
    for (const [folder, mode] of [...plan.folders].reverse()) {
      await chmod(join(root, folder), ownerReadable(mode, 0o700))
    }
  } catch (error) {
    throw asZipError(error, label)
  }
}

async function writeAll(
  queue: PlannedFile[],
  root: string,
  budget: Budget,
  label: string,
): Promise<void> {
  try {
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      await writeFile(file, root, budget, label)
    }
  } finally {
    // One failure ends the whole: the others find nothing left to do.
    queue.length = 0
  }
}

async function writeFile(
  file: PlannedFile,
  root: string,
  budget: Budget,
  label: string,
): Promise<void> {
  const handle = await open(join(root, file.path), createOnly, 0o600)
  try {
    let bytes = 0
    let crc = 0
    for await (const piece of pieces(file, label)) {
      bytes += piece.length
      budget.bytesLeft -= piece.length
      if (budget.bytesLeft < 0) throw zipTooLarge(label)
      if (bytes > file.sizeBytes) break
      crc = crc32(piece, crc)
      await handle.writeFile(piece)
    }
    checkWritten(file, bytes, crc, label)
    await handle.chmod(ownerReadable(file.mode, 0o400))
  } finally {
    await handle.close()
  }
}

async function* pieces(file: PlannedFile, label: string): AsyncGenerator<Buffer> {
  if (!file.deflated) yield file.stored
  else if (file.sizeBytes <= wholeFileBytesMax) yield await inflated(file, label)
  else yield* inflatedPieces(file.stored)
}

async function* inflatedPieces(stored: Buffer): AsyncGenerator<Buffer> {
  const stream = createInflateRaw()
  stream.end(stored)
  for await (const piece of stream) yield piece as Buffer
}

function ownerReadable(mode: number, owner: number): number {
  return mode | owner
}

function asZipError(error: unknown, label: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  // What a package can do wrong on this file system; ENOSPC, EIO and their kin are the machine's and stay.
  if (code === 'EEXIST') return invalidZip(label, 'two of its names are one on this file system')
  if (code === 'ENAMETOOLONG' || code === 'EILSEQ') return invalidZip(label, message)
  if (code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') return invalidZip(label, message)
  return error
}

/**
 * Whether `root` already holds what `plan` says: kinds, sizes, modes and link targets.
 * For a folder left by an earlier run, which may have been cut off or changed by hand.
 */
export async function holds(plan: ZipPlan, root: string): Promise<boolean> {
  try {
    for (const [path, mode] of plan.folders) {
      const found = await lstat(join(root, path))
      if (!found.isDirectory() || (found.mode & 0o777) !== ownerReadable(mode, 0o700)) return false
    }
    for (const [path, file] of plan.files) {
      const found = await lstat(join(root, path))
      if (!found.isFile() || found.size !== file.sizeBytes) return false
      if ((found.mode & 0o777) !== ownerReadable(file.mode, 0o400)) return false
    }
    for (const [path, target] of plan.links) {
      if ((await readlink(join(root, path))) !== target) return false
    }
    return true
  } catch {
    return false
  }
}
