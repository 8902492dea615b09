// Rules for a function's configuration that Lambda's model cannot express. Pure; every refusal is a 400.

import { EmulatorError } from '../../domain/emulator-error.js'
import { runtimeFamily } from '../../domain/function.js'
import { invalidParameter } from './errors.js'

/** Source: AWS Lambda guide, environment variables, list of reserved ones. */
export const reservedVariables: ReadonlySet<string> = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_MAX_CONCURRENCY',
  'AWS_LAMBDA_METADATA_API',
  'AWS_LAMBDA_METADATA_TOKEN',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

/** Bytes of the variables as JSON. Source: recorded answer test_large_environment_variables_fails, which measures 4,097. */
const environmentBytesMax = 4_096

// Largest values of an ordinary function; the model's are those of managed instances. Source: Lambda quotas.
const timeoutSecondsMax = 900
const memoryMbMax = 10_240
const ephemeralStorageMbMax = 10_240
const functionNameLengthMax = 64

interface CheckedSettings {
  readonly Timeout?: number | undefined
  readonly MemorySize?: number | undefined
  readonly EphemeralStorage?: { readonly Size: number } | undefined
}

/**
 * @throws ServiceError InvalidParameterValueException for a timeout, memory or /tmp beyond an ordinary function's.
 */
export function checkSizes(settings: CheckedSettings): void {
  atMost('timeout', settings.Timeout, timeoutSecondsMax)
  atMost('memorySize', settings.MemorySize, memoryMbMax)
  atMost('ephemeralStorage.size', settings.EphemeralStorage?.Size, ephemeralStorageMbMax)
}

// UNRECORDED: ordinary-limits — the text for a value that only a managed instance may have.
function atMost(member: string, value: number | undefined, most: number): void {
  if (value === undefined || value <= most) return
  throw invalidParameter(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must have value less than or equal to ${most}`,
  )
}

// UNRECORDED: function-name-length — the text for a name of more than 64 characters.
/** @throws ServiceError InvalidParameterValueException */
export function checkNewName(functionName: string): void {
  if (functionName.length <= functionNameLengthMax) return
  throw invalidParameter(
    `1 validation error detected: Value '${functionName}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to ${functionNameLengthMax}`,
  )
}

// UNRECORDED: reserved-variables — the text for keys that are Lambda's own.
/** @throws ServiceError InvalidParameterValueException for reserved keys and for more than 4 KB. */
export function checkEnvironment(variables: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(variables).filter((key) => reservedVariables.has(key))
  if (reserved.length > 0) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  }
  const measured = JSON.stringify(variables)
  if (Buffer.byteLength(measured) <= environmentBytesMax) return
  // Source of the text: recorded answer test_large_environment_variables_fails (2025-11-25).
  throw invalidParameter(
    `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: ${measured}`,
  )
}

/** @throws ServiceError InvalidParameterValueException, in our own words: AWS has the runtime, this emulator has not. */
export function checkRuntime(functionName: string, runtime: string): void {
  if (runtimeFamily(runtime) !== undefined) return
  const { code, message, hint } = new EmulatorError('EMU_RUNTIME_UNSUPPORTED', {
    functionName,
    runtime,
  })
  throw invalidParameter(`${code}: ${message}; ${hint}`)
}
