// The context object of an event, out of its headers and the environment, with the keys in each
// client's own order.

const { runtimeError } = require('./errors.cjs')

/** Sets _X_AMZN_TRACE_ID to the event's trace, or removes the one before. */
function forwardTrace(headers) {
  const trace = headers['lambda-runtime-trace-id']
  if (trace) process.env._X_AMZN_TRACE_ID = trace
  else delete process.env._X_AMZN_TRACE_ID
}

function remainingTime(deadlineMs) {
  // A named function expression with no ties to the runtime: handlers print it.
  return function getRemainingTimeInMillis() {
    return deadlineMs - Date.now()
  }
}

function parsedBy3(text, name) {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error.toString()}`)
  }
}

function parsedBy4(headers, name) {
  if (!headers[name]) return undefined
  try {
    return JSON.parse(headers[name])
  } catch (error) {
    throw runtimeError(4, 'PlatformError', `Failed to parse ${name} as JSON: ${error.message}`)
  }
}

/**
 * Client 3: adds environment, then event, to a context that has the ways of completion already.
 * @param {object} context changed and returned
 * @param {Record<string, string>} headers
 * @throws {Error} when a JSON header is malformed
 */
function patchedContext(context, headers) {
  forwardTrace(headers)
  const { env } = process
  return Object.assign(context, {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsedBy3(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: parsedBy3(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: remainingTime(headers['lambda-runtime-deadline-ms']),
  })
}

const requiredVariables = [
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
]
const requiredHeaders = [
  'lambda-runtime-invoked-function-arn',
  'lambda-runtime-aws-request-id',
  'lambda-runtime-deadline-ms',
]

/**
 * Client 4's context.
 * @param {Record<string, string>} headers
 * @throws {Error} Runtime.PlatformError when a variable or a header is missing or malformed
 */
function builtContext(headers) {
  const { env } = process
  const missing = requiredVariables.filter((name) => !env[name])
  if (missing.length > 0) {
    throw runtimeError(
      4,
      'PlatformError',
      `Missing required environment variables: ${missing.join(', ')}`,
    )
  }
  const absent = requiredHeaders.filter((name) => !(name in headers))
  if (absent.length > 0) {
    throw runtimeError(4, 'PlatformError', `Missing required headers: ${absent.join(', ')}`)
  }
  const deadlineMs = Number.parseInt(headers['lambda-runtime-deadline-ms'], 10)
  if (Number.isNaN(deadlineMs)) throw runtimeError(4, 'PlatformError', 'Invalid deadline timestamp')
  const context = {
    clientContext: parsedBy4(headers, 'lambda-runtime-client-context'),
    identity: parsedBy4(headers, 'lambda-runtime-cognito-identity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    xRayTraceId: headers['lambda-runtime-trace-id'],
    getRemainingTimeInMillis: remainingTime(deadlineMs),
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  }
  forwardTrace(headers)
  return context
}

module.exports = { builtContext, patchedContext }
