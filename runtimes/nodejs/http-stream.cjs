// A streamed response over HTTP: one chunked POST on a connection of its own, with errors as trailers.

const { connect } = process.getBuiltinModule('node:net')
const { AnswerParser } = require('./http-answers.cjs')

/** It has a life cycle: begun, written to, ended or destroyed. */
class HttpStream {
  #socket
  #head

  /**
   * @param {{ host: string, port: number }} address
   * @param {string} head of the request, up to its content type
   * @param {import('./runtime-api.cjs').StreamListener} listener
   */
  constructor(address, head, { answered, failed, closed }) {
    this.#head = head
    const parser = new AnswerParser((answer) => {
      answered(answer)
      this.#socket.destroy()
    })
    this.#socket = connect({ ...address, noDelay: true })
    this.#socket.on('data', (bytes) => parser.feed(bytes))
    this.#socket.on('error', failed)
    this.#socket.on('close', () => {
      parser.end()
      closed()
    })
  }

  begin(contentType) {
    this.#socket.write(
      `${this.#head}Content-Type: ${contentType}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
  }

  /** @param {() => void} begin sends the head, if it has not been sent */
  write(chunk, begin, callback) {
    this.#socket.cork()
    begin()
    // A chunk of no bytes would end the body.
    if (chunk.length > 0) {
      this.#socket.write(`${chunk.length.toString(16)}\r\n`)
      this.#socket.write(chunk)
    }
    this.#socket.write(chunk.length > 0 ? '\r\n' : '', callback)
    process.nextTick(() => this.#socket.uncork())
  }

  /** @param {{ errorType: string, body: string } | undefined} late body: base64 */
  end(late, callback) {
    const trailers =
      late === undefined
        ? ''
        : `Lambda-Runtime-Function-Error-Type: ${late.errorType}\r\n` +
          `Lambda-Runtime-Function-Error-Body: ${late.body}\r\n`
    this.#socket.write(`0\r\n${trailers}\r\n`, callback)
  }

  destroy() {
    this.#socket.destroy()
  }
}

module.exports = { HttpStream }
