// Serves events as client 4 does (nodejs24.x and newer): promises and return values only, no
// process listeners, so that uncaught errors, malformed events and promises that never settle end
// the process as Node itself would.

const { builtContext } = require('./event-context.cjs')
const { provideGlobal, withStreaming } = require('./handler-loader.cjs')
const { invokeStore, protectedKeys } = require('./invoke-store.cjs')
const { responseBody, runtimeError } = require('./errors.cjs')

const { setImmediate } = globalThis

const CALLBACK_REMOVED =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'

/**
 * One turn of the event loop, which the official client leaves to the function before every report.
 */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** Named as in the official client, since its frames show in the traces of errors. */
class BufferedInvokeProcessor {
  #api
  #log

  constructor(api, log, loaded) {
    this.#api = api
    this.#log = log
    this.handler = loaded.handler
  }

  async processInvoke(id, context, event) {
    try {
      const result = await this.handler(event, context)
      await nextTurn()
      this.#api.respond(id, responseBody(result, 4), true)
    } catch (error) {
      await nextTurn()
      this.#log.error('Invoke Error', error)
      this.#api.fail(id, error, true)
    }
  }
}

class StreamingInvokeProcessor {
  #api
  #log
  #streamOnce

  constructor(api, log, loaded) {
    this.#api = api
    this.#log = log
    this.#streamOnce = loaded.streamOnce
    this.handler = loaded.handler
  }

  async processInvoke(id, context, event) {
    await this.#streamOnce({
      generation: 4,
      api: this.#api,
      id,
      log: this.#log,
      run: (stream) => this.handler(event, stream, context),
      goOn() {},
    })
  }
}

async function serve(api, processor) {
  for (;;) {
    const { headers, body } = await api.next()
    const context = builtContext(headers)
    const event = JSON.parse(body)
    const id = {
      requestId: context.awsRequestId,
      invocationId: headers['lambda-runtime-invocation-id'],
    }
    const store = {
      [protectedKeys.REQUEST_ID]: context.awsRequestId,
      [protectedKeys.X_RAY_TRACE_ID]: context.xRayTraceId,
    }
    await invokeStore.run(store, () => processor.processInvoke(id, context, event))
  }
}

/**
 * Loads the handler and takes events for ever.
 * @param {object} parts
 * @param {import('./runtime-api.cjs').RuntimeApi} parts.api
 * @param {{ error: (title: string, error: unknown) => void }} parts.log
 * @param {() => Promise<{ handler: Function, streaming: boolean, async: boolean }>} parts.load
 * @throws {Error} a failed init, after it has been reported: nobody catches it, and Node ends with
 * code 1
 */
async function start({ api, log, load }) {
  provideGlobal({ InvokeStore: invokeStore })
  api.open()
  let loaded
  try {
    loaded = withStreaming(await load())
    if (loaded.handler.length >= 3 && !loaded.streaming) {
      throw runtimeError(4, 'CallbackHandlerDeprecated', CALLBACK_REMOVED)
    }
  } catch (error) {
    log.error('Init Error', error)
    await api.failInit(error)
    throw error
  }
  const Processor = loaded.streaming ? StreamingInvokeProcessor : BufferedInvokeProcessor
  await serve(api, new Processor(api, log, loaded))
}

module.exports = { start }
