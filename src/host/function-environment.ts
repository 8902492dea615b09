// The environment variables of a function's process, as AWS sets them for each family of runtimes. Pure.

import {
  type FunctionDefinition,
  type Generation,
  type RuntimeFamily,
  runtimeFamily,
} from '../domain/function.js'
import { defaultLogLevels } from '../domain/log-levels.js'
import { lambdaPaths } from '../sandbox/view.js'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/** Well-formed, and valid nowhere: SDKs sign with them, and the daemon does not check. */
export const dummyCredentials: Credentials = {
  accessKeyId: 'ASIALAMBDAEMUEXAMPLE',
  secretAccessKey: 'lambdaEmulatorNoSecret/Every/Value+Works',
  sessionToken: Buffer.from('lambda-emu: these credentials are valid nowhere.'.repeat(6)).toString(
    'base64',
  ),
}

export interface FunctionEnvironmentOptions {
  /** Host and port of the Runtime API, and of the metadata endpoint. */
  readonly runtimeApi: string
  readonly metadataToken: string
  readonly logStreamName: string
  /** /var/task, or the folder that stands for it. */
  readonly taskRoot: string
  /** /var/runtime, or the folder that stands for it. */
  readonly runtimeDirectory: string
  /** /opt, or the folder that stands for it. */
  readonly layersFolder: string
  readonly credentials: Credentials
  /** Folders that must be on the PATH beside Lambda's own: where node and python are on this machine. */
  readonly programFolders: readonly string[]
  /** Of a managed runtime: the descriptor that takes log records in frames. */
  readonly logDescriptor?: number
  /** Where the daemon serves Lambda's API; SDKs inside the function then call it without being told. */
  readonly lambdaEndpointUrl?: string
}

type Variables = Readonly<Record<string, string>>

// Source of every name and value here, unless said otherwise: recorded answers test_introspection_invoke
// (2026-01-12: nodejs20.x, python3.12; 2026-01-13: provided.al2023) and test_lambda_init_environment (2026-02-18).
const xrayHost = '169.254.100.1'
const xrayPort = '2000'

/**
 * Exactly what the process starts with: nothing of the daemon's own environment.
 * Lambda's reserved variables win over the customer's, the customer's over those that Lambda leaves open.
 * `_X_AMZN_TRACE_ID` is missing: runtimes set it for each invocation.
 */
export function functionEnvironment(
  generation: Generation,
  options: FunctionEnvironmentOptions,
): Record<string, string> {
  const customer = generation.definition.environment ?? {}
  return {
    ...openVariables(generation, options),
    ...endpoint(customer, options.lambdaEndpointUrl),
    ...customer,
    ...pythonPath(generation, options),
    ...reservedVariables(generation, options),
  }
}

/** Source: AWS Lambda guide, Extensions API, environment variables; names that begin with _ are the runtime's as well. */
const runtimeOnly = new Set([
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_XRAY_CONTEXT_MISSING',
  'AWS_XRAY_DAEMON_ADDRESS',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

/** Exactly what an external extension starts with: nothing of the runtime's own. */
export function extensionEnvironment(
  generation: Generation,
  options: FunctionEnvironmentOptions,
): Record<string, string> {
  const customer = generation.definition.environment ?? {}
  const variables = {
    ...sharedVariables(options),
    ...endpoint(customer, options.lambdaEndpointUrl),
    ...customer,
    ...reservedVariables(generation, options),
  }
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !runtimeOnly.has(name) && !name.startsWith('_')),
  )
}

/**
 * Python finds its layers in /opt whatever PYTHONPATH says: the runtime sees to that. Where they are elsewhere only the
 * variable tells it.
 */
function pythonPath({ definition }: Generation, options: FunctionEnvironmentOptions): Variables {
  const { layersFolder: layers, runtimeDirectory } = options
  const { runtime, environment } = definition
  if (layers === lambdaPaths.layers || runtimeFamily(runtime) !== 'python') return {}
  const first = environment?.PYTHONPATH
  const own = [`${layers}/python/lib/${runtime}/site-packages`, `${layers}/python`]
  return { PYTHONPATH: [...(first ? [first] : []), ...own, runtimeDirectory].join(':') }
}

