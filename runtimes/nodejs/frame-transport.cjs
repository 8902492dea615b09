// Reports and questions of the runtime as frames over the descriptor that the daemon has handed over. When that is gone
// (some code in the function has closed it, or written to it) all that has no answer goes on over HTTP.

const { ASKS_NEXT, FrameReader, frameOf, KINDS, NO_BYTES } = require('./frames.cjs')
const { openInherited } = require('./inherited-connection.cjs')
const { readSync, writeSync } = require('./waiting-sync.cjs')

const ID_MAX = 0xffffffff
/** Larger ones are cut; the daemon takes 16 MB. */
const STREAM_PART_BYTES_MAX = 1024 * 1024

/** @typedef {import('./runtime-api.cjs').Answer} Answer */

/** An empty line is a value that was not given. */
function lineOf(value) {
  return value === undefined ? '' : String(value).replace(/[\r\n]/g, ' ')
}

/** As the HTTP Runtime API tells it. */
function eventOf(head, body) {
  const headers = {}
  for (const line of head.split('\n')) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon)] = line.slice(colon + 1)
  }
  return { status: 200, headers, body }
}

const accepted = { status: 202, headers: {}, body: '' }

/** A connection that has always been open, and the requests on it that have no answer yet. */
class FrameTransport {
  #fd
  #connection
  #reader
  /** What takes its place; undefined while there is no need. */
  #http
  #makeHttp
  /** Reports by their id, in order. @type {Map<number, object>} */
  #reports = new Map()
  /** Who waits for an event. */
  #questions = []
  /** @type {Map<number, FrameStream>} */
  #streams = new Map()
  #lastId = 0
  #keepsAlive = false

  /**
   * @param {number} fd
   * @param {() => import('./runtime-api.cjs').Transport} makeHttp
   */
  constructor(fd, makeHttp) {
    this.#fd = fd
    this.#makeHttp = makeHttp
    this.#reader = new FrameReader((...frame) => this.#take(...frame))
  }

