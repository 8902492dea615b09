// Serves events as client 3 does (nodejs22.x and older): callbacks, context.done and its kin, the
// empty event loop, process listeners that report uncaught errors and end the process with 129 and
// 128.

const { patchedContext } = require('./event-context.cjs')
const { crashAtNext } = require('./dying.cjs')
const { provideGlobal, withStreaming } = require('./handler-loader.cjs')
const { responseBody, runtimeError } = require('./errors.cjs')
const { setCurrentIds } = require('./console.cjs')

const { setImmediate } = globalThis
const beforeExitKey = Symbol.for('aws.lambda.beforeExit')

const EXIT_UNCAUGHT = 129
const EXIT_UNHANDLED = 128
/** Node's own for a top-level await that is open when nothing is left to run; client 3 has one. */
const EXIT_UNSETTLED_LOAD = 13

const CALLBACK_WARNING =
  'AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need to update this function to use an async handler to use Node.js 24 or later. For more information and to provide feedback on this change, see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.'

const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'

const whenLoopIsEmpty = (task) => {
  globalThis[beforeExitKey] = task
}
const forgetEmptyLoop = () => whenLoopIsEmpty(() => {})

/** @param {unknown} value */
function isThenable(value) {
  return Boolean(value?.then) && typeof value.then === 'function'
}

/**
 * The ways in which one event can be completed; the first one that works counts, all later ones are
 * ignored.
 */
class Completion {
  #runtime
  #id
  #answered = false
  #used = false
  waitsForEmptyLoop = true

  constructor(runtime, id) {
    this.#runtime = runtime
    this.#id = id
  }

  markAnswered() {
    this.#answered = true
  }

  #answer(result, withNext) {
    if (this.#answered) {
      console.error(
        'Invocation has already been reported as done. Cannot call complete more than once per invocation.',
      )
      return
    }
    this.#answered = true
    this.#runtime.answer(this.#id, result, withNext)
  }

  /**
   * @param {boolean} withNext whether control returns to the runtime at once, so that the report
   * may wait for GET next
   */
  done(error, result, withNext) {
    forgetEmptyLoop()
    if (error !== undefined && error !== null) this.#runtime.refuse(this.#id, error, withNext)
    else this.#answer(result, withNext)
  }

  callback(error, result) {
    forgetEmptyLoop()
    if (error !== undefined && error !== null) this.#runtime.refuse(this.#id, error, false)
    else if (!this.waitsForEmptyLoop) this.#answer(result, false)
    else whenLoopIsEmpty(() => setImmediate(() => this.#answer(result, true)))
  }

  /** A call that throws (a result without a JSON form) has not been used up. */
  once(way) {
    if (this.#used) return
    way()
    this.#used = true
  }
}

/**
 * Takes one event after the other. Named as in the official client, since its frames show in the
 * traces of errors.
 */
class Runtime {
  #api
  #log
  #loaded
  #reports
  /** True inside a promise's settling, when no code of the function's follows before GET next. */
  #settling = false

  constructor({ api, log, loaded, reports }) {
    this.#api = api
    this.#log = log
    this.#loaded = loaded
    this.#reports = reports
    this.handler = loaded.handler
  }

  scheduleIteration() {
    setImmediate(() => {
      const once = this.#loaded.streaming
        ? this.handleOnceStreaming()
        : this.handleOnceNonStreaming()
      once.catch((error) => {
        console.log(`Unexpected Top Level Error: ${error.toString()}`)
        this.#reports.uncaught(error)
      })
    })
  }

  answer(id, result, withNext) {
    this.#api.respond(id, responseBody(result, 3), withNext || this.#settling)
    this.scheduleIteration()
  }

  refuse(id, error, withNext) {
    this.#log.error('Invoke Error', error)
    this.#api.fail(id, error, withNext || this.#settling)
    this.scheduleIteration()
  }

  /** What becomes of uncaught errors from now on. */
  #reportTo(id) {
    const report = (exitCode) => (error) => {
      if (this.#api.waitingForNext) crashAtNext(this.#api)
      this.#api.failAndExit(id, error, exitCode)
    }
    this.#reports.uncaught = report(EXIT_UNCAUGHT)
    this.#reports.unhandled = report(EXIT_UNHANDLED)
  }

  #context(completion) {
    const first = (way) => (error, result) => completion.once(() => way(error, result))
    return {
      get callbackWaitsForEmptyEventLoop() {
        return completion.waitsForEmptyLoop
      },
      set callbackWaitsForEmptyEventLoop(value) {
        completion.waitsForEmptyLoop = value
      },
      succeed: first((result) => completion.done(null, result, false)),
      fail: first((error) => completion.done(error ?? 'handled', null, false)),
      done: first((error, result) => completion.done(error, result, false)),
    }
  }

  /**
   * The loop ran empty: an async handler has left a promise unsettled, any other has ended without
   * an answer.
   */
  #loopIsEmpty(id, completion) {
    completion.markAnswered()
    if (!this.#loaded.async) this.answer(id, null, true)
    else this.refuse(id, runtimeError(3, 'NodeJsExit', NEVER_SETTLED), true)
  }

  #settled(way) {
    return (value) => {
      this.#settling = true
      try {
        way(value)
      } finally {
        this.#settling = false
      }
    }
  }

  async handleOnceNonStreaming() {
    const { headers, body } = await this.#api.next()
    const id = eventId(headers)
    setCurrentIds(id.requestId, headers['lambda-runtime-aws-tenant-id'])
    const completion = new Completion(this, id)
    const context = this.#context(completion)
    const callback = (error, result) => completion.once(() => completion.callback(error, result))
    try {
      this.#reportTo(id)
      whenLoopIsEmpty(() => this.#loopIsEmpty(id, completion))
      const result = this.handler(JSON.parse(body), patchedContext(context, headers), callback)
      if (isThenable(result)) {
        // Read after the handler has run: it may have replaced them.
        const [succeed, fail] = [this.#settled(context.succeed), this.#settled(context.fail)]
        result.then(succeed, fail).catch(fail)
      }
    } catch (error) {
      callback(error)
    }
  }

  async handleOnceStreaming() {
    const { headers, body } = await this.#api.next()
    const id = eventId(headers)
    setCurrentIds(id.requestId, headers['lambda-runtime-aws-tenant-id'])
    this.#reportTo(id)
    await this.#loaded.streamOnce({
      generation: 3,
      api: this.#api,
      id,
      log: this.#log,
      run: (stream, context) => {
        whenLoopIsEmpty(() => this.scheduleIteration())
        return this.handler(JSON.parse(body), stream, patchedContext(context, headers))
      },
      goOn: (waitsForEmptyLoop) => {
        if (waitsForEmptyLoop) whenLoopIsEmpty(() => setImmediate(() => this.scheduleIteration()))
        else this.scheduleIteration()
      },
    })
  }
}

