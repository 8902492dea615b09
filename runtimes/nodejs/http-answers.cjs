// Reads HTTP/1.1 answers out of the bytes of one connection, strictly in order, however the bytes
// are cut.

/**
 * @typedef {{ status: number, headers: Record<string, string>, body: string, closes: boolean }}
 * Answer
 */

const HEAD_END = '\r\n\r\n'
const NO_BYTES = Buffer.alloc(0)

/** Header names in lower case; values as UTF-8, since client contexts arrive so. */
function parseHead(text) {
  const lines = text.split('\r\n')
  const headers = {}
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index]
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { status: Number.parseInt(lines[0].slice(9, 12), 10), headers }
}

/**
 * Feeds on bytes, calls back once per answer. It has a life cycle: one parser belongs to one
 * connection.
 */
class AnswerParser {
  /** @type {Buffer} bytes not consumed yet */
  #rest = NO_BYTES
  /** @type {Buffer[]} */
  #body = []
  #bodyBytesMissing = 0
  /** @type {'head' | 'sized' | 'chunk-size' | 'chunk' | 'trailers' | 'until-end'} */
  #state = 'head'
  #head = { status: 0, headers: {} }
  #onAnswer

  /** @param {(answer: Answer) => void} onAnswer */
  constructor(onAnswer) {
    this.#onAnswer = onAnswer
  }

  /**
   * True while nothing of an answer has been read, so that an end of the connection cuts nothing.
   */
  get atStart() {
    return this.#state === 'head' && this.#rest.length === 0
  }

  /** @param {Buffer} bytes may be overwritten by the caller afterwards */
  feed(bytes) {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#step()) {}
    // What stays is copied out of the caller's buffer.
    if (this.#rest.length > 0) this.#rest = Buffer.from(this.#rest)
  }

  /** The connection has ended: an answer without a length is complete now. */
  end() {
    if (this.#state === 'until-end') this.#finish()
  }

  #step() {
    switch (this.#state) {
      case 'head':
        return this.#readHead()
      case 'sized':
      case 'chunk':
        return this.#readBody()
      case 'chunk-size':
        return this.#readChunkSize()
      case 'trailers':
        return this.#readTrailer()
      default:
        return this.#readUntilEnd()
    }
  }

  #takeLine() {
    const end = this.#rest.indexOf('\r\n')
    if (end === -1) return undefined
    const line = this.#rest.toString('latin1', 0, end)
    this.#rest = this.#rest.subarray(end + 2)
    return line
  }

  #readHead() {
    const end = this.#rest.indexOf(HEAD_END)
    if (end === -1) return false
    this.#head = parseHead(this.#rest.toString('utf8', 0, end))
    this.#rest = this.#rest.subarray(end + HEAD_END.length)
    const { status, headers } = this.#head
    if (status < 200) return true
    if (headers['transfer-encoding']?.toLowerCase().includes('chunked')) {
      this.#state = 'chunk-size'
      return true
    }
    const length = headers['content-length']
    if (status === 204 || status === 304 || length === '0') return this.#finish()
    if (length === undefined) {
      this.#state = 'until-end'
      return true
    }
    this.#bodyBytesMissing = Number.parseInt(length, 10)
    this.#state = 'sized'
    return true
  }

  #readBody() {
    if (this.#rest.length === 0) return false
    const part = this.#rest.subarray(0, this.#bodyBytesMissing)
    this.#rest = this.#rest.subarray(part.length)
    this.#bodyBytesMissing -= part.length
    const whole = this.#bodyBytesMissing === 0
    this.#body.push(whole && this.#body.length === 0 ? part : Buffer.from(part))
    if (!whole) return false
    if (this.#state === 'sized') return this.#finish()
    // The line end after a chunk is read as the empty line that takes its place.
    this.#state = 'chunk-size'
    return true
  }

  #readChunkSize() {
    const line = this.#takeLine()
    if (line === undefined) return false
    if (line === '') return true
    this.#bodyBytesMissing = Number.parseInt(line, 16)
    this.#state = this.#bodyBytesMissing === 0 ? 'trailers' : 'chunk'
    return true
  }

  #readTrailer() {
    const line = this.#takeLine()
    if (line === undefined) return false
    return line === '' ? this.#finish() : true
  }

  #readUntilEnd() {
    if (this.#rest.length > 0) this.#body.push(Buffer.from(this.#rest))
    this.#rest = NO_BYTES
    return false
  }

  #finish() {
    const { status, headers } = this.#head
    const parts = this.#body
    const body = (parts.length === 1 ? parts[0] : Buffer.concat(parts)).toString('utf8')
    const closes = this.#state === 'until-end' || headers.connection?.toLowerCase() === 'close'
    this.#body = []
    this.#state = 'head'
    this.#onAnswer({ status, headers, body, closes })
    return true
  }
}

module.exports = { AnswerParser }
