// One keep-alive connection to the Runtime API over a bare socket: requests may follow each other
// without waiting (pipelining), answers come in order, a connection that the server closed is
// opened again once per request. It is not node:http: a function that instruments or patches http
// must not meet these calls, and node:http is 140 µs an event dearer.

const { connect } = process.getBuiltinModule('node:net')
const { AnswerParser } = require('./http-answers.cjs')
const { readSync, writeSync } = require('./waiting-sync.cjs')

const READ_BUFFER_BYTES = 64 * 1024
/** @typedef {import('./http-answers.cjs').Answer} Answer */
/**
 * @typedef {{ bytes: string, sends: number, resolve: (answer: Answer) => void, reject: (error:
 * Error) => void }} Request
 */

/** A connection and the requests on it that have no answer yet. */
class Connection {
  #host
  #port
  #socket
  #parser
  /** @type {Request[]} */
  #unanswered = []
  #keepsAlive = false
  #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)

  /** @param {string} host @param {number} port */
  constructor(host, port) {
    this.#host = host
    this.#port = port
  }

  get idle() {
    return this.#unanswered.length === 0
  }

  /** Opens the connection if it is not open. */
  open() {
    if (this.#socket !== undefined) return
    const parser = new AnswerParser((answer) => this.#answered(answer))
    const socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: this.#readBuffer,
        callback: (length, buffer) => {
          if (this.#socket === socket) parser.feed(buffer.subarray(0, length))
          return true
        },
      },
    })
    let failure
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => this.#closed(socket, parser, failure))
    this.#socket = socket
    this.#parser = parser
    if (!this.#keepsAlive) socket.unref()
  }

  /**
   * Whether an open request holds the event loop; a loop must be able to drain while a handler
   * runs.
   */
  keepAlive(keeps) {
    this.#keepsAlive = keeps
    if (keeps) this.#socket?.ref()
    else this.#socket?.unref()
  }

  /**
   * Writes requests in one go.
   * @param {string[]} requests the bytes of each, head and body
   * @returns {Promise<Answer>[]} in the same order
   */
  send(requests) {
    this.open()
    const answers = requests.map(
      (bytes) =>
        new Promise((resolve, reject) => {
          this.#unanswered.push({ bytes, sends: 1, resolve, reject })
        }),
    )
    this.#socket.write(requests.length === 1 ? requests[0] : requests.join(''))
    return answers
  }

  /**
   * Sends a request and reads its answer while nothing else of this process runs.
   * @param {string} bytes
   * @returns {Answer | undefined} undefined when the socket cannot be used in this way now: use
   * `send`
   */
  exchangeSync(bytes) {
    const fd = this.#socket?._handle?.fd
    if (!(fd >= 0) || this.#socket.connecting || this.#socket.writableLength > 0) return undefined
    let answered
    const resolve = (answer) => {
      answered = answer
    }
    const request = { bytes, sends: 1, resolve, reject() {} }
    this.#unanswered.push(request)
    try {
      writeSync(fd, Buffer.from(bytes))
      this.#readSync(fd, () => answered !== undefined)
    } catch {
      // The connection failed; `send` opens another.
    }
    if (answered === undefined)
      this.#unanswered = this.#unanswered.filter((open) => open !== request)
    return answered
  }

  /** Stops this process until every open request has its answer, or the connection has ended. */
  awaitAnswersSync() {
    const fd = this.#socket?._handle?.fd
    if (!(fd >= 0) || this.#socket.connecting) return
    try {
      this.#readSync(fd, () => this.idle)
    } catch {
      // The connection failed: there is nothing left to wait for, and the caller is about to end
      // the process.
    }
  }

  #readSync(fd, done) {
    readSync(fd, (bytes) => this.#parser.feed(bytes), done)
  }

  #answered(answer) {
    const request = this.#unanswered.shift()
    if (request === undefined) {
      // Nobody asked: a server that gives up an idle connection says so first.
      this.#socket?.destroy()
      return
    }
    if (answer.closes) this.#reopen()
    request.resolve(answer)
  }

  #closed(socket, parser, failure) {
    if (this.#socket !== socket) return
    parser.end()
    if (this.#socket !== socket) return
    this.#reopen(failure)
  }

  /** Gives the open requests to a new connection, each once only. */
  #reopen(failure) {
    const socket = this.#socket
    this.#socket = undefined
    socket.destroy()
    const [lost, again] = [[], []]
    for (const request of this.#unanswered) (request.sends > 1 ? lost : again).push(request)
    this.#unanswered = again
    for (const request of lost) {
      request.reject(
        failure ?? new Error('The Runtime API closed the connection before it answered.'),
      )
    }
    if (again.length === 0) return
    this.open()
    for (const request of again) request.sends += 1
    this.#socket.write(again.map((request) => request.bytes).join(''))
  }
}

module.exports = { Connection }
