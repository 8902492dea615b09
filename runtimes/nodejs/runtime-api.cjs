// The HTTP Runtime API, version 2018-06-01, as the function's side speaks it.

const fs = process.getBuiltinModule('node:fs')
const { Connection } = require('./connection.cjs')
const { causeHeader, errorBody } = require('./errors.cjs')

/**
 * Above it a report goes alone and GET next waits for its answer: a large one may be refused, and
 * the line about the
 * refusal must be out before the environment can be frozen.
 */
const PIPELINED_CHARACTERS_MAX = 1024 * 1024
const BASE = '/2018-06-01/runtime'
/**
 * What the official native clients call themselves, since servers record it as the release of the
 * runtime.
 */
const userAgents = { 3: 'AWS_Lambda_Cpp/0.2.8', 4: 'AWS_Lambda_Cpp/0.2.6' }

/**
 * @typedef {{ headers: Record<string, string>, body: string }} NextEvent
 * @typedef {{ requestId: string, invocationId: string | undefined }} EventId
 */

/** `host:port`, also with an IPv6 host in brackets. */
function parseAddress(address) {
  const parts = /^\[?(.+?)\]?:(\d+)$/.exec(address)
  if (parts === null) throw new Error(`AWS_LAMBDA_RUNTIME_API is not host:port: '${address}'`)
  return { host: parts[1], port: Number(parts[2]) }
}

/** A value that cannot end its header line. */
function headerText(value) {
  return String(value).replace(/[^\x20-\x7e]/g, '?')
}

/**
 * The function's side of the Runtime API: one main connection, and another for what must not queue
 * behind GET next.
 */
class RuntimeApi {
  #main
  #address
  #generation
  #common
  #next
  /** @type {string | undefined} a report that goes out together with the next GET */
  #held
  #waitingForNext = false

  /**
   * @param {string} address host:port
   * @param {3 | 4} generation
   * @throws {Error} for another form
   */
  constructor(address, generation) {
    const { host, port } = parseAddress(address)
    this.#address = { host, port }
    this.#generation = generation
    this.#main = new Connection(host, port)
    this.#common = `Host: ${address}\r\nUser-Agent: ${userAgents[generation]}\r\nAccept: */*\r\n`
    this.#next = `GET ${BASE}/invocation/next HTTP/1.1\r\n${this.#common}\r\n`
  }

  get address() {
    return this.#address
  }

  get waitingForNext() {
    return this.#waitingForNext
  }

  /** Connects, before the function's code can patch node:net. */
  open() {
    this.#main.open()
  }

  /**
   * Asks for the next event, without a time limit: the process is frozen while it waits. A held
   * report leaves in the same write.
   * @returns {Promise<NextEvent>}
   * @throws {Error} when the Runtime API cannot be reached or refuses
   */
  async next() {
    const held = this.#held
    this.#held = undefined
    this.#main.keepAlive(true)
    if (held !== undefined && held.length > PIPELINED_CHARACTERS_MAX) {
      await this.#logRefusal(this.#main.send([held])[0])
      return this.#ask([this.#next])
    }
    return this.#ask(held === undefined ? [this.#next] : [held, this.#next])
  }