  open() {
    if (this.#connection !== undefined || this.#http !== undefined) return
    try {
      this.#connection = openInherited(this.#fd, {
        bytes: (bytes) => this.#reader.feed(bytes),
        closed: () => this.#lost(),
      })
    } catch {
      this.#lost()
      return
    }
    this.#hold()
  }

  keepAlive(keeps) {
    if (this.#http !== undefined) {
      this.#http.keepAlive(keeps)
      return
    }
    if (this.#keepsAlive === keeps) return
    this.#keepsAlive = keeps
    this.#hold()
  }

  send(requests) {
    if (this.#http !== undefined) return this.#http.send(requests)
    this.open()
    if (this.#http !== undefined) return this.#http.send(requests)
    const answers = requests.map((request) => this.#promise(request))
    const [first] = requests
    const flags = requests.length === 2 ? ASKS_NEXT : 0
    this.#connection.write(this.#frame(first, flags))
    return answers
  }

  sendAside(request) {
    return this.send([request])[0]
  }

  exchangeSync(request) {
    if (this.#http !== undefined) return this.#http.exchangeSync(request)
    if (!this.#idleForSync()) return undefined
    let answered
    const id = this.#note(request, {
      resolve: (answer) => {
        answered = answer
      },
      reject() {},
    })
    try {
      writeSync(this.#fd, this.#frame(request, 0, id))
      readSync(
        this.#fd,
        (bytes) => this.#reader.feed(bytes),
        () => answered !== undefined,
      )
    } catch {
      // The connection failed; `send` finds another way.
    }
    this.#reports.delete(id)
    return answered
  }

  awaitAnswersSync() {
    if (this.#http !== undefined) {
      this.#http.awaitAnswersSync()
      return
    }
    try {
      readSync(
        this.#fd,
        (bytes) => this.#reader.feed(bytes),
        () => this.#questions.length === 0 && this.#reports.size === 0,
      )
    } catch {
      // There is nothing left to wait for, and the caller is about to end the process.
    }
  }

  openStream(id, listener) {
    this.open()
    if (this.#http !== undefined) return this.#http.openStream(id, listener)
    const stream = new FrameStream({
      id: this.#newId(),
      event: id,
      listener,
      write: (bytes, callback) => this.#connection.write(bytes, callback),
      ended: (number) => {
        this.#streams.delete(number)
        this.#hold()
      },
    })
    this.#streams.set(stream.id, stream)
    this.#hold()
    return stream
  }

  #idleForSync() {
    return this.#connection !== undefined && !this.#connection.writing
  }

  /** A loop must be able to drain while a handler runs, but not while a stream is open. */
  #hold() {
    if (this.#connection === undefined) return
    if (this.#keepsAlive || this.#streams.size > 0) this.#connection.ref()
    else this.#connection.unref()
  }

  #newId() {
    this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1
    return this.#lastId
  }

  #promise(request) {
    return new Promise((resolve, reject) => {
      if (request.kind === 'next') this.#questions.push({ request, resolve, reject })
      else this.#note(request, { resolve, reject })
    })
  }

  #note(request, { resolve, reject }) {
    const id = this.#newId()
    this.#reports.set(id, { request, resolve, reject })
    return id
  }

  #frame(request, flags, id = this.#lastId) {
    const { kind, id: event, body, cause, errorType } = request
    switch (kind) {
      case 'next':
        return frameOf(KINDS.next, 0, 0, '', NO_BYTES)
      case 'init-error':
        return frameOf(KINDS[kind], flags, id, lineOf(errorType), body)
      default: {
        const rest = kind === 'response' ? 'application/json' : `\n${lineOf(cause)}`
        const head = `${event.requestId}\n${event.invocationId ?? ''}\n${rest}`
        return frameOf(KINDS[kind], flags, id, head, body)
      }
    }
  }

  #take(kind, id, head, body) {
    switch (kind) {
      case KINDS.event:
        this.#acceptReports()
        this.#questions.shift()?.resolve(eventOf(head, body))
        break
      case KINDS.nextRefused:
        this.#questions.shift()?.resolve({ status: Number(head), headers: {}, body })
        break
      case KINDS.accepted:
        this.#answered(id, accepted)
        break
      case KINDS.refused:
        this.#answered(id, { status: Number(head), headers: {}, body })
        break
    }
  }

  /** Who gets an event has had its reports accepted, or has been told otherwise before. */
  #acceptReports() {
    for (const report of this.#reports.values()) report.resolve(accepted)
    this.#reports.clear()
  }

  #answered(id, answer) {
    const report = this.#reports.get(id)
    this.#reports.delete(id)
    report?.resolve(answer)
    this.#streams.get(id)?.answered(answer)
  }

  #lost() {
    if (this.#http !== undefined) return
    this.#connection = undefined
    this.#http = this.#makeHttp()
    this.#http.keepAlive(this.#keepsAlive)
    const open = [...this.#reports.values(), ...this.#questions]
    this.#reports.clear()
    this.#questions = []
    for (const stream of [...this.#streams.values()]) stream.lost()
    if (open.length === 0) return
    const answers = this.#http.send(open.map(({ request }) => request))
    for (const [index, { resolve, reject }] of open.entries()) answers[index].then(resolve, reject)
  }
}

/** A response in parts. It has a life cycle: begun, written to, ended or destroyed. */
class FrameStream {
  #event
  #listener
  #write
  #ended
  #state = 'new'

  constructor({ id, event, listener, write, ended }) {
    this.id = id
    this.#event = event
    this.#listener = listener
    this.#write = write
    this.#ended = ended
  }

  begin(contentType) {
    if (this.#state !== 'new') return
    this.#state = 'open'
    const { requestId, invocationId } = this.#event
    const head = `${requestId}\n${invocationId ?? ''}\n${contentType}`
    this.#write(frameOf(KINDS.streamBegin, 0, this.id, head, NO_BYTES))
  }

  /** @param {() => void} begin sends the head, if it has not been sent */
  write(chunk, begin, callback) {
    begin()
    if (!this.#isOpen(callback)) return
    if (chunk.length === 0) {
      process.nextTick(callback)
      return
    }
    for (let from = 0; from < chunk.length; from += STREAM_PART_BYTES_MAX) {
      const to = Math.min(from + STREAM_PART_BYTES_MAX, chunk.length)
      const part = frameOf(KINDS.streamPart, 0, this.id, '', chunk.subarray(from, to))
      this.#write(part, to === chunk.length ? callback : undefined)
    }
  }

  /** @param {{ errorType: string, body: string } | undefined} late body: base64 */
  end(late, callback) {
    if (!this.#isOpen(callback)) return
    const head = late === undefined ? '' : `${late.errorType}\n${late.body}`
    this.#state = 'whole'
    this.#write(frameOf(KINDS.streamEnd, 0, this.id, head, NO_BYTES), callback)
  }

  destroy() {
    if (this.#state === 'open') this.#write(frameOf(KINDS.streamCut, 0, this.id, '', NO_BYTES))
    this.#close()
  }

  answered(answer) {
    this.#listener.answered(answer)
    this.#close()
  }

  lost() {
    this.#close()
  }

  #isOpen(callback) {
    if (this.#state !== 'closed') return true
    const error = new Error('Cannot call write after a stream was destroyed')
    process.nextTick(callback, Object.assign(error, { code: 'ERR_STREAM_DESTROYED' }))
    return false
  }

  #close() {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#ended(this.id)
    process.nextTick(this.#listener.closed)
  }
}

module.exports = { FrameTransport }
