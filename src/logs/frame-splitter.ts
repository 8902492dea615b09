// Tells log records in frames from plain output in one stream of bytes, wherever chunks are cut.

/**
 * A frame is its type with the level, the length of its message, a time in microseconds, and the message, numbers big-endian.
 * Source: the open runtime clients for Node and Python.
 */
const headerBytes = 16
/** The first three bytes of both types; the fourth holds text or JSON, and the level. */
const magic = Buffer.from([0xa5, 0x5a, 0x00])
const kindAt = 3
const lengthAt = 4

export interface FrameListeners {
  /** Output that is in no frame. The bytes are there only until the listener returns. */
  readonly onPlain: (bytes: Buffer) => void
  readonly onFrameBegin: () => void
  /** A piece of a frame's message, none of them empty. The bytes are there only until the listener returns. */
  readonly onFrameData: (bytes: Buffer) => void
  readonly onFrameEnd: () => void
}

/** Holds back at most the beginning of one header, which ordinary text does not look like. */
export class FrameSplitter {
  readonly #listeners: FrameListeners
  #held = Buffer.alloc(0)
  /** Of the message that has begun; undefined outside a frame. */
  #missingBytes: number | undefined

  constructor(listeners: FrameListeners) {
    this.#listeners = listeners
  }

  push(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = Buffer.alloc(0)
    while (rest.length > 0)
      rest = this.#missingBytes === undefined ? this.#plain(rest) : this.#message(rest)
  }

  /** Somebody else speaks now: what has begun is all there is of it. */
  flush(): void {
    const held = this.#held
    this.#held = Buffer.alloc(0)
    if (held.length > 0) this.#listeners.onPlain(held)
    if (this.#missingBytes !== undefined) this.#endFrame()
  }

  /** Returns what is left. */
  #plain(bytes: Buffer): Buffer {
    const at = frameStart(bytes)
    if (at > 0) this.#listeners.onPlain(bytes.subarray(0, at))
    const rest = bytes.subarray(at)
    if (rest.length < headerBytes) {
      this.#held = Buffer.from(rest)
      return nothing
    }
    this.#listeners.onFrameBegin()
    this.#missingBytes = rest.readUInt32BE(lengthAt)
    if (this.#missingBytes === 0) this.#endFrame()
    return rest.subarray(headerBytes)
  }

  #message(bytes: Buffer): Buffer {
    const missing = this.#missingBytes ?? 0
    const taken = bytes.subarray(0, missing)
    this.#listeners.onFrameData(taken)
    this.#missingBytes = missing - taken.length
    if (this.#missingBytes === 0) this.#endFrame()
    return bytes.subarray(taken.length)
  }

  #endFrame(): void {
    this.#missingBytes = undefined
    this.#listeners.onFrameEnd()
  }
}

const nothing = Buffer.alloc(0)

/** Where a header begins, or what may become one; the length when there is neither. */
function frameStart(bytes: Buffer): number {
  for (
    let at = bytes.indexOf(magic[0] as number);
    at >= 0;
    at = bytes.indexOf(magic[0] as number, at + 1)
  ) {
    if (mayBeHeader(bytes, at)) return at
  }
  return bytes.length
}

function mayBeHeader(bytes: Buffer, at: number): boolean {
  for (let each = 1; each < magic.length; each += 1) {
    if (at + each >= bytes.length) return true
    if (bytes[at + each] !== magic[each]) return false
  }
  const kind = bytes[at + kindAt]
  // 2: JSON, 3: text; the level is in the three bits above.
  return kind === undefined || (kind & 0b1110_0010) === 0b10
}
