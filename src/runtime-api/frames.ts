// The frames that our own bootstraps and the daemon exchange over an inherited descriptor: how they are written and read.
//
// 16 bytes (mark, kind, flags, 0, then id, head length and body length as little-endian 32 bits), the head, the body. A head
// is lines of text in the bytes that HTTP headers have; an empty line is a value that was not given. `id` is chosen by the
// runtime for each report and each stream, and comes back in what answers it.
//
//   next                                                   asks for an event
//   response      request id, attempt, content type        body: the result
//   error         request id, attempt, type, X-Ray cause   body: the error
//   init-error    type                                     body: the error
//   stream-begin  request id, attempt, content type        stream-part (body), then stream-end or stream-cut
//   stream-end    nothing, or: type, base64 of the error
//   event         name:value of each header that HTTP has, names in lower case          body: the payload
//   accepted      to a report that does not ask for the next event too, and to a stream
//   refused       status                                   body: as over HTTP; to any report or stream
//   next-refused  status                                   body: as over HTTP

/** Also written down in runtimes/nodejs/frames.cjs and runtimes/python/_lambda_bootstrap/frames.py. */
export const frameKinds = {
  next: 1,
  response: 2,
  error: 3,
  initError: 4,
  streamBegin: 5,
  streamPart: 6,
  streamEnd: 7,
  streamCut: 8,
  event: 65,
  accepted: 66,
  refused: 67,
  nextRefused: 68,
} as const

/** Flag of a response or an error: the runtime asks for the next event too. */
export const asksNext = 1

export const frameMark = 0xe5
export const frameHeaderBytes = 16
// A stack travels in it; as much as an HTTP header may have here.
const headBytesMax = 2 * 1024 * 1024
/** Below it one copy is cheaper than two pieces in one system call. */
const joinedBytesMax = 64 * 1024

export interface Frame {
  readonly kind: number
  readonly flags: number
  readonly id: number
  readonly head: string
  /** Undefined: it was longer than what `bodyBytesMax` allows, and has been dropped. */
  readonly body: Buffer | undefined
}

/** The bytes of one frame, in the pieces that are best written together. */
export function frameBytes(kind: number, id: number, head: string, body: Buffer): Buffer[] {
  const joined = body.length <= joinedBytesMax
  const start = frameHeaderBytes + head.length
  const bytes = Buffer.allocUnsafe(joined ? start + body.length : start)
  bytes.writeUInt32LE(frameMark | (kind << 8), 0)
  bytes.writeUInt32LE(id, 4)
  bytes.writeUInt32LE(head.length, 8)
  bytes.writeUInt32LE(body.length, 12)
  bytes.write(head, frameHeaderBytes, 'latin1')
  if (!joined) return [bytes, body]
  body.copy(bytes, start)
  return [bytes]
}

export interface FrameReaderOptions {
  /** How long the body of a kind may be; undefined for a kind that nobody sends here. */
  readonly bodyBytesMax: (kind: number) => number | undefined
  readonly onFrame: (frame: Frame) => void
}

/** Feeds on the bytes of one connection, however they are cut. */
export class FrameReader {
  readonly #options: FrameReaderOptions
  #parts: Buffer[] = []
  #bytes = 0
  /** How many bytes must be there before anything can be done. */
  #wanted = frameHeaderBytes
  /** Of a body that is too long. */
  #dropping = 0
  #dropped: Frame | undefined

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** @returns false for bytes that are no frames: nothing after them can be understood. */
  feed(chunk: Buffer): boolean {
    let rest = chunk
    if (this.#bytes > 0) {
      this.#parts.push(chunk)
      this.#bytes += chunk.length
      if (this.#bytes < this.#wanted) return true
      rest = Buffer.concat(this.#parts, this.#bytes)
      this.#parts = []
      this.#bytes = 0
    }
    return this.#read(rest)
  }

  #read(bytes: Buffer): boolean {
    let at = 0
    for (;;) {
      if (this.#dropping > 0) {
        const dropped = Math.min(this.#dropping, bytes.length - at)
        this.#dropping -= dropped
        at += dropped
        if (this.#dropping > 0) return true
      }
      if (this.#dropped !== undefined) {
        const frame = this.#dropped
        this.#dropped = undefined
        this.#options.onFrame(frame)
      }
      const left = bytes.length - at
      if (left > 0 && bytes[at] !== frameMark) return false
      if (left < frameHeaderBytes) return this.#keep(bytes, at, frameHeaderBytes)
      const kind = bytes[at + 1] ?? 0
      const headBytes = bytes.readUInt32LE(at + 8)
      const bodyBytes = bytes.readUInt32LE(at + 12)
      const limit = this.#options.bodyBytesMax(kind)
      if (limit === undefined || headBytes > headBytesMax) return false
      const fits = bodyBytes <= limit
      const wanted = frameHeaderBytes + headBytes + (fits ? bodyBytes : 0)
      if (left < wanted) return this.#keep(bytes, at, wanted)
      const headEnd = at + frameHeaderBytes + headBytes
      const frame = {
        kind,
        flags: bytes[at + 2] ?? 0,
        id: bytes.readUInt32LE(at + 4),
        head: bytes.toString('latin1', at + frameHeaderBytes, headEnd),
        body: fits ? bytes.subarray(headEnd, headEnd + bodyBytes) : undefined,
      }
      at += wanted
      if (fits) this.#options.onFrame(frame)
      else {
        this.#dropping = bodyBytes
        this.#dropped = frame
      }
    }
  }

  #keep(bytes: Buffer, at: number, wanted: number): true {
    this.#wanted = wanted
    this.#bytes = bytes.length - at
    if (this.#bytes > 0) this.#parts.push(at === 0 ? bytes : bytes.subarray(at))
    return true
  }
}