function eventId(headers) {
  const requestId = headers['lambda-runtime-aws-request-id']
  if (!requestId) throw new Error('invocation id is missing or invalid')
  return { requestId, invocationId: headers['lambda-runtime-invocation-id'] }
}

/**
 * The listeners that a function can count on its process: one each, from before its code is loaded.
 */
function installListeners(log, reports) {
  let ending = false
  // A second failure while the first is being reported (a broken stdout fails at every line) must
  // not start over.
  const once = (title, error, exitCode, report) => {
    if (ending) process.exit(exitCode)
    ending = true
    log.error(title, error)
    report(error)
  }
  process.on('uncaughtException', (error) => {
    once('Uncaught Exception', error, EXIT_UNCAUGHT, reports.uncaught)
  })
  process.on('unhandledRejection', (reason, promise) => {
    const error = runtimeError(3, 'UnhandledPromiseRejection', reason)
    error.reason = reason
    error.promise = promise
    once('Unhandled Promise Rejection', error, EXIT_UNHANDLED, reports.unhandled)
  })
  forgetEmptyLoop()
  process.on('beforeExit', () => globalThis[beforeExitKey]())
}

/**
 * Loads the handler and starts to take events. A failed load is an uncaught exception: reported,
 * exit code 129.
 * @param {object} parts
 * @param {import('./runtime-api.cjs').RuntimeApi} parts.api
 * @param {{ error: (title: string, error: unknown) => void }} parts.log
 * @param {() => Promise<{ handler: Function, streaming: boolean, async: boolean }>} parts.load
 */
async function start({ api, log, load }) {
  const report = (exitCode) => (error) => {
    const exit = () => process.exit(exitCode)
    // The first question, if it is due, leaves before the process ends, as in the official client.
    const leave = api.waitingForNext ? exit : () => setImmediate(exit)
    api.failInit(error).then(leave, leave)
  }
  const reports = { uncaught: report(EXIT_UNCAUGHT), unhandled: report(EXIT_UNHANDLED) }
  installListeners(log, reports)
  provideGlobal({})
  api.open()
  whenLoopIsEmpty(() => {
    process.exitCode ??= EXIT_UNSETTLED_LOAD
  })
  let loaded
  try {
    loaded = withStreaming(await load())
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
    return
  } finally {
    forgetEmptyLoop()
  }
  const warn = process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING === undefined
  if (warn && loaded.handler.length === 3 && !loaded.async && !loaded.streaming) {
    console.warn(CALLBACK_WARNING)
  }
  new Runtime({ api, log, loaded, reports }).scheduleIteration()
}

module.exports = { start }
