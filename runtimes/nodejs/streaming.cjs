// A streamed response, opened when the handler is called; an error after it has begun ends it.

const { Writable } = process.getBuiltinModule('node:stream')
const { errorBody, runtimeError } = require('./errors.cjs')

/**
 * What a handler gets of the stream: the official client hands out these members of its request,
 * bound, and no more.
 */
const methods = [
  ...[
    'cork',
    'destroy',
    'end',
    'uncork',
    'write',
    'addListener',
    'emit',
    'eventNames',
    'getMaxListeners',
  ],
  ...['listenerCount', 'listeners', 'off', 'on', 'once', 'prependListener', 'prependOnceListener'],
  ...['rawListeners', 'removeAllListeners', 'removeListener', 'setMaxListeners', 'setContentType'],
]
const properties = [
  ...[
    'destroyed',
    '_onBeforeFirstWrite',
    'writable',
    'writableFinished',
    'writableObjectMode',
    'writableEnded',
  ],
  ...['writableNeedDrain', 'writableHighWaterMark', 'writableCorked', 'writableLength'],
]

/** Sends what is written in parts. It starts with the first byte, or with the end. */
class StreamedResponse extends Writable {
  #generation
  #stream
  #contentType = 'application/octet-stream'
  #headSent = false
  #written = false
  #late
  /** Set by HttpResponseStream.from: called with a writer ahead of the first write. */
  _onBeforeFirstWrite = undefined

  constructor({ generation, api, id }) {
    super()
    this.#generation = generation
    this.answered = new Promise((resolve, reject) => {
      this.#stream = api.openStream(id, {
        answered: resolve,
        failed: (error) => this.destroy(error),
        closed: () =>
          reject(new Error('The Runtime API closed the connection before it answered.')),
      })
      this.on('error', reject)
    })
    this.answered.catch(() => {
      // Told by the rejection below, which nobody handles, and by whoever awaits it.
    })
    // A broken stream is an unhandled rejection in the official clients: 3 reports it and exits
    // with 128, 4 exits with 1.
    this.on('error', (error) => void Promise.reject(error))
  }

  /** @throws {Error} Runtime.InvalidStreamingOperation after the first write */
  setContentType(contentType) {
    if (this.#written) {
      throw runtimeError(
        this.#generation,
        'InvalidStreamingOperation',
        'Cannot set content-type, too late.',
      )
    }
    this.#contentType = contentType
  }

  write(chunk, encoding, callback) {
    const raw = typeof chunk === 'string' || chunk instanceof Uint8Array
    if (!this.#written && typeof this._onBeforeFirstWrite === 'function') {
      this._onBeforeFirstWrite((part) => super.write(part))
    }
    const goOn = super.write(raw ? chunk : JSON.stringify(chunk), encoding, callback)
    this.#written = true
    return goOn
  }

  /**
   * Ends the response with an error; after a proper end it changes nothing.
   * @param {unknown} error
   */
  fail(error, callback) {
    if (this.writableEnded) {
      if (callback) process.nextTick(callback)
      return
    }
    const body = errorBody(error, this.#generation)
    const type = String(body.errorType).replace(/[^\x20-\x7e]/g, '?')
    this.#late = {
      errorType: type,
      body: Buffer.from(JSON.stringify(body)).toString('base64'),
    }
    this.end(callback)
  }

  #begin() {
    if (this.#headSent) return
    this.#headSent = true
    this.#stream.begin(String(this.#contentType).replace(/[\r\n]/g, ' '))
  }

  _write(chunk, _encoding, callback) {
    this.#stream.write(chunk, () => this.#begin(), callback)
  }

  _final(callback) {
    this.#begin()
    this.#stream.end(this.#late, callback)
  }

  _destroy(error, callback) {
    if (error) this.#stream.destroy()
    callback(error)
  }
}

/** @param {StreamedResponse} stream */
function handlerView(stream) {
  const view = Object.fromEntries(methods.map((name) => [name, stream[name].bind(stream)]))
  for (const name of properties) {
    Object.defineProperty(view, name, {
      get: () => stream[name],
      set: (value) => {
        stream[name] = value
      },
    })
  }
  return view
}

function isThenable(value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function'
}

/** @throws whatever the handler threw, or that it is not async or left the stream unfinished */
async function untilAnswered(stream, result, generation) {
  if (!isThenable(result)) {
    const message = 'Streaming does not support non-async handlers.'
    // Client 3 reports the bare text, whose errorType is `string`.
    throw generation === 3 ? message : new Error(message)
  }
  const value = await result
  if (value !== undefined) console.warn('Streaming handlers ignore return values.')
  await stream.answered
  if (stream.writableFinished) return
  const message = 'Response stream is not finished.'
  throw generation === 3 ? message : new Error(message)
}

/**
 * Serves one event of a streaming handler.
 * @param {object} event
 * @param {3 | 4} event.generation
 * @param {import('./runtime-api.cjs').RuntimeApi} event.api
 * @param {import('./runtime-api.cjs').EventId} event.id
 * @param {{ error: (title: string, error: unknown) => void }} event.log
 * @param {(stream: object, context: object) => unknown} event.run calls the handler; `context` is
 * the start of client 3's
 * @param {(waitsForEmptyLoop: boolean) => void} event.goOn the response is out: ask for the next
 * event
 */
async function streamOnce({ generation, api, id, log, run, goOn }) {
  const stream = new StreamedResponse({ generation, api, id })
  let waitsForEmptyLoop = true
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waitsForEmptyLoop
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waitsForEmptyLoop = value
    },
  }
  const leave = () => goOn(waitsForEmptyLoop)
  try {
    await untilAnswered(stream, run(handlerView(stream), context), generation)
  } catch (error) {
    if (generation === 4) await new Promise((resolve) => globalThis.setImmediate(resolve))
    log.error('Invoke Error', error)
    stream.fail(error)
    // The report is in before the next event is asked for, on whichever connection.
    await stream.answered.catch(() => {})
  }
  leave()
}

module.exports = { streamOnce }
