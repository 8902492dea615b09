// Replaces the console's methods, so that each line carries time, request id and level, as Lambda's
// log reader expects.

const { format } = process.getBuiltinModule('node:util')
const { asError, errorForTextLog } = require('./errors.cjs')
const { writeSync } = require('./waiting-sync.cjs')

/**
 * Level name → rank for the filter, and mask for the type word of a frame. Source: AWS's documentation and the open agent
 */
const levels = {
  TRACE: { name: 'TRACE', rank: 1, mask: 0x04 },
  DEBUG: { name: 'DEBUG', rank: 2, mask: 0x08 },
  INFO: { name: 'INFO', rank: 3, mask: 0x0c },
  WARN: { name: 'WARN', rank: 4, mask: 0x10 },
  ERROR: { name: 'ERROR', rank: 5, mask: 0x14 },
  FATAL: { name: 'FATAL', rank: 6, mask: 0x18 },
}

const FRAME_TEXT = 0xa55a0003
const FRAME_JSON = 0xa55a0002
const FRAME_HEADER_BYTES = 16

const requestIdKey = Symbol.for('aws.lambda.runtime.requestId')
const tenantIdKey = Symbol.for('aws.lambda.runtime.tenantId')

/**
 * @typedef {{ generation: 3 | 4, requestId: () => string | undefined, tenantId: () => string |
 * undefined }} LineContext
 */

/**
 * Client 3 keeps the ids in global symbols, which libraries read; client 4 in its invoke store.
 * @returns {LineContext}
 */
function lineContext(generation) {
  if (generation === 3) {
    return {
      generation,
      requestId: () => globalThis[requestIdKey],
      tenantId: () => globalThis[tenantIdKey],
    }
  }
  const { invokeStore } = require('./invoke-store.cjs')
  return {
    generation,
    requestId: () => invokeStore.getRequestId(),
    tenantId: () => invokeStore.getTenantId(),
  }
}

function constructorName(error) {
  return error.constructor?.name ?? 'UnknownError'
}

function errorFields(_key, value) {
  if (!(value instanceof Error)) return value
  const stackTrace = typeof value.stack === 'string' ? value.stack.split('\n') : value.stack
  return { errorType: constructorName(value), errorMessage: value.message, stackTrace, ...value }
}

/** @param {LineContext} context */
function jsonLine(context, date, level, parameters) {
  const line = { timestamp: date.toISOString(), level: level.name, requestId: context.requestId() }
  const tenantId = context.tenantId()
  if (context.generation === 3 ? tenantId != null : tenantId) line.tenantId = tenantId
  if (parameters.length === 1) {
    line.message = parameters[0]
    try {
      return JSON.stringify(line, errorFields)
    } catch {
      line.message = format(line.message)
      return JSON.stringify(line)
    }
  }
  line.message = format(...parameters)
  // Client 4 does not look at the first argument.
  const errors = context.generation === 3 ? parameters : parameters.slice(1)
  const error = errors.find((parameter) => parameter instanceof Error)
  if (error !== undefined) {
    line.errorType = constructorName(error)
    line.errorMessage = error.message
    line.stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : []
  }
  return JSON.stringify(line)
}

/** @param {LineContext} context */
function textLine(context, date, level, parameters) {
  return `${date.toISOString()}\t${context.requestId()}\t${level.name}\t${format(...parameters)}`
}

/**
 * One frame: type with level mask, length, time in microseconds (all big-endian), then the message.
 */
function writeFrame(fd, type, level, date, message) {
  const length = Buffer.byteLength(message)
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length)
  frame.writeUInt32BE((type | level.mask) >>> 0, 0)
  frame.writeUInt32BE(length, 4)
  frame.writeBigUInt64BE(BigInt(date.getTime()) * 1000n, 8)
  frame.write(message, FRAME_HEADER_BYTES)
  // The pipe is that of standard output, which never makes its writer wait once process.stdout has been used.
  writeSync(fd, frame)
}

/** Takes the descriptor out of the environment, which the function must not see. */
function takeLogFd(generation) {
  const value = process.env._LAMBDA_TELEMETRY_LOG_FD
  delete process.env._LAMBDA_TELEMETRY_LOG_FD
  if (value === undefined) return undefined
  const fd = generation === 3 ? Number.parseInt(value, 10) : Number(value)
  return Number.isInteger(fd) && fd > 0 ? fd : undefined
}

/** @param {LineContext} context */
function lineWriter(context, json, fd) {
  const toLine = json ? jsonLine : textLine
  if (fd === undefined) {
    return (level, parameters) => {
      const line = toLine(context, new Date(), level, parameters)
      // One line is one event on stdout, so line feeds inside become carriage returns.
      process.stdout.write(`${line.replace(/\n/g, '\r')}\n`)
    }
  }
  return (level, parameters) => {
    const date = new Date()
    const line = toLine(context, date, level, parameters)
    if (json) writeFrame(fd, FRAME_JSON, level, date, line)
    else writeFrame(fd, FRAME_TEXT, level, date, `${line}\n`)
  }
}

/**
 * Replaces console.trace, debug, info, log, warn, error and adds console.fatal, by
 * AWS_LAMBDA_LOG_FORMAT, AWS_LAMBDA_LOG_LEVEL
 * and _LAMBDA_TELEMETRY_LOG_FD (which it removes).
 * @param {3 | 4} generation
 * @returns {{ error: (title: string, error: unknown) => void }} the log of the runtime's own
 * reports
 */
function patchConsole(generation) {
  const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON'
  const lowest = levels[process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()] ?? levels.TRACE
  const write = lineWriter(lineContext(generation), json, takeLogFd(generation))
  const method = (level) => {
    if (level.rank < lowest.rank) return () => {}
    // Two parameters, so that console.log() writes `undefined`, as on Lambda.
    return (message, ...parameters) => write(level, [message, ...parameters])
  }
  console.trace = method(levels.TRACE)
  console.debug = method(levels.DEBUG)
  console.info = method(levels.INFO)
  console.log = console.info
  console.warn = method(levels.WARN)
  console.error = method(levels.ERROR)
  console.fatal = method(levels.FATAL)
  return {
    error(title, thrown) {
      const error = asError(thrown, generation)
      if (json) console.error(error)
      else console.error(title, errorForTextLog(error, generation))
    },
  }
}

/** For client 3: names the event whose lines follow. */
function setCurrentIds(requestId, tenantId) {
  globalThis[requestIdKey] = requestId
  globalThis[tenantIdKey] = tenantId
}

module.exports = { patchConsole, setCurrentIds }