  /** @param {string[]} requests GET next is the last */
  async #ask(requests) {
    this.#waitingForNext = true
    const answers = this.#main.send(requests)
    if (answers.length === 2) this.#logRefusal(answers[0])
    const { status, headers, body } = await answers.at(-1)
    this.#waitingForNext = false
    this.#main.keepAlive(false)
    if (status !== 200) {
      throw new Error(`Failed to get next invocation. Http response code: ${status}. ${body}`)
    }
    return { headers, body }
  }

  /**
   * Reports the result of an event.
   * @param {EventId} id
   * @param {string} body JSON text
   * @param {boolean} withNext true: leave with the next GET in one write, which the caller is about
   * to send
   */
  respond(id, body, withNext) {
    this.#report(
      this.#post(`/invocation/${encodeURIComponent(id.requestId)}/response`, body, this.#echo(id)),
      withNext,
    )
  }

  /**
   * Reports a failed event; parameters as in `respond`.
   * @param {EventId} id
   * @param {unknown} error
   */
  fail(id, error, withNext) {
    this.#report(this.#failure(id, error), withNext)
  }

  /**
   * Reports a failed event and ends the process; the function's code does not run any more, if that
   * can be had.
   * @param {EventId} id @param {unknown} error @param {number} exitCode
   */
  failAndExit(id, error, exitCode) {
    this.flushSync()
    const bytes = this.#failure(id, error)
    const answer = this.#main.exchangeSync(bytes)
    if (answer !== undefined) {
      if (answer.status >= 300) this.#printRefusal(answer)
      process.exit(exitCode)
    }
    this.#main.keepAlive(true)
    const leave = () => process.exit(exitCode)
    this.#main.send([bytes])[0].then(leave, leave)
  }

  /**
   * Reports a failed init.
   * @param {unknown} error
   * @returns {Promise<void>} when it has been answered
   */
  async failInit(error) {
    const body = errorBody(error, this.#generation)
    const json = JSON.stringify(body)
    const bytes =
      `POST ${BASE}/init/error HTTP/1.1\r\nHost: ${this.#address.host}:${this.#address.port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n` +
      `Lambda-Runtime-Function-Error-Type: ${headerText(body.errorType)}\r\n\r\n${json}`
    const connection = this.#waitingForNext
      ? new Connection(this.#address.host, this.#address.port)
      : this.#main
    connection.keepAlive(true)
    await connection.send([bytes])[0]
  }

  /** The head of a streamed response, up to its content type. @param {EventId} id */
  streamHead(id) {
    return (
      `POST ${BASE}/invocation/${encodeURIComponent(id.requestId)}/response HTTP/1.1\r\n` +
      `Host: ${this.#address.host}:${this.#address.port}\r\n${this.#echo(id)}` +
      'Lambda-Runtime-Function-Response-Mode: streaming\r\nConnection: close\r\n' +
      'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n'
    )
  }

  /** The process is about to end: what is held leaves now. */
  flushSync() {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    const answer = this.#main.exchangeSync(held)
    if (answer === undefined) this.#logRefusal(this.#main.send([held])[0])
    else if (answer.status >= 300) this.#printRefusal(answer)
  }

  /**
   * Stops the process until GET next has been answered, as the thread of the official client does
   * that sits in it.
   */
  awaitNextSync() {
    if (this.#waitingForNext) this.#main.awaitAnswersSync()
  }

  /** The header that ties a report to one attempt of an event. @param {EventId} id */
  #echo(id) {
    return id.invocationId === undefined
      ? ''
      : `Lambda-Runtime-Invocation-Id: ${headerText(id.invocationId)}\r\n`
  }

  #failure(id, error) {
    const cause = causeHeader(error)
    const causeLine = cause === '' ? '' : `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n`
    const path = `/invocation/${encodeURIComponent(id.requestId)}/error`
    return this.#post(
      path,
      JSON.stringify(errorBody(error, this.#generation)),
      this.#echo(id) + causeLine,
    )
  }

  #post(path, body, headerLines) {
    const length = Buffer.byteLength(body)
    return (
      `POST ${BASE}${path} HTTP/1.1\r\n${this.#common}Content-Type: application/json\r\n` +
      `Content-Length: ${length}\r\n${headerLines}\r\n${body}`
    )
  }

  #report(bytes, withNext) {
    this.flushSync()
    if (withNext) {
      this.#held = bytes
      return
    }
    this.#main.keepAlive(true)
    this.#logRefusal(this.#main.send([bytes])[0])
  }

  /** @param {Promise<import('./http-answers.cjs').Answer>} answer */
  #logRefusal(answer) {
    return answer.then(
      (given) => {
        if (given.status >= 300) this.#printRefusal(given)
      },
      () => {
        // A lost connection shows itself at GET next, which follows every report.
      },
    )
  }

  /**
   * Not through process.stdout: the native client prints this itself, past any patch of the
   * function's.
   */
  #printRefusal({ status, body }) {
    const more = this.#generation === 4 ? ` ${body}` : ''
    fs.writeSync(
      1,
      `[ERROR] [${Date.now()}] LAMBDA_RUNTIME Failed to post handler success response. Http response code: ${status}.${more}\n`,
    )
  }
}

module.exports = { RuntimeApi }
