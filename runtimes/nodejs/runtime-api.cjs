// The function's side of the Runtime API: what is reported and asked for when, over whichever transport.

const fs = process.getBuiltinModule('node:fs')
const { causeHeader, errorBody } = require('./errors.cjs')

/**
 * Above it a report goes alone and GET next waits for its answer: a large one may be refused, and
 * the line about the
 * refusal must be out before the environment can be frozen.
 */
const PIPELINED_CHARACTERS_MAX = 1024 * 1024
const NEXT = { kind: 'next' }

/**
 * @typedef {{ headers: Record<string, string>, body: string }} NextEvent
 * @typedef {{ requestId: string, invocationId: string | undefined }} EventId
 * @typedef {{ status: number, headers: Record<string, string>, body: string }} Answer
 * @typedef {{ answered: (answer: Answer) => void, failed: (error: Error) => void, closed: () => void }}
 * StreamListener `closed` follows every end
 */
/**
 * What a transport carries: a question for the next event, the JSON text of a result, or that of an error.
 * @typedef {{ kind: 'next' }
 * | { kind: 'response', id: EventId, body: string }
 * | { kind: 'error', id: EventId, body: string, cause: string }
 * | { kind: 'init-error', body: string, errorType: string }} Request
 */
/**
 * @typedef {object} Transport
 * @property {() => void} open Connects, before the function's code can patch node:net.
 * @property {(keeps: boolean) => void} keepAlive Whether an open request holds the event loop.
 * @property {(requests: Request[]) => Promise<Answer>[]} send In one write; a report, NEXT, or both.
 * @property {(request: Request) => Promise<Answer>} sendAside Past a NEXT that is open.
 * @property {(request: Request) => Answer | undefined} exchangeSync While nothing else of this process
 * runs; undefined when that cannot be had now: use `send`.
 * @property {() => void} awaitAnswersSync Stops this process until every open request has its answer.
 * @property {(id: EventId, listener: StreamListener) => object} openStream
 */

/** It has a life cycle: opened once, then one event after the other. */
class RuntimeApi {
  #transport
  #generation
  /** @type {Request | undefined} a report that goes out together with the next question */
  #held
  #waitingForNext = false

  /**
   * @param {Transport} transport
   * @param {3 | 4} generation
   */
  constructor(transport, generation) {
    this.#transport = transport
    this.#generation = generation
  }

  get waitingForNext() {
    return this.#waitingForNext
  }

  /** Connects, before the function's code can patch node:net. */
  open() {
    this.#transport.open()
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
    this.#transport.keepAlive(true)
    if (held !== undefined && sizeOf(held) > PIPELINED_CHARACTERS_MAX) {
      await this.#logRefusal(this.#transport.send([held])[0])
      return this.#ask([NEXT])
    }
    return this.#ask(held === undefined ? [NEXT] : [held, NEXT])
  }

  /** @param {Request[]} requests NEXT is the last */
  async #ask(requests) {
    this.#waitingForNext = true
    const answers = this.#transport.send(requests)
    if (answers.length === 2) this.#logRefusal(answers[0])
    const { status, headers, body } = await answers.at(-1)
    this.#waitingForNext = false
    this.#transport.keepAlive(false)
    if (status !== 200) {
      throw new Error(`Failed to get next invocation. Http response code: ${status}. ${body}`)
    }
    return { headers, body }
  }

  /**
   * Reports the result of an event.
   * @param {EventId} id
   * @param {string} body JSON text
   * @param {boolean} withNext true: leave with the next question in one write, which the caller is about
   * to send
   */
  respond(id, body, withNext) {
    this.#report({ kind: 'response', id, body }, withNext)
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
    const failure = this.#failure(id, error)
    const answer = this.#transport.exchangeSync(failure)
    if (answer !== undefined) {
      if (answer.status >= 300) this.#printRefusal(answer)
      process.exit(exitCode)
    }
    this.#transport.keepAlive(true)
    const leave = () => process.exit(exitCode)
    this.#transport.send([failure])[0].then(leave, leave)
  }

  /**
   * Reports a failed init.
   * @param {unknown} error
   * @returns {Promise<void>} when it has been answered
   */
  async failInit(error) {
    const body = errorBody(error, this.#generation)
    const request = { kind: 'init-error', body: JSON.stringify(body), errorType: body.errorType }
    if (this.#waitingForNext) {
      await this.#transport.sendAside(request)
      return
    }
    this.#transport.keepAlive(true)
    await this.#transport.send([request])[0]
  }

  /** A response in parts. @param {EventId} id @param {StreamListener} listener */
  openStream(id, listener) {
    return this.#transport.openStream(id, listener)
  }

  /** The process is about to end: what is held leaves now. */
  flushSync() {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    const answer = this.#transport.exchangeSync(held)
    if (answer === undefined) this.#logRefusal(this.#transport.send([held])[0])
    else if (answer.status >= 300) this.#printRefusal(answer)
  }

  /**
   * Stops the process until the question for the next event has been answered, as the thread of the
   * official client does that sits in it.
   */
  awaitNextSync() {
    if (this.#waitingForNext) this.#transport.awaitAnswersSync()
  }

  #failure(id, error) {
    const cause = causeHeader(error)
    return {
      kind: 'error',
      id,
      body: JSON.stringify(errorBody(error, this.#generation)),
      cause,
    }
  }

  #report(request, withNext) {
    this.flushSync()
    if (withNext) {
      this.#held = request
      return
    }
    this.#transport.keepAlive(true)
    this.#logRefusal(this.#transport.send([request])[0])
  }

  /** @param {Promise<Answer>} answer */
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

function sizeOf({ body, cause }) {
  return body.length + (cause?.length ?? 0)
}

module.exports = { RuntimeApi }
