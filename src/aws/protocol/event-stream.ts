// Frames of application/vnd.amazon.eventstream: how a response is sent event by event.

import { crc32 } from 'node:zlib'

/** Header names to string values; the only header type that our services send. */
export type EventHeaders = Readonly<Record<string, string>>

const preludeBytes = 12
const checksumBytes = 4
const stringHeaderType = 7

/**
 * One frame: prelude (total length, headers length, CRC), headers, payload, CRC of all before it;
 * numbers big-endian. The payload is copied once, into the frame.
 */
export function encodeFrame(headers: EventHeaders, payload: Uint8Array): Buffer {
  const head = encodeHeaders(headers)
  const totalBytes = preludeBytes + head.length + payload.length + checksumBytes
  const frame = Buffer.allocUnsafe(totalBytes)
  frame.writeUInt32BE(totalBytes, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  frame.set(head, preludeBytes)
  frame.set(payload, preludeBytes + head.length)
  frame.writeUInt32BE(
    crc32(frame.subarray(0, totalBytes - checksumBytes)),
    totalBytes - checksumBytes,
  )
  return frame
}

function encodeHeaders(headers: EventHeaders): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(headers)) {
    const nameBytes = Buffer.from(name)
    const valueBytes = Buffer.from(value)
    const lead = Buffer.from([nameBytes.length])
    const type = Buffer.from([stringHeaderType, valueBytes.length >> 8, valueBytes.length & 0xff])
    parts.push(lead, nameBytes, type, valueBytes)
  }
  return Buffer.concat(parts)
}

/** A modelled event. */
export function encodeEvent(eventType: string, contentType: string, payload: Uint8Array): Buffer {
  return encodeFrame(
    { ':event-type': eventType, ':content-type': contentType, ':message-type': 'event' },
    payload,
  )
}

/** Ends a stream that cannot go on, for a reason that the model has no event for. */
export function encodeStreamError(code: string, message: string): Buffer {
  return encodeFrame(
    { ':message-type': 'error', ':error-code': code, ':error-message': message },
    new Uint8Array(),
  )
}
