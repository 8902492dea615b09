// Zip archives byte by byte, so that a test can lie in any field: no library would write these.

import { crc32, deflateRawSync } from 'node:zlib'

export interface RawEntry {
  readonly name: string | Buffer
  readonly data?: Buffer | string
  /** Unix mode with its type bits; with `system` 0 it is left out. */
  readonly mode?: number
  /** 3 is Unix, 0 is DOS. */
  readonly system?: number
  readonly deflate?: boolean
  // Lies.
  readonly method?: number
  readonly flags?: number
  readonly claimedSize?: number
  readonly claimedCrc?: number
  /** Shares the bytes of the entry with this index instead of having its own. */
  readonly sameBytesAs?: number
}

export function rawZip(entries: readonly RawEntry[], entryCount = entries.length): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  const offsets: number[] = []
  let offset = 0
  for (const entry of entries) {
    const name = Buffer.from(entry.name)
    const data = Buffer.from(entry.data ?? '')
    const stored = entry.deflate === true ? deflateRawSync(data) : data
    const fields = commonFields(entry, data, stored)
    const shared = entry.sameBytesAs === undefined ? undefined : offsets[entry.sameBytesAs]
    central.push(centralHeader(entry, name, fields, shared ?? offset))
    offsets.push(shared ?? offset)
    if (shared !== undefined) continue
    const local = Buffer.concat([localHeader(name, fields), name, stored])
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  return Buffer.concat([...locals, directory, endRecord(entryCount, directory.length, offset)])
}

/** From `flags` to the uncompressed size: the same bytes in both headers. */
function commonFields(entry: RawEntry, data: Buffer, stored: Buffer): Buffer {
  const fields = Buffer.alloc(20)
  fields.writeUInt16LE(entry.flags ?? 0x800, 0)
  fields.writeUInt16LE(entry.method ?? (entry.deflate === true ? 8 : 0), 2)
  fields.writeUInt32LE(entry.claimedCrc ?? crc32(data), 8)
  fields.writeUInt32LE(stored.length, 12)
  fields.writeUInt32LE(entry.claimedSize ?? data.length, 16)
  return fields
}

function localHeader(name: Buffer, fields: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  fields.copy(header, 6)
  header.writeUInt16LE(name.length, 26)
  return header
}

function centralHeader(entry: RawEntry, name: Buffer, fields: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(46)
  const system = entry.system ?? 3
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((system << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  fields.copy(header, 8)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt32LE(system === 0 ? 0 : ((entry.mode ?? 0o100644) << 16) >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return Buffer.concat([header, name])
}

function endRecord(entryCount: number, directoryBytes: number, directoryOffset: number): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  // 0xffff sends the reader to the 64-bit record, the only one that can count further.
  const counted = Math.min(entryCount, 0xffff)
  record.writeUInt16LE(counted, 8)
  record.writeUInt16LE(counted, 10)
  record.writeUInt32LE(directoryBytes, 12)
  record.writeUInt32LE(directoryOffset, 16)
  if (counted < 0xffff) return record
  const wide = Buffer.alloc(76)
  wide.writeUInt32LE(0x06064b50, 0)
  wide.writeBigUInt64LE(44n, 4)
  wide.writeBigUInt64LE(BigInt(entryCount), 24)
  wide.writeBigUInt64LE(BigInt(entryCount), 32)
  wide.writeBigUInt64LE(BigInt(directoryBytes), 40)
  wide.writeBigUInt64LE(BigInt(directoryOffset), 48)
  wide.writeUInt32LE(0x07064b50, 56)
  wide.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64)
  wide.writeUInt32LE(1, 72)
  return Buffer.concat([wide, record])
}
