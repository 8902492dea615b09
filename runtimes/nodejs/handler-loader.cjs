// Finds and loads the handler that _HANDLER names, in the order and with the errors of the official
// client.

const { existsSync, readFileSync } = process.getBuiltinModule('node:fs')
const { basename, dirname, join, resolve } = process.getBuiltinModule('node:path')
const { pathToFileURL } = process.getBuiltinModule('node:url')
const { runtimeError } = require('./errors.cjs')

/**
 * @typedef {object} LoadOptions
 * @property {3 | 4} generation
 * @property {string} taskRoot
 * @property {string} handlerName like folder/index.handler
 * @property {NodeRequire} require
 * @property {(url: string) => Promise<any>} importModule
 */

const streamingKey = Symbol.for('aws.lambda.runtime.handler.streaming')

/**
 * `a/b/index.x.y` → folder `a/b/`, file `index` (up to the first dot of the last part), property
 * path `x.y`.
 */
function splitHandlerName(handlerName, generation) {
  if (handlerName.includes('..')) {
    throw runtimeError(
      generation,
      'MalformedHandlerName',
      `'${handlerName}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    )
  }
  const last = basename(handlerName)
  const parts = /^([^.]*)\.(.*)$/.exec(last)
  if (parts === null) throw runtimeError(generation, 'MalformedHandlerName', 'Bad handler')
  return {
    folder: handlerName.slice(0, handlerName.indexOf(last)),
    file: parts[1],
    property: parts[2],
  }
}

/** Whether the nearest package.json above a file says that its .js files are ES modules. */
function inModulePackage(folder) {
  if (folder.endsWith('/node_modules')) return false
  const manifest = join(folder, 'package.json')
  if (existsSync(manifest)) {
    try {
      return JSON.parse(readFileSync(manifest, 'utf8'))?.type === 'module'
    } catch (error) {
      console.warn(
        `${manifest} cannot be read, it will be ignored for ES module detection purposes.`,
        error,
      )
      return false
    }
  }
  return folder === '/' ? false : inModulePackage(dirname(folder))
}

/** Client 3: require, in the order extensionless, .js, .mjs, .cjs, with import for ES modules. */
async function loadByRequire(options, path) {
  const { require, importModule } = options
  const required = (file) => (existsSync(file) ? require(file) : undefined)
  const imported = (file) => (existsSync(file) ? importModule(pathToFileURL(file).href) : undefined)

  const bare = required(path)
  if (bare) return bare
  if (existsSync(`${path}.js`)) {
    const script = inModulePackage(dirname(path))
      ? await imported(`${path}.js`)
      : required(`${path}.js`)
    if (script) return script
  }
  return (await imported(`${path}.mjs`)) || required(`${path}.cjs`)
}

/** Client 4: import, for every kind of file. */
async function loadByImport(options, path) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    const file = path + extension
    const loaded = existsSync(file)
      ? await options.importModule(pathToFileURL(file).href)
      : undefined
    if (loaded) return loaded
  }
  return undefined
}

async function loadModule(options, folder, file) {
  const { generation, taskRoot, require } = options
  const path = resolve(taskRoot, folder, file)
  try {
    const loaded = await (generation === 3
      ? loadByRequire(options, path)
      : loadByImport(options, path))
    if (loaded) return loaded
    const folders = generation === 3 ? [taskRoot, folder] : [taskRoot, join(taskRoot, folder)]
    return await require(require.resolve(file, { paths: folders }))
  } catch (error) {
    if (error instanceof SyntaxError) {
      const reported = runtimeError(generation, 'UserCodeSyntaxError', error)
      if (generation === 4) reported.stack = error.stack
      throw reported
    }
    const missing = generation === 3 ? error?.code : error instanceof Error && error.code
    if (missing === 'MODULE_NOT_FOUND') throw runtimeError(generation, 'ImportModuleError', error)
    throw error
  }
}

function propertyOf(root, path, generation) {
  let value = root
  for (const key of path.split('.')) {
    // Client 4 looks into objects only, client 3 also into functions and other values.
    if (!value || (generation === 4 && typeof value !== 'object'))
      return generation === 4 ? undefined : value
    value = value[key]
  }
  return value
}

function findHandler(loaded, property, generation) {
  const handler = propertyOf(loaded, property, generation)
  const hasDefault = generation === 4 && typeof loaded === 'object' && 'default' in loaded
  return handler || !hasDefault ? handler : propertyOf(loaded.default, property, generation)
}

/**
 * @param {LoadOptions} options
 * @returns {Promise<{ handler: Function, streaming: boolean, async: boolean }>}
 * @throws {Error} Runtime.ImportModuleError, HandlerNotFound, MalformedHandlerName,
 * UserCodeSyntaxError,
 * MalformedStreamingHandler, or whatever the user's code threw
 */
async function loadHandler(options) {
  const { generation, handlerName } = options
  const { folder, file, property } = splitHandlerName(handlerName, generation)
  const loaded = await loadModule(options, folder, file)
  const handler = findHandler(loaded, property, generation)
  if (!handler) {
    throw runtimeError(generation, 'HandlerNotFound', `${handlerName} is undefined or not exported`)
  }
  if (typeof handler !== 'function') {
    throw runtimeError(generation, 'HandlerNotFound', `${handlerName} is not a function`)
  }
  const mark = handler[streamingKey]
  if (mark && mark !== 'response') {
    throw runtimeError(
      generation,
      'MalformedStreamingHandler',
      'Only response streaming is supported.',
    )
  }
  return {
    handler,
    streaming: mark === 'response',
    async: Object.prototype.toString.call(handler) === '[object AsyncFunction]',
  }
}

/**
 * Gives handlers the global `awslambda`, unless AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA says not to.
 * @param {Record<string, unknown>} more properties of the generation
 */
function provideGlobal(more) {
  const off = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA
  if (off === '1' || off === 'true') return
  const preludeType = 'application/vnd.awslambda.http-integration-response'
  // biome-ignore lint/complexity/noStaticOnlyClass: functions know it as a class with a static method
  class HttpResponseStream {
    /**
     * Sends status code, headers and cookies as JSON and eight NUL bytes ahead of the first write.
     */
    static from(stream, prelude) {
      stream.setContentType(preludeType)
      const json = JSON.stringify(prelude)
      stream._onBeforeFirstWrite = (write) => {
        write(json)
        write(new Uint8Array(8))
      }
      return stream
    }
  }
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[streamingKey] = 'response'
      if (typeof options?.highWaterMark === 'number') {
        handler[Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')] = Math.trunc(
          options.highWaterMark,
        )
      }
      return handler
    },
    HttpResponseStream,
    ...more,
  }
}

/**
 * Takes the runtime's own files out of the module cache, where a function would meet them; what
 * NODE_OPTIONS has loaded ahead of us stays.
 * @param {Record<string, unknown>} cache require.cache
 */
function forgetParts(cache) {
  for (const file of Object.keys(cache)) if (dirname(file) === __dirname) delete cache[file]
}

/**
 * Adds what serves streamed responses, which other handlers do not pay for at start.
 * @param {{ handler: Function, streaming: boolean, async: boolean }} loaded
 */
function withStreaming(loaded) {
  if (!loaded.streaming) return loaded
  const { streamOnce } = require('./streaming.cjs')
  forgetParts(require.cache)
  return { ...loaded, streamOnce }
}

module.exports = { forgetParts, loadHandler, provideGlobal, withStreaming }
