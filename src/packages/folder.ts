// The code of a function that lives in a folder of the user's: run in place, known by a hash of what is in it.

import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import type { CodePackage } from '../domain/function.js'
import { absent } from './absent.js'
import type { CodeStore } from './code-store.js'

/** Folders that no packaging tool puts into a package. */
const leftOut: ReadonlySet<string> = new Set(['.git', '.aws-sam'])
/** Dependencies change by being installed, which changes names and sizes: their bytes are not read. */
const listedOnly = 'node_modules'

// The work for one folder stays bounded, whatever a template points at.
const hashedBytesMax = 20_971_520
const listedEntriesMax = 100_000

interface Listing {
  readonly lines: string[]
  sizeBytes: number
  bytesToHash: number
}

/**
 * A package of the folder as it is. Equal content, names and modes give an equal hash, wherever the folder is.
 * Beyond 20 MB of files outside node_modules, size and change time stand for the content of the rest.
 * @throws the file system's error when the folder cannot be read.
 */
export async function packageFolder(folder: string): Promise<CodePackage> {
  const root = resolve(folder)
  const listing: Listing = { lines: [], sizeBytes: 0, bytesToHash: hashedBytesMax }
  await list(root, '', true, listing)
  const sha256 = createHash('sha256').update(listing.lines.join('\n')).digest('base64')
  return { folder: root, sha256, sizeBytes: listing.sizeBytes }
}

async function list(root: string, below: string, hashed: boolean, listing: Listing): Promise<void> {
  const names = await readdir(join(root, below))
  for (const name of names.sort()) {
    if (leftOut.has(name)) continue
    if (listing.lines.length >= listedEntriesMax) return
    const path = below === '' ? name : `${below}/${name}`
    await listEntry(root, path, hashed && name !== listedOnly, listing)
  }
}

async function listEntry(
  root: string,
  path: string,
  hashed: boolean,
  listing: Listing,
): Promise<void> {
  // An editor's temporary file may go while we look.
  const found = await lstat(join(root, path)).catch(absent)
  if (found === undefined) return
  // JSON keeps a line break in a name from looking like another entry.
  const line = (...facts: (string | number)[]) => {
    listing.lines.push(JSON.stringify([path, found.mode & 0o777, ...facts]))
  }
  if (found.isDirectory()) {
    line('folder')
    await list(root, path, hashed, listing)
  } else if (found.isSymbolicLink()) {
    line('link', await readlink(join(root, path)))
  } else if (found.isFile()) {
    listing.sizeBytes += found.size
    if (!hashed) line('file', found.size)
    else if (found.size > listing.bytesToHash) line('file', found.size, found.mtimeMs)
    else {
      listing.bytesToHash -= found.size
      line(
        'file',
        createHash('sha256')
          .update(await readFile(join(root, path)))
          .digest('base64'),
      )
    }
  }
}

/**
 * The code that a configuration names: a folder, run in place, or a zip, unpacked into `store`.
 * @throws EmulatorError EMU_CODE_NOT_FOUND, or what `storeZip` throws.
 */
export async function packageLocalCode(
  functionName: string,
  path: string,
  store: CodeStore,
): Promise<CodePackage> {
  const found = await stat(path).catch(absent)
  if (found?.isDirectory()) return packageFolder(path)
  if (found?.isFile()) return store.storeZip(await readFile(path), path)
  throw new EmulatorError('EMU_CODE_NOT_FOUND', { functionName, path })
}
