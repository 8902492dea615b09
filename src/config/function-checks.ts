// The limits and forms that AWS holds a function's settings to, as pure checks: each gives a problem and an advice, or nothing.

import { runtimeFamily } from '../domain/function.js'

export interface Complaint {
  readonly problem: string
  readonly advice: string
}

/** Source: Lambda API reference, FunctionConfiguration (2026). */
export const limits = {
  memoryMb: { min: 128, max: 10_240, byDefault: 128 },
  timeoutSeconds: { min: 1, max: 900, byDefault: 3 },
  ephemeralStorageMb: { min: 512, max: 10_240, byDefault: 512 },
  handlerLength: 128,
  descriptionLength: 256,
  layers: 5,
  environmentBytes: 4096,
} as const

/** Runtimes that were or are Lambda's but that no one of our bootstraps runs. */
const otherRuntimes = /^(java\d+(\.al2(023)?)?|dotnet(core)?\d+(\.\d)?|ruby\d\.\d|go1\.x|custom)$/

/**
 * `runnable`: one of our bootstraps takes it. `elsewhere`: a runtime of Lambda that we cannot run. `unknown`:
 * none of Lambda's.
 */
export function runtimeStanding(runtime: string): 'runnable' | 'elsewhere' | 'unknown' {
  if (otherRuntimes.test(runtime)) return 'elsewhere'
  const exact = /^(nodejs\d+\.(x|\d+)|python\d\.\d+|provided(\.al2|\.al2023)?)$/.test(runtime)
  return exact && runtimeFamily(runtime) !== undefined ? 'runnable' : 'unknown'
}

export function checkRuntime(runtime: string): Complaint | undefined {
  if (runtimeStanding(runtime) !== 'unknown') return undefined
  const family = /^(node|python|provided)/.exec(runtime.toLowerCase())?.[1]
  const examples = { node: 'nodejs22.x', python: 'python3.12', provided: 'provided.al2023' }
  const like = family === undefined ? 'nodejs22.x or python3.12' : examples[family as 'node']
  return { problem: `${runtime} is not a runtime of Lambda`, advice: `write it as ${like}` }
}

export function checkRange(
  value: number,
  range: { readonly min: number; readonly max: number },
): Complaint | undefined {
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return undefined
  return {
    problem: `${value} is out of range`,
    advice: `give a whole number from ${range.min} to ${range.max}`,
  }
}

export function checkFunctionName(name: string): Complaint | undefined {
  if (/^[a-zA-Z0-9-_]{1,64}$/.test(name)) return undefined
  return {
    problem: `${JSON.stringify(name)} cannot be the name of a function`,
    advice: 'use at most 64 letters, digits, hyphens and underscores',
  }
}

export function checkHandler(handler: string, runtime: string): Complaint | undefined {
  if (handler.length > limits.handlerLength || /\s/.test(handler) || handler === '') {
    return {
      problem: `handler ${JSON.stringify(handler)} has blanks or more than 128 characters`,
      advice: 'write it as file.function',
    }
  }
  const family = runtimeFamily(runtime)
  if (family === undefined || family === 'provided' || /[^./]\.[^./]/.test(handler))
    return undefined
  return {
    problem: `handler ${handler} names no function`,
    advice: 'write it as file.function, such as index.handler',
  }
}

/** Source: Lambda developer guide, "Using environment variables", reserved ones (2026). */
const reservedNames: ReadonlySet<string> = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_DEFAULT_REGION',
  'AWS_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_TASK_ROOT',
  'LAMBDA_RUNTIME_DIR',
  'AWS_LAMBDA_MAX_CONCURRENCY',
  'AWS_LAMBDA_METADATA_API',
  'AWS_LAMBDA_METADATA_TOKEN',
])

/** Whether Lambda sets this variable itself. */
export function isReservedVariable(name: string): boolean {
  return reservedNames.has(name)
}

export function checkVariableName(name: string): Complaint | undefined {
  if (isReservedVariable(name)) {
    return {
      problem: `environment variable ${name} is reserved`,
      advice: 'take another name: Lambda sets this one itself',
    }
  }
  if (/^[a-zA-Z][a-zA-Z0-9_]+$/.test(name)) return undefined
  return {
    problem: `${JSON.stringify(name)} cannot be the name of an environment variable`,
    advice: 'begin with a letter; use at least two letters, digits and underscores',
  }
}

/** Lambda counts names and values together. */
export function checkEnvironmentSize(
  variables: Readonly<Record<string, string>>,
): Complaint | undefined {
  const bytes = Object.entries(variables).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  )
  if (bytes <= limits.environmentBytes) return undefined
  return {
    problem: `the environment variables take ${bytes} bytes`,
    advice: `Lambda takes at most ${limits.environmentBytes}; keep large values in a file`,
  }
}

/** The member of `known` that `name` was most likely meant to be: at most two letters away. */
export function closest(name: string, known: readonly string[]): string | undefined {
  // A name that is three letters longer is more than two letters away.
  const near = known.filter((candidate) => Math.abs(candidate.length - name.length) <= 2)
  const scored = near.map((candidate) => ({
    candidate,
    distance: distance(name.toLowerCase(), candidate.toLowerCase()),
  }))
  scored.sort((a, b) => a.distance - b.distance)
  const best = scored[0]
  return best !== undefined && best.distance <= 2 ? best.candidate : undefined
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
