// The errors that the runtime itself raises, and how any thrown value is told to the Runtime API
// and to the log.

const { types } = process.getBuiltinModule('node:util')

/**
 * The cause header and its neighbours stay within the 1 MB that the Runtime API accepts for all
 * headers of a request.
 */
const CAUSE_BYTES_MAX = 1024 * 1024 - 8192

const NOT_TELLABLE =
  'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack'

/**
 * An error with a name of Lambda's. Client 3 has the name on the prototype, client 4 on the error
 * itself, where the
 * text log shows it as one field more.
 * @param {3 | 4} generation
 * @param {string} kind like HandlerNotFound
 * @param {unknown} message anything: an original error becomes its text
 * @returns {Error & Record<string, unknown>}
 */
function runtimeError(generation, kind, message) {
  const name = `Runtime.${kind}`
  // The class carries the bare name: JSON log lines show the name of the constructor.
  const Kind = { [kind]: class extends Error {} }[kind]
  if (generation === 3)
    Object.defineProperty(Kind.prototype, 'name', {
      value: name,
      configurable: true,
      writable: true,
    })
  const error = new Kind(generation === 4 ? String(message) : message)
  if (generation === 4) error.name = name
  return error
}

/** @param {unknown} text @returns {any} */
const withoutDel = (text) => text?.replaceAll('\x7F', '%7F')

function looksLikeError(value) {
  return (
    types.isNativeError(value) ||
    (Boolean(value?.name && value.message && value.stack) &&
      [value.name, value.message, value.stack].every((part) => typeof part === 'string'))
  )
}

/**
 * The body of an error report: errorType, errorMessage, trace, in this order.
 * @param {unknown} error what was thrown
 * @param {3 | 4} generation
 * @returns {{ errorType?: string, errorMessage?: string, trace?: string[] }}
 */
function errorBody(error, generation) {
  try {
    if (generation === 3 ? looksLikeError(error) : error instanceof Error) {
      const stack = withoutDel(error.stack)
      if (generation === 3 && stack === undefined)
        return { errorType: 'handled', errorMessage: NOT_TELLABLE }
      return {
        errorType: withoutDel(error.name),
        errorMessage: withoutDel(error.message),
        trace: stack?.split('\n') ?? [],
      }
    }
    const text = generation === 3 ? /** @type {any} */ (error).toString() : String(error)
    return { errorType: typeof error, errorMessage: text, trace: [] }
  } catch {
    const body = { errorType: 'handled', errorMessage: NOT_TELLABLE }
    return generation === 3 ? body : { ...body, trace: [] }
  }
}

/**
 * One frame as both clients read it; a frame with a `file://` address becomes path `file`, line
 * null, as on Lambda.
 */
function causeFrame(line) {
  const frame = line.trim().replace(/[()]/g, '')
  const place = frame.slice(frame.indexOf(' ') + 1)
  const gap = place.lastIndexOf(' ')
  const [path, row] = place.slice(gap + 1).split(':')
  return {
    path,
    line: Number.parseInt(row, 10),
    label: gap > 0 ? place.slice(0, gap) : 'anonymous',
  }
}

/**
 * The X-Ray cause of an error as a header value: JSON in plain ASCII (characters beyond it as
 * \uXXXX, which a header parser
 * cannot spoil), or '' when there is none to tell or it would not fit in a header.
 * @param {any} error
 * @returns {string}
 */
function causeHeader(error) {
  try {
    const stack = error.stack ? withoutDel(error.stack).split('\n').slice(1).map(causeFrame) : []
    const json = JSON.stringify({
      working_directory: process.cwd(),
      exceptions: [{ type: withoutDel(error.name), message: withoutDel(error.message), stack }],
      paths: [...new Set(stack.map((frame) => frame.path))],
    })
    const ascii = json.replace(/[\x7f-\uffff]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    })
    return ascii.length > CAUSE_BYTES_MAX ? '' : ascii
  } catch {
    return ''
  }
}

/** @param {unknown} thrown @param {3 | 4} generation @returns {Error} */
function asError(thrown, generation) {
  if (thrown instanceof Error) return thrown
  return new Error(generation === 3 ? /** @type {any} */ (thrown) : String(thrown))
}

/**
 * The part of a text log line after its title: a tab and JSON with errorType, errorMessage, code,
 * own fields, stack.
 * @param {Error} error
 * @param {3 | 4} generation
 * @returns {string}
 */
function errorForTextLog(error, generation) {
  const replacer = (_key, value) => {
    if (!(value instanceof Error)) return value
    const fields = {
      errorType: value.name,
      errorMessage: value.message,
      code: value.code,
      ...value,
    }
    if (typeof value.stack === 'string') fields.stack = value.stack.split('\n')
    return fields
  }
  try {
    return `\t${JSON.stringify(error, replacer)}`
  } catch {
    return `\t${JSON.stringify(errorBody(error, generation))}`
  }
}

/**
 * The JSON text of a handler's result; undefined is null.
 * @param {unknown} result
 * @param {3 | 4} generation
 * @returns {string}
 * @throws {Error} when it has no JSON form (cycles, BigInt, throwing toJSON); {TypeError} for a
 * function or a symbol
 */
function responseBody(result, generation) {
  let text
  try {
    text = JSON.stringify(result === undefined ? null : result)
  } catch {
    const message = 'Unable to stringify response body'
    throw generation === 3 ? new Error(message) : runtimeError(4, 'JSONStringifyError', message)
  }
  if (typeof text !== 'string') throw new TypeError('Wrong arguments')
  return text
}

module.exports = { asError, causeHeader, errorBody, errorForTextLog, responseBody, runtimeError }
