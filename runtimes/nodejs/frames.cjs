// Frames as the daemon and this runtime exchange them; src/runtime-api/frames.ts says what each kind is for.

const KINDS = {
  next: 1,
  response: 2,
  error: 3,
  'init-error': 4,
  streamBegin: 5,
  streamPart: 6,
  streamEnd: 7,
  streamCut: 8,
  event: 65,
  accepted: 66,
  refused: 67,
  nextRefused: 68,
}
/** The flag of a report after which the next event is asked for. */
const ASKS_NEXT = 1
const MARK = 0xe5
const HEADER_BYTES = 16
const NO_BYTES = Buffer.alloc(0)

/**
 * @param {number} kind @param {number} flags @param {number} id
 * @param {string} head @param {string | Uint8Array} body
 * @returns {Buffer}
 */
function frameOf(kind, flags, id, head, body) {
  const headBytes = Buffer.byteLength(head)
  const text = typeof body === 'string'
  const bodyBytes = text ? Buffer.byteLength(body) : body.length
  const start = HEADER_BYTES + headBytes
  const bytes = Buffer.allocUnsafe(start + bodyBytes)
  bytes[0] = MARK
  bytes[1] = kind
  bytes[2] = flags
  bytes[3] = 0
  bytes.writeUInt32LE(id, 4)
  bytes.writeUInt32LE(headBytes, 8)
  bytes.writeUInt32LE(bodyBytes, 12)
  bytes.write(head, HEADER_BYTES)
  if (text) bytes.write(body, start)
  else bytes.set(body, start)
  return bytes
}

/** Feeds on the bytes of the connection, however they are cut; calls back once per frame. */
class FrameReader {
  /** @type {Buffer[]} bytes not consumed yet */
  #parts = []
  #bytes = 0
  #wanted = HEADER_BYTES
  #onFrame

  /** @param {(kind: number, id: number, head: string, body: string) => void} onFrame */
  constructor(onFrame) {
    this.#onFrame = onFrame
  }

  /** @param {Buffer} chunk may be overwritten by the caller afterwards */
  feed(chunk) {
    let bytes = chunk
    if (this.#bytes > 0) {
      this.#bytes += chunk.length
      if (this.#bytes < this.#wanted) {
        this.#parts.push(Buffer.from(chunk))
        return
      }
      bytes = Buffer.concat([...this.#parts, chunk], this.#bytes)
      this.#parts = []
      this.#bytes = 0
    }
    let at = 0
    for (;;) {
      const left = bytes.length - at
      this.#wanted = HEADER_BYTES
      if (left >= HEADER_BYTES) {
        const headEnd = at + HEADER_BYTES + bytes.readUInt32LE(at + 8)
        const bodyEnd = headEnd + bytes.readUInt32LE(at + 12)
        this.#wanted = bodyEnd - at
        if (left >= this.#wanted) {
          const head = bytes.utf8Slice(at + HEADER_BYTES, headEnd)
          const body = bytes.utf8Slice(headEnd, bodyEnd)
          const [kind, id] = [bytes[at + 1], bytes.readUInt32LE(at + 4)]
          at = bodyEnd
          this.#onFrame(kind, id, head, body)
          continue
        }
      }
      // What stays is copied out of the caller's buffer.
      if (left > 0) this.#parts.push(Buffer.from(bytes.subarray(at)))
      this.#bytes = left
      return
    }
  }
}

module.exports = { ASKS_NEXT, FrameReader, frameOf, KINDS, NO_BYTES }
