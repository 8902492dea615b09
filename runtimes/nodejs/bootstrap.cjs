// The entry of the built-in Node runtime: puts the parts together, loads the handler, asks for the
// first event. All of it is CommonJS, with built-ins from getBuiltinModule: an ES module as entry
// costs a cold start 5 ms, every further ES module and every ES import of a built-in 0.8 to 3 ms, a
// CommonJS file 0.3 ms (measured on Node 20.20).

const { createRequire } = process.getBuiltinModule('node:module')
const { RuntimeApi } = require('./runtime-api.cjs')
const { holdExitWhileWaiting } = require('./dying.cjs')
const { patchConsole } = require('./console.cjs')
const { forgetParts, loadHandler } = require('./handler-loader.cjs')

/** The last Node release whose managed runtime uses client 3. */
const CALLBACK_NODE_MAJOR_MAX = 22

/**
 * Which generation of the official client to behave as. 3: callbacks, process listeners, exit codes
 * 128 and 129 (nodejs22.x and older). 4: promises only (nodejs24.x and newer). Without a runtime
 * identifier (images) the version of Node decides.
 * @param {string | undefined} executionEnvironment like AWS_Lambda_nodejs22.x
 * @returns {3 | 4}
 */
function clientGeneration(executionEnvironment) {
  const named = /^AWS_Lambda_nodejs(\d+)\.x$/.exec(executionEnvironment ?? '')
  const major = Number.parseInt(named?.[1] ?? process.versions.node, 10)
  return major > CALLBACK_NODE_MAJOR_MAX ? 4 : 3
}

/**
 * Frames over the descriptor that the daemon names in an argument, which functions do not see; else HTTP.
 * @param {string[]} words
 * @returns {import('./runtime-api.cjs').Transport}
 */
function transport(words) {
  const address = process.env.AWS_LAMBDA_RUNTIME_API ?? ''
  const http = () => {
    const { HttpTransport } = require('./http-transport.cjs')
    forgetParts(require.cache)
    return new HttpTransport(address, generation)
  }
  const frames = /^--frames=(\d+)$/.exec(words[0] ?? '')
  if (frames === null) return http()
  const { FrameTransport } = require('./frame-transport.cjs')
  return new FrameTransport(Number(frames[1]), http)
}

const generation = clientGeneration(process.env.AWS_EXECUTION_ENV)
const { start } = require(generation === 4 ? './promise-runtime.cjs' : './callback-runtime.cjs')

const log = patchConsole(generation)
const api = new RuntimeApi(transport(process.argv.splice(2)), generation)
holdExitWhileWaiting(api, generation)

forgetParts(require.cache)
// Functions find no main module, as on Lambda, whose client is an ES module.
process.mainModule = undefined

start({
  api,
  log,
  load: () =>
    loadHandler({
      generation,
      taskRoot: process.env.LAMBDA_TASK_ROOT ?? process.cwd(),
      handlerName: process.env._HANDLER ?? '',
      // A `require` of its own: the parent that a handler sees has no other children.
      require: createRequire(__filename),
      importModule: (url) => import(url),
    }),
})
