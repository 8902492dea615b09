// Reads a zip's table of contents and decides, before anything is written, what may be extracted and what is refused.

import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import * as yauzl from 'yauzl'
import { EmulatorError } from '../domain/emulator-error.js'
import { linkStaysInside, parentsOf, placeName } from './zip-names.js'

/** Largest package when unzipped, in bytes. Source: recorded answer test_oversized_lambda. */
export const unzippedBytesMax = 262_144_000
/** Most entries in one package; a guard of ours, far above any real package. */
export const entriesMax = 100_000

/** Deflate cannot do better than this. Source: zlib technical details, 1032:1. */
const deflateRatioMax = 1_032
/** Longest target of a link, in bytes. Source: limits.h, PATH_MAX. */
const linkTargetBytesMax = 4_096

// File types of a Unix mode. Source: inode(7).
const typeMask = 0o170000
const folderType = 0o040000
const linkType = 0o120000
const fileType = 0o100000
const permissionMask = 0o777

// Systems that write Unix modes into a zip: 3 is Unix, 19 is macOS. Source: APPNOTE.TXT §4.4.2.2.
const unixSystems: readonly number[] = [3, 19]

const inflate = promisify(inflateRaw)

export interface PlannedFile {
  readonly path: string
  /** Permission bits as the package has them: no setuid, setgid or sticky bit. */
  readonly mode: number
  readonly sizeBytes: number
  /** As stored in the zip; a view, not a copy. */
  readonly stored: Buffer
  readonly deflated: boolean
  readonly crc32: number
}

export interface ZipPlan {
  /** Folders in an order that makes parents first; the root is not among them. */
  readonly folders: ReadonlyMap<string, number>
  readonly files: ReadonlyMap<string, PlannedFile>
  /** Path of the link → its target, which stays inside. */
  readonly links: ReadonlyMap<string, string>
}

/** The refusal of a zip called `label`: not readable, for the given reason. */
export function invalidZip(label: string, reason: string): EmulatorError {
  return new EmulatorError('EMU_ZIP_INVALID', { path: label, reason })
}

export function zipTooLarge(label: string): EmulatorError {
  return new EmulatorError('EMU_ZIP_TOO_LARGE', { path: label, limitBytes: unzippedBytesMax })
}

function escapes(label: string, entry: string): EmulatorError {
  return new EmulatorError('EMU_ZIP_ESCAPES', { path: label, entry: JSON.stringify(entry) })
}

interface Contents {
  readonly folders: Map<string, number>
  readonly files: Map<string, PlannedFile>
  readonly links: Map<string, PlannedFile>
}

/**
 * @param label what errors call the zip: its path, or words for an upload.
 * @throws EmulatorError EMU_ZIP_INVALID, EMU_ZIP_ESCAPES or EMU_ZIP_TOO_LARGE.
 */
export async function planZip(bytes: Buffer, label: string): Promise<ZipPlan> {
  const contents = await readContents(bytes, label)
  const { folders, files } = contents
  const links = await readLinks(contents.links, label)
  if (files.size + links.size === 0) throw invalidZip(label, 'it holds no files')
  for (const path of links.keys()) {
    if (!linkStaysInside(path, links)) throw escapes(label, path)
  }
  for (const path of [...folders.keys(), ...files.keys(), ...links.keys()]) {
    for (const parent of parentsOf(path)) {
      if (files.has(parent) || links.has(parent)) {
        throw invalidZip(label, `${JSON.stringify(path)} lies below something that is no folder`)
      }
      if (!folders.has(parent)) folders.set(parent, 0o755)
    }
  }
  const parentsFirst = [...folders].sort(([a], [b]) => (a < b ? -1 : 1))
  return { folders: new Map(parentsFirst), files, links }
}

async function readContents(bytes: Buffer, label: string): Promise<Contents> {
  const contents: Contents = { folders: new Map(), files: new Map(), links: new Map() }
  const totals = { compressedBytes: 0, unzippedBytes: 0 }
  try {
    // An entry's size is checked while it is inflated; names are placed by us, not by the library.
    const zip = await yauzl.fromBufferPromise(bytes, {
      lazyEntries: true,
      decodeStrings: false,
      validateEntrySizes: true,
    })
    // The library reads no more entries than the zip announces.
    if (zip.entryCount > entriesMax)
      throw invalidZip(label, `it has more than ${entriesMax} entries`)
    for await (const entry of zip.eachEntry()) {
      totals.compressedBytes += entry.compressedSize
      totals.unzippedBytes += entry.uncompressedSize
      if (totals.unzippedBytes > unzippedBytesMax) throw zipTooLarge(label)
      // Entries that share their bytes are how a small archive pretends to be a huge one.
      if (totals.compressedBytes > bytes.length) throw invalidZip(label, 'its entries overlap')
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
      addEntry(contents, entry, bytes, fileDataStart, label)
    }
  } catch (error) {
    if (error instanceof EmulatorError) throw error
    throw invalidZip(label, error instanceof Error ? error.message : String(error))
  }
  return contents
}