function openVariables({ definition }: Generation, options: FunctionEnvironmentOptions): Variables {
  return { ...sharedVariables(options), ...familyVariables(definition.runtime, options) }
}

/** Source: AWS Lambda guide, environment variables, those that "aren't reserved and can be extended". */
function sharedVariables(options: FunctionEnvironmentOptions): Variables {
  const { taskRoot, runtimeDirectory: runtime, layersFolder: layers } = options
  const lambdaPath = ['/var/lang/bin', '/usr/local/bin', '/usr/bin/', '/bin', `${layers}/bin`]
  return {
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    AWS_XRAY_DAEMON_ADDRESS: `${xrayHost}:${xrayPort}`,
    LANG: 'en_US.UTF-8',
    LD_LIBRARY_PATH: `/var/lang/lib:/lib64:/usr/lib64:${runtime}:${runtime}/lib:${taskRoot}:${taskRoot}/lib:${layers}/lib`,
    PATH: [...new Set([...lambdaPath, ...options.programFolders])].join(':'),
    TZ: ':UTC',
  }
}

/** What the start script of a managed runtime adds. */
function familyVariables(runtimeId: string, options: FunctionEnvironmentOptions): Variables {
  const { taskRoot, runtimeDirectory: runtime, layersFolder: layers } = options
  const families: Readonly<Record<RuntimeFamily, Variables>> = {
    nodejs: {
      NODE_PATH: `${layers}/nodejs/node${nodeMajor(runtimeId)}/node_modules:${layers}/nodejs/node_modules:${runtime}/node_modules:${runtime}:${taskRoot}`,
      PWD: taskRoot,
      SHLVL: '0',
    },
    python: { LC_CTYPE: 'C.UTF-8', PWD: taskRoot, PYTHONPATH: runtime, SHLVL: '0' },
    provided: {},
  }
  const family = runtimeFamily(runtimeId)
  return family === undefined ? {} : families[family]
}

function nodeMajor(runtimeId: string): string {
  return /^nodejs(\d+)/.exec(runtimeId)?.[1] ?? ''
}

function endpoint(customer: Variables, lambdaEndpointUrl: string | undefined): Variables {
  // A general endpoint of the customer's covers Lambda too; ours would take precedence over it in every SDK.
  if (lambdaEndpointUrl === undefined || customer.AWS_ENDPOINT_URL !== undefined) return {}
  return { AWS_ENDPOINT_URL_LAMBDA: lambdaEndpointUrl }
}

function reservedVariables(generation: Generation, options: FunctionEnvironmentOptions): Variables {
  const { definition } = generation
  const { credentials } = options
  const managed = runtimeFamily(definition.runtime) !== 'provided'
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_DEFAULT_REGION: definition.region,
    AWS_REGION: definition.region,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: definition.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: generation.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: options.logStreamName,
    // Source: AWS Lambda guide, metadata endpoint; newer than the recorded answers.
    AWS_LAMBDA_METADATA_API: options.runtimeApi,
    AWS_LAMBDA_METADATA_TOKEN: options.metadataToken,
    AWS_LAMBDA_RUNTIME_API: options.runtimeApi,
    LAMBDA_RUNTIME_DIR: options.runtimeDirectory,
    LAMBDA_TASK_ROOT: options.taskRoot,
    _AWS_XRAY_DAEMON_ADDRESS: xrayHost,
    _AWS_XRAY_DAEMON_PORT: xrayPort,
    _HANDLER: definition.handler,
    ...(managed ? { AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}` } : {}),
    // Runtimes take it out, so that functions do not see it.
    ...(options.logDescriptor === undefined
      ? {}
      : { _LAMBDA_TELEMETRY_LOG_FD: String(options.logDescriptor) }),
    ...logVariables(definition),
  }
}

/** Source: AWS Lambda guide, log levels; absent from the recorded answers, whose format is Text. */
function logVariables({ logFormat, logLevels }: FunctionDefinition): Variables {
  if (logFormat === 'Text') return {}
  const { application } = logLevels ?? defaultLogLevels
  return { AWS_LAMBDA_LOG_FORMAT: logFormat, AWS_LAMBDA_LOG_LEVEL: application }
}