/** Puts one entry where it belongs; a name that comes twice is the last one's, as with unzip. */
function addEntry(
  contents: Contents,
  entry: yauzl.Entry,
  bytes: Buffer,
  dataStart: number,
  label: string,
): void {
  const name = yauzl.getFileNameLowLevel(
    entry.generalPurposeBitFlag,
    entry.fileNameRaw,
    entry.extraFields,
    true,
  )
  const placed = placeName(name)
  if (placed.is === 'escapes') throw escapes(label, name)
  if (placed.is === 'invalid') throw invalidZip(label, placed.reason)
  const { path } = placed
  const { type, mode } = typeAndMode(entry, name)
  if (path === '') {
    if (type === folderType) return
    throw invalidZip(label, 'an entry has no name')
  }
  contents.folders.delete(path)
  contents.files.delete(path)
  contents.links.delete(path)
  if (type === folderType) {
    contents.folders.set(path, mode)
    return
  }
  if (type !== fileType && type !== linkType) {
    throw invalidZip(label, `${JSON.stringify(name)} is a device, a socket or a pipe`)
  }
  const file = plannedFile(entry, path, mode, bytes, dataStart, label)
  if (type === linkType) contents.links.set(path, file)
  else contents.files.set(path, file)
}

function typeAndMode(entry: yauzl.Entry, name: string): { type: number; mode: number } {
  const unix = unixSystems.includes(entry.versionMadeBy >>> 8)
  const attributes = unix ? entry.externalFileAttributes >>> 16 : 0
  const namedAsFolder = name.endsWith('/')
  const type = attributes & typeMask || (namedAsFolder ? folderType : fileType)
  if (unix) return { type: namedAsFolder ? folderType : type, mode: attributes & permissionMask }
  return { type, mode: type === folderType ? 0o755 : 0o644 }
}

function plannedFile(
  entry: yauzl.Entry,
  path: string,
  mode: number,
  bytes: Buffer,
  dataStart: number,
  label: string,
): PlannedFile {
  const { compressedSize, uncompressedSize: sizeBytes, compressionMethod } = entry
  const named = JSON.stringify(path)
  if (entry.isEncrypted()) throw invalidZip(label, `${named} is encrypted`)
  if (compressionMethod !== 0 && compressionMethod !== 8) {
    throw invalidZip(label, `${named} is compressed by method ${compressionMethod}`)
  }
  if (dataStart + compressedSize > bytes.length) throw invalidZip(label, `${named} is cut off`)
  if (sizeBytes > (compressedSize + 1) * deflateRatioMax) {
    throw invalidZip(label, `${named} claims a size that its bytes cannot hold`)
  }
  const stored = bytes.subarray(dataStart, dataStart + compressedSize)
  const deflated = compressionMethod === 8
  return { path, mode, sizeBytes, stored, deflated, crc32: entry.crc32 }
}

async function readLinks(
  links: ReadonlyMap<string, PlannedFile>,
  label: string,
): Promise<Map<string, string>> {
  const targets = new Map<string, string>()
  for (const [path, file] of links) {
    if (file.sizeBytes > linkTargetBytesMax) throw invalidZip(label, `link ${path} is too long`)
    const target = (await inflated(file, label)).toString('utf8')
    if (target === '' || target.includes('\0')) {
      throw invalidZip(label, `link ${JSON.stringify(path)} points nowhere`)
    }
    targets.set(path, target)
  }
  return targets
}

/**
 * A small file's bytes, whole.
 * @throws EmulatorError EMU_ZIP_INVALID when they are not what the table of contents says.
 */
export async function inflated(file: PlannedFile, label: string): Promise<Buffer> {
  const bytes = file.deflated ? await inflatedBytes(file, label) : file.stored
  checkWritten(file, bytes.length, crc32(bytes), label)
  return bytes
}

async function inflatedBytes(file: PlannedFile, label: string): Promise<Buffer> {
  try {
    // One byte of room, so that a longer stream is seen as longer.
    return await inflate(file.stored, { maxOutputLength: file.sizeBytes + 1 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidZip(label, `${JSON.stringify(file.path)}: ${reason}`)
  }
}

/** @throws EmulatorError EMU_ZIP_INVALID when size or check sum are not those of the table of contents. */
export function checkWritten(file: PlannedFile, bytes: number, crc: number, label: string): void {
  if (bytes !== file.sizeBytes) {
    throw invalidZip(label, `${JSON.stringify(file.path)} has not the size that it claims`)
  }
  if (crc !== file.crc32) {
    throw invalidZip(label, `${JSON.stringify(file.path)} does not match its check sum`)
  }
}
